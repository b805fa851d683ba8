package app

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/health"
	"github.com/taskrouter/taskrouter/internal/telemetry"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// nowhere is an address nobody listens on.
func nowhere(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// process builds a process without Temporal and starts what answers.
func process(t *testing.T, change func(*Options)) *App {
	t.Helper()
	cfg := config.Default()
	cfg.Listen, cfg.Metrics.Listen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Database.URL = config.NewSecret(store.MemoryURL)
	cfg.Temporal.Address = nowhere(t)
	cfg.Secrets.SealingKey = config.NewSecret(workspace.NewSealingKey())
	o := Options{Config: cfg, API: true, Work: true, Migrate: true, Log: zap.NewNop()}
	if change != nil {
		change(&o)
	}
	a, err := New(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = a.Stop(context.Background()) }) // a test may have broken it
	return a
}

// ask asks on the operators' port.
func (a *App) ask(t *testing.T, path string) (int, string) {
	t.Helper()
	res, err := http.Get("http://" + a.operatorsAt.Addr().String() + path)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(body)
}

func (a *App) report(t *testing.T) (int, health.Report) {
	t.Helper()
	status, body := a.ask(t, "/readyz")
	var r health.Report
	require.NoError(t, json.Unmarshal([]byte(body), &r), body)
	return status, r
}

func TestReadyWithoutTemporal(t *testing.T) {
	a := process(t, nil)
	a.serveOperators()
	status, r := a.report(t)
	require.Equal(t, 200, status, "requests can be served")
	require.Equal(t, health.Report{Status: health.Degraded, Checks: map[string]health.Status{
		"database": health.OK, "schema": health.OK, "backlog": health.OK, "temporal": health.Failed, "worker": health.Failed,
	}}, r)
	status, _ = a.ask(t, "/healthz")
	require.Equal(t, 200, status)
}

func TestWorkerProcessIsNotReadyWithoutTemporal(t *testing.T) {
	a := process(t, func(o *Options) { o.API = false })
	a.serveOperators()
	status, r := a.report(t)
	require.Equal(t, 503, status)
	require.Equal(t, health.Failed, r.Checks["temporal"])
	require.Equal(t, health.Failed, r.Checks["worker"])
	require.NotContains(t, r.Checks, "backlog")
	status, _ = a.ask(t, "/healthz")
	require.Equal(t, 200, status, "restarting it would not help")
}

func TestDegradedWithALongBacklog(t *testing.T) {
	a := process(t, nil)
	a.serveOperators()
	a.backlog.Store(int64(a.opts.Config.Limits.MaxBacklog) + 1)
	status, r := a.report(t)
	require.Equal(t, 200, status)
	require.Equal(t, health.Degraded, r.Status)
	require.Equal(t, health.Failed, r.Checks["backlog"])
}

func TestNotReadyWithoutDatabase(t *testing.T) {
	a := process(t, nil)
	a.serveOperators()
	require.NoError(t, a.store.Close())
	status, r := a.report(t)
	require.Equal(t, 503, status)
	require.Equal(t, health.Failed, r.Checks["database"])
	status, body := a.ask(t, "/metrics")
	require.Equal(t, 200, status, "the rest can be read")
	require.Contains(t, body, "\ntaskrouter_backlogs_readable 0\n")
	status, _ = a.ask(t, "/healthz")
	require.Equal(t, 200, status)
}

func TestNotReadyWithAnOldSchema(t *testing.T) {
	a := process(t, func(o *Options) { o.Migrate = false })
	a.serveOperators()
	status, r := a.report(t)
	require.Equal(t, 503, status)
	require.Equal(t, health.Failed, r.Checks["schema"])
	require.Equal(t, health.OK, r.Checks["database"])
	require.NoError(t, a.store.Migrate(t.Context()))
	require.Eventually(t, func() bool { _, r := a.report(t); return r.Checks["schema"] == health.OK }, 10*time.Second, 50*time.Millisecond)
}

