package audit_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/store/storetest"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// tester is what a world needs of a test or a property check.
type tester interface {
	require.TestingT
	Helper()
}

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// database is a store with a back door.
type database struct {
	*store.Store
	sql *sql.DB
}

// openDatabase opens an SQLite file or PostgreSQL; or "memory", which has no
// back door and is fast.
func openDatabase(t testing.TB, kind string) *database {
	t.Helper()
	url := filepath.Join(t.TempDir(), "audit.db")
	driver := "sqlite"
	switch kind {
	case "postgres":
		url, driver = pgtest.Start(t), "pgx"
	case "memory":
		return &database{Store: storetest.Fresh(t)}
	}
	st, err := store.Open(context.Background(), store.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	require.NoError(t, st.Migrate(context.Background()))
	door, err := sql.Open(driver, url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = door.Close() })
	return &database{Store: st, sql: door}
}

// world is a Workspace in which things happen through the dispatcher.
type world struct {
	t       tester
	ctx     context.Context
	db      *database
	d       *dispatch.Dispatcher
	config  *workspace.Service
	clock   *clock
	account string
	ws      string
}

// engine is shared: it only remembers what it compiled.
var engine = rules.New(rules.Options{})

func newWorld(t tester, db *database, change ...func(*dispatch.Options, *workspace.NewWorkspace)) *world {
	t.Helper()
	w := &world{
		t: t, ctx: context.Background(), db: db, account: taskrouter.NewSID(taskrouter.PrefixAccount),
		clock: &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	o := dispatch.Options{Now: w.clock.now}
	n := workspace.NewWorkspace{Account: w.account, FriendlyName: "Support"}
	for _, f := range change {
		f(&o, &n)
	}
	w.d = dispatch.New(db.Store, engine, nil, zap.NewNop(), o)
	w.config = workspace.New(w.d, db.Store, engine, zap.NewNop(), workspace.Options{Now: w.clock.now})
	require.NoError(t, db.CreateAccount(w.ctx, &taskrouter.Account{
		SID: w.account, FriendlyName: "Acme", AuthTokenSealed: []byte("x"), CreatedAt: w.clock.now(), UpdatedAt: w.clock.now(),
	}))
	made, err := w.config.CreateWorkspace(w.ctx, n)
	require.NoError(t, err)
	w.ws = made.SID
	w.clock.advance(time.Minute)
	return w
}

func ptr[T any](v T) *T { return &v }

func (w *world) subject(sid string) dispatch.Subject {
	return dispatch.Subject{
		AccountSID: w.account, WorkspaceSID: w.ws, SID: sid,
		Actor: taskrouter.Actor{Type: "account", SID: w.account, Source: "api"},
	}
}

func (w *world) activity(name string) (sid string) {
	w.t.Helper()
	c, err := w.db.WorkspaceConfig(w.ctx, w.account, w.ws)
	require.NoError(w.t, err)
	for _, a := range c.Activities {
		if a.FriendlyName == name {
			sid = a.SID
		}
	}
	require.NotEmpty(w.t, sid)
	return sid
}

func (w *world) queue(name, members string, change ...func(*workspace.NewQueue)) string {
	w.t.Helper()
	n := workspace.NewQueue{Account: w.account, WorkspaceSID: w.ws, FriendlyName: name, TargetWorkers: &members}
	for _, f := range change {
		f(&n)
	}
	q, err := w.config.CreateQueue(w.ctx, n)
	require.NoError(w.t, err)
	return q.SID
}

func (w *world) workflow(configuration string) string {
	w.t.Helper()
	f, err := w.config.CreateWorkflow(w.ctx, workspace.NewWorkflow{
		Account: w.account, WorkspaceSID: w.ws, FriendlyName: "Main", Configuration: configuration,
		AssignmentCallbackURL: "https://example.com/assign",
	})
	require.NoError(w.t, err)
	w.clock.advance(time.Minute)
	return f.SID
}

// routing is filters and a default queue.
func routing(fallback string, filters ...string) string {
	return fmt.Sprintf(`{"task_routing":{"filters":[%s],"default_filter":{"queue":%q}}}`, strings.Join(filters, ","), fallback)
}

// filter leads to one target with more members.
func filter(expression, queue string, more ...string) string {
	return fmt.Sprintf(`{"filter_friendly_name":"f","expression":%q,"targets":[{%s}]}`,
		expression, strings.Join(append([]string{fmt.Sprintf(`"queue":%q`, queue)}, more...), ","))
}

func (w *world) worker(name, attributes, activity string) string {
	w.t.Helper()
	made, err := w.d.CreateWorker(w.ctx, dispatch.NewWorker{
		AccountSID: w.account, WorkspaceSID: w.ws, Actor: w.subject("").Actor, FriendlyName: name,
		ActivitySID: w.activity(activity), Attributes: taskrouter.Attributes(attributes),
	})
	require.NoError(w.t, err)
	w.clock.advance(time.Second)
	return made.SID
}

func (w *world) move(worker, activity string) {
	w.t.Helper()
	_, err := w.d.UpdateWorker(w.ctx, dispatch.WorkerUpdate{Subject: w.subject(worker), ActivitySID: ptr(w.activity(activity))})
	require.NoError(w.t, err)
	w.clock.advance(time.Second)
}

func (w *world) capacity(worker string, n int) {
	w.t.Helper()
	_, err := w.d.UpdateChannel(w.ctx, dispatch.ChannelUpdate{Subject: w.subject("default"), WorkerSID: worker, Capacity: &n})
	require.NoError(w.t, err)
	w.clock.advance(time.Second)
}

func (w *world) task(attributes string, change ...func(*dispatch.NewTask)) string {
	w.t.Helper()
	n := dispatch.NewTask{AccountSID: w.account, WorkspaceSID: w.ws, Actor: w.subject("").Actor, Attributes: taskrouter.Attributes(attributes)}
	for _, f := range change {
		f(&n)
	}
	t, err := w.d.CreateTask(w.ctx, n)
	require.NoError(w.t, err)
	w.clock.advance(time.Second)
	return t.SID
}

func priority(p int64) func(*dispatch.NewTask) {
	return func(n *dispatch.NewTask) { n.Priority = p }
}

// offers are the open Reservations of a Task, by agent.
func (w *world) offers(task string) map[string]string {
	w.t.Helper()
	out := map[string]string{}
	require.NoError(w.t, w.db.InWorkspace(w.ctx, w.ws, func(ctx context.Context, tx dispatch.Tx) error {
		rs, err := tx.OpenReservations(ctx, task)
		for _, r := range rs {
			out[r.WorkerSID] = r.SID
		}
		return err
	}))
	return out
}

func (w *world) answer(task, worker string, to taskrouter.ReservationStatus) {
	w.t.Helper()
	sid := w.offers(task)[worker]
	require.NotEmpty(w.t, sid, "no open reservation")
	_, err := w.d.UpdateReservation(w.ctx, dispatch.ReservationUpdate{Subject: w.subject(sid), Status: &to})
	require.NoError(w.t, err)
	w.clock.advance(time.Second)
}

func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.clock.advance(d)
	require.NoError(w.t, w.d.Sweep(w.ctx))
}

