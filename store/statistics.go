package store

import (
	"cmp"
	"context"
	"reflect"
	"slices"
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

func fromDurations(d taskrouter.Durations) spanColumns {
	if d.N == 0 {
		return spanColumns{Min: taskrouter.MaxWait}
	}
	return spanColumns(d)
}

func (s spanColumns) domain() taskrouter.Durations {
	if s.N == 0 {
		return taskrouter.Durations{}
	}
	return taskrouter.Durations(s)
}

// fromCounters fills in everything but the key.
func fromCounters(c *taskrouter.Counters) statisticsRow {
	return statisticsRow{
		TasksCreated: c.TasksCreated, TasksEntered: c.TasksEntered, TasksCanceled: c.TasksCanceled,
		TasksCompleted: c.TasksCompleted, TasksDeleted: c.TasksDeleted, TasksMoved: c.TasksMoved, TasksTimedOut: c.TasksTimedOut,
		ReservationsCreated: c.ReservationsCreated, ReservationsAccepted: c.ReservationsAccepted,
		ReservationsRejected: c.ReservationsRejected, ReservationsTimedOut: c.ReservationsTimedOut,
		ReservationsCanceled: c.ReservationsCanceled, ReservationsRescinded: c.ReservationsRescinded,
		Accepted: fromDurations(c.UntilAccepted), Canceled: fromDurations(c.UntilCanceled), Queued: fromDurations(c.InQueue),
	}
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

// statisticsSQL are the two clauses that list all counters: adding rows to
// those that exist, and summing up rows.
func statisticsSQL(db *bun.DB) (upsert, sums string) {
	var sets, sum []string
	for _, f := range db.Table(reflect.TypeFor[statisticsRow]()).DataFields {
		have, added := "statistics."+f.Name, "EXCLUDED."+f.Name
		switch {
		case strings.HasSuffix(f.Name, "_min"):
			sets = append(sets, f.Name+" = CASE WHEN "+added+" < "+have+" THEN "+added+" ELSE "+have+" END")
			sum = append(sum, "MIN("+have+") AS "+f.Name)
		case strings.HasSuffix(f.Name, "_max"):
			sets = append(sets, f.Name+" = CASE WHEN "+added+" > "+have+" THEN "+added+" ELSE "+have+" END")
			sum = append(sum, "MAX("+have+") AS "+f.Name)
		default:
			sets = append(sets, f.Name+" = "+have+" + "+added)
			sum = append(sum, "CAST(SUM("+have+") AS BIGINT) AS "+f.Name)
		}
	}
	return "CONFLICT (workspace_sid, period, subject_sid, task_channel_sid) DO UPDATE SET " + strings.Join(sets, ", "), strings.Join(sum, ", ")
}

// statisticsKey tells apart what the events of one command are counted for.
type statisticsKey struct {
	second           int64
	subject, channel string
}

// writeStatistics counts events, in the transaction that writes them: one
// statement, and for the few that end a wait or a stay one more. What is
// written is a row a subject and length of period, whatever the size of the
// tables.
func (t *transaction) writeStatistics(ctx context.Context, b *batch, events []taskrouter.Event) {
	ws := t.lock.WorkspaceSID
	counted := map[statisticsKey]*taskrouter.Counters{}
	waits := map[waitRow]int64{}
	var stays []*stayRow
	for i := range events {
		e := &events[i]
		if s, ended := e.EndedStay(); ended {
			stays = append(stays, &stayRow{
				WorkspaceSID: ws, UntilAt: micros(s.Until), WorkerSID: s.WorkerSID, SinceAt: micros(s.Since), ActivitySID: s.ActivitySID,
			})
		}
		for _, n := range e.Counts() {
			key := statisticsKey{e.At.Unix(), n.SubjectSID, e.TaskChannelSID}
			if counted[key] == nil {
				counted[key] = &taskrouter.Counters{}
			}
			counted[key].Merge(&n.Added)
			if n.Outcome == taskrouter.OutcomeNone {
				continue
			}
			for _, p := range periodsOf(e.At) {
				waits[waitRow{
					WorkspaceSID: ws, Period: p, SubjectSID: n.SubjectSID, TaskChannelSID: e.TaskChannelSID,
					Outcome: string(n.Outcome), Wait: n.Wait,
				}]++
			}
		}
	}
	insert(ctx, b, statisticsRows(ws, counted), t.store.upserts.statistics)
	insert(ctx, b, waitRows(waits), "CONFLICT (workspace_sid, period, subject_sid, task_channel_sid, outcome, wait)"+
		" DO UPDATE SET n = statistics_waits.n + EXCLUDED.n")
	insert(ctx, b, stays, "CONFLICT (workspace_sid, until_at, worker_sid) DO NOTHING")
}

// statisticsRows spreads counters over the periods of their second, in the
// order of the key.
func statisticsRows(workspaceSID string, counted map[statisticsKey]*taskrouter.Counters) []*statisticsRow {
	type key struct {
		period           int64
		subject, channel string
	}
	sums := map[key]*taskrouter.Counters{}
	for k, c := range counted {
		for _, p := range periodsOf(time.Unix(k.second, 0)) {
			at := key{p, k.subject, k.channel}
			if sums[at] == nil {
				sums[at] = &taskrouter.Counters{}
			}
			sums[at].Merge(c)
		}
	}
	rows := make([]*statisticsRow, 0, len(sums))
	for k, c := range sums {
		r := fromCounters(c)
		r.WorkspaceSID, r.Period, r.SubjectSID, r.TaskChannelSID = workspaceSID, k.period, k.subject, k.channel
		rows = append(rows, &r)
	}
	slices.SortFunc(rows, func(a, b *statisticsRow) int {
		return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.SubjectSID, b.SubjectSID), cmp.Compare(a.TaskChannelSID, b.TaskChannelSID))
	})
	return rows
}

func waitRows(waits map[waitRow]int64) []*waitRow {
	rows := make([]*waitRow, 0, len(waits))
	for r, n := range waits {
		r.N = n
		rows = append(rows, &r)
	}
	slices.SortFunc(rows, func(a, b *waitRow) int {
		return cmp.Or(cmp.Compare(a.Period, b.Period), cmp.Compare(a.SubjectSID, b.SubjectSID), cmp.Compare(a.TaskChannelSID, b.TaskChannelSID),
			cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Wait, b.Wait))
	})
	return rows
}

// endStay closes the stay of a Worker that is about to be deleted.
func (t *transaction) endStay(b *batch, workerSID string, at time.Time) {
	b.add("INSERT INTO statistics_stays (workspace_sid, until_at, worker_sid, since_at, activity_sid)"+
		" SELECT workspace_sid, ?, sid, date_status_changed, activity_sid FROM workers"+
		" WHERE workspace_sid = ? AND sid = ? AND date_status_changed > 0 AND date_status_changed < ?"+
		" ON CONFLICT (workspace_sid, until_at, worker_sid) DO NOTHING",
		micros(at), t.lock.WorkspaceSID, workerSID, micros(at))
}
