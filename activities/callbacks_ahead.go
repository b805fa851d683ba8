package activities

import (
	"context"
	"sync"
	"time"

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
	ctx, cancel := context.WithTimeout(withLogger(context.WithoutCancel(ctx), a.Log), CallbackLimit)
	go func() {
		defer a.busy.Done()
		defer leave()
		defer cancel()
		defer close(h.over)
		if order, _, _ := a.order(ctx, in); order != nil { // a fault is in the log, and the run tries again
			h.result, h.made = a.keep(ctx, in, a.ask(ctx, *order)), true
		}
	}()
}

// ahead is a callback that was begun before its run asked for it.
type ahead struct {
	// over is closed when everything is done. Then made says whether there was
	// a request, and result what came of it.
	over   chan struct{}
	made   bool
	result AssignResult
}

// wait returns what came of the callback; ok is false when there was none.
func (h *ahead) wait(ctx context.Context, patience time.Duration) (res AssignResult, ok bool) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-h.over:
		return h.result, h.made
	case <-timer.C:
	case <-ctx.Done():
	}
	return AssignResult{UnderWay: true}, true
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
	h := &ahead{over: make(chan struct{})}
	s.bySID[reservationSID] = h
	busy.Add(1)
	time.AfterFunc(CallbackLimit, func() { s.take(reservationSID) })
	return h
}

// take removes and returns a callback; nil when there is none.
func (s *aheads) take(reservationSID string) *ahead {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.bySID[reservationSID]
	delete(s.bySID, reservationSID)
	return h
}

func (s *aheads) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}
