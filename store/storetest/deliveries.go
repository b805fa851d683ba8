package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// callback changes where and which events of the Workspace are sent, with an
// event that says so.
func (f *fixture) callback(url, filter string) {
	f.t.Helper()
	w := *f.workspace
	w.EventCallbackURL, w.EventsFilter = url, filter
	f.apply(&dispatch.Changes{Workspace: &w, Events: []taskrouter.Event{f.event(int(f.lastSeq())+1, nil)}})
}

func (f *fixture) lastSeq() int64 {
	f.t.Helper()
	n, err := f.s.LastEventSeq(f.t.Context(), f.ws)
	require.NoError(f.t, err)
	return n
}

// happen appends events.
func (f *fixture) happen(n int) {
	f.t.Helper()
	c := &dispatch.Changes{}
	for i := range n {
		c.Events = append(c.Events, f.event(int(f.lastSeq())+1+i, nil))
	}
	f.apply(c)
}

func (f *fixture) take(now int) *taskrouter.Delivery {
	f.t.Helper()
	d, err := f.s.TakeDelivery(f.t.Context(), f.ws, at(now))
	require.NoError(f.t, err)
	return d
}

// advance moves the cursor of d over delivered events.
func (f *fixture) advance(d *taskrouter.Delivery, to int64, now int) bool {
	f.t.Helper()
	var attempts []taskrouter.DeliveryAttempt
	for seq := d.Cursor + 1; seq <= to; seq++ {
		attempts = append(attempts, f.attempt(seq, now))
	}
	owned, err := f.s.AdvanceDelivery(f.t.Context(), d, to, attempts, at(now))
	require.NoError(f.t, err)
	return owned
}

func (f *fixture) attempt(seq int64, now int) taskrouter.DeliveryAttempt {
	return taskrouter.DeliveryAttempt{
		SID: fmt.Sprintf("ED%032d", seq), AccountSID: f.account, WorkspaceSID: f.ws, EventSID: "EV", Seq: seq, Number: 1,
		Status: taskrouter.DeliveryDelivered, Target: "https://example.com/a", ResponseStatus: 204,
		CreatedAt: at(now), SentAt: at(now), Took: 1500 * time.Microsecond,
	}
}

// eventLog reads the whole log of events.
func (f *fixture) eventLog() []*taskrouter.Event {
	f.t.Helper()
	all, err := f.s.EventsAfter(f.t.Context(), f.ws, 0, 100)
	require.NoError(f.t, err)
	return all
}

// attempts lists how one event was sent.
func (f *fixture) attempts(seq int64) []*taskrouter.DeliveryAttempt {
	f.t.Helper()
	all, err := f.s.ListDeliveryAttempts(f.t.Context(), &taskrouter.Event{AccountSID: f.account, WorkspaceSID: f.ws, Seq: seq}, taskrouter.Page{Size: 200})
	require.NoError(f.t, err)
	return all
}

func (f *fixture) deliveries(before int) (idle, pending int) {
	f.t.Helper()
	i, err := f.s.IdleDeliveries(f.t.Context(), at(before), 10)
	require.NoError(f.t, err)
	p, err := f.s.PendingDeliveries(f.t.Context(), []string{f.ws, "WS0"})
	require.NoError(f.t, err)
	return len(i), len(p)
}

