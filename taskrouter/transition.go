package taskrouter

import "time"

// Offers is a Task with all Reservations that are not final. Transitions
// change it in place and say what happened; when they return an error they
// changed nothing.
type Offers struct {
	Task *Task
	Open []*Reservation
}

// Happening is one event of a transition, in order. Reservation is nil for
// events of the Task itself.
type Happening struct {
	Type        EventType
	Reservation *Reservation
	// From is the Reservation's state before, for capacity accounting.
	From ReservationStatus
}

func (o *Offers) find(sid string) *Reservation {
	for _, r := range o.Open {
		if r.SID == sid {
			return r
		}
	}
	return nil
}

func (o *Offers) pending() []*Reservation { return o.with(ReservationPending) }

func (o *Offers) with(states ...ReservationStatus) []*Reservation {
	var out []*Reservation
	for _, r := range o.Open {
		for _, s := range states {
			if r.Status == s {
				out = append(out, r)
			}
		}
	}
	return out
}

// settle drops Reservations that became final from the open ones.
func (o *Offers) settle() {
	kept := o.Open[:0:0]
	for _, r := range o.Open {
		if r.Status.Open() {
			kept = append(kept, r)
		}
	}
	o.Open = kept
}

func (o *Offers) touch(now time.Time) {
	o.Task.Version++
	o.Task.UpdatedAt = now
}

func move(r *Reservation, to ReservationStatus, typ EventType, now time.Time) Happening {
	h := Happening{Type: typ, Reservation: r, From: r.Status}
	r.Status = to
	r.Version++
	r.UpdatedAt = now
	switch to {
	case ReservationAccepted:
		r.AcceptedAt = now
	case ReservationWrapping:
		r.WrappingAt = now
	case ReservationRejected, ReservationTimeout, ReservationCanceled, ReservationRescinded, ReservationCompleted:
		r.EndedAt = now
	case ReservationPending:
	}
	return h
}

// Reserve offers a pending Task to Workers. The offers are new Reservations
// in state pending.
func (o *Offers) Reserve(offers []*Reservation, now time.Time) ([]Happening, error) {
	if o.Task.Status != TaskPending {
		return nil, Invalidf("Cannot reserve task %s because it is not currently pending.", o.Task.SID)
	}
	var out []Happening
	for _, r := range offers {
		out = append(out, Happening{Type: ReservationWasCreated, Reservation: r})
	}
	o.Open = append(o.Open, offers...)
	o.Task.Status = TaskReserved
	o.Task.Assignments++
	o.Task.DemandClass = ""
	o.touch(now)
	return out, nil
}

// Accept makes one pending Reservation the winner; the others are rescinded.
func (o *Offers) Accept(sid string, now time.Time) ([]Happening, error) {
	r := o.find(sid)
	if r == nil || r.Status != ReservationPending || o.Task.Status != TaskReserved {
		return nil, Invalidf("Reservation %s is not currently in a Pending state.", sid)
	}
	out := []Happening{move(r, ReservationAccepted, ReservationWasAccepted, now)}
	for _, other := range o.pending() {
		out = append(out, move(other, ReservationRescinded, ReservationWasRescinded, now))
	}
	o.Task.Status = TaskAssigned
	o.Task.AssignedAt = now
	o.Task.FailedOffers = 0
	o.Task.OfferNotBefore = time.Time{}
	o.settle()
	o.touch(now)
	return out, nil
}

// EndOffer ends one pending Reservation without acceptance: rejected, timed
// out or canceled. When it was the last one the Task is pending again.
func (o *Offers) EndOffer(sid string, to ReservationStatus, reason string, now time.Time) ([]Happening, error) {
	typ, ok := map[ReservationStatus]EventType{
		ReservationRejected: ReservationWasRejected,
		ReservationTimeout:  ReservationTimedOut,
		ReservationCanceled: ReservationWasCanceled,
	}[to]
	if !ok {
		return nil, Invalidf("A pending Reservation cannot become %s", to)
	}
	r := o.find(sid)
	if r == nil || r.Status != ReservationPending {
		return nil, Invalidf("Reservation %s is not currently in a Pending state.", sid)
	}
	r.ReasonCode = reason
	out := []Happening{move(r, to, typ, now)}
	o.settle()
	if len(o.pending()) == 0 && o.Task.Status == TaskReserved {
		o.Task.Status = TaskPending
	}
	o.touch(now)
	return out, nil
}

