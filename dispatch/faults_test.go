package dispatch_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// meddler is a store that counts transactions and can be made to fail.
type meddler struct {
	dispatch.Store
	commits atomic.Int64
	// entering is called at the start of each transaction.
	entering atomic.Pointer[func()]
	// failApply and failCommit are errors to return instead of writing.
	failApply, failCommit atomic.Pointer[error]
	// loseAnswer is returned after a commit.
	loseAnswer atomic.Pointer[error]
}

func (m *meddler) InWorkspace(ctx context.Context, ws string, fn func(context.Context, dispatch.Tx) error, first ...string) error {
	if f := m.entering.Load(); f != nil {
		(*f)()
	}
	err := m.Store.InWorkspace(ctx, ws, func(ctx context.Context, tx dispatch.Tx) error {
		if err := fn(ctx, &meddlingTx{Tx: tx, m: m}); err != nil {
			return err
		}
		if err := m.failCommit.Load(); err != nil {
			return *err
		}
		return nil
	}, first...)
	if err == nil {
		m.commits.Add(1)
		if lost := m.loseAnswer.Load(); lost != nil {
			return *lost
		}
	}
	return err
}

type meddlingTx struct {
	dispatch.Tx
	m *meddler
}

func (t *meddlingTx) Apply(ctx context.Context, c *dispatch.Changes) error {
	if err := t.m.failApply.Load(); err != nil {
		return *err
	}
	return t.Tx.Apply(ctx, c)
}

func meddled(m *meddler) func(*settings) {
	return func(s *settings) { m.Store, s.store = s.store, m }
}

// queued is a context that tells when the executor has looked at it.
type queued struct {
	context.Context
	once sync.Once
	seen *sync.WaitGroup
}

func (q *queued) Err() error {
	q.once.Do(q.seen.Done)
	return q.Context.Err()
}

// together hands commands to the executor while it is held up, so that they
// share transactions as far as they can. It returns their errors in order.
func (m *meddler) together(b *bench, commands ...func(ctx context.Context) error) []error {
	b.t.Helper()
	hold, held := make(chan struct{}), make(chan struct{})
	var once sync.Once
	stop := func() { once.Do(func() { close(held); <-hold }) }
	m.entering.Store(&stop)
	defer m.entering.Store(nil)
	var first, all, seen sync.WaitGroup
	first.Go(func() { _, _ = b.d.View(b.ctx, b.ws, "") })
	<-held
	errs := make([]error, len(commands))
	for i, c := range commands {
		seen.Add(1)
		all.Go(func() { errs[i] = c(&queued{Context: b.ctx, seen: &seen}) })
	}
	seen.Wait()
	close(hold)
	first.Wait()
	all.Wait()
	return errs
}

func (b *bench) creating(ctx context.Context) error {
	_, err := b.d.CreateTask(ctx, dispatch.NewTask{AccountSID: b.account, WorkspaceSID: b.ws})
	return err
}

func TestCommandsShareTransactions(t *testing.T) {
	m := &meddler{}
	b := office(t, meddled(m))
	var commands []func(context.Context) error
	for range 100 {
		commands = append(commands, b.creating)
	}
	before := m.commits.Load()
	for _, err := range m.together(b, commands...) {
		require.NoError(t, err)
	}
	require.Less(t, m.commits.Load()-before, int64(50), "100 commands")
	require.Len(t, b.audit().tasks, 100)
	requireHealthy(t, b)
}

// Commands that share a transaction keep their order: each has a time of its own.
func TestCommandsOfOneTransactionHaveAnOrder(t *testing.T) {
	m := &meddler{}
	b := office(t, meddled(m))
	last, shared := map[dispatch.Tx]time.Time{}, 0
	look := func(ctx context.Context) error {
		return b.d.InWorkspace(ctx, b.account, b.ws, func(_ context.Context, u *dispatch.Unit) error {
			before, same := last[u.Tx()]
			last[u.Tx()] = u.Now()
			if !same {
				return nil
			}
			shared++
			if !u.Now().After(before) {
				return errors.New("not later than the one before")
			}
			return nil
		})
	}
	for _, err := range m.together(b, look, look, look, look, look, look, look, look) {
		require.NoError(t, err)
	}
	require.Positive(t, shared)
}

