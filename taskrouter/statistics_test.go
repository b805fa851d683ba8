package taskrouter

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestWhatEventsCount has a row for each counter: the event and the subjects it
// is counted for.
func TestWhatEventsCount(t *testing.T) {
	t.Parallel()
	type subjects map[string]Counters
	one := func(n int64) Durations { return Durations{N: 1, Total: n, Min: n, Max: n} }
	same := func(c Counters, sids ...string) subjects {
		out := subjects{}
		for _, sid := range sids {
			out[sid] = c
		}
		return out
	}
	accepted := Counters{ReservationsAccepted: 1, UntilAccepted: one(12)}
	inQueue := accepted
	inQueue.InQueue = one(5)
	for typ, want := range map[EventType]subjects{
		TaskCreated:             same(Counters{TasksCreated: 1}, "WS"),
		WorkflowEntered:         same(Counters{TasksEntered: 1}, "WW"),
		TaskQueueEntered:        same(Counters{TasksEntered: 1}, "WQ"),
		TaskWasCanceled:         same(Counters{TasksCanceled: 1, UntilCanceled: one(12)}, "WS", "WW", "WQ"),
		TaskWasCompleted:        same(Counters{TasksCompleted: 1}, "WS", "WW", "WQ"),
		TaskDeleted:             same(Counters{TasksDeleted: 1}, "WS", "WW", "WQ"),
		TaskSystemDeleted:       same(Counters{TasksDeleted: 1}, "WS", "WW", "WQ"),
		TaskQueueMoved:          same(Counters{TasksMoved: 1}, "WS", "WW", "WQprevious"),
		WorkflowTimeout:         same(Counters{TasksTimedOut: 1}, "WS", "WW"),
		ReservationWasCreated:   same(Counters{ReservationsCreated: 1}, "WS", "WW", "WQ", "WK"),
		ReservationWasAccepted:  {"WS": accepted, "WW": accepted, "WQ": inQueue, "WK": accepted},
		ReservationWasRejected:  same(Counters{ReservationsRejected: 1}, "WS", "WW", "WQ", "WK"),
		ReservationTimedOut:     same(Counters{ReservationsTimedOut: 1}, "WS", "WW", "WQ", "WK"),
		ReservationWasCanceled:  same(Counters{ReservationsCanceled: 1}, "WS", "WW", "WQ", "WK"),
		ReservationWasRescinded: same(Counters{ReservationsRescinded: 1}, "WS", "WW", "WQ", "WK"),
		ReservationWasCompleted: {}, ReservationWrapup: {}, TaskUpdated: {}, WorkflowSkipped: {}, TaskQueueTimeout: {}, WorkerActivityUpdate: {},
	} {
		e := Event{
			Type: typ, WorkspaceSID: "WS", WorkflowSID: "WW", QueueSID: "WQ", WorkerSID: "WK",
			Data: map[string]string{"task_age": "12", "task_age_in_queue": "5", "previous_task_queue_sid": "WQprevious"},
		}
		got := subjects{}
		for _, n := range e.Counts() {
			got[n.SubjectSID] = n.Added
			require.Equal(t, n.Added.UntilAccepted.N+n.Added.UntilCanceled.N > 0 && n.SubjectSID != "WK", n.Outcome != OutcomeNone)
		}
		require.Equal(t, want, got, typ)
	}
	// What is not known is not counted, and an odd wait is none.
	e := Event{Type: ReservationWasAccepted, WorkspaceSID: "WS", Data: map[string]string{"task_age": "-3"}}
	require.Equal(t, []Count{{
		SubjectSID: "WS", Outcome: OutcomeAccepted, Added: Counters{ReservationsAccepted: 1, UntilAccepted: one(0)},
	}}, e.Counts())
	e.Data = nil
	require.Equal(t, []Count{{SubjectSID: "WS", Added: Counters{ReservationsAccepted: 1}}}, e.Counts())
}

func TestDurations(t *testing.T) {
	t.Parallel()
	var d Durations
	require.Zero(t, d.Average())
	for _, n := range []int64{7, 2, 5} {
		d.Add(n)
	}
	require.Equal(t, Durations{N: 3, Total: 14, Min: 2, Max: 7}, d)
	require.Equal(t, int64(4), d.Average(), "rounded down")
	d.Merge(Durations{})
	require.Equal(t, int64(2), d.Min, "nothing changes nothing")
}

func TestEndedStays(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	e := Event{Type: WorkerActivityUpdate, At: at, WorkerSID: "WK", Data: map[string]string{
		"worker_previous_activity_sid": "WA", "worker_time_in_previous_activity_ms": "1500",
	}}
	s, ok := e.EndedStay()
	require.True(t, ok)
	require.Equal(t, Stay{WorkerSID: "WK", ActivitySID: "WA", Since: at.Add(-1500 * time.Millisecond), Until: at}, s)
	e.Data["worker_time_in_previous_activity_ms"] = "0"
	_, ok = e.EndedStay()
	require.False(t, ok)
	_, ok = (&Event{Type: WorkerCreated}).EndedStay()
	require.False(t, ok)
}
