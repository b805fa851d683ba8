package store

import (
	"context"
	"database/sql"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Mixed is a row that belongs to somebody else than its Workspace does, or that
// refers to a row of another Workspace.
type Mixed struct {
	WorkspaceSID, AccountSID string
	// Table and Column are where it was found, Key is the row.
	Table, Column, Key string
	// Value is what the column says; Want is the account or Workspace it
	// should be of.
	Value, Want string
}

// owned are the tables that repeat the account of their Workspace, with what
// names a row of them.
var owned = []struct{ table, key string }{
	{"workspace_locks", "workspace_sid"},
	{"activities", "sid"},
	{"task_channels", "sid"},
	{"task_queues", "sid"},
	{"workflows", "sid"},
	{"workers", "sid"},
	{"worker_channels", "sid"},
	{"tasks", "sid"},
	{"reservations", "sid"},
	{"call_queues", "sid"},
	{"calls", "call_sid"},
	{"legs", "attempt"},
	{"events", "sid"},
	{"notices", "task_sid"},
	{"deliveries", "workspace_sid"},
	{"delivery_attempts", "sid"},
}

// references are the columns that name a row of the same Workspace.
var references = []struct{ table, key, column, to string }{
	{"task_queues", "sid", "reservation_activity_sid", "activities"},
	{"task_queues", "sid", "assignment_activity_sid", "activities"},
	{"workflow_versions", "workflow_sid", "workflow_sid", "workflows"},
	{"workers", "sid", "activity_sid", "activities"},
	{"worker_channels", "sid", "worker_sid", "workers"},
	{"worker_channels", "sid", "task_channel_sid", "task_channels"},
	{"queue_members", "queue_sid", "queue_sid", "task_queues"},
	{"queue_members", "queue_sid", "worker_sid", "workers"},
	{"tasks", "sid", "task_channel_sid", "task_channels"},
	{"tasks", "sid", "workflow_sid", "workflows"},
	{"tasks", "sid", "queue_sid", "task_queues"},
	{"reservations", "sid", "task_sid", "tasks"},
	{"reservations", "sid", "worker_sid", "workers"},
	{"reservations", "sid", "task_channel_sid", "task_channels"},
	{"reservations", "sid", "queue_sid", "task_queues"},
	{"reservations", "sid", "workflow_sid", "workflows"},
	{"demand_classes", "class_key", "queue_sid", "task_queues"},
	{"demand_classes", "class_key", "channel_sid", "task_channels"},
	{"demand_classes", "class_key", "workflow_sid", "workflows"},
	{"demand_classes", "class_key", "worker_sid", "workers"},
	{"call_queues", "sid", "workflow_sid", "workflows"},
	{"calls", "call_sid", "call_queue_sid", "call_queues"},
	{"calls", "call_sid", "task_sid", "tasks"},
	{"legs", "attempt", "task_sid", "tasks"},
	{"legs", "attempt", "reservation_sid", "reservations"},
	{"legs", "attempt", "worker_sid", "workers"},
	{"events", "sid", "task_sid", "tasks"},
	{"events", "sid", "reservation_sid", "reservations"},
	{"events", "sid", "worker_sid", "workers"},
	{"events", "sid", "queue_sid", "task_queues"},
	{"events", "sid", "workflow_sid", "workflows"},
	{"events", "sid", "task_channel_sid", "task_channels"},
	{"notices", "task_sid", "task_sid", "tasks"},
	{"statistics_stays", "worker_sid", "worker_sid", "workers"},
	{"statistics_stays", "worker_sid", "activity_sid", "activities"},
}

type mixedRow struct {
	WorkspaceSID string `bun:"workspace_sid"`
	AccountSID   string `bun:"account_sid"`
	RowKey       string `bun:"row_key"`
	Value        string `bun:"value"`
	Want         string `bun:"want"`
}

// MixedRows looks for rows that mix accounts or Workspaces, at most limit of
// each kind, in one consistent read. Empty SIDs do not restrict. A reference to
// a row that is gone is none: history outlives what it speaks of.
func (s *Store) MixedRows(ctx context.Context, accountSID, workspaceSID string, limit int) ([]Mixed, error) {
	q, err := s.read.BeginTx(ctx, &sql.TxOptions{Isolation: s.dialect.snapshot, ReadOnly: true})
	if err != nil {
		return nil, classify(err, "begin a snapshot")
	}
	defer func() { _ = q.Rollback() }() // nothing was written
	restrict, args := "", []any(nil)
	for _, e := range []struct{ column, sid string }{{"w.account_sid", accountSID}, {"w.sid", workspaceSID}} {
		if e.sid != "" {
			restrict += " AND " + e.column + " = ?"
			args = append(args, e.sid)
		}
	}
	args = append(args, limit)
	var out []Mixed
	read := func(table, column, statement string) error {
		var rows []mixedRow
		if err := q.NewRaw(statement+restrict+" LIMIT ?", args...).Scan(ctx, &rows); err != nil {
			return classify(err, "compare accounts")
		}
		for _, r := range rows {
			out = append(out, Mixed{
				WorkspaceSID: r.WorkspaceSID, AccountSID: r.AccountSID, Table: table, Column: column,
				Key: r.RowKey, Value: r.Value, Want: r.Want,
			})
		}
		return nil
	}
	fill := func(text string, parts ...string) string { return strings.NewReplacer(parts...).Replace(text) }
	for _, t := range owned {
		err := read(t.table, "account_sid", fill("SELECT w.sid AS workspace_sid, w.account_sid AS account_sid, t.{key} AS row_key,"+
			" t.account_sid AS value, w.account_sid AS want FROM {table} AS t JOIN workspaces AS w ON w.sid = t.workspace_sid"+
			" WHERE t.account_sid <> w.account_sid", "{table}", t.table, "{key}", t.key))
		if err != nil {
			return nil, err
		}
	}
	for _, r := range references {
		err := read(r.table, r.column, fill("SELECT w.sid AS workspace_sid, w.account_sid AS account_sid, t.{key} AS row_key,"+
			" t.{column} AS value, t.workspace_sid AS want FROM {table} AS t JOIN {to} AS o ON o.sid = t.{column}"+
			" JOIN workspaces AS w ON w.sid = t.workspace_sid WHERE o.workspace_sid <> t.workspace_sid",
			"{table}", r.table, "{key}", r.key, "{column}", r.column, "{to}", r.to))
		if err != nil {
			return nil, err
		}
	}
	for _, column := range []string{"default_activity_sid", "timeout_activity_sid"} {
		err := read("workspaces", column, fill("SELECT w.sid AS workspace_sid, w.account_sid AS account_sid, w.sid AS row_key,"+
			" w.{column} AS value, w.sid AS want FROM workspaces AS w JOIN activities AS o ON o.sid = w.{column}"+
			" WHERE o.workspace_sid <> w.sid", "{column}", column))
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// WorkspaceAccounts lists the Workspaces with the accounts they belong to, by
// SID, after a SID; also those that are being deleted. Empty SIDs do not
// restrict.
func (s *Store) WorkspaceAccounts(ctx context.Context, accountSID, workspaceSID, after string, limit int) ([]*taskrouter.Workspace, error) {
	q := s.read.NewSelect().Model((*workspaceRow)(nil)).Where("sid > ?", after)
	q = equals(equals(q, "account_sid", accountSID), "sid", workspaceSID)
	var rows []*workspaceRow
	if err := q.OrderExpr("sid").Limit(int64(limit)).Scan(ctx, &rows); err != nil {
		return nil, classify(err, "list Workspaces")
	}
	return mapped(rows, (*workspaceRow).domain), nil
}
