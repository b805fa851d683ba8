package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// finish ends a Task that was created at a second.
func finish(task *taskrouter.Task, created, ended int) *taskrouter.Task {
	task.Status, task.CreatedAt, task.EndedAt, task.RemoveAt = taskrouter.TaskCompleted, at(created), at(ended), at(ended+300)
	return task
}

// legOf is an agent's leg of a Task's first Reservation.
func (f *fixture) legOf(r *taskrouter.Reservation, state taskrouter.LegState) *taskrouter.Leg {
	return &taskrouter.Leg{
		Attempt: r.SID + "-1", AccountSID: f.account, WorkspaceSID: f.ws, TaskSID: r.TaskSID, ReservationSID: r.SID, Backend: "fake",
		State: state, CreatedAt: at(1), CallSIDs: []string{"CA" + r.SID},
	}
}

func (f *fixture) dialed(l *taskrouter.Leg, seconds int) {
	f.t.Helper()
	_, _, err := f.s.BeginDialAttempt(f.t.Context(), &store.DialAttempt{Backend: l.Backend, ID: l.Attempt, To: "+15555550100", StartedAt: at(seconds)})
	require.NoError(f.t, err)
}

func (f *fixture) purgeable(p store.PurgeScope, before, settled int) store.Purgeable {
	f.t.Helper()
	n, err := f.s.CountPurgeable(f.t.Context(), p, at(before), at(settled))
	require.NoError(f.t, err)
	return n
}

func testPurgeTasks(t *testing.T, f *fixture) {
	ctx := t.Context()
	old, older, young, waiting, ringing := f.newTask(), f.newTask(), f.newTask(), f.newTask(), f.newTask()
	finish(old, 5, 40)
	finish(older, 1, 20)
	finish(young, 2, 60)
	finish(ringing, 3, 30) // its leg is up
	waiting.CreatedAt = at(0)
	c := &dispatch.Changes{Tasks: written(old, older, young, waiting, ringing)}
	for _, task := range []*taskrouter.Task{old, older, young, ringing} {
		r := f.newOffer(task.SID, "WK1")
		r.Status = taskrouter.ReservationCompleted
		l := f.legOf(r, taskrouter.LegEnded)
		if task == ringing {
			l.State = taskrouter.LegRinging
		}
		c.Reservations, c.Legs = append(c.Reservations, r), append(c.Legs, l)
		f.dialed(l, 10)
	}
	f.apply(c)
	claim, fresh := f.claim("k", "x", at(0)), f.claim("l", "x", at(30))
	claim.ResourceSID, fresh.ResourceSID = older.SID, old.SID
	f.takeClaim(claim)
	f.takeClaim(fresh)
	log := len(f.eventLog())

	require.Equal(t, store.Purgeable{Tasks: 2, Claims: 1, DialAttempts: 4}, f.purgeable(store.PurgeScope{}, 50, 20))
	require.Equal(t, store.Purgeable{Tasks: 2}, f.purgeable(store.PurgeScope{AccountSID: f.account, WorkspaceSID: f.ws}, 50, 20))
	require.Equal(t, store.Purgeable{}, f.purgeable(store.PurgeScope{AccountSID: "AC0"}, 50, 20))
	purge := func(settled, limit int) int {
		n, err := f.s.PurgeTasks(ctx, f.ws, at(50), at(settled), limit)
		require.NoError(t, err)
		return n
	}
	require.Equal(t, 1, purge(20, 1))
	require.Nil(t, f.fetchTask(older.SID), "the one created first is the first")
	require.NotNil(t, f.fetchTask(old.SID))
	require.Equal(t, 1, purge(5, 10))
	require.Zero(t, purge(20, 10))

	for _, task := range []*taskrouter.Task{young, waiting, ringing} {
		require.NotNil(t, f.fetchTask(task.SID))
	}
	for i, gone := range []bool{true, true, false, false} {
		r, err := f.s.FetchReservation(ctx, f.account, f.ws, c.Reservations[i].SID)
		require.NoError(t, err)
		require.Equal(t, gone, r == nil)
		l, err := f.s.FetchLeg(ctx, c.Legs[i].Attempt)
		require.NoError(t, err)
		require.Equal(t, gone, l == nil)
		l, err = f.s.LegByCallSID(ctx, "fake", c.Legs[i].CallSIDs[0])
		require.NoError(t, err)
		require.Equal(t, gone, l == nil)
	}
	remembered := func(l *taskrouter.Leg) bool {
		a, err := f.s.FetchDialAttempt(ctx, "fake", l.Attempt)
		require.NoError(t, err)
		return a != nil
	}
	require.False(t, remembered(c.Legs[1]))
	require.True(t, remembered(c.Legs[0]), "too young when its Task went")
	require.True(t, remembered(c.Legs[3]))
	_, taken := f.takeClaim(f.claim("k", "y", at(40)))
	require.True(t, taken, "went with its Task")
	_, taken = f.takeClaim(f.claim("l", "x", at(35)))
	require.False(t, taken, "too young")
	require.Len(t, f.eventLog(), log, "events stay")

	n, err := f.s.PurgeClaims(ctx, store.PurgeScope{AccountSID: "AC0"}, at(1000), 10)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = f.s.PurgeClaims(ctx, store.PurgeScope{AccountSID: f.account, WorkspaceSID: f.ws}, at(1000), 10)
	require.NoError(t, err)
	require.Zero(t, n, "claims do not know their Workspace")
	n, err = f.s.PurgeClaims(ctx, store.PurgeScope{AccountSID: f.account}, at(1000), 10)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	_, err = f.s.PurgeTasks(ctx, "WS0", at(50), at(0), 10)
	require.NoError(t, err)
}

