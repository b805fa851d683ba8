package dispatch

import (
	"context"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Snapshot reads one Workspace as it was at one moment, without its lock: it
// neither waits for commands nor keeps them waiting. Applying changes to it
// fails.
type Snapshot interface {
	Tx
	// ReservationsOf returns all Reservations of a Task in the order they
	// were made, at most limit, the latest ones.
	ReservationsOf(ctx context.Context, taskSID string, limit int) ([]*taskrouter.Reservation, error)
	// Members lists the SIDs of the Workers of a queue.
	Members(ctx context.Context, queueSID string) ([]string, error)
	// AllClasses returns all non-empty demand classes, at most limit.
	AllClasses(ctx context.Context, limit int) ([]*DemandClass, error)
	// Line returns the first waiting Tasks of some classes, at most limit, in
	// FIFO or in LIFO order.
	Line(ctx context.Context, classes []string, lifo bool, limit int) ([]*taskrouter.Task, error)
	// Place counts the waiting Tasks of a Task's queue, and those of them that
	// stand before it.
	Place(ctx context.Context, t *taskrouter.Task, lifo bool) (before, waiting int, err error)
}

// look runs fn on a Unit that reads a moment of the Workspace. fn must not
// change anything: what it collects is thrown away. A few run at a time; others
// wait, and are KindUnavailable when ctx ends first.
func (d *Dispatcher) look(ctx context.Context, account, workspaceSID string, fn func(ctx context.Context, u *Unit, s Snapshot) error) error {
	if !taskrouter.IsSID(taskrouter.PrefixWorkspace, workspaceSID) {
		return workspaceNotFound(workspaceSID)
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	select {
	case d.looks <- struct{}{}:
		defer func() { <-d.looks }()
	case <-ctx.Done():
		return taskrouter.Errorf(taskrouter.KindUnavailable, "Too many explanations are being made; try again later")
	}
	return d.store.ReadWorkspace(ctx, workspaceSID, func(ctx context.Context, s Snapshot) error {
		b := &batch{d: d, workspaceSID: workspaceSID}
		b.begin(s)
		u := b.unit()
		u.quiet = true
		if u.lock().AccountSID != account {
			return workspaceNotFound(workspaceSID)
		}
		if err := u.load(ctx); err != nil {
			return err
		}
		if u.cfg().Workspace.Deleting {
			return workspaceNotFound(workspaceSID)
		}
		return fn(ctx, u, s)
	})
}
