package store

import (
	"context"
	"time"
)

// Backlogs is what waits, in all Workspaces of all accounts: for operators.
type Backlogs struct {
	// Queues are those with waiting Tasks, the longest first.
	Queues []QueueBacklog
	// Notices is the length of the outbox. NoticesSince is when the Task that
	// its durable run heard nothing of for longest changed last; zero when
	// there is none.
	Notices      int64
	NoticesSince time.Time
	// Deliveries are Workspaces with events still to be sent, the most first.
	Deliveries []DeliveryBacklog
}

// QueueBacklog is one waiting line.
type QueueBacklog struct {
	WorkspaceSID, QueueSID string
	Waiting                int64
	// Since is when the Task that waits longest entered the queue.
	Since time.Time
}

// DeliveryBacklog is how far the delivery of one Workspace's events is behind.
type DeliveryBacklog struct {
	WorkspaceSID string
	Events       int64
	// Since is when the next event happened; zero when it is too old to be
	// kept.
	Since time.Time
}

// oldestNotices bounds how many notices are looked at for the oldest.
const oldestNotices = 1000

// Backlogs reads what waits: at most limit queues and limit deliveries. It
// walks one index of Tasks; callers ask every few seconds at most.
func (s *Store) Backlogs(ctx context.Context, limit int) (*Backlogs, error) {
	const what = "read what waits"
	out := &Backlogs{}
	var queues []struct {
		WorkspaceSID string `bun:"workspace_sid"`
		QueueSID     string `bun:"queue_sid"`
		N            int64  `bun:"n"`
		Since        int64  `bun:"since"`
	}
	q := s.dialect.along(s.read.NewSelect().Model((*taskRow)(nil)), "tasks", "tasks_census").
		ColumnExpr("workspace_sid, queue_sid, COUNT(*) AS n").
		ColumnExpr("COALESCE(MIN(CASE WHEN queue_entered_at > 0 THEN queue_entered_at END), 0) AS since").
		Where("status = 'pending'").GroupExpr("workspace_sid, queue_sid").
		OrderExpr("n DESC, queue_sid").Limit(int64(limit))
	if err := q.Scan(ctx, &queues); err != nil {
		return nil, classify(err, what)
	}
	for _, r := range queues {
		out.Queues = append(out.Queues, QueueBacklog{WorkspaceSID: r.WorkspaceSID, QueueSID: r.QueueSID, Waiting: r.N, Since: instant(r.Since)})
	}
	var notices struct {
		N     int64 `bun:"n"`
		Since int64 `bun:"since"`
	}
	err := s.read.NewRaw("SELECT (SELECT COUNT(*) FROM notices) AS n,"+
		" (SELECT COALESCE(MIN(t.updated_at), 0) FROM (SELECT task_sid FROM notices ORDER BY due_at, task_sid LIMIT ?) AS few"+
		" JOIN tasks AS t ON t.sid = few.task_sid) AS since", oldestNotices).Scan(ctx, &notices)
	if err != nil {
		return nil, classify(err, what)
	}
	out.Notices, out.NoticesSince = notices.N, instant(notices.Since)
	var deliveries []struct {
		WorkspaceSID string `bun:"workspace_sid"`
		N            int64  `bun:"n"`
		Since        int64  `bun:"since"`
	}
	err = s.read.NewRaw("SELECT d.workspace_sid, l.event_seq - d.cursor_seq AS n, COALESCE(e.at, 0) AS since"+
		" FROM deliveries AS d JOIN workspace_locks AS l ON l.workspace_sid = d.workspace_sid"+
		" LEFT JOIN events AS e ON e.workspace_sid = d.workspace_sid AND e.seq = d.cursor_seq + 1"+
		" WHERE d.is_active AND l.event_seq > d.cursor_seq ORDER BY n DESC, d.workspace_sid LIMIT ?", limit).Scan(ctx, &deliveries)
	if err != nil {
		return nil, classify(err, what)
	}
	for _, r := range deliveries {
		out.Deliveries = append(out.Deliveries, DeliveryBacklog{WorkspaceSID: r.WorkspaceSID, Events: r.N, Since: instant(r.Since)})
	}
	return out, nil
}
