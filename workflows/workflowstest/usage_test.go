package workflowstest

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

func marker(workflowTask int64) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_MARKER_RECORDED,
		Attributes: &historypb.HistoryEvent_MarkerRecordedEventAttributes{
			MarkerRecordedEventAttributes: &historypb.MarkerRecordedEventAttributes{WorkflowTaskCompletedEventId: workflowTask},
		},
	}
}

func event(t enumspb.EventType) *historypb.HistoryEvent { return &historypb.HistoryEvent{EventType: t} }

func TestMeasure(t *testing.T) {
	retried := &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
			ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{Attempt: 3},
		},
	}
	start := event(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
	signal := event(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
	for name, row := range map[string]struct {
		events []*historypb.HistoryEvent
		want   int
	}{
		"start":                         {[]*historypb.HistoryEvent{start}, 1},
		"signal with start":             {[]*historypb.HistoryEvent{start, signal}, 1},
		"start and signal":              {[]*historypb.HistoryEvent{start, event(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED), signal}, 2},
		"markers of one workflow task":  {[]*historypb.HistoryEvent{start, marker(4), marker(4)}, 2},
		"markers of two workflow tasks": {[]*historypb.HistoryEvent{start, marker(4), marker(9)}, 3},
		"activity with two retries":     {[]*historypb.HistoryEvent{start, event(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED), retried}, 4},
		"workflow tasks and ends: free": {[]*historypb.HistoryEvent{start, event(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED), event(enumspb.EVENT_TYPE_TIMER_FIRED)}, 1},
		"timer, changed state and memo": {[]*historypb.HistoryEvent{start, event(enumspb.EVENT_TYPE_TIMER_STARTED), event(enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES), event(enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED)}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			u := Measure(&historypb.History{Events: row.events})
			require.Equal(t, row.want, u.Actions)
			require.Equal(t, len(row.events), u.Events)
			sum := 0
			for _, n := range u.ByType {
				sum += n
			}
			require.Equal(t, u.Actions, sum)
		})
	}
}

func TestLoadReportsWhatItCannotRead(t *testing.T) {
	_, err := Load("no such file")
	require.Error(t, err)
}
