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

func (s *interposed) InWorkspace(ctx context.Context, ws string, fn func(context.Context, dispatch.Tx) error) error {
	s.mu.Lock()
	s.number++
	n := s.number
	s.mu.Unlock()
	s.before(n)
	return s.Store.InWorkspace(ctx, ws, fn)
}

// TestOrderOfAnAbortedTransaction: the order for a callback is taken in one
// transaction with a command that breaks it. By the time it is tried alone,
// another process has the order.
func TestOrderOfAnAbortedTransaction(t *testing.T) {
	b := newBench(t)
	b.workflow(everything(b.queue("Q")), withCallback)
	b.worker("Ann", "{}")
	r := b.offer(b.task())

	var elsewhere dispatch.CallbackOrder
	s := &interposed{Store: b.db, before: func(n int) {
		if n == 3 { // after the first, which is held up, and the one that broke
			var err error
			elsewhere, err = b.d.CallbackOrder(b.ctx, b.ws, r.SID)
			require.NoError(t, err)
		}
	}}
	d := dispatch.New(s, rules.New(rules.Options{}), nil, zap.NewNop(), dispatch.Options{Now: b.clock.now})
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
	var mine dispatch.CallbackOrder
	var orderErr, brokenErr error
	all.Go(func() { mine, orderErr = d.CallbackOrder(b.ctx, b.ws, r.SID) })
	require.Eventually(t, func() bool { return d.Queued(b.ws) == 1 }, time.Minute, time.Millisecond)
	broken := errors.New("broken after its first write")
	all.Go(func() {
		brokenErr = d.InWorkspace(b.ctx, b.account, b.ws, func(_ context.Context, u *dispatch.Unit) error {
			u.Emit(taskrouter.TaskUpdated, taskrouter.Scene{})
			return broken
		})
	})
	require.Eventually(t, func() bool { return d.Queued(b.ws) == 2 }, time.Minute, time.Millisecond)
	close(release)
	all.Wait()
	require.NoError(t, orderErr)
	require.ErrorIs(t, brokenErr, broken)
	require.True(t, elsewhere.Proceed)
	require.Equal(t, dispatch.CallbackOrder{Taken: true}, mine, "the request is made once")
}
