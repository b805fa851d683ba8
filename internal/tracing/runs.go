package tracing

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
)

// Runs makes what a Temporal client needs to trace the durable runs it starts,
// and those that workers made from it serve; nil when tracing is off. The
// identity of a trace travels in headers, which replay does not look at.
func (t *Tracing) Runs() ([]interceptor.ClientInterceptor, error) {
	if t == nil {
		return nil, nil
	}
	i, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: t.tracer, TextMapPropagator: propagator, DisableBaggage: true, DisableQueryTracing: true,
		// A header nobody understands must not stop a run.
		AllowInvalidParentSpans: true, SpanStarter: startRunSpan,
	})
	if err != nil {
		return nil, fmt.Errorf("trace durable runs: %w", err)
	}
	return []interceptor.ClientInterceptor{i}, nil
}

// endless is the span of a run that goes on as long as its Workspace. It begins
// a trace each time it continues as new.
const endless = "RunWorkflow:Delivery"

func startRunSpan(ctx context.Context, tracer trace.Tracer, name string, o ...trace.SpanStartOption) trace.Span {
	if name == endless {
		if from := trace.SpanContextFromContext(ctx); from.IsValid() {
			o = append(o, trace.WithNewRoot(), trace.WithLinks(trace.Link{SpanContext: from}))
		}
	}
	_, span := tracer.Start(ctx, name, o...)
	return reticent{span}
}

// reticent is a span that says that something failed, and not with which words:
// the text of an activity's error may hold anything.
type reticent struct{ trace.Span }

// RecordError implements trace.Span.
func (reticent) RecordError(error, ...trace.EventOption) {}

// SetStatus implements trace.Span.
func (s reticent) SetStatus(code codes.Code, _ string) { s.Span.SetStatus(code, "") }
