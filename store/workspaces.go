package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// CreateWorkspace writes a Workspace with what it starts with, and its lock,
// in one transaction. Events are numbered from 1 in their order; their numbers
// are set in place. When its SID was claimed, the claim is done with it; one
// that was done before is a KindConflict error.
func (s *Store) CreateWorkspace(ctx context.Context, w *taskrouter.Workspace, activities []*taskrouter.Activity,
	channels []*taskrouter.TaskChannel, queues []*taskrouter.TaskQueue, workflows []*taskrouter.Workflow, events []taskrouter.Event,
) error {
	for i := range events {
		events[i].Seq = int64(i + 1)
	}
	return s.inTransaction(ctx, func(q bun.Tx) error {
		lock := dispatch.LockRow{WorkspaceSID: w.SID, AccountSID: w.AccountSID}
		t := &transaction{store: s, q: q, lock: lock}
		claims, err := fulfilled(ctx, s, q, w.SID)
		if err != nil {
			return err
		}
		_, err = s.exec(ctx, q, "create a Workspace",
			"INSERT INTO workspace_locks (workspace_sid, account_sid, config_revision, event_seq, next_due) VALUES (?, ?, 0, 0, 0)",
			w.SID, w.AccountSID)
		if err != nil {
			return err
		}
		return t.Apply(ctx, &dispatch.Changes{
			Lock: lock, Workspace: w, Activities: activities, Channels: channels,
			Queues: queues, Workflows: workflows, Events: events, Claims: claims,
		})
	})
}

// FetchWorkspace returns a Workspace of the account, or nil. One that is being
// deleted is returned, with Deleting set.
func (s *Store) FetchWorkspace(ctx context.Context, accountSID, sid string) (*taskrouter.Workspace, error) {
	return fetch(ctx, s.read, "read a Workspace", (*workspaceRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("account_sid = ? AND sid = ?", accountSID, sid)
	})
}

// ListWorkspaces pages through the Workspaces of the account, without those
// that are being deleted. An empty friendly name does not restrict.
func (s *Store) ListWorkspaces(ctx context.Context, accountSID, friendlyName string, p taskrouter.Page) ([]*taskrouter.Workspace, error) {
	sc := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("account_sid = ?", accountSID) }
	return list(ctx, s.read, "list Workspaces", (*workspaceRow).domain, sc, byCreation, p, func(q *bun.SelectQuery) *bun.SelectQuery {
		return equals(q.Where("NOT deleting"), "friendly_name", friendlyName)
	})
}

// AllWorkspaces pages through the Workspaces of all accounts by SID, after a
// SID. For sweepers and delivery: not scoped.
func (s *Store) AllWorkspaces(ctx context.Context, after string, limit int) ([]*taskrouter.Workspace, error) {
	return find(ctx, s.read, "list Workspaces", (*workspaceRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("sid > ?", after).OrderExpr("sid").Limit(int64(limit))
	})
}

// CreateAccount adds an account.
func (s *Store) CreateAccount(ctx context.Context, a *taskrouter.Account) error {
	_, err := s.write.NewInsert().Model(fromAccount(a)).Returning("").Exec(ctx)
	return classify(err, "create an account")
}

// UpdateAccount replaces an account; an unknown one is a KindNotFound error.
func (s *Store) UpdateAccount(ctx context.Context, a *taskrouter.Account) error {
	result, err := s.write.NewUpdate().Model(fromAccount(a)).ExcludeColumn("created_at").WherePK().Exec(ctx)
	if err != nil {
		return classify(err, "update an account")
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return taskrouter.NotFoundf("Account %s was not found", a.SID)
	}
	return classify(err, "update an account")
}

// FetchAccount returns an account, or nil.
func (s *Store) FetchAccount(ctx context.Context, sid string) (*taskrouter.Account, error) {
	return fetch(ctx, s.read, "read an account", (*accountRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("sid = ?", sid)
	})
}

// ListAccounts returns all accounts in the order they were created.
func (s *Store) ListAccounts(ctx context.Context) ([]*taskrouter.Account, error) {
	return find(ctx, s.read, "list accounts", (*accountRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.OrderExpr("created_at, sid")
	})
}