func testDeliveries(t *testing.T, f *fixture) {
	f.happen(2)
	require.Nil(t, f.take(1), "nothing is delivered without a URL")
	idle, pending := f.deliveries(100)
	require.Zero(t, idle+pending)

	start := f.lastSeq()
	f.callback("https://example.com/a", "task.created")
	f.happen(3)
	d := f.take(2)
	require.Equal(t, &taskrouter.Delivery{
		WorkspaceSID: f.ws, AccountSID: f.account, CallbackURL: "https://example.com/a", EventsFilter: "task.created",
		Active: true, Cursor: start, Epoch: 1,
	}, d, "it begins with the event that tells of the URL")
	idle, pending = f.deliveries(2)
	require.Equal(t, []int{0, 1}, []int{idle, pending}, "its owner is not silent yet")
	idle, _ = f.deliveries(3)
	require.Equal(t, 1, idle)

	require.True(t, f.advance(d, start+2, 5))
	require.False(t, f.advance(d, start+3, 5), "the cursor is not where it was")
	d.Cursor = start + 2
	require.True(t, f.advance(d, d.Cursor, 6), "a sign of life")
	for _, seq := range []int64{start + 1, start + 2} {
		want := f.attempt(seq, 5)
		require.Equal(t, []*taskrouter.DeliveryAttempt{&want}, f.attempts(seq))
	}
	require.Empty(t, f.attempts(start+3))

	// The owner changes: the former one is shut out.
	next := f.take(7)
	require.Equal(t, d.Epoch+1, next.Epoch)
	require.Equal(t, d.Cursor, next.Cursor)
	require.False(t, f.advance(d, start+4, 8))
	require.True(t, f.advance(next, start+4, 8))
	next.Cursor = start + 4
	_, pending = f.deliveries(100)
	require.Zero(t, pending, "everything was sent")
	ended, err := f.s.EndDelivery(t.Context(), next)
	require.NoError(t, err)
	require.False(t, ended, "the Workspace exists")

	// Other settings of the Workspace do not concern it; its own do.
	f.callback("https://example.com/a", "task.created")
	require.True(t, f.advance(next, start+5, 9))
	next.Cursor = start + 5
	f.callback("https://example.com/b", "task.created")
	require.False(t, f.advance(next, start+6, 9))
	next = f.take(10)
	require.Equal(t, "https://example.com/b", next.CallbackURL)
	require.Equal(t, start+5, next.Cursor)
	f.callback("https://example.com/b", "")
	require.False(t, f.advance(next, start+6, 11))

	// Without a URL nothing is sent, nor later what happened meanwhile.
	next = f.take(12)
	f.callback("", "")
	require.False(t, f.advance(next, start+6, 13))
	idle, pending = f.deliveries(1000)
	require.Equal(t, []int{1, 1}, []int{idle, pending}, "its run must learn of it")
	require.Nil(t, f.take(13))
	idle, pending = f.deliveries(1000)
	require.Zero(t, idle+pending)
	f.happen(2)
	start = f.lastSeq()
	f.callback("https://example.com/c", "")
	d = f.take(14)
	require.Equal(t, start, d.Cursor)
	require.Greater(t, d.Epoch, next.Epoch)

	// Events that are too old to be kept are lost to delivery too.
	f.happen(4)
	_, err = f.s.DeleteEventsBefore(t.Context(), at(1000000), 100)
	require.NoError(t, err)
	require.Empty(t, f.attempts(d.Cursor-2))
	require.Empty(t, f.attempts(start+1))
	_, pending = f.deliveries(0)
	require.Equal(t, 1, pending, "the newest event stays")
	require.True(t, f.advance(d, f.lastSeq(), 15))
}

// testDeliverySwitchedOff deletes a Workspace whose URL was removed before the
// run of its delivery learned of that.
func testDeliverySwitchedOff(t *testing.T, f *fixture) {
	f.callback("https://example.com", "")
	f.callback("", "")
	f.apply(&dispatch.Changes{DeleteWorkspace: true})
	events, err := f.s.EventsAfter(t.Context(), f.ws, 0, 10)
	require.NoError(t, err)
	require.Empty(t, events)
	_, pending := f.deliveries(0)
	require.Equal(t, 1, pending)
	require.Nil(t, f.take(1))
	idle, pending := f.deliveries(1000)
	require.Zero(t, idle+pending)
}

// testDeliveryOutlivesWorkspace deletes a Workspace whose last events were not
// sent yet.
func testDeliveryOutlivesWorkspace(t *testing.T, f *fixture) {
	ctx := t.Context()
	events := func() int { return len(f.eventLog()) }
	f.callback("https://example.com", "")
	f.happen(2)
	last := f.lastSeq()
	f.apply(&dispatch.Changes{DeleteWorkspace: true})
	require.Nil(t, f.fetchWorkspace())
	require.Equal(t, int(last), events(), "they are still to be sent")

	d := f.take(1)
	require.Equal(t, "https://example.com", d.CallbackURL)
	ended, err := f.s.EndDelivery(ctx, d)
	require.NoError(t, err)
	require.False(t, ended, "there is something to send")
	require.True(t, f.advance(d, last, 2))
	idle, pending := f.deliveries(3)
	require.Equal(t, []int{1, 1}, []int{idle, pending}, "its end is still to come")
	ended, err = f.s.EndDelivery(ctx, d)
	require.NoError(t, err)
	require.False(t, ended, "not with an old cursor")
	d.Cursor = last
	ended, err = f.s.EndDelivery(ctx, d)
	require.NoError(t, err)
	require.True(t, ended)
	require.Zero(t, events())
	require.Empty(t, f.attempts(last))
	require.Nil(t, f.take(4))
	idle, pending = f.deliveries(int(time.Hour / time.Second))
	require.Zero(t, idle+pending)
}

// sendAgain asks for an event to be sent again.
func (f *fixture) sendAgain(e *taskrouter.Event, now int) (*taskrouter.DeliveryAttempt, error) {
	return f.s.QueueDelivery(f.t.Context(), e, at(now))
}

