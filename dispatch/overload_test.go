package dispatch_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// held is a store whose next transaction lasts until it is let go.
type held struct {
	meddler
	begun, letGo chan struct{}
	once         *sync.Once
}

func holding(h *held) func(*settings) {
	h.begun, h.letGo, h.once = make(chan struct{}), make(chan struct{}), &sync.Once{}
	return meddled(&h.meddler)
}

// hold makes the next transaction wait, and starts it.
func (h *held) hold(b *bench) *sync.WaitGroup {
	stop := func() { h.once.Do(func() { close(h.begun); <-h.letGo }) }
	h.entering.Store(&stop)
	var first sync.WaitGroup
	first.Go(func() { _, _ = b.d.View(b.ctx, b.ws, "") })
	<-h.begun
	return &first
}

// inLine starts a command and waits until it stands in line.
func (b *bench) inLine(outcomes *sync.WaitGroup, fn func() error, into *error) {
	b.t.Helper()
	before := b.d.Queued(b.ws)
	outcomes.Go(func() { *into = fn() })
	require.Eventually(b.t, func() bool { return b.d.Queued(b.ws) > before }, time.Minute, time.Millisecond)
}

// TestOverload: while a Workspace does not get on, new Tasks are refused at
// once, and those that were accepted when their time is over. What moves on
// begun work, and calls, wait for their turn.
func TestOverload(t *testing.T) {
	const patience = 5 * time.Second
	h := &held{}
	b := newBench(t, holding(h), func(s *settings) { s.options.MaxQueueWait = patience })
	p := phonesOn(b)
	p.start("CA1")
	task, r := b.at(taskrouter.TaskReserved)

	first := h.hold(b)
	var outcomes sync.WaitGroup
	var early, late, accepted, moved error
	b.inLine(&outcomes, func() error { return b.creating(b.ctx) }, &early)
	b.clock.advance(patience)
	b.inLine(&outcomes, func() error { return b.creating(b.ctx) }, &late)
	b.clock.advance(time.Millisecond)
	require.ErrorIs(t, b.creating(b.ctx), dispatch.ErrOverloaded, "the line does not move")
	require.Equal(t, taskrouter.KindUnavailable, taskrouter.KindOf(b.creating(b.ctx)))
	b.inLine(&outcomes, func() error { return b.answer(r.SID, taskrouter.ReservationAccepted) }, &accepted)
	b.inLine(&outcomes, func() error {
		_, err := p.d.CreateCallTask(b.ctx, dispatch.CallTask{CallRef: p.ref("CA1")})
		return err
	}, &moved)
	seq := b.lastSeq()
	close(h.letGo)
	first.Wait()
	outcomes.Wait()

	require.ErrorIs(t, early, dispatch.ErrOverloaded, "it waited for too long")
	require.NoError(t, late)
	require.NoError(t, accepted)
	require.NoError(t, moved)
	require.Equal(t, taskrouter.TaskAssigned, b.status(task))
	var order []taskrouter.EventType
	for _, e := range b.eventsAfter(seq) {
		if e.Type == taskrouter.TaskCreated || e.Type == taskrouter.ReservationWasAccepted {
			order = append(order, e.Type)
		}
	}
	require.Equal(t, []taskrouter.EventType{taskrouter.TaskCreated, taskrouter.ReservationWasAccepted, taskrouter.TaskCreated}, order,
		"the call, then the agent's answer, then the new task")
	require.Zero(t, b.d.Queued(b.ws))
	require.NoError(t, b.creating(b.ctx), "it moves again")
	requireHealthy(t, b)
}

// TestOverloadIsOff: without a limit everybody waits.
func TestOverloadIsOff(t *testing.T) {
	h := &held{}
	b := office(t, holding(h))
	first := h.hold(b)
	var outcomes sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		b.inLine(&outcomes, func() error { return b.creating(b.ctx) }, &errs[i])
		b.clock.advance(time.Second)
	}
	close(h.letGo)
	first.Wait()
	outcomes.Wait()
	require.Equal(t, make([]error, 3), errs)
}
