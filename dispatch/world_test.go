package dispatch_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// step is one random operation: what to do, and three numbers that choose on
// what and how. The same steps mean the same on every database.
type step struct{ what, a, b, c int }

func steps(least, most int) *rapid.Generator[[]step] {
	one := rapid.Custom(func(t *rapid.T) step {
		n := rapid.IntRange(0, 999)
		return step{what: rapid.IntRange(0, len(operations)-1).Draw(t, "what"), a: n.Draw(t, "a"), b: n.Draw(t, "b"), c: n.Draw(t, "c")}
	})
	return rapid.SliceOfN(one, least, most)
}

// world is a Workspace under random operations. Things are known by the order
// in which they were made, not by SID.
type world struct {
	*bench
	queues    []string
	flow      string
	tasks     []string
	workers   []string
	lowered   map[string]bool
	activity3 [3]string
	created   int
}

var kinds = []string{"a", "b", "k", "l", "m", "z"}

func newWorld(b *bench) *world {
	w := &world{bench: b, lowered: map[string]bool{}}
	w.activity3 = [3]string{b.activity("Available"), b.activity("Available"), b.activity("Offline")}
	w.queues = []string{
		b.queue("red", members("team == 'red'")),
		b.queue("blue", members("team == 'blue' OR lvl > 3"), lifo),
		b.queue("all", offersTo(3)),
		b.queue("live", members("activity_name == 'Available' AND team == 'red'")),
	}
	w.flow = b.workflow(w.configuration(0), withCallback)
	return w
}

// configuration is one of several that lead everywhere.
func (w *world) configuration(n int) string {
	red, blue, all, live := w.queues[0], w.queues[1], w.queues[2], w.queues[3]
	filters := []string{
		filter("kind == 'a'", target(red, `"timeout":20`, `"priority":5`), target(all)),
		filter("kind == 'b'", target(blue, `"expression":"worker.lvl >= task.min"`, `"order_by":"worker.lvl DESC"`, `"timeout":30`)),
		filter("kind == 'k'", target(all, `"known_worker_friendly_name":"task.who"`, `"timeout":15`), target(red, `"skip_if":"workers.available == 0"`)),
		filter("kind == 'l'", target(live, `"timeout":60`), target(blue, `"expression":"worker.channel.default.assigned_tasks == 0"`)),
		filter("kind == 'm'", target(all)),
	}
	n %= 3
	return routing(target(red), append(slices.Clone(filters[n:]), filters[:n]...)...)
}

func pick(list []string, n int) string {
	if len(list) == 0 {
		return taskrouter.NewSID(taskrouter.PrefixTask)
	}
	return list[n%len(list)]
}

// operations are the commands by number; weights come from repetition.
var operations = []func(w *world, s step) error{
	(*world).newTask, (*world).newTask, (*world).newTask, (*world).newTask,
	(*world).newWorker, (*world).moveWorker, (*world).moveWorker,
	(*world).rewriteWorker, (*world).resize, (*world).deleteWorker,
	(*world).accept, (*world).accept, (*world).accept, (*world).reject,
	(*world).finish, (*world).finish, (*world).finish, (*world).failCallback,
	(*world).changeTask, (*world).endTask, (*world).endTask, (*world).deleteTask,
	(*world).wait, (*world).wait, (*world).timerFires,
	(*world).reorder, (*world).rewriteQueue, (*world).reroute,
}

// do carries out one step. Refusals are part of life, faults are not.
func (w *world) do(s step) {
	w.t.Helper()
	w.clock.advance(time.Millisecond)
	err := operations[s.what%len(operations)](w, s)
	if err != nil {
		switch taskrouter.KindOf(err) {
		case taskrouter.KindInvalid, taskrouter.KindNotFound, taskrouter.KindGone:
		default:
			require.NoError(w.t, err, "operation %d", s.what)
		}
	}
}

func (w *world) attributes(s step) taskrouter.Attributes {
	return taskrouter.Attributes(fmt.Sprintf(`{"kind":%q,"min":%d,"who":"w%d"}`, kinds[s.a%len(kinds)], s.b%5, s.c%6))
}

func (w *world) newTask(s step) error {
	n := dispatch.NewTask{
		AccountSID: w.account, WorkspaceSID: w.ws, Actor: w.api(), Attributes: w.attributes(s),
		Priority: int64(s.c % 4), Timeout: time.Duration(60+s.b) * time.Second, Channel: []string{"default", "default", "chat"}[s.b%3],
	}
	switch s.c % 13 {
	case 0:
		n.RoutingTarget = pick(w.workers, s.a)
		n.IgnoreCapacity = ptr(s.b%2 == 0)
	case 1:
		n.RoutingTarget = pick(w.queues, s.a)
	}
	t, err := w.d.CreateTask(w.ctx, n)
	if err == nil {
		w.tasks = append(w.tasks, t.SID)
	}
	return err
}

