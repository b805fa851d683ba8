package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// page is what Prometheus reads.
func page(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	return w.Body.String()
}

// requireLines demands series with their values.
func requireLines(t *testing.T, page string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		require.Contains(t, page, "\n"+line+"\n")
	}
}

func TestRequests(t *testing.T) {
	m := New("1.2.3")
	m.HTTPRequest("GET", "/v1/Workspaces/:ws", 200, 30*time.Millisecond)
	m.HTTPRequest("GET", "/v1/Workspaces/:ws", 200, 30*time.Millisecond)
	m.HTTPRequest("GET", "", 404, time.Millisecond)
	requireLines(t, page(t, m),
		`taskrouter_http_requests_total{method="GET",route="/v1/Workspaces/:ws",status="200"} 2`,
		`taskrouter_http_requests_total{method="GET",route="unmatched",status="404"} 1`,
		`taskrouter_http_request_duration_seconds_bucket{method="GET",route="/v1/Workspaces/:ws",le="0.025"} 0`,
		`taskrouter_http_request_duration_seconds_bucket{method="GET",route="/v1/Workspaces/:ws",le="0.05"} 2`,
		`taskrouter_build_info{version="1.2.3"} 1`)
}

func TestDispatch(t *testing.T) {
	m := New("")
	requireLines(t, page(t, m), `taskrouter_transactions_total{outcome="failed"} 0`, `taskrouter_reservations_total{outcome="timeout"} 0`)

	m.CommandDone(time.Millisecond, nil)
	m.CommandDone(time.Millisecond, taskrouter.NotFoundf("x"))
	m.CommandDone(time.Millisecond, taskrouter.Unavailable(errors.New("x"), "x"))
	m.CommandDone(time.Millisecond, errors.New("not one of ours"))
	m.TransactionDone(dispatch.Transaction{Commands: 3, LockWait: 20 * time.Millisecond, Took: 40 * time.Millisecond, Events: []taskrouter.EventType{
		taskrouter.TaskCreated, taskrouter.ReservationWasCreated, taskrouter.TaskWasCompleted, taskrouter.TaskUpdated,
		taskrouter.ReservationTimedOut, taskrouter.WorkflowEntered,
	}})
	m.TransactionDone(dispatch.Transaction{Commands: 1, Err: taskrouter.NotFoundf("x")})
	got := page(t, m)
	requireLines(t, got,
		`taskrouter_commands_total{outcome="done"} 1`,
		`taskrouter_commands_total{outcome="refused"} 1`,
		`taskrouter_commands_total{outcome="failed"} 2`,
		`taskrouter_command_duration_seconds_count 4`,
		`taskrouter_transactions_total{outcome="done"} 1`,
		`taskrouter_transactions_total{outcome="refused"} 1`,
		`taskrouter_transaction_commands_sum 4`,
		`taskrouter_transaction_lock_wait_seconds_sum 0.02`,
		`taskrouter_transaction_duration_seconds_sum 0.04`,
		`taskrouter_tasks_total{state="created"} 1`,
		`taskrouter_tasks_total{state="completed"} 1`,
		`taskrouter_reservations_total{outcome="created"} 1`,
		`taskrouter_reservations_total{outcome="timeout"} 1`)
	require.NotContains(t, got, `"updated"`)
}

// TestPreparedOutcomes: what the domain can emit begins at zero, and nothing
// else is prepared.
func TestPreparedOutcomes(t *testing.T) {
	m := New("")
	before := strings.Count(page(t, m), "taskrouter_reservations_total{")
	for _, outcome := range reservationOutcomes {
		m.TransactionDone(dispatch.Transaction{Events: []taskrouter.EventType{taskrouter.EventType("reservation." + outcome)}})
	}
	require.Equal(t, before, strings.Count(page(t, m), "taskrouter_reservations_total{"))
	require.Equal(t, len(reservationOutcomes), before)
	for _, e := range []taskrouter.EventType{
		taskrouter.ReservationWasCreated, taskrouter.ReservationWasAccepted, taskrouter.ReservationWasRejected, taskrouter.ReservationTimedOut,
		taskrouter.ReservationWasCanceled, taskrouter.ReservationWasRescinded, taskrouter.ReservationWrapup, taskrouter.ReservationWasCompleted,
		taskrouter.ReservationFailed,
	} {
		require.Contains(t, reservationOutcomes, strings.TrimPrefix(string(e), "reservation."))
	}
	for _, e := range []taskrouter.EventType{
		taskrouter.TaskCreated, taskrouter.TaskWasCanceled, taskrouter.TaskWasCompleted, taskrouter.TaskDeleted, taskrouter.TaskSystemDeleted,
	} {
		require.Contains(t, taskStates, strings.TrimPrefix(string(e), "task."))
	}
}

