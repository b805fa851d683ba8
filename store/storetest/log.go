package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func (f *fixture) notice(task string, revision int64, due int, first bool) dispatch.Notice {
	return dispatch.Notice{
		TaskRef:  dispatch.TaskRef{AccountSID: f.account, WorkspaceSID: f.ws, TaskSID: task},
		Revision: revision, DueAt: at(due), First: first,
	}
}

func (f *fixture) pending(now, limit int) []dispatch.Notice {
	f.t.Helper()
	n, err := f.s.PendingNotices(f.t.Context(), at(now), limit)
	require.NoError(f.t, err)
	return n
}

func (f *fixture) countNotices() int {
	f.t.Helper()
	n, err := f.s.CountNotices(f.t.Context())
	require.NoError(f.t, err)
	return n
}

func testNotices(t *testing.T, f *fixture) {
	ctx := t.Context()
	require.Empty(t, f.pending(1000, 10))
	f.apply(&dispatch.Changes{Notices: []dispatch.Notice{f.notice("WT1", 1, 10, true), f.notice("WT2", 4, 5, false)}})
	require.Equal(t, 2, f.countNotices())
	require.Empty(t, f.pending(4, 10))

	// The latest revision, the earliest time, and the start stays due.
	f.apply(&dispatch.Changes{Notices: []dispatch.Notice{f.notice("WT1", 3, 20, false), f.notice("WT1", 2, 8, false)}})
	require.Equal(t, 2, f.countNotices())
	require.Equal(t, []dispatch.Notice{f.notice("WT2", 4, 5, false), f.notice("WT1", 3, 8, true)}, f.pending(30, 10))

	// Claimed: nobody else sends them for ten seconds.
	require.Empty(t, f.pending(39, 10))
	require.Len(t, f.pending(40, 10), 2)
	// News make a claimed row due at once.
	f.apply(&dispatch.Changes{Notices: []dispatch.Notice{f.notice("WT1", 5, 41, false)}})
	require.Equal(t, []dispatch.Notice{f.notice("WT1", 5, 41, true)}, f.pending(41, 10))

	// What was sent is older than the row: it stays, but was started.
	require.NoError(t, f.s.DeleteNotices(ctx, []dispatch.Notice{f.notice("WT1", 4, 0, true), f.notice("WT2", 4, 0, false), f.notice("WT9", 1, 0, false)}))
	require.Equal(t, 1, f.countNotices())
	got := f.pending(100, 10)
	require.Len(t, got, 1)
	require.Equal(t, int64(5), got[0].Revision)
	require.False(t, got[0].First)

	require.NoError(t, f.s.PostponeNotices(ctx, got, at(500)))
	require.Empty(t, f.pending(499, 10))
	require.Len(t, f.pending(500, 10), 1)
	require.NoError(t, f.s.DeleteNotices(ctx, got))
	require.Zero(t, f.countNotices())
	require.NoError(t, f.s.DeleteNotices(ctx, nil))
	require.NoError(t, f.s.PostponeNotices(ctx, got, at(1)))

	// Oldest first, at most so many.
	f.apply(&dispatch.Changes{Notices: []dispatch.Notice{f.notice("WTa", 1, 3, false), f.notice("WTb", 1, 1, false), f.notice("WTc", 1, 2, false)}})
	require.Equal(t, []string{"WTb", "WTc"}, sids(f.pending(9, 2), func(n dispatch.Notice) string { return n.TaskSID }))
	require.Equal(t, []string{"WTa"}, sids(f.pending(9, 2), func(n dispatch.Notice) string { return n.TaskSID }))
}

