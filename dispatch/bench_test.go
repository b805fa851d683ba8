package dispatch_test

import (
	"context"
	"fmt"
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

// tester is what a bench needs of a test, a benchmark or a property check.
type tester interface {
	require.TestingT
	Helper()
}

// bench is a dispatcher over a real database, with the configuration service
// beside it and a clock that stands still until it is moved.
type bench struct {
	t       tester
	ctx     context.Context
	db      *store.Store
	d       *dispatch.Dispatcher
	config  *workspace.Service
	clock   *clock
	account string
	ws      string
}

// clock is a clock moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

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

func openStore(t testing.TB, url string) *store.Store {
	t.Helper()
	if url == store.MemoryURL {
		return storetest.Fresh(t)
	}
	db, err := store.Open(context.Background(), store.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(context.Background()))
	return db
}

// settings change what a bench is made of.
type settings struct {
	store    dispatch.Store
	options  dispatch.Options
	notifier dispatch.Notifier
	single   bool
}

// newBench makes a Workspace in a database in memory.
func newBench(t testing.TB, set ...func(*settings)) *bench {
	t.Helper()
	return benchOn(t, openStore(t, store.MemoryURL), set...)
}

// benchOn makes a Workspace of an account of its own in a database.
func benchOn(t tester, db *store.Store, set ...func(*settings)) *bench {
	t.Helper()
	b := &bench{t: t, ctx: context.Background(), db: db, clock: newClock(), account: taskrouter.NewSID(taskrouter.PrefixAccount)}
	s := settings{store: db}
	for _, f := range set {
		f(&s)
	}
	if s.options.Now == nil {
		s.options.Now = b.clock.now
	}
	engine := rules.New(rules.Options{})
	b.d = dispatch.New(s.store, engine, s.notifier, zap.NewNop(), s.options)
	b.config = workspace.New(b.d, db, engine, zap.NewNop(), workspace.Options{Now: b.clock.now})
	require.NoError(t, db.CreateAccount(b.ctx, &taskrouter.Account{
		SID: b.account, FriendlyName: "Acme", AuthTokenSealed: []byte("x"), CreatedAt: b.clock.now(), UpdatedAt: b.clock.now(),
	}))
	multi := !s.single
	w, err := b.config.CreateWorkspace(b.ctx, workspace.NewWorkspace{Account: b.account, FriendlyName: "Support", MultiTaskEnabled: &multi})
	require.NoError(t, err)
	b.ws = w.SID
	return b
}

func single(s *settings) { s.single = true }

func options(o dispatch.Options) func(*settings) {
	return func(s *settings) { s.options = o }
}

func ptr[T any](v T) *T { return &v }

func (b *bench) api() taskrouter.Actor {
	return taskrouter.Actor{Type: "account", SID: b.account, Source: "api"}
}

func (b *bench) subject(sid string) dispatch.Subject {
	return dispatch.Subject{AccountSID: b.account, WorkspaceSID: b.ws, SID: sid, Actor: b.api()}
}

// peek reads under the lock, without doing what is due.
func (b *bench) peek(fn func(ctx context.Context, tx dispatch.Tx)) {
	b.t.Helper()
	require.NoError(b.t, b.db.InWorkspace(b.ctx, b.ws, func(ctx context.Context, tx dispatch.Tx) error {
		fn(ctx, tx)
		return nil
	}))
}

func (b *bench) settings() (c *dispatch.Config) {
	b.t.Helper()
	b.peek(func(ctx context.Context, tx dispatch.Tx) {
		var err error
		c, err = tx.Config(ctx)
		require.NoError(b.t, err)
	})
	return c
}

func (b *bench) activity(name string) (sid string) {
	b.t.Helper()
	for _, a := range b.settings().Activities {
		if a.FriendlyName == name {
			sid = a.SID
		}
	}
	require.NotEmpty(b.t, sid, "no Activity %s", name)
	return sid
}

func (b *bench) addActivity(name string, available bool) string {
	b.t.Helper()
	a, err := b.config.CreateActivity(b.ctx, workspace.NewActivity{Account: b.account, WorkspaceSID: b.ws, FriendlyName: name, Available: available})
	require.NoError(b.t, err)
	return a.SID
}

func (b *bench) queue(name string, set ...func(*workspace.NewQueue)) string {
	b.t.Helper()
	n := workspace.NewQueue{Account: b.account, WorkspaceSID: b.ws, FriendlyName: name}
	for _, f := range set {
		f(&n)
	}
	q, err := b.config.CreateQueue(b.ctx, n)
	require.NoError(b.t, err)
	return q.SID
}

func members(expression string) func(*workspace.NewQueue) {
	return func(n *workspace.NewQueue) { n.TargetWorkers = &expression }
}

func offersTo(n int64) func(*workspace.NewQueue) {
	return func(q *workspace.NewQueue) { q.MaxReservedWorkers = &n }
}

func lifo(q *workspace.NewQueue) { q.TaskOrder = "LIFO" }

// everything is a configuration whose only target is a queue.
func everything(queue string) string {
	return `{"task_routing":{"default_filter":` + target(queue) + `}}`
}

// filter is one filter; targets and filters are put together by routing.
func filter(expression string, targets ...string) string {
	return fmt.Sprintf(`{"filter_friendly_name":%q,"expression":%q,"targets":[%s]}`, "if "+expression, expression, strings.Join(targets, ","))
}

// target is one target; more are further members, such as `"timeout":5`.
func target(queue string, more ...string) string {
	members := more
	if queue != "" {
		members = append([]string{`"queue":"` + queue + `"`}, more...)
	}
	return "{" + strings.Join(members, ",") + "}"
}

// routing is a configuration of filters and, unless empty, a default target.
func routing(fallback string, filters ...string) string {
	text := `{"task_routing":{"filters":[` + strings.Join(filters, ",") + `]`
	if fallback != "" {
		text += `,"default_filter":` + fallback
	}
	return text + "}}"
}

func (b *bench) workflow(configuration string, set ...func(*workspace.NewWorkflow)) string {
	b.t.Helper()
	n := workspace.NewWorkflow{Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Main", Configuration: configuration}
	for _, f := range set {
		f(&n)
	}
	w, err := b.config.CreateWorkflow(b.ctx, n)
	require.NoError(b.t, err)
	return w.SID
}

func withCallback(n *workspace.NewWorkflow) { n.AssignmentCallbackURL = "https://example.com/assign" }

// worker adds an available agent.
func (b *bench) worker(name, attributes string) string {
	b.t.Helper()
	return b.workerIn(name, attributes, "Available")
}

func (b *bench) workerIn(name, attributes, activity string) string {
	b.t.Helper()
	w, err := b.d.CreateWorker(b.ctx, dispatch.NewWorker{
		AccountSID: b.account, WorkspaceSID: b.ws, Actor: b.api(), FriendlyName: name,
		ActivitySID: b.activity(activity), Attributes: taskrouter.Attributes(attributes),
	})
	require.NoError(b.t, err)
	b.clock.advance(time.Millisecond) // no two have been idle for the same time
	return w.SID
}

func (b *bench) move(worker, activity string) {
	b.t.Helper()
	_, err := b.d.UpdateWorker(b.ctx, dispatch.WorkerUpdate{Subject: b.subject(worker), ActivitySID: ptr(b.activity(activity))})
	require.NoError(b.t, err)
}

func (b *bench) capacity(worker, channel string, n int) {
	b.t.Helper()
	_, err := b.d.UpdateChannel(b.ctx, dispatch.ChannelUpdate{Subject: b.subject(channel), WorkerSID: worker, Capacity: &n})
	require.NoError(b.t, err)
}

// create makes a Task and moves the clock, so that no two are of one age.
func (b *bench) create(set ...func(*dispatch.NewTask)) (*taskrouter.Task, error) {
	n := dispatch.NewTask{AccountSID: b.account, WorkspaceSID: b.ws, Actor: b.api(), Attributes: taskrouter.NoAttributes}
	for _, f := range set {
		f(&n)
	}
	t, err := b.d.CreateTask(b.ctx, n)
	b.clock.advance(time.Millisecond)
	return t, err
}

func (b *bench) task(set ...func(*dispatch.NewTask)) string {
	b.t.Helper()
	t, err := b.create(set...)
	require.NoError(b.t, err)
	return t.SID
}

func attributes(text string) func(*dispatch.NewTask) {
	return func(n *dispatch.NewTask) { n.Attributes = taskrouter.Attributes(text) }
}

func priority(p int64) func(*dispatch.NewTask) {
	return func(n *dispatch.NewTask) { n.Priority = p }
}

func inWorkflow(sid string) func(*dispatch.NewTask) {
	return func(n *dispatch.NewTask) { n.WorkflowSID = sid }
}

func toTarget(sid string) func(*dispatch.NewTask) {
	return func(n *dispatch.NewTask) { n.RoutingTarget = sid }
}
