package e2e

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/workflows"
)

// timeToLive: a Task nobody takes is canceled when its time is over.
func timeToLive(t *testing.T, s *system) {
	c := newCenter(t, s, plan{})
	task := c.newTask(t, supportTask, func(p *api.CreateTaskParams) { p.SetTimeout(2) })
	ended := c.becomes(t, task, "canceled")
	require.Equal(t, "Task TTL Exceeded", *ended.Reason)
	events := c.log(t, task)
	last := events[len(events)-1]
	require.Equal(t, "task.canceled", *last.EventType)
	require.Equal(t, "Task TTL Exceeded", *last.Description)
	s.runEnds(t, task)
}

// canceledInTemporal: an operator cancels the durable run. The Task is canceled
// with it, and the run ends in good order.
func canceledInTemporal(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}})
	task := c.newTask(t, supportTask)
	c.offered(t, task, alice)
	s.describeRun(t, task)
	require.NoError(t, s.temporal.CancelWorkflow(t.Context(), workflows.TaskID(task), ""))
	ended := c.becomes(t, task, "canceled")
	require.Equal(t, "Canceled by an operator", *ended.Reason)
	require.Equal(t, sequence(entered, "reservation.created", "reservation.canceled", "task.canceled"), c.events(t, task))
	c.idle(t, alice)
	require.Contains(t, stories(t, s.runEnds(t, task)), "CancelFromOutside")
}

// assignedTaskCanceledInTemporal: what an agent has accepted cannot be canceled
// any more, only completed.
func assignedTaskCanceledInTemporal(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}})
	task := c.newTask(t, supportTask)
	c.answer(t, task, c.offered(t, task, alice), "accepted")
	s.describeRun(t, task)
	require.NoError(t, s.temporal.CancelWorkflow(t.Context(), workflows.TaskID(task), ""))
	c.becomes(t, task, "completed")
	c.idle(t, alice)
	s.runEnds(t, task)
}

// deletedTask: the offer is withdrawn, the Task is gone, the run ends.
func deletedTask(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}})
	task := c.newTask(t, supportTask)
	c.offered(t, task, alice)
	s.describeRun(t, task)
	require.NoError(t, c.rest.DeleteTask(c.ws, task, &api.DeleteTaskParams{}))
	_, err := c.rest.FetchTask(c.ws, task)
	var refused *client.TwilioRestError
	require.ErrorAs(t, err, &refused, "%v", err)
	require.Equal(t, http.StatusNotFound, refused.Status)
	require.Equal(t, sequence(entered, "reservation.created", "reservation.canceled", "task.deleted"), c.events(t, task))
	c.idle(t, alice)
	s.runEnds(t, task)
}

// deletedWhileCallerWaits: the agent's phone stops ringing, and the caller is
// not left in the waiting room.
func deletedWhileCallerWaits(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}})
	caller := c.customer(t, keySupport, keyEnglish)
	agent := c.phone.rings(t, c.contacts[alice.name])
	task := *c.onlyTask(t).Sid
	require.NoError(t, c.rest.DeleteTask(c.ws, task, &api.DeleteTaskParams{}))
	require.Equal(t, "system", agent.ends(t).EndedBy)
	caller.ends(t)
	c.idle(t, alice)
	s.runEnds(t, task)
}
