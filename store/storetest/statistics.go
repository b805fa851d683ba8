package storetest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// happening is an event of a Task as the router writes it; wait and queued are
// seconds since its creation and since it entered its queue.
func (f *fixture) happening(typ taskrouter.EventType, when time.Time, wait, queued int) taskrouter.Event {
	return f.event(0, func(e *taskrouter.Event) {
		e.Type, e.At = typ, when
		e.QueueSID, e.WorkflowSID, e.TaskChannelSID = f.queue.SID, f.workflow.SID, f.voice.SID
		e.Data = map[string]string{"task_age": strconv.Itoa(wait), "task_age_in_queue": strconv.Itoa(queued)}
	})
}

func (f *fixture) counters(subject string, from, to time.Time, channel string) *taskrouter.Counters {
	f.t.Helper()
	got, err := f.s.Counters(f.t.Context(), f.account, f.ws, taskrouter.CountQuery{
		Window: taskrouter.Window{Start: from, End: to}, SubjectSIDs: []string{subject}, ChannelSID: channel,
	})
	require.NoError(f.t, err)
	require.Len(f.t, got, 1)
	return got[subject]
}

// testCounters compares what was counted with what a plain loop over the events
// counts, for windows that begin and end anywhere.
func testCounters(t *testing.T, f *fixture) {
	random := rand.New(rand.NewPCG(1, 2))
	types := []taskrouter.EventType{
		taskrouter.TaskCreated, taskrouter.WorkflowEntered, taskrouter.TaskQueueEntered, taskrouter.TaskWasCanceled, taskrouter.TaskWasCompleted,
		taskrouter.TaskDeleted, taskrouter.TaskSystemDeleted, taskrouter.TaskQueueMoved, taskrouter.WorkflowTimeout, taskrouter.TaskUpdated,
		taskrouter.ReservationWasCreated, taskrouter.ReservationWasAccepted, taskrouter.ReservationWasRejected,
		taskrouter.ReservationTimedOut, taskrouter.ReservationWasCanceled, taskrouter.ReservationWasRescinded,
	}
	workers := []string{f.sid("WK"), f.sid("WK")}
	var all []taskrouter.Event
	for range 60 {
		c := &dispatch.Changes{}
		when := epoch.Add(time.Duration(random.Int64N(int64(4 * 24 * time.Hour)))).Truncate(time.Microsecond)
		for range 5 {
			e := f.happening(types[random.IntN(len(types))], when, random.IntN(100), random.IntN(50))
			if random.IntN(3) == 0 {
				e.TaskChannelSID = f.chat.SID
			}
			if random.IntN(3) == 0 {
				e.QueueSID, e.Data["previous_task_queue_sid"] = f.queue2.SID, f.queue.SID
			}
			e.WorkerSID = workers[random.IntN(2)]
			c.Events = append(c.Events, e)
		}
		f.apply(c)
		all = append(all, c.Events...)
	}
	subjects := []string{f.ws, f.workflow.SID, f.queue.SID, f.queue2.SID, workers[0], workers[1], f.sid("WQ")}
	thresholds := []int64{0, 10, 37, 60, 1000}
	for round := range 15 {
		switch round {
		case 4: // hours and days that are over now are folded
			f.fold(epoch.Add(50*time.Hour), 7)
		case 8: // something is counted late
			c := &dispatch.Changes{Events: slices.Clone(all[:20])}
			for i := range c.Events {
				c.Events[i].SID, c.Events[i].Seq = f.sid("EV"), 0
			}
			f.apply(c)
			all = append(all, c.Events...)
		case 11:
			f.fold(epoch.Add(30*24*time.Hour), 1000)
		}
		from := epoch.Add(time.Duration(random.Int64N(int64(4 * 24 * time.Hour)))).Truncate(time.Second)
		to := from.Add(time.Duration(random.Int64N(int64(2 * 24 * time.Hour)))).Truncate(time.Second)
		for _, channel := range []string{"", f.chat.SID, f.sid("TC")} {
			want := map[string]*taskrouter.Counters{}
			splits := map[string]map[int64]taskrouter.WaitSplit{}
			for _, sid := range subjects {
				want[sid], splits[sid] = &taskrouter.Counters{}, map[int64]taskrouter.WaitSplit{}
				for _, limit := range thresholds {
					splits[sid][limit] = taskrouter.WaitSplit{}
				}
			}
			for i := range all {
				e := &all[i]
				if e.At.Before(from) || !e.At.Before(to.Add(time.Second)) || (channel != "" && e.TaskChannelSID != channel) {
					continue
				}
				for _, n := range e.Counts() {
					want[n.SubjectSID].Merge(&n.Added)
					for _, limit := range thresholds {
						s := splits[n.SubjectSID][limit]
						switch {
						case n.Outcome == taskrouter.OutcomeAccepted && n.Wait <= limit:
							s.AcceptedBelow++
						case n.Outcome == taskrouter.OutcomeAccepted:
							s.AcceptedAbove++
						case n.Outcome == taskrouter.OutcomeCanceled && n.Wait <= limit:
							s.CanceledBelow++
						case n.Outcome == taskrouter.OutcomeCanceled:
							s.CanceledAbove++
						}
						splits[n.SubjectSID][limit] = s
					}
				}
			}
			in := taskrouter.CountQuery{Window: taskrouter.Window{Start: from, End: to}, SubjectSIDs: subjects, ChannelSID: channel}
			got, err := f.s.Counters(t.Context(), f.account, f.ws, in)
			require.NoError(t, err)
			require.Equal(t, want, got, "%s to %s", from, to)
			split, err := f.s.WaitSplits(t.Context(), f.account, f.ws, in, thresholds)
			require.NoError(t, err)
			require.Equal(t, splits, split)
		}
	}

	// Another account sees nothing.
	in := taskrouter.CountQuery{Window: taskrouter.Window{Start: epoch, End: epoch.Add(100 * time.Hour)}, SubjectSIDs: []string{f.ws}}
	got, err := f.s.Counters(t.Context(), "ACother", f.ws, in)
	require.NoError(t, err)
	require.Equal(t, &taskrouter.Counters{}, got[f.ws])
	// A window that ends before it begins has nothing in it.
	require.Equal(t, &taskrouter.Counters{}, f.counters(f.ws, at(10), at(5), ""))

	// What is rolled back was never counted.
	before := f.counters(f.ws, epoch.Truncate(time.Second), epoch.Add(100*time.Hour), "")
	broken := &dispatch.Changes{Events: []taskrouter.Event{f.happening(taskrouter.TaskCreated, at(1), 0, 0)}}
	broken.Events[0].Seq = 1
	requireKind(t, taskrouter.KindConflict, f.tryApply(broken))
	require.Equal(t, before, f.counters(f.ws, epoch.Truncate(time.Second), epoch.Add(100*time.Hour), ""))
	require.Positive(t, before.TasksCreated)
}

