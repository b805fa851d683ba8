package dispatch_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// whoKey is where a request's context says who asked.
type whoKey struct{}

func who(ctx context.Context) string {
	name, _ := ctx.Value(whoKey{}).(string)
	return name
}

// following remembers which commands and transactions belong to whom.
type following struct {
	mu           sync.Mutex
	commands     []string
	done         []error
	transactions []dispatch.Transaction
	shared       [][]string
}

func (f *following) Command(ctx context.Context, _ string) (context.Context, func(error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commands = append(f.commands, who(ctx))
	return context.WithValue(ctx, whoKey{}, who(ctx)+"'s command"), func(err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.done = append(f.done, err)
	}
}

func (f *following) TransactionDone(from []context.Context, t dispatch.Transaction) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for _, ctx := range from {
		names = append(names, who(ctx))
	}
	f.shared, f.transactions = append(f.shared, names), append(f.transactions, t)
}

// hearing remembers on whose behalf durable runs were told.
type hearing struct {
	mu   sync.Mutex
	from []string
	ends []error
}

func (h *hearing) Notify(ctx context.Context, n dispatch.Notice, _ taskrouter.View) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n.First {
		h.from, h.ends = append(h.from, who(ctx)), append(h.ends, ctx.Err())
	}
	return nil
}

func (h *hearing) told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.from)
}

// creates makes a Task for somebody who is gone right after the answer.
func (b *bench) creates(name string) error {
	ctx, gone := context.WithCancel(context.WithValue(b.ctx, whoKey{}, name))
	defer gone()
	_, err := b.d.CreateTask(ctx, dispatch.NewTask{AccountSID: b.account, WorkspaceSID: b.ws, Actor: b.api(), Attributes: taskrouter.NoAttributes})
	return err
}

// TestTracer: requests that share a transaction are both told of it, and the
// run of each Task is started on behalf of the request that made it, although
// nobody waits for that any more.
func TestTracer(t *testing.T) {
	f, runs, h := &following{}, &hearing{}, &held{}
	b := office(t, holding(h), func(s *settings) { s.options.Tracer, s.notifier = f, runs })
	b.worker("Ann", "{}")

	first := h.hold(b)
	var outcomes sync.WaitGroup
	var ann, bob error
	b.inLine(&outcomes, func() error { return b.creates("Ann") }, &ann)
	b.inLine(&outcomes, func() error { return b.creates("Bob") }, &bob)
	b.clock.advance(time.Second)
	close(h.letGo)
	outcomes.Wait()
	first.Wait()
	require.NoError(t, ann)
	require.NoError(t, bob)
	eventually(t, "both runs are started", func() bool { return len(runs.told()) == 2 })
	require.NoError(t, b.d.Close(b.ctx))
	require.ElementsMatch(t, []string{"Ann's command", "Bob's command"}, runs.told())
	require.Equal(t, []error{nil, nil}, runs.ends, "the requests are over, the sending is not")

	f.mu.Lock()
	defer f.mu.Unlock()
	last := len(f.shared) - 1
	require.Equal(t, []string{"Ann's command", "Bob's command"}, f.shared[last])
	done := f.transactions[last]
	require.NoError(t, done.Err)
	require.Equal(t, []any{b.ws, 2, time.Second}, []any{done.WorkspaceSID, done.Commands, done.QueueWait})
	require.Contains(t, done.Events, taskrouter.ReservationWasCreated)
	require.False(t, done.Began.IsZero())
	require.Positive(t, done.Commit)
	require.GreaterOrEqual(t, done.Took, done.LockWait+done.Commit)
	require.Equal(t, []string{"Ann", "Bob"}, f.commands[len(f.commands)-2:])
	require.Len(t, f.done, len(f.commands), "each is told of its end")
}

// TestTracerIsToldOfRefusals refuses a command that came to nothing.
func TestTracerIsToldOfRefusals(t *testing.T) {
	f := &following{}
	b := office(t, func(s *settings) { s.options.Tracer = f })
	err := b.d.DeleteTask(b.ctx, b.subject(taskrouter.NewSID(taskrouter.PrefixTask)))
	require.Error(t, err)
	require.ErrorIs(t, f.done[len(f.done)-1], err)
}

// TestNoTracerCostsNothing: without one nothing is allocated for it.
func TestNoTracerCostsNothing(t *testing.T) {
	b := newBench(t)
	ctx := context.WithValue(b.ctx, whoKey{}, "Ann")
	if underRace {
		return // the detector allocates, too
	}
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if b.d.Followed(ctx) != context.Background() {
			t.Error("the notice is sent on somebody's behalf")
		}
	}))
}
