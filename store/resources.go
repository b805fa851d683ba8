package store

import (
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// The methods of this file serve requests. All of them are scoped by account
// and Workspace. A Fetch returns nil, and no error, for what does not exist.

// one reads a row by its SID.
func one[R, D any](ctx context.Context, s *Store, what string, domain func(*R) *D, accountSID, workspaceSID, sid string) (*D, error) {
	return fetch(ctx, s.read, what, domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Apply(within(accountSID, workspaceSID)).Where("?TableAlias.sid = ?", sid)
	})
}

// FetchActivity returns an Activity, or nil.
func (s *Store) FetchActivity(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.Activity, error) {
	return one(ctx, s, "read an Activity", (*activityRow).domain, accountSID, workspaceSID, sid)
}

// ListActivities pages through Activities. An empty friendly name and a nil
// availability do not restrict.
func (s *Store) ListActivities(ctx context.Context, accountSID, workspaceSID, friendlyName string, available *bool, p taskrouter.Page) ([]*taskrouter.Activity, error) {
	return list(ctx, s.read, "list Activities", (*activityRow).domain, within(accountSID, workspaceSID), byCreation, p,
		func(q *bun.SelectQuery) *bun.SelectQuery {
			if available != nil {
				q = q.Where("?TableAlias.available = ?", *available)
			}
			return equals(q, "friendly_name", friendlyName)
		})
}

// FetchTaskChannel returns a TaskChannel by SID or unique name, or nil.
func (s *Store) FetchTaskChannel(ctx context.Context, accountSID, workspaceSID, sidOrName string) (*taskrouter.TaskChannel, error) {
	return fetch(ctx, s.read, "read a TaskChannel", (*channelRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Apply(within(accountSID, workspaceSID)).
			Where("(sid = ? OR unique_name = ?)", sidOrName, sidOrName).
			// A unique name may look like a SID; the SID wins.
			OrderExpr("CASE WHEN sid = ? THEN 0 ELSE 1 END", sidOrName)
	})
}

// ListTaskChannels pages through TaskChannels.
func (s *Store) ListTaskChannels(ctx context.Context, accountSID, workspaceSID string, p taskrouter.Page) ([]*taskrouter.TaskChannel, error) {
	return list(ctx, s.read, "list TaskChannels", (*channelRow).domain, within(accountSID, workspaceSID), byCreation, p, everything)
}

// FetchQueue returns a TaskQueue, or nil.
func (s *Store) FetchQueue(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.TaskQueue, error) {
	return one(ctx, s, "read a TaskQueue", (*queueRow).domain, accountSID, workspaceSID, sid)
}

// ListQueues pages through TaskQueues.
func (s *Store) ListQueues(ctx context.Context, accountSID, workspaceSID string, f taskrouter.QueueFilter, p taskrouter.Page) ([]*taskrouter.TaskQueue, error) {
	order := byCreation
	if f.ByDateUpdated != "" {
		order = []clause{{column: "updated_at", desc: f.ByDateUpdated == taskrouter.Descending}, {column: "sid"}}
	}
	return list(ctx, s.read, "list TaskQueues", (*queueRow).domain, within(accountSID, workspaceSID), order, p,
		func(q *bun.SelectQuery) *bun.SelectQuery {
			if f.WorkerSID != "" {
				q = q.Where("EXISTS (SELECT 1 FROM queue_members AS m WHERE m.queue_sid = ?TableAlias.sid AND m.worker_sid = ?)", f.WorkerSID)
			}
			return equals(q, "friendly_name", f.FriendlyName)
		})
}

// FetchWorkflow returns a Workflow, or nil.
func (s *Store) FetchWorkflow(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.Workflow, error) {
	return one(ctx, s, "read a Workflow", (*workflowRow).domain, accountSID, workspaceSID, sid)
}

// ListWorkflows pages through Workflows. An empty friendly name does not
// restrict.
func (s *Store) ListWorkflows(ctx context.Context, accountSID, workspaceSID, friendlyName string, p taskrouter.Page) ([]*taskrouter.Workflow, error) {
	return list(ctx, s.read, "list Workflows", (*workflowRow).domain, within(accountSID, workspaceSID), byCreation, p,
		func(q *bun.SelectQuery) *bun.SelectQuery { return equals(q, "friendly_name", friendlyName) })
}