// fold does the upkeep of statistics until nothing is left to do.
func (f *fixture) fold(now time.Time, limit int) {
	f.t.Helper()
	for rounds := 0; ; rounds++ {
		n, err := f.s.FoldStatistics(f.t.Context(), now, limit)
		require.NoError(f.t, err)
		if n == 0 {
			require.Positive(f.t, rounds)
			return
		}
		require.Less(f.t, rounds, 1000)
	}
}

func testWorkerCounters(t *testing.T, f *fixture) {
	ann, ben := f.newAgent("Ann", 0), f.newAgent("Ben", 0)
	c := changesOf(ann, ben)
	c.Join = []dispatch.Membership{{QueueSID: f.queue.SID, WorkerSID: ann.SID}, {QueueSID: f.queue2.SID, WorkerSID: ann.SID}, {QueueSID: f.queue2.SID, WorkerSID: ben.SID}}
	for i, w := range []string{ann.SID, ann.SID, ben.SID} {
		e := f.happening(taskrouter.ReservationWasCreated, at(i), 0, 0)
		e.WorkerSID = w
		c.Events = append(c.Events, e)
	}
	f.apply(c)
	window := taskrouter.Window{Start: at(-60), End: at(60)}
	for name, tc := range map[string]struct {
		selection taskrouter.WorkerSelection
		channel   string
		want      int64
	}{
		"everyone":        {want: 3},
		"one":             {selection: taskrouter.WorkerSelection{SID: ann.SID}, want: 2},
		"by name":         {selection: taskrouter.WorkerSelection{FriendlyName: "BEN"}, want: 1},
		"by queue":        {selection: taskrouter.WorkerSelection{QueueSIDs: []string{f.queue.SID}}, want: 2},
		"by queues":       {selection: taskrouter.WorkerSelection{QueueSIDs: []string{f.queue.SID, f.queue2.SID}}, want: 3},
		"name and queue":  {selection: taskrouter.WorkerSelection{FriendlyName: "Ben", QueueSIDs: []string{f.queue.SID}}, want: 0},
		"unknown name":    {selection: taskrouter.WorkerSelection{FriendlyName: "Cid"}, want: 0},
		"another channel": {selection: taskrouter.WorkerSelection{FriendlyName: "Ann"}, channel: f.chat.SID, want: 0},
		"its channel":     {selection: taskrouter.WorkerSelection{FriendlyName: "Ann"}, channel: f.voice.SID, want: 2},
	} {
		got, err := f.s.WorkerCounters(t.Context(), f.account, f.ws, tc.selection, window, tc.channel)
		require.NoError(t, err, name)
		require.Equal(t, &taskrouter.Counters{ReservationsCreated: tc.want}, got, name)
	}
}

