package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// statisticsRow is what was counted of a subject on a channel in a period. The
// least of no waits is MaxWait.
type statisticsRow struct {
	bun.BaseModel `bun:"table:statistics,alias:statistics"`

	WorkspaceSID   string `bun:"workspace_sid,pk"`
	Period         int64  `bun:"period,pk"`
	SubjectSID     string `bun:"subject_sid,pk"`
	TaskChannelSID string `bun:"task_channel_sid,pk"`

	TasksCreated   int64 `bun:"tasks_created"`
	TasksEntered   int64 `bun:"tasks_entered"`
	TasksCanceled  int64 `bun:"tasks_canceled"`
	TasksCompleted int64 `bun:"tasks_completed"`
	TasksDeleted   int64 `bun:"tasks_deleted"`
	TasksMoved     int64 `bun:"tasks_moved"`
	TasksTimedOut  int64 `bun:"tasks_timed_out"`

	ReservationsCreated   int64 `bun:"reservations_created"`
	ReservationsAccepted  int64 `bun:"reservations_accepted"`
	ReservationsRejected  int64 `bun:"reservations_rejected"`
	ReservationsTimedOut  int64 `bun:"reservations_timed_out"`
	ReservationsCanceled  int64 `bun:"reservations_canceled"`
	ReservationsRescinded int64 `bun:"reservations_rescinded"`

	Accepted spanColumns `bun:"embed:accepted_"`
	Canceled spanColumns `bun:"embed:canceled_"`
	Queued   spanColumns `bun:"embed:queued_"`
}

// spanColumns are the columns of Durations.
type spanColumns struct {
	N     int64 `bun:"n"`
	Total int64 `bun:"total"`
	Min   int64 `bun:"min"`
	Max   int64 `bun:"max"`
}

func (s spanColumns) domain() taskrouter.Durations {
	if s.N == 0 {
		return taskrouter.Durations{}
	}
	return taskrouter.Durations(s)
}

func (r *statisticsRow) domain() *taskrouter.Counters {
	return &taskrouter.Counters{
		TasksCreated: r.TasksCreated, TasksEntered: r.TasksEntered, TasksCanceled: r.TasksCanceled,
		TasksCompleted: r.TasksCompleted, TasksDeleted: r.TasksDeleted, TasksMoved: r.TasksMoved, TasksTimedOut: r.TasksTimedOut,
		ReservationsCreated: r.ReservationsCreated, ReservationsAccepted: r.ReservationsAccepted,
		ReservationsRejected: r.ReservationsRejected, ReservationsTimedOut: r.ReservationsTimedOut,
		ReservationsCanceled: r.ReservationsCanceled, ReservationsRescinded: r.ReservationsRescinded,
		UntilAccepted: r.Accepted.domain(), UntilCanceled: r.Canceled.domain(), InQueue: r.Queued.domain(),
	}
}

type waitRow struct {
	bun.BaseModel `bun:"table:statistics_waits,alias:statistics_waits"`

	WorkspaceSID   string `bun:"workspace_sid,pk"`
	Period         int64  `bun:"period,pk"`
	SubjectSID     string `bun:"subject_sid,pk"`
	TaskChannelSID string `bun:"task_channel_sid,pk"`
	Outcome        string `bun:"outcome,pk"`
	Wait           int64  `bun:"wait,pk"`
	N              int64  `bun:"n"`
}

type stayRow struct {
	bun.BaseModel `bun:"table:statistics_stays,alias:statistics_stays"`

	WorkspaceSID string `bun:"workspace_sid,pk"`
	UntilAt      int64  `bun:"until_at,pk"`
	WorkerSID    string `bun:"worker_sid,pk"`
	SinceAt      int64  `bun:"since_at"`
	ActivitySID  string `bun:"activity_sid"`
}

// statisticsColumn is a counter in the table: its value, and how two rows of
// one period become one.
type statisticsColumn struct {
	name  string
	value func(*taskrouter.Counters) int64
	// merge is the aggregate; empty is what nothing adds up to.
	merge string
	empty int64
}

