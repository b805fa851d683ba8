package storetest

import (
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
	var records []taskrouter.DeliveryRecord
	for seq := d.Cursor + 1; seq <= to; seq++ {
		records = append(records, f.record(seq, now))
	}
	owned, err := f.s.AdvanceDelivery(f.t.Context(), d, to, records, at(now))
	require.NoError(f.t, err)
	return owned
}

func (f *fixture) record(seq int64, now int) taskrouter.DeliveryRecord {
	return taskrouter.DeliveryRecord{Seq: seq, EventSID: "EV", Status: taskrouter.DeliveryDelivered, Attempts: 1, LastStatus: 204, At: at(now)}
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
	log, err := f.s.DeliveryLog(t.Context(), f.ws, 0, 10)
	require.NoError(t, err)
	require.Equal(t, []taskrouter.DeliveryRecord{f.record(start+1, 5), f.record(start+2, 5)}, log)

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
	log, err = f.s.DeliveryLog(t.Context(), f.ws, 0, 10)
	require.NoError(t, err)
	require.Empty(t, log)
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
	events := func() int {
		all, err := f.s.EventsAfter(ctx, f.ws, 0, 100)
		require.NoError(t, err)
		return len(all)
	}
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
	log, err := f.s.DeliveryLog(ctx, f.ws, 0, 10)
	require.NoError(t, err)
	require.Empty(t, log)
	require.Nil(t, f.take(4))
	idle, pending = f.deliveries(int(time.Hour / time.Second))
	require.Zero(t, idle+pending)
}