func testPurgeCalls(t *testing.T, f *fixture) {
	ctx := t.Context()
	live, done := f.newTask(), finish(f.newTask(), 1, 2)
	call := func(sid, task string, ended int) *taskrouter.Call {
		return &taskrouter.Call{
			AccountSID: f.account, WorkspaceSID: f.ws, Backend: "fake", CallSID: sid, TaskSID: task, State: taskrouter.CallEnded, EndedAt: at(ended),
		}
	}
	up := call("CA5", "", 0)
	up.State, up.EndedAt = taskrouter.CallWaiting, time.Time{}
	f.apply(&dispatch.Changes{Tasks: written(live, done), Calls: []*taskrouter.Call{
		call("CA1", "", 1), call("CA2", done.SID, 2), call("CA3", live.SID, 2), call("CA4", "WT0", 30), up,
	}})
	require.Equal(t, 2, f.purgeable(store.PurgeScope{WorkspaceSID: f.ws}, 20, 0).Calls)
	purge := func(p store.PurgeScope, limit int) int {
		n, err := f.s.PurgeCalls(ctx, p, at(20), limit)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, purge(store.PurgeScope{WorkspaceSID: "WS0"}, 10))
	require.Zero(t, purge(store.PurgeScope{AccountSID: "AC0"}, 10))
	require.Equal(t, 1, purge(store.PurgeScope{}, 1))
	require.Equal(t, 1, purge(store.PurgeScope{AccountSID: f.account, WorkspaceSID: f.ws}, 10))
	require.Zero(t, purge(store.PurgeScope{}, 10))
	for _, sid := range []string{"CA3", "CA4", "CA5"} {
		got, err := f.s.CallByRef(ctx, dispatch.CallRef{AccountSID: f.account, Backend: "fake", CallSID: sid})
		require.NoError(t, err)
		require.NotNil(t, got, sid)
	}
}

func testPurgeEvents(t *testing.T, f *fixture) {
	ctx := t.Context()
	purge := func(before, limit int) int {
		n, err := f.s.PurgeEvents(ctx, f.ws, at(before), at(1000), limit)
		require.NoError(t, err)
		return n
	}
	first := func() int64 { return f.eventLog()[0].Seq }
	cut := func() (seq int64) {
		require.NoError(t, f.s.AtOneMoment(ctx, f.ws, func(ctx context.Context, m *store.Moment) (err error) {
			seq, err = m.LogCut(ctx)
			return err
		}))
		return seq
	}
	require.Zero(t, purge(500, 10), "the newest event stays")
	require.Zero(t, cut())
	f.happen(9) // at seconds 2 to 10, as they are numbered
	require.Equal(t, 3, f.purgeable(store.PurgeScope{}, 4, 0).Events)
	require.Equal(t, 2, purge(4, 2))
	require.Equal(t, 1, purge(4, 10))
	require.Zero(t, purge(4, 10))
	require.Equal(t, int64(4), first())
	require.Equal(t, int64(3), cut())

	// An old event behind a young one is not taken from the middle.
	f.apply(&dispatch.Changes{Events: []taskrouter.Event{f.event(5, nil), f.event(12, nil)}})
	require.Equal(t, 4, purge(8, 10))
	require.Equal(t, int64(8), first())

	// What is still to be sent stays; so does what is to be sent again.
	f.callback("https://example.com/a", "")
	require.Equal(t, int64(13), f.lastSeq())
	f.happen(3)
	d := f.take(100)
	require.True(t, f.advance(d, 14, 100))
	d.Cursor = 14
	again, err := f.s.QueueDelivery(ctx, f.eventLog()[2], at(100))
	require.NoError(t, err)
	require.Equal(t, int64(10), again.Seq)
	require.Equal(t, 2, purge(500, 100))
	require.Equal(t, int64(10), first())
	again.Status, again.SentAt = taskrouter.DeliveryDelivered, at(101)
	require.NoError(t, f.s.BookDeliveries(ctx, []taskrouter.DeliveryAttempt{*again}))
	require.Equal(t, 5, purge(500, 100))
	require.Equal(t, int64(15), first())
	require.Equal(t, int64(14), cut())
	require.Empty(t, f.attempts(14), "the log of deliveries goes along")
	require.True(t, f.advance(d, 16, 102))
	require.Equal(t, 1, purge(500, 100))
	require.Equal(t, int64(16), first())

	f.callback("", "")
	require.Nil(t, f.take(103))
	f.apply(&dispatch.Changes{DeleteWorkspace: true})
	require.Zero(t, cut())
}
