package app

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workflows"
)

// durable lets the durable runs' activities speak to the dispatcher: it only
// translates their types.
type durable struct{ *dispatch.Dispatcher }

func (s durable) CallbackOrder(ctx context.Context, ws, taskSID, reservationSID string) (activities.CallbackOrder, error) {
	o, err := s.Dispatcher.CallbackOrder(ctx, ws, taskSID, reservationSID)
	return activities.CallbackOrder{
		Proceed: o.Proceed, Taken: o.Taken, URL: o.URL, FallbackURL: o.FallbackURL, Task: o.Task, Worker: o.Worker,
		Reservation: o.Reservation, ChannelName: o.ChannelName, FromDefault: o.FromDefault,
	}, err
}

func (s durable) CallbackAnswered(ctx context.Context, ws, taskSID, reservationSID string, o activities.CallbackOutcome) (taskrouter.View, error) {
	return s.Dispatcher.CallbackAnswered(ctx, ws, taskSID, reservationSID, dispatch.CallbackOutcome{
		Failed: o.Failed, Instruction: o.Instruction.Domain(), LogCode: o.LogCode,
	})
}

func (s durable) BeginDial(ctx context.Context, ws, attempt string) (activities.DialOrder, error) {
	o, err := s.Dispatcher.BeginDial(ctx, ws, attempt)
	return activities.DialOrder{Proceed: o.Proceed, Leg: o.Leg, Drain: o.Drain, Caller: o.Caller, Instruction: o.Instruction}, err
}

func (s durable) DialReported(ctx context.Context, ws string, r activities.DialReport) (taskrouter.View, error) {
	return s.Dispatcher.DialReported(ctx, ws, dispatch.DialReport{
		Attempt: r.Attempt, CallSIDs: r.CallSIDs, Outcome: dispatch.DialOutcome(r.Outcome), Cause: r.Cause,
	})
}

// Crash points between a commit and what the durable run learns of it, and
// around the telephone.
const (
	// CrashAfterLocalCommit is inside a local activity after its commit.
	CrashAfterLocalCommit = "after-local-commit"
	// CrashAfterCallbackOrder is after the order for an assignment callback was
	// taken and before the request.
	CrashAfterCallbackOrder = "after-callback-order"
	// CrashAfterCallbackSent is after an assignment callback was answered and
	// before its answer is stored.
	CrashAfterCallbackSent = "after-callback-sent"
	// CrashAfterOriginate is after the platform was asked to place or to move a
	// call and before what came of it is stored.
	CrashAfterOriginate = "after-originate"
	// CrashAfterLegDocument is after the acceptance by an agent's leg is
	// committed and before the platform has the reply.
	CrashAfterLegDocument = "after-leg-document"
	// CrashAfterWebhook is after an event callback was answered and before the
	// cursor moves behind the event.
	CrashAfterWebhook = "after-webhook"
)

// crashing is durable with a crash point behind each commit.
type crashing struct {
	durable
	crash func(string)
}

func (s crashing) Due(ctx context.Context, ws, task string, carried time.Time) (taskrouter.View, error) {
	v, err := s.durable.Due(ctx, ws, task, carried)
	s.crash(CrashAfterLocalCommit)
	return v, err
}

func (s crashing) CancelFromOutside(ctx context.Context, ws, task string) (taskrouter.View, error) {
	v, err := s.durable.CancelFromOutside(ctx, ws, task)
	s.crash(CrashAfterLocalCommit)
	return v, err
}

func (s crashing) CallbackOrder(ctx context.Context, ws, taskSID, reservationSID string) (activities.CallbackOrder, error) {
	o, err := s.durable.CallbackOrder(ctx, ws, taskSID, reservationSID)
	s.crash(CrashAfterCallbackOrder)
	return o, err
}

func (s crashing) CallbackAnswered(ctx context.Context, ws, taskSID, reservationSID string, o activities.CallbackOutcome) (taskrouter.View, error) {
	v, err := s.durable.CallbackAnswered(ctx, ws, taskSID, reservationSID, o)
	s.crash(CrashAfterLocalCommit)
	return v, err
}

// notifier delivers the dispatcher's notices through the typed client.
type notifier struct{ client *workflows.Client }

// Notify implements dispatch.Notifier. A run that completed although its Task
// is open cannot be helped by repeating; the sweeper still moves the Task.
func (n notifier) Notify(ctx context.Context, notice dispatch.Notice, v taskrouter.View) error {
	return n.client.Deliver(ctx, workflows.Notice{First: notice.First, View: v})
}
