package tracing

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
)

// TestSpansOfRuns: a Task's run is in the trace of who created the Task, one
// that never ends begins a trace, and neither tells the text of an error.
func TestSpansOfRuns(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	tr, err := New(t.Context(), Options{SampleRatio: 1, Exporter: spans}, zap.NewNop())
	require.NoError(t, err)
	ctx, parent := tr.tracer.Start(t.Context(), "parent")
	from := parent.SpanContext()
	for _, name := range []string{"RunWorkflow:Task", "RunWorkflow:Delivery"} {
		s := startRunSpan(ctx, tr.tracer, name, trace.WithSpanKind(trace.SpanKindServer))
		s.RecordError(errors.New("+14155550100"))
		s.SetStatus(codes.Error, "+14155550100")
		s.End()
	}
	task, delivery := spans.GetSpans()[0], spans.GetSpans()[1]
	require.Equal(t, from.TraceID(), task.SpanContext.TraceID())
	require.Equal(t, from.SpanID(), task.Parent.SpanID())
	require.Empty(t, task.Links)
	require.NotEqual(t, from.TraceID(), delivery.SpanContext.TraceID())
	require.Equal(t, from.SpanID(), delivery.Links[0].SpanContext.SpanID())
	for _, s := range spans.GetSpans() {
		require.Equal(t, codes.Error, s.Status.Code)
		require.Empty(t, s.Status.Description)
		require.Empty(t, s.Events)
		require.Equal(t, trace.SpanKindServer, s.SpanKind)
	}
}
