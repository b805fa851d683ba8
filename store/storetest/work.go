package storetest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func testTasks(t *testing.T, f *fixture) {
	waiting, held, assigned, ended, late := f.newTask(), f.newTask(), f.newTask(), f.newTask(), f.newTask()
	waiting.DemandClass = "k"
	assigned.Status = taskrouter.TaskAssigned
	assigned.TaskChannelSID = f.chat.SID
	ended.Status = taskrouter.TaskCompleted
	late.QueueSID, late.WorkflowSID = f.queue2.SID, "WWother"
	f.apply(&dispatch.Changes{Tasks: []dispatch.TaskWrite{
		{Task: waiting, Deadline: at(50)}, {Task: held, Deadline: at(20)}, {Task: assigned}, {Task: ended}, {Task: late, Deadline: at(20).Add(-time.Microsecond)},
	}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		none, err := tx.Tasks(ctx)
		require.NoError(t, err)
		require.Empty(t, none)

		due, err := tx.DueTasks(ctx, at(20), 10)
		require.NoError(t, err)
		require.Equal(t, []string{late.SID, held.SID}, sids(due, taskSID))
		due, err = tx.DueTasks(ctx, at(100), 1)
		require.NoError(t, err)
		require.Equal(t, []string{late.SID}, sids(due, taskSID))
		next, err := tx.NextDue(ctx)
		require.NoError(t, err)
		require.Equal(t, at(20).Add(-time.Microsecond), next)

		open, err := tx.TasksOfWorkflow(ctx, f.workflow.SID, "", 10)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{waiting.SID, held.SID, assigned.SID}, sids(open, taskSID))
		first, err := tx.TasksOfWorkflow(ctx, f.workflow.SID, "", 2)
		require.NoError(t, err)
		rest, err := tx.TasksOfWorkflow(ctx, f.workflow.SID, first[1].SID, 2)
		require.NoError(t, err)
		require.Equal(t, sids(open, taskSID), append(sids(first, taskSID), sids(rest, taskSID)...))

		offered, err := tx.WaitingTasks(ctx, f.queue.SID, "", 10)
		require.NoError(t, err)
		require.Equal(t, []string{waiting.SID}, sids(offered, taskSID))
		offered, err = tx.WaitingTasks(ctx, f.queue.SID, waiting.SID, 10)
		require.NoError(t, err)
		require.Empty(t, offered)

		for _, c := range []struct {
			workflow, queue, channel string
			want                     int
		}{
			{f.workflow.SID, f.queue2.SID, "", 3},
			{"", f.queue2.SID, "", 1},
			{"", "", f.chat.SID, 1},
			{"", "", f.voice.SID, 3},
			{"", "", "", 4},
			{"WW0", "", "", 0},
		} {
			n, err := tx.CountTasks(ctx, c.workflow, c.queue, c.channel)
			require.NoError(t, err)
			require.Equal(t, c.want, n, "%+v", c)
		}

		// Reads see what this transaction wrote.
		late.Priority = 9
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Tasks: []dispatch.TaskWrite{{Task: late}}}))
		got, err := tx.Tasks(ctx, late.SID)
		require.NoError(t, err)
		require.Equal(t, int64(9), got[0].Priority)
		next, err = tx.NextDue(ctx)
		require.NoError(t, err)
		require.Equal(t, at(20), next)
	})
	f.apply(&dispatch.Changes{DeleteTasks: []string{waiting.SID, held.SID}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		next, err := tx.NextDue(ctx)
		require.NoError(t, err)
		require.True(t, next.IsZero())
	})
}

