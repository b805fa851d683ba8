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
		if b.aside[t.SID] {
			if err := b.putAside(ctx, t.SID); err != nil {
				return err
			}
			continue
		}
		lock, cfg := b.lock, b.cfg
		u := b.unit()
		err := u.carryOut(ctx, func(ctx context.Context, u *Unit) error {
			if err := u.load(ctx); err != nil {
				return err
			}
			// Read it again: what an earlier one freed may have changed it.
			e, err := u.entry(ctx, t.SID)
			if err != nil || e == nil {
				return err
			}
			return u.dueTask(ctx, e, b.now)
		})
		switch {
		case err == nil:
			continue
		case taskrouter.KindOf(err) == taskrouter.KindUnavailable:
			return err
		}
		// One Task that cannot be handled must not hold up the Workspace.
		b.d.log.Error("overdue task cannot be handled; it is put aside", logging.TaskSID(t.SID), logging.Err(err))
		if u.wrote {
			return &stuckTask{sid: t.SID, cause: err}
		}
		b.lock, b.cfg = lock, cfg
		if err := b.putAside(ctx, t.SID); err != nil {
			return err
		}
	}
	return nil
}

// stuckTask ends a transaction in which an overdue Task could not be handled.
type stuckTask struct {
	sid   string
	cause error
}

func (s *stuckTask) Error() string { return "task " + s.sid + ": " + s.cause.Error() }
func (s *stuckTask) Unwrap() error { return s.cause }

// stuckPause is how long a Task that cannot be handled waits for the next try.
const stuckPause = time.Minute

// putAside moves the stored deadline of a Task, and nothing else of it, so that
// the ones behind it get their turn.
func (b *batch) putAside(ctx context.Context, sid string) error {
	ts, err := b.tx.Tasks(ctx, sid)
	if err != nil || len(ts) == 0 {
		return err
	}
	return b.tx.Apply(ctx, &Changes{Lock: b.lock, Tasks: []TaskWrite{{Task: ts[0], Deadline: b.now.Add(stuckPause)}}})
}

// Due does what is due for one Task. The deadline its timer carried counts as
// reached even when this process's clock is behind.
func (d *Dispatcher) Due(ctx context.Context, ws, taskSID string, carried time.Time) (taskrouter.View, error) {
	v, err := d.viewAfter(ctx, ws, taskSID, func(ctx context.Context, u *Unit) (*entry, error) {
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
		attended := e.attended()
		return u.removeTask(ctx, e, e.SystemDelete(u.at), attended)
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
		return u.changed(ctx, BackoffOver, e)
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
		case l.Purpose == taskrouter.LegSupervises: // did not answer, and nobody depends on it
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
			if l.Purpose == taskrouter.LegForeign {
				u.endLeg(e, l, causeLost) // the customer's own leg is not ours to end
			}
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
