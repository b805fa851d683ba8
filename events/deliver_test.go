package events

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
		"connection cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, Receipt{Retry: true, Fault: taskrouter.FaultConnection}},
		"hangs":          {func(_ http.ResponseWriter, req *http.Request) { <-req.Context().Done() }, Receipt{Retry: true, Fault: taskrouter.FaultTimeout}},
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
	require.Equal(t, Receipt{Retry: true, Fault: taskrouter.FaultConnection}, got, "nobody listens")
	got, err = d.Deliver(t.Context(), "::not a url", eventOf(taskrouter.TaskCreated))
	require.NoError(t, err)
	require.Equal(t, Receipt{Fault: taskrouter.FaultURL}, got, "never")

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
	require.Equal(t, Receipt{Fault: taskrouter.FaultSignature}, got)
	require.Zero(t, r.count(), "nothing leaves unsigned")
}

func TestDeliveryFaults(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	secure.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	plain := newReceiver(t, says(200, "", ""))
	for name, row := range map[string]struct {
		url  string
		dial func(ctx context.Context, network, address string) (net.Conn, error)
		want taskrouter.DeliveryFault
	}{
		"certificate nobody vouches for": {secure.URL, nil, taskrouter.FaultTLS},
		"no TLS where it is expected":    {strings.Replace(plain.URL, "http:", "https:", 1), nil, taskrouter.FaultTLS},
		"unknown name": {"http://receiver.invalid/", func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}
		}, taskrouter.FaultName},
		"address of ours": {"http://10.0.0.1/", func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: ErrForbiddenAddress}
		}, taskrouter.FaultForbidden},
		"unreachable": {"http://192.0.2.1/", func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.EHOSTUNREACH}
		}, taskrouter.FaultConnection},
	} {
		d := newDeliverer(zap.NewNop())
		d.client = &http.Client{Transport: &http.Transport{DialContext: row.dial, DisableKeepAlives: true}}
		got, err := d.Deliver(t.Context(), row.url, eventOf(taskrouter.TaskCreated))
		require.NoError(t, err)
		require.Equal(t, Receipt{Retry: true, Fault: row.want}, got, name)
	}
}

// How long a request took is measured.
func TestDeliveryTook(t *testing.T) {
	d := newDeliverer(zap.NewNop())
	now := epoch
	d.now = func() time.Time { now = now.Add(40 * time.Millisecond); return now }
	got, err := d.Deliver(t.Context(), newReceiver(t, says(204, "", "")).URL, eventOf(taskrouter.TaskCreated))
	require.NoError(t, err)
	require.Equal(t, 40*time.Millisecond, got.Took)
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

// FuzzEventForm sends any data: the receiver reads what was sent, and accepts
// the signature.
func FuzzEventForm(f *testing.F) {
	f.Add("task_attributes", `{"name":"Zoë & co"}`, "https://receiver.example.com/events?a=b%20c", "Task created")
	f.Add("sid", "forged", "http://receiver.example.com:8080", "")
	f.Add("a_b", "\x00\xff +%&=;\n", "https://receiver.example.com/", "x")
	f.Fuzz(func(t *testing.T, key, value, target, description string) {
		e := eventOf(taskrouter.TaskCreated)
		e.Description = description
		e.Data[key] = value
		form := eventForm(e, epoch)
		got, err := url.ParseQuery(form.Encode())
		require.NoError(t, err)
		require.Equal(t, form, got)
		require.Equal(t, e.SID, got.Get("Sid"), "data never hides what all events have")
		require.Equal(t, "AC01", got.Get("AccountSid"))
		signature := wire.Sign(target, form, testToken)
		require.True(t, wire.Validate(target, got, testToken, signature))
		form.Set("Sid", "forged")
		require.False(t, wire.Validate(target, form, testToken, signature))
	})
}