func testReservations(t *testing.T, f *fixture) {
	a, b := f.newTask(), f.newTask()
	worker, other := f.sid("WK"), f.sid("WK")
	first, second, third, gone := f.newOffer(a.SID, worker), f.newOffer(b.SID, worker), f.newOffer(a.SID, other), f.newOffer(a.SID, worker)
	second.Status, third.Status, gone.Status = taskrouter.ReservationAccepted, taskrouter.ReservationWrapping, taskrouter.ReservationRejected
	first.Instruction = &taskrouter.Instruction{Kind: taskrouter.InstructDequeue}
	f.apply(&dispatch.Changes{Tasks: written(a, b), Reservations: []*taskrouter.Reservation{first, second, third, gone}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		open, err := tx.OpenReservations(ctx, a.SID)
		require.NoError(t, err)
		require.Equal(t, []*taskrouter.Reservation{first, third}, open)
		open, err = tx.OpenReservations(ctx, a.SID, b.SID)
		require.NoError(t, err)
		require.Equal(t, []string{first.SID, second.SID, third.SID}, sids(open, reservationSID))
		open, err = tx.OpenReservations(ctx)
		require.NoError(t, err)
		require.Empty(t, open)
		open, err = tx.OpenReservationsOf(ctx, worker)
		require.NoError(t, err)
		require.Equal(t, []string{first.SID, second.SID}, sids(open, reservationSID))
		r, err := tx.Reservation(ctx, gone.SID)
		require.NoError(t, err)
		require.Equal(t, gone, r)
		r, err = tx.Reservation(ctx, "WR0")
		require.NoError(t, err)
		require.Nil(t, r)
	})
	ws, err := f.s.WorkspaceOfReservation(t.Context(), gone.SID)
	require.NoError(t, err)
	require.Equal(t, f.ws, ws)
	ws, err = f.s.WorkspaceOfReservation(t.Context(), "WR0")
	require.NoError(t, err)
	require.Empty(t, ws)
	all, err := f.s.TaskReservations(t.Context(), f.account, f.ws, a.SID)
	require.NoError(t, err)
	require.Equal(t, []string{first.SID, third.SID, gone.SID}, sids(all, reservationSID))
}

func testClasses(t *testing.T, f *fixture) {
	worker, other := f.newAgent("One", 1), f.newAgent("Two", 2)
	f.apply(changesOf(worker, other))
	f.apply(&dispatch.Changes{Join: []dispatch.Membership{{QueueSID: f.queue.SID, WorkerSID: worker.SID}}})
	class := func(key, queue, named string, waiting int) *dispatch.DemandClass {
		c := filled[dispatch.DemandClass](3)
		c.Key, c.WorkspaceSID, c.QueueSID, c.WorkerSID, c.Waiting = key, f.ws, queue, named, waiting
		return c
	}
	classesFor := func(ctx context.Context, tx dispatch.Tx, worker string) []*dispatch.DemandClass {
		keys, err := tx.ClassKeys(ctx, worker)
		require.NoError(t, err)
		classes, err := tx.Classes(ctx, keys...)
		require.NoError(t, err)
		slices.SortFunc(classes, func(a, b *dispatch.DemandClass) int { return strings.Compare(a.Key, b.Key) })
		return classes
	}
	keys := func(worker string) map[string]int {
		out := map[string]int{}
		f.in(func(ctx context.Context, tx dispatch.Tx) {
			classes := classesFor(ctx, tx, worker)
			for _, c := range classes {
				out[c.Key] = c.Waiting
			}
		})
		return out
	}
	mine := class("a", f.queue.SID, "", 2)
	f.apply(&dispatch.Changes{Classes: []*dispatch.DemandClass{
		mine,
		class("b", f.queue2.SID, "", 1),
		class("c", f.queue2.SID, worker.SID, 1),
		class("d", f.queue.SID, other.SID, 1),
		class("e", f.queue.SID, "", 0),
	}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		classes := classesFor(ctx, tx, worker.SID)
		require.Equal(t, mine, classes[0])
	})
	require.Equal(t, map[string]int{"a": 2, "c": 1}, keys(worker.SID))
	require.Equal(t, map[string]int{"d": 1}, keys(other.SID))

	// Differences add up, also within one set of changes.
	f.apply(&dispatch.Changes{Classes: []*dispatch.DemandClass{
		{Key: "a", Waiting: 3}, {Key: "a", Waiting: -1}, {Key: "c", Waiting: -1}, {Key: "zz", Waiting: -1}, {Key: "d", Waiting: 1}, {Key: "d", Waiting: -1},
	}})
	require.Equal(t, map[string]int{"a": 4}, keys(worker.SID))
	require.Equal(t, map[string]int{"d": 1}, keys(other.SID))
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		classes := classesFor(ctx, tx, worker.SID)
		require.Equal(t, mine.Sample, classes[0].Sample, "a difference keeps the class as it is")
	})
	f.apply(&dispatch.Changes{Classes: []*dispatch.DemandClass{{Key: "a", Waiting: -4}}})
	require.Empty(t, keys(worker.SID))
	f.apply(&dispatch.Changes{Classes: []*dispatch.DemandClass{class("a", f.queue.SID, "", 1)}})
	require.Equal(t, map[string]int{"a": 1}, keys(worker.SID))

	f.addWorkspace(f.account, "Second")
	for account, want := range map[string]int{f.account: 3, f.sid("AC"): 0} {
		n, err := f.s.CountWaiting(t.Context(), account)
		require.NoError(t, err)
		require.Equal(t, want, n)
	}
}