// audit judges the world, and nothing else that is in the database.
func (w *world) audit(change ...func(*audit.Options)) *audit.Report {
	w.t.Helper()
	o := audit.Options{AccountSID: w.account, Now: w.clock.now}
	for _, f := range change {
		f(&o)
	}
	r, err := audit.Run(w.ctx, w.db.Store, engine, o)
	require.NoError(w.t, err)
	return r
}

// requireHealthy demands a report without findings.
func (w *world) requireHealthy(change ...func(*audit.Options)) *audit.Report {
	w.t.Helper()
	r := w.audit(change...)
	if !r.Clean() {
		var text strings.Builder
		_ = r.Print(&text)
		require.Fail(w.t, "a healthy world is accused", text.String())
	}
	return r
}

// exec changes the database behind everybody's back. It must hit something.
func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	if w.db.Database() == "postgres" {
		for i := 1; strings.Contains(statement, "?"); i++ {
			statement = strings.Replace(statement, "?", fmt.Sprintf("$%d", i), 1)
		}
	}
	result, err := w.db.sql.ExecContext(w.ctx, statement, args...)
	require.NoError(w.t, err, statement)
	n, err := result.RowsAffected()
	require.NoError(w.t, err)
	require.Positive(w.t, n, "nothing was changed: %s", statement)
}

// lookup reads one text.
func (w *world) lookup(statement string, args ...any) (out string) {
	w.t.Helper()
	if w.db.Database() == "postgres" {
		for i := 1; strings.Contains(statement, "?"); i++ {
			statement = strings.Replace(statement, "?", fmt.Sprintf("$%d", i), 1)
		}
	}
	require.NoError(w.t, w.db.sql.QueryRowContext(w.ctx, statement, args...).Scan(&out), statement)
	return out
}
