package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// newestFirst is the order of the event log for people.
var newestFirst = []clause{{column: "seq", desc: true}, {column: "sid"}}

// FetchEvent returns an event, or nil.
func (s *Store) FetchEvent(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.Event, error) {
	return one(ctx, s, "read an event", (*eventRow).domain, accountSID, workspaceSID, sid)
}

// ListEvents pages through events, newest first. Since and Until are both
// included.
func (s *Store) ListEvents(ctx context.Context, accountSID, workspaceSID string, f taskrouter.EventFilter, p taskrouter.Page) ([]*taskrouter.Event, error) {
	return list(ctx, s.read, "list events", (*eventRow).domain, within(accountSID, workspaceSID), newestFirst, p,
		func(q *bun.SelectQuery) *bun.SelectQuery {
			if !f.Since.IsZero() {
				q = q.Where("?TableAlias.at >= ?", micros(f.Since))
			}
			if !f.Until.IsZero() {
				q = q.Where("?TableAlias.at <= ?", micros(f.Until))
			}
			for _, e := range []struct{ column, text string }{
				{"sid", f.SID},
				{"type", string(f.Type)},
				{"task_sid", f.TaskSID},
				{"worker_sid", f.WorkerSID},
				{"reservation_sid", f.ReservationSID},
				{"queue_sid", f.QueueSID},
				{"workflow_sid", f.WorkflowSID},
				{"task_channel_sid", f.TaskChannelSID},
			} {
				q = equals(q, e.column, e.text)
			}
			// The partial indexes leave out the empty text.
			switch {
			case f.TaskSID != "":
				q = s.dialect.along(q, "events", "events_task").Where("?TableAlias.task_sid <> ''")
			case f.WorkerSID != "":
				q = s.dialect.along(q, "events", "events_worker").Where("?TableAlias.worker_sid <> ''")
			}
			return q
		})
}

// EventsAfter reads the log of a Workspace behind a number, in order.
func (s *Store) EventsAfter(ctx context.Context, workspaceSID string, seq int64, limit int) ([]*taskrouter.Event, error) {
	return find(ctx, s.read, "read the event log", (*eventRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("workspace_sid = ? AND seq > ?", workspaceSID, seq).OrderExpr("seq").Limit(int64(limit))
	})
}

// LastEventSeq is the number of the newest event of a Workspace; 0 when there
// is none.
func (s *Store) LastEventSeq(ctx context.Context, workspaceSID string) (int64, error) {
	return value[int64](ctx, s.read, "read the event log",
		"SELECT event_seq FROM workspace_locks WHERE workspace_sid = ?", workspaceSID)
}
