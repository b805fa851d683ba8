package activities

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// storeLimit bounds one store call inside an activity that also does something
// in the world, so that a slow store cannot use up the activity's own time.
const storeLimit = 2 * time.Second

// CallbackOrder is what an assignment callback is made of.
type CallbackOrder struct {
	// Proceed: the order is the caller's, who makes the request. Nobody else
	// gets it.
	Proceed bool
	// Taken: somebody else has the order, and no answer was stored yet.
	Taken            bool
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

// CallbackStore gives out the order for a callback, once, and takes in its
// answer.
type CallbackStore interface {
	CallbackOrder(ctx context.Context, workspaceSID, taskSID, reservationSID string) (CallbackOrder, error)
	CallbackAnswered(ctx context.Context, workspaceSID, taskSID, reservationSID string, o CallbackOutcome) (taskrouter.View, error)
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
// instead when the store could not take the answer, UnderWay when there is none
// yet: it is stored when it comes, and lost with the process that waits for it.
// All are empty when no callback was due.
type AssignResult struct {
	View     *View            `json:"view,omitempty"`
	Unsaved  *CallbackOutcome `json:"unsaved,omitempty"`
	UnderWay bool             `json:"under_way,omitempty"`
}

const (
	// CallbackLimit bounds a callback from its order on: two requests of 5 s,
	// and storing the answer. After it, an answer that is not stored is lost.
	CallbackLimit = 15 * time.Second
	// DefaultPatience is long enough for a receiver in good health, and short
	// enough for everything else that a run has to do meanwhile.
	DefaultPatience = 500 * time.Millisecond
	// DefaultCallbacks is how many requests are under way at once.
	DefaultCallbacks = 200
	// answerPause is between two attempts to store an answer.
	answerPause = 500 * time.Millisecond
)

// Callbacks makes assignment callbacks. It must not be copied after first use.
type Callbacks struct {
	Store    CallbackStore
	Assigner Assigner
	// Patience is how long Ask waits for an answer; zero is DefaultPatience.
	Patience time.Duration
	// Limit is how many requests are under way at once; zero is
	// DefaultCallbacks.
	Limit int
	// Log is for callbacks that are begun outside of an activity.
	Log log.Logger

	begin  sync.Once
	places chan struct{}
	busy   sync.WaitGroup
	ahead  aheads
}

// Ask makes one Reservation's callback and applies the answer, as Assign does,
// but leaves a receiver that takes its time to a goroutine of this process: a
// run must not stand still for it. It fails, with type TypeStore, only before
// anything was sent.
func (a *Callbacks) Ask(ctx context.Context, in AssignInput) (AssignResult, error) {
	if h := a.ahead.find(in.ReservationSID); h != nil {
		if res, made, err := h.wait(ctx, cmp.Or(a.Patience, DefaultPatience)); made || err != nil {
			return res, err
		}
	}
	leave, err := a.enter(ctx)
	if err != nil {
		return AssignResult{}, err
	}
	defer func() { leave() }()
	order, res, err := a.order(ctx, in)
	if order == nil {
		return res, err
	}
	answered, stored, left := make(chan struct{}), make(chan AssignResult), make(chan struct{})
	defer close(left)
	release := leave
	leave = func() {} // the place is the goroutine's now
	a.busy.Go(func() {
		defer release()
		// Its own time: the answer must be stored also when nobody waits.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), CallbackLimit)
		defer cancel()
		outcome := a.ask(ctx, *order)
		close(answered)
		res := a.apply(ctx, in, outcome)
		select {
		case stored <- res:
		case <-left:
			if res.Unsaved != nil {
				a.keep(ctx, in, outcome)
			}
		}
	})
	patience := time.NewTimer(cmp.Or(a.Patience, DefaultPatience))
	defer patience.Stop()
	select {
	case <-answered:
	case <-patience.C:
		return AssignResult{UnderWay: true}, nil
	case <-ctx.Done():
		return AssignResult{UnderWay: true}, nil
	}
	select {
	case res := <-stored:
		return res, nil
	case <-ctx.Done():
		return AssignResult{UnderWay: true}, nil
	}
}

// enter takes one of the places for requests under way and returns what gives
// it back. When there is none the run must not stand in line for it: it tries
// again later.
func (a *Callbacks) enter(ctx context.Context) (leave func(), err error) {
	leave, ok := a.place()
	if !ok {
		logger(ctx).Warn("too many assignment callbacks are under way")
		return nil, temporal.NewNonRetryableApplicationError("too many callbacks are under way", TypeStore, nil)
	}
	return leave, nil
}

func (a *Callbacks) place() (leave func(), ok bool) {
	a.begin.Do(func() { a.places = make(chan struct{}, cmp.Or(a.Limit, DefaultCallbacks)) })
	select {
	case a.places <- struct{}{}:
		return func() { <-a.places }, true
	default:
		return nil, false
	}
}

// ask makes the request. A fault of ours counts as a callback that failed,
// because the request may have been made.
func (a *Callbacks) ask(ctx context.Context, order CallbackOrder) (out CallbackOutcome) {
	defer func() {
		if r := recover(); r != nil {
			logger(ctx).Error("assignment callback panicked", logging.KeyError, fmt.Errorf("panic: %v", r))
			out = CallbackOutcome{Failed: true}
		}
	}()
	return a.Assigner.Assign(ctx, order)
}

// keep stores an answer nobody waits for, for as long as there is time.
func (a *Callbacks) keep(ctx context.Context, in AssignInput, outcome CallbackOutcome) AssignResult {
	for {
		res := a.apply(ctx, in, outcome)
		if res.Unsaved == nil {
			return res
		}
		select {
		case <-time.After(answerPause):
		case <-ctx.Done():
			return res
		}
	}
}

// Drain returns when no request is under way any more, CallbackLimit and one
// store call after the last one at the latest. None is begun any more. It is no
// method, because every method is an activity.
func Drain(a *Callbacks) {
	a.ahead.close()
	a.busy.Wait()
}

// Assign makes one Reservation's callback and applies the answer. It fails,
// with type TypeStore, only before anything was sent. The answer is normally
// written here rather than handed back, because an instruction may hold
// telephone numbers and results are kept in the history.
func (a *Callbacks) Assign(ctx context.Context, in AssignInput) (AssignResult, error) {
	if h := a.ahead.find(in.ReservationSID); h != nil {
		if res, made, err := h.wait(ctx, CallbackLimit); err != nil || (made && !res.UnderWay) {
			return res, err
		}
	}
	order, res, err := a.order(ctx, in)
	switch {
	case res.UnderWay: // runs of that time know no such result
		return AssignResult{}, temporal.NewNonRetryableApplicationError("the callback was made elsewhere", TypeTaken, nil)
	case order == nil:
		return res, err
	}
	return a.apply(ctx, in, a.Assigner.Assign(ctx, *order)), nil
}

// order takes the order for a callback; nil when there is nothing to ask, and
// then the result says why.
func (a *Callbacks) order(ctx context.Context, in AssignInput) (*CallbackOrder, AssignResult, error) {
	order, err := limited(ctx, func(ctx context.Context) (CallbackOrder, error) {
		return a.Store.CallbackOrder(ctx, in.WorkspaceSID, in.TaskSID, in.ReservationSID)
	})
	switch {
	case missing(err):
		gone := in.gone()
		return nil, AssignResult{View: &gone}, nil
	case err != nil:
		return nil, AssignResult{}, fail(ctx, "take callback order", err)
	case !order.Proceed:
		return nil, AssignResult{UnderWay: order.Taken}, nil
	}
	return &order, AssignResult{}, nil
}

// apply stores the answer of a callback.
func (a *Callbacks) apply(ctx context.Context, in AssignInput, outcome CallbackOutcome) AssignResult {
	v, err := limited(ctx, func(ctx context.Context) (taskrouter.View, error) {
		return a.Store.CallbackAnswered(ctx, in.WorkspaceSID, in.TaskSID, in.ReservationSID, outcome)
	})
	view, err := in.view(ctx, "apply callback", v, err)
	if err != nil { // failing would ask the receiver again
		unsaved := outcome.withoutSecrets()
		return AssignResult{Unsaved: &unsaved}
	}
	return AssignResult{View: &view}
}

// limited runs one store call with its own time limit.
func limited[T any](ctx context.Context, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	return f(ctx)
}
