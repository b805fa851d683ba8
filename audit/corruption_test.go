package audit_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// day is a world with a little of everything in it.
type day struct {
	*world
	all, many     string // queues
	ann, ben, cat string // two at a time, one at a time, not there

	gone                     string // offered to two, completed and removed
	done                     string // offered to two and completed
	assigned, high, wrapping string
	low, late                string // wait
}

func newDay(t tester, db *database) *day {
	t.Helper()
	w := &day{world: newWorld(t, db)}
	w.all = w.queue("All", "1==1")
	w.many = w.queue("Many", "1==1", func(q *workspace.NewQueue) { q.MaxReservedWorkers = ptr(int64(2)) })
	w.workflow(routing(w.all, filter("kind == 'many'", w.many)))
	w.ann, w.ben, w.cat = w.worker("Ann", `{}`, "Available"), w.worker("Ben", `{}`, "Available"), w.worker("Cat", `{}`, "Offline")
	w.capacity(w.ann, 2)
	for _, sid := range []*string{&w.gone, &w.done} {
		*sid = w.task(`{"kind":"many"}`)
		w.answer(*sid, w.ann, taskrouter.ReservationAccepted)
		w.answer(*sid, w.ann, taskrouter.ReservationWrapping)
		w.answer(*sid, w.ann, taskrouter.ReservationCompleted)
		if sid == &w.gone {
			w.pass(10 * time.Minute)
		}
	}
	w.move(w.ann, "Offline")
	first := w.task(`{}`)
	w.answer(first, w.ben, taskrouter.ReservationAccepted)
	w.move(w.ann, "Available")
	second, third := w.task(`{}`), w.task(`{}`)
	w.answer(second, w.ann, taskrouter.ReservationAccepted)
	w.low, w.high = w.task(`{}`, priority(1)), w.task(`{}`, priority(3))
	w.late = w.task(`{}`, priority(1))
	w.answer(third, w.ann, taskrouter.ReservationAccepted)
	w.answer(third, w.ann, taskrouter.ReservationCompleted)
	w.answer(w.high, w.ann, taskrouter.ReservationAccepted)
	w.answer(first, w.ben, taskrouter.ReservationWrapping)
	w.assigned, w.wrapping = second, first
	return w
}