// FetchWorker returns a Worker, or nil.
func (s *Store) FetchWorker(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.Worker, error) {
	return one(ctx, s, "read a Worker", (*workerRow).domain, accountSID, workspaceSID, sid)
}

// ListWorkers pages through Workers. A list of SIDs that is empty but not nil
// matches nobody.
func (s *Store) ListWorkers(ctx context.Context, accountSID, workspaceSID string, f taskrouter.WorkerFilter, p taskrouter.Page) ([]*taskrouter.Worker, error) {
	order := byCreation
	if f.ByDateStatusChanged != "" {
		order = []clause{{column: "date_status_changed", desc: f.ByDateStatusChanged == taskrouter.Descending}, {column: "sid"}}
	}
	return list(ctx, s.read, "list Workers", (*workerRow).domain, within(accountSID, workspaceSID), order, p,
		func(q *bun.SelectQuery) *bun.SelectQuery {
			q = among(q, "activity_sid", f.ActivitySIDs)
			if f.Available != nil {
				q = q.Where("?TableAlias.available = ?", *f.Available)
			}
			if f.QueueSIDs != nil {
				q = q.Where("EXISTS (SELECT 1 FROM queue_members AS m WHERE m.queue_sid IN (?) AND m.worker_sid = ?TableAlias.sid)",
					bun.List(f.QueueSIDs))
			}
			return equals(q, "name_key", nameKey(f.FriendlyName))
		})
}

// WorkerChannels returns the channels of a Worker in the order they were
// created.
func (s *Store) WorkerChannels(ctx context.Context, accountSID, workspaceSID, workerSID string) ([]*taskrouter.WorkerChannel, error) {
	return find(ctx, s.read, "list WorkerChannels", (*workerChannelRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Apply(within(accountSID, workspaceSID)).Where("worker_sid = ?", workerSID).OrderExpr("created_at, sid")
	})
}

// ChannelsOf returns the channels of some Workers, by Worker.
func (s *Store) ChannelsOf(ctx context.Context, accountSID, workspaceSID string, workerSIDs []string) (map[string][]*taskrouter.WorkerChannel, error) {
	out := make(map[string][]*taskrouter.WorkerChannel, len(workerSIDs))
	if len(workerSIDs) == 0 {
		return out, nil
	}
	found, err := find(ctx, s.read, "list WorkerChannels", (*workerChannelRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Apply(within(accountSID, workspaceSID)).Where("worker_sid IN (?)", bun.List(workerSIDs)).OrderExpr("worker_sid, created_at, sid")
	})
	for _, c := range found {
		out[c.WorkerSID] = append(out[c.WorkerSID], c)
	}
	return out, err
}

// FetchWorkerChannel returns a channel of a Worker by its own SID, by the SID
// of its TaskChannel or by the unique name of that one, or nil.
func (s *Store) FetchWorkerChannel(ctx context.Context, accountSID, workspaceSID, workerSID, name string) (*taskrouter.WorkerChannel, error) {
	return fetch(ctx, s.read, "read a WorkerChannel", (*workerChannelRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Apply(within(accountSID, workspaceSID)).Where("worker_sid = ?", workerSID).
			Where("(sid = ? OR task_channel_sid = ? OR task_channel_name = ?)", name, name, name).
			OrderExpr("CASE WHEN sid = ? THEN 0 WHEN task_channel_sid = ? THEN 1 ELSE 2 END", name, name)
	})
}

// FetchTask returns a Task, or nil.
func (s *Store) FetchTask(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.Task, error) {
	return fetch(ctx, s.read, "read a Task", (*taskRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return visible(q.Apply(within(accountSID, workspaceSID)).Where("sid = ?", sid))
	})
}