func (w *world) newWorker(s step) error {
	if len(w.workers) >= 6 {
		return nil
	}
	w.created++
	got, err := w.d.CreateWorker(w.ctx, dispatch.NewWorker{
		AccountSID: w.account, WorkspaceSID: w.ws, Actor: w.api(), FriendlyName: fmt.Sprintf("W%d", w.created%12),
		ActivitySID: w.activity3[s.a%3], Attributes: skills(s),
	})
	if err == nil {
		w.workers = append(w.workers, got.SID)
	}
	return err
}

func skills(s step) taskrouter.Attributes {
	return taskrouter.Attributes(fmt.Sprintf(`{"team":%q,"lvl":%d}`, []string{"red", "blue"}[s.b%2], s.c%6))
}

func (w *world) moveWorker(s step) error {
	to := w.activity3[s.b%3]
	_, err := w.d.UpdateWorker(w.ctx, dispatch.WorkerUpdate{
		Subject: w.subject(pick(w.workers, s.a)), ActivitySID: &to, RejectPendingReservations: s.b%3 == 2 && s.c%2 == 0,
	})
	return err
}

func (w *world) rewriteWorker(s step) error {
	_, err := w.d.UpdateWorker(w.ctx, dispatch.WorkerUpdate{Subject: w.subject(pick(w.workers, s.a)), Attributes: ptr(skills(s))})
	return err
}

func (w *world) resize(s step) error {
	sid := pick(w.workers, s.a)
	u := dispatch.ChannelUpdate{Subject: w.subject([]string{"default", "chat"}[s.b%2]), WorkerSID: sid, Capacity: ptr(s.c % 4)}
	if s.c%5 == 0 {
		u.Capacity, u.Available = nil, ptr(s.c%2 == 0)
	}
	c, err := w.d.UpdateChannel(w.ctx, u)
	if err == nil && c.Used() > c.ConfiguredCapacity {
		w.lowered[sid] = true
	}
	return err
}

func (w *world) deleteWorker(s step) error {
	if s.b%3 > 0 {
		return nil
	}
	sid := pick(w.workers, s.a)
	err := w.d.DeleteWorker(w.ctx, w.subject(sid))
	if err == nil {
		w.workers = slices.DeleteFunc(w.workers, func(x string) bool { return x == sid })
	}
	return err
}

// held chooses an open Reservation in one of the states, by the age of its
// Task and of its Worker.
func (w *world) held(n int, states ...taskrouter.ReservationStatus) string {
	var found []*taskrouter.Reservation
	for _, t := range w.tasks {
		for _, r := range w.open(t) {
			if slices.Contains(states, r.Status) {
				found = append(found, r)
			}
		}
	}
	if len(found) == 0 {
		return taskrouter.NewSID(taskrouter.PrefixReservation)
	}
	slices.SortStableFunc(found, func(a, b *taskrouter.Reservation) int {
		if a.TaskSID != b.TaskSID {
			return 0
		}
		return slices.Index(w.workers, a.WorkerSID) - slices.Index(w.workers, b.WorkerSID)
	})
	return found[n%len(found)].SID
}

func (w *world) accept(s step) error {
	return w.answer(w.held(s.a, taskrouter.ReservationPending), taskrouter.ReservationAccepted)
}

func (w *world) reject(s step) error {
	u := dispatch.ReservationUpdate{Subject: w.subject(w.held(s.a, taskrouter.ReservationPending)), Status: ptr(taskrouter.ReservationRejected)}
	if s.b%2 == 0 {
		u.WorkerActivitySID = w.activity3[s.c%3]
	}
	_, err := w.d.UpdateReservation(w.ctx, u)
	return err
}

func (w *world) finish(s step) error {
	if s.b%3 == 0 {
		return w.answer(w.held(s.a, taskrouter.ReservationAccepted), taskrouter.ReservationWrapping)
	}
	return w.answer(w.held(s.a, taskrouter.ReservationAccepted, taskrouter.ReservationWrapping), taskrouter.ReservationCompleted)
}

func (w *world) failCallback(s step) error {
	_, err := w.d.CallbackAnswered(w.ctx, w.ws, "", w.held(s.a, taskrouter.ReservationPending), dispatch.CallbackOutcome{Failed: true})
	return err
}

