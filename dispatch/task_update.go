package dispatch

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// taskNotFound words the error for a Task that does not exist.
func taskNotFound(s Subject) error {
	return taskrouter.NotFoundf("The requested resource /v1/Workspaces/%s/Tasks/%s was not found", s.WorkspaceSID, s.SID)
}

func checkMatch(want *int64, have int64) error {
	if want != nil && *want != have {
		return taskrouter.Errorf(taskrouter.KindPrecondition, "The resource was changed: its version is %d", have)
	}
	return nil
}

// UpdateTask changes a Task: its attributes, its place in line, or its state.
func (d *Dispatcher) UpdateTask(ctx context.Context, in TaskUpdate) (*taskrouter.Task, error) {
	var out taskrouter.Task
	err := d.inWorkspace(ctx, work(in.WorkspaceSID, in.SID), in.AccountSID, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		u.As(in.Actor)
		e, err := u.visible(ctx, in.SID)
		if err != nil {
			return err
		}
		if e == nil {
			return taskNotFound(in.Subject)
		}
		if err := checkMatch(in.IfMatch, e.Task.Version); err != nil {
			return err
		}
		if in.Status != nil {
			err = u.moveTask(ctx, e, in)
		} else {
			err = u.changeTask(ctx, e, in)
		}
		out = *e.Task
		return err
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// moveTask changes the state of a Task by request.
func (u *Unit) moveTask(ctx context.Context, e *entry, in TaskUpdate) error {
	if in.Attributes != nil {
		return taskrouter.Invalidf("AssignmentStatus and Attributes cannot be updated in one request")
	}
	reason := ""
	if in.Reason != nil {
		reason = *in.Reason
	}
	var hs []taskrouter.Happening
	var err error
	attended := e.attended()
	switch *in.Status {
	case taskrouter.TaskCanceled:
		hs, err = e.Cancel(reason, u.at)
	case taskrouter.TaskWrapping:
		hs, err = e.Wrap(reason, u.at)
	case taskrouter.TaskCompleted:
		hs, err = e.Complete(reason, u.at)
	case taskrouter.TaskPending, taskrouter.TaskReserved, taskrouter.TaskAssigned:
		return taskrouter.Invalidf("AssignmentStatus cannot be set to %s", *in.Status)
	default:
		return taskrouter.Invalidf("Unknown AssignmentStatus '%s'", *in.Status)
	}
	if err != nil {
		return err
	}
	return u.closeTask(ctx, e, hs, attended)
}

// closeTask carries out a transition that ends the waiting of a caller.
func (u *Unit) closeTask(ctx context.Context, e *entry, hs []taskrouter.Happening, attended bool) error {
	freed, err := u.apply(ctx, e, hs)
	if err != nil {
		return err
	}
	if !attended {
		if err := u.dismiss(ctx, e); err != nil {
			return err
		}
	}
	return u.changed(ctx, ReservationEnded, e, freed...)
}

// changeTask changes what a Task says or where it stands in line.
func (u *Unit) changeTask(ctx context.Context, e *entry, in TaskUpdate) error {
	t := e.Task
	if t.Status.Ended() && (in.Priority != nil || in.Channel != nil || in.VirtualStartTime != nil || in.Reason != nil) {
		return taskrouter.Invalidf("Cannot update task %s because it has ended; only its attributes may change", t.SID)
	}
	next := *t
	if in.Priority != nil {
		if err := validPriority(*in.Priority); err != nil {
			return err
		}
		next.Priority = *in.Priority
	}
	if in.VirtualStartTime != nil {
		if err := u.validStart(*in.VirtualStartTime); err != nil {
			return err
		}
		next.VirtualStartTime = in.VirtualStartTime.UTC().Truncate(time.Microsecond)
	}
	if in.Channel != nil {
		c := u.cfg().channel(*in.Channel)
		if c == nil {
			return taskrouter.Invalidf("TaskChannel %s does not exist in this Workspace", *in.Channel)
		}
		if c.SID != t.TaskChannelSID && t.Status != taskrouter.TaskPending {
			return taskrouter.Invalidf("TaskChannel can only be changed while the Task is pending")
		}
		next.TaskChannelSID = c.SID
	}
	if in.Attributes != nil {
		if _, err := u.d.documents.get(*in.Attributes); err != nil {
			return err
		}
		next.Attributes = *in.Attributes
	}
	if in.Reason != nil && t.Status != taskrouter.TaskPending && t.Status != taskrouter.TaskReserved {
		next.Reason = *in.Reason
	}
	attributes := next.Attributes != t.Attributes
	moved := next.Priority != t.Priority || !next.VirtualStartTime.Equal(t.VirtualStartTime) || next.TaskChannelSID != t.TaskChannelSID
	if !attributes && !moved && next.Reason == t.Reason {
		return nil
	}
	next.Version++
	next.UpdatedAt = u.at
	*t = next
	u.touchTask(e)
	if err := u.recall(ctx, e); err != nil {
		return err
	}
	u.Emit(taskrouter.TaskUpdated, u.scene(e))
	switch {
	case t.Status == taskrouter.TaskPending && attributes:
		return u.reEvaluate(ctx, e, taskrouter.ReEvaluateAttributes)
	case t.Status == taskrouter.TaskReserved && attributes:
		if t.Route.ReEvaluate == taskrouter.ReEvaluateNone {
			t.Route.ReEvaluate = taskrouter.ReEvaluateAttributes
		}
	case t.Status == taskrouter.TaskPending && moved:
		u.lineUp(e, nil)
		u.tasksMoved = true
		return u.changed(ctx, TaskResorted, e)
	}
	return nil
}

// DeleteTask removes a Task in any state.
func (d *Dispatcher) DeleteTask(ctx context.Context, in Subject) error {
	return d.inWorkspace(ctx, work(in.WorkspaceSID, in.SID), in.AccountSID, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		u.As(in.Actor)
		e, err := u.visible(ctx, in.SID)
		if err != nil {
			return err
		}
		if e == nil {
			return taskNotFound(in)
		}
		if err := checkMatch(in.IfMatch, e.Task.Version); err != nil {
			return err
		}
		attended := e.attended()
		return u.removeTask(ctx, e, e.Delete(u.at), attended)
	})
}

// removeTask carries out a deletion. While a leg is up, the row stays, ended
// and due for removal, so that the durable run can still end the leg; it is
// invisible to clients from now on.
func (u *Unit) removeTask(ctx context.Context, e *entry, hs []taskrouter.Happening, attended bool) error {
	freed, err := u.apply(ctx, e, hs)
	if err != nil {
		return err
	}
	if err := u.disperse(ctx, e, attended); err != nil {
		return err
	}
	return u.matchAgents(ctx, freed...)
}

// disperse takes a deleted Task out of its line, ends its legs and sends a
// caller whom nobody attended away.
func (u *Unit) disperse(ctx context.Context, e *entry, attended bool) error {
	u.lineUp(e, nil)
	for _, l := range e.legs {
		u.hangUp(e, l)
	}
	if !attended {
		if err := u.dismiss(ctx, e); err != nil {
			return err
		}
	}
	u.leave(e)
	return nil
}

// leave marks a deleted Task as gone, for good or, while a leg is up, for
// clients only.
func (u *Unit) leave(e *entry) {
	e.deleted = !e.legsUp()
	if e.deleted {
		return
	}
	if !e.Task.Status.Ended() {
		e.Task.Status = taskrouter.TaskCanceled
	}
	e.Task.EndedAt, e.Task.RemoveAt = u.at, u.at // what Deleted tells it by
}

func (e *entry) legsUp() bool {
	for _, l := range e.legs {
		if l.State != taskrouter.LegEnded {
			return true
		}
	}
	return false
}

// visible loads a Task for a client; nil when it is unknown or removed.
func (u *Unit) visible(ctx context.Context, sid string) (*entry, error) {
	e, err := u.entry(ctx, sid)
	if err != nil || e == nil {
		return nil, err
	}
	if u.hidden(e) {
		return nil, nil
	}
	return e, nil
}

// hidden reports whether a Task is over and due for removal: clients do not see
// it any more.
func (u *Unit) hidden(e *entry) bool {
	at := e.Task.RemoveAt
	return e.Task.Deleted() || (!at.IsZero() && !at.After(u.at))
}
