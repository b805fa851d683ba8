package dispatch

import (
	"context"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// UpdateReservation answers an offer or moves it on. Accepting a rescinded
// offer is a KindGone error.
func (d *Dispatcher) UpdateReservation(ctx context.Context, in ReservationUpdate) (*taskrouter.Reservation, error) {
	var out taskrouter.Reservation
	err := d.inWorkspace(ctx, work(in.WorkspaceSID, in.TaskSID), in.AccountSID, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		u.As(in.Actor)
		e, r, err := u.offerOf(ctx, in.TaskSID, in.SID)
		if err != nil {
			return err
		}
		if r == nil || u.hidden(e) || (in.TaskSID != "" && r.TaskSID != in.TaskSID) || (in.WorkerSID != "" && r.WorkerSID != in.WorkerSID) {
			return reservationNotFound(in)
		}
		if err := checkMatch(in.IfMatch, r.Version); err != nil {
			return err
		}
		if err := u.updateReservation(ctx, e, r, in); err != nil {
			return err
		}
		out = *r
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

func reservationNotFound(in ReservationUpdate) error {
	parent := "Tasks/" + in.TaskSID
	if in.WorkerSID != "" {
		parent = "Workers/" + in.WorkerSID
	}
	return taskrouter.NotFoundf("The requested resource /v1/Workspaces/%s/%s/Reservations/%s was not found", in.WorkspaceSID, parent, in.SID)
}

// offer loads a Reservation with its Task. A final one has no place among the
// open ones but is returned all the same; e is nil when the Task is gone.
func (u *Unit) offer(ctx context.Context, sid string) (*entry, *taskrouter.Reservation, error) {
	r, err := u.tx.Reservation(ctx, sid)
	if err != nil || r == nil {
		return nil, nil, err
	}
	e, err := u.entry(ctx, r.TaskSID)
	if err != nil || e == nil {
		return nil, nil, err
	}
	if open := e.reservation(sid); open != nil {
		r = open
	}
	return e, r, nil
}

// offerOf is offer for who knows the Task, which spares a read while the
// Reservation is open.
func (u *Unit) offerOf(ctx context.Context, taskSID, sid string) (*entry, *taskrouter.Reservation, error) {
	if taskSID != "" {
		e, err := u.entry(ctx, taskSID)
		if err != nil {
			return nil, nil, err
		}
		if e != nil {
			if r := e.reservation(sid); r != nil {
				return e, r, nil
			}
		}
	}
	return u.offer(ctx, sid)
}

func (u *Unit) updateReservation(ctx context.Context, e *entry, r *taskrouter.Reservation, in ReservationUpdate) error {
	if in.Instruction != nil {
		return u.instruct(ctx, e, r, in.Instruction, byRequest)
	}
	if in.Status == nil {
		return nil
	}
	attended := e.attended()
	switch *in.Status {
	case taskrouter.ReservationAccepted:
		return u.accept(ctx, e, r)
	case taskrouter.ReservationRejected:
		return u.reject(ctx, e, r, in.WorkerActivitySID)
	case taskrouter.ReservationWrapping:
		hs, err := e.WrapReservation(r.SID, u.at)
		if err != nil {
			return err
		}
		return u.closeTask(ctx, e, hs, attended)
	case taskrouter.ReservationCompleted:
		hs, err := e.CompleteReservation(r.SID, u.at)
		if err != nil {
			return err
		}
		return u.closeTask(ctx, e, hs, attended)
	case taskrouter.ReservationPending, taskrouter.ReservationTimeout, taskrouter.ReservationCanceled, taskrouter.ReservationRescinded:
		return taskrouter.Invalidf("ReservationStatus cannot be set to %s", *in.Status)
	default:
		return taskrouter.Invalidf("Unknown ReservationStatus '%s'", *in.Status)
	}
}

func (u *Unit) applyAndMatch(ctx context.Context, e *entry, hs []taskrouter.Happening) error {
	freed, err := u.apply(ctx, e, hs)
	if err != nil {
		return err
	}
	return u.changed(ctx, ReservationEnded, e, freed...)
}

// accept makes an offer the winner. A caller who waits on the line is then
// connected: the agent's phone is rung, or, when it rings already, its answer
// joins.
func (u *Unit) accept(ctx context.Context, e *entry, r *taskrouter.Reservation) error {
	if err := u.acceptOffer(ctx, e, r); err != nil {
		return err
	}
	for _, l := range e.legs {
		if l.ReservationSID == r.SID && l.State != taskrouter.LegEnded && !l.HangUp && l.Purpose == taskrouter.LegAccepts {
			l.Purpose = taskrouter.LegConnects
			u.touchLeg(e, l)
			return nil
		}
	}
	return u.connect(ctx, e, r)
}

// acceptOffer is the acceptance itself, without any leg.
func (u *Unit) acceptOffer(ctx context.Context, e *entry, r *taskrouter.Reservation) error {
	if r.Status == taskrouter.ReservationRescinded {
		return taskrouter.Errorf(taskrouter.KindGone, "Reservation %s was rescinded", r.SID)
	}
	hs, err := e.Accept(r.SID, u.at)
	if err != nil {
		return err
	}
	freed, err := u.apply(ctx, e, hs)
	if err != nil {
		return err
	}
	return u.matchAgents(ctx, freed...)
}

// reject ends an offer by the agent's choice; the agent may name the Activity
// to go to.
func (u *Unit) reject(ctx context.Context, e *entry, r *taskrouter.Reservation, activitySID string) error {
	if activitySID != "" && u.cfg().Activities[activitySID] == nil {
		return taskrouter.InvalidCode(codeRejectActivity, "WorkerActivitySid %s does not exist in this Workspace", activitySID)
	}
	previous := r.PreviousActivitySID
	if activitySID != "" {
		r.PreviousActivitySID = "" // the agent says where to go instead
	}
	hs, err := e.EndOffer(r.SID, taskrouter.ReservationRejected, "", u.at)
	if err != nil {
		r.PreviousActivitySID = previous
		return err
	}
	freed, err := u.apply(ctx, e, hs)
	if err != nil {
		return err
	}
	if activitySID != "" {
		a, err := u.agent(ctx, r.WorkerSID)
		if err != nil {
			return err
		}
		if a != nil {
			u.setActivity(a, activitySID)
			if err := u.reviseMembership(ctx, a); err != nil {
				return err
			}
		}
	}
	return u.changed(ctx, ReservationEnded, e, freed...)
}

// fail ends an offer for a technical reason: the Task pauses before it is
// offered again, longer each time.
func (u *Unit) fail(ctx context.Context, e *entry, r *taskrouter.Reservation, reason string) error {
	hs, err := e.EndOffer(r.SID, taskrouter.ReservationCanceled, reason, u.at)
	if err != nil {
		return err
	}
	e.Task.FailedOffers++
	e.Task.OfferNotBefore = u.at.Add(taskrouter.OfferBackoff(e.Task.FailedOffers))
	return u.applyAndMatch(ctx, e, hs)
}

// expireOffer ends an offer nobody answered; its agent goes to the Workspace's
// timeout Activity.
func (u *Unit) expireOffer(ctx context.Context, e *entry, r *taskrouter.Reservation) error {
	hs, err := e.EndOffer(r.SID, taskrouter.ReservationTimeout, "", u.at)
	if err != nil {
		return err
	}
	freed, err := u.apply(ctx, e, hs)
	if err != nil {
		return err
	}
	for _, sid := range freed {
		if a, err := u.agent(ctx, sid); err != nil {
			return err
		} else if a != nil {
			if err := u.reviseMembership(ctx, a); err != nil {
				return err
			}
		}
	}
	return u.changed(ctx, ReservationEnded, e, freed...)
}

// CallbackOrder gives the order for an assignment callback to whoever asks
// first. A process that dies with it cannot be told from one whose request was
// made, so nobody gets it twice.
func (d *Dispatcher) CallbackOrder(ctx context.Context, ws, taskSID, reservationSID string) (CallbackOrder, error) {
	var out CallbackOrder
	err := d.run(ctx, work(ws, taskSID), func(ctx context.Context, u *Unit) error {
		// What an earlier try found went with its transaction.
		out = CallbackOrder{}
		if err := u.load(ctx); err != nil {
			return err
		}
		e, r, err := u.offerOf(ctx, taskSID, reservationSID)
		if err != nil || r == nil {
			return err
		}
		if r.Status != taskrouter.ReservationPending || r.Callback != taskrouter.CallbackDue {
			out.Taken = r.AwaitsCallback()
			return nil
		}
		a, err := u.agent(ctx, r.WorkerSID)
		if err != nil || a == nil {
			return err
		}
		w := u.cfg().Workflows[r.WorkflowSID]
		if w == nil || w.AssignmentCallbackURL == "" {
			return nil
		}
		r.Callback = taskrouter.CallbackTaken
		u.touchReservation(r)
		task, res := *e.Task, *r
		out = CallbackOrder{
			Proceed: true, URL: w.AssignmentCallbackURL, FallbackURL: w.FallbackAssignmentCallbackURL,
			Task: &task, Worker: a.Worker, Reservation: &res,
		}
		if c := u.cfg().Channels[task.TaskChannelSID]; c != nil {
			out.ChannelName = c.UniqueName
		}
		return nil
	})
	return out, err
}

// CallbackAnswered applies the answer of an assignment callback. An answer that
// comes after the offer ended changes nothing.
func (d *Dispatcher) CallbackAnswered(ctx context.Context, ws, taskSID, reservationSID string, o CallbackOutcome) (taskrouter.View, error) {
	return d.viewAfter(ctx, ws, taskSID, func(ctx context.Context, u *Unit) (*entry, error) {
		e, r, err := u.offerOf(ctx, taskSID, reservationSID)
		if err != nil || r == nil {
			return nil, err
		}
		if !r.AwaitsCallback() {
			return e, nil
		}
		r.Callback = taskrouter.CallbackDone
		u.touchReservation(r)
		if o.Failed {
			r.Callback = taskrouter.CallbackFailed
			u.touchTask(e)
			return e, u.fail(ctx, e, r, taskrouter.ReasonCallbackFailed)
		}
		if o.Instruction == nil {
			return e, nil // who asks learns it from the answer
		}
		u.touchTask(e)
		if err := u.instruct(ctx, e, r, o.Instruction, byCallback); err != nil {
			if taskrouter.KindOf(err) != taskrouter.KindInvalid {
				return nil, err
			}
			u.reportInstruction(r, o.Instruction, err) // the offer stays pending
		}
		return e, nil
	})
}