func (w *world) changeTask(s step) error {
	u := dispatch.TaskUpdate{Subject: w.subject(pick(w.tasks, s.a))}
	switch s.b % 4 {
	case 0:
		u.Attributes = ptr(w.attributes(step{a: s.b, b: s.c, c: s.a}))
	case 1:
		u.Priority = ptr(int64(s.c % 7))
	case 2:
		u.VirtualStartTime = ptr(w.clock.now().Add(-time.Duration(s.c) * time.Second))
	case 3:
		u.Channel = ptr([]string{"default", "chat"}[s.c%2])
	}
	_, err := w.d.UpdateTask(w.ctx, u)
	return err
}

func (w *world) endTask(s step) error {
	to := []taskrouter.TaskStatus{taskrouter.TaskCanceled, taskrouter.TaskWrapping, taskrouter.TaskCompleted}[s.b%3]
	return w.set(pick(w.tasks, s.a), to)
}

func (w *world) deleteTask(s step) error { return w.d.DeleteTask(w.ctx, w.subject(pick(w.tasks, s.a))) }

func (w *world) wait(s step) error {
	w.clock.advance(time.Duration(s.a%40) * time.Second)
	return w.d.Sweep(w.ctx)
}

// timerFires is the durable run's timer, which may be ahead of the store's
// clock.
func (w *world) timerFires(s step) error {
	sid := pick(w.tasks, s.a)
	v, err := w.d.View(w.ctx, w.ws, sid)
	if err == nil && !v.Deadline.IsZero() && v.Deadline.Before(w.clock.now().Add(3*time.Second)) {
		_, err = w.d.Due(w.ctx, w.ws, sid, v.Deadline)
	}
	return err
}

func (w *world) reorder(s step) error {
	order := []string{"FIFO", "LIFO"}[s.b%2]
	if s.a%3 == 0 {
		_, err := w.config.UpdateWorkspace(w.ctx, workspace.WorkspaceUpdate{Subject: w.subject(w.ws), PrioritizeQueueOrder: &order})
		return err
	}
	_, err := w.config.UpdateQueue(w.ctx, workspace.QueueUpdate{
		Subject: w.subject(pick(w.queues, s.a)), TaskOrder: &order, MaxReservedWorkers: ptr(int64(1 + s.c%3)),
	})
	return err
}

func (w *world) rewriteQueue(s step) error {
	e := []string{"team == 'red'", "team == 'blue'", "lvl > 2", "1==1", "", "activity_name == 'Available'"}[s.b%6]
	_, err := w.config.UpdateQueue(w.ctx, workspace.QueueUpdate{Subject: w.subject(pick(w.queues, s.a)), TargetWorkers: &e})
	return err
}

func (w *world) reroute(s step) error {
	text := w.configuration(s.a)
	_, err := w.config.UpdateWorkflow(w.ctx, workspace.WorkflowUpdate{Subject: w.subject(w.flow), Configuration: &text, ReEvaluate: s.b%2 == 0})
	return err
}

// relieve forgets agents who work within their capacity again.
func (w *world) relieve(a *audit) {
	for _, g := range a.agents {
		over := slices.ContainsFunc(g.Channels, func(c *taskrouter.WorkerChannel) bool { return c.Used() > c.ConfiguredCapacity })
		if !over {
			delete(w.lowered, g.SID)
		}
	}
}

// portrait is the state in words that do not depend on SIDs.
func (w *world) portrait(a *audit) string {
	names := map[string]string{}
	for i, sid := range w.tasks {
		names[sid] = fmt.Sprintf("t%d", i)
	}
	for _, g := range a.agents {
		names[g.SID] = g.FriendlyName
	}
	var lines []string
	for sid, t := range a.tasks {
		var held []string
		for _, r := range a.open[sid] {
			held = append(held, names[r.WorkerSID]+":"+string(r.Status))
		}
		slices.Sort(held)
		lines = append(lines, fmt.Sprintf("%s %s %s f%d.%d p%d n%d v%d b%d %s %v %q", names[sid], t.Status, a.config.Queues[t.QueueSID].FriendlyName,
			t.Route.Filter, t.Route.Target, t.Priority, t.Assignments, t.Version, t.OfferNotBefore.UnixMicro(), t.Route.Deadline.Format(time.StampMilli), held, t.Reason))
	}
	for _, g := range a.agents {
		var loads []string
		for _, c := range g.Channels {
			loads = append(loads, fmt.Sprintf("%s %d/%d/%d of %d %t", c.TaskChannelName, c.Pending, c.Accepted, c.Wrapping, c.ConfiguredCapacity, c.Available))
		}
		slices.Sort(loads)
		lines = append(lines, fmt.Sprintf("%s %s v%d %v", g.FriendlyName, a.config.Activities[g.ActivitySID].FriendlyName, g.Version, loads))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
