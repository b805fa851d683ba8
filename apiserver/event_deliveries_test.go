package apiserver_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// TestEventDeliveries asks for an Event to be sent again, plays the run that
// does so, and reads what became of it.
func TestEventDeliveries(t *testing.T) {
	f := furnished(t)
	deliveries := f.event + "/Deliveries"
	e := refusal(t, f.Do(f.Account, "POST", deliveries, nil), 400, 20001)
	require.Contains(t, e.Message, "EventCallbackUrl")
	require.Empty(t, f.list(deliveries, nil))

	f.deliver()
	refusal(t, f.Do(f.Account, "POST", deliveries, nil), 409, 20409)
	got := f.get(f.delivery)
	require.Equal(t, object{
		"sid": sidOf(f.delivery), "account_sid": f.Account.SID, "workspace_sid": sidOf(f.workspace), "event_sid": sidOf(f.event),
		"attempt": 1.0, "trigger": "api", "status": "queued", "callback_url": "https://example.com/events",
		"response_status": nil, "error": nil, "duration_ms": nil, "date_created": got["date_created"], "date_sent": nil,
		"url": "https://router.example.com" + f.delivery,
	}, got)

	queued, err := f.Store.QueuedDeliveries(t.Context(), sidOf(f.workspace), 10)
	require.NoError(t, err)
	require.Len(t, queued, 1)
	done := *queued[0]
	done.Status, done.ResponseStatus, done.SentAt, done.Took = taskrouter.DeliveryFailed, 503, time.Now(), 20*time.Millisecond
	require.NoError(t, f.Store.BookDeliveries(t.Context(), []taskrouter.DeliveryAttempt{done}))
	got = f.get(f.delivery)
	require.Equal(t, []any{"failed", 503.0, 20.0}, []any{got["status"], got["response_status"], got["duration_ms"]})

	again := decoded(t, f.Do(f.Account, "POST", deliveries, url.Values{"Ignored": {"yes"}}), 202)
	require.Equal(t, 2.0, again["attempt"])
	require.Equal(t, []string{again.text("sid"), sidOf(f.delivery)}, values(f.list(deliveries, nil), "sid"), "newest first")

	// An event of the present is sent anyway.
	newest := f.list(f.workspace+"/Events", url.Values{"PageSize": {"1"}})[0].text("sid")
	refusal(t, f.Do(f.Account, "POST", f.workspace+"/Events/"+newest+"/Deliveries", nil), 409, 20409)

	for _, path := range []string{deliveries, f.delivery} {
		refusal(t, f.Do(f.Foreign, "GET", path, nil), 404, 20404)
	}
	refusal(t, f.Do(f.Foreign, "POST", deliveries, nil), 404, 20404)
}
