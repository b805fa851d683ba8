package tracing

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Names of what spans of the dispatcher say. Times are in milliseconds.
const (
	keyWorkspace = attribute.Key("taskrouter.workspace_sid")
	keyCommands  = attribute.Key("taskrouter.commands")
	keyEvents    = attribute.Key("taskrouter.events")
	keyQueueWait = attribute.Key("taskrouter.queue_wait_ms")
	keyLockWait  = attribute.Key("taskrouter.lock_wait_ms")
)

// Dispatch is the dispatcher's tracer; nil when tracing is off.
func (t *Tracing) Dispatch() dispatch.Tracer {
	if t == nil {
		return nil
	}
	return commands{t.tracer}
}

// commands follows the dispatcher's work.
type commands struct{ tracer trace.Tracer }

// Command implements dispatch.Tracer.
func (c commands) Command(ctx context.Context, workspaceSID string) (context.Context, func(error)) {
	ctx, span := c.tracer.Start(ctx, "dispatch.command", trace.WithAttributes(keyWorkspace.String(workspaceSID)))
	return ctx, func(err error) { end(span, time.Now(), err) }
}

// TransactionDone implements dispatch.Tracer. A transaction that several
// commands share belongs to the trace of one of them and names the others.
func (c commands) TransactionDone(from []context.Context, t dispatch.Transaction) {
	parent := -1
	var others []trace.Link
	for i, ctx := range from {
		switch sc := trace.SpanContextFromContext(ctx); {
		case !sc.IsSampled():
		case parent < 0:
			parent = i
		default:
			others = append(others, trace.Link{SpanContext: sc})
		}
	}
	if parent < 0 {
		return
	}
	ended := t.Began.Add(t.Took)
	events := make([]string, len(t.Events))
	for i, e := range t.Events {
		events[i] = string(e)
	}
	ctx, span := c.tracer.Start(from[parent], "dispatch.transaction", trace.WithTimestamp(t.Began), trace.WithLinks(others...), trace.WithAttributes(
		keyWorkspace.String(t.WorkspaceSID), keyCommands.Int(t.Commands), keyEvents.StringSlice(events),
		keyQueueWait.Float64(milliseconds(t.QueueWait)), keyLockWait.Float64(milliseconds(t.LockWait)),
	))
	if t.Commit > 0 {
		_, commit := c.tracer.Start(ctx, "store.commit", trace.WithTimestamp(ended.Add(-t.Commit)))
		end(commit, ended, t.Err)
	}
	end(span, ended, t.Err)
}

// end ends a span with what became of it. A refusal is an answer, not an error;
// neither is told by its text.
func end(span trace.Span, at time.Time, err error) {
	if err != nil {
		switch taskrouter.KindOf(err) {
		case taskrouter.KindInternal, taskrouter.KindUnavailable:
			span.SetStatus(codes.Error, "")
		default:
		}
	}
	span.End(trace.WithTimestamp(at))
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
