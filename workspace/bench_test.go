package workspace_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/store/storetest"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// bench is the configuration service over a real dispatcher and a database in
// memory.
type bench struct {
	*workspace.Service
	t        *testing.T
	ctx      context.Context
	db       *store.Store
	d        *dispatch.Dispatcher
	accounts *workspace.Accounts
	account  string
	ws       string
	clock
	// written is every event that was ever written under the lock.
	written []taskrouter.EventType
}

// clock stands still until it is moved. The dispatcher looks at it beside the
// test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// recorder notes the events on their way into the store: those of a deleted
// Workspace are removed with it.
type recorder struct {
	*store.Store
	b *bench
}

func (r *recorder) InWorkspace(ctx context.Context, sid string, fn func(context.Context, dispatch.Tx) error, first ...string) error {
	return r.Store.InWorkspace(ctx, sid, func(ctx context.Context, tx dispatch.Tx) error {
		return fn(ctx, &recordingTx{Tx: tx, b: r.b})
	}, first...)
}

type recordingTx struct {
	dispatch.Tx
	b *bench
}

func (t *recordingTx) Apply(ctx context.Context, c *dispatch.Changes) error {
	for _, e := range c.Events {
		t.b.written = append(t.b.written, e.Type)
	}
	return t.Tx.Apply(ctx, c)
}

// newBench makes an account with one Workspace.
func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, ctx: t.Context(), clock: clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}
	db := storetest.Fresh(t)
	b.db = db

	engine := rules.New(rules.Options{})
	// The smallest chunks: whatever is bulk work is spread over several
	// transactions.
	b.d = dispatch.New(&recorder{Store: db, b: b}, engine, nil, zap.NewNop(), dispatch.Options{Now: b.now, ChunkSize: 1})
	b.Service = workspace.New(b.d, db, engine, zap.NewNop(), workspace.Options{
		MaxActivities: 6, MaxQueues: 5, Now: b.now, Backends: []string{"fake", "restcomm"},
		ValidateMenu: func(menu string) error {
			if !strings.HasPrefix(menu, "{") {
				return errors.New("steps: a menu is a JSON object")
			}
			return nil
		},
	})
	sealer, err := workspace.NewSealer(workspace.NewSealingKey())
	require.NoError(t, err)
	b.accounts = workspace.NewAccounts(db, sealer, zap.NewNop(), workspace.AccountOptions{Now: b.now})
	b.account = b.newAccount()
	w, err := b.CreateWorkspace(b.ctx, workspace.NewWorkspace{Account: b.account, FriendlyName: "Support", Actor: b.api()})
	require.NoError(t, err)
	b.ws = w.SID
	return b
}

func (b *bench) newAccount() string {
	b.t.Helper()
	sid, _, err := b.accounts.CreateAccount(b.ctx, "Acme")
	require.NoError(b.t, err)
	return sid
}

// api is who makes the requests.
func (b *bench) api() taskrouter.Actor {
	return taskrouter.Actor{Type: "account", SID: b.account, Source: "api", SourceIP: "192.0.2.1"}
}

func (b *bench) subject(sid string) dispatch.Subject {
	return dispatch.Subject{AccountSID: b.account, WorkspaceSID: b.ws, SID: sid, Actor: b.api()}
}

// peek reads under the lock.
func (b *bench) peek(fn func(u *dispatch.Unit)) {
	b.t.Helper()
	require.NoError(b.t, b.d.InWorkspace(b.ctx, b.account, b.ws, func(ctx context.Context, u *dispatch.Unit) error {
		if err := u.Load(ctx); err != nil {
			return err
		}
		fn(u)
		return nil
	}))
}

func (b *bench) config() (c *dispatch.Config) {
	b.t.Helper()
	b.peek(func(u *dispatch.Unit) { c = u.Config() })
	return c
}

