package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func TestTasksThatIgnoreCapacity(t *testing.T) {
	w := newWorld(t, openDatabase(t, "memory"))
	w.workflow(routing(w.queue("All", "1==1")))
	ann := w.worker("Ann", `{}`, "Available")
	w.answer(w.task(`{}`), ann, taskrouter.ReservationAccepted)
	urgent := w.task(`{}`, func(n *dispatch.NewTask) { n.RoutingTarget = ann })
	r := w.requireHealthy()
	require.Equal(t, 1, r.Totals.Excepted[audit.OverCapacity])
	require.Empty(t, r.Totals.Undecidable)

	w.answer(urgent, ann, taskrouter.ReservationAccepted)
	w.answer(urgent, ann, taskrouter.ReservationCompleted)
	w.pass(10 * time.Minute)
	r = w.requireHealthy()
	require.Equal(t, 1, r.Totals.Undecidable[audit.OverCapacity], "the reservation that says so is gone")
}

func TestCapacityLoweredBelowItsUse(t *testing.T) {
	w := newWorld(t, openDatabase(t, "memory"))
	w.workflow(routing(w.queue("All", "1==1")))
	ann := w.worker("Ann", `{}`, "Available")
	w.capacity(ann, 3)
	one, two := w.task(`{}`), w.task(`{}`)
	w.answer(one, ann, taskrouter.ReservationAccepted)
	w.answer(two, ann, taskrouter.ReservationAccepted)
	w.capacity(ann, 1)
	waits := w.task(`{}`)
	require.Empty(t, w.offers(waits))
	w.requireHealthy()
	w.answer(one, ann, taskrouter.ReservationCompleted)
	require.Empty(t, w.offers(waits))
	w.requireHealthy()
	w.answer(two, ann, taskrouter.ReservationCompleted)
	require.Len(t, w.offers(waits), 1)
	w.requireHealthy()
}

func TestPauseAfterAFailedOffer(t *testing.T) {
	w := newWorld(t, openDatabase(t, "memory"))
	w.workflow(routing(w.queue("All", "1==1")))
	ann := w.worker("Ann", `{}`, "Available")
	pauses := w.task(`{}`, priority(5))
	later := w.task(`{}`)
	_, err := w.d.CallbackAnswered(w.ctx, w.ws, pauses, w.offers(pauses)[ann], dispatch.CallbackOutcome{Failed: true})
	require.NoError(t, err)
	require.Empty(t, w.offers(pauses))
	require.Len(t, w.offers(later), 1, "nobody waits for the one that pauses")
	r := w.requireHealthy()
	require.Equal(t, 1, r.Totals.Undecidable[audit.OutOfTurn], "no event tells when the pause ends")

	w.answer(later, ann, taskrouter.ReservationAccepted)
	w.capacity(ann, 2) // before the pause is over
	w.requireHealthy()
	w.pass(time.Minute)
	require.Len(t, w.offers(pauses), 1)
	w.requireHealthy()
}

func TestPauseBesideAFreeAgent(t *testing.T) {
	w := newWorld(t, openDatabase(t, "memory"))
	w.workflow(routing(w.queue("All", "1==1")))
	ann := w.worker("Ann", `{}`, "Available")
	task := w.task(`{}`)
	_, err := w.d.CallbackAnswered(w.ctx, w.ws, task, w.offers(task)[ann], dispatch.CallbackOutcome{Failed: true})
	require.NoError(t, err)
	r := w.requireHealthy()
	require.Equal(t, 1, r.Totals.Excepted[audit.IdleBesideWaiting])

	w.clock.advance(10 * time.Minute) // and nobody sweeps
	kinds := map[audit.Kind]int{}
	for _, f := range w.audit().Findings {
		kinds[f.Kind]++
	}
	require.Equal(t, map[audit.Kind]int{audit.Unfinished: 1, audit.IdleBesideWaiting: 1}, kinds, "a pause does not last")
	require.Empty(t, w.audit(func(o *audit.Options) { o.Lag = time.Hour }).Findings)
}

func TestUnfinishedBulkJob(t *testing.T) {
	w := newWorld(t, openDatabase(t, "memory"), func(o *dispatch.Options, _ *workspace.NewWorkspace) { o.ChunkSize = 1 })
	all := w.queue("All", "team == 'nobody'")
	w.workflow(routing(all))
	w.worker("Ann", `{}`, "Available")
	w.worker("Ben", `{}`, "Available")
	one, two := w.task(`{}`), w.task(`{}`)
	everybody := "1==1"
	_, err := w.config.UpdateQueue(w.ctx, workspace.QueueUpdate{Subject: w.subject(all), TargetWorkers: &everybody})
	require.NoError(t, err)
	require.Empty(t, w.offers(two), "only a part of the agents is in the queue")
	require.Equal(t, 1, w.requireHealthy().Totals.Excepted[audit.IdleBesideWaiting])
	for range 5 {
		w.pass(time.Second)
	}
	require.Len(t, w.offers(one), 1)
	require.Len(t, w.offers(two), 1)
	require.Empty(t, w.requireHealthy().Totals.Excepted)
}

func TestWorkspaceBeingDeleted(t *testing.T) {
	w := newWorld(t, openDatabase(t, "memory"), func(o *dispatch.Options, _ *workspace.NewWorkspace) { o.ChunkSize = 1 })
	w.workflow(routing(w.queue("All", "1==1")))
	w.worker("Ann", `{}`, "Available")
	for range 4 {
		w.task(`{}`)
	}
	require.NoError(t, w.config.DeleteWorkspace(w.ctx, w.subject(w.ws)))
	w.requireHealthy()
	w.pass(time.Second)
	require.Equal(t, 1, w.requireHealthy().Totals.Workspaces)
	for range 10 {
		w.pass(time.Second)
	}
	require.Zero(t, w.requireHealthy().Totals.Workspaces, "it is gone")
}

