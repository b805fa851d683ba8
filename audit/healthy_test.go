package audit_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// step is one random operation: what to do, and three numbers that choose on
// what and how.
type step struct{ what, a, b, c int }

func steps(least, most int) *rapid.Generator[[]step] {
	one := rapid.Custom(func(t *rapid.T) step {
		n := rapid.IntRange(0, 999)
		return step{what: rapid.IntRange(0, len(operations)-1).Draw(t, "what"), a: n.Draw(t, "a"), b: n.Draw(t, "b"), c: n.Draw(t, "c")}
	})
	return rapid.SliceOfN(one, least, most)
}

// chance is a world in which anything may happen.
type chance struct {
	*world
	queues, tasks, workers []string
	flow                   string
	made                   int
}

func newChance(w *world) *chance {
	c := &chance{world: w}
	c.queues = []string{
		w.queue("red", "team == 'red'"),
		w.queue("blue", "team == 'blue' OR lvl > 3", func(q *workspace.NewQueue) { q.TaskOrder = "LIFO" }),
		w.queue("all", "1==1", func(q *workspace.NewQueue) { q.MaxReservedWorkers = ptr(int64(3)) }),
		w.queue("live", "activity_name == 'Available' AND team == 'red'"),
	}
	c.flow = w.workflow(c.configuration(0))
	for i := range 4 {
		require.NoError(w.t, c.newWorker(step{a: i, b: i, c: 5 - i}))
	}
	return c
}

func (c *chance) configuration(n int) string {
	red, blue, all, live := c.queues[0], c.queues[1], c.queues[2], c.queues[3]
	filters := []string{
		filter("kind == 'a'", red, `"timeout":20`, `"priority":5`),
		filter("kind == 'b'", blue, `"expression":"worker.lvl >= task.min"`, `"order_by":"worker.lvl DESC"`, `"timeout":30`),
		filter("kind == 'l'", live, `"timeout":60`),
		filter("kind == 'm'", all, `"expression":"worker.channel.default.assigned_tasks == 0"`),
		filter("kind == 's'", all, `"expression":"worker.lvl > 4"`, `"skip_if":"workers.available == 0"`),
	}
	if n%2 == 1 {
		filters = append(filters, filter("kind == 'k'", all, `"known_worker_friendly_name":"task.who"`, `"timeout":15`))
	}
	n %= 3
	return routing(red, append(slices.Clone(filters[n:]), filters[:n]...)...)
}

func pick(list []string, n int) string {
	if len(list) == 0 {
		return taskrouter.NewSID(taskrouter.PrefixTask)
	}
	return list[n%len(list)]
}

// operations are the commands by number; weights come from repetition.
var operations = []func(c *chance, s step) error{
	(*chance).newTask, (*chance).newTask, (*chance).newTask, (*chance).newTask, (*chance).newTask,
	(*chance).newWorker, (*chance).moveWorker, (*chance).moveWorker,
	(*chance).rewriteWorker, (*chance).resize, (*chance).deleteWorker,
	(*chance).accept, (*chance).accept, (*chance).accept, (*chance).reject,
	(*chance).finish, (*chance).finish, (*chance).finish, (*chance).failCallback,
	(*chance).changeTask, (*chance).endTask, (*chance).endTask, (*chance).deleteTask,
	(*chance).wait, (*chance).wait, (*chance).wait,
	(*chance).reorder, (*chance).rewriteQueue, (*chance).reroute, (*chance).renameActivity,
}

// do carries out one step. Refusals are part of life, faults are not.
func (c *chance) do(s step) {
	c.t.Helper()
	c.clock.advance(700 * time.Millisecond)
	if err := operations[s.what%len(operations)](c, s); err != nil {
		switch taskrouter.KindOf(err) {
		case taskrouter.KindInvalid, taskrouter.KindNotFound, taskrouter.KindGone:
		default:
			require.NoError(c.t, err, "operation %d", s.what)
		}
	}
}

func (c *chance) attributes(s step) taskrouter.Attributes {
	kinds := []string{"a", "b", "k", "l", "m", "s", "z"}
	return taskrouter.Attributes(fmt.Sprintf(`{"kind":%q,"min":%d,"who":"w%d"}`, kinds[s.a%len(kinds)], s.b%5, s.c%6))
}

