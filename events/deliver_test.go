package events

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

const testToken = "0123456789abcdef0123456789abcdef"

func newDeliverer(log *zap.Logger) *Deliverer {
	d := NewDeliverer(http.DefaultClient, func(context.Context, string) (string, error) { return testToken, nil }, log)
	d.now = func() time.Time { return epoch.Add(123 * time.Millisecond) }
	return d
}

// story is a scene in which every kind of event finds what it tells of.
func story() taskrouter.Scene {
	previous, capacity := int64(3), 2
	idle := &taskrouter.Activity{SID: "WA02", FriendlyName: "Available", Available: true}
	return taskrouter.Scene{
		Workspace: &taskrouter.Workspace{SID: "WS01", AccountSID: "AC01", FriendlyName: "Support"},
		Task: &taskrouter.Task{
			SID: "WT01", AccountSID: "AC01", WorkspaceSID: "WS01", Status: taskrouter.TaskPending, Priority: 5,
			Attributes: `{"name":"Zoë & co"}`, CreatedAt: epoch.Add(-time.Minute), VirtualStartTime: epoch.Add(-time.Minute), QueueEnteredAt: epoch.Add(-time.Second),
		},
		Reservation: &taskrouter.Reservation{SID: "WR01", TaskSID: "WT01", WorkerSID: "WK01"},
		Worker:      &taskrouter.Worker{SID: "WK01", FriendlyName: "Ann", Attributes: `{"skills":["tax"]}`, Version: 7, ActivitySID: "WA02"},
		Activity:    idle, Queue: &taskrouter.TaskQueue{SID: "WQ01", FriendlyName: "Tax", TargetWorkers: "1==1"},
		Workflow:      &taskrouter.Workflow{SID: "WW01", FriendlyName: "Main"},
		Channel:       &taskrouter.TaskChannel{SID: "TC01", FriendlyName: "Voice", UniqueName: "voice"},
		WorkerChannel: &taskrouter.WorkerChannel{SID: "WC01", TaskChannelSID: "TC01", TaskChannelName: "voice", ConfiguredCapacity: 1, Available: true},

		PreviousCapacity: &capacity, PreviousPriority: &previous,
		PreviousActivity: &taskrouter.Activity{SID: "WA01", FriendlyName: "Offline"}, TimeInPreviousActivity: 26123 * time.Millisecond,
		PreviousQueue: &taskrouter.TaskQueue{SID: "WQ02", FriendlyName: "All"},
		FilterName:    "Tax", FilterExpression: "type == 'tax'",
	}
}

func eventOf(typ taskrouter.EventType) *taskrouter.Event {
	e := taskrouter.NewEvent(typ, epoch, taskrouter.SystemActor("WS01"), story())
	e.SID = "EV01"
	return &e
}

func TestEventForms(t *testing.T) {
	for _, typ := range []taskrouter.EventType{
		taskrouter.WorkerActivityUpdate, taskrouter.ReservationWasCreated, taskrouter.TaskQueueMoved,
		taskrouter.WorkerCapacityUpdate, taskrouter.WorkspaceDeleted,
	} {
		t.Run(string(typ), func(t *testing.T) {
			r := newReceiver(t, says(204, jsonType, ""))
			e := eventOf(typ)
			got, err := newDeliverer(zap.NewNop()).Deliver(t.Context(), r.URL+"/events?tenant=a%20b", e)
			require.NoError(t, err)
			require.Equal(t, Receipt{Delivered: true, Status: 204}, got)

			require.Equal(t, 1, r.count())
			req, body := r.requests[0], r.bodies[0]
			require.Equal(t, http.MethodPost, req.Method)
			require.Equal(t, "application/x-www-form-urlencoded", req.Header.Get("Content-Type"))
			form, err := url.ParseQuery(body)
			require.NoError(t, err)
			params := map[string]string{}
			for k, v := range form {
				require.Len(t, v, 1, k)
				require.NotEmpty(t, v[0], k)
				params[k] = v[0]
			}
			validator := client.NewRequestValidator(testToken)
			require.True(t, validator.Validate(r.URL+"/events?tenant=a%20b", params, req.Header.Get("X-Twilio-Signature")))
			require.Equal(t, e.SID, req.Header.Get("webhook-id"))
			require.Equal(t, "1767225600", req.Header.Get("webhook-timestamp"))
			require.Equal(t, wire.SignWebhook(e.SID, epoch, []byte(body), testToken), req.Header.Get("webhook-signature"))

			golden := filepath.Join("testdata", "event_"+string(typ)+".form")
			lines := strings.ReplaceAll(body, "&", "\n&") + "\n"
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(lines), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), lines)
		})
	}
}