// statisticsColumns lists all counters.
var statisticsColumns = slices.Concat(
	[]statisticsColumn{
		summed("tasks_created", func(c *taskrouter.Counters) int64 { return c.TasksCreated }),
		summed("tasks_entered", func(c *taskrouter.Counters) int64 { return c.TasksEntered }),
		summed("tasks_canceled", func(c *taskrouter.Counters) int64 { return c.TasksCanceled }),
		summed("tasks_completed", func(c *taskrouter.Counters) int64 { return c.TasksCompleted }),
		summed("tasks_deleted", func(c *taskrouter.Counters) int64 { return c.TasksDeleted }),
		summed("tasks_moved", func(c *taskrouter.Counters) int64 { return c.TasksMoved }),
		summed("tasks_timed_out", func(c *taskrouter.Counters) int64 { return c.TasksTimedOut }),
		summed("reservations_created", func(c *taskrouter.Counters) int64 { return c.ReservationsCreated }),
		summed("reservations_accepted", func(c *taskrouter.Counters) int64 { return c.ReservationsAccepted }),
		summed("reservations_rejected", func(c *taskrouter.Counters) int64 { return c.ReservationsRejected }),
		summed("reservations_timed_out", func(c *taskrouter.Counters) int64 { return c.ReservationsTimedOut }),
		summed("reservations_canceled", func(c *taskrouter.Counters) int64 { return c.ReservationsCanceled }),
		summed("reservations_rescinded", func(c *taskrouter.Counters) int64 { return c.ReservationsRescinded }),
	},
	spanned("accepted_", func(c *taskrouter.Counters) taskrouter.Durations { return c.UntilAccepted }),
	spanned("canceled_", func(c *taskrouter.Counters) taskrouter.Durations { return c.UntilCanceled }),
	spanned("queued_", func(c *taskrouter.Counters) taskrouter.Durations { return c.InQueue }),
)

func summed(name string, value func(*taskrouter.Counters) int64) statisticsColumn {
	return statisticsColumn{name: name, value: value, merge: "SUM"}
}

// spanned are the columns of Durations. The least of no waits is MaxWait.
func spanned(prefix string, of func(*taskrouter.Counters) taskrouter.Durations) []statisticsColumn {
	least := func(c *taskrouter.Counters) int64 {
		if d := of(c); d.N > 0 {
			return d.Min
		}
		return taskrouter.MaxWait
	}
	return []statisticsColumn{
		summed(prefix+"n", func(c *taskrouter.Counters) int64 { return of(c).N }),
		summed(prefix+"total", func(c *taskrouter.Counters) int64 { return of(c).Total }),
		{name: prefix + "min", value: least, merge: "MIN", empty: taskrouter.MaxWait},
		{name: prefix + "max", value: func(c *taskrouter.Counters) int64 { return of(c).Max }, merge: "MAX"},
	}
}

// set is the part of an upsert that merges a column.
func (c statisticsColumn) set() string {
	have, added := "statistics."+c.name, "EXCLUDED."+c.name
	switch c.merge {
	case "MIN":
		return c.name + " = CASE WHEN " + added + " < " + have + " THEN " + added + " ELSE " + have + " END"
	case "MAX":
		return c.name + " = CASE WHEN " + added + " > " + have + " THEN " + added + " ELSE " + have + " END"
	default:
		return c.name + " = " + have + " + " + added
	}
}

// statisticsSums are all columns, each merged over many rows.
func statisticsSums() string {
	out := make([]string, len(statisticsColumns))
	for i, c := range statisticsColumns {
		out[i] = "CAST(" + c.merge + "(statistics." + c.name + ") AS BIGINT) AS " + c.name
	}
	return strings.Join(out, ", ")
}

// statisticsKey tells apart what events are counted for.
type statisticsKey struct {
	period           int64
	subject, channel string
}

func compareStatistics(a, b statisticsKey) int {
	return cmp.Or(cmp.Compare(a.period, b.period), cmp.Compare(a.subject, b.subject), cmp.Compare(a.channel, b.channel))
}

// waitKey tells apart the waits that events ended.
type waitKey struct {
	statisticsKey
	outcome taskrouter.Outcome
	wait    int64
}

// writeStatistics counts events, in the transaction and the text that write
// them. What is written is a row a subject and length of period, whatever the
// size of the tables; another statement follows only when a wait ended, and one
// when a Worker left an Activity.
func (t *transaction) writeStatistics(ctx context.Context, b *batch, events []taskrouter.Event) {
	counted := map[statisticsKey]*taskrouter.Counters{}
	waits := map[waitKey]int64{}
	var stays []*stayRow
	for i := range events {
		e := &events[i]
		if s, ended := e.EndedStay(); ended {
			stays = append(stays, &stayRow{
				WorkspaceSID: t.lock.WorkspaceSID, UntilAt: micros(s.Until), WorkerSID: s.WorkerSID, SinceAt: micros(s.Since), ActivitySID: s.ActivitySID,
			})
		}
		for _, n := range e.Counts() {
			for _, p := range periodsOf(e.At) {
				key := statisticsKey{p, n.SubjectSID, e.TaskChannelSID}
				if counted[key] == nil {
					counted[key] = &taskrouter.Counters{}
				}
				counted[key].Merge(&n.Added)
				if n.Outcome != taskrouter.OutcomeNone {
					waits[waitKey{key, n.Outcome, n.Wait}]++
				}
			}
		}
	}
	t.addCounters(b, counted)
	t.addWaits(b, waits)
	insert(ctx, b, stays, "CONFLICT (workspace_sid, until_at, worker_sid) DO NOTHING")
}