func testHeads(t *testing.T, f *fixture) {
	add := func(class string, priority int64, start, created int, sid string) *taskrouter.Task {
		task := f.newTask()
		if sid != "" {
			task.SID = sid
		}
		task.DemandClass, task.Priority, task.VirtualStartTime, task.CreatedAt = class, priority, at(start), at(created)
		return task
	}
	fifo := []*taskrouter.Task{
		add("f1", 0, 1, 1, ""), add("f1", 5, 9, 9, ""), add("f1", 5, 8, 9, "WT2"), add("f1", 5, 8, 9, "WT1"), add("f1", 5, 8, 10, ""),
		add("f2", -1, 3, 3, ""), add("f2", -1, 2, 3, "WT3"),
	}
	lifo := []*taskrouter.Task{
		add("l1", 9, 1, 1, ""), add("l1", 0, 8, 4, "WT4"), add("l1", 0, 8, 4, "WT5"), add("l1", 0, 8, 3, "WT6"),
	}
	changes := &dispatch.Changes{Tasks: append(written(fifo...), written(lifo...)...)}
	for _, key := range []string{"f1", "f2", "l1", "empty"} {
		changes.Classes = append(changes.Classes, &dispatch.DemandClass{Key: key, Waiting: 1})
	}
	f.apply(changes)
	heads := func(fifo, lifo []string) []string {
		var out []string
		f.in(func(ctx context.Context, tx dispatch.Tx) {
			tasks, err := tx.Heads(ctx, fifo, lifo)
			require.NoError(t, err)
			out = sids(tasks, taskSID)
		})
		return out
	}
	require.ElementsMatch(t, []string{"WT1", "WT5"}, heads([]string{"f2", "f1", "empty", "unknown"}, []string{"l1"}))
	require.Empty(t, heads([]string{"empty"}, []string{"unknown"}))
	require.Equal(t, []string{"WT3"}, heads([]string{"f2"}, nil))
	require.Equal(t, []string{"WT5"}, heads(nil, []string{"l1"}))
	require.Empty(t, heads(nil, nil))
}

