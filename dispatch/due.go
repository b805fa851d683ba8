package dispatch

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// expireLimit bounds how many overdue Tasks one transaction handles before its
// own commands; the rest follow with the next transaction or the sweeper.
const expireLimit = 50

// expire does what is overdue in the Workspace, in deadline order.
func (b *batch) expire(ctx context.Context) error {
	if b.lock.NextDue.IsZero() || b.lock.NextDue.After(b.now) {
		return nil
	}
	ts, err := b.tx.DueTasks(ctx, b.now, expireLimit)
	if err != nil {
		return err
	}
	for _, t := range ts {
		u := b.unit()
		if err := u.load(ctx); err != nil {
			return err
		}
		// Read it again: what an earlier one freed may have changed it.
		e, err := u.entry(ctx, t.SID)
		if err != nil {
			return err
		}
		if e == nil {
			continue
		}
		if err := u.dueTask(ctx, e, b.now); err != nil {
			if u.wrote || taskrouter.KindOf(err) == taskrouter.KindUnavailable {
				return err
			}
			// One Task that cannot be handled must not hold up the Workspace.
			b.d.log.Error("overdue task cannot be handled", logging.TaskSID(t.SID), logging.Err(err))
			continue
		}
		if err := u.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Due does what is due for one Task. The deadline its timer carried counts as
// reached even when this process's clock is behind.
func (d *Dispatcher) Due(ctx context.Context, ws, taskSID string, carried time.Time) (taskrouter.View, error) {
	v, err := d.viewAfter(ctx, ws, func(ctx context.Context, u *Unit) (*entry, error) {
		e, err := u.entry(ctx, taskSID)
		if err != nil || e == nil {
			return nil, err
		}
		now := u.at
		if carried.After(now) {
			now = carried
		}
		return e, u.dueTask(ctx, e, now)
	})
	v.TaskSID = taskSID
	return v, err
}

// dueTask does everything that is due for a Task, one thing at a time in the
// order of the deadlines; each may change the others.
func (u *Unit) dueTask(ctx context.Context, e *entry, now time.Time) error {
	// A Task can have at most one of each deadline, and each step removes or
	// moves one: the bound only guards against a fault of ours.
	for range 100 {
		at, what := u.deadline(e)
		if at.IsZero() || at.After(now) || e.deleted {
			return nil
		}
		if err := u.dueStep(ctx, e, what, now); err != nil {
			return err
		}
	}
	return nil
}

func (u *Unit) dueStep(ctx context.Context, e *entry, what string, now time.Time) error {
	t := e.Task
	switch what {
	case ForTTL:
		return u.cancelTask(ctx, e, taskrouter.ReasonTTL)
	case ForLimit:
		return u.removeTask(ctx, e, e.SystemDelete(u.at))
	case ForWrapUp:
		hs, err := e.Complete("", u.at)
		if err != nil {
			return err
		}
		return u.applyAndMatch(ctx, e, hs)
	case ForOffer:
		for _, r := range e.Open {
			if r.Status == taskrouter.ReservationPending && !r.Deadline.After(now) {
				return u.expireOffer(ctx, e, r)
			}
		}
		return nil
	case ForTarget:
		if t.Status == taskrouter.TaskReserved {
			t.Route.Due = true // the move waits for the open offer
			u.touchTask(e)
			return nil
		}
		return u.targetTimeout(ctx, e)
	case ForBackoff:
		t.OfferNotBefore = time.Time{}
		u.touchTask(e)
		return u.resume(ctx, e)
	case ForLeg:
		return u.dueLeg(ctx, e, now)
	}
	return nil
}

// dueLeg handles a leg whose next report is overdue.
func (u *Unit) dueLeg(ctx context.Context, e *entry, now time.Time) error {
	for _, l := range e.legs {
		if l.State == taskrouter.LegEnded || l.Deadline.IsZero() || l.Deadline.After(now) {
			continue
		}
		switch {
		case l.HangUp: // it resisted; the poller would know if it were still up
			u.endLeg(e, l, causeLost)
		case l.State == taskrouter.LegJoined: // outlived the caller
			u.hangUp(e, l)
		case l.State == taskrouter.LegAnswered:
			u.hangUp(e, l)
			if r := e.reservation(l.ReservationSID); r != nil && r.Status == taskrouter.ReservationAccepted {
				return u.joinFailed(ctx, e, r)
			}
			if r := e.reservation(l.ReservationSID); r != nil && r.Status == taskrouter.ReservationPending {
				return u.fail(ctx, e, r, taskrouter.ReasonDialFailed)
			}
		default: // never answered and nobody said so
			r := e.reservation(l.ReservationSID)
			u.hangUp(e, l)
			switch {
			case r == nil:
			case r.Status == taskrouter.ReservationPending:
				return u.fail(ctx, e, r, taskrouter.ReasonDialFailed)
			case r.Status == taskrouter.ReservationAccepted && l.Purpose == taskrouter.LegConnects:
				return u.joinFailed(ctx, e, r)
			}
		}
		return nil
	}
	return nil
}