// testNoticeClaims lets several senders work on one outbox while it grows.
func testNoticeClaims(t *testing.T, f *fixture) {
	const total, senders = 300, 4
	c := &dispatch.Changes{}
	for i := range total {
		c.Notices = append(c.Notices, f.notice(fmt.Sprintf("WT%03d", i), 1, i%7, true))
	}
	f.apply(c)
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for {
				claimed, err := f.s.PendingNotices(t.Context(), at(1000), 20)
				if err != nil {
					t.Errorf("claim: %v", err)
					return
				}
				if len(claimed) == 0 {
					mu.Lock()
					done := len(seen) == total
					mu.Unlock()
					if done {
						return
					}
					continue // another sender holds the rest
				}
				mu.Lock()
				for _, n := range claimed {
					seen[n.TaskSID]++
				}
				mu.Unlock()
				if err := f.s.DeleteNotices(t.Context(), claimed); err != nil {
					t.Errorf("delete: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Len(t, seen, total)
	for task, n := range seen {
		require.Equal(t, 1, n, "notice of %s was claimed more than once", task)
	}
	require.Zero(t, f.countNotices())
}

func testSweeperReads(t *testing.T, f *fixture) {
	ctx := t.Context()
	other := f.addWorkspace(f.account, "Other")
	due, fresh, over, recent := f.newTask(), f.newTask(), f.newTask(), f.newTask()
	over.Status, over.RemoveAt = taskrouter.TaskCanceled, at(5)
	recent.Status, recent.RemoveAt = taskrouter.TaskCompleted, at(50)
	f.apply(&dispatch.Changes{Tasks: []dispatch.TaskWrite{{Task: due, Deadline: at(20)}, {Task: fresh, Deadline: at(90)}, {Task: over}, {Task: recent}}})
	early := f.newTask()
	early.WorkspaceSID = other
	require.NoError(t, f.s.InWorkspace(ctx, other, func(ctx context.Context, tx dispatch.Tx) error {
		return tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Tasks: []dispatch.TaskWrite{{Task: early, Deadline: at(10)}}})
	}))
	for _, c := range []struct {
		now, limit int
		want       []string
	}{{9, 5, nil}, {10, 5, []string{other}}, {20, 5, []string{other, f.ws}}, {20, 1, []string{other}}} {
		got, err := f.s.DueWorkspaces(ctx, at(c.now), c.limit)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	refs, err := f.s.RemovableTasks(ctx, at(49), 10)
	require.NoError(t, err)
	require.Equal(t, []dispatch.TaskRef{{AccountSID: f.account, WorkspaceSID: f.ws, TaskSID: over.SID}}, refs)
	refs, err = f.s.RemovableTasks(ctx, at(50), 10)
	require.NoError(t, err)
	require.Len(t, refs, 2)

	want := []string{due.SID, fresh.SID, early.SID}
	slices.Sort(want)
	ref := func(r dispatch.TaskRef) string { return r.TaskSID }
	refs, err = f.s.OpenTasks(ctx, "", 10)
	require.NoError(t, err)
	require.Equal(t, want, sids(refs, ref))
	refs, err = f.s.OpenTasks(ctx, want[0], 1)
	require.NoError(t, err)
	require.Equal(t, want[1:2], sids(refs, ref))
}

func (f *fixture) event(seconds int, change func(*taskrouter.Event)) taskrouter.Event {
	e := taskrouter.Event{SID: f.sid("EV"), AccountSID: f.account, WorkspaceSID: f.ws, Type: taskrouter.TaskUpdated, At: at(seconds), Data: map[string]string{}}
	if change != nil {
		change(&e)
	}
	return e
}

func testEvents(t *testing.T, f *fixture) {
	ctx := t.Context()
	c := &dispatch.Changes{Events: []taskrouter.Event{
		f.event(1, func(e *taskrouter.Event) { e.TaskSID, e.WorkflowSID = "WT1", "WW1" }),
		f.event(2, func(e *taskrouter.Event) { e.TaskSID, e.WorkerSID, e.ReservationSID = "WT1", "WK1", "WR1" }),
		f.event(3, func(e *taskrouter.Event) {
			e.Type, e.QueueSID, e.TaskChannelSID = taskrouter.TaskQueueEntered, "WQ1", "TC1"
		}),
	}}
	f.apply(c)
	f.apply(&dispatch.Changes{Events: []taskrouter.Event{f.event(4, nil)}})
	log, err := f.s.EventsAfter(ctx, f.ws, 1, 10)
	require.NoError(t, err)
	require.Equal(t, []int64{2, 3, 4, 5}, []int64{log[0].Seq, log[1].Seq, log[2].Seq, log[3].Seq})
	require.Equal(t, &c.Events[0], log[0])
	log, err = f.s.EventsAfter(ctx, f.ws, 2, 2)
	require.NoError(t, err)
	require.Len(t, log, 2)

	seqs := func(filter taskrouter.EventFilter) []int64 {
		events, err := f.s.ListEvents(ctx, f.account, f.ws, filter, taskrouter.Page{Size: 10})
		require.NoError(t, err)
		var out []int64
		for _, e := range events {
			out = append(out, e.Seq)
		}
		return out
	}
	for name, c := range map[string]struct {
		filter taskrouter.EventFilter
		want   []int64
	}{
		"all":         {taskrouter.EventFilter{}, []int64{5, 4, 3, 2, 1}},
		"sid":         {taskrouter.EventFilter{SID: c.Events[1].SID}, []int64{3}},
		"type":        {taskrouter.EventFilter{Type: taskrouter.TaskQueueEntered}, []int64{4}},
		"task":        {taskrouter.EventFilter{TaskSID: "WT1"}, []int64{3, 2}},
		"worker":      {taskrouter.EventFilter{WorkerSID: "WK1"}, []int64{3}},
		"reservation": {taskrouter.EventFilter{ReservationSID: "WR1"}, []int64{3}},
		"queue":       {taskrouter.EventFilter{QueueSID: "WQ1"}, []int64{4}},
		"workflow":    {taskrouter.EventFilter{WorkflowSID: "WW1"}, []int64{2}},
		"channel":     {taskrouter.EventFilter{TaskChannelSID: "TC1"}, []int64{4}},
		"since":       {taskrouter.EventFilter{Since: at(3)}, []int64{5, 4}},
		"until":       {taskrouter.EventFilter{Until: at(1)}, []int64{2, 1}},
		"both":        {taskrouter.EventFilter{Since: at(2), Until: at(3), TaskSID: "WT1"}, []int64{3}},
		"none":        {taskrouter.EventFilter{TaskSID: "WT9"}, nil},
	} {
		require.Equal(t, c.want, seqs(c.filter), name)
	}
	// A number is given once.
	again := f.event(5, nil)
	again.Seq = 3
	requireKind(t, taskrouter.KindConflict, f.tryApply(&dispatch.Changes{Events: []taskrouter.Event{again}}))
}

func testRetention(t *testing.T, f *fixture) {
	ctx := t.Context()
	c := &dispatch.Changes{}
	for i := range 10 {
		c.Events = append(c.Events, f.event(i+1, nil))
	}
	f.apply(c)
	n, err := f.s.DeleteEventsBefore(ctx, at(5), 3)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	log, err := f.s.EventsAfter(ctx, f.ws, 0, 100)
	require.NoError(t, err)
	require.Equal(t, int64(4), log[0].Seq)
	n, err = f.s.DeleteEventsBefore(ctx, at(5), 300)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	n, err = f.s.DeleteEventsBefore(ctx, at(500), 300)
	require.NoError(t, err)
	require.Equal(t, 5, n)
	log, err = f.s.EventsAfter(ctx, f.ws, 0, 100)
	require.NoError(t, err)
	require.Len(t, log, 1, "the newest event stays")

	call := func(sid string, ended time.Time) *taskrouter.Call {
		c := &taskrouter.Call{AccountSID: f.account, WorkspaceSID: f.ws, Backend: "fake", CallSID: sid, State: taskrouter.CallWaiting, CreatedAt: at(0)}
		if !ended.IsZero() {
			c.State, c.EndedAt = taskrouter.CallEnded, ended
		}
		return c
	}
	f.apply(&dispatch.Changes{Calls: []*taskrouter.Call{call("CA1", at(1)), call("CA2", at(2)), call("CA3", at(9)), call("CA4", time.Time{})}})
	n, err = f.s.DeleteCallsBefore(ctx, at(5), 1)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = f.s.DeleteCallsBefore(ctx, at(5), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	for sid, there := range map[string]bool{"CA1": false, "CA2": false, "CA3": true, "CA4": true} {
		got, err := f.s.CallByRef(ctx, dispatch.CallRef{AccountSID: f.account, Backend: "fake", CallSID: sid})
		require.NoError(t, err)
		require.Equal(t, there, got != nil, sid)
	}
}