func (c *chance) newTask(s step) error {
	n := dispatch.NewTask{
		AccountSID: c.account, WorkspaceSID: c.ws, Actor: c.subject("").Actor, Attributes: c.attributes(s),
		Priority: int64(s.c % 4), Timeout: time.Duration(60+s.b) * time.Second, Channel: []string{"default", "default", "chat"}[s.b%3],
	}
	switch s.c % 13 {
	case 0:
		n.RoutingTarget = pick(c.workers, s.a)
		n.IgnoreCapacity = ptr(s.b%2 == 0)
	case 1:
		n.RoutingTarget = pick(c.queues, s.a)
	}
	t, err := c.d.CreateTask(c.ctx, n)
	if err == nil {
		c.tasks = append(c.tasks, t.SID)
	}
	return err
}

func skills(s step) taskrouter.Attributes {
	return taskrouter.Attributes(fmt.Sprintf(`{"team":%q,"lvl":%d}`, []string{"red", "blue"}[s.b%2], s.c%6))
}

func (c *chance) newWorker(s step) error {
	if len(c.workers) >= 6 {
		return nil
	}
	c.made++
	got, err := c.d.CreateWorker(c.ctx, dispatch.NewWorker{
		AccountSID: c.account, WorkspaceSID: c.ws, Actor: c.subject("").Actor, FriendlyName: fmt.Sprintf("W%d", c.made%12),
		ActivitySID: c.activity([]string{"Available", "Available", "Offline"}[s.a%3]), Attributes: skills(s),
	})
	if err == nil {
		c.workers = append(c.workers, got.SID)
	}
	return err
}

func (c *chance) moveWorker(s step) error {
	_, err := c.d.UpdateWorker(c.ctx, dispatch.WorkerUpdate{
		Subject:                   c.subject(pick(c.workers, s.a)),
		ActivitySID:               ptr(c.activity([]string{"Available", "Available", "Offline"}[s.b%3])),
		RejectPendingReservations: s.b%3 == 2 && s.c%2 == 0,
	})
	return err
}

func (c *chance) rewriteWorker(s step) error {
	_, err := c.d.UpdateWorker(c.ctx, dispatch.WorkerUpdate{Subject: c.subject(pick(c.workers, s.a)), Attributes: ptr(skills(s))})
	return err
}

func (c *chance) resize(s step) error {
	u := dispatch.ChannelUpdate{Subject: c.subject([]string{"default", "chat"}[s.b%2]), WorkerSID: pick(c.workers, s.a), Capacity: ptr(s.c % 4)}
	if s.c%5 == 0 {
		u.Capacity, u.Available = nil, ptr(s.c%2 == 0)
	}
	_, err := c.d.UpdateChannel(c.ctx, u)
	return err
}

func (c *chance) deleteWorker(s step) error {
	if s.b%3 > 0 {
		return nil
	}
	sid := pick(c.workers, s.a)
	err := c.d.DeleteWorker(c.ctx, c.subject(sid))
	if err == nil {
		c.workers = slices.DeleteFunc(c.workers, func(x string) bool { return x == sid })
	}
	return err
}

// held chooses an open Reservation in one of the states.
func (c *chance) held(n int, states ...taskrouter.ReservationStatus) string {
	var found []string
	for _, sid := range c.tasks[max(0, len(c.tasks)-40):] {
		all, err := c.db.ListReservations(c.ctx, c.account, c.ws, taskrouter.ReservationFilter{TaskSID: sid}, taskrouter.Page{Size: 100})
		require.NoError(c.t, err)
		for _, r := range all {
			if slices.Contains(states, r.Status) {
				found = append(found, r.SID)
			}
		}
	}
	return pick(found, n)
}

func (c *chance) set(reservation string, to taskrouter.ReservationStatus) error {
	_, err := c.d.UpdateReservation(c.ctx, dispatch.ReservationUpdate{Subject: c.subject(reservation), Status: &to})
	return err
}

func (c *chance) accept(s step) error {
	return c.set(c.held(s.a, taskrouter.ReservationPending), taskrouter.ReservationAccepted)
}

