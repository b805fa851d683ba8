package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func testCalls(t *testing.T, f *fixture) {
	ctx := t.Context()
	call := func(sid, task string, state taskrouter.CallState) *taskrouter.Call {
		c := filled[taskrouter.Call](len(sid))
		c.AccountSID, c.WorkspaceSID, c.Backend, c.CallSID, c.TaskSID, c.State = f.account, f.ws, "fake", sid, task, state
		return c
	}
	live, menu, ended := call("CA1", "WT1", taskrouter.CallWaiting), call("CA22", "", taskrouter.CallInMenu), call("CA333", "WT1", taskrouter.CallEnded)
	menu.CreatedAt = live.CreatedAt.Add(1000)
	elsewhere := call("CA1", "WT2", taskrouter.CallWaiting)
	elsewhere.Backend = "other"
	f.apply(&dispatch.Changes{Calls: []*taskrouter.Call{live, menu, ended, elsewhere}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		got, err := tx.CallOfTask(ctx, "WT1")
		require.NoError(t, err)
		require.Equal(t, live, got)
		for _, task := range []string{"", "WT9"} {
			got, err = tx.CallOfTask(ctx, task)
			require.NoError(t, err)
			require.Nil(t, got)
		}
		got, err = tx.Call(ctx, dispatch.CallRef{Backend: "fake", CallSID: "CA9"})
		require.NoError(t, err)
		require.Nil(t, got)
		got, err = tx.Call(ctx, dispatch.CallRef{AccountSID: "AC0", Backend: "fake", CallSID: "CA1"})
		require.NoError(t, err)
		require.Nil(t, got)
	})
	calls, err := f.s.LiveCalls(ctx, "fake")
	require.NoError(t, err)
	require.ElementsMatch(t, []*taskrouter.Call{live, menu}, calls)
	ws, err := f.s.WorkspaceOfCall(ctx, dispatch.CallRef{AccountSID: f.account, Backend: "fake", CallSID: "CA333"})
	require.NoError(t, err)
	require.Equal(t, f.ws, ws)
	ws, err = f.s.WorkspaceOfCall(ctx, dispatch.CallRef{AccountSID: f.account, Backend: "fake", CallSID: "CA9"})
	require.NoError(t, err)
	require.Empty(t, ws)
	got, err := f.s.CallByRef(ctx, dispatch.CallRef{AccountSID: "AC0", Backend: "fake", CallSID: "CA1"})
	require.NoError(t, err)
	require.Nil(t, got)
}

