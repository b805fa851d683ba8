package tracing_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/tracing"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// traced makes a Tracing and where its spans go.
func traced(t *testing.T, o tracing.Options) (*tracing.Tracing, *tracetest.InMemoryExporter) {
	t.Helper()
	spans := tracetest.NewInMemoryExporter()
	o.Exporter = spans
	tr, err := tracing.New(t.Context(), o, zap.NewNop())
	require.NoError(t, err)
	return tr, spans
}

// answering is a server that answers every request with a status.
type answering struct {
	status int
	err    error
	got    *http.Request
}

func (s *answering) RoundTrip(r *http.Request) (*http.Response, error) {
	s.got = r
	if s.err != nil {
		return nil, s.err
	}
	return &http.Response{StatusCode: s.status, Body: http.NoBody, Request: r}, nil
}

func says(s tracetest.SpanStub) map[string]any {
	out := map[string]any{}
	for _, a := range s.Attributes {
		out[string(a.Key)] = a.Value.AsInterface()
	}
	return out
}

// TestOffChangesNothing: without an endpoint everything stays as it was, and
// passing by costs nothing.
func TestOffChangesNothing(t *testing.T) {
	off, err := tracing.New(t.Context(), tracing.Options{SampleRatio: 1}, zap.NewNop())
	require.NoError(t, err)
	require.Nil(t, off)
	require.NoError(t, off.Close(t.Context()))
	require.Nil(t, off.Dispatch())
	server, mux := &answering{}, http.NewServeMux()
	require.Same(t, server, off.Webhook(server))
	require.Same(t, server, off.Platform(server))
	require.Same(t, mux, off.Webhooks(mux))
	runs, err := off.Runs()
	require.NoError(t, err)
	require.Nil(t, runs)
}

// TestSpanOfAWebhook says the host and what came of it, and nothing else of the
// URL; whoever receives it is not told of the trace.
func TestSpanOfAWebhook(t *testing.T) {
	for _, c := range []struct {
		name      string
		server    answering
		propagate bool
		want      map[string]any
		status    codes.Code
	}{
		{name: "answered", server: answering{status: 204}, want: map[string]any{"http.response.status_code": int64(204)}},
		{name: "refused", server: answering{status: 404}, want: map[string]any{"http.response.status_code": int64(404)}, status: codes.Error},
		{name: "unreachable", server: answering{err: errors.New("dial +14155550100")}, want: map[string]any{}, status: codes.Error},
		{name: "told", server: answering{status: 200}, propagate: true, want: map[string]any{"http.response.status_code": int64(200)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr, spans := traced(t, tracing.Options{SampleRatio: 1, Propagate: c.propagate})
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://user:password@app.example.com:8443/s3cret?token=s3cret", nil)
			res, err := tr.Webhook(&c.server).RoundTrip(r)
			require.ErrorIs(t, err, c.server.err)
			if res != nil {
				require.NoError(t, res.Body.Close())
			}
			require.Len(t, spans.GetSpans(), 1)
			s := spans.GetSpans()[0]
			require.Equal(t, "HTTP POST", s.Name)
			require.Equal(t, trace.SpanKindClient, s.SpanKind)
			c.want["http.request.method"], c.want["server.address"] = "POST", "app.example.com"
			require.Equal(t, c.want, says(s))
			require.Equal(t, c.status, s.Status.Code)
			require.Empty(t, s.Status.Description)
			require.Empty(t, s.Events)
			require.Equal(t, c.propagate, c.server.got.Header.Get("Traceparent") != "")
			require.Empty(t, r.Header, "the caller's request is left alone")

			_, err = tr.Platform(&c.server).RoundTrip(r)
			require.ErrorIs(t, err, c.server.err)
			require.Empty(t, c.server.got.Header, "telephone platforms are never told")
		})
	}
}