func (c *chance) reject(s step) error {
	u := dispatch.ReservationUpdate{Subject: c.subject(c.held(s.a, taskrouter.ReservationPending)), Status: ptr(taskrouter.ReservationRejected)}
	if s.b%2 == 0 {
		u.WorkerActivitySID = c.activity([]string{"Available", "Offline"}[s.c%2])
	}
	_, err := c.d.UpdateReservation(c.ctx, u)
	return err
}

func (c *chance) finish(s step) error {
	if s.b%3 == 0 {
		return c.set(c.held(s.a, taskrouter.ReservationAccepted), taskrouter.ReservationWrapping)
	}
	return c.set(c.held(s.a, taskrouter.ReservationAccepted, taskrouter.ReservationWrapping), taskrouter.ReservationCompleted)
}

func (c *chance) failCallback(s step) error {
	_, err := c.d.CallbackAnswered(c.ctx, c.ws, "", c.held(s.a, taskrouter.ReservationPending), dispatch.CallbackOutcome{Failed: true})
	return err
}

func (c *chance) changeTask(s step) error {
	u := dispatch.TaskUpdate{Subject: c.subject(pick(c.tasks, s.a))}
	switch s.b % 4 {
	case 0:
		u.Attributes = ptr(c.attributes(step{a: s.b, b: s.c, c: s.a}))
	case 1:
		u.Priority = ptr(int64(s.c % 7))
	case 2:
		u.VirtualStartTime = ptr(c.clock.now().Add(-time.Duration(s.c) * time.Second))
	case 3:
		u.Channel = ptr([]string{"default", "chat"}[s.c%2])
	}
	_, err := c.d.UpdateTask(c.ctx, u)
	return err
}

func (c *chance) endTask(s step) error {
	to := []taskrouter.TaskStatus{taskrouter.TaskCanceled, taskrouter.TaskWrapping, taskrouter.TaskCompleted}[s.b%3]
	_, err := c.d.UpdateTask(c.ctx, dispatch.TaskUpdate{Subject: c.subject(pick(c.tasks, s.a)), Status: &to})
	return err
}

func (c *chance) deleteTask(s step) error {
	return c.d.DeleteTask(c.ctx, c.subject(pick(c.tasks, s.a)))
}

// wait lets time pass; now and then so much that Tasks that ended are removed.
func (c *chance) wait(s step) error {
	c.clock.advance(time.Duration(s.a%40) * time.Second)
	if s.b%23 == 0 {
		c.clock.advance(6 * time.Minute)
	}
	return c.d.Sweep(c.ctx)
}

func (c *chance) reorder(s step) error {
	order := []string{"FIFO", "LIFO"}[s.b%2]
	if s.a%3 == 0 {
		_, err := c.config.UpdateWorkspace(c.ctx, workspace.WorkspaceUpdate{Subject: c.subject(c.ws), PrioritizeQueueOrder: &order})
		return err
	}
	if s.a%3 == 1 {
		return nil // a change makes the past undecidable
	}
	_, err := c.config.UpdateQueue(c.ctx, workspace.QueueUpdate{
		Subject: c.subject(pick(c.queues, s.c)), TaskOrder: &order, MaxReservedWorkers: ptr(int64(1 + s.c%3)),
	})
	return err
}

func (c *chance) rewriteQueue(s step) error {
	if s.c%2 == 0 {
		return nil
	}
	e := []string{"team == 'red'", "team == 'blue'", "lvl > 2", "1==1", "", "activity_name == 'Available'"}[s.b%6]
	_, err := c.config.UpdateQueue(c.ctx, workspace.QueueUpdate{Subject: c.subject(pick(c.queues, s.a)), TargetWorkers: &e})
	return err
}

func (c *chance) reroute(s step) error {
	text := c.configuration(s.a)
	_, err := c.config.UpdateWorkflow(c.ctx, workspace.WorkflowUpdate{Subject: c.subject(c.flow), Configuration: &text, ReEvaluate: s.b%2 == 0})
	return err
}