func testLines(t *testing.T, f *fixture) {
	add := func(queue, class string, priority int64, start, created int, sid string) *taskrouter.Task {
		task := f.newTask()
		task.SID, task.QueueSID, task.DemandClass, task.Priority, task.VirtualStartTime, task.CreatedAt = sid, queue, class, priority, at(start), at(created)
		return task
	}
	one, two := f.queue.SID, f.queue2.SID
	f.apply(&dispatch.Changes{Tasks: written(
		add(one, "a", 5, 8, 9, "WT2"), add(one, "b", 5, 8, 9, "WT1"), add(one, "a", 5, 8, 8, "WT3"), add(one, "a", 0, 1, 1, "WT4"),
		add(one, "", 9, 1, 1, "WT5"), // waits for nobody
		add(two, "c", 9, 1, 1, "WT6"), add(two, "d", 0, 8, 4, "WT7"), add(two, "c", 0, 8, 4, "WT8"), add(two, "c", 0, 8, 3, "WT9"),
	)})
	second := f.addWorkspace(f.account, "Second")
	lines := func(fifo, lifo []string, limit int) []string {
		var out []string
		f.in(func(ctx context.Context, tx dispatch.Tx) {
			places, err := tx.Lines(ctx, fifo, lifo, limit)
			require.NoError(t, err)
			for _, p := range places {
				out = append(out, p.TaskSID)
			}
		})
		return out
	}
	require.ElementsMatch(t, []string{"WT3", "WT1"}, lines([]string{one}, nil, 2))
	require.ElementsMatch(t, []string{"WT3", "WT1", "WT2", "WT4"}, lines([]string{one}, nil, 9))
	require.ElementsMatch(t, []string{"WT3", "WT8"}, lines([]string{one}, []string{two}, 1))
	require.ElementsMatch(t, []string{"WT8", "WT7", "WT9"}, lines(nil, []string{two}, 3))
	require.ElementsMatch(t, []string{"WT6", "WT3"}, lines([]string{two, one}, nil, 1))
	require.Empty(t, lines(nil, nil, 3))
	require.Empty(t, lines([]string{"WQ0"}, nil, 3))
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		places, err := tx.Lines(ctx, []string{one}, nil, 1)
		require.NoError(t, err)
		require.Equal(t, []dispatch.Waiting{{
			TaskSID: "WT3", QueueSID: one, Class: "a", Priority: 5, VirtualStart: at(8), CreatedAt: at(8),
		}}, places)
	})
	require.NoError(t, f.s.InWorkspace(t.Context(), second, func(ctx context.Context, tx dispatch.Tx) error {
		places, err := tx.Lines(ctx, []string{one}, []string{two}, 5)
		require.Empty(t, places, "of another Workspace")
		return err
	}))
}

func testJobs(t *testing.T, f *fixture) {
	ctx := t.Context()
	job := func(seconds int) *dispatch.Job {
		j := filled[dispatch.Job](seconds)
		j.WorkspaceSID, j.Done, j.CreatedAt = f.ws, false, at(seconds)
		return j
	}
	current := func() *dispatch.Job {
		var out *dispatch.Job
		f.in(func(ctx context.Context, tx dispatch.Tx) {
			var err error
			out, err = tx.Job(ctx)
			require.NoError(t, err)
		})
		return out
	}
	require.Nil(t, current())
	first, second := job(1), job(2)
	f.apply(&dispatch.Changes{Jobs: []*dispatch.Job{second, first}})
	require.Equal(t, first, current())
	first.Cursor = "WT5"
	f.apply(&dispatch.Changes{Jobs: []*dispatch.Job{first}})
	require.Equal(t, first, current())

	other := f.addWorkspace(f.account, "Other")
	require.NoError(t, f.s.InWorkspace(ctx, other, func(ctx context.Context, tx dispatch.Tx) error {
		return tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Jobs: []*dispatch.Job{{ID: "x", Kind: dispatch.JobReEvaluate, CreatedAt: at(0)}}})
	}))
	list, err := f.s.JobWorkspaces(ctx, 10)
	require.NoError(t, err)
	require.Equal(t, []string{other, f.ws}, list)
	list, err = f.s.JobWorkspaces(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, []string{other}, list)

	first.Done = true
	f.apply(&dispatch.Changes{Jobs: []*dispatch.Job{first}})
	require.Equal(t, second, current())
	second.Done = true
	f.apply(&dispatch.Changes{Jobs: []*dispatch.Job{second}})
	require.Nil(t, current())
	list, err = f.s.JobWorkspaces(ctx, 10)
	require.NoError(t, err)
	require.Equal(t, []string{other}, list)
}
