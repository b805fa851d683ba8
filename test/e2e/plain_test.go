package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/taskrouter/taskrouter/workflows/workflowstest"
)

// The events of a Task that is offered at once and done without a detour.
var entered = []string{"task.created", "workflow.entered", "workflow.target-matched", "task-queue.entered"}

func sequence(parts ...any) []string {
	var out []string
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p)
		case []string:
			out = append(out, p...)
		}
	}
	return out
}

// plainTask is the shortest journey: created, offered, accepted, completed. It
// is what most Tasks do, so its cost on Temporal is counted.
func plainTask(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice, bob, daichi}})
	task := c.newTask(t, `{"department":"support","language":"en"}`)
	offer := c.offered(t, task, daichi) // the higher level

	d := s.describeRun(t, task)
	require.Equal(t, "Support → Support, priority 10", summaryOf(t, d))
	memo := map[string]string{}
	for name, p := range d.GetWorkflowExecutionInfo().GetMemo().GetFields() {
		var v string
		require.NoError(t, converter.GetDefaultDataConverter().FromPayload(p, &v))
		memo[name] = v
	}
	require.Equal(t, map[string]string{"queue": supportQueue, "filter": "Support"}, memo)
	require.Equal(t, map[string]string{
		"TaskRouterAccount": s.AccountSID, "TaskRouterWorkspace": c.ws, "TaskRouterQueue": c.queues[supportQueue],
		"TaskRouterStatus": "reserved", "TaskRouterPriority": "10", "TaskRouterAgent": c.agents[daichi.name],
	}, searchable(t, d))

	c.answer(t, task, offer, "accepted")
	require.Equal(t, "assigned", *c.task(t, task).AssignmentStatus)
	query := fmt.Sprintf(`TaskRouterAgent = %q AND TaskRouterStatus = "assigned"`, c.agents[daichi.name])
	await(t, "operators find the task by its agent", func() (*workflowservice.ListWorkflowExecutionsResponse, bool) {
		list, err := s.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: s.Namespace, Query: query})
		return list, err == nil && len(list.GetExecutions()) == 1
	})
	c.finish(t, task, "completed")
	require.Equal(t, sequence(entered, "reservation.created", "reservation.accepted", "reservation.completed", "task.completed"), c.events(t, task))
	c.idle(t, daichi)

	u := workflowstest.Measure(s.runEnds(t, task))
	t.Log(costTable(u))
	require.LessOrEqual(t, u.Actions, workflowstest.MaxPlainActions)
	require.LessOrEqual(t, u.Events, workflowstest.MaxPlainEvents)
	require.Zero(t, u.ByType[enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED], "the names of queue and filter never changed")
}

// costTable shows what a run cost on Temporal.
func costTable(u workflowstest.Usage) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-50s %8s\n", "billable at", "actions")
	var types []enumspb.EventType
	for typ := range u.ByType {
		types = append(types, typ)
	}
	slices.Sort(types)
	for _, typ := range types {
		fmt.Fprintf(&b, "%-50s %8d\n", typ, u.ByType[typ])
	}
	fmt.Fprintf(&b, "%-50s %8d of %d\n%-50s %8d of %d", "all actions", u.Actions, workflowstest.MaxPlainActions,
		"events in the history", u.Events, workflowstest.MaxPlainEvents)
	return b.String()
}
