package dispatch

import (
	"context"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// viewAfter runs a command of the durable run and answers with the Task's
// current view, whether the command changed anything or came too late. A Task
// that no longer exists is a removed one.
func (d *Dispatcher) viewAfter(ctx context.Context, ws, taskSID string, fn func(ctx context.Context, u *Unit) (*entry, error)) (taskrouter.View, error) {
	none := taskrouter.View{WorkspaceSID: ws, Removed: true}
	out := none
	err := d.run(ctx, work(ws, taskSID), func(ctx context.Context, u *Unit) error {
		out = none // what an earlier try found went with its transaction
		if err := u.load(ctx); err != nil {
			return err
		}
		e, err := fn(ctx, u)
		if err != nil || e == nil {
			return err
		}
		if err := u.calm(ctx); err != nil {
			return err
		}
		if err := u.conclude(ctx); err != nil { // the view must show the revision as written
			return err
		}
		out = u.view(e)
		return nil
	})
	if err != nil && taskrouter.KindOf(err) == taskrouter.KindNotFound {
		return out, nil
	}
	return out, err
}

// View is a Task as its durable run sees it.
func (d *Dispatcher) View(ctx context.Context, ws, taskSID string) (taskrouter.View, error) {
	v, err := d.viewAfter(ctx, ws, taskSID, func(ctx context.Context, u *Unit) (*entry, error) {
		return u.entry(ctx, taskSID)
	})
	v.TaskSID = taskSID
	return v, err
}

// CancelFromOutside ends a Task because its durable run was asked to stop: a
// waiting Task is canceled, an assigned one completed.
func (d *Dispatcher) CancelFromOutside(ctx context.Context, ws, taskSID string) (taskrouter.View, error) {
	v, err := d.viewAfter(ctx, ws, taskSID, func(ctx context.Context, u *Unit) (*entry, error) {
		e, err := u.entry(ctx, taskSID)
		if err != nil || e == nil {
			return nil, err
		}
		switch e.Task.Status {
		case taskrouter.TaskPending, taskrouter.TaskReserved:
			return e, u.cancelTask(ctx, e, reasonOutside)
		case taskrouter.TaskAssigned, taskrouter.TaskWrapping:
			attended := e.attended()
			hs, err := e.Complete(reasonOutside, u.at)
			if err != nil {
				return nil, err
			}
			return e, u.closeTask(ctx, e, hs, attended)
		case taskrouter.TaskCompleted, taskrouter.TaskCanceled:
		}
		return e, nil
	})
	v.TaskSID = taskSID
	return v, err
}

// reasonOutside is the reason of a Task that an operator stopped in Temporal.
const reasonOutside = "Canceled by an operator"
