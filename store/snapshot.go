package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// snapshot reads a Workspace in a transaction that cannot write.
type snapshot struct{ *transaction }

var _ dispatch.Snapshot = snapshot{}

// ReadWorkspace runs fn on one moment of a Workspace; see dispatch.Store.
func (s *Store) ReadWorkspace(ctx context.Context, workspaceSID string, fn func(ctx context.Context, s dispatch.Snapshot) error) error {
	q, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.dialect.snapshot, ReadOnly: true})
	if err != nil {
		return classify(err, "begin to read")
	}
	defer func() { _ = q.Rollback() }() // nothing was written
	var row lockRow
	err = q.NewRaw("SELECT workspace_sid, account_sid, config_revision, event_seq, next_due"+
		" FROM workspace_locks WHERE workspace_sid = ?", workspaceSID).Scan(ctx, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return taskrouter.NotFoundf("Workspace %s was not found", workspaceSID)
	}
	if err != nil {
		return classify(err, "read the Workspace")
	}
	return fn(ctx, snapshot{&transaction{store: s, q: q, lock: row.domain(), revision: row.ConfigRevision}})
}

// Apply refuses: a snapshot is for reading.
func (snapshot) Apply(context.Context, *dispatch.Changes) error {
	return taskrouter.Errorf(taskrouter.KindInternal, "a snapshot cannot be changed")
}

// ReservationsOf returns the latest Reservations of a Task, oldest first.
func (s snapshot) ReservationsOf(ctx context.Context, taskSID string, limit int) ([]*taskrouter.Reservation, error) {
	found, err := find(ctx, s.q, "read Reservations", (*reservationRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return s.here(q).Where("task_sid = ?", taskSID).OrderExpr("created_at DESC, sid DESC").Limit(int64(limit))
	})
	slices.Reverse(found)
	return found, err
}

// Members lists the SIDs of the Workers of a queue.
func (s snapshot) Members(ctx context.Context, queueSID string) ([]string, error) {
	return column[string](ctx, s.q, "read members",
		"SELECT worker_sid FROM queue_members WHERE workspace_sid = ? AND queue_sid = ? ORDER BY worker_sid", s.lock.WorkspaceSID, queueSID)
}

// AllClasses returns the demand classes with waiting Tasks, by key.
func (s snapshot) AllClasses(ctx context.Context, limit int) ([]*dispatch.DemandClass, error) {
	return find(ctx, s.q, "read demand classes", (*classRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return s.here(q).Where("waiting > 0").OrderExpr("class_key").Limit(int64(limit))
	})
}

// standing is the order of waiting Tasks: the columns and their directions.
func standing(lifo bool) string {
	if lifo {
		return "virtual_start_at DESC, created_at DESC, sid DESC"
	}
	return "priority DESC, virtual_start_at, created_at, sid"
}

// Line returns the first waiting Tasks of some classes.
func (s snapshot) Line(ctx context.Context, classes []string, lifo bool, limit int) ([]*taskrouter.Task, error) {
	if len(classes) == 0 {
		return nil, nil
	}
	return find(ctx, s.q, "read the waiting line", (*taskRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return s.here(q).Where("demand_class <> '' AND demand_class IN (?)", bun.List(classes)).
			OrderExpr(standing(lifo)).Limit(int64(limit))
	})
}

// Place counts the waiting Tasks of a Task's queue, and those before it.
func (s snapshot) Place(ctx context.Context, t *taskrouter.Task, lifo bool) (before, waiting int, err error) {
	const line = "SELECT COUNT(*) FROM tasks WHERE workspace_sid = ? AND queue_sid = ? AND NOT is_ended AND demand_class <> ''"
	args := []any{s.lock.WorkspaceSID, t.QueueSID}
	if waiting, err = value[int](ctx, s.q, "count waiting Tasks", line, args...); err != nil {
		return 0, 0, err
	}
	ahead := " AND (priority > ? OR priority = ? AND (virtual_start_at, created_at, sid) < (?, ?, ?))"
	args = append(args, t.Priority, t.Priority)
	if lifo {
		ahead, args = " AND (virtual_start_at, created_at, sid) > (?, ?, ?)", args[:2]
	}
	args = append(args, micros(t.VirtualStartTime), micros(t.CreatedAt), t.SID)
	before, err = value[int](ctx, s.q, "count waiting Tasks", line+ahead, args...)
	return before, waiting, err
}