// addCounters writes rows in the order of their key. It names only the columns
// that something is added to: most commands touch two or three.
func (t *transaction) addCounters(b *batch, counted map[statisticsKey]*taskrouter.Counters) {
	var touched []statisticsColumn
	var names, sets strings.Builder
	for _, column := range statisticsColumns {
		for _, c := range counted {
			if column.value(c) != column.empty {
				touched = append(touched, column)
				names.WriteString(", " + column.name)
				sets.WriteString(", " + column.set())
				break
			}
		}
	}
	if len(touched) == 0 {
		return
	}
	keys := slices.SortedFunc(maps.Keys(counted), compareStatistics)
	for chunk := range slices.Chunk(keys, rowsPerStatement) {
		t.addRows(b, "statistics (workspace_sid, period, subject_sid, task_channel_sid"+names.String()+")", len(chunk), func(i int, text []byte) []byte {
			text = t.appendKey(b, text, chunk[i])
			for _, column := range touched {
				text = strconv.AppendInt(append(text, ", "...), column.value(counted[chunk[i]]), 10)
			}
			return text
		}, "(workspace_sid, period, subject_sid, task_channel_sid) DO UPDATE SET "+sets.String()[2:])
	}
}

func (t *transaction) addWaits(b *batch, waits map[waitKey]int64) {
	keys := slices.SortedFunc(maps.Keys(waits), func(a, b waitKey) int {
		return cmp.Or(compareStatistics(a.statisticsKey, b.statisticsKey), cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.wait, b.wait))
	})
	for chunk := range slices.Chunk(keys, rowsPerStatement) {
		t.addRows(b, "statistics_waits (workspace_sid, period, subject_sid, task_channel_sid, outcome, wait, n)", len(chunk), func(i int, text []byte) []byte {
			k := chunk[i]
			text = append(t.appendKey(b, text, k.statisticsKey), ", "...)
			text = append(b.gen.Dialect().AppendString(text, string(k.outcome)), ", "...)
			text = append(strconv.AppendInt(text, k.wait, 10), ", "...)
			return strconv.AppendInt(text, waits[k], 10)
		}, "(workspace_sid, period, subject_sid, task_channel_sid, outcome, wait) DO UPDATE SET n = statistics_waits.n + EXCLUDED.n")
	}
}

// appendKey writes the columns both tables begin with.
func (t *transaction) appendKey(b *batch, text []byte, k statisticsKey) []byte {
	quote := b.gen.Dialect().AppendString
	text = append(quote(text, t.lock.WorkspaceSID), ", "...)
	text = append(strconv.AppendInt(text, k.period, 10), ", "...)
	text = append(quote(text, k.subject), ", "...)
	return quote(text, k.channel)
}

// addRows appends one INSERT of some rows. It is written by hand because it is
// part of nearly every command, and its columns differ.
func (t *transaction) addRows(b *batch, into string, rows int, row func(i int, text []byte) []byte, onConflict string) {
	if b.err != nil {
		return
	}
	b.text = append(append(b.text, "INSERT INTO "...), into...)
	for i := range rows {
		separator := ", ("
		if i == 0 {
			separator = " VALUES ("
		}
		b.text = append(row(i, append(b.text, separator...)), ')')
	}
	b.text = append(append(append(b.text, " ON CONFLICT "...), onConflict...), ";\n"...)
}

// endStay closes the stay of a Worker that is about to be deleted.
func (t *transaction) endStay(b *batch, workerSID string, at time.Time) {
	b.add("INSERT INTO statistics_stays (workspace_sid, until_at, worker_sid, since_at, activity_sid)"+
		" SELECT workspace_sid, ?, sid, date_status_changed, activity_sid FROM workers"+
		" WHERE workspace_sid = ? AND sid = ? AND date_status_changed > 0 AND date_status_changed < ?"+
		" ON CONFLICT (workspace_sid, until_at, worker_sid) DO NOTHING",
		micros(at), t.lock.WorkspaceSID, workerSID, micros(at))
}
