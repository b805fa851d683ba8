package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/workflows"
	"github.com/taskrouter/taskrouter/workflows/workflowstest"
)

// recordEnv makes the scenarios write their histories into the replay corpus.
const recordEnv = "UPDATE_REPLAY"

// corpus is where the histories of the present logic version live.
var corpus = fmt.Sprintf("../../workflows/testdata/replay/v%d", workflows.LogicVersion)

// describeRun is what an operator sees of a Task's durable run.
func (s *system) describeRun(t *testing.T, task string) *workflowservice.DescribeWorkflowExecutionResponse {
	t.Helper()
	return await(t, "the durable run of "+task, func() (*workflowservice.DescribeWorkflowExecutionResponse, bool) {
		d, err := s.temporal.DescribeWorkflowExecution(context.Background(), workflows.TaskID(task), "")
		return d, err == nil
	})
}

// runEnds waits until the durable run of a Task is over, checks that it ended
// well and that its history replays, and returns the history. With UPDATE_REPLAY
// set it joins the corpus under the name of the scenario.
func (s *system) runEnds(t *testing.T, task string) *historypb.History {
	t.Helper()
	await(t, "the durable run of "+task+" ends", func() (enumspb.WorkflowExecutionStatus, bool) {
		status := s.describeRun(t, task).GetWorkflowExecutionInfo().GetStatus()
		return status, status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
	h, err := workflowstest.History(t.Context(), s.temporal, workflows.TaskID(task))
	require.NoError(t, err)
	scrub(h.ProtoReflect())
	require.NoError(t, replay(h))
	if s.database == sqlite && os.Getenv(recordEnv) != "" {
		s.record(t, h)
	}
	return h
}

// replay runs today's logic on a history.
func replay(h *historypb.History) error {
	r := sdkworker.NewWorkflowReplayer()
	r.RegisterWorkflow(workflows.Task)
	return r.ReplayWorkflowHistory(logging.ForSDK(zap.NewNop()), h)
}

// record writes a history into the corpus. Several of one scenario are
// numbered.
func (s *system) record(t *testing.T, h *historypb.History) {
	t.Helper()
	name := filepath.Base(t.Name())
	n, _ := s.recorded.LoadOrStore(name, new(int))
	count := n.(*int) // of this test alone
	if *count++; *count > 1 {
		name += "-" + string(rune('0'+*count))
	}
	require.NoError(t, workflowstest.Save(h, filepath.Join(corpus, name+".json.gz")))
}

// scrub removes the names of machines and users from a history.
func scrub(m protoreflect.Message) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.Name() == "identity" && f.Kind() == protoreflect.StringKind:
			m.Set(f, protoreflect.ValueOfString("e2e"))
		case f.IsMap():
		case f.IsList() && f.Kind() == protoreflect.MessageKind:
			for i := range v.List().Len() {
				scrub(v.List().Get(i).Message())
			}
		case f.Kind() == protoreflect.MessageKind:
			scrub(v.Message())
		}
		return true
	})
}

// stories are the summaries of what a run did: activities, local ones too, and
// timers, in order.
func stories(t *testing.T, h *historypb.History) []string {
	t.Helper()
	var out []string
	for _, e := range h.GetEvents() {
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			out = append(out, e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName())
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			out = append(out, localActivity(t, e))
		case enumspb.EVENT_TYPE_TIMER_STARTED:
			var text string
			if p := e.GetUserMetadata().GetSummary(); p != nil {
				require.NoError(t, converter.GetDefaultDataConverter().FromPayload(p, &text))
			}
			out = append(out, "timer: "+text)
		default:
		}
	}
	return out
}

// localActivity reads the name of a local activity from its marker.
func localActivity(t *testing.T, e *historypb.HistoryEvent) string {
	t.Helper()
	var data struct{ ActivityType string }
	p := e.GetMarkerRecordedEventAttributes().GetDetails()["data"]
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(p, &data))
	return data.ActivityType
}

// summaryOf is the line an operator reads in the list of runs.
func summaryOf(t *testing.T, d *workflowservice.DescribeWorkflowExecutionResponse) string {
	t.Helper()
	var text string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(d.GetExecutionConfig().GetUserMetadata().GetSummary(), &text))
	return strings.TrimSpace(text)
}

// searchable are the search attributes of a run.
func searchable(t *testing.T, d *workflowservice.DescribeWorkflowExecutionResponse) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, p := range d.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields() {
		if !strings.HasPrefix(name, "TaskRouter") {
			continue
		}
		var v string
		require.NoError(t, converter.GetDefaultDataConverter().FromPayload(p, &v))
		out[name] = v
	}
	return out
}
