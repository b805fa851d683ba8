package store

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// loadConfig reads everything at rest in a Workspace.
func loadConfig(ctx context.Context, db bun.IDB, workspaceSID string, revision int64) (*dispatch.Config, error) {
	const what = "read the configuration"
	here := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("workspace_sid = ?", workspaceSID) }
	workspace, err := fetch(ctx, db, what, (*workspaceRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("sid = ?", workspaceSID)
	})
	if err != nil {
		return nil, err
	}
	if workspace == nil {
		return nil, taskrouter.NotFoundf("Workspace %s was not found", workspaceSID)
	}
	activities, err := find(ctx, db, what, (*activityRow).domain, here)
	if err != nil {
		return nil, err
	}
	channels, err := find(ctx, db, what, (*channelRow).domain, here)
	if err != nil {
		return nil, err
	}
	queues, err := find(ctx, db, what, (*queueRow).domain, here)
	if err != nil {
		return nil, err
	}
	workflows, err := find(ctx, db, what, (*workflowRow).domain, here)
	if err != nil {
		return nil, err
	}
	callQueues, err := find(ctx, db, what, (*callQueueRow).domain, here)
	if err != nil {
		return nil, err
	}
	if err := withNumbers(ctx, db, callQueues); err != nil {
		return nil, err
	}
	return &dispatch.Config{
		Revision: revision, Workspace: workspace,
		Activities: keyed(activities, func(a *taskrouter.Activity) string { return a.SID }),
		Channels:   keyed(channels, func(c *taskrouter.TaskChannel) string { return c.SID }),
		Queues:     keyed(queues, func(q *taskrouter.TaskQueue) string { return q.SID }),
		Workflows:  keyed(workflows, func(w *taskrouter.Workflow) string { return w.SID }),
		CallQueues: keyed(callQueues, func(q *taskrouter.CallQueue) string { return q.SID }),
	}, nil
}

func keyed[D any](in []*D, sid func(*D) string) map[string]*D {
	out := make(map[string]*D, len(in))
	for _, d := range in {
		out[sid(d)] = d
	}
	return out
}

// WorkspaceConfig returns everything at rest in a Workspace as it is committed
// now, or nil when the account has no such Workspace. It is shared and must
// not be changed. It is what turns SIDs into names for people.
func (s *Store) WorkspaceConfig(ctx context.Context, accountSID, workspaceSID string) (*dispatch.Config, error) {
	revision := func(db bun.IDB) (int64, bool, error) {
		found, err := column[int64](ctx, db, "read the configuration",
			"SELECT config_revision FROM workspace_locks WHERE account_sid = ? AND workspace_sid = ?", accountSID, workspaceSID)
		if err != nil || len(found) == 0 {
			return 0, false, err
		}
		return found[0], true, nil
	}
	n, ok, err := revision(s.read)
	if err != nil || !ok {
		return nil, err
	}
	if c := s.configs.get(workspaceSID, n); c != nil {
		return c, nil
	}
	// The revision and the rows must be of one moment.
	q, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.dialect.snapshot, ReadOnly: true})
	if err != nil {
		return nil, classify(err, "read the configuration")
	}
	defer func() { _ = q.Rollback() }() // nothing was written
	if n, ok, err = revision(q); err != nil || !ok {
		return nil, err
	}
	c, err := loadConfig(ctx, q, workspaceSID, n)
	if err != nil {
		return nil, err
	}
	s.configs.put(c)
	return c, nil
}

// withNumbers reads the phone numbers of call queues, in their order.
func withNumbers(ctx context.Context, db bun.IDB, queues []*taskrouter.CallQueue) error {
	if len(queues) == 0 {
		return nil
	}
	bySID := keyed(queues, func(q *taskrouter.CallQueue) string { return q.SID })
	numbers, err := find(ctx, db, "read phone numbers", func(r *numberRow) *numberRow { return r }, func(q *bun.SelectQuery) *bun.SelectQuery {
		sids := mapped(queues, func(q *taskrouter.CallQueue) string { return q.SID })
		return q.Where("call_queue_sid IN (?)", bun.List(sids)).OrderExpr("call_queue_sid, position")
	})
	if err != nil {
		return err
	}
	for _, n := range numbers {
		q := bySID[n.CallQueueSID]
		q.PhoneNumbers = append(q.PhoneNumbers, n.PhoneNumber)
	}
	return nil
}