func testActivityDurations(t *testing.T, f *fixture) {
	ann, ben := f.newAgent("Ann", 0), f.newAgent("Ben", 0)
	ann.DateStatusChanged, ben.DateStatusChanged = at(0), at(0)
	c := changesOf(ann, ben)
	c.Join = []dispatch.Membership{{QueueSID: f.queue.SID, WorkerSID: ben.SID}}
	f.apply(c)
	// Both are idle from 0. Ann is offline from 100 to 130, and idle again.
	change := func(a *dispatch.Agent, from, to *taskrouter.Activity, seconds, spent int) {
		a.ActivitySID, a.Available, a.DateStatusChanged = to.SID, to.Available, at(seconds)
		e := f.event(seconds, func(e *taskrouter.Event) {
			e.Type, e.WorkerSID = taskrouter.WorkerActivityUpdate, a.SID
			e.Data = map[string]string{"worker_previous_activity_sid": from.SID, "worker_time_in_previous_activity_ms": strconv.Itoa(spent * 1000)}
		})
		f.apply(&dispatch.Changes{Workers: []*taskrouter.Worker{a.Worker}, Events: []taskrouter.Event{e}})
	}
	change(ann, f.idle, f.offline, 100, 100)
	change(ann, f.offline, f.idle, 130, 30)
	// Ben goes offline twice at one instant: the stay between took no time.
	change(ben, f.idle, f.offline, 150, 150)
	change(ben, f.offline, f.idle, 150, 0)
	sum := func(spans ...int64) taskrouter.Durations {
		var d taskrouter.Durations
		for _, s := range spans {
			d.Add(s)
		}
		return d
	}
	idle, offline := f.idle.SID, f.offline.SID
	for name, tc := range map[string]struct {
		from, to  int
		selection taskrouter.WorkerSelection
		want      map[string]taskrouter.Durations
	}{
		"everything":                {0, 200, taskrouter.WorkerSelection{}, map[string]taskrouter.Durations{idle: sum(100, 70, 150, 50), offline: sum(30)}},
		"cut at both ends":          {90, 110, taskrouter.WorkerSelection{SID: ann.SID}, map[string]taskrouter.Durations{idle: sum(10), offline: sum(10)}},
		"inside one stay":           {105, 125, taskrouter.WorkerSelection{SID: ann.SID}, map[string]taskrouter.Durations{offline: sum(20)}},
		"the stay that goes on":     {160, 190, taskrouter.WorkerSelection{}, map[string]taskrouter.Durations{idle: sum(30, 30)}},
		"before anybody was there":  {-100, -50, taskrouter.WorkerSelection{}, map[string]taskrouter.Durations{}},
		"a name":                    {0, 200, taskrouter.WorkerSelection{FriendlyName: "ben"}, map[string]taskrouter.Durations{idle: sum(150, 50)}},
		"a queue":                   {140, 160, taskrouter.WorkerSelection{QueueSIDs: []string{f.queue.SID}}, map[string]taskrouter.Durations{idle: sum(10, 10)}},
		"a queue without that name": {0, 200, taskrouter.WorkerSelection{FriendlyName: "ann", QueueSIDs: []string{f.queue.SID}}, map[string]taskrouter.Durations{}},
	} {
		got, err := f.s.ActivityDurations(t.Context(), f.account, f.ws, tc.selection, taskrouter.Window{Start: at(tc.from), End: at(tc.to)})
		require.NoError(t, err, name)
		require.Equal(t, tc.want, got, name)
	}

	// The last stay of a Worker who is gone still counts.
	gone := f.event(180, func(e *taskrouter.Event) { e.Type, e.WorkerSID = taskrouter.WorkerDeleted, ben.SID })
	f.apply(&dispatch.Changes{Events: []taskrouter.Event{gone}, DeleteWorkers: []string{ben.SID}})
	got, err := f.s.ActivityDurations(t.Context(), f.account, f.ws, taskrouter.WorkerSelection{}, taskrouter.Window{Start: at(140), End: at(200)})
	require.NoError(t, err)
	require.Equal(t, map[string]taskrouter.Durations{idle: sum(60, 10, 30)}, got)
}