func TestNotReadyWhileDraining(t *testing.T) {
	a := process(t, func(o *Options) { o.Work = false })
	require.NoError(t, a.Start(t.Context()))
	status, _ := a.report(t)
	require.Equal(t, 200, status)
	var during int
	var report health.Report
	a.onStop("look", func(context.Context) error { during, report = a.report(t); return nil })
	require.NoError(t, a.Stop(t.Context()))
	require.Equal(t, 503, during)
	require.Equal(t, map[string]health.Status{"draining": health.Failed}, report.Checks)
	_, err := net.Dial("tcp", a.operatorsAt.Addr().String())
	require.Error(t, err, "the port is closed in the end")
}

func TestNoOperatorsPort(t *testing.T) {
	a := process(t, func(o *Options) { o.Config.Metrics.Listen, o.Dev = "", true })
	require.Nil(t, a.operators)
	require.NoError(t, a.Start(t.Context()))
	res, err := http.Get(a.URL() + "/metrics")
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, 200, res.StatusCode, "a development system serves them beside the API")
	for _, metric := range []string{
		"taskrouter_notices_pending 0", "taskrouter_backlogs_readable 1", "taskrouter_worker_process_serving 0", "go_goroutines ",
	} {
		require.Contains(t, string(body), "\n"+metric)
	}
}

func TestMetricsAreNotBesideTheAPI(t *testing.T) {
	a := process(t, nil)
	require.NoError(t, a.Start(t.Context()))
	res, err := http.Get(a.URL() + "/metrics")
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, 404, res.StatusCode)
	status, body := a.ask(t, "/metrics")
	require.Equal(t, 200, status)
	require.Contains(t, body, `taskrouter_http_requests_total{method="GET",route="unmatched",status="404"} 1`)
	require.Contains(t, body, "\ntemporal_")
}

func TestOperatorsPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	cfg := config.Default()
	cfg.Listen, cfg.Metrics.Listen = "127.0.0.1:0", l.Addr().String()
	cfg.Database.URL, cfg.Secrets.SealingKey = config.NewSecret(store.MemoryURL), config.NewSecret(workspace.NewSealingKey())
	_, err = New(t.Context(), Options{Config: cfg, API: true, Log: zap.NewNop()})
	require.ErrorContains(t, err, "metrics.listen")
}

// answers is an event sender and an assigner with fixed answers.
type answers struct {
	receipt activities.EventReceipt
	err     error
	outcome activities.CallbackOutcome
}

func (s answers) SendEvent(context.Context, string, *taskrouter.Event) (activities.EventReceipt, error) {
	return s.receipt, s.err
}

func (s answers) Assign(context.Context, activities.CallbackOrder) activities.CallbackOutcome {
	return s.outcome
}

func TestMeasuredSenders(t *testing.T) {
	a := &App{metrics: telemetry.New("")}
	for _, s := range []answers{
		{receipt: activities.EventReceipt{Delivered: true, Status: 200}, outcome: activities.CallbackOutcome{Instruction: &activities.Instruction{}}},
		{receipt: activities.EventReceipt{Status: 410}, outcome: activities.CallbackOutcome{Failed: true}},
		{receipt: activities.EventReceipt{Fault: taskrouter.FaultURL}},
		{receipt: activities.EventReceipt{Fault: taskrouter.FaultSignature}},
		{err: errors.New("given up")},
	} {
		r, err := measuredSender{s, a.metrics}.SendEvent(t.Context(), "", nil)
		require.Equal(t, s.receipt, r)
		require.Equal(t, s.err, err)
		require.Equal(t, s.outcome, measuredAssigner{s, a.metrics}.Assign(t.Context(), activities.CallbackOrder{}))
	}
	w := httptest.NewRecorder()
	a.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`taskrouter_event_deliveries_total{outcome="delivered"} 1`, `taskrouter_event_deliveries_total{outcome="refused"} 1`,
		`taskrouter_event_deliveries_total{outcome="unreachable"} 1`, `taskrouter_event_deliveries_total{outcome="unsent"} 2`,
		`taskrouter_assignment_callbacks_total{outcome="instructed"} 1`, `taskrouter_assignment_callbacks_total{outcome="failed"} 1`,
		`taskrouter_assignment_callbacks_total{outcome="left_open"} 3`,
	} {
		require.Contains(t, w.Body.String(), line)
	}
}