// sweep runs background rounds until no bulk job is left.
func (b *bench) sweep() {
	b.t.Helper()
	for range 100 {
		require.NoError(b.t, b.d.Sweep(b.ctx))
		left, err := b.db.JobWorkspaces(b.ctx, 1)
		require.NoError(b.t, err)
		if len(left) == 0 {
			return
		}
	}
	b.t.Fatal("bulk jobs do not end")
}

// events returns the types of the Workspace's events, oldest first.
func (b *bench) events() (types []taskrouter.EventType) {
	b.t.Helper()
	for _, e := range b.eventRows() {
		types = append(types, e.Type)
	}
	return types
}

func (b *bench) count(typ taskrouter.EventType) (n int) {
	b.t.Helper()
	for _, e := range b.events() {
		if e == typ {
			n++
		}
	}
	return n
}

func (b *bench) eventRows() []*taskrouter.Event {
	b.t.Helper()
	rows, err := b.db.ListEvents(b.ctx, b.account, b.ws, taskrouter.EventFilter{}, taskrouter.Page{Size: 1000})
	require.NoError(b.t, err)
	for i, j := 0, len(rows)-1; i < j; i, j = i+1, j-1 {
		rows[i], rows[j] = rows[j], rows[i]
	}
	return rows
}

func (b *bench) activity(name string) string {
	b.t.Helper()
	for _, a := range b.config().Activities {
		if a.FriendlyName == name {
			return a.SID
		}
	}
	b.t.Fatalf("no Activity %s", name)
	return ""
}

func (b *bench) queue(name string) *taskrouter.TaskQueue {
	b.t.Helper()
	q, err := b.CreateQueue(b.ctx, workspace.NewQueue{Account: b.account, WorkspaceSID: b.ws, FriendlyName: name, Actor: b.api()})
	require.NoError(b.t, err)
	return q
}

// leadTo is a configuration that sends everything to a queue.
func leadTo(queueSID string) string {
	return `{"task_routing":{"default_filter":{"queue":"` + queueSID + `"}}}`
}

func (b *bench) workflow(configuration string) *taskrouter.Workflow {
	b.t.Helper()
	w, err := b.CreateWorkflow(b.ctx, workspace.NewWorkflow{
		Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Main", Configuration: configuration, Actor: b.api(),
	})
	require.NoError(b.t, err)
	return w
}

func (b *bench) callQueue(workflowSID string, numbers ...string) *taskrouter.CallQueue {
	b.t.Helper()
	q, err := b.CreateCallQueue(b.ctx, workspace.NewCallQueue{
		Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Line", WorkflowSID: workflowSID,
		PhoneNumbers: numbers, Actor: b.api(),
	})
	require.NoError(b.t, err)
	return q
}

func (b *bench) worker(name, activitySID, attributes string) *taskrouter.Worker {
	b.t.Helper()
	w, err := b.d.CreateWorker(b.ctx, dispatch.NewWorker{
		AccountSID: b.account, WorkspaceSID: b.ws, Actor: b.api(),
		FriendlyName: name, ActivitySID: activitySID, Attributes: taskrouter.Attributes(attributes),
	})
	require.NoError(b.t, err)
	return w
}

func (b *bench) task(workflowSID string) *taskrouter.Task {
	b.t.Helper()
	k, err := b.d.CreateTask(b.ctx, dispatch.NewTask{
		AccountSID: b.account, WorkspaceSID: b.ws, Actor: b.api(), WorkflowSID: workflowSID, Attributes: taskrouter.NoAttributes,
	})
	require.NoError(b.t, err)
	return k
}

// offers lists the Workers a Task is offered to.
func (b *bench) offers(taskSID string) (workers []string) {
	b.t.Helper()
	b.peek(func(u *dispatch.Unit) {
		open, err := u.Tx().OpenReservations(b.ctx, taskSID)
		require.NoError(b.t, err)
		for _, r := range open {
			workers = append(workers, r.WorkerSID)
		}
	})
	return workers
}

func ptr[T any](v T) *T { return &v }

// requireInvalid checks a refusal and that its text says what is wrong.
func requireInvalid(t *testing.T, err error, text string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), "%v", err)
	require.ErrorContains(t, err, text)
}