// WrapReservation moves one accepted Reservation to wrapping; the Task follows
// when no other accepted Reservation is left.
func (o *Offers) WrapReservation(sid string, now time.Time) ([]Happening, error) {
	r := o.find(sid)
	if r == nil || r.Status != ReservationAccepted {
		return nil, Invalidf("Reservation %s is not currently in an Accepted state.", sid)
	}
	out := []Happening{move(r, ReservationWrapping, ReservationWrapup, now)}
	if len(o.with(ReservationAccepted)) == 0 && o.Task.Status == TaskAssigned {
		out = append(out, o.wrap(now))
	}
	o.touch(now)
	return out, nil
}

func (o *Offers) wrap(now time.Time) Happening {
	o.Task.Status = TaskWrapping
	o.Task.WrappingAt = now
	return Happening{Type: TaskWrapup}
}

// CompleteReservation completes one accepted or wrapping Reservation; the
// Task follows when none is left.
func (o *Offers) CompleteReservation(sid string, now time.Time) ([]Happening, error) {
	r := o.find(sid)
	if r == nil || (r.Status != ReservationAccepted && r.Status != ReservationWrapping) {
		return nil, Invalidf("Reservation %s is not currently in an Accepted or Wrapping state.", sid)
	}
	out := []Happening{move(r, ReservationCompleted, ReservationWasCompleted, now)}
	o.settle()
	if len(o.with(ReservationAccepted, ReservationWrapping)) == 0 {
		out = append(out, o.end(TaskCompleted, TaskWasCompleted, now))
	}
	o.touch(now)
	return out, nil
}

func (o *Offers) end(to TaskStatus, typ EventType, now time.Time) Happening {
	o.Task.Status = to
	o.Task.EndedAt = now
	o.Task.DemandClass = ""
	o.Task.Route.ReEvaluate = ReEvaluateNone
	return Happening{Type: typ}
}

// Wrap moves the Task and its accepted Reservations to wrapping.
func (o *Offers) Wrap(reason string, now time.Time) ([]Happening, error) {
	t := o.Task
	if t.Status != TaskAssigned {
		return nil, Invalidf("Cannot wrap up a task %s in workspace %s for account %s because it's not currently assigned", t.SID, t.WorkspaceSID, t.AccountSID)
	}
	var out []Happening
	for _, r := range o.with(ReservationAccepted) {
		out = append(out, move(r, ReservationWrapping, ReservationWrapup, now))
	}
	t.Reason = reason
	out = append(out, o.wrap(now))
	o.touch(now)
	return out, nil
}

// Complete ends an assigned or wrapping Task.
func (o *Offers) Complete(reason string, now time.Time) ([]Happening, error) {
	t := o.Task
	if t.Status != TaskAssigned && t.Status != TaskWrapping {
		return nil, Invalidf("Cannot complete task %s in workspace %s for account %s because it is not currently assigned.", t.SID, t.WorkspaceSID, t.AccountSID)
	}
	var out []Happening
	for _, r := range o.with(ReservationAccepted, ReservationWrapping) {
		out = append(out, move(r, ReservationCompleted, ReservationWasCompleted, now))
	}
	if reason != "" {
		t.Reason = reason
	}
	out = append(out, o.end(TaskCompleted, TaskWasCompleted, now))
	o.settle()
	o.touch(now)
	return out, nil
}

// Cancel ends a pending or reserved Task; its offers are withdrawn.
func (o *Offers) Cancel(reason string, now time.Time) ([]Happening, error) {
	t := o.Task
	if t.Status != TaskPending && t.Status != TaskReserved {
		return nil, Invalidf("Cannot cancel task %s in workspace %s for account %s because it is not pending or reserved.", t.SID, t.WorkspaceSID, t.AccountSID)
	}
	out := o.withdraw(now)
	t.Reason = reason
	out = append(out, o.end(TaskCanceled, TaskWasCanceled, now))
	o.settle()
	o.touch(now)
	return out, nil
}

// withdraw cancels what is pending and completes what was accepted.
func (o *Offers) withdraw(now time.Time) []Happening {
	var out []Happening
	for _, r := range o.Open {
		if r.Status == ReservationPending {
			out = append(out, move(r, ReservationCanceled, ReservationWasCanceled, now))
		} else {
			out = append(out, move(r, ReservationCompleted, ReservationWasCompleted, now))
		}
	}
	return out
}

// Delete removes the Task in any state: pending offers are canceled, accepted
// and wrapping ones completed. The status stays what it was.
func (o *Offers) Delete(now time.Time) []Happening { return o.remove(TaskDeleted, now) }

// SystemDelete is Delete by the limit on assigned Tasks.
func (o *Offers) SystemDelete(now time.Time) []Happening { return o.remove(TaskSystemDeleted, now) }

func (o *Offers) remove(typ EventType, now time.Time) []Happening {
	out := o.withdraw(now)
	o.settle()
	o.Task.DemandClass = ""
	o.touch(now)
	return append(out, Happening{Type: typ})
}
