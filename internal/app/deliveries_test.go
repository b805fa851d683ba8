package app

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// switchboard is the store and the runs around a waker.
type switchboard struct {
	mu      sync.Mutex
	pending map[string]bool
	woken   []string
	asked   int
	before  time.Time
	err     error
}

func (s *switchboard) PendingDeliveries(_ context.Context, sids []string) ([]*taskrouter.Delivery, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	var out []*taskrouter.Delivery
	for _, sid := range sids {
		if s.pending[sid] {
			out = append(out, &taskrouter.Delivery{WorkspaceSID: sid})
		}
	}
	return out, s.err
}

func (s *switchboard) IdleDeliveries(_ context.Context, before time.Time, _ int) ([]*taskrouter.Delivery, error) {
	s.before = before
	return []*taskrouter.Delivery{{WorkspaceSID: "WS7"}}, s.err
}

func (s *switchboard) Wake(_ context.Context, _, ws string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woken = append(s.woken, ws)
	slices.Sort(s.woken)
	return s.err
}

func TestWakerCoalesces(t *testing.T) {
	s := &switchboard{pending: map[string]bool{"WS1": true, "WS2": true}}
	w := newWaker(s, s, zap.NewNop())
	now := time.Unix(1000, 0)
	w.now = func() time.Time { return now }
	require.Zero(t, w.round(t.Context()))
	require.Zero(t, s.asked, "nothing happened")

	for range 5 {
		w.note("WS1")
	}
	w.note("WS3")
	require.Zero(t, w.round(t.Context()))
	require.Equal(t, []string{"WS1"}, s.woken, "at once, and only where somebody listens")

	now = now.Add(300 * time.Millisecond)
	w.note("WS1")
	w.note("WS2")
	require.Equal(t, 700*time.Millisecond, w.round(t.Context()))
	require.Equal(t, []string{"WS1", "WS2"}, s.woken)
	now = now.Add(700 * time.Millisecond)
	require.Zero(t, w.round(t.Context()))
	require.Equal(t, []string{"WS1", "WS1", "WS2"}, s.woken, "the rest a second later")
	now = now.Add(time.Hour)
	require.Zero(t, w.round(t.Context()))
	require.Equal(t, 3, s.asked)
	require.Empty(t, w.told, "nothing is remembered for long")
}

func TestWakerRuns(t *testing.T) {
	s := &switchboard{pending: map[string]bool{"WS1": true}}
	w := newWaker(s, s, zap.NewNop())
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { w.run(ctx); close(over) }()
	w.note("WS1")
	w.note("WS1")
	require.Eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.woken) > 0 }, 30*time.Second, time.Millisecond)
	cancel()
	<-over
}

func TestWakerSurvivesOutages(t *testing.T) {
	s := &switchboard{pending: map[string]bool{"WS1": true}, err: errors.New("down")}
	w := newWaker(s, s, zap.NewNop())
	w.note("WS1")
	require.Zero(t, w.round(t.Context()))
	require.Error(t, w.sweep(t.Context()))
	s.err = nil
	require.NoError(t, w.sweep(t.Context()))
	require.Equal(t, []string{"WS7"}, s.woken, "a sweeper finds what was missed")
	require.WithinDuration(t, time.Now().Add(-idleAfter), s.before, time.Minute)
}