// A command that fails, in whatever way, harms none of those it shares a
// transaction with and leaves nothing of itself.
func TestFailingCommandsHarmNobody(t *testing.T) {
	boom := errors.New("boom")
	for name, bad := range map[string]func(ctx context.Context, u *dispatch.Unit) error{
		"refused at once": func(context.Context, *dispatch.Unit) error { return taskrouter.Invalidf("no") },
		"panics":          func(context.Context, *dispatch.Unit) error { panic("boom") },
		"fails after an event": func(_ context.Context, u *dispatch.Unit) error {
			u.Emit(taskrouter.WorkspaceUpdated, taskrouter.Scene{})
			return boom
		},
		"panics after an event": func(_ context.Context, u *dispatch.Unit) error {
			u.Emit(taskrouter.WorkspaceUpdated, taskrouter.Scene{})
			panic(boom)
		},
		"fails after a new configuration": func(_ context.Context, u *dispatch.Unit) error {
			for _, q := range u.Config().Queues {
				next := *q
				next.TargetWorkers, next.FriendlyName = "", "Poisoned"
				u.PutQueue(&next)
			}
			return boom
		},
		"fails after writing": func(ctx context.Context, u *dispatch.Unit) error {
			u.Emit(taskrouter.WorkspaceUpdated, taskrouter.Scene{})
			if err := u.AddJob(ctx, dispatch.JobMatchWorkers, ""); err != nil { // writes what was collected
				return err
			}
			return boom
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := &meddler{}
			b := office(t, meddled(m))
			ann := b.worker("Ann", "{}")
			failing := func(ctx context.Context) error {
				return b.d.InWorkspace(ctx, b.account, b.ws, func(ctx context.Context, u *dispatch.Unit) error {
					if err := u.Load(ctx); err != nil {
						return err
					}
					return bad(ctx, u)
				})
			}
			from := b.lastSeq()
			errs := m.together(b, b.creating, failing, b.creating, failing, b.creating)
			for i, err := range errs {
				require.Equal(t, i%2 == 1, err != nil, "%v", err)
			}
			require.Len(t, b.audit().tasks, 3)
			for _, e := range b.eventsAfter(from) {
				require.NotEqual(t, taskrouter.WorkspaceUpdated, e.Type)
			}
			// The same dispatcher goes on with the configuration as it is stored.
			require.NoError(t, b.creating(b.ctx))
			require.Equal(t, 1, b.load(ann))
			for _, q := range b.settings().Queues {
				require.Equal(t, "Everybody", q.FriendlyName)
			}
			requireHealthy(t, b)
		})
	}
}

func TestStoreFailsHalfWay(t *testing.T) {
	for _, where := range []string{"write", "commit"} {
		t.Run(where, func(t *testing.T) {
			m := &meddler{}
			b := office(t, meddled(m))
			ann := b.worker("Ann", "{}")
			down := taskrouter.Unavailable(errors.New("connection lost"), "The database is not available")
			var err error = down
			point := &m.failApply
			if where == "commit" {
				point = &m.failCommit
			}
			point.Store(&err)
			requireKind(t, taskrouter.KindUnavailable, b.creating(b.ctx))
			for _, err := range m.together(b, b.creating, b.creating, b.creating) {
				requireKind(t, taskrouter.KindUnavailable, err)
			}
			_, cerr := b.config.UpdateQueue(b.ctx, workspace.QueueUpdate{Subject: b.subject(keys(b.settings().Queues)[0]), TargetWorkers: ptr("")})
			requireKind(t, taskrouter.KindUnavailable, cerr)
			require.Empty(t, b.audit().tasks)
			point.Store(nil)
			require.NoError(t, b.creating(b.ctx))
			require.Equal(t, 1, b.load(ann), "the queue is what it was")
			requireHealthy(t, b)
		})
	}
}

// A commit whose answer was lost may have happened: its commands are not carried
// out a second time, and their callers are told.
func TestCommitInDoubtIsNotRepeated(t *testing.T) {
	m := &meddler{}
	b := office(t, meddled(m))
	var lost error = taskrouter.Unavailable(errors.Join(dispatch.ErrInDoubt, errors.New("connection lost")), "The database is not available")
	m.loseAnswer.Store(&lost)
	for _, err := range m.together(b, b.creating, b.creating, b.creating) {
		requireKind(t, taskrouter.KindUnavailable, err)
	}
	m.loseAnswer.Store(nil)
	require.Len(t, b.audit().tasks, 3, "each once")
}

