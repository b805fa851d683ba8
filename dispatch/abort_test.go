package dispatch_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// interposed lets something happen before a transaction.
type interposed struct {
	dispatch.Store
	mu     sync.Mutex
	number int
	before func(number int)
}

func (s *interposed) InWorkspace(ctx context.Context, ws string, fn func(context.Context, dispatch.Tx) error, first ...string) error {
	s.mu.Lock()
	s.number++
	n := s.number
	s.mu.Unlock()
	s.before(n)
	return s.Store.InWorkspace(ctx, ws, fn, first...)
}

// aborted carries out a command in one transaction with one that breaks it.
// Before the command is tried alone, another process has its way.
func aborted(t *testing.T, b *bench, command func(d *dispatch.Dispatcher), elsewhere func()) {
	t.Helper()
	s := &interposed{Store: b.db, before: func(n int) {
		if n == 3 { // the first is held up, the second breaks
			elsewhere()
		}
	}}
	d := dispatch.New(s, rules.New(rules.Options{}), nil, zap.NewNop(), dispatch.Options{Now: b.clock.now})
	waits := func(n int) {
		require.Eventually(t, func() bool { return d.Queued(b.ws) == n }, time.Minute, time.Millisecond)
	}
	held, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_ = d.InWorkspace(b.ctx, b.account, b.ws, func(context.Context, *dispatch.Unit) error {
			close(held)
			<-release
			return nil
		})
	})
	<-held
	all.Go(func() { command(d) })
	waits(1)
	broken := errors.New("broken after its first write")
	var err error
	all.Go(func() {
		err = d.InWorkspace(b.ctx, b.account, b.ws, func(_ context.Context, u *dispatch.Unit) error {
			u.Emit(taskrouter.TaskUpdated, taskrouter.Scene{})
			return broken
		})
	})
	waits(2)
	close(release)
	all.Wait()
	require.ErrorIs(t, err, broken)
}

// TestOrderOfAnAbortedTransaction: by the time the order for a callback is asked
// for again, another process has it.
func TestOrderOfAnAbortedTransaction(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q")), withCallback)
	b.worker("Ann", "{}")
	r := b.offer(b.task())
	var mine, theirs dispatch.CallbackOrder
	var err, theirErr error
	aborted(t, b,
		func(d *dispatch.Dispatcher) { mine, err = d.CallbackOrder(b.ctx, b.ws, r.TaskSID, r.SID) },
		func() { theirs, theirErr = b.d.CallbackOrder(b.ctx, b.ws, r.TaskSID, r.SID) })
	require.NoError(t, err)
	require.NoError(t, theirErr)
	require.True(t, theirs.Proceed)
	require.Equal(t, dispatch.CallbackOrder{Taken: true}, mine, "the request is made once")
}

// TestDialOfAnAbortedTransaction: by the time a leg is to be placed again, the
// caller has left.
func TestDialOfAnAbortedTransaction(t *testing.T) {
	p := newPhones(t)
	p.agentWithPhone("ann")
	attempt := p.legs(p.ring("CA1"))[0].Attempt
	var o dispatch.DialOrder
	var err error
	aborted(t, p.bench,
		func(d *dispatch.Dispatcher) { o, err = d.BeginDial(p.ctx, p.ws, attempt) },
		func() { p.hangUp("CA1") })
	require.NoError(t, err)
	require.Zero(t, o, "no phone rings for somebody who is gone")
}
