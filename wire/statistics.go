package wire

import (
	"strconv"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// The JSON of statistics. Client libraries decode the typed counters into
// integers, so that nothing here is ever a fraction.

// ActivityCount is how many Workers are in an Activity.
type ActivityCount struct {
	SID          string `json:"sid"`
	FriendlyName string `json:"friendly_name"`
	Workers      int64  `json:"workers"`
}

// ActivityDuration is how long Workers were in an Activity, in seconds.
type ActivityDuration struct {
	SID          string `json:"sid"`
	FriendlyName string `json:"friendly_name"`
	Avg          int64  `json:"avg"`
	Min          int64  `json:"min"`
	Max          int64  `json:"max"`
	Total        int64  `json:"total"`
}

// FromWorkerCounts renders the number of Workers in each of the given
// Activities, those without any included.
func FromWorkerCounts(activities []*taskrouter.Activity, workers map[string]int64) []ActivityCount {
	out := make([]ActivityCount, len(activities))
	for i, a := range activities {
		out[i] = ActivityCount{SID: a.SID, FriendlyName: a.FriendlyName, Workers: workers[a.SID]}
	}
	return out
}

// FromActivityDurations renders the time spent in each of the given Activities.
func FromActivityDurations(activities []*taskrouter.Activity, spent map[string]taskrouter.Durations) []ActivityDuration {
	out := make([]ActivityDuration, len(activities))
	for i, a := range activities {
		d := spent[a.SID]
		out[i] = ActivityDuration{SID: a.SID, FriendlyName: a.FriendlyName, Avg: d.Average(), Min: d.Min, Max: d.Max, Total: d.Total}
	}
	return out
}

// Waits sums up how long Tasks waited, in seconds.
type Waits struct {
	Avg   int64 `json:"avg"`
	Min   int64 `json:"min"`
	Max   int64 `json:"max"`
	Total int64 `json:"total"`
}

func fromWaits(d taskrouter.Durations) Waits {
	return Waits{Avg: d.Average(), Min: d.Min, Max: d.Max, Total: d.Total}
}

// SplitSide is one side of a threshold.
type SplitSide struct {
	TasksCanceled        int64 `json:"tasks_canceled"`
	ReservationsAccepted int64 `json:"reservations_accepted"`
}

// WaitSplit is how many waits ended at most at a threshold, and above it.
type WaitSplit struct {
	Above SplitSide `json:"above"`
	Below SplitSide `json:"below"`
}

// ReservationCounts are the counters of Reservations.
type ReservationCounts struct {
	Created   int64 `json:"reservations_created"`
	Accepted  int64 `json:"reservations_accepted"`
	Rejected  int64 `json:"reservations_rejected"`
	TimedOut  int64 `json:"reservations_timed_out"`
	Canceled  int64 `json:"reservations_canceled"`
	Rescinded int64 `json:"reservations_rescinded"`
}

func fromReservationCounts(c *taskrouter.Counters) ReservationCounts {
	return ReservationCounts{
		Created: c.ReservationsCreated, Accepted: c.ReservationsAccepted, Rejected: c.ReservationsRejected,
		TimedOut: c.ReservationsTimedOut, Canceled: c.ReservationsCanceled, Rescinded: c.ReservationsRescinded,
	}
}

// span is the window a question was answered for.
type span struct {
	StartTime *string `json:"start_time"`
	EndTime   *string `json:"end_time"`
}

func fromWindow(w taskrouter.Window) span { return span{instant(w.Start), instant(w.End)} }

// Cumulative is what all cumulative statistics of Tasks share.
type Cumulative struct {
	span
	ReservationCounts
	AvgTaskAcceptanceTime     int64                `json:"avg_task_acceptance_time"`
	SplitByWaitTime           map[string]WaitSplit `json:"split_by_wait_time"`
	WaitDurationUntilAccepted Waits                `json:"wait_duration_until_accepted"`
	WaitDurationUntilCanceled Waits                `json:"wait_duration_until_canceled"`
	TasksCanceled             int64                `json:"tasks_canceled"`
	TasksCompleted            int64                `json:"tasks_completed"`
	TasksDeleted              int64                `json:"tasks_deleted"`
	TasksMoved                int64                `json:"tasks_moved"`
}

func fromCounters(c *taskrouter.Counters, w taskrouter.Window, splits map[int64]taskrouter.WaitSplit) Cumulative {
	out := Cumulative{
		span: fromWindow(w), ReservationCounts: fromReservationCounts(c),
		AvgTaskAcceptanceTime:     c.UntilAccepted.Average(),
		WaitDurationUntilAccepted: fromWaits(c.UntilAccepted), WaitDurationUntilCanceled: fromWaits(c.UntilCanceled),
		TasksCanceled: c.TasksCanceled, TasksCompleted: c.TasksCompleted, TasksDeleted: c.TasksDeleted, TasksMoved: c.TasksMoved,
	}
	if len(splits) > 0 {
		out.SplitByWaitTime = make(map[string]WaitSplit, len(splits))
	}
	for threshold, s := range splits {
		out.SplitByWaitTime[strconv.FormatInt(threshold, 10)] = WaitSplit{
			Above: SplitSide{TasksCanceled: s.CanceledAbove, ReservationsAccepted: s.AcceptedAbove},
			Below: SplitSide{TasksCanceled: s.CanceledBelow, ReservationsAccepted: s.AcceptedBelow},
		}
	}
	return out
}

// WorkspaceCumulative is the cumulative part of a Workspace's statistics.
type WorkspaceCumulative struct {
	Cumulative
	TasksCreated            int64 `json:"tasks_created"`
	TasksTimedOutInWorkflow int64 `json:"tasks_timed_out_in_workflow"`
}

// FromWorkspaceCounters renders the counters of a Workspace.
func FromWorkspaceCounters(c *taskrouter.Counters, w taskrouter.Window, splits map[int64]taskrouter.WaitSplit) WorkspaceCumulative {
	return WorkspaceCumulative{Cumulative: fromCounters(c, w, splits), TasksCreated: c.TasksCreated, TasksTimedOutInWorkflow: c.TasksTimedOut}
}

// WorkflowCumulative is the cumulative part of a Workflow's statistics.
type WorkflowCumulative struct {
	Cumulative
	TasksEntered            int64 `json:"tasks_entered"`
	TasksTimedOutInWorkflow int64 `json:"tasks_timed_out_in_workflow"`
}

// FromWorkflowCounters renders the counters of a Workflow.
func FromWorkflowCounters(c *taskrouter.Counters, w taskrouter.Window, splits map[int64]taskrouter.WaitSplit) WorkflowCumulative {
	return WorkflowCumulative{Cumulative: fromCounters(c, w, splits), TasksEntered: c.TasksEntered, TasksTimedOutInWorkflow: c.TasksTimedOut}
}

// QueueCumulative is the cumulative part of a TaskQueue's statistics.
type QueueCumulative struct {
	Cumulative
	TasksEntered                     int64 `json:"tasks_entered"`
	WaitDurationInQueueUntilAccepted Waits `json:"wait_duration_in_queue_until_accepted"`
}

// FromQueueCounters renders the counters of a TaskQueue.
func FromQueueCounters(c *taskrouter.Counters, w taskrouter.Window, splits map[int64]taskrouter.WaitSplit) QueueCumulative {
	return QueueCumulative{Cumulative: fromCounters(c, w, splits), TasksEntered: c.TasksEntered, WaitDurationInQueueUntilAccepted: fromWaits(c.InQueue)}
}

// WorkerCumulative is the cumulative part of the statistics of Workers.
type WorkerCumulative struct {
	span
	ReservationCounts
	ActivityDurations []ActivityDuration `json:"activity_durations"`
}

// FromWorkerCounters renders the counters of Workers.
func FromWorkerCounters(c *taskrouter.Counters, w taskrouter.Window, durations []ActivityDuration) WorkerCumulative {
	return WorkerCumulative{span: fromWindow(w), ReservationCounts: fromReservationCounts(c), ActivityDurations: durations}
}

// TaskCounts is what all real-time statistics of Tasks share.
type TaskCounts struct {
	LongestTaskWaitingAge int64            `json:"longest_task_waiting_age"`
	LongestTaskWaitingSID *string          `json:"longest_task_waiting_sid"`
	TasksByPriority       map[string]int64 `json:"tasks_by_priority"`
	TasksByStatus         map[string]int64 `json:"tasks_by_status"`
	TotalTasks            int64            `json:"total_tasks"`
}

// FromTaskCensus renders a count of Tasks at an instant. Every state has an
// entry; the total is their sum.
func FromTaskCensus(c *taskrouter.TaskCensus, now time.Time) TaskCounts {
	out := TaskCounts{
		LongestTaskWaitingSID: nullable(c.Oldest.SID), LongestTaskWaitingAge: age(c.Oldest, now),
		TasksByPriority: make(map[string]int64, len(c.ByPriority)), TasksByStatus: map[string]int64{},
		TotalTasks: c.Total(),
	}
	for _, s := range taskrouter.TaskStatuses() {
		out.TasksByStatus[string(s)] = c.ByStatus[s]
	}
	for p, n := range c.ByPriority {
		out.TasksByPriority[strconv.FormatInt(p, 10)] = n
	}
	return out
}

func age(t taskrouter.WaitingTask, now time.Time) int64 {
	if t.SID == "" {
		return 0
	}
	return max(0, seconds(now.Sub(t.Since)))
}

// WorkspaceRealTime is the real-time part of a Workspace's statistics.
type WorkspaceRealTime struct {
	TaskCounts
	WorkersRealTime
}

// WorkersRealTime is the real-time part of the statistics of Workers.
type WorkersRealTime struct {
	ActivityStatistics []ActivityCount `json:"activity_statistics"`
	TotalWorkers       int64           `json:"total_workers"`
}

// FromWorkerCensus renders a count of Workers.
func FromWorkerCensus(activities []*taskrouter.Activity, workers map[string]int64) WorkersRealTime {
	out := WorkersRealTime{ActivityStatistics: FromWorkerCounts(activities, workers)}
	for _, n := range workers {
		out.TotalWorkers += n
	}
	return out
}

// QueueCounts is a TaskQueue at one moment, as bulk statistics show it.
type QueueCounts struct {
	TaskCounts
	ActivityStatistics    []ActivityCount `json:"activity_statistics"`
	TotalAvailableWorkers int64           `json:"total_available_workers"`
	TotalEligibleWorkers  int64           `json:"total_eligible_workers"`
}

// FromQueueCensus renders the Tasks and members of a TaskQueue. Members in an
// available Activity are available, busy or not.
func FromQueueCensus(c *taskrouter.TaskCensus, activities []*taskrouter.Activity, members map[string]int64, now time.Time) QueueCounts {
	out := QueueCounts{TaskCounts: FromTaskCensus(c, now), ActivityStatistics: FromWorkerCounts(activities, members)}
	for _, n := range members {
		out.TotalEligibleWorkers += n
	}
	for _, a := range activities {
		if a.Available {
			out.TotalAvailableWorkers += members[a.SID]
		}
	}
	return out
}

// QueueRealTime is the real-time part of a TaskQueue's statistics.
type QueueRealTime struct {
	QueueCounts
	LongestRelativeTaskAgeInQueue int64   `json:"longest_relative_task_age_in_queue"`
	LongestRelativeTaskSIDInQueue *string `json:"longest_relative_task_sid_in_queue"`
}

// FromQueueRealTime adds the Task that is longest in the TaskQueue.
func FromQueueRealTime(counts QueueCounts, c *taskrouter.TaskCensus, now time.Time) QueueRealTime {
	return QueueRealTime{
		QueueCounts:                   counts,
		LongestRelativeTaskAgeInQueue: age(c.LongestInQueue, now), LongestRelativeTaskSIDInQueue: nullable(c.LongestInQueue.SID),
	}
}

// StatisticsOf says whose statistics a body holds. The SIDs that do not apply
// are left out.
type StatisticsOf struct {
	AccountSID   string `json:"account_sid"`
	WorkspaceSID string `json:"workspace_sid"`
	WorkflowSID  string `json:"workflow_sid,omitempty"`
	TaskQueueSID string `json:"task_queue_sid,omitempty"`
	WorkerSID    string `json:"worker_sid,omitempty"`
	URL          string `json:"url,omitempty"`
}

// NewStatisticsOf is for a Workspace; the path is where the statistics are.
func NewStatisticsOf(w *taskrouter.Workspace, path string, l Links) StatisticsOf {
	return StatisticsOf{AccountSID: w.AccountSID, WorkspaceSID: w.SID, URL: l.URL(path)}
}

// Combined is a body with both kinds of statistics; one that has a single kind
// leaves the other nil.
type Combined struct {
	StatisticsOf
	RealTime   any `json:"realtime,omitempty"`
	Cumulative any `json:"cumulative,omitempty"`
}

// Bodies with one kind of statistics at their top.
type (
	// WorkspaceRealTimeStatistics is the JSON of its name.
	WorkspaceRealTimeStatistics struct {
		StatisticsOf
		WorkspaceRealTime
	}
	// WorkspaceCumulativeStatistics is the JSON of its name.
	WorkspaceCumulativeStatistics struct {
		StatisticsOf
		WorkspaceCumulative
	}
	// WorkflowRealTimeStatistics is the JSON of its name.
	WorkflowRealTimeStatistics struct {
		StatisticsOf
		TaskCounts
	}
	// WorkflowCumulativeStatistics is the JSON of its name.
	WorkflowCumulativeStatistics struct {
		StatisticsOf
		WorkflowCumulative
	}
	// TaskQueueRealTimeStatistics is the JSON of its name.
	TaskQueueRealTimeStatistics struct {
		StatisticsOf
		QueueRealTime
	}
	// TaskQueueCumulativeStatistics is the JSON of its name.
	TaskQueueCumulativeStatistics struct {
		StatisticsOf
		QueueCumulative
	}
	// WorkersRealTimeStatistics is the JSON of its name.
	WorkersRealTimeStatistics struct {
		StatisticsOf
		WorkersRealTime
	}
	// WorkersCumulativeStatistics is the JSON of its name.
	WorkersCumulativeStatistics struct {
		StatisticsOf
		WorkerCumulative
	}
)

// BulkQueueData is one TaskQueue of bulk statistics.
type BulkQueueData struct {
	TaskQueueSID string `json:"task_queue_sid"`
	QueueCounts
}

// BulkRealTimeStatistics is the JSON of the statistics of several TaskQueues.
type BulkRealTimeStatistics struct {
	StatisticsOf
	TaskQueueResponseCount int             `json:"task_queue_response_count"`
	TaskQueueData          []BulkQueueData `json:"task_queue_data"`
}
