package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// How much one round of the sweeper takes on.
const (
	sweepWorkspaces = 200
	sweepDepth      = 20
	sweepNotices    = 500
	sweepRemovals   = 500
	sweepJobs       = 20
	noticeRetry     = 5 * time.Second
	// sweepFailures is how many notices in a row are tried in vain.
	sweepFailures = 3
)

// Sweep does one round of what must not depend on Temporal or on the process
// that started it: overdue deadlines, unsent notices, ended Tasks whose grace
// period is over, and a chunk of each bulk job. Several processes may sweep.
func (d *Dispatcher) Sweep(ctx context.Context) error {
	return errors.Join(d.sweepDeadlines(ctx), d.sweepNotices(ctx), d.sweepRemovals(ctx), d.sweepJobs(ctx))
}

// sweepDeadlines opens a transaction in each Workspace where something is due;
// every transaction starts with what is overdue.
func (d *Dispatcher) sweepDeadlines(ctx context.Context) error {
	// After an outage much is due at once; each transaction does a part.
	for range sweepDepth {
		list, err := d.store.DueWorkspaces(ctx, d.now(), sweepWorkspaces)
		if err != nil {
			return err
		}
		failed := 0
		for _, ws := range list {
			if err := d.run(ctx, work(ws, ""), func(context.Context, *Unit) error { return nil }); err != nil {
				failed++
				d.log.Warn("overdue deadlines not handled", logging.WorkspaceSID(ws), logging.Err(err))
			}
		}
		if failed == len(list) {
			return nil
		}
	}
	return nil
}

// sweepNotices sends what its own process did not send.
func (d *Dispatcher) sweepNotices(ctx context.Context) error {
	if d.notifier == nil {
		return nil
	}
	list, err := d.store.PendingNotices(ctx, d.now(), sweepNotices)
	if err != nil {
		return err
	}
	var late, untried, held []Notice
	failed := 0 // in a row
	for i, n := range list {
		if failed == sweepFailures { // the deadlines of the next round must not wait for Temporal
			untried = list[i:]
			break
		}
		if d.outbox.holds(n.TaskSID) { // it is about to be sent, with what came after it
			held = append(held, n)
			continue
		}
		v, err := d.View(ctx, n.WorkspaceSID, n.TaskSID)
		if err != nil { // this Workspace cannot be read now; others can
			d.log.Warn("notice not sent", logging.TaskSID(n.TaskSID), logging.Err(err))
			late = append(late, n)
			continue
		}
		v.AccountSID, v.WorkspaceSID = n.AccountSID, n.WorkspaceSID
		if v.Removed {
			v.Revision = max(v.Revision, n.Revision)
		}
		if d.outbox.deliver(ctx, n, v) {
			failed = 0
			continue
		}
		failed++
		late = append(late, n)
	}
	// Those that were not tried come before those that failed.
	return errors.Join(d.postpone(ctx, late, noticeRetry), d.postpone(ctx, untried, 0), d.postpone(ctx, held, coalesce))
}

func (d *Dispatcher) postpone(ctx context.Context, list []Notice, by time.Duration) error {
	if len(list) == 0 {
		return nil
	}
	return d.store.PostponeNotices(ctx, list, d.now().Add(by))
}

// Backlog is how many notices wait to be sent.
func (d *Dispatcher) Backlog(ctx context.Context) (int, error) { return d.store.CountNotices(ctx) }

// sweepRemovals removes ended Tasks after their grace period, silently.
func (d *Dispatcher) sweepRemovals(ctx context.Context) error {
	list, err := d.store.RemovableTasks(ctx, d.now(), sweepRemovals)
	if err != nil {
		return err
	}
	byWorkspace := map[string][]string{}
	for _, r := range list {
		byWorkspace[r.WorkspaceSID] = append(byWorkspace[r.WorkspaceSID], r.TaskSID)
	}
	for _, ws := range sortedKeys(byWorkspace) {
		err := d.run(ctx, work(ws, ""), func(ctx context.Context, u *Unit) error { return u.removeEnded(ctx, byWorkspace[ws]) })
		if err != nil && taskrouter.KindOf(err) != taskrouter.KindNotFound {
			d.log.Warn("ended tasks not removed", logging.WorkspaceSID(ws), logging.Err(err))
		}
	}
	return nil
}

func (u *Unit) removeEnded(ctx context.Context, sids []string) error {
	if err := u.load(ctx); err != nil {
		return err
	}
	es, err := u.entries(ctx, sids)
	if err != nil {
		return err
	}
	for _, e := range es {
		t := e.Task
		if !t.Status.Ended() || t.RemoveAt.IsZero() || t.RemoveAt.After(u.at) || e.legsUp() {
			continue
		}
		// Not through writeTask: the durable run ended with the Task.
		u.changes.DeleteTasks = append(u.changes.DeleteTasks, t.SID)
		e.deleted, u.pending = true, true
	}
	return nil
}

// reconcilePage is how many open Tasks the reconciler looks at in one step.
const reconcilePage = 100

// Reconcile marks open Tasks that have no durable run, so that the sweeper
// starts one. It walks all open Tasks once and is meant to run slowly.
func (d *Dispatcher) Reconcile(ctx context.Context, running func(ctx context.Context, t TaskRef) (bool, error)) error {
	for after := ""; ; {
		list, err := d.store.OpenTasks(ctx, after, reconcilePage)
		if err != nil {
			return err
		}
		for _, t := range list {
			ok, err := running(ctx, t)
			if err != nil {
				return err
			}
			if ok {
				continue
			}
			d.log.Warn("open task has no durable run; starting one", logging.TaskSID(t.TaskSID))
			err = d.run(ctx, work(t.WorkspaceSID, t.TaskSID), func(ctx context.Context, u *Unit) error { return u.renotify(ctx, t.TaskSID) })
			if err != nil {
				return err
			}
		}
		if len(list) < reconcilePage {
			return nil
		}
		after = list[len(list)-1].TaskSID
	}
}

// renotify puts a Task into the outbox as if it were new.
func (u *Unit) renotify(ctx context.Context, sid string) error {
	if err := u.load(ctx); err != nil {
		return err
	}
	e, err := u.entry(ctx, sid)
	if err != nil || e == nil || e.Task.Status.Ended() {
		return err
	}
	e.created = true
	u.touchTask(e)
	return nil
}
