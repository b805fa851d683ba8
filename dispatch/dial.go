package dispatch

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// maxPlacements is how often the placement of a leg is begun. It is begun again
// when the process that began it was lost before it could say what came of it;
// the telephone driver knows the attempt and rings nobody twice.
const maxPlacements = 3

// BeginDial notes that a leg is about to be placed. Proceed is false when it
// was placed already or is not wanted any more.
func (d *Dispatcher) BeginDial(ctx context.Context, ws, attempt string) (DialOrder, error) {
	var out DialOrder
	err := d.run(ctx, work(ws, ""), func(ctx context.Context, u *Unit) error {
		out = DialOrder{} // what an earlier try found went with its transaction
		if err := u.load(ctx); err != nil {
			return err
		}
		e, l, err := u.legEntry(ctx, attempt)
		if err != nil || l == nil || l.HangUp || !toPlace(l) {
			return err
		}
		call, err := u.callOf(ctx, e.Task)
		if err != nil {
			return err
		}
		if call != nil && call.State == taskrouter.CallEnded {
			if l.State == taskrouter.LegPlacing {
				u.hangUp(e, l) // it may be ringing
				return nil
			}
			u.endLeg(e, l, "caller left")
			return nil
		}
		if out.Drain, err = u.toDrain(ctx, e, l); err != nil {
			return err
		}
		l.State = taskrouter.LegPlacing
		l.Placements++
		l.Deadline = u.legDeadline(l)
		u.touchLeg(e, l)
		leg := *l
		out.Proceed, out.Leg, out.Caller, out.Instruction = true, &leg, call, e.instructionOf(l)
		return nil
	})
	return out, err
}

// toDrain lists the legs to the same Worker that are being ended: their phone
// would be busy. A supervisor known by address only is nobody's Worker.
func (u *Unit) toDrain(ctx context.Context, e *entry, l *taskrouter.Leg) (legs []*taskrouter.Leg, err error) {
	if l.WorkerSID == "" {
		return nil, nil
	}
	others, err := u.tx.OpenLegsTo(ctx, l.WorkerSID)
	if err != nil {
		return nil, err
	}
	for _, o := range others {
		if o.Attempt == l.Attempt || o.State == taskrouter.LegWanted || o.Purpose == taskrouter.LegRedirects {
			continue
		}
		if o.HangUp {
			legs = append(legs, o)
		}
	}
	return legs, nil
}

// instructionOf is the instruction an agent's leg was placed for; nil for none,
// and when another instruction has taken its place.
func (e *entry) instructionOf(l *taskrouter.Leg) *taskrouter.Instruction {
	if r := e.reservation(l.ReservationSID); r != nil && l.ServesInstruction(r.Instruction) {
		return r.Instruction
	}
	return nil
}

// toPlace reports whether a leg is to be placed: it never was, or nobody knows
// what came of it.
func toPlace(l *taskrouter.Leg) bool {
	return l.State == taskrouter.LegWanted ||
		(l.State == taskrouter.LegPlacing && len(l.CallSIDs) == 0 && l.Placements < maxPlacements)
}

// DialReported notes the outcome of a placement. A leg whose offer ended
// meanwhile is to be hung up now that its call is known.
func (d *Dispatcher) DialReported(ctx context.Context, ws string, in DialReport) (taskrouter.View, error) {
	return d.viewAfter(ctx, ws, "", func(ctx context.Context, u *Unit) (*entry, error) {
		e, l, err := u.legEntry(ctx, in.Attempt)
		if err != nil || l == nil {
			return nil, err
		}
		for _, sid := range in.CallSIDs {
			u.revealCall(e, l, sid)
		}
		switch in.Outcome {
		case DialPlaced:
			if l.Purpose == taskrouter.LegRedirects {
				u.endLeg(e, l, "completed")
				return e, nil
			}
			if l.State.Before(taskrouter.LegDialing) {
				l.State = taskrouter.LegDialing
			}
			l.Unknown = false
			u.touchLeg(e, l)
		case DialUnknown:
			if l.State == taskrouter.LegPlacing {
				l.Unknown = true
				u.touchLeg(e, l)
			}
		case DialFailed:
			if l.State.Before(taskrouter.LegAnswered) {
				return e, u.legOver(ctx, e, l, in.Cause)
			}
		}
		return e, nil
	})
}

// revealCall adds a platform leg to an attempt.
func (u *Unit) revealCall(e *entry, l *taskrouter.Leg, sid string) {
	if sid == "" {
		return
	}
	for _, have := range l.CallSIDs {
		if have == sid {
			return
		}
	}
	l.CallSIDs = append(l.CallSIDs, sid)
	l.Unknown = false
	u.touchLeg(e, l)
}

