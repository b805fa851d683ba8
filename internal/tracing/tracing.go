package tracing

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
)

// serviceName is what the process is called unless OTEL_SERVICE_NAME says
// otherwise.
const serviceName = "taskrouter"

// scope names who made the spans.
const scope = "github.com/taskrouter/taskrouter"

// flushTimeout bounds the sending of the last spans when the process stops.
const flushTimeout = 5 * time.Second

// Options say what is traced and where the spans go.
type Options struct {
	// Endpoint is host:port of an OpenTelemetry collector (OTLP over gRPC).
	// Empty turns tracing off.
	Endpoint string
	// Insecure sends without encryption.
	Insecure bool
	// SampleRatio is the share of traces that are kept, 0 to 1. It bounds what
	// callers ask for with a traceparent, too.
	SampleRatio float64
	// Propagate sends traceparent along with webhooks.
	Propagate bool
	// Version is the build.
	Version string
	// Exporter takes the spans, one at a time, instead of an endpoint; for tests.
	Exporter sdktrace.SpanExporter
}

// Tracing makes the spans of a process. Nil is tracing turned off: the methods
// that wrap something then return it as it is. It is safe for concurrent use.
type Tracing struct {
	opts     Options
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	log      *zap.Logger
}

// propagator carries the identity of a trace and nothing else: baggage is
// anybody's text, and would end up in the histories of durable runs.
var propagator = propagation.TraceContext{}

// New makes the spans of a process; nil when it has nowhere to send them. It
// does not wait for the collector, which may be down.
func New(ctx context.Context, o Options, log *zap.Logger) (*Tracing, error) {
	log = log.Named("tracing")
	var spans sdktrace.TracerProviderOption
	switch {
	case o.Exporter != nil:
		spans = sdktrace.WithSyncer(o.Exporter)
	case o.Endpoint == "":
		return nil, nil
	default:
		// Headers, certificates, compression and time limits come from the
		// environment: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
		connect := []otlptracegrpc.Option{otlptracegrpc.WithEndpoint(o.Endpoint)}
		if o.Insecure {
			connect = append(connect, otlptracegrpc.WithInsecure())
		}
		e, err := otlptracegrpc.New(ctx, connect...)
		if err != nil {
			return nil, fmt.Errorf("send traces: %w", err)
		}
		spans = sdktrace.WithBatcher(&complaining{SpanExporter: e, log: log})
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", serviceName), attribute.String("service.version", o.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil { // what could be read is used
		log.Warn("OTEL_RESOURCE_ATTRIBUTES not read", logging.Err(err))
	}
	ratio := sdktrace.TraceIDRatioBased(o.SampleRatio)
	t := &Tracing{opts: o, log: log, provider: sdktrace.NewTracerProvider(spans, sdktrace.WithResource(about),
		// The ratio looks at the id of the trace: all processes decide alike.
		sdktrace.WithSampler(sdktrace.ParentBased(ratio, sdktrace.WithRemoteParentSampled(ratio))))}
	t.tracer = t.provider.Tracer(scope, trace.WithInstrumentationVersion(o.Version))
	return t, nil
}

// Close sends the last spans, for a bounded time. What cannot be sent is lost,
// which is no failure of the process.
func (t *Tracing) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.Warn("last spans not sent", logging.Err(err))
	}
	return nil
}

// complaining logs when spans cannot be sent; the SDK would write to standard
// error. It complains once until sending works again.
type complaining struct {
	sdktrace.SpanExporter
	log    *zap.Logger
	failed bool // the batcher exports one batch after the other
}

// ExportSpans implements sdktrace.SpanExporter.
func (e *complaining) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch {
	case err == nil:
		e.failed = false
	case !e.failed:
		e.failed = true
		e.log.Warn("spans not sent; they are lost until the collector answers", logging.Count(len(spans)), logging.Err(err))
	}
	return nil
}