// A log that begins late is judged by what it holds.
func TestLogWithoutItsBeginning(t *testing.T) {
	w := newDay(t, openDatabase(t, "sqlite"))
	w.exec(`DELETE FROM events WHERE workspace_sid = ? AND seq <= (SELECT MAX(seq) FROM events WHERE task_sid = ?)`, w.ws, w.gone)
	w.requireHealthy()
	w.requireHealthy(func(o *audit.Options) { o.Retention = time.Minute })
	r := w.audit(func(o *audit.Options) { o.Retention = 30 * 24 * time.Hour })
	require.Len(t, r.Findings, 1, "the workspace is younger than what may be removed")
	require.Equal(t, audit.LogGap, r.Findings[0].Kind)

	w.exec(`UPDATE events SET type = 'reservation.accepted' WHERE task_sid = ? AND type = 'reservation.rescinded'`, w.done)
	r = w.audit()
	require.Len(t, r.Findings, 1)
	require.Equal(t, audit.AcceptedTwice, r.Findings[0].Kind)
}

// The log may begin within a Task whose later events tell its end before the
// ends of its offers.
func TestLogWithoutTheBeginningOfATask(t *testing.T) {
	w := newWorld(t, openDatabase(t, "sqlite"))
	w.workflow(routing(w.queue("Both", "1==1", func(q *workspace.NewQueue) { q.MaxReservedWorkers = ptr(int64(2)) })))
	ann := w.worker("Ann", `{}`, "Available")
	w.worker("Ben", `{}`, "Available")
	first := w.task(`{}`)
	require.Len(t, w.offers(first), 2)
	_, err := w.d.UpdateTask(w.ctx, dispatch.TaskUpdate{Subject: w.subject(first), Status: ptr(taskrouter.TaskCanceled)})
	require.NoError(t, err)
	w.clock.advance(time.Second)
	second := w.task(`{}`)
	w.answer(second, ann, taskrouter.ReservationAccepted)
	w.exec(`DELETE FROM events WHERE workspace_sid = ? AND seq <= (SELECT seq FROM events WHERE task_sid = ? AND type = 'task.created')`, w.ws, first)
	w.requireHealthy()
}

func TestFindingsAreBounded(t *testing.T) {
	w := newDay(t, openDatabase(t, "sqlite"))
	w.exec(`UPDATE worker_channels SET configured_capacity = 5 WHERE worker_sid = ? AND task_channel_name = 'default'`, w.ben)
	r := w.audit(func(o *audit.Options) { o.MaxFindings = 1 })
	require.Len(t, r.Findings, 1)
	require.Equal(t, map[audit.Kind]int{audit.IdleBesideWaiting: 1}, r.Omitted)
	require.False(t, r.Clean())
}

// runs is Temporal as far as the audit sees it.
type runs struct {
	running map[string]bool
	asked   []string
	err     error
	// meanwhile happens before the answer.
	meanwhile func(task string)
}

func (r *runs) Running(_ context.Context, task string) (bool, error) {
	r.asked = append(r.asked, task)
	if r.meanwhile != nil {
		r.meanwhile(task)
	}
	return r.running[task], r.err
}

func TestRuns(t *testing.T) {
	w := newDay(t, openDatabase(t, "sqlite"))
	fresh := w.task(`{}`)
	w.exec(`DELETE FROM notices`)
	old := []string{w.assigned, w.high, w.wrapping, w.low, w.late}
	temporal := &runs{running: map[string]bool{}}
	with := func(o *audit.Options) { o.Runs, o.Lag = temporal, 5*time.Second }
	for _, sid := range old {
		temporal.running[sid] = true
	}
	require.Equal(t, len(old), w.requireHealthy(with).Totals.Runs)
	require.NotContains(t, temporal.asked, fresh, "it is too young")

	temporal.running[w.high] = false
	r := w.audit(with)
	require.Len(t, r.Findings, 1)
	require.Equal(t, audit.Unfinished, r.Findings[0].Kind)
	require.Equal(t, []string{w.high}, r.Findings[0].Subjects)

	// A notice that is due will start one, an old one shows that nobody sends.
	notice := func(due time.Time) {
		w.exec(`INSERT INTO notices (task_sid, account_sid, workspace_sid, revision, due_at, is_first) VALUES (?, ?, ?, 99, ?, FALSE)`,
			w.high, w.account, w.ws, due.UnixMicro())
	}
	notice(w.clock.now())
	w.requireHealthy(with)
	w.exec(`DELETE FROM notices`)
	notice(w.clock.now().Add(-time.Minute))
	r = w.audit(with)
	require.Len(t, r.Findings, 1)
	require.Contains(t, r.Findings[0].Text, "unsent since")
	w.exec(`DELETE FROM notices`)

	// The run of a Task that ended while Temporal was asked is over rightly.
	temporal.meanwhile = func(task string) {
		if task != w.high {
			return
		}
		_, err := w.d.UpdateTask(w.ctx, dispatch.TaskUpdate{Subject: w.subject(task), Status: ptr(taskrouter.TaskCompleted)})
		require.NoError(t, err)
	}
	w.requireHealthy(with)
	require.Equal(t, taskrouter.TaskCompleted, taskrouter.TaskStatus(w.lookup(`SELECT status FROM tasks WHERE sid = ?`, w.high)))

	temporal.err = errors.New("out of reach")
	_, err := audit.Run(w.ctx, w.db.Store, engine, audit.Options{Now: w.clock.now, AccountSID: w.account, Runs: temporal, Lag: time.Second})
	require.ErrorContains(t, err, "ask Temporal")
}
