package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Begin makes the callbacks a view asks for before the run that conducts the
// Task does, so that an offer does not wait for Temporal. The run, in this
// process, is given what came of them; a run elsewhere finds that the order is
// taken. Begin does not wait, and leaves a callback to the run when too many
// requests are under way. It is no method, because every method is an activity.
func Begin(ctx context.Context, a *Callbacks, v taskrouter.View) {
	for _, o := range v.Offers {
		if o.CallbackDue {
			in := AssignInput{Subject: Subject{WorkspaceSID: v.WorkspaceSID, TaskSID: v.TaskSID, Revision: v.Revision}, ReservationSID: o.ReservationSID}
			a.start(ctx, in)
		}
	}
}

func (a *Callbacks) start(ctx context.Context, in AssignInput) {
	leave, ok := a.place()
	if !ok {
		return
	}
	h := a.ahead.add(in.ReservationSID, &a.busy)
	if h == nil {
		leave()
		return
	}
	ctx = withLogger(context.WithoutCancel(ctx), a.Log)
	go func() {
		defer a.busy.Done()
		defer leave()
		defer a.ahead.expire(in.ReservationSID, h)
		defer func() {
			if r := recover(); r != nil { // as in an activity: the process goes on
				a.Log.Error("callback panicked", logging.KeyReservationSID, in.ReservationSID, logging.KeyError, fmt.Errorf("panic: %v", r))
			}
		}()
		order, _, err := a.order(ctx, in)
		if h.began(order != nil); order == nil {
			if err != nil { // it is in the log, and whoever comes next tries again
				a.ahead.drop(in.ReservationSID, h)
			}
			return
		}
		// The answer must be stored also when no run asks for it.
		ctx, cancel := context.WithTimeout(ctx, CallbackLimit)
		defer cancel()
		outcome := a.ask(ctx, *order)
		close(h.answered)
		h.result = a.apply(ctx, in, outcome)
		close(h.stored)
		if h.result.Unsaved != nil {
			a.keep(ctx, in, outcome)
		}
	}()
}

// ahead is a callback that was begun before its run asked for it.
type ahead struct {
	// ordered is closed when it is known whether the order was to be had: made.
	ordered chan struct{}
	made    bool
	// answered is closed when the receiver has answered or not, and stored when
	// the store took that or not: result.
	answered, stored chan struct{}
	result           AssignResult
}

func (h *ahead) began(made bool) {
	h.made = made
	close(h.ordered)
}

// wait returns what came of the callback; made is false when there was none and
// the run has to ask itself. It is patient with the receiver and not with the
// store: before there is an order nobody can say that the callback is under way.
func (h *ahead) wait(ctx context.Context, patience time.Duration) (res AssignResult, made bool, err error) {
	select {
	case <-h.ordered:
	case <-ctx.Done():
		return AssignResult{}, false, fail(ctx, "take callback order", ctx.Err())
	}
	if !h.made {
		return AssignResult{}, false, nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-h.answered:
	case <-timer.C:
		return AssignResult{UnderWay: true}, true, nil
	case <-ctx.Done():
		return AssignResult{UnderWay: true}, true, nil
	}
	select {
	case <-h.stored:
		return h.result, true, nil
	case <-ctx.Done():
		return AssignResult{UnderWay: true}, true, nil
	}
}

// aheads are callbacks by Reservation, for as long as their runs are expected
// to ask for them. A run that comes later asks the store, which knows.
type aheads struct {
	mu     sync.Mutex
	bySID  map[string]*ahead
	closed bool
}

// add enters a callback and counts it as busy; nil when there is one already,
// or no more may begin.
func (s *aheads) add(reservationSID string, busy *sync.WaitGroup) *ahead {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.bySID[reservationSID] != nil {
		return nil
	}
	if s.bySID == nil {
		s.bySID = map[string]*ahead{}
	}
	h := &ahead{ordered: make(chan struct{}), answered: make(chan struct{}), stored: make(chan struct{})}
	s.bySID[reservationSID] = h
	busy.Add(1)
	return h
}

// find returns a callback; nil when there is none.
func (s *aheads) find(reservationSID string) *ahead {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bySID[reservationSID]
}

// expire leaves one that is over to be found for a while: each view of the Task
// asks for the callback until its run has learned of the answer.
func (s *aheads) expire(reservationSID string, h *ahead) {
	time.AfterFunc(CallbackLimit, func() { s.drop(reservationSID, h) })
}

// drop removes a callback and no other.
func (s *aheads) drop(reservationSID string, h *ahead) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bySID[reservationSID] == h {
		delete(s.bySID, reservationSID)
	}
}

func (s *aheads) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}