func testCensus(t *testing.T, f *fixture) {
	ctx := t.Context()
	ann, ben, cid := f.newAgent("Ann", 0), f.newAgent("Ben", 0), f.newAgent("Cid", 0)
	cid.ActivitySID, cid.Available = f.offline.SID, false
	c := changesOf(ann, ben, cid)
	c.Join = []dispatch.Membership{{QueueSID: f.queue.SID, WorkerSID: ann.SID}, {QueueSID: f.queue.SID, WorkerSID: cid.SID}}
	add := func(status taskrouter.TaskStatus, priority int64, created, entered int, change func(*taskrouter.Task)) string {
		task := f.newTask()
		task.Status, task.Priority, task.CreatedAt, task.QueueEnteredAt = status, priority, at(created), at(entered)
		if change != nil {
			change(task)
		}
		c.Tasks = append(c.Tasks, dispatch.TaskWrite{Task: task})
		return task.SID
	}
	elsewhere := func(task *taskrouter.Task) {
		task.QueueSID, task.WorkflowSID, task.TaskChannelSID = f.queue2.SID, "WW2", f.chat.SID
	}
	add(taskrouter.TaskAssigned, 9, 1, 1, nil)
	oldest := add(taskrouter.TaskPending, 0, 10, 40, nil)
	longest := add(taskrouter.TaskReserved, 5, 20, 20, nil)
	add(taskrouter.TaskPending, 5, 30, 30, nil)
	add(taskrouter.TaskWrapping, 0, 2, 2, nil)
	add(taskrouter.TaskCompleted, 0, 3, 3, nil)
	add(taskrouter.TaskCanceled, 0, 4, 4, nil)
	other := add(taskrouter.TaskPending, 1, 5, 5, elsewhere)
	f.apply(c)

	first := func(sid string, seconds int) taskrouter.WaitingTask {
		return taskrouter.WaitingTask{SID: sid, Since: at(seconds)}
	}
	here := &taskrouter.TaskCensus{
		ByStatus: map[taskrouter.TaskStatus]int64{
			taskrouter.TaskPending: 2, taskrouter.TaskReserved: 1, taskrouter.TaskAssigned: 1, taskrouter.TaskWrapping: 1,
			taskrouter.TaskCompleted: 1, taskrouter.TaskCanceled: 1,
		},
		ByPriority: map[int64]int64{0: 1, 5: 2},
		Oldest:     first(oldest, 10), LongestInQueue: first(longest, 20),
	}
	there := &taskrouter.TaskCensus{
		ByStatus: map[taskrouter.TaskStatus]int64{taskrouter.TaskPending: 1}, ByPriority: map[int64]int64{1: 1},
		Oldest: first(other, 5), LongestInQueue: first(other, 5),
	}
	none := &taskrouter.TaskCensus{ByStatus: map[taskrouter.TaskStatus]int64{}, ByPriority: map[int64]int64{}}
	for name, tc := range map[string]struct {
		in   taskrouter.TaskCensusQuery
		want map[string]*taskrouter.TaskCensus
	}{
		"queues": {
			taskrouter.TaskCensusQuery{QueueSIDs: []string{f.queue.SID, f.queue2.SID, "WQ0"}},
			map[string]*taskrouter.TaskCensus{f.queue.SID: here, f.queue2.SID: there, "WQ0": none},
		},
		"no queues":          {taskrouter.TaskCensusQuery{QueueSIDs: []string{}}, map[string]*taskrouter.TaskCensus{}},
		"workflow":           {taskrouter.TaskCensusQuery{WorkflowSID: f.workflow.SID}, map[string]*taskrouter.TaskCensus{"": here}},
		"channel":            {taskrouter.TaskCensusQuery{ChannelSID: f.chat.SID}, map[string]*taskrouter.TaskCensus{"": there}},
		"queue and channel":  {taskrouter.TaskCensusQuery{QueueSIDs: []string{f.queue.SID}, ChannelSID: f.chat.SID}, map[string]*taskrouter.TaskCensus{f.queue.SID: none}},
		"unknown workflow":   {taskrouter.TaskCensusQuery{WorkflowSID: "WW0"}, map[string]*taskrouter.TaskCensus{"": none}},
		"workflow, channel ": {taskrouter.TaskCensusQuery{WorkflowSID: "WW2", ChannelSID: f.chat.SID}, map[string]*taskrouter.TaskCensus{"": there}},
	} {
		got, err := f.s.TaskCensus(ctx, f.account, f.ws, tc.in)
		require.NoError(t, err, name)
		require.Equal(t, tc.want, got, name)
	}
	all, err := f.s.TaskCensus(ctx, f.account, f.ws, taskrouter.TaskCensusQuery{})
	require.NoError(t, err)
	require.Equal(t, int64(8), all[""].Total())
	require.Equal(t, first(other, 5), all[""].Oldest)
	foreign, err := f.s.TaskCensus(ctx, "ACother", f.ws, taskrouter.TaskCensusQuery{})
	require.NoError(t, err)
	require.Equal(t, map[string]*taskrouter.TaskCensus{"": none}, foreign)

	workers := func(account string, w taskrouter.WorkerSelection) map[string]int64 {
		got, err := f.s.WorkerCensus(ctx, account, f.ws, w)
		require.NoError(t, err)
		return got
	}
	require.Equal(t, map[string]int64{f.idle.SID: 2, f.offline.SID: 1}, workers(f.account, taskrouter.WorkerSelection{}))
	require.Equal(t, map[string]int64{f.idle.SID: 1}, workers(f.account, taskrouter.WorkerSelection{FriendlyName: "ANN"}))
	require.Equal(t, map[string]int64{f.idle.SID: 1, f.offline.SID: 1}, workers(f.account, taskrouter.WorkerSelection{QueueSIDs: []string{f.queue.SID}}))
	require.Empty(t, workers("ACother", taskrouter.WorkerSelection{}))

	members, err := f.s.MemberCensus(ctx, f.account, f.ws, []string{f.queue.SID, f.queue2.SID})
	require.NoError(t, err)
	require.Equal(t, map[string]map[string]int64{f.queue.SID: {f.idle.SID: 1, f.offline.SID: 1}, f.queue2.SID: {}}, members)
}

