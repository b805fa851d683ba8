package wire_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

func TestStatisticsWindows(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 0, 30, 700_000_000, time.UTC)
	for query, want := range map[string][2]string{
		"":                                     {"2026-03-31T11:45:30Z", "2026-03-31T12:00:30Z"},
		"Minutes=1":                            {"2026-03-31T11:59:30Z", "2026-03-31T12:00:30Z"},
		"Minutes=43200":                        {"2026-03-01T12:00:30Z", "2026-03-31T12:00:30Z"},
		"StartDate=2026-03-31T10:00:00Z":       {"2026-03-31T10:00:00Z", "2026-03-31T12:00:30Z"},
		"StartDate=2026-03-31T12:00:00%2B0200": {"2026-03-31T10:00:00Z", "2026-03-31T12:00:30Z"},
		"StartDate=2026-03-30T10:00:00Z&EndDate=2026-03-30T11:00:00.9Z": {"2026-03-30T10:00:00Z", "2026-03-30T11:00:00Z"},
		"EndDate=2026-03-30T11:00:00Z":                                  {"2026-03-30T10:45:00Z", "2026-03-30T11:00:00Z"},
		"StartDate=2026-03-29&EndDate=2026-03-29":                       {"2026-03-29T00:00:00Z", "2026-03-29T23:59:59Z"},
		"StartDate=2026-03-31T12:00:30Z":                                {"2026-03-31T12:00:30Z", "2026-03-31T12:00:30Z"},
		"StartDate=2026-03-31T11:00:00Z&EndDate=2026-04-02":             {"2026-03-31T11:00:00Z", "2026-03-31T12:00:30Z"},
		"StartDate=2026-03-01T12:00:00Z":                                {"2026-03-01T12:00:00Z", "2026-03-31T12:00:30Z"},
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		in, err := wire.ParseStatistics(values, now)
		require.NoError(t, err, query)
		require.Equal(t, want, [2]string{taskrouter.Timestamp(in.Window.Start), taskrouter.Timestamp(in.Window.End)}, query)
		require.Zero(t, in.Window.Start.Nanosecond()+in.Window.End.Nanosecond())
	}
	for query, code := range map[string]int{
		"Minutes=0": 0, "Minutes=x": 0, "Minutes=1.5": 0, "Minutes=": 0, "StartDate=yesterday": 0, "EndDate=x": 0,
		"Minutes=5&StartDate=2026-03-31":                              0,
		"Minutes=5&EndDate=2026-03-31":                                0,
		"StartDate=2026-03-31T11:00:01Z&EndDate=2026-03-31T11:00:00Z": 0,
		"StartDate=2026-04-01":                                        0,
		"Minutes=43202":                                               14241,
		"Minutes=9223372036854775807":                                 14241,
		"StartDate=2026-03-01T11:50:00Z":                              14241,
		"EndDate=2026-02-01":                                          14241,
		"SplitByWaitTime=x":                                           0,
		"SplitByWaitTime=5,-1":                                        0,
		"SplitByWaitTime=1.5":                                         0,
		"SplitByWaitTime=" + strings.Repeat("9", 12):                  0,
		"TaskChannel=":                                                0,
		"TaskQueueSid=WQ1":                                            0,
		"SplitByWaitTime=" + strings.TrimSuffix(numbers(51), ","):     0,
		"StartDate=2026-03-31T10:00:00Z&EndDate=2026-03-31T10:00:00Z&Page=0": -1,
	} {
		values, err := url.ParseQuery(query)
		require.NoError(t, err)
		_, err = wire.ParseStatistics(values, now)
		if code < 0 {
			require.NoError(t, err, query)
			continue
		}
		var e *taskrouter.Error
		require.ErrorAs(t, err, &e, "%s", query)
		require.Equal(t, taskrouter.KindInvalid, e.Kind)
		require.Equal(t, code, e.Code, query)
	}
	in, err := wire.ParseStatistics(url.Values{"SplitByWaitTime": {"30, 5,60,5"}}, now)
	require.NoError(t, err)
	require.Equal(t, []int64{5, 30, 60}, in.Thresholds)
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("1", i%9+1) + string(rune('0'+i/9)) + ",")
	}
	return b.String()
}

func TestBulkQueues(t *testing.T) {
	got, err := wire.ParseBulkQueues([]byte(`{"QueueSids":["` + queueSID + `","` + queueSID + `"],"More":1}`))
	require.NoError(t, err)
	require.Equal(t, []string{queueSID}, got)
	many, err := json.Marshal(map[string]any{"QueueSids": strings.Split(strings.TrimSuffix(strings.Repeat(queueSID+",", 51), ","), ",")})
	require.NoError(t, err)
	for _, body := range []string{
		"", "x", "[]", "null", "{}", `{"QueueSids":[]}`, `{"QueueSids":"` + queueSID + `"}`, `{"QueueSids":["WQ1"]}`, `{"QueueSids":["` + taskSID + `"]}`,
		`{"QueueSids":["` + queueSID + `"]} x`, string(many),
	} {
		_, err := wire.ParseBulkQueues([]byte(body))
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err), body)
	}
}