func (c *chance) renameActivity(s step) error {
	if s.a%4 > 0 {
		return nil
	}
	_, err := c.config.UpdateActivity(c.ctx, workspace.ActivityUpdate{
		Subject: c.subject(c.activity("Unavailable")), FriendlyName: ptr("Unavailable"),
	})
	return err
}

// live goes through a tape and audits on the way, with a bulk job perhaps not
// finished; and at the end in other ways.
func (c *chance) live(tape []step, every int) *audit.Report {
	for i, s := range tape {
		c.do(s)
		if i%every == every-1 {
			c.requireHealthy()
		}
	}
	r := c.requireHealthy()
	c.requireHealthy(func(o *audit.Options) { o.Since = c.clock.now().Add(-2 * time.Minute) })
	// Retention takes what is old from the beginning of the log.
	_, err := c.db.DeleteEventsBefore(c.ctx, c.clock.now().Add(-time.Minute), 25)
	require.NoError(c.t, err)
	c.requireHealthy()
	return r
}

func inChunks(multi bool) func(*dispatch.Options, *workspace.NewWorkspace) {
	return func(o *dispatch.Options, n *workspace.NewWorkspace) { o.ChunkSize, n.MultiTaskEnabled = 2, &multi }
}

// Whatever happens in whatever order, nobody is accused.
func TestHealthyWorldsAreNotAccused(t *testing.T) {
	db := openDatabase(t, "memory")
	for name, multi := range map[string]bool{"multitasking": true, "single-tasking": false} {
		t.Run(name, func(t *testing.T) {
			if underRace {
				fewerChecks(t, "3")
			}
			fewerChecks(t, "15")
			rapid.Check(t, func(t *rapid.T) {
				newChance(newWorld(t, db, inChunks(multi))).live(steps(10, 80).Draw(t, "steps"), 10)
			})
		})
	}
}

// fewerChecks makes a property check shorter unless somebody asked for a number.
func fewerChecks(t *testing.T, n string) {
	checks := flag.Lookup("rapid.checks")
	if checks == nil || checks.Value.String() != checks.DefValue {
		return
	}
	require.NoError(t, checks.Value.Set(n))
	t.Cleanup(func() { require.NoError(t, checks.Value.Set(checks.DefValue)) })
}

// Retention may have taken the log up to any event: within a Task, within the
// events of one change.
func TestTheLogMayBeginAnywhere(t *testing.T) {
	worlds := uint64(6)
	if testing.Short() || underRace {
		worlds = 1
	}
	db := openDatabase(t, "sqlite")
	for seed := range worlds {
		c := newChance(newWorld(t, db, inChunks(seed%2 == 0)))
		for _, s := range tapeOf(seed, 40) {
			c.do(s)
		}
		last, err := strconv.Atoi(c.lookup("SELECT CAST(event_seq AS TEXT) FROM workspace_locks WHERE workspace_sid = ?", c.ws))
		require.NoError(t, err)
		for seq := 1; seq < last; seq++ {
			c.exec("DELETE FROM events WHERE workspace_sid = ? AND seq = ?", c.ws, seq)
			c.requireHealthy()
		}
	}
}

// tapeOf is a long, busy tape.
func tapeOf(seed uint64, n int) []step {
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([]step, n)
	for i := range out {
		out[i] = step{what: r.IntN(len(operations)), a: r.IntN(1000), b: r.IntN(1000), c: r.IntN(1000)}
	}
	return out
}

// Nor is anybody on busy days, and most of what happens can be judged.
func TestBusyDaysAreNotAccused(t *testing.T) {
	days, length := uint64(4), 400
	if testing.Short() || underRace {
		days, length = 1, 100
	}
	for kind, days := range map[string]uint64{"memory": days, "postgres": 1} {
		t.Run(kind, func(t *testing.T) {
			db := openDatabase(t, kind)
			for seed := range days {
				r := newChance(newWorld(t, db, inChunks(seed%2 == 0))).live(tapeOf(seed, length), 100)
				require.Greater(t, r.Totals.Reservations, length/20, "too quiet to prove anything")
				require.Less(t, r.Totals.Undecidable[audit.OverCapacity], r.Totals.Reservations/2)
				t.Logf("day %d: %+v", seed, r.Totals)
			}
		})
	}
}
