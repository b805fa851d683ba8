package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Names of what HTTP spans say:
// https://opentelemetry.io/docs/specs/semconv/http/http-spans/
const (
	keyMethod = attribute.Key("http.request.method")
	keyRoute  = attribute.Key("http.route")
	keyStatus = attribute.Key("http.response.status_code")
	keyServer = attribute.Key("server.address")
)

// Request begins the span of a request to this process: a child of the
// caller's, if the request says which that is. Route is the pattern, never the
// path; empty when none matched. Done is called with the status of the answer.
// It must not be called on nil.
func (t *Tracing) Request(r *http.Request, method, route string) (_ context.Context, done func(status int)) {
	ctx := propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	if from := trace.SpanContextFromContext(ctx); from.IsValid() {
		// What vendors add is anybody's text, as baggage is.
		ctx = trace.ContextWithRemoteSpanContext(ctx, from.WithTraceState(trace.TraceState{}))
	}
	if route == "" {
		route = "unmatched"
	}
	ctx, span := t.tracer.Start(ctx, method+" "+route, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(keyMethod.String(method), keyRoute.String(route)))
	return ctx, func(status int) {
		span.SetAttributes(keyStatus.Int(status))
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Webhooks names what a telephone platform asks for by its pattern; for the
// server all of it is one route.
func (t *Tracing) Webhooks(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, span := t.tracer.Start(r.Context(), "voice webhook")
		defer span.End()
		r = r.WithContext(ctx)
		next.ServeHTTP(w, r)
		if r.Pattern != "" {
			span.SetName("voice webhook " + r.Pattern)
		}
	})
}

// Webhook gives requests to the URLs of users a span each. They learn of the
// trace only when Options.Propagate says so.
func (t *Tracing) Webhook(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	return &transport{t: t, next: next, tell: t.opts.Propagate}
}

// Platform gives requests to a telephone platform a span each.
func (t *Tracing) Platform(next http.RoundTripper) http.RoundTripper {
	if t == nil {
		return next
	}
	return &transport{t: t, next: next}
}

// transport sends requests in a span of their own. It says the host only: path,
// query and user of a URL may be secret.
type transport struct {
	t    *Tracing
	next http.RoundTripper
	tell bool
}

// RoundTrip implements http.RoundTripper. The span ends with the head of the
// answer.
func (s *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, span := s.t.tracer.Start(r.Context(), "HTTP "+r.Method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(keyMethod.String(r.Method), keyServer.String(r.URL.Hostname())))
	defer span.End()
	if s.tell {
		r = r.Clone(ctx)
		propagator.Inject(ctx, propagation.HeaderCarrier(r.Header))
	}
	res, err := s.next.RoundTrip(r)
	if err != nil {
		span.SetStatus(codes.Error, "")
		return res, err
	}
	span.SetAttributes(keyStatus.Int(res.StatusCode))
	if res.StatusCode >= http.StatusBadRequest {
		span.SetStatus(codes.Error, "")
	}
	return res, nil
}