func testStatisticsRetention(t *testing.T, f *fixture) {
	ctx := t.Context()
	c := &dispatch.Changes{}
	for day := range 4 {
		e := f.happening(taskrouter.ReservationWasAccepted, epoch.Add(time.Duration(day)*24*time.Hour), day, day)
		stay := f.event(day*86400, func(e *taskrouter.Event) {
			e.Type, e.WorkerSID = taskrouter.WorkerActivityUpdate, "WK1"
			e.Data = map[string]string{"worker_previous_activity_sid": f.idle.SID, "worker_time_in_previous_activity_ms": "1000"}
		})
		c.Events = append(c.Events, e, stay)
	}
	f.apply(c)
	f.fold(epoch.Add(26*time.Hour), 100)
	// A day's numbers go when the whole day is over the limit.
	limit := epoch.Add(49 * time.Hour)
	for rounds := 0; ; rounds++ {
		n, err := f.s.DeleteStatisticsBefore(ctx, limit, 5)
		require.NoError(t, err)
		if n == 0 {
			require.Greater(t, rounds, 2)
			break
		}
		require.Less(t, rounds, 100)
	}
	all := f.counters(f.ws, epoch.Add(-24*time.Hour), epoch.Add(100*time.Hour), "")
	require.Equal(t, int64(2), all.ReservationsAccepted)
	splits, err := f.s.WaitSplits(ctx, f.account, f.ws, taskrouter.CountQuery{
		Window: taskrouter.Window{Start: epoch.Add(-24 * time.Hour), End: epoch.Add(100 * time.Hour)}, SubjectSIDs: []string{f.ws},
	}, []int64{2})
	require.NoError(t, err)
	require.Equal(t, taskrouter.WaitSplit{AcceptedBelow: 1, AcceptedAbove: 1}, splits[f.ws][2])
	require.Equal(t, int64(1), f.counters(f.queue.SID, epoch.Add(72*time.Hour).Truncate(time.Second), epoch.Add(73*time.Hour), "").ReservationsAccepted)
	d, err := f.s.ActivityDurations(ctx, f.account, f.ws, taskrouter.WorkerSelection{}, taskrouter.Window{Start: epoch.Add(-24 * time.Hour), End: epoch.Add(100 * time.Hour)})
	require.NoError(t, err)
	require.Equal(t, int64(1), d[f.idle.SID].N)

	f.apply(&dispatch.Changes{DeleteWorkspace: true})
	n, err := f.s.DeleteStatisticsBefore(ctx, epoch.Add(1000*time.Hour), 1000)
	require.NoError(t, err)
	require.Zero(t, n, "a deleted Workspace leaves no statistics")
}