// TestStatisticsGolden pins the names and the integers of each body.
func TestStatisticsGolden(t *testing.T) {
	activities := []*taskrouter.Activity{
		{SID: activitySID, FriendlyName: "Offline"}, {SID: "WA00000000000000000000000000000009", FriendlyName: "Available", Available: true},
	}
	window := taskrouter.Window{Start: created, End: changed}
	n := &taskrouter.Counters{
		TasksCreated: 1, TasksEntered: 2, TasksCanceled: 3, TasksCompleted: 4, TasksDeleted: 5, TasksMoved: 6, TasksTimedOut: 7,
		ReservationsCreated: 8, ReservationsAccepted: 9, ReservationsRejected: 10, ReservationsTimedOut: 11, ReservationsCanceled: 12, ReservationsRescinded: 13,
		UntilAccepted: taskrouter.Durations{N: 3, Total: 20, Min: 1, Max: 15}, UntilCanceled: taskrouter.Durations{N: 2, Total: 5, Min: 2, Max: 3},
		InQueue: taskrouter.Durations{N: 3, Total: 8, Min: 1, Max: 5},
	}
	splits := map[int64]taskrouter.WaitSplit{5: {AcceptedBelow: 1, AcceptedAbove: 2, CanceledBelow: 3, CanceledAbove: 4}}
	census := &taskrouter.TaskCensus{
		ByStatus: map[taskrouter.TaskStatus]int64{taskrouter.TaskPending: 2, taskrouter.TaskCompleted: 1}, ByPriority: map[int64]int64{0: 1, 9: 1},
		Oldest: taskrouter.WaitingTask{SID: taskSID, Since: created}, LongestInQueue: taskrouter.WaitingTask{SID: taskSID, Since: changed},
	}
	workers := map[string]int64{activitySID: 1, "WA00000000000000000000000000000009": 4}
	now := changed.Add(1500 * time.Millisecond)
	ws := wire.NewStatisticsOf(&taskrouter.Workspace{SID: workspaceSID, AccountSID: accountSID}, "/v1/Workspaces/"+workspaceSID+"/Statistics", links)
	workflow, queue, worker, all := ws, ws, ws, ws
	workflow.WorkflowSID, queue.TaskQueueSID, worker.WorkerSID = workflowSID, queueSID, workerSID
	counts := wire.FromQueueCensus(census, activities, workers, now)
	durations := wire.FromActivityDurations(activities, map[string]taskrouter.Durations{activitySID: {N: 2, Total: 61, Min: 1, Max: 60}})
	workerWindow := wire.FromWorkerCounters(n, window, durations)
	for name, body := range map[string]any{
		"workspace_statistics": wire.Combined{
			StatisticsOf: ws, Cumulative: wire.FromWorkspaceCounters(n, window, splits),
			RealTime: wire.WorkspaceRealTime{TaskCounts: wire.FromTaskCensus(census, now), WorkersRealTime: wire.FromWorkerCensus(activities, workers)},
		},
		"workspace_cumulative_statistics":  wire.WorkspaceCumulativeStatistics{StatisticsOf: ws, WorkspaceCumulative: wire.FromWorkspaceCounters(&taskrouter.Counters{}, window, nil)},
		"workflow_cumulative_statistics":   wire.WorkflowCumulativeStatistics{StatisticsOf: workflow, WorkflowCumulative: wire.FromWorkflowCounters(n, window, nil)},
		"workflow_real_time_statistics":    wire.WorkflowRealTimeStatistics{StatisticsOf: workflow, TaskCounts: wire.FromTaskCensus(&taskrouter.TaskCensus{}, now)},
		"task_queue_cumulative_statistics": wire.TaskQueueCumulativeStatistics{StatisticsOf: queue, QueueCumulative: wire.FromQueueCounters(n, window, splits)},
		"task_queue_real_time_statistics":  wire.TaskQueueRealTimeStatistics{StatisticsOf: queue, QueueRealTime: wire.FromQueueRealTime(counts, census, now)},
		"task_queue_bulk_statistics": wire.BulkRealTimeStatistics{
			StatisticsOf: all, TaskQueueResponseCount: 1, TaskQueueData: []wire.BulkQueueData{{TaskQueueSID: queueSID, QueueCounts: counts}},
		},
		"workspace_real_time_statistics": wire.WorkspaceRealTimeStatistics{
			StatisticsOf:      ws,
			WorkspaceRealTime: wire.WorkspaceRealTime{TaskCounts: wire.FromTaskCensus(census, now), WorkersRealTime: wire.FromWorkerCensus(activities, workers)},
		},
		"workflow_statistics": wire.Combined{
			StatisticsOf: workflow, Cumulative: wire.FromWorkflowCounters(n, window, splits), RealTime: wire.FromTaskCensus(census, now),
		},
		"task_queue_statistics": wire.Combined{
			StatisticsOf: queue, Cumulative: wire.FromQueueCounters(n, window, splits), RealTime: wire.FromQueueRealTime(counts, census, now),
		},
		"workers_statistics": wire.Combined{
			StatisticsOf: ws, Cumulative: workerWindow, RealTime: wire.FromWorkerCensus(activities, workers),
		},
		"workers_real_time_statistics":  wire.WorkersRealTimeStatistics{StatisticsOf: ws, WorkersRealTime: wire.FromWorkerCensus(activities, workers)},
		"workers_cumulative_statistics": wire.WorkersCumulativeStatistics{StatisticsOf: ws, WorkerCumulative: workerWindow},
		"worker_instance_statistics":    wire.Combined{StatisticsOf: worker, Cumulative: workerWindow},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, body)
			text, err := json.Marshal(body)
			require.NoError(t, err)
			require.NotRegexp(t, `:-?\d+\.\d`, string(text), "every number is an integer")
		})
	}
}
