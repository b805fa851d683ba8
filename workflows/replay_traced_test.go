package workflows

import (
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"

	"github.com/taskrouter/taskrouter/internal/tracing"
	"github.com/taskrouter/taskrouter/workflows/workflowstest"
)

// followed is a history as the server would hold it had its run been traced:
// what starts, signals and schedules names the trace it belongs to.
func followed(t *testing.T, h *historypb.History) *historypb.History {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayload(map[string]string{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	})
	require.NoError(t, err)
	header := &commonpb.Header{Fields: map[string]*commonpb.Payload{"_tracer-data": p}}
	out := proto.Clone(h).(*historypb.History)
	for _, e := range out.GetEvents() {
		if a := e.GetWorkflowExecutionStartedEventAttributes(); a != nil {
			a.Header = header
		}
		if a := e.GetWorkflowExecutionSignaledEventAttributes(); a != nil {
			a.Header = header
		}
		if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
			a.Header = header
		}
		if a := e.GetMarkerRecordedEventAttributes(); a != nil {
			a.Header = header
		}
	}
	return out
}

// TestReplayTraced replays every recorded history where tracing was turned on,
// or off again, while the run was under way: it makes no difference to what a
// run does.
func TestReplayTraced(t *testing.T) {
	tr, err := tracing.New(t.Context(), tracing.Options{Endpoint: "127.0.0.1:1", Insecure: true, SampleRatio: 1}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close(t.Context())) })
	clients, err := tr.Runs()
	require.NoError(t, err)
	traces, ok := clients[0].(interceptor.WorkerInterceptor)
	require.True(t, ok, "workers use what their client has")
	for version := logicFirst; version <= LogicVersion; version++ {
		files, err := filepath.Glob(filepath.Join(corpus, "v"+strconv.Itoa(version), "*.json.gz"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			t.Run(filepath.Base(file), func(t *testing.T) {
				h, err := workflowstest.Load(file)
				require.NoError(t, err)
				require.NoError(t, replay(followed(t, h)), "tracing was turned off")
				for _, h := range []*historypb.History{h, followed(t, h)} {
					r, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{
						Interceptors: []interceptor.WorkerInterceptor{traces},
					})
					require.NoError(t, err)
					r.RegisterWorkflow(Task)
					r.RegisterWorkflow(Delivery)
					require.NoError(t, r.ReplayWorkflowHistory(quiet{}, h))
				}
			})
		}
	}
}
