package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Moment reads one Workspace as it was at one moment, whatever is written
// meanwhile. It belongs to one goroutine and to the function it was handed to.
// It is for those who check what others wrote: it trusts no column that only
// serves indexes, and tells what these say beside what the row says.
type Moment struct {
	store *Store
	q     bun.Tx
	ws    string
}

// StoredTask is a Task with the columns the store derived from it.
type StoredTask struct {
	*taskrouter.Task
	// Deadline is the earliest instant at which the Task has something due.
	Deadline time.Time
	// MarkedEnded is what indexes believe about the state.
	MarkedEnded bool
}

// StoredReservation is a Reservation with what indexes believe about its state.
type StoredReservation struct {
	*taskrouter.Reservation
	MarkedOpen bool
}

// StoredChannel is a WorkerChannel with its copy of the Worker's availability.
type StoredChannel struct {
	*taskrouter.WorkerChannel
	WorkerAvailable bool
}

// StoredWorker is a Worker with its channels.
type StoredWorker struct {
	*taskrouter.Worker
	Channels []StoredChannel
}

// StoredNotice is a row of the outbox.
type StoredNotice struct {
	TaskSID  string
	Revision int64
	DueAt    time.Time
}

// AtOneMoment hands fn a consistent view of a Workspace. The view is given up
// when fn returns; while it lasts, the database keeps every row it can see.
func (s *Store) AtOneMoment(ctx context.Context, workspaceSID string, fn func(ctx context.Context, m *Moment) error) error {
	q, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.dialect.snapshot, ReadOnly: true})
	if err != nil {
		return classify(err, "begin to read")
	}
	defer func() { _ = q.Rollback() }() // nothing was written
	return fn(ctx, &Moment{store: s, q: q, ws: workspaceSID})
}

func (m *Moment) here(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("workspace_sid = ?", m.ws)
}

// Workspace is the Workspace itself; nil when it is gone.
func (m *Moment) Workspace(ctx context.Context) (*taskrouter.Workspace, error) {
	return fetch(ctx, m.q, "read a Workspace", (*workspaceRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("sid = ?", m.ws)
	})
}

// EventSeq is the number the last event of the Workspace was given.
func (m *Moment) EventSeq(ctx context.Context) (int64, error) {
	return value[int64](ctx, m.q, "read the event log", "SELECT event_seq FROM workspace_locks WHERE workspace_sid = ?", m.ws)
}

// LogCut is the number up to which events were removed before their time; 0
// when none were.
func (m *Moment) LogCut(ctx context.Context) (int64, error) {
	return value[int64](ctx, m.q, "read the event log", "SELECT seq FROM log_cuts WHERE workspace_sid = ?", m.ws)
}

// Jobs counts unfinished bulk jobs.
func (m *Moment) Jobs(ctx context.Context) (int, error) {
	return value[int](ctx, m.q, "count jobs", "SELECT COUNT(*) FROM jobs WHERE workspace_sid = ?", m.ws)
}

// Activities are those of the Workspace, by SID.
func (m *Moment) Activities(ctx context.Context) (map[string]*taskrouter.Activity, error) {
	all, err := find(ctx, m.q, "read Activities", (*activityRow).domain, m.here)
	return keyed(all, func(a *taskrouter.Activity) string { return a.SID }), err
}

// Queues are the TaskQueues of the Workspace, by SID.
func (m *Moment) Queues(ctx context.Context) (map[string]*taskrouter.TaskQueue, error) {
	all, err := find(ctx, m.q, "read TaskQueues", (*queueRow).domain, m.here)
	return keyed(all, func(q *taskrouter.TaskQueue) string { return q.SID }), err
}

// ConfigVersions lists the versions a Workflow's configuration ever had.
func (m *Moment) ConfigVersions(ctx context.Context, workflowSID string) ([]int64, error) {
	return column[int64](ctx, m.q, "list Workflow versions",
		"SELECT config_version FROM workflow_versions WHERE workflow_sid = ? AND workspace_sid = ? ORDER BY config_version", workflowSID, m.ws)
}

// Configuration is the text of one version; empty when it is unknown.
func (m *Moment) Configuration(ctx context.Context, workflowSID string, version int64) (string, error) {
	return value[string](ctx, m.q, "read a Workflow version",
		"SELECT configuration FROM workflow_versions WHERE workflow_sid = ? AND config_version = ? AND workspace_sid = ?", workflowSID, version, m.ws)
}

