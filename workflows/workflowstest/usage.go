package workflowstest

import (
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// What a plain Task (created, reserved, accepted, completed) may cost.
const (
	MaxPlainActions = 12
	MaxPlainEvents  = 40
)

// Usage is what a run cost.
type Usage struct {
	// Actions is the number of billable actions, Events the length of the
	// history.
	Actions, Events int
	// ByType counts actions by the type of the event they were counted at.
	ByType map[enumspb.EventType]int
}

// billable lists the events that cost one action each
// (https://docs.temporal.io/cloud/actions). Not in the table and counted apart:
// markers, of which all of one workflow task cost one action together, and
// repeated attempts of an activity. Not in histories, and so not counted:
// heartbeats and queries. A changed memo is not listed as free there, so it is
// counted.
var billable = map[enumspb.EventType]bool{
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:                   true,
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:                  true,
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:           true,
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:           true,
	enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:            true,
	enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:                 true,
	enumspb.EVENT_TYPE_TIMER_STARTED:                                true,
	enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:                      true,
	enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:     true,
	enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: true,
	enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED:                    true,
}

// Measure counts what a history cost. A signal that started its run costs one
// action with the start, not two.
func Measure(h *historypb.History) Usage {
	u := Usage{Events: len(h.GetEvents()), ByType: map[enumspb.EventType]int{}}
	marked := map[int64]bool{}
	for i, e := range h.GetEvents() {
		t := e.GetEventType()
		n := 0
		switch t {
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			task := e.GetMarkerRecordedEventAttributes().GetWorkflowTaskCompletedEventId()
			if !marked[task] {
				marked[task], n = true, 1
			}
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			n = int(e.GetActivityTaskStartedEventAttributes().GetAttempt()) - 1
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			n = int(e.GetWorkflowTaskCompletedEventAttributes().GetMeteringMetadata().
				GetNonfirstLocalActivityExecutionAttempts())
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
			if i != 1 {
				n = 1
			}
		default:
			if billable[t] {
				n = 1
			}
		}
		if n > 0 {
			u.ByType[t] += n
			u.Actions += n
		}
	}
	return u
}
