package activities

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// storeLimit bounds one store call inside an activity that also does something
// in the world, so that a slow store cannot use up the activity's own time.
const storeLimit = 2 * time.Second

// CallbackOrder is what an assignment callback is made of.
type CallbackOrder struct {
	// Proceed is false when the callback is no longer due.
	Proceed          bool
	URL, FallbackURL string
	Task             *taskrouter.Task
	Worker           *taskrouter.Worker
	Reservation      *taskrouter.Reservation
	ChannelName      string
	// FromDefault is the number the caller dialled.
	FromDefault string
}

// CallbackOutcome is what an assignment callback answered.
type CallbackOutcome struct {
	// Failed: neither URL gave an answer that can be used.
	Failed bool `json:"failed,omitempty"`
	// Instruction is nil for manual handling.
	Instruction *Instruction `json:"instruction,omitempty"`
	// LogCode is the public code of a fault in the answer; zero for none.
	LogCode int `json:"log_code,omitempty"`
}

// Instruction is taskrouter.Instruction as it is written into histories.
type Instruction struct {
	Kind   taskrouter.InstructionKind `json:"kind"`
	Params map[string]string          `json:"params,omitempty"`
}

// FromInstruction converts the domain's instruction; nil stays nil.
func FromInstruction(i *taskrouter.Instruction) *Instruction {
	if i == nil {
		return nil
	}
	return &Instruction{Kind: i.Kind, Params: i.Params}
}

// Domain converts back; nil stays nil.
func (i *Instruction) Domain() *taskrouter.Instruction {
	if i == nil {
		return nil
	}
	return &taskrouter.Instruction{Kind: i.Kind, Params: i.Params}
}

// secretParam is the one parameter that must not stand in a history.
const secretParam = "sip_auth_password"

// withoutSecrets is the outcome as it may be recorded. An instruction that
// cannot be carried out without its secret counts as failed.
func (o CallbackOutcome) withoutSecrets() CallbackOutcome {
	if o.Instruction != nil && o.Instruction.Params[secretParam] != "" {
		return CallbackOutcome{Failed: true, LogCode: o.LogCode}
	}
	return o
}

// CallbackStore reads what a callback is made of and takes in its answer.
type CallbackStore interface {
	CallbackOrder(ctx context.Context, workspaceSID, reservationSID string) (CallbackOrder, error)
	CallbackAnswered(ctx context.Context, workspaceSID, reservationSID string, o CallbackOutcome) (taskrouter.View, error)
}

// Assigner makes the request, at most once for each of the two URLs.
type Assigner interface {
	Assign(ctx context.Context, order CallbackOrder) CallbackOutcome
}

// AssignInput names the Reservation a callback is due for.
type AssignInput struct {
	Subject
	ReservationSID string `json:"reservation"`
}

// AssignResult is the view after the answer was applied. Unsaved is set
// instead when the store could not take the answer; both are nil when no
// callback was due.
type AssignResult struct {
	View    *View            `json:"view,omitempty"`
	Unsaved *CallbackOutcome `json:"unsaved,omitempty"`
}

// Callbacks makes assignment callbacks.
type Callbacks struct {
	Store    CallbackStore
	Assigner Assigner
}

// Assign makes one Reservation's callback and applies the answer. It fails,
// with type TypeStore, only before anything was sent. The answer is normally
// written here rather than handed back, because an instruction may hold
// telephone numbers and results are kept in the history.
func (a *Callbacks) Assign(ctx context.Context, in AssignInput) (AssignResult, error) {
	order, err := limited(ctx, func(ctx context.Context) (CallbackOrder, error) {
		return a.Store.CallbackOrder(ctx, in.WorkspaceSID, in.ReservationSID)
	})
	if missing(err) {
		gone := in.gone()
		return AssignResult{View: &gone}, nil
	}
	if err != nil {
		return AssignResult{}, fail(ctx, "read callback order", err)
	}
	if !order.Proceed {
		return AssignResult{}, nil
	}
	outcome := a.Assigner.Assign(ctx, order)
	v, err := limited(ctx, func(ctx context.Context) (taskrouter.View, error) {
		return a.Store.CallbackAnswered(ctx, in.WorkspaceSID, in.ReservationSID, outcome)
	})
	view, err := in.view(ctx, "apply callback", v, err)
	if err != nil {
		unsaved := outcome.withoutSecrets()
		return AssignResult{Unsaved: &unsaved}, nil //nolint:nilerr // the run stores the answer itself; failing would ask the receiver again
	}
	return AssignResult{View: &view}, nil
}

// limited runs one store call with its own time limit.
func limited[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	return f(ctx)
}
