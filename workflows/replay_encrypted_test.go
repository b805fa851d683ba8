package workflows

import (
	"bytes"
	"context"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	sdkworker "go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/proto"

	"github.com/taskrouter/taskrouter/internal/codec"
	"github.com/taskrouter/taskrouter/workflows/workflowstest"
)

func testCodec(t *testing.T, keys ...byte) *codec.Codec {
	t.Helper()
	var raw [][]byte
	for _, k := range keys {
		raw = append(raw, bytes.Repeat([]byte{k}, codec.KeySize))
	}
	c, err := codec.New(raw...)
	require.NoError(t, err)
	return c
}

// encrypted is a history as the server would hold it had its payloads been
// written with a codec, from an event on.
func encrypted(t *testing.T, h *historypb.History, c *codec.Codec, from int64) *historypb.History {
	t.Helper()
	out := proto.Clone(h).(*historypb.History)
	n := 0
	for _, e := range out.GetEvents() {
		if e.GetEventId() < from {
			continue
		}
		require.NoError(t, proxy.VisitPayloads(context.Background(), e, proxy.VisitPayloadsOptions{
			SkipSearchAttributes: true,
			Visitor: func(_ *proxy.VisitPayloadsContext, in []*commonpb.Payload) ([]*commonpb.Payload, error) {
				n += len(in)
				return c.Encode(in)
			},
		}))
	}
	require.Positive(t, n, "nothing was encrypted")
	return out
}

func replayWith(t *testing.T, h *historypb.History, c *codec.Codec) error {
	t.Helper()
	r, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{
		DataConverter: c.DataConverter(), FailureConverter: c.FailureConverter(),
	})
	require.NoError(t, err)
	r.RegisterWorkflow(Task)
	r.RegisterWorkflow(Delivery)
	return r.ReplayWorkflowHistory(quiet{}, h)
}

// TestReplayEncrypted replays every recorded history with encrypted payloads:
// from the start, and from somewhere in the middle, as of a run that was under
// way when encryption was turned on.
func TestReplayEncrypted(t *testing.T) {
	c := testCodec(t, 2, 1)
	files, err := filepath.Glob(filepath.Join(corpus, "v"+strconv.Itoa(LogicVersion), "*.json.gz"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			h, err := workflowstest.Load(file)
			require.NoError(t, err)
			require.NoError(t, replayWith(t, encrypted(t, h, c, 0), c))
			require.NoError(t, replayWith(t, encrypted(t, h, testCodec(t, 1), 0), c), "written with the former key")
		})
	}
	h := plainHistory(t)
	require.NoError(t, replayWith(t, h, c), "written before there was a key")
	for _, e := range h.GetEvents() {
		if e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
			require.NoError(t, replayWith(t, encrypted(t, h, c, e.GetEventId()), c), "from event %d on", e.GetEventId())
		}
	}
}

// A worker process that lacks the key must leave a run alone: neither end it nor
// overlook a signal.
func TestRunsWaitForTheirKey(t *testing.T) {
	c := testCodec(t, 1)
	h := plainHistory(t)
	for _, other := range []*codec.Codec{testCodec(t), testCodec(t, 2)} {
		for _, e := range h.GetEvents() {
			switch e.GetEventType() {
			case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
				err := replayWith(t, encrypted(t, h, c, e.GetEventId()), other)
				require.ErrorContains(t, err, "temporal.encryption_keys", "from event %d on", e.GetEventId())
			default:
			}
		}
	}
}