// TestRequestGoesOnWithItsTrace continues what a caller began, without the free
// text that comes with it.
func TestRequestGoesOnWithItsTrace(t *testing.T) {
	tr, spans := traced(t, tracing.Options{SampleRatio: 1})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/Workspaces/WS1?FriendlyName=s3cret", nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	r.Header.Set("Tracestate", "vendor=s3cret")
	ctx, done := tr.Request(r, "GET", "/v1/Workspaces/:ws")
	require.Empty(t, trace.SpanContextFromContext(ctx).TraceState().String())
	done(503)
	s := spans.GetSpans()[0]
	require.Equal(t, "GET /v1/Workspaces/:ws", s.Name)
	require.Equal(t, "0af7651916cd43dd8448eb211c80319c", s.SpanContext.TraceID().String())
	require.Equal(t, "b7ad6b7169203331", s.Parent.SpanID().String())
	require.Equal(t, codes.Error, s.Status.Code)
	require.Equal(t, map[string]any{
		"http.request.method": "GET", "http.route": "/v1/Workspaces/:ws", "http.response.status_code": int64(503),
	}, says(s))

	_, done = tr.Request(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/s3cret", nil), "GET", "")
	done(404)
	require.Equal(t, "GET unmatched", spans.GetSpans()[1].Name)
	require.Equal(t, codes.Unset, spans.GetSpans()[1].Status.Code)
}

// TestRatioBoundsWhatCallersAskFor: a caller cannot have everything recorded.
func TestRatioBoundsWhatCallersAskFor(t *testing.T) {
	tr, spans := traced(t, tracing.Options{SampleRatio: 0})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	ctx, done := tr.Request(r, "GET", "/")
	ctx, over := tr.Dispatch().Command(ctx, "WS1")
	tr.Dispatch().TransactionDone([]context.Context{ctx}, dispatch.Transaction{Began: time.Now(), Took: time.Second, Commit: time.Millisecond})
	over(nil)
	done(200)
	require.Empty(t, spans.GetSpans())
	require.True(t, trace.SpanContextFromContext(ctx).IsValid(), "and those who come after decide alike")
}

// TestSpansOfTheDispatcher has two requests share a transaction.
func TestSpansOfTheDispatcher(t *testing.T) {
	tr, spans := traced(t, tracing.Options{SampleRatio: 1})
	d := tr.Dispatch()
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ann, annDone := d.Command(t.Context(), "WS1")
	bob, bobDone := d.Command(t.Context(), "WS1")
	d.TransactionDone([]context.Context{ann, bob}, dispatch.Transaction{
		WorkspaceSID: "WS1", Began: began, Commands: 2, QueueWait: 3 * time.Millisecond, LockWait: time.Millisecond,
		Took: time.Second, Commit: 100 * time.Millisecond, Events: []taskrouter.EventType{taskrouter.TaskCreated},
	})
	annDone(nil)
	bobDone(taskrouter.Unavailable(errors.New("+14155550100"), "+14155550100"))
	all := spans.GetSpans()
	require.Len(t, all, 4)
	commit, transaction, first, second := all[0], all[1], all[2], all[3]
	require.Equal(t, []string{"store.commit", "dispatch.transaction", "dispatch.command", "dispatch.command"},
		[]string{commit.Name, transaction.Name, first.Name, second.Name})
	require.Equal(t, transaction.SpanContext.SpanID(), commit.Parent.SpanID())
	require.Equal(t, first.SpanContext.SpanID(), transaction.Parent.SpanID())
	require.Len(t, transaction.Links, 1)
	require.Equal(t, second.SpanContext.SpanID(), transaction.Links[0].SpanContext.SpanID())
	require.Equal(t, began, transaction.StartTime.UTC())
	require.Equal(t, time.Second, transaction.EndTime.Sub(transaction.StartTime))
	require.Equal(t, 100*time.Millisecond, commit.EndTime.Sub(commit.StartTime))
	require.Equal(t, map[string]any{
		"taskrouter.workspace_sid": "WS1", "taskrouter.commands": int64(2), "taskrouter.events": []string{"task.created"},
		"taskrouter.queue_wait_ms": 3.0, "taskrouter.lock_wait_ms": 1.0,
	}, says(transaction))
	require.Equal(t, codes.Unset, first.Status.Code)
	require.Equal(t, codes.Error, second.Status.Code)
	require.Empty(t, second.Status.Description)
	require.Empty(t, second.Events)
}

// TestNamesOfVoiceWebhooks are patterns: paths hold numbers and secrets.
func TestNamesOfVoiceWebhooks(t *testing.T) {
	tr, spans := traced(t, tracing.Options{SampleRatio: 1})
	mux := http.NewServeMux()
	mux.HandleFunc("/callqueue/s/{secret}/leg/{attempt}", func(http.ResponseWriter, *http.Request) {})
	tr.Webhooks(mux).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/callqueue/s/s3cret/leg/1", nil))
	require.Equal(t, "voice webhook /callqueue/s/{secret}/leg/{attempt}", spans.GetSpans()[0].Name)
}

// TestCollectorThatIsDown does not keep a process from starting, nor for long
// from stopping.
func TestCollectorThatIsDown(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	address := closed.Listener.Addr().String()
	closed.Close()
	tr, err := tracing.New(t.Context(), tracing.Options{Endpoint: address, Insecure: true, SampleRatio: 1}, zap.NewNop())
	require.NoError(t, err)
	_, done := tr.Dispatch().Command(t.Context(), "WS1")
	done(nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	require.NoError(t, tr.Close(ctx), "spans may be lost")
}