func TestEventParameterNames(t *testing.T) {
	for key, want := range map[string]string{
		"worker_time_in_previous_activity_ms": "WorkerTimeInPreviousActivityMs", "task_re_evaluated_reason": "TaskReEvaluatedReason",
		"task_sid": "TaskSid", "": "", "_x__y": "XY",
	} {
		require.Equal(t, want, parameter(key))
	}
}

func TestDeliveryReceipts(t *testing.T) {
	followed := newReceiver(t, says(200, "", ""))
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		want   Receipt
	}{
		"200 with any body": {says(200, "text/html", strings.Repeat("x", 2*maxAnswer)), Receipt{Delivered: true, Status: 200}},
		"204":               {says(204, "", ""), Receipt{Delivered: true, Status: 204}},
		"299":               {says(299, "", ""), Receipt{Delivered: true, Status: 299}},
		"400":               {says(400, "", ""), Receipt{Status: 400}},
		"404":               {says(404, "", ""), Receipt{Status: 404}},
		"429":               {says(429, "", ""), Receipt{Status: 429}},
		"500":               {says(500, "", ""), Receipt{Retry: true, Status: 500}},
		"503":               {says(503, "", ""), Receipt{Retry: true, Status: 503}},
		"redirect": {func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, followed.URL, http.StatusTemporaryRedirect)
		}, Receipt{Status: 307}},
		"connection cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Receipt{Retry: true}},
		"hangs":          {func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }, Receipt{Retry: true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, row.answer)
			d := newDeliverer(zap.NewNop())
			if name == "hangs" {
				d.limit = 50 * time.Millisecond
			}
			got, err := d.Deliver(t.Context(), r.URL, eventOf(taskrouter.TaskCreated))
			require.NoError(t, err)
			require.Equal(t, row.want, got)
			require.Equal(t, 1, r.count())
		})
	}
	require.Zero(t, followed.count())
}

func TestDeliveryFaultsOfOurs(t *testing.T) {
	r := newReceiver(t, says(200, "", ""))
	gone := newReceiver(t, says(200, "", ""))
	gone.Close()
	d := newDeliverer(zap.NewNop())
	got, err := d.Deliver(t.Context(), gone.URL, eventOf(taskrouter.TaskCreated))
	require.NoError(t, err)
	require.Equal(t, Receipt{Retry: true}, got, "nobody listens")
	got, err = d.Deliver(t.Context(), "::not a url", eventOf(taskrouter.TaskCreated))
	require.NoError(t, err)
	require.Equal(t, Receipt{}, got, "never")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Deliver(ctx, r.URL, eventOf(taskrouter.TaskCreated))
	require.Error(t, err, "a process that stops says nothing about the receiver")

	down := taskrouter.Unavailable(errors.New("refused"), "database")
	d.token = func(context.Context, string) (string, error) { return "", down }
	_, err = d.Deliver(t.Context(), r.URL, eventOf(taskrouter.TaskCreated))
	require.ErrorIs(t, err, down)
	d.token = func(context.Context, string) (string, error) { return "", taskrouter.NotFoundf("no account") }
	got, err = d.Deliver(t.Context(), r.URL, eventOf(taskrouter.TaskCreated))
	require.NoError(t, err)
	require.Equal(t, Receipt{}, got)
	require.Zero(t, r.count(), "nothing leaves unsigned")
}

func TestDeliveryLogsNoSecrets(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	gone := newReceiver(t, says(200, "", ""))
	gone.Close()
	_, err := newDeliverer(zap.New(core)).Deliver(t.Context(), gone.URL+"/hook?token=s3cret", eventOf(taskrouter.TaskCreated))
	require.NoError(t, err)
	require.Equal(t, 1, logs.Len())
	for _, f := range logs.All()[0].Context {
		text := f.String
		if e, ok := f.Interface.(error); ok {
			text += e.Error()
		}
		for _, secret := range []string{"s3cret", "/hook", "Zoë", testToken} {
			require.NotContains(t, text, secret)
		}
	}
}