func testResends(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.happen(2)
	old := f.eventLog()[0]
	_, err := f.sendAgain(old, 1)
	require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), "there is nowhere to send it to")

	f.callback("https://ann:s3cret@example.com/a?token=s3cret", "")
	d := f.take(2)
	newest := f.eventLog()[len(f.eventLog())-1]
	_, err = f.sendAgain(newest, 3)
	require.Equal(t, taskrouter.KindConflict, taskrouter.KindOf(err), "it is on its way")
	require.True(t, f.advance(d, newest.Seq, 4))
	d.Cursor = newest.Seq
	_, pending := f.deliveries(0)
	require.Zero(t, pending)

	first, err := f.sendAgain(newest, 5)
	require.NoError(t, err)
	require.True(t, taskrouter.IsSID(taskrouter.PrefixDelivery, first.SID))
	require.Equal(t, &taskrouter.DeliveryAttempt{
		SID: first.SID, AccountSID: f.account, WorkspaceSID: f.ws, EventSID: newest.SID, Seq: newest.Seq, Number: 2, Manual: true,
		Status: taskrouter.DeliveryQueued, Target: "https://example.com/a", CreatedAt: at(5),
	}, first)
	_, err = f.sendAgain(newest, 5)
	require.Equal(t, taskrouter.KindConflict, taskrouter.KindOf(err), "once is enough")
	second, err := f.sendAgain(old, 6)
	require.NoError(t, err)
	require.Equal(t, 1, second.Number, "it was never sent")
	got, err := f.s.FetchDeliveryAttempt(ctx, newest, first.SID)
	require.NoError(t, err)
	require.Equal(t, first, got)
	for _, foreign := range []*taskrouter.Event{old, {AccountSID: "AC0", WorkspaceSID: f.ws, Seq: newest.Seq}} {
		got, err = f.s.FetchDeliveryAttempt(ctx, foreign, first.SID)
		require.NoError(t, err)
		require.Nil(t, got)
	}

	// Whoever dies now: a sweeper finds it, and any owner sends it.
	idle, pending := f.deliveries(1)
	require.Equal(t, []int{1, 1}, []int{idle, pending})
	ended, err := f.s.EndDelivery(ctx, d)
	require.NoError(t, err)
	require.False(t, ended)
	queued, err := f.s.QueuedDeliveries(ctx, f.ws, 10)
	require.NoError(t, err)
	require.Equal(t, []*taskrouter.DeliveryAttempt{second, first}, queued)
	done := *first
	done.Status, done.SentAt, done.Took, done.Fault = taskrouter.DeliveryFailed, at(7), time.Second, taskrouter.FaultTimeout
	require.NoError(t, f.s.BookDeliveries(ctx, []taskrouter.DeliveryAttempt{done}))
	late := done
	late.Status = taskrouter.DeliveryDelivered
	require.NoError(t, f.s.BookDeliveries(ctx, []taskrouter.DeliveryAttempt{late}))
	log := f.attempts(newest.Seq)
	require.Len(t, log, 2)
	require.Equal(t, &done, log[0], "newest first; the first booking counts")
	require.Equal(t, 1, log[1].Number)

	// The cursor and the owner are as before.
	f.happen(1)
	require.True(t, f.advance(d, newest.Seq+1, 8))

	// The URL is removed: it fails, and nothing is queued without one.
	f.callback("", "")
	require.Nil(t, f.take(9))
	require.Equal(t, taskrouter.DeliveryFailed, f.attempts(old.Seq)[0].Status)
	require.Equal(t, taskrouter.FaultURL, f.attempts(old.Seq)[0].Fault)
	_, err = f.sendAgain(old, 10)
	require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
}

// testResendsAreBounded sends one event again and again, and pages through the
// log of it.
func testResendsAreBounded(t *testing.T, f *fixture) {
	f.happen(1)
	e := f.eventLog()[0]
	f.callback("https://example.com", "")
	for i := range 105 {
		a, err := f.sendAgain(e, i)
		require.NoError(t, err)
		a.Status = taskrouter.DeliveryDelivered
		require.NoError(t, f.s.BookDeliveries(t.Context(), []taskrouter.DeliveryAttempt{*a}))
	}
	all := f.attempts(e.Seq)
	require.Len(t, all, 100)
	require.Equal(t, 105, all[0].Number)
	page, err := f.s.ListDeliveryAttempts(t.Context(), e, taskrouter.Page{Size: 2, After: all[9].SID})
	require.NoError(t, err)
	require.Equal(t, all[10:13], page)
	page, err = f.s.ListDeliveryAttempts(t.Context(), e, taskrouter.Page{Size: 2, Before: all[9].SID})
	require.NoError(t, err)
	require.Equal(t, all[6:9], page)
	_, err = f.s.ListDeliveryAttempts(t.Context(), e, taskrouter.Page{After: "ED0"})
	require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
}

// testResendOutlivesWorkspace deletes a Workspace while an event waits to be
// sent again.
func testResendOutlivesWorkspace(t *testing.T, f *fixture) {
	f.happen(1)
	e := f.eventLog()[0]
	f.callback("https://example.com", "")
	again, err := f.sendAgain(e, 1)
	require.NoError(t, err)
	f.apply(&dispatch.Changes{DeleteWorkspace: true})
	d := f.take(2)
	last := f.eventLog()
	require.True(t, f.advance(d, last[len(last)-1].Seq, 3))
	d.Cursor = last[len(last)-1].Seq
	ended, err := f.s.EndDelivery(t.Context(), d)
	require.NoError(t, err)
	require.False(t, ended, "it is still to be sent")
	again.Status = taskrouter.DeliveryDelivered
	require.NoError(t, f.s.BookDeliveries(t.Context(), []taskrouter.DeliveryAttempt{*again}))
	ended, err = f.s.EndDelivery(t.Context(), d)
	require.NoError(t, err)
	require.True(t, ended)
	require.Empty(t, f.attempts(e.Seq))
}
