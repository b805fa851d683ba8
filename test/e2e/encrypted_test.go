package e2e

import (
	"bytes"
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/proxy"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/taskrouter/taskrouter/internal/codec"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/workflows"
	"github.com/taskrouter/taskrouter/workflows/workflowstest"
	"github.com/taskrouter/taskrouter/workspace"
)

// TestEncryptedHistories has a Task done while there are encryption keys:
// Temporal keeps nothing readable but what operators search for, and whoever has
// the token has it decrypted.
func TestEncryptedHistories(t *testing.T) {
	const token = "token-of-the-operators"
	s := startSystem(t, sqlite, func(o *dev.Options) {
		o.Change = func(cfg *config.Config) {
			cfg.Temporal.EncryptionKeys = config.NewSecret(workspace.NewSealingKey() + "," + workspace.NewSealingKey())
			cfg.Codec.Token = config.NewSecret(token)
		}
	})
	c := newCenter(t, s, plan{agents: []agentPlan{daichi}})
	task := c.newTask(t, `{"department":"support","language":"en"}`)
	offer := c.offered(t, task, daichi)
	d := s.describeRun(t, task)
	require.Equal(t, "reserved", searchable(t, d)["TaskRouterStatus"], "operators find it")
	require.NotContains(t, d.String(), supportQueue)
	c.answer(t, task, offer, "accepted")
	c.finish(t, task, "completed")

	// It does not replay without the key.
	await(t, "the durable run of "+task+" ends", func() (enumspb.WorkflowExecutionStatus, bool) {
		status := s.describeRun(t, task).GetWorkflowExecutionInfo().GetStatus()
		return status, status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
	h, err := workflowstest.History(t.Context(), s.temporal, workflows.TaskID(task))
	require.NoError(t, err)
	require.Error(t, replay(h))
	require.NotContains(t, h.String(), supportQueue)
	sealed := &commonpb.Payloads{}
	require.NoError(t, proxy.VisitPayloads(context.Background(), h, proxy.VisitPayloadsOptions{
		SkipSearchAttributes: true,
		Visitor: func(_ *proxy.VisitPayloadsContext, in []*commonpb.Payload) ([]*commonpb.Payload, error) {
			for _, p := range in {
				require.Equal(t, codec.Encoding, string(p.GetMetadata()["encoding"]))
			}
			sealed.Payloads = append(sealed.Payloads, in...)
			return in, nil
		},
	}))
	require.NotEmpty(t, sealed.GetPayloads())

	body, err := protojson.Marshal(sealed)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.App.URL()+"/codec/decode", bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
	var answer bytes.Buffer
	_, err = answer.ReadFrom(res.Body)
	require.NoError(t, err)
	var open commonpb.Payloads
	require.NoError(t, protojson.Unmarshal(answer.Bytes(), &open))
	require.Len(t, open.GetPayloads(), len(sealed.GetPayloads()))
	found := false
	for _, p := range open.GetPayloads() {
		found = found || bytes.Contains(p.GetData(), []byte(supportQueue))
	}
	require.True(t, found, "the name of the queue is in there")
}