// LegHungUp notes that the platform carried out our hang-up.
func (d *Dispatcher) LegHungUp(ctx context.Context, ws, attempt string) (taskrouter.View, error) {
	return d.viewAfter(ctx, ws, "", func(ctx context.Context, u *Unit) (*entry, error) {
		e, l, err := u.legEntry(ctx, attempt)
		if err != nil || l == nil {
			return nil, err
		}
		if l.HangUp && l.State != taskrouter.LegEnded {
			u.endLeg(e, l, "hung up")
		}
		return e, nil
	})
}

// JoinSeen notes that both parties are in the room.
func (d *Dispatcher) JoinSeen(ctx context.Context, ws, attempt string) (taskrouter.View, error) {
	return d.viewAfter(ctx, ws, "", func(ctx context.Context, u *Unit) (*entry, error) {
		e, l, err := u.legEntry(ctx, attempt)
		if err != nil || l == nil {
			return nil, err
		}
		if l.State == taskrouter.LegAnswered {
			l.State, l.JoinedAt, l.Deadline = taskrouter.LegJoined, u.at, time.Time{}
			u.touchLeg(e, l)
		}
		return e, nil
	})
}

// Leg reads an agent's leg; nil when unknown.
func (d *Dispatcher) Leg(ctx context.Context, ws, attempt string) (*taskrouter.Leg, error) {
	var out *taskrouter.Leg
	err := d.run(ctx, work(ws, ""), func(ctx context.Context, u *Unit) error {
		l, err := u.tx.Leg(ctx, attempt)
		out = l
		return err
	})
	return out, err
}

// LegFact takes in a report about an agent's leg. Reports may come late, twice
// and in any order: a leg only moves forward.
func (d *Dispatcher) LegFact(ctx context.Context, in LegReport) error {
	ws, err := d.store.WorkspaceOfLeg(ctx, in.Attempt)
	if err != nil || ws == "" {
		return err
	}
	return d.run(ctx, place{workspace: ws, lane: laneCalls}, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		e, l, err := u.legEntry(ctx, in.Attempt)
		if err != nil || l == nil {
			return err
		}
		u.revealCall(e, l, in.CallSID)
		if !l.State.Before(in.State) {
			return nil
		}
		switch in.State {
		case taskrouter.LegEnded:
			return u.legReportedOver(ctx, e, l, in)
		case taskrouter.LegAnswered:
			l.CallSID, l.AnsweredAt = in.CallSID, u.at
			l.State = taskrouter.LegAnswered
			l.Deadline = u.at.Add(taskrouter.JoinTimeout)
			if !l.HangUp && (l.Purpose == taskrouter.LegForeign || l.Purpose == taskrouter.LegSupervises) {
				l.Deadline = time.Time{} // no join has to follow
			}
			u.touchLeg(e, l)
		case taskrouter.LegJoined:
			l.State, l.JoinedAt, l.Deadline = taskrouter.LegJoined, u.at, time.Time{}
			u.touchLeg(e, l)
		case taskrouter.LegDialing, taskrouter.LegRinging:
			l.State = in.State
			u.touchLeg(e, l)
		case taskrouter.LegWanted, taskrouter.LegPlacing:
		}
		return nil
	})
}

// legReportedOver takes in the end of one platform leg. An attempt that rings
// several devices is over when the last one is, or the one that answered.
func (u *Unit) legReportedOver(ctx context.Context, e *entry, l *taskrouter.Leg, in LegReport) error {
	if in.CallSID != "" && l.CallSID != "" && l.CallSID != in.CallSID {
		return nil // another device of the same agent stopped ringing
	}
	if in.CallSID != "" && l.CallSID == "" && len(l.CallSIDs) > 1 {
		kept := l.CallSIDs[:0:0]
		for _, sid := range l.CallSIDs {
			if sid != in.CallSID {
				kept = append(kept, sid)
			}
		}
		l.CallSIDs = kept
		u.touchLeg(e, l)
		return nil
	}
	return u.legOver(ctx, e, l, in.Cause)
}

// CallOfTask reads the caller's leg of a Task; nil when there is none.
func (d *Dispatcher) CallOfTask(ctx context.Context, ws, taskSID string) (*taskrouter.Call, error) {
	var out *taskrouter.Call
	err := d.run(ctx, work(ws, ""), func(ctx context.Context, u *Unit) error {
		c, err := u.tx.CallOfTask(ctx, taskSID)
		out = c
		return err
	})
	return out, err
}
