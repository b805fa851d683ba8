package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store/compiled"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Tasks returns the Tasks that exist, in no order.
func (t *transaction) Tasks(ctx context.Context, sids ...string) ([]*taskrouter.Task, error) {
	if len(sids) == 0 {
		return nil, nil
	}
	if len(sids) == 1 && t.store.dialect.together {
		return t.taskAhead(ctx, sids[0])
	}
	return find(ctx, t.q, "read Tasks", (*taskRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("sid IN (?)", bun.List(sids))
	})
}

// DueTasks returns Tasks whose deadline is not after now, earliest first.
func (t *transaction) DueTasks(ctx context.Context, now time.Time, limit int) ([]*taskrouter.Task, error) {
	return find(ctx, t.q, "read due Tasks", (*taskRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("deadline > 0 AND deadline <= ?", micros(now)).OrderExpr("deadline, sid").Limit(int64(limit))
	})
}

// NextDue is the earliest deadline of any Task; zero when there is none.
func (t *transaction) NextDue(ctx context.Context) (time.Time, error) {
	us, err := value[int64](ctx, t.q, "read the next deadline",
		"SELECT deadline FROM tasks WHERE workspace_sid = ? AND deadline > 0 ORDER BY deadline LIMIT 1", t.lock.WorkspaceSID)
	return instant(us), err
}

// TasksOfWorkflow pages through the Tasks of a Workflow, or of all of them when
// none is named, that have not ended.
func (t *transaction) TasksOfWorkflow(ctx context.Context, workflowSID, after string, limit int) ([]*taskrouter.Task, error) {
	return find(ctx, t.q, "read Tasks", (*taskRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = t.here(q).Where("sid > ? AND NOT is_ended", after).OrderExpr("sid").Limit(int64(limit))
		if workflowSID != "" {
			q = q.Where("workflow_sid = ?", workflowSID)
		}
		return q
	})
}

// WaitingTasks pages through the Tasks of a queue that have a demand class.
func (t *transaction) WaitingTasks(ctx context.Context, queueSID, after string, limit int) ([]*taskrouter.Task, error) {
	return find(ctx, t.q, "read waiting Tasks", (*taskRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("queue_sid = ? AND sid > ? AND NOT is_ended AND demand_class <> ''", queueSID, after).
			OrderExpr("sid").Limit(int64(limit))
	})
}

// CountWorkers counts the Workers of the Workspace.
func (t *transaction) CountWorkers(ctx context.Context) (int, error) {
	return value[int](ctx, t.q, "count Workers", "SELECT COUNT(*) FROM workers WHERE workspace_sid = ?", t.lock.WorkspaceSID)
}

// CountTasks counts Tasks that have not ended; the first argument that is not
// empty says of what. Without any it counts those of the Workspace.
func (t *transaction) CountTasks(ctx context.Context, workflowSID, queueSID, channelSID string) (int, error) {
	statement := "SELECT " + compiled.Anew + " COUNT(*) FROM tasks WHERE workspace_sid = ? AND NOT is_ended"
	args := []any{t.lock.WorkspaceSID}
	switch {
	case workflowSID != "":
		statement, args = statement+" AND workflow_sid = ?", append(args, workflowSID)
	case queueSID != "":
		statement, args = statement+" AND queue_sid = ?", append(args, queueSID)
	case channelSID != "":
		statement, args = statement+" AND task_channel_sid = ?", append(args, channelSID)
	}
	return value[int](ctx, t.q, "count Tasks", statement, args...)
}

// OpenReservations returns the Reservations of Tasks that hold capacity, in
// the order they were made.
func (t *transaction) OpenReservations(ctx context.Context, taskSIDs ...string) ([]*taskrouter.Reservation, error) {
	if len(taskSIDs) == 0 {
		return nil, nil
	}
	if known, ok := t.reservationsAhead(taskSIDs); ok {
		return known, nil
	}
	return find(ctx, t.q, "read Reservations", (*reservationRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.openReservations(q, taskSIDs...).OrderExpr("created_at, sid")
	})
}

func (t *transaction) openReservations(q *bun.SelectQuery, taskSIDs ...string) *bun.SelectQuery {
	return t.here(q).Where("task_sid IN (?) AND is_open", bun.List(taskSIDs))
}

// OpenReservationsOf returns those of a Worker.
func (t *transaction) OpenReservationsOf(ctx context.Context, workerSID string) ([]*taskrouter.Reservation, error) {
	return find(ctx, t.q, "read Reservations", (*reservationRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("worker_sid = ? AND is_open", workerSID).OrderExpr("created_at, sid")
	})
}

// Reservation returns one in any state, or nil.
func (t *transaction) Reservation(ctx context.Context, sid string) (*taskrouter.Reservation, error) {
	return fetch(ctx, t.q, "read a Reservation", (*reservationRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("sid = ?", sid)
	})
}