// corruptions are what somebody could do to the database, and how it shows.
var corruptions = []struct {
	name string
	kind audit.Kind
	do   func(w *day)
	// subject is what the finding must speak of first.
	subject func(w *day) string
	// events are the types of the events it must show.
	events []taskrouter.EventType
}{
	{
		"an agent takes more than the capacity", audit.OverCapacity, func(w *day) {
			w.exec(`UPDATE events SET data = replace(data, '"worker_channel_capacity":"2"', '"worker_channel_capacity":"1"')
				WHERE worker_sid = ? AND type = 'worker.capacity.update'`, w.ann)
			w.exec(`UPDATE worker_channels SET configured_capacity = 1 WHERE worker_sid = ? AND task_channel_name = 'default'`, w.ann)
		}, func(w *day) string { return w.ann },
		[]taskrouter.EventType{taskrouter.ReservationWasCreated, taskrouter.ReservationWasCreated},
	},
	{
		"a second acceptance in the log", audit.AcceptedTwice, func(w *day) {
			w.exec(`UPDATE events SET type = 'reservation.accepted' WHERE task_sid = ? AND type = 'reservation.rescinded'`, w.gone)
		}, func(w *day) string { return w.gone },
		[]taskrouter.EventType{taskrouter.ReservationWasAccepted, taskrouter.ReservationWasAccepted},
	},
	{
		"a second acceptance in the rows", audit.AcceptedTwice, func(w *day) {
			w.exec(`UPDATE reservations SET accepted_at = created_at WHERE task_sid = ? AND status = 'rescinded'`, w.done)
		}, func(w *day) string { return w.done }, nil,
	},
	{
		"a deadline that passed", audit.Unfinished, func(w *day) {
			w.exec(`UPDATE tasks SET deadline = ? WHERE sid = ?`, w.clock.now().Add(-10*time.Minute).UnixMicro(), w.low)
		}, func(w *day) string { return w.low }, []taskrouter.EventType{taskrouter.TaskQueueEntered},
	},
	{
		"a task that is lost", audit.Unfinished, func(w *day) {
			w.exec(`DELETE FROM tasks WHERE sid = ?`, w.late)
		}, func(w *day) string { return w.late }, []taskrouter.EventType{taskrouter.TaskQueueEntered},
	},
	{
		"a free agent beside a waiting task", audit.IdleBesideWaiting, func(w *day) {
			w.exec(`UPDATE worker_channels SET configured_capacity = 5 WHERE worker_sid = ? AND task_channel_name = 'default'`, w.ben)
		}, nil, nil,
	},
	{
		"an event that is missing", audit.LogGap, func(w *day) {
			w.exec(`DELETE FROM events WHERE task_sid = ? AND type = 'reservation.accepted'`, w.done)
		}, func(w *day) string { return w.ws }, nil,
	},
	{
		"the end of the log that is missing", audit.LogGap, func(w *day) {
			w.exec(`DELETE FROM events WHERE workspace_sid = ? AND seq = (SELECT event_seq FROM workspace_locks WHERE workspace_sid = ?)`, w.ws, w.ws)
		}, func(w *day) string { return w.ws }, nil,
	},
	{
		"an event out of order", audit.IllegalOrder, func(w *day) {
			w.exec(`UPDATE events SET type = 'task.wrapup' WHERE task_sid = ? AND type = 'task-queue.entered'`, w.gone)
		}, func(w *day) string { return w.gone }, []taskrouter.EventType{taskrouter.WorkflowTargetMatched, taskrouter.TaskWrapup},
	},
	{
		"a state that nobody reported", audit.RowMismatch, func(w *day) {
			w.exec(`UPDATE tasks SET status = 'wrapping' WHERE sid = ?`, w.assigned)
			w.exec(`UPDATE reservations SET status = 'wrapping' WHERE task_sid = ?`, w.assigned)
			w.exec(`UPDATE worker_channels SET accepted = accepted - 1, wrapping = wrapping + 1 WHERE worker_sid = ? AND task_channel_name = 'default'`, w.ann)
		}, func(w *day) string { return w.assigned }, []taskrouter.EventType{taskrouter.ReservationWasAccepted},
	},
	{
		"a counter that lies", audit.RowMismatch, func(w *day) {
			w.exec(`UPDATE worker_channels SET pending = pending + 1 WHERE worker_sid = ? AND task_channel_name = 'default'`, w.ben)
		}, func(w *day) string { return w.ben }, nil,
	},
	{
		"an index column that lies", audit.RowMismatch, func(w *day) {
			w.exec(`UPDATE tasks SET is_ended = TRUE WHERE sid = ?`, w.low)
		}, func(w *day) string { return w.low }, []taskrouter.EventType{taskrouter.TaskQueueEntered},
	},
	{
		"a task served out of turn", audit.OutOfTurn, func(w *day) {
			w.exec(`UPDATE events SET data = replace(data, '"task_priority":"1"', '"task_priority":"9"') WHERE task_sid = ?`, w.low)
			w.exec(`UPDATE tasks SET priority = 9 WHERE sid = ?`, w.low)
		}, func(w *day) string { return w.ann }, []taskrouter.EventType{taskrouter.TaskQueueEntered, taskrouter.ReservationWasCreated},
	},
	{
		"an agent of another account", audit.MixedAccounts, func(w *day) {
			w.exec(`UPDATE workers SET account_sid = ? WHERE sid = ?`, taskrouter.NewSID(taskrouter.PrefixAccount), w.ben)
		}, func(w *day) string { return w.ben }, nil,
	},
	{
		"a member from another workspace", audit.MixedAccounts, func(w *day) {
			other := newWorld(w.t, w.db)
			dora := other.worker("Dora", `{}`, "Offline")
			w.exec(`INSERT INTO queue_members (queue_sid, worker_sid, workspace_sid) VALUES (?, ?, ?)`, w.all, dora, w.ws)
		}, func(w *day) string { return w.all }, nil,
	},
}

// Each corruption is found, by its own kind and by no other.
func TestCorruptions(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			db := openDatabase(t, kind)
			for _, c := range corruptions {
				t.Run(c.name, func(t *testing.T) {
					w := newDay(t, db)
					before := w.requireHealthy()
					require.Zero(t, before.Totals.Undecidable[audit.OverCapacity])
					c.do(w)
					r := w.audit()
					var text bytes.Buffer
					require.NoError(t, r.Print(&text))
					require.NotEmpty(t, r.Findings)
					for _, f := range r.Findings {
						require.Equal(t, c.kind, f.Kind, "%s", &text)
						require.Equal(t, w.ws, f.WorkspaceSID)
						require.Equal(t, w.account, f.AccountSID)
					}
					f := r.Findings[0]
					if c.subject != nil {
						require.Equal(t, c.subject(w), f.Subjects[0], "%s", &text)
					}
					if c.events != nil {
						var types []taskrouter.EventType
						for _, e := range f.Events {
							require.Positive(t, e.Seq)
							require.False(t, e.At.IsZero())
							types = append(types, e.Type)
						}
						require.Equal(t, c.events, types, "%s", &text)
					}
					require.Contains(t, text.String(), f.Text)
					require.NotContains(t, text.String(), "kind", "attributes are nobody's business")
				})
			}
		})
	}
}

func TestTotals(t *testing.T) {
	w := newDay(t, openDatabase(t, "sqlite"))
	r := w.requireHealthy()
	require.Equal(t, 1, r.Totals.Workspaces)
	require.Equal(t, 8, r.Totals.Tasks)
	require.Equal(t, 8, r.Totals.Reservations, "two tasks were offered twice")
	require.Equal(t, w.lookup(`SELECT CAST(event_seq AS TEXT) FROM workspace_locks WHERE workspace_sid = ?`, w.ws), fmt.Sprint(r.Totals.Events))
}
