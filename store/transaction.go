package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// transaction is a Workspace under its lock. It is used by one goroutine.
type transaction struct {
	store *Store
	q     bun.Tx
	// lock is the lock row as this transaction left it; revision is the
	// configuration revision it found.
	lock     dispatch.LockRow
	revision int64
	// configured is set once this transaction wrote configuration: what it
	// reads from then on is not committed and must not be remembered.
	configured bool
	// failed is the first error of a write.
	failed error
	// ahead is what was read before anybody asked; nil when nothing was.
	ahead *ahead
	// ended is set when the last changes were committed along.
	ended bool
}

// Lock returns the lock row as the last Apply left it.
func (t *transaction) Lock() dispatch.LockRow { return t.lock }

// Config returns everything at rest in the Workspace. It is shared between
// callers and must not be changed.
func (t *transaction) Config(ctx context.Context) (*dispatch.Config, error) {
	if t.configured {
		return loadConfig(ctx, t.q, t.lock.WorkspaceSID, t.lock.ConfigRevision)
	}
	if c := t.store.configs.get(t.lock.WorkspaceSID, t.revision); c != nil {
		return c, nil
	}
	c, err := loadConfig(ctx, t.q, t.lock.WorkspaceSID, t.revision)
	if err != nil {
		return nil, err
	}
	t.store.configs.put(c)
	return c, nil
}

// WorkflowConfiguration is the text of any version a configuration ever had;
// an unknown one is a KindNotFound error.
func (t *transaction) WorkflowConfiguration(ctx context.Context, workflowSID string, version int64) (string, error) {
	texts, err := column[string](ctx, t.q, "read a Workflow version",
		"SELECT configuration FROM workflow_versions WHERE workflow_sid = ? AND config_version = ? AND workspace_sid = ?",
		workflowSID, version, t.lock.WorkspaceSID)
	if err != nil {
		return "", err
	}
	if len(texts) == 0 {
		return "", taskrouter.NotFoundf("Version %d of Workflow %s was not found", version, workflowSID)
	}
	return texts[0], nil
}

// here restricts a query to the Workspace of the transaction.
func (t *transaction) here(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("workspace_sid = ?", t.lock.WorkspaceSID)
}

// Call returns a caller's leg, or nil. An empty account means the one of the
// Workspace.
func (t *transaction) Call(ctx context.Context, ref dispatch.CallRef) (*taskrouter.Call, error) {
	if ref.AccountSID == "" {
		ref.AccountSID = t.lock.AccountSID
	}
	return fetch(ctx, t.q, "read a call", (*callRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("account_sid = ? AND backend = ? AND call_sid = ?", ref.AccountSID, ref.Backend, ref.CallSID)
	})
}

// CallOfTask returns the caller's leg of a Task while it has not ended, or nil.
func (t *transaction) CallOfTask(ctx context.Context, taskSID string) (*taskrouter.Call, error) {
	if taskSID == "" {
		return nil, nil
	}
	return fetch(ctx, t.q, "read a call", (*callRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("task_sid = ? AND task_sid <> '' AND NOT is_ended", taskSID)
	})
}

// Leg returns an agent's leg in any state, or nil.
func (t *transaction) Leg(ctx context.Context, attempt string) (*taskrouter.Leg, error) {
	return fetch(ctx, t.q, "read a leg", (*legRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("attempt = ?", attempt)
	})
}

// Legs returns the legs of Tasks that have not ended, oldest attempt first.
func (t *transaction) Legs(ctx context.Context, taskSIDs ...string) ([]*taskrouter.Leg, error) {
	if len(taskSIDs) == 0 {
		return nil, nil
	}
	return find(ctx, t.q, "read legs", (*legRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("task_sid IN (?) AND NOT is_ended", bun.List(taskSIDs)).OrderExpr("created_at, attempt")
	})
}

// OpenLegsTo returns the legs to a Worker that have not ended, oldest first.
func (t *transaction) OpenLegsTo(ctx context.Context, workerSID string) ([]*taskrouter.Leg, error) {
	return find(ctx, t.q, "read legs", (*legRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("worker_sid = ? AND NOT is_ended", workerSID).OrderExpr("created_at, attempt")
	})
}

// CountLegs counts all attempts of a Reservation, ended or not.
func (t *transaction) CountLegs(ctx context.Context, reservationSID string) (int, error) {
	return value[int](ctx, t.q, "count legs",
		"SELECT COUNT(*) FROM legs WHERE workspace_sid = ? AND reservation_sid = ?", t.lock.WorkspaceSID, reservationSID)
}

// LegsUp reports whether any leg of the Workspace has not ended, other than
// those on which the customer's own markup runs.
func (t *transaction) LegsUp(ctx context.Context) (bool, error) {
	n, err := value[int](ctx, t.q, "look for legs", "SELECT 1 FROM legs WHERE workspace_sid = ? AND NOT is_ended AND purpose <> ? LIMIT 1",
		t.lock.WorkspaceSID, string(taskrouter.LegForeign))
	return n > 0, err
}

// Job returns the oldest unfinished job, or nil.
func (t *transaction) Job(ctx context.Context) (*dispatch.Job, error) {
	return fetch(ctx, t.q, "read a job", (*jobRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).OrderExpr("created_at, id")
	})
}
