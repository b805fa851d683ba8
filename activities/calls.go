package activities

import (
	"context"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Pauses between looks at the platform, and how often a long activity shows
// that its process is alive.
const (
	drainEvery = 200 * time.Millisecond
	joinEvery  = 500 * time.Millisecond
	beatEvery  = 2 * time.Second
)

// DialOrder is what a leg is placed with.
type DialOrder struct {
	// Proceed is false when nothing is to be dialled any more.
	Proceed bool
	Leg     *taskrouter.Leg
	// Drain lists open legs to the same agent that must end first.
	Drain []*taskrouter.Leg
	// Caller is the caller's leg, nil when there is none.
	Caller *taskrouter.Call
	// Instruction is the one the leg is placed for, nil for none. It never
	// leaves the process: it may hold a password.
	Instruction *taskrouter.Instruction
}

// DialOutcome is what is known after a placement.
type DialOutcome string

// The outcomes of a placement.
const (
	// DialPlaced: the platform has the leg.
	DialPlaced DialOutcome = "placed"
	// DialUnknown: the request may have reached the platform.
	DialUnknown DialOutcome = "unknown"
	// DialFailed: there is no leg.
	DialFailed DialOutcome = "failed"
)

// DialReport is the outcome of a placement.
type DialReport struct {
	Attempt  string      `json:"attempt"`
	CallSIDs []string    `json:"calls,omitempty"`
	Outcome  DialOutcome `json:"outcome"`
	// Cause says why it failed, in a constant word: busy, failed, media server lost.
	Cause string `json:"cause,omitempty"`
}

// CallStore is what the store knows about agents' legs. Every write is
// conditional on state.
type CallStore interface {
	// BeginDial marks the attempt as being placed; a repeat gets the order
	// again.
	BeginDial(ctx context.Context, workspaceSID, attempt string) (DialOrder, error)
	DialReported(ctx context.Context, workspaceSID string, r DialReport) (taskrouter.View, error)
	JoinSeen(ctx context.Context, workspaceSID, attempt string) (taskrouter.View, error)
	LegHungUp(ctx context.Context, workspaceSID, attempt string) (taskrouter.View, error)
	// Leg returns an agent's leg, or nil when it does not exist.
	Leg(ctx context.Context, workspaceSID, attempt string) (*taskrouter.Leg, error)
}

// Telephony is one instance of a voice back-end.
type Telephony interface {
	// Dial places the leg, keyed by its attempt, and classifies its own
	// failure.
	Dial(ctx context.Context, order DialOrder) DialReport
	// HangUp ends a leg in any state; one that is over is not an error. A leg
	// without a CallSID ends every leg of its attempt.
	HangUp(ctx context.Context, leg *taskrouter.Leg) error
	// Over reports whether the platform says that a leg has ended.
	Over(ctx context.Context, leg *taskrouter.Leg) (bool, error)
	// Together reports whether the agent's leg and the caller's are both in
	// the room of the Task.
	Together(ctx context.Context, leg *taskrouter.Leg) (bool, error)
}

// DialResult is the view after the placement was recorded. Unsaved is set
// instead when the store could not take the report; both are nil when there
// was nothing to dial.
type DialResult struct {
	View    *View       `json:"view,omitempty"`
	Unsaved *DialReport `json:"unsaved,omitempty"`
}

// JoinResult says whether both parties were seen in the room. View is set when
// that was recorded as well.
type JoinResult struct {
	Joined bool  `json:"joined,omitempty"`
	View   *View `json:"view,omitempty"`
}

// HangUpResult is the view after the end was recorded; nil when the store could
// not take it.
type HangUpResult struct {
	View *View `json:"view,omitempty"`
}

// Calls reaches agents by telephone. One value serves one instance of a
// back-end.
type Calls struct {
	Store  CallStore
	Phones Telephony
}

// Dial places an agent's leg after older ones to the same agent were ended. It
// fails, with type TypeStore, only before anything was asked of the platform.
func (a *Calls) Dial(ctx context.Context, in AttemptInput) (DialResult, error) {
	order, err := limited(ctx, func(ctx context.Context) (DialOrder, error) {
		return a.Store.BeginDial(ctx, in.WorkspaceSID, in.Attempt)
	})
	if missing(err) {
		gone := in.gone()
		return DialResult{View: &gone}, nil
	}
	if err != nil {
		return DialResult{}, fail(ctx, "begin dial", err)
	}
	if !order.Proceed {
		return DialResult{}, nil
	}
	defer beat(ctx)()
	a.drain(ctx, order.Drain)
	report := a.Phones.Dial(ctx, order)
	report.Attempt = in.Attempt
	v, err := limited(ctx, func(ctx context.Context) (taskrouter.View, error) {
		return a.Store.DialReported(ctx, in.WorkspaceSID, report)
	})
	view, err := in.view(ctx, "report dial", v, err)
	if err != nil {
		return DialResult{Unsaved: &report}, nil
	}
	return DialResult{View: &view}, nil
}

// drain ends older legs to the agent and waits for them, for a bounded time: a
// phone that is still ringing for the old call would be busy for the new one.
func (a *Calls) drain(ctx context.Context, legs []*taskrouter.Leg) {
	if len(legs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, taskrouter.DrainTimeout)
	defer cancel()
	for _, leg := range legs {
		// A leg that cannot be ended must not keep the next caller waiting.
		_ = a.Phones.HangUp(ctx, leg)
	}
	_ = poll(ctx, drainEvery, func() bool {
		for _, leg := range legs {
			if over, err := a.Phones.Over(ctx, leg); err != nil || !over {
				return false
			}
		}
		return true
	})
}

// Confirm looks until both parties are in the room, at most
// taskrouter.JoinTimeout long. A join that is not seen is no error: the store
// has its own deadline for it.
func (a *Calls) Confirm(ctx context.Context, in AttemptInput) (JoinResult, error) {
	leg, err := limited(ctx, func(ctx context.Context) (*taskrouter.Leg, error) {
		return a.Store.Leg(ctx, in.WorkspaceSID, in.Attempt)
	})
	if missing(err) {
		gone := in.gone()
		return JoinResult{View: &gone}, nil
	}
	if err != nil {
		return JoinResult{}, fail(ctx, "read leg", err)
	}
	if leg == nil || leg.State == taskrouter.LegEnded {
		return JoinResult{}, nil
	}
	defer beat(ctx)()
	waiting, cancel := context.WithTimeout(ctx, taskrouter.JoinTimeout)
	defer cancel()
	joined := poll(waiting, joinEvery, func() bool {
		together, err := a.Phones.Together(waiting, leg)
		return err == nil && together
	})
	if !joined {
		return JoinResult{}, nil
	}
	v, err := limited(ctx, func(ctx context.Context) (taskrouter.View, error) {
		return a.Store.JoinSeen(ctx, in.WorkspaceSID, in.Attempt)
	})
	view, err := in.view(ctx, "record join", v, err)
	if err != nil {
		return JoinResult{Joined: true}, nil
	}
	return JoinResult{Joined: true, View: &view}, nil
}

// HangUp ends an agent's leg. Ending one that is over, or unknown, succeeds. A
// leg the store has forgotten together with its Task is ended by its attempt.
func (a *Calls) HangUp(ctx context.Context, in AttemptInput) (HangUpResult, error) {
	leg, err := limited(ctx, func(ctx context.Context) (*taskrouter.Leg, error) {
		return a.Store.Leg(ctx, in.WorkspaceSID, in.Attempt)
	})
	if err != nil && !missing(err) {
		return HangUpResult{}, fail(ctx, "read leg", err)
	}
	if leg == nil {
		leg = &taskrouter.Leg{
			Attempt: in.Attempt, WorkspaceSID: in.WorkspaceSID, TaskSID: in.TaskSID, State: taskrouter.LegPlacing,
		}
	}
	if leg.State != taskrouter.LegEnded {
		if err := a.Phones.HangUp(ctx, leg); err != nil {
			return HangUpResult{}, failPhone(ctx, "hang up", err)
		}
	}
	v, err := limited(ctx, func(ctx context.Context) (taskrouter.View, error) {
		return a.Store.LegHungUp(ctx, in.WorkspaceSID, in.Attempt)
	})
	view, err := in.view(ctx, "record hang-up", v, err)
	if err != nil {
		return HangUpResult{}, nil //nolint:nilerr // the leg is down; the run records that itself
	}
	return HangUpResult{View: &view}, nil
}

// poll looks at once and then at intervals until it sees what it waits for or
// the context ends.
func poll(ctx context.Context, every time.Duration, seen func() bool) bool {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if seen() {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
		}
	}
}

// beat records heartbeats until the returned function is called, so that the
// loss of this process is noticed while the platform keeps us waiting. What is
// done within one interval needs none.
func beat(ctx context.Context) (stop func()) {
	done, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		ticker := time.NewTicker(beatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case <-ticker.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() {
		close(done)
		<-finished
	}
}
