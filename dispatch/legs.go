package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// ringAll starts what a new offer of a phone Task does by itself: without an
// assignment callback the agent's phone rings and answering accepts.
func (u *Unit) ringAll(ctx context.Context, e *entry, offers []*taskrouter.Reservation) error {
	if e.Task.CallSID == "" {
		return nil
	}
	call, err := u.callOf(ctx, e.Task)
	if err != nil || call == nil || call.State == taskrouter.CallEnded {
		return err
	}
	if q := u.cfg().CallQueues[call.CallQueueSID]; q != nil && q.Instruction == InstructionNone {
		return nil
	}
	for _, r := range offers {
		if r.Callback != taskrouter.CallbackNone || r.Status != taskrouter.ReservationPending {
			continue
		}
		err := u.ringFor(ctx, e, r, &taskrouter.Instruction{Kind: taskrouter.InstructDequeue})
		if taskrouter.KindOf(err) == taskrouter.KindInvalid && err != nil {
			// The agent cannot be rung; a REST client may still answer for them.
			u.reportInstruction(r, &taskrouter.Instruction{Kind: taskrouter.InstructDequeue}, err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// InstructionNone is the CallQueue setting that leaves offers to REST clients.
const InstructionNone = "none"

// connect rings the agent of a Reservation that was accepted without a phone,
// when a caller waits on the line and the agent can be rung.
func (u *Unit) connect(ctx context.Context, e *entry, r *taskrouter.Reservation) error {
	call, err := u.callOf(ctx, e.Task)
	if err != nil || call == nil || call.State == taskrouter.CallEnded {
		return err
	}
	address, err := u.address(ctx, r, r.Instruction)
	if err != nil || address == "" {
		return err
	}
	return u.placeLeg(ctx, e, r, &taskrouter.Leg{
		Purpose: taskrouter.LegConnects, Backend: call.Backend, Instance: call.Backend,
		To: address, From: call.To, RingTimeout: taskrouter.DefaultRingTimeout,
	})
}

// placeLeg writes down that the durable run has to dial.
func (u *Unit) placeLeg(ctx context.Context, e *entry, r *taskrouter.Reservation, l *taskrouter.Leg) error {
	n, err := u.tx.CountLegs(ctx, r.SID)
	if err != nil {
		return err
	}
	for _, have := range e.legs { // those this unit has not written yet
		if have.ReservationSID == r.SID && have.CreatedAt.Equal(u.at) {
			n++
		}
	}
	l.Attempt = fmt.Sprintf("%s-%d", r.SID, n+1)
	l.AccountSID, l.WorkspaceSID, l.TaskSID = r.AccountSID, r.WorkspaceSID, r.TaskSID
	l.ReservationSID = r.SID
	if l.Purpose != taskrouter.LegSupervises {
		l.WorkerSID = r.WorkerSID
	}
	l.State, l.CreatedAt = taskrouter.LegWanted, u.at
	l.Deadline = u.legDeadline(l)
	e.legs = append(e.legs, l)
	u.touchLeg(e, l)
	return nil
}

// placementSlack is what placing a call may take besides the ringing: draining
// an older leg and finding out about a lost reply.
const placementSlack = 15 * time.Second

func (u *Unit) legDeadline(l *taskrouter.Leg) time.Time {
	return u.at.Add(l.RingTimeout + taskrouter.LegReportGrace + placementSlack)
}

// dropLegs ends the legs of a Reservation that is over.
func (u *Unit) dropLegs(e *entry, r *taskrouter.Reservation) {
	for _, l := range e.legs {
		if l.ReservationSID == r.SID {
			u.hangUp(e, l)
		}
	}
}

// hangUp asks the durable run to end a leg. One that was never dialled is over
// at once; the customer's own legs are left alone.
func (u *Unit) hangUp(e *entry, l *taskrouter.Leg) {
	switch {
	case l.State == taskrouter.LegEnded || l.HangUp:
		return
	case l.Purpose == taskrouter.LegForeign || l.Purpose == taskrouter.LegRedirects:
		if l.State == taskrouter.LegWanted || l.Purpose == taskrouter.LegRedirects {
			u.endLeg(e, l, "withdrawn")
		}
		return
	case l.State == taskrouter.LegWanted:
		u.endLeg(e, l, "withdrawn")
		return
	}
	l.HangUp = true
	l.Deadline = u.at.Add(hangUpPatience)
	u.touchLeg(e, l)
}

// hangUpPatience is how long a leg may resist its end before the store stops
// waiting for it.
const hangUpPatience = time.Minute

func (u *Unit) endLeg(e *entry, l *taskrouter.Leg, cause string) {
	l.State, l.EndCause, l.EndedAt, l.Deadline = taskrouter.LegEnded, cause, u.at, time.Time{}
	u.touchLeg(e, l)
}

// legEntry loads an agent's leg with its Task; both nil when unknown.
func (u *Unit) legEntry(ctx context.Context, attempt string) (*entry, *taskrouter.Leg, error) {
	l, err := u.tx.Leg(ctx, attempt)
	if err != nil || l == nil {
		return nil, nil, err
	}
	e, err := u.entry(ctx, l.TaskSID)
	if err != nil || e == nil {
		return nil, nil, err
	}
	if have := e.leg(attempt); have != nil {
		return e, have, nil
	}
	e.legs = append(e.legs, l)
	return e, l, nil
}

// legOver is what the end of an agent's leg means for the Reservation.
func (u *Unit) legOver(ctx context.Context, e *entry, l *taskrouter.Leg, cause string) error {
	wasJoined, purpose := !l.JoinedAt.IsZero(), l.Purpose
	asked := l.HangUp
	u.endLeg(e, l, cause)
	r := e.reservation(l.ReservationSID)
	if r == nil || asked || purpose == taskrouter.LegRedirects || purpose == taskrouter.LegSupervises {
		return nil // the Reservation is over already, the end was our doing, or nobody depends on it
	}
	if !wasJoined && e.tried(r) {
		return nil // the agent talks, or is being rung, on another leg
	}
	switch r.Status {
	case taskrouter.ReservationPending:
		switch cause {
		case causeNoAnswer:
			return u.expireOffer(ctx, e, r)
		case causeBusy:
			return u.fail(ctx, e, r, taskrouter.ReasonBusy)
		default:
			reason := taskrouter.ReasonDialFailed
			if !l.AnsweredAt.IsZero() {
				reason = taskrouter.ReasonAgentLeft
			}
			return u.fail(ctx, e, r, reason)
		}
	case taskrouter.ReservationAccepted:
		if purpose == taskrouter.LegForeign {
			return nil
		}
		if !wasJoined {
			return u.joinFailed(ctx, e, r)
		}
		return u.conversationOver(ctx, e, "")
	case taskrouter.ReservationWrapping, taskrouter.ReservationRejected, taskrouter.ReservationTimeout,
		taskrouter.ReservationCanceled, taskrouter.ReservationRescinded, taskrouter.ReservationCompleted:
	}
	return nil
}

// tried reports whether another of our legs brings agent and caller together, or
// may yet. On the customer's own ones nobody knows.
func (e *entry) tried(r *taskrouter.Reservation) bool {
	l := e.agentLeg(r)
	return l != nil && l.Purpose != taskrouter.LegForeign
}

// Causes of a leg's end that mean different things for its offer.
const (
	causeNoAnswer = "no-answer"
	causeBusy     = "busy"
	causeLost     = "lost"
)

// attended reports whether somebody took care of the caller, or the customer's
// own markup does: their leg then ends without us.
func (e *entry) attended() bool {
	switch e.Task.Status {
	case taskrouter.TaskPending, taskrouter.TaskReserved:
		return false
	case taskrouter.TaskAssigned:
		for _, l := range e.legs {
			if l.Purpose != taskrouter.LegSupervises && (!l.JoinedAt.IsZero() || l.Purpose == taskrouter.LegForeign) {
				return true
			}
		}
		for _, r := range e.Open {
			if r.Instruction != nil && (r.Instruction.Kind == taskrouter.InstructCall || r.Instruction.Kind == taskrouter.InstructRedirect) {
				return true
			}
		}
		return false
	case taskrouter.TaskWrapping, taskrouter.TaskCompleted, taskrouter.TaskCanceled:
	}
	return true
}

// dismiss sends a caller whom nobody attended to the closing words, after the
// Task was ended without a conversation: nobody else would end their wait.
func (u *Unit) dismiss(ctx context.Context, e *entry) error {
	t := e.Task
	call, err := u.callOf(ctx, t)
	if err != nil || call == nil || call.State == taskrouter.CallEnded || call.TaskSID != t.SID {
		return err
	}
	for _, l := range e.legs { // who answers now would find nobody
		u.hangUp(e, l)
	}
	l := &taskrouter.Leg{
		Attempt: t.SID + "-end", AccountSID: t.AccountSID, WorkspaceSID: t.WorkspaceSID, TaskSID: t.SID,
		Backend: call.Backend, Instance: call.Backend, Purpose: taskrouter.LegRedirects,
		To: call.CallSID, State: taskrouter.LegWanted, CreatedAt: u.at,
	}
	l.Deadline = u.legDeadline(l)
	e.legs = append(e.legs, l)
	u.touchLeg(e, l)
	return nil
}

// conversationOver moves an assigned Task to wrapping.
func (u *Unit) conversationOver(ctx context.Context, e *entry, reason string) error {
	if e.Task.Status != taskrouter.TaskAssigned {
		return nil
	}
	hs, err := e.Wrap(reason, u.at)
	if err != nil {
		return err
	}
	return u.applyAndMatch(ctx, e, hs)
}

// joinFailed ends a Reservation whose agent could not be brought together with
// the caller. A caller who still waits gets a successor Task with the same
// place in line.
func (u *Unit) joinFailed(ctx context.Context, e *entry, r *taskrouter.Reservation) error {
	call, err := u.callOf(ctx, e.Task)
	if err != nil {
		return err
	}
	old := *e.Task
	hs, err := e.CompleteReservation(r.SID, u.at)
	if err != nil {
		return err
	}
	e.Task.Reason = taskrouter.ReasonJoinFailed
	freed, err := u.apply(ctx, e, hs)
	if err != nil {
		return err
	}
	if call == nil || call.State == taskrouter.CallEnded || !e.Task.Status.Ended() {
		return u.matchAgents(ctx, freed...)
	}
	next := NewTask{
		AccountSID: old.AccountSID, WorkspaceSID: old.WorkspaceSID, Attributes: old.Attributes,
		SID: taskrouter.NewSID(taskrouter.PrefixTask), WorkflowSID: old.WorkflowSID, Priority: old.Priority,
		Timeout: old.Timeout, Channel: old.TaskChannelSID, VirtualStartTime: old.VirtualStartTime,
		CallSID: old.CallSID, WrapUp: old.WrapUp,
	}
	call.TaskSID = next.SID
	_, err = u.createTask(ctx, next, freed...)
	if err != nil && taskrouter.KindOf(err) == taskrouter.KindInvalid && u.tasks[next.SID] == nil {
		// The configuration has no place for the caller any more.
		u.d.log.Warn("no successor for a caller who still waits", logging.TaskSID(old.SID), logging.Err(err))
		call.TaskSID = old.SID
		if err := u.dismiss(ctx, e); err != nil {
			return err
		}
		return u.matchAgents(ctx, freed...)
	}
	if err != nil {
		return err
	}
	u.touchCall(call)
	return u.matchAgents(ctx, freed...)
}