// ClassKeys lists the demand classes of the queues a Worker is a member of,
// without those that name another Worker, and all that name this one.
func (t *transaction) ClassKeys(ctx context.Context, workerSID string) ([]string, error) {
	// Two ways to the rows, each along an index of its own: with an OR
	// PostgreSQL would read the classes of all queues. The keys come as one
	// text: with many of them a row each takes longer than finding it.
	keys, err := value[string](ctx, t.q, "read demand classes",
		"SELECT COALESCE((SELECT string_agg(n.class_key, ',') FROM demand_classes AS n"+
			" WHERE n.worker_sid = ? AND n.worker_sid <> '' AND n.workspace_sid = ?), '') || ',' ||"+
			" COALESCE((SELECT string_agg(c.class_key, ',') FROM queue_members AS m CROSS JOIN demand_classes AS c"+
			" WHERE m.worker_sid = ? AND c.queue_sid = m.queue_sid AND c.worker_sid = '' AND c.workspace_sid = ?), '')",
		workerSID, t.lock.WorkspaceSID, workerSID, t.lock.WorkspaceSID)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(strings.Split(keys, ","), func(key string) bool { return key == "" }), nil
}

// Classes returns the demand classes that exist, in no order.
func (t *transaction) Classes(ctx context.Context, keys ...string) ([]*dispatch.DemandClass, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	return find(ctx, t.q, "read demand classes", (*classRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("class_key IN (?)", bun.List(keys))
	})
}

// Heads returns the Task that comes first among those of the FIFO classes, and
// the one that comes first among those of the LIFO classes. FIFO: higher
// priority, then earlier start, creation and SID. LIFO: later start, creation
// and SID, whatever the priority.
func (t *transaction) Heads(ctx context.Context, fifo, lifo []string) ([]*taskrouter.Task, error) {
	var parts []string
	var args []any
	for _, side := range []struct {
		keys  []string
		order string
	}{
		{fifo, "?.priority DESC, ?.virtual_start_at, ?.created_at, ?.sid"},
		{lifo, "?.virtual_start_at DESC, ?.created_at DESC, ?.sid DESC"},
	} {
		if len(side.keys) == 0 {
			continue
		}
		// One walk to the first entry of the index for each class; of these
		// the first, so that one row is read in full however many classes
		// there are.
		parts = append(parts, "SELECT sid FROM (SELECT h.sid AS sid FROM demand_classes AS k CROSS JOIN tasks AS h"+
			" WHERE k.workspace_sid = ? AND k.class_key IN (?)"+
			" AND h.sid = (SELECT w.sid FROM tasks AS w WHERE w.workspace_sid = ? AND w.demand_class = k.class_key"+
			" AND w.demand_class <> '' ORDER BY "+strings.ReplaceAll(side.order, "?", "w")+" LIMIT 1)"+
			" ORDER BY "+strings.ReplaceAll(side.order, "?", "h")+" LIMIT 1) AS few")
		args = append(args, t.lock.WorkspaceSID, bun.List(side.keys), t.lock.WorkspaceSID)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return find(ctx, t.q, "read the next Tasks", (*taskRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		// The parts are scoped; a condition on the Workspace here would
		// tempt SQLite to read all of its Tasks.
		return q.Where("sid IN ("+strings.Join(parts, " UNION ALL ")+")", args...)
	})
}

// waitingRow is what an index of a line knows of a Task.
type waitingRow struct {
	SID            string `bun:"sid"`
	QueueSID       string `bun:"queue_sid"`
	DemandClass    string `bun:"demand_class"`
	Priority       int64  `bun:"priority"`
	VirtualStartAt int64  `bun:"virtual_start_at"`
	CreatedAt      int64  `bun:"created_at"`
}

func (r *waitingRow) domain() dispatch.Waiting {
	return dispatch.Waiting{
		TaskSID: r.SID, QueueSID: r.QueueSID, Class: r.DemandClass, Priority: r.Priority,
		VirtualStart: instant(r.VirtualStartAt), CreatedAt: instant(r.CreatedAt),
	}
}

// Lines returns the first Tasks of the waiting line of each queue: one walk
// along an index for each.
func (t *transaction) Lines(ctx context.Context, fifo, lifo []string, limit int) ([]dispatch.Waiting, error) {
	var parts []string
	var args []any
	for _, side := range []struct {
		queues []string
		order  string
	}{
		{fifo, "priority DESC, virtual_start_at, created_at, sid"},
		{lifo, "virtual_start_at DESC, created_at DESC, sid DESC"},
	} {
		for _, queue := range side.queues {
			parts = append(parts, "SELECT * FROM (SELECT sid, queue_sid, demand_class, priority, virtual_start_at, created_at FROM tasks"+
				" WHERE workspace_sid = ? AND queue_sid = ? AND demand_class <> '' ORDER BY "+side.order+" LIMIT ?) AS line")
			args = append(args, t.lock.WorkspaceSID, queue, limit)
		}
	}
	if len(parts) == 0 {
		return nil, nil
	}
	var rows []*waitingRow
	if err := t.q.NewRaw(strings.Join(parts, " UNION ALL "), args...).Scan(ctx, &rows); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, classify(err, "read waiting lines")
	}
	return mapped(rows, (*waitingRow).domain), nil
}
