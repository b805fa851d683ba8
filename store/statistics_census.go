package store

import (
	"context"
	"strconv"
	"strings"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// The methods of this file count what there is now. They walk indexes that
// hold all they need; their cost grows with the number of Tasks and Workers
// that exist, not with what ever happened.

// earliest is the least of "instant, then SID" among waiting Tasks, as text: a
// database finds instant and SID of the first Task in one pass. All instants
// since 2001 have the same number of digits.
func earliest(column string) string {
	return "COALESCE(MIN(CASE WHEN status IN ('pending', 'reserved') AND " + column + " > 0" +
		" THEN CAST(" + column + " AS TEXT) || sid END), '')"
}

// TaskCensus counts Tasks: by queue when queues are asked for, else together,
// under the empty SID. Each asked-for SID has an entry.
func (s *Store) TaskCensus(ctx context.Context, accountSID, workspaceSID string, in taskrouter.TaskCensusQuery) (map[string]*taskrouter.TaskCensus, error) {
	out := map[string]*taskrouter.TaskCensus{}
	add := func(sid string) {
		out[sid] = &taskrouter.TaskCensus{ByStatus: map[taskrouter.TaskStatus]int64{}, ByPriority: map[int64]int64{}}
	}
	if in.QueueSIDs == nil {
		add("")
	}
	for _, sid := range in.QueueSIDs {
		add(sid)
	}
	if in.QueueSIDs != nil && len(in.QueueSIDs) == 0 {
		return out, nil
	}
	var rows []struct {
		QueueSID string `bun:"queue_sid"`
		Status   string `bun:"status"`
		Priority int64  `bun:"priority"`
		N        int64  `bun:"n"`
		Created  string `bun:"first_created"`
		Entered  string `bun:"first_entered"`
	}
	q := s.read.NewSelect().Model((*taskRow)(nil))
	q = s.dialect.along(q, "tasks", "tasks_census")
	q = ofAccount(q, accountSID, workspaceSID).
		// Grouped along the index: nothing is sorted.
		ColumnExpr("queue_sid, status, priority, COUNT(*) AS n").
		ColumnExpr(earliest("created_at") + " AS first_created").
		ColumnExpr(earliest("queue_entered_at") + " AS first_entered").
		GroupExpr("queue_sid, task_channel_sid, workflow_sid, status, priority")
	q = among(q, "queue_sid", in.QueueSIDs)
	q = equals(q, "workflow_sid", in.WorkflowSID)
	q = equals(q, "task_channel_sid", in.ChannelSID)
	if err := q.Scan(ctx, &rows); err != nil {
		return nil, classify(err, "count Tasks")
	}
	for _, r := range rows {
		sid := r.QueueSID
		if in.QueueSIDs == nil {
			sid = ""
		}
		c := out[sid]
		c.ByStatus[taskrouter.TaskStatus(r.Status)] += r.N
		switch taskrouter.TaskStatus(r.Status) {
		case taskrouter.TaskPending, taskrouter.TaskReserved:
			c.ByPriority[r.Priority] += r.N
			c.Oldest = first(c.Oldest, r.Created)
			c.LongestInQueue = first(c.LongestInQueue, r.Entered)
		case taskrouter.TaskAssigned, taskrouter.TaskWrapping, taskrouter.TaskCompleted, taskrouter.TaskCanceled:
		}
	}
	return out, nil
}

// first is the earlier one of a Task and of one as earliest writes it.
func first(have taskrouter.WaitingTask, text string) taskrouter.WaitingTask {
	digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if digits <= 0 {
		return have
	}
	us, err := strconv.ParseInt(text[:digits], 10, 64)
	if err != nil { // only earliest writes it
		return have
	}
	found := taskrouter.WaitingTask{SID: text[digits:], Since: instant(us)}
	if have.SID == "" || found.Since.Before(have.Since) || (found.Since.Equal(have.Since) && found.SID < have.SID) {
		return found
	}
	return have
}

// WorkerCensus counts Workers by Activity SID.
func (s *Store) WorkerCensus(ctx context.Context, accountSID, workspaceSID string, w taskrouter.WorkerSelection) (map[string]int64, error) {
	var rows []struct {
		ActivitySID string `bun:"activity_sid"`
		N           int64  `bun:"n"`
	}
	q := s.read.NewSelect().Model((*workerRow)(nil))
	q = s.dialect.along(q, "workers", "workers_activity")
	q = ofAccount(q, accountSID, workspaceSID).ColumnExpr("activity_sid, COUNT(*) AS n").GroupExpr("activity_sid")
	if err := selected(q, "sid", workspaceSID, w).Scan(ctx, &rows); err != nil {
		return nil, classify(err, "count Workers")
	}
	out := make(map[string]int64, len(rows))
	for _, r := range rows {
		out[r.ActivitySID] = r.N
	}
	return out, nil
}

// MemberCensus counts the members of each queue by Activity SID.
func (s *Store) MemberCensus(ctx context.Context, accountSID, workspaceSID string, queueSIDs []string) (map[string]map[string]int64, error) {
	out := make(map[string]map[string]int64, len(queueSIDs))
	for _, sid := range queueSIDs {
		out[sid] = map[string]int64{}
	}
	if len(queueSIDs) == 0 {
		return out, nil
	}
	var rows []struct {
		QueueSID    string `bun:"queue_sid"`
		ActivitySID string `bun:"activity_sid"`
		N           int64  `bun:"n"`
	}
	err := s.read.NewRaw("SELECT m.queue_sid, w.activity_sid, COUNT(*) AS n FROM queue_members AS m JOIN workers AS w ON w.sid = m.worker_sid"+
		" WHERE m.queue_sid IN (?) AND m.workspace_sid = ? AND w.account_sid = ? GROUP BY m.queue_sid, w.activity_sid",
		bun.List(queueSIDs), workspaceSID, accountSID).Scan(ctx, &rows)
	if err != nil {
		return nil, classify(err, "count members")
	}
	for _, r := range rows {
		out[r.QueueSID][r.ActivitySID] = r.N
	}
	return out, nil
}