func TestGivenUpBeforeTheStart(t *testing.T) {
	b := office(t)
	ctx, cancel := context.WithCancel(b.ctx)
	cancel()
	requireKind(t, taskrouter.KindUnavailable, b.creating(ctx))
	require.Empty(t, b.audit().tasks)
}

// A caller who gives up while the command runs still gets its outcome: what
// may be committed must not be reported as failed.
func TestGivenUpWhileRunning(t *testing.T) {
	m := &meddler{}
	b := office(t, meddled(m))
	ctx, cancel := context.WithCancel(b.ctx)
	f := func() { cancel() }
	m.entering.Store(&f)
	require.NoError(t, b.creating(ctx))
	m.entering.Store(nil)
	require.Len(t, b.audit().tasks, 1)
}

// A stored configuration that does not parse any more holds up the Tasks that
// follow it and nobody else.
func TestUnreadableConfiguration(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q")
	good := b.workflow(everything(q))
	bad := b.workflow(routing("", filter("1==1", target(q, `"timeout":10`, `"expression":"worker.lvl > 3"`), target(q))))
	var poisoned []string
	for range 60 { // more than one transaction expires
		poisoned = append(poisoned, b.task(inWorkflow(bad), func(n *dispatch.NewTask) { n.Timeout = time.Hour }))
	}
	w := *b.settings().Workflows[bad]
	w.Configuration = `{"task_routing":`
	b.peek(func(ctx context.Context, tx dispatch.Tx) {
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Workflows: []*taskrouter.Workflow{&w}}))
	})
	b.d = dispatch.New(b.db, auditEngine, nil, nopLog, dispatch.Options{Now: b.clock.now})

	ann := b.worker("Ann", "{}")
	task := b.task(inWorkflow(good))
	require.Equal(t, []string{ann}, b.offered(task), "others are served")
	b.pass(20 * time.Second)
	require.Equal(t, taskrouter.TaskPending, b.status(poisoned[0]), "its target has no end any more")
	b.pass(100 * time.Second)
	require.Equal(t, "Offline", b.activityOf(ann), "the offer of the other one timed out")
	b.move(ann, "Available")
	b.must(b.offer(task).SID, taskrouter.ReservationAccepted)
	require.NoError(t, b.set(task, taskrouter.TaskCompleted))
	_, err := b.create(inWorkflow(bad))
	requireKind(t, taskrouter.KindInternal, err)
	b.pass(time.Hour)
	for _, sid := range poisoned {
		require.Equal(t, taskrouter.ReasonTTL, b.get(sid).Reason)
	}
	b.checkLog(t)
}

// A Task that cannot be handled when it is due is put aside.
func TestStuckTaskIsPutAside(t *testing.T) {
	b := office(t)
	stuck := b.task(func(n *dispatch.NewTask) { n.Timeout = time.Minute })
	later := b.task(func(n *dispatch.NewTask) { n.Timeout = 2 * time.Minute })
	// It has to be offered again, and its attributes cannot be read.
	b.peek(func(ctx context.Context, tx dispatch.Tx) {
		ts, err := tx.Tasks(ctx, stuck)
		require.NoError(t, err)
		ts[0].Attributes = "not JSON"
		ts[0].OfferNotBefore = b.clock.now().Add(30 * time.Second)
		ts[0].DemandClass = ""
		lock := tx.Lock()
		lock.NextDue = ts[0].OfferNotBefore
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: lock, Tasks: []dispatch.TaskWrite{{Task: ts[0], Deadline: lock.NextDue}}}))
	})
	b.pass(40 * time.Second)
	require.Equal(t, taskrouter.TaskPending, b.status(stuck))
	due, err := b.db.DueWorkspaces(b.ctx, b.clock.now(), 10)
	require.NoError(t, err)
	require.Empty(t, due, "it is not tried again at once")
	b.pass(2 * time.Minute)
	require.Equal(t, taskrouter.TaskCanceled, b.status(later))
	b.checkLog(t)
}