// visible leaves out Tasks that were deleted and whose row only stays until a
// leg is down; see taskrouter.Task.Deleted.
func visible(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("NOT (?TableAlias.remove_at > 0 AND ?TableAlias.remove_at = ?TableAlias.ended_at)")
}

// ofVisible leaves out the Reservations of Tasks that visible leaves out.
func ofVisible(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("NOT EXISTS (SELECT 1 FROM tasks AS t WHERE t.sid = ?TableAlias.task_sid AND t.remove_at > 0 AND t.remove_at = t.ended_at)")
}

// ListTasks pages through Tasks. A list of SIDs or states that is empty but
// not nil matches nothing.
func (s *Store) ListTasks(ctx context.Context, accountSID, workspaceSID string, f taskrouter.TaskFilter, p taskrouter.Page) ([]*taskrouter.Task, error) {
	filter := func(statuses []taskrouter.TaskStatus) func(*bun.SelectQuery) *bun.SelectQuery {
		return func(q *bun.SelectQuery) *bun.SelectQuery {
			q = visible(q)
			if f.Priority != nil {
				q = q.Where("?TableAlias.priority = ?", *f.Priority)
			}
			q = among(q, "status", statuses)
			q = among(q, "workflow_sid", f.WorkflowSIDs)
			q = among(q, "queue_sid", f.QueueSIDs)
			return equals(q, "routing_target", f.RoutingTarget)
		}
	}
	filters := []func(*bun.SelectQuery) *bun.SelectQuery{filter(f.Statuses)}
	if wanted := slices.Compact(slices.Sorted(slices.Values(f.Statuses))); len(wanted) > 1 {
		filters = filters[:0]
		for i := range wanted {
			filters = append(filters, filter(wanted[i:i+1]))
		}
	}
	return listAny(ctx, s.read, "list Tasks", (*taskRow).domain, within(accountSID, workspaceSID), taskOrder(f.Order), p, filters...)
}

// taskOrder turns the wanted clauses into columns; creation and SID decide
// between Tasks that are equal in them.
func taskOrder(clauses []taskrouter.TaskOrdering) []clause {
	var order []clause
	created := false
	for _, o := range clauses {
		switch o.Field {
		case taskrouter.OrderByPriority:
			order = append(order, clause{"priority", o.Desc})
		case taskrouter.OrderByVirtualStartTime:
			order = append(order, clause{"virtual_start_at", o.Desc})
		case taskrouter.OrderByDateCreated:
			order = append(order, clause{"created_at", o.Desc})
			created = true
		}
	}
	if !created {
		order = append(order, clause{column: "created_at"})
	}
	return append(order, clause{column: "sid"})
}

// FetchReservation returns a Reservation, or nil.
func (s *Store) FetchReservation(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.Reservation, error) {
	return fetch(ctx, s.read, "read a Reservation", (*reservationRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return ofVisible(q.Apply(within(accountSID, workspaceSID)).Where("?TableAlias.sid = ?", sid))
	})
}

// ListReservations pages through the Reservations of a Task or of a Worker.
func (s *Store) ListReservations(ctx context.Context, accountSID, workspaceSID string, f taskrouter.ReservationFilter, p taskrouter.Page) ([]*taskrouter.Reservation, error) {
	return list(ctx, s.read, "list Reservations", (*reservationRow).domain, within(accountSID, workspaceSID), byCreation, p,
		func(q *bun.SelectQuery) *bun.SelectQuery {
			q = equals(ofVisible(q), "task_sid", f.TaskSID)
			q = equals(q, "worker_sid", f.WorkerSID)
			return equals(q, "status", string(f.Status))
		})
}

// TaskReservations returns all Reservations of Tasks, whatever their state, in
// the order they were made.
func (s *Store) TaskReservations(ctx context.Context, accountSID, workspaceSID string, taskSIDs ...string) ([]*taskrouter.Reservation, error) {
	if len(taskSIDs) == 0 {
		return nil, nil
	}
	return find(ctx, s.read, "list Reservations", (*reservationRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Apply(within(accountSID, workspaceSID)).Where("task_sid IN (?)", bun.List(taskSIDs)).OrderExpr("created_at, sid")
	})
}
