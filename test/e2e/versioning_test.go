package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	sdkclient "go.temporal.io/sdk/client"

	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/worker"
)

// TestWorkerVersioning: with a build id durable runs go to the current version,
// and one that began with the version before goes on with the next.
func TestWorkerVersioning(t *testing.T) {
	data := t.TempDir()
	boot := func(build string) *system {
		// A Temporal server of its own: deployments keep one busy.
		s := startSystem(t, sqlite, func(o *dev.Options) {
			o.TemporalAddress, o.Namespace, o.Ephemeral, o.DataDir = "", "", false, data
			o.Change = func(cfg *config.Config) { cfg.Worker.BuildID = build }
		})
		s.temporal = dialTemporal(t, s.TemporalAddress, s.Namespace)
		deployment := s.temporal.WorkerDeploymentClient().GetHandle(worker.DefaultDeployment)
		until(t, build+" is the current version", func() bool {
			_, err := deployment.SetCurrentVersion(context.Background(), sdkclient.WorkerDeploymentSetCurrentVersionOptions{BuildID: build})
			return err == nil
		})
		return s
	}
	// conducted reports whether a version has a run in its hands, or had it last.
	conducted := func(s *system, task, build string, status enumspb.WorkflowExecutionStatus) bool {
		i := s.describeRun(t, task).GetWorkflowExecutionInfo()
		v := i.GetVersioningInfo()
		return v.GetBehavior() == enumspb.VERSIONING_BEHAVIOR_AUTO_UPGRADE &&
			v.GetDeploymentVersion().GetBuildId() == build && i.GetStatus() == status
	}

	first := boot("first")
	c := newCenter(t, first, plan{agents: []agentPlan{alice}})
	task := c.newTask(t, supportTask)
	c.answer(t, task, c.offered(t, task, alice), "accepted")
	until(t, "the first version conducts", func() bool {
		return conducted(first, task, "first", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
	})
	ctx, cancel := context.WithTimeout(context.Background(), dev.StopTimeout)
	defer cancel()
	require.NoError(t, first.Stop(ctx))

	second := boot("second")
	c.system = second
	c.finish(t, task, "completed")
	until(t, "the second version conducts it to its end", func() bool {
		return conducted(second, task, "second", enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	})
}
