package health

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
)

// part is something to depend on.
type part struct {
	mu    sync.Mutex
	err   error
	asked int
}

func (p *part) probe(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	return p.err
}

func ask(t *testing.T, h http.Handler) (int, string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w.Code, w.Body.String(), w.Header()
}

func TestReady(t *testing.T) {
	var database, temporal part
	m := New(zap.NewNop(), Check{Name: "database", Probe: database.probe}, Check{Name: "temporal", Probe: temporal.probe, Optional: true})
	now := time.Unix(1000, 0)
	m.now = func() time.Time { return now }
	for _, tc := range []struct {
		name               string
		database, temporal error
		status             int
		body               string
	}{
		{"all is well", nil, nil, 200, `{"status":"ok","checks":{"database":"ok","temporal":"ok"}}`},
		{"without what it can do without", nil, errors.New("10.1.2.3: refused"), 200, `{"status":"degraded","checks":{"database":"ok","temporal":"failed"}}`},
		{"without what it needs", errors.New("10.1.2.3: refused"), nil, 503, `{"status":"failed","checks":{"database":"failed","temporal":"ok"}}`},
		{"without anything", errors.New("x"), errors.New("y"), 503, `{"status":"failed","checks":{"database":"failed","temporal":"failed"}}`},
		{"well again", nil, nil, 200, `{"status":"ok","checks":{"database":"ok","temporal":"ok"}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			database.err, temporal.err = tc.database, tc.temporal
			now = now.Add(probeAge)
			status, body, header := ask(t, m.ReadyHandler())
			require.Equal(t, tc.status, status)
			require.JSONEq(t, tc.body, body)
			require.Equal(t, tc.status == 503, header.Get("Retry-After") != "")
		})
	}
}

func TestReadySharesProbes(t *testing.T) {
	var p part
	m := New(zap.NewNop(), Check{Name: "database", Probe: p.probe})
	now := time.Unix(1000, 0)
	m.now = func() time.Time { return now }
	for range 5 {
		require.Equal(t, OK, m.Ready(t.Context()).Status)
	}
	require.Equal(t, 1, p.asked)
	now = now.Add(probeAge)
	require.Equal(t, OK, m.Ready(t.Context()).Status)
	require.Equal(t, 2, p.asked)
}

func TestReadyIsNotCutShort(t *testing.T) {
	m := New(zap.NewNop(), Check{Name: "database", Probe: func(ctx context.Context) error { return ctx.Err() }})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, OK, m.Ready(ctx).Status, "others share what is found out")
}

func TestDraining(t *testing.T) {
	var p part
	m := New(zap.NewNop(), Check{Name: "database", Probe: p.probe})
	m.Drain()
	status, body, header := ask(t, m.ReadyHandler())
	require.Equal(t, 503, status)
	require.JSONEq(t, `{"status":"failed","checks":{"draining":"failed"}}`, body)
	require.NotEmpty(t, header.Get("Retry-After"))
	require.Zero(t, p.asked)
	status, _, _ = ask(t, m.AliveHandler())
	require.Equal(t, 200, status, "it lives until it is done")
}

func TestAlive(t *testing.T) {
	m := New(zap.NewNop())
	var mu sync.Mutex
	now := time.Unix(1000, 0)
	m.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	pass := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); now = now.Add(d) }
	sweep := m.Watch("sweep", time.Minute)
	m.Watch("backlog", time.Second)

	entered, leave, left := make(chan struct{}), make(chan struct{}), make(chan error)
	fault := errors.New("database is down")
	go func() {
		left <- sweep.Round(func() error { close(entered); <-leave; return fault })
	}()
	<-entered
	pass(time.Minute)
	status, _, _ := ask(t, m.AliveHandler())
	require.Equal(t, 200, status, "it may take this long")
	pass(time.Second)
	status, body, _ := ask(t, m.AliveHandler())
	require.Equal(t, 503, status)
	require.JSONEq(t, `{"status":"failed","checks":{"sweep":"failed","backlog":"ok"}}`, body)
	close(leave)
	require.Equal(t, fault, <-left)
	status, _, _ = ask(t, m.AliveHandler())
	require.Equal(t, 200, status, "a round that failed is over")
}