func testLegs(t *testing.T, f *fixture) {
	ctx := t.Context()
	leg := func(seed int, attempt string, state taskrouter.LegState) *taskrouter.Leg {
		l := filled[taskrouter.Leg](seed)
		l.AccountSID, l.WorkspaceSID, l.Backend, l.Attempt, l.State = f.account, f.ws, "fake", attempt, state
		l.TaskSID, l.ReservationSID, l.WorkerSID = "WT1", "WR1", "WK1"
		l.CallSIDs, l.CallSID = nil, ""
		return l
	}
	first, second, third := leg(1, "WR1-1", taskrouter.LegEnded), leg(2, "WR1-2", taskrouter.LegRinging), leg(3, "WR2-1", taskrouter.LegWanted)
	third.TaskSID, third.ReservationSID = "WT2", "WR2"
	second.CallSIDs = []string{"CA1", "CA2"}
	f.apply(&dispatch.Changes{Legs: []*taskrouter.Leg{third, first, second}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		legs, err := tx.Legs(ctx, "WT1")
		require.NoError(t, err)
		require.Equal(t, []*taskrouter.Leg{second}, legs)
		legs, err = tx.Legs(ctx, "WT1", "WT2")
		require.NoError(t, err)
		require.Equal(t, []string{second.Attempt, third.Attempt}, sids(legs, legAttempt))
		legs, err = tx.Legs(ctx)
		require.NoError(t, err)
		require.Empty(t, legs)
		legs, err = tx.OpenLegsTo(ctx, "WK1")
		require.NoError(t, err)
		require.Equal(t, []string{second.Attempt, third.Attempt}, sids(legs, legAttempt))
		n, err := tx.CountLegs(ctx, "WR1")
		require.NoError(t, err)
		require.Equal(t, 2, n)
		l, err := tx.Leg(ctx, "WR9-1")
		require.NoError(t, err)
		require.Nil(t, l)
	})
	for _, sid := range second.CallSIDs {
		l, err := f.s.LegByCallSID(ctx, "fake", sid)
		require.NoError(t, err)
		require.Equal(t, second, l)
	}
	for _, key := range [][2]string{{"fake", "CA9"}, {"other", "CA1"}} {
		l, err := f.s.LegByCallSID(ctx, key[0], key[1])
		require.NoError(t, err)
		require.Nil(t, l)
	}
	second.CallSIDs, second.CallSID = []string{"CA2"}, "CA3"
	f.apply(&dispatch.Changes{Legs: []*taskrouter.Leg{second}})
	for _, sid := range []string{"CA1", "CA2", "CA3"} {
		l, err := f.s.LegByCallSID(ctx, "fake", sid)
		require.NoError(t, err)
		require.Equal(t, second, l, "calls of an attempt are never forgotten")
	}
	live, err := f.s.LiveLegs(ctx, "fake")
	require.NoError(t, err)
	require.Equal(t, []*taskrouter.Leg{second, third}, live)
	ws, err := f.s.WorkspaceOfLeg(ctx, first.Attempt)
	require.NoError(t, err)
	require.Equal(t, f.ws, ws)
	ws, err = f.s.WorkspaceOfLeg(ctx, "WR9-1")
	require.NoError(t, err)
	require.Empty(t, ws)

	f.apply(&dispatch.Changes{DeleteTasks: []string{"WT1"}})
	l, err := f.s.LegByCallSID(ctx, "fake", "CA1")
	require.NoError(t, err)
	require.Nil(t, l)
	l, err = f.s.FetchLeg(ctx, third.Attempt)
	require.NoError(t, err)
	require.Equal(t, third, l)
}

func testCallQueues(t *testing.T, f *fixture) {
	ctx := t.Context()
	queue := func(name string, seconds int, numbers ...string) *taskrouter.CallQueue {
		return &taskrouter.CallQueue{
			SID: f.sid("CQ"), AccountSID: f.account, WorkspaceSID: f.ws, FriendlyName: name, PhoneNumbers: numbers,
			WorkflowSID: f.workflow.SID, Backend: "fake", CreatedAt: at(seconds), UpdatedAt: at(seconds),
		}
	}
	a, b := queue("A", 1, "+3", "+1", "+2"), queue("B", 2)
	f.apply(&dispatch.Changes{CallQueues: []*taskrouter.CallQueue{a, b}})
	list, err := f.s.ListCallQueues(ctx, f.account, f.ws, taskrouter.Page{Size: 10})
	require.NoError(t, err)
	require.Equal(t, []*taskrouter.CallQueue{a, b}, list)
	for _, account := range []string{"", f.account} {
		got, err := f.s.CallQueueByNumber(ctx, account, "fake", "+1")
		require.NoError(t, err)
		require.Equal(t, a, got)
	}
	for _, key := range [][3]string{{"AC0", "fake", "+1"}, {"", "other", "+1"}, {"", "fake", "+9"}} {
		got, err := f.s.CallQueueByNumber(ctx, key[0], key[1], key[2])
		require.NoError(t, err)
		require.Nil(t, got)
	}
	b.PhoneNumbers = []string{"+2"}
	requireKind(t, taskrouter.KindInvalid, f.tryApply(&dispatch.Changes{CallQueues: []*taskrouter.CallQueue{b}}))
	// A number may move between call queues in one change.
	a.PhoneNumbers = []string{"+1"}
	f.apply(&dispatch.Changes{CallQueues: []*taskrouter.CallQueue{a, b}})
	got, err := f.s.CallQueueByNumber(ctx, "", "fake", "+2")
	require.NoError(t, err)
	require.Equal(t, b, got)
	f.apply(&dispatch.Changes{DeleteCallQueues: []string{b.SID}})
	got, err = f.s.CallQueueByNumber(ctx, "", "fake", "+2")
	require.NoError(t, err)
	require.Nil(t, got)
	got, err = f.s.FetchCallQueue(ctx, f.account, f.ws, b.SID)
	require.NoError(t, err)
	require.Nil(t, got)
}
