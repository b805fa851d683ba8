package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/events"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
	"github.com/taskrouter/taskrouter/wire"
)

// inbox is an application that receives events and counts them by their ids.
type inbox struct {
	*httptest.Server
	mu     sync.Mutex
	got    map[string]int
	status int
}

func newInbox(t *testing.T) *inbox {
	t.Helper()
	in := &inbox{status: http.StatusNoContent, got: map[string]int{}}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.got[r.Header.Get(wire.WebhookIDHeader)]++
		w.WriteHeader(in.status)
	}))
	t.Cleanup(in.Close)
	return in
}

func (in *inbox) answers(status int) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.status = status
}

func (in *inbox) count(id string) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.got[id]
}

// forgetful is a store that a process does not reach any more when it has sent
// something: as if it had died there.
type forgetful struct {
	*store.Store
	died bool
}

func (f forgetful) BookDeliveries(ctx context.Context, attempts []taskrouter.DeliveryAttempt) error {
	if f.died {
		return taskrouter.Unavailable(errors.New("gone"), "database")
	}
	return f.Store.BookDeliveries(ctx, attempts)
}

// TestResendSurvives asks for an event to be sent again while nobody is there
// to do so, loses the process after it was sent, and finds it booked at last.
func TestResendSurvives(t *testing.T) {
	s, in := stack.Start(t), newInbox(t)
	ask := func(method, path string, form url.Values, status int) map[string]any {
		t.Helper()
		a := s.Do(s.Account, method, path, form)
		require.Equal(t, status, a.Status, "%s", a.Body)
		var body map[string]any
		require.NoError(t, json.Unmarshal(a.Body, &body))
		return body
	}
	created := ask("POST", "/v1/Workspaces", url.Values{"FriendlyName": {"Support"}, "EventCallbackUrl": {in.URL + "/in?token=s3cret"}}, 201)
	sid, _ := created["sid"].(string)
	ws := "/v1/Workspaces/" + sid
	list, _ := ask("GET", ws+"/Events", nil, 200)["events"].([]any)
	event, _ := list[0].(map[string]any)["sid"].(string)
	deliveries := ws + "/Events/" + event + "/Deliveries"
	log := func() []map[string]any {
		all, _ := ask("GET", deliveries, nil, 200)["deliveries"].([]any)
		var out []map[string]any
		for _, line := range all {
			m, _ := line.(map[string]any)
			out = append(out, m)
		}
		return out
	}

	deliverer := events.NewDeliverer(http.DefaultClient, func(context.Context, string) (string, error) { return s.Account.Token, nil }, zap.NewNop())
	deliver := func(died bool) error {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		a := &activities.Delivery{
			Store: forgetful{s.Store, died}, Sender: sender{deliverer, func(string) {}}, Retries: activities.DefaultDeliveryRetries, Pause: time.Millisecond,
		}
		env.RegisterActivity(a)
		_, err := env.ExecuteActivity(a.Deliver, activities.DeliverInput{WorkspaceSID: sid})
		return err
	}

	// The application is down: the event is tried twice and given up.
	in.answers(http.StatusServiceUnavailable)
	require.NoError(t, deliver(false))
	require.Equal(t, 2, in.count(event))
	require.Len(t, log(), 2)
	for i, line := range log() {
		require.Equal(t, []any{"automatic", "failed", 503.0, float64(2 - i), in.URL + "/in"},
			[]any{line["trigger"], line["status"], line["response_status"], line["attempt"], line["callback_url"]})
	}

	// It is asked for again; who answered dies before anybody was told.
	queued := ask("POST", deliveries, nil, 202)
	require.Equal(t, []any{"queued", "api", 3.0}, []any{queued["status"], queued["trigger"], queued["attempt"]})
	runs := &switchboard{}
	w := newWaker(s.Store, runs, zap.NewNop())
	require.NoError(t, w.sweep(t.Context()))
	require.Equal(t, []string{sid}, runs.woken, "a sweeper finds it")

	// Who sends it dies before that is booked, and somebody else sends it again.
	require.Error(t, deliver(true))
	require.Equal(t, 3, in.count(event))
	require.Equal(t, "queued", log()[0]["status"])
	in.answers(http.StatusNoContent)
	require.NoError(t, deliver(false))
	require.Equal(t, 4, in.count(event), "with the same webhook-id")
	require.Equal(t, []any{queued["sid"], "delivered", 204.0}, []any{log()[0]["sid"], log()[0]["status"], log()[0]["response_status"]})
	require.NoError(t, deliver(false))
	require.Equal(t, 4, in.count(event), "once is enough")
	pending, err := s.Store.PendingDeliveries(t.Context(), []string{sid})
	require.NoError(t, err)
	require.Empty(t, pending)

	// Without a URL it is not sent, and with a process that lives the run is woken.
	woken := ""
	r := resender{s.Store, func(ws string) { woken = ws }}
	e, err := s.Store.FetchEvent(t.Context(), s.Account.SID, sid, event)
	require.NoError(t, err)
	_, err = r.QueueDelivery(t.Context(), e, time.Now())
	require.NoError(t, err)
	require.Equal(t, sid, woken)
	ask("POST", ws, url.Values{"EventCallbackUrl": {""}}, 200)
	require.NoError(t, deliver(false))
	require.Equal(t, 4, in.count(event))
	require.Equal(t, []any{"failed", "url"}, []any{log()[0]["status"], log()[0]["error"]})
	woken = ""
	_, err = r.QueueDelivery(t.Context(), e, time.Now())
	require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
	require.Empty(t, woken)
}
