package dispatch_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// slowReader is a store whose moments last until they are let go.
type slowReader struct {
	dispatch.Store
	begun, letGo chan struct{}
}

func (s *slowReader) ReadWorkspace(context.Context, string, func(context.Context, dispatch.Snapshot) error) error {
	s.begun <- struct{}{}
	<-s.letGo
	return nil
}

// Explanations of large Workspaces take neither all connections nor all
// processors.
func TestFewExplanationsAtATime(t *testing.T) {
	s := &slowReader{begun: make(chan struct{}, 10), letGo: make(chan struct{})}
	b := newBench(t, func(o *settings) { s.Store, o.store = o.store, s })
	done := make(chan error, 2)
	explain := func(ctx context.Context) error {
		_, err := b.d.ExplainWorker(ctx, b.account, b.ws, "WK")
		return err
	}
	for range 2 {
		go func() { done <- explain(b.ctx) }()
		<-s.begun
	}
	canceled, cancel := context.WithCancel(b.ctx)
	cancel()
	requireKind(t, taskrouter.KindUnavailable, explain(canceled))
	require.Empty(t, s.begun, "it was not begun")
	close(s.letGo)
	require.NoError(t, <-done)
	require.NoError(t, <-done)
	require.NoError(t, explain(b.ctx))
}
