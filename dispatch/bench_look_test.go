package dispatch_test

import (
	"context"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// get reads a Task; nil when it is gone.
func (b *bench) get(sid string) *taskrouter.Task {
	b.t.Helper()
	t, err := b.db.FetchTask(b.ctx, b.account, b.ws, sid)
	require.NoError(b.t, err)
	return t
}

func (b *bench) status(sid string) taskrouter.TaskStatus {
	b.t.Helper()
	if t := b.get(sid); t != nil {
		return t.Status
	}
	return "gone"
}

// open lists the open Reservations of a Task.
func (b *bench) open(task string) (rs []*taskrouter.Reservation) {
	b.t.Helper()
	b.peek(func(ctx context.Context, tx dispatch.Tx) {
		var err error
		rs, err = tx.OpenReservations(ctx, task)
		require.NoError(b.t, err)
	})
	return rs
}

// offered lists the Workers who hold an open Reservation of a Task, by SID.
func (b *bench) offered(task string) []string {
	b.t.Helper()
	out := []string{}
	for _, r := range b.open(task) {
		out = append(out, r.WorkerSID)
	}
	slices.Sort(out)
	return out
}

// offer is the only open Reservation of a Task.
func (b *bench) offer(task string) *taskrouter.Reservation {
	b.t.Helper()
	rs := b.open(task)
	require.Len(b.t, rs, 1)
	return rs[0]
}

func (b *bench) reservation(sid string) (r *taskrouter.Reservation) {
	b.t.Helper()
	b.peek(func(ctx context.Context, tx dispatch.Tx) {
		var err error
		r, err = tx.Reservation(ctx, sid)
		require.NoError(b.t, err)
	})
	return r
}

func (b *bench) agent(sid string) (a *dispatch.Agent) {
	b.t.Helper()
	b.peek(func(ctx context.Context, tx dispatch.Tx) {
		as, err := tx.Agents(ctx, sid)
		require.NoError(b.t, err)
		if len(as) > 0 {
			a = as[0]
		}
	})
	return a
}

// load is how many open Reservations an agent's counters show.
func (b *bench) load(worker string) (n int) {
	b.t.Helper()
	for _, c := range b.agent(worker).Channels {
		n += c.Used()
	}
	return n
}

// activityOf is the name of an agent's Activity.
func (b *bench) activityOf(worker string) string {
	b.t.Helper()
	return b.settings().Activities[b.agent(worker).ActivitySID].FriendlyName
}

func (b *bench) answer(reservation string, to taskrouter.ReservationStatus) error {
	_, err := b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{Subject: b.subject(reservation), Status: &to})
	return err
}

func (b *bench) must(reservation string, to taskrouter.ReservationStatus) {
	b.t.Helper()
	require.NoError(b.t, b.answer(reservation, to))
}

func (b *bench) set(task string, to taskrouter.TaskStatus) error {
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(task), Status: &to})
	return err
}

// pass moves the clock and does what became due.
func (b *bench) pass(d time.Duration) {
	b.t.Helper()
	b.clock.advance(d)
	require.NoError(b.t, b.d.Sweep(b.ctx))
}

// sweep runs background rounds until no bulk job is left.
func (b *bench) sweep() {
	b.t.Helper()
	for range 200 {
		require.NoError(b.t, b.d.Sweep(b.ctx))
		left, err := b.db.JobWorkspaces(b.ctx, 100)
		require.NoError(b.t, err)
		if !slices.Contains(left, b.ws) {
			return
		}
	}
	require.Fail(b.t, "bulk jobs do not end")
}

func (b *bench) lastSeq() int64 {
	b.t.Helper()
	seq, err := b.db.LastEventSeq(b.ctx, b.ws)
	require.NoError(b.t, err)
	return seq
}

func (b *bench) eventsAfter(seq int64) []*taskrouter.Event {
	b.t.Helper()
	var out []*taskrouter.Event
	for {
		page, err := b.db.EventsAfter(b.ctx, b.ws, seq, 500)
		require.NoError(b.t, err)
		out = append(out, page...)
		if len(page) < 500 {
			return out
		}
		seq = page[len(page)-1].Seq
	}
}

// during returns the types of the events a step writes.
func (b *bench) during(step func()) []taskrouter.EventType {
	b.t.Helper()
	from := b.lastSeq()
	step()
	types := []taskrouter.EventType{}
	for _, e := range b.eventsAfter(from) {
		types = append(types, e.Type)
	}
	return types
}

func requireKind(t tester, kind taskrouter.Kind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, kind, taskrouter.KindOf(err), "%v", err)
}
