package events

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// story is a scene in which every kind of event finds what it tells of.
func story() taskrouter.Scene {
	previous, capacity := int64(3), 2
	idle := &taskrouter.Activity{SID: "WA02", FriendlyName: "Available", Available: true}
	return taskrouter.Scene{
		Workspace: &taskrouter.Workspace{SID: "WS01", AccountSID: "AC01", FriendlyName: "Support"},
		Task: &taskrouter.Task{
			SID: "WT01", AccountSID: "AC01", WorkspaceSID: "WS01", Status: taskrouter.TaskPending, Priority: 5, Version: 2,
			TaskChannelSID: "TC01", RoutingTarget: "WK01", Attributes: `{"name":"Zoë & co"}`, CreatedAt: epoch.Add(-time.Minute),
			VirtualStartTime: epoch.Add(-time.Minute), QueueEnteredAt: epoch.Add(-time.Second),
		},
		Reservation: &taskrouter.Reservation{SID: "WR01", TaskSID: "WT01", WorkerSID: "WK01", Version: 1},
		Worker:      &taskrouter.Worker{SID: "WK01", FriendlyName: "Ann", Attributes: `{"skills":["tax"]}`, Version: 7, ActivitySID: "WA02"},
		Activity:    idle, Queue: &taskrouter.TaskQueue{SID: "WQ01", FriendlyName: "Tax", TargetWorkers: "1==1"},
		Workflow:      &taskrouter.Workflow{SID: "WW01", FriendlyName: "Main"},
		Channel:       &taskrouter.TaskChannel{SID: "TC01", FriendlyName: "Voice", UniqueName: "voice"},
		WorkerChannel: &taskrouter.WorkerChannel{SID: "WC01", TaskChannelSID: "TC01", TaskChannelName: "voice", ConfiguredCapacity: 1, Available: true},

		PreviousCapacity: &capacity, PreviousPriority: &previous,
		PreviousActivity: &taskrouter.Activity{SID: "WA01", FriendlyName: "Offline"}, TimeInPreviousActivity: 26123 * time.Millisecond,
		PreviousQueue: &taskrouter.TaskQueue{SID: "WQ02", FriendlyName: "All"}, TargetChangedReason: "timeout",
		FilterName: "Tax", FilterExpression: "type == 'tax'", TargetName: "First", TargetExpression: "task.lang IN worker.langs", KnownWorkerSID: "WK01",
	}
}

func eventOf(typ taskrouter.EventType) *taskrouter.Event {
	s := story()
	switch typ {
	case taskrouter.TaskWasCanceled:
		s.Task.Status, s.Task.Reason = taskrouter.TaskCanceled, "hung up"
	case taskrouter.TaskWasCompleted:
		s.Task.Status, s.Task.Reason = taskrouter.TaskCompleted, "solved"
	case taskrouter.ReservationFailed:
		s.Reservation, s.Worker = nil, nil
	default:
	}
	e := taskrouter.NewEvent(typ, epoch, taskrouter.SystemActor("WS01"), s)
	e.SID = "EV01"
	return &e
}

// golden compares a text with the file of a name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run with -update to write it")
	require.Equal(t, string(want), got)
}

// TestEventForms pins what receivers get of each type of event, and the same
// event as the API shows it. The public client library accepts the signature.
func TestEventForms(t *testing.T) {
	const path = "/events?tenant=a%20b"
	links := wire.NewLinks("https://router.example.com")
	types := taskrouter.EventTypes()
	slices.Sort(types)
	require.Len(t, types, 44)
	for _, typ := range types {
		t.Run(string(typ), func(t *testing.T) {
			r := newReceiver(t, says(204, jsonType, ""))
			e := eventOf(typ)
			got, err := newDeliverer(zap.NewNop()).Deliver(t.Context(), r.URL+path, e)
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
			for _, common := range []string{
				"Sid", "EventType", "EventDescription", "AccountSid", "WorkspaceSid", "WorkspaceName", "ResourceType", "ResourceSid", "Timestamp", "TimestampMs",
			} {
				require.Contains(t, params, common)
			}
			validator := client.NewRequestValidator(testToken)
			require.True(t, validator.Validate(r.URL+path, params, req.Header.Get("X-Twilio-Signature")))
			params["EventType"] = "forged"
			require.False(t, validator.Validate(r.URL+path, params, req.Header.Get("X-Twilio-Signature")))
			require.Equal(t, e.SID, req.Header.Get("webhook-id"))
			require.Equal(t, "1767225600", req.Header.Get("webhook-timestamp"))
			require.Equal(t, wire.SignWebhook(e.SID, epoch, []byte(body), testToken), req.Header.Get("webhook-signature"))
			for key := range e.Data {
				require.Contains(t, form, parameter(key))
			}

			golden(t, "event_"+string(typ)+".form", strings.ReplaceAll(body, "&", "\n&")+"\n")
			shown, err := json.MarshalIndent(wire.FromEvent(e, links), "", "  ")
			require.NoError(t, err)
			golden(t, "event_"+string(typ)+".json", string(shown)+"\n")
		})
	}
}

// TestSignatures pins both signatures of one request to known values, so that
// neither changes together with its check.
func TestSignatures(t *testing.T) {
	e := eventOf(taskrouter.WorkspaceUpdated)
	body := eventForm(e, epoch).Encode()
	golden(t, "signatures.txt", strings.Join([]string{
		"X-Twilio-Signature: " + wire.Sign("https://receiver.example.com/events?tenant=a%20b", eventForm(e, epoch), testToken),
		"Webhook-Signature: " + wire.SignWebhook(e.SID, epoch, []byte(body), testToken),
	}, "\n")+"\n")
}