func TestOutside(t *testing.T) {
	m := New("")
	m.EventSent(Delivered, 100*time.Millisecond)
	m.EventSent(Unreachable, time.Second)
	m.Assigned(Instructed, 100*time.Millisecond)
	m.Assigned(AssignmentFailed, time.Second)
	m.StatusCallbacks(Delivered, 1)
	m.StatusCallbacks(Dropped, 3)
	m.Serving(true)
	requireLines(t, page(t, m),
		`taskrouter_status_callbacks_total{outcome="delivered"} 1`,
		`taskrouter_status_callbacks_total{outcome="dropped"} 3`,
		`taskrouter_status_callbacks_total{outcome="refused"} 0`,
		`taskrouter_event_deliveries_total{outcome="delivered"} 1`,
		`taskrouter_event_deliveries_total{outcome="unreachable"} 1`,
		`taskrouter_event_deliveries_total{outcome="refused"} 0`,
		`taskrouter_event_delivery_duration_seconds_sum 1.1`,
		`taskrouter_assignment_callbacks_total{outcome="instructed"} 1`,
		`taskrouter_assignment_callbacks_total{outcome="failed"} 1`,
		`taskrouter_assignment_callback_duration_seconds_count 2`,
		`taskrouter_worker_process_serving 1`)
	m.Serving(false)
	requireLines(t, page(t, m), `taskrouter_worker_process_serving 0`)
}

// shelf is a store that knows what waits.
type shelf struct {
	now   *store.Backlogs
	err   error
	asked int
}

func (s *shelf) Backlogs(_ context.Context, limit int) (*store.Backlogs, error) {
	s.asked++
	if limit != maxSeries {
		return nil, errors.New("unbounded")
	}
	return s.now, s.err
}

// waiting is something of everything.
func waiting(at time.Time) *store.Backlogs {
	return &store.Backlogs{
		Queues:  []store.QueueBacklog{{WorkspaceSID: "WS1", QueueSID: "WQ1", Waiting: 7, Since: at.Add(-90 * time.Second)}},
		Notices: 3, NoticesSince: at.Add(-2 * time.Second),
		Deliveries: []store.DeliveryBacklog{{WorkspaceSID: "WS1", Events: 12, Since: at.Add(-time.Minute)}, {WorkspaceSID: "WS2", Events: 1}},
	}
}

func TestBacklogs(t *testing.T) {
	m := New("")
	at := time.Now()
	s := &shelf{now: waiting(at)}
	c := m.watchBacklogs(s, zap.NewNop())
	now := at
	c.now = func() time.Time { return now }
	requireLines(t, page(t, m),
		`taskrouter_backlogs_readable 1`,
		`taskrouter_queue_waiting_tasks{queue_sid="WQ1",workspace_sid="WS1"} 7`,
		`taskrouter_queue_oldest_seconds{queue_sid="WQ1",workspace_sid="WS1"} 90`,
		`taskrouter_notices_pending 3`,
		`taskrouter_notices_oldest_seconds 2`,
		`taskrouter_event_delivery_lag_events{workspace_sid="WS1"} 12`,
		`taskrouter_event_delivery_lag_seconds{workspace_sid="WS1"} 60`,
		`taskrouter_event_delivery_lag_seconds{workspace_sid="WS2"} 0`)

	now = at.Add(backlogAge - time.Second)
	requireLines(t, page(t, m), `taskrouter_notices_oldest_seconds 6`)
	require.Equal(t, 1, s.asked, "what was read serves for some seconds")

	now = at.Add(backlogAge)
	s.err = errors.New("down")
	got := page(t, m)
	requireLines(t, got, `taskrouter_backlogs_readable 0`)
	require.NotContains(t, got, "taskrouter_notices_pending ", "old figures are not told as new ones")
	require.Equal(t, 2, s.asked)
	page(t, m)
	require.Equal(t, 2, s.asked, "a database that is down is not asked more often")

	now = at.Add(2 * backlogAge)
	s.now, s.err = &store.Backlogs{}, nil
	got = page(t, m)
	requireLines(t, got, `taskrouter_notices_pending 0`, `taskrouter_notices_oldest_seconds 0`)
	require.NotContains(t, got, `taskrouter_queue_waiting_tasks{`)
}

func TestTemporal(t *testing.T) {
	m := New("")
	h := m.Temporal().WithTags(map[string]string{"namespace": "default", "workflow_type": "none", "client_name": "temporal_go", "unheard": "of"})
	h.Counter("temporal_request").Inc(2)
	h.WithTags(map[string]string{"operation": "StartWorkflowExecution"}).Counter("temporal_request").Inc(1)
	h.Counter("temporal_request").Inc(-1)
	h.Gauge("temporal_num_pollers").Update(8)
	h.Timer("temporal_request_latency").Record(20 * time.Millisecond)
	h.Counter("temporal_num_pollers").Inc(1) // another kind under one name
	got := page(t, m)
	series := func(name, operation string) string {
		return name + `{activity_type="",failure_reason="",namespace="default",operation="` + operation + `",poller_type="",status_code="",task_queue="",worker_type="",workflow_type=""}`
	}
	requireLines(t, got,
		series("temporal_request_total", "")+" 2",
		series("temporal_request_total", "StartWorkflowExecution")+" 1",
		series("temporal_num_pollers", "")+" 8",
		series("temporal_request_latency_seconds_sum", "")+" 0.02")
	require.NotContains(t, got, "unheard")
}