// Workers pages through the Workers by SID, after a SID.
func (m *Moment) Workers(ctx context.Context, after string, limit int) ([]*StoredWorker, error) {
	workers, err := find(ctx, m.q, "read Workers", (*workerRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return m.here(q).Where("sid > ?", after).OrderExpr("sid").Limit(int64(limit))
	})
	if err != nil || len(workers) == 0 {
		return nil, err
	}
	out := make([]*StoredWorker, len(workers))
	bySID := make(map[string]*StoredWorker, len(workers))
	for i, w := range workers {
		out[i] = &StoredWorker{Worker: w}
		bySID[w.SID] = out[i]
	}
	channels, err := find(ctx, m.q, "read channels", func(r *workerChannelRow) StoredChannel {
		return StoredChannel{WorkerChannel: r.domain(), WorkerAvailable: r.WorkerAvailable}
	}, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("worker_sid IN (?)", bun.List(mapped(workers, func(w *taskrouter.Worker) string { return w.SID }))).OrderExpr("sid")
	})
	for _, c := range channels {
		bySID[c.WorkerSID].Channels = append(bySID[c.WorkerSID].Channels, c)
	}
	return out, err
}

func storedTask(r *taskRow) *StoredTask {
	return &StoredTask{Task: r.domain(), Deadline: instant(r.Deadline), MarkedEnded: r.IsEnded}
}

// Tasks pages through the Tasks that have a row, ended or not, in the order of
// their creation, after a Task of an earlier page; nil begins.
func (m *Moment) Tasks(ctx context.Context, after *StoredTask, limit int) ([]*StoredTask, error) {
	return find(ctx, m.q, "read Tasks", storedTask, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = m.here(q)
		if after != nil {
			at := micros(after.CreatedAt)
			// The first bound follows from the second and lets the database
			// start in the middle of an index.
			q = q.Where("created_at >= ?", at).Where("(created_at > ? OR sid > ?)", at, after.SID)
		}
		return q.OrderExpr("created_at, sid").Limit(int64(limit))
	})
}

// Task is one Task; nil when it has no row.
func (m *Moment) Task(ctx context.Context, sid string) (*StoredTask, error) {
	return fetch(ctx, m.q, "read a Task", storedTask, func(q *bun.SelectQuery) *bun.SelectQuery {
		return m.here(q).Where("sid = ?", sid)
	})
}

func storedReservation(r *reservationRow) *StoredReservation {
	return &StoredReservation{Reservation: r.domain(), MarkedOpen: r.IsOpen}
}

// Reservations are those of Tasks that are open, believed to be open, or were
// accepted, oldest first. A Task has few of them, however often it was offered.
func (m *Moment) Reservations(ctx context.Context, taskSIDs []string) ([]*StoredReservation, error) {
	if len(taskSIDs) == 0 {
		return nil, nil
	}
	return find(ctx, m.q, "read Reservations", storedReservation, func(q *bun.SelectQuery) *bun.SelectQuery {
		return m.here(q).Where("task_sid IN (?)", bun.List(taskSIDs)).
			Where("(is_open OR accepted_at > 0 OR status IN ('pending', 'accepted', 'wrapping'))").OrderExpr("task_sid, created_at, sid")
	})
}

// Reservation is one Reservation; nil when it has no row.
func (m *Moment) Reservation(ctx context.Context, sid string) (*StoredReservation, error) {
	return fetch(ctx, m.q, "read a Reservation", storedReservation, func(q *bun.SelectQuery) *bun.SelectQuery {
		return m.here(q).Where("sid = ?", sid)
	})
}

// Notices are the rows of the outbox for Tasks, by Task.
func (m *Moment) Notices(ctx context.Context, taskSIDs []string) (map[string]StoredNotice, error) {
	out := map[string]StoredNotice{}
	if len(taskSIDs) == 0 {
		return out, nil
	}
	rows, err := find(ctx, m.q, "read notices", func(r *noticeRow) StoredNotice {
		return StoredNotice{TaskSID: r.TaskSID, Revision: r.Revision, DueAt: instant(r.DueAt)}
	}, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("task_sid IN (?)", bun.List(taskSIDs)) })
	for _, r := range rows {
		out[r.TaskSID] = r
	}
	return out, err
}

// FirstSeqSince is the number of the first event at or after an instant; 0 when
// there is none.
func (m *Moment) FirstSeqSince(ctx context.Context, at time.Time) (int64, error) {
	return value[int64](ctx, m.q, "read the event log",
		"SELECT COALESCE(MIN(seq), 0) FROM events WHERE workspace_sid = ? AND at >= ?", m.ws, micros(at))
}

// Events reads the log behind a number, in order. A type restricts; an empty
// one does not.
func (m *Moment) Events(ctx context.Context, seq int64, typ taskrouter.EventType, limit int) ([]*taskrouter.Event, error) {
	return find(ctx, m.q, "read the event log", (*eventRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return equals(m.here(q).Where("seq > ?", seq), "type", string(typ)).OrderExpr("seq").Limit(int64(limit))
	})
}

// EventsOfTask is what the log says of a Task before a number, in order.
func (m *Moment) EventsOfTask(ctx context.Context, taskSID string, before int64) ([]*taskrouter.Event, error) {
	return find(ctx, m.q, "read the event log", (*eventRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = m.store.dialect.along(q, "events", "events_task").Where("task_sid <> ''")
		return m.here(q).Where("task_sid = ? AND seq < ?", taskSID, before).OrderExpr("seq")
	})
}
