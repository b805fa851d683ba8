package e2e

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/workspace"
)

// attributesOf decodes the attributes of a Task.
func attributesOf(t *testing.T, task *api.TaskrouterV1Task) map[string]any {
	t.Helper()
	out := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(*task.Attributes), &out))
	return out
}

// menuToWrapUp is the journey the router exists for: a customer calls, presses
// keys, the agent with the right skills is rung, both talk, the agent does the
// after-call work.
func menuToWrapUp(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice, bob, chiyo, daichi}, wrapUp: 2})
	caller := c.customer(t, keySales, keyJapanese)
	agent := c.phone.rings(t, c.contacts[chiyo.name])
	task := c.onlyTask(t)
	a := attributesOf(t, task)
	require.Equal(t, "sales", a["department"])
	require.Equal(t, "ja", a["language"])
	require.Equal(t, "e2e", a["line"])
	require.Equal(t, caller.sid, a["call_sid"])
	require.Equal(t, c.number, a["to"])
	require.Equal(t, caller.now(t).From, a["from"])
	require.Equal(t, "inbound", a["direction"])
	require.Equal(t, "voice", *task.TaskChannelUniqueName)
	require.Equal(t, salesQueue, *task.TaskQueueFriendlyName)
	require.Equal(t, 5, task.Priority)

	agent.do(t, "answer")
	c.talk(t, *task.Sid, caller, agent)
	task = c.becomes(t, *task.Sid, "assigned")
	require.Equal(t, agent.sid, attributesOf(t, task)["worker_call_sid"])
	c.phone.silent(t, c.contacts[alice.name], c.contacts[bob.name], c.contacts[daichi.name])

	agent.do(t, "hangup")
	c.becomes(t, *task.Sid, "wrapping")
	caller.hears(t, farewell)
	caller.ends(t)
	c.becomes(t, *task.Sid, "completed")
	require.Equal(t, sequence(entered, "reservation.created", "reservation.accepted", "task.updated",
		"reservation.wrapup", "task.wrapup", "reservation.completed", "task.completed"), c.events(t, *task.Sid))
	c.idle(t, chiyo)
	require.Contains(t, stories(t, s.runEnds(t, *task.Sid)), "Dial")
}

// demoCall is the call that the first start of the system suggests: a customer
// dials the demo's number and asks for Sales in Japanese.
func demoCall(t *testing.T, s *system) {
	c := &center{system: s, ws: s.WorkspaceSID}
	caller := s.phone.dial(t, "+15557777", workspace.DemoPhoneNumber)
	caller.press(t, "Welcome.", "2")
	caller.press(t, "For Japanese, press 2.", "2")
	agent := s.phone.rings(t, "client:chiyo")
	task := *c.onlyTask(t).Sid
	agent.do(t, "answer")
	c.talk(t, task, caller, agent)
	s.phone.silent(t, "client:alice", "client:bob", "client:daichi")
	caller.do(t, "hangup")
	agent.ends(t)
	c.becomes(t, task, "wrapping")
	c.finish(t, task, "completed")
	s.runEnds(t, task)
}

// phoneRejected: the agent declines on screen while the phone rings. It stops
// ringing, and the next one's rings.
func phoneRejected(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice, daichi}})
	caller := c.customer(t, keySupport, keyEnglish)
	first := c.phone.rings(t, c.contacts[daichi.name])
	task := *c.onlyTask(t).Sid
	offer := c.offered(t, task, daichi)
	_, err := c.rest.UpdateTaskReservation(c.ws, task, offer,
		(&api.UpdateTaskReservationParams{}).SetReservationStatus("rejected").SetWorkerActivitySid(c.offline))
	require.NoError(t, err)
	require.Equal(t, "system", first.ends(t).EndedBy)

	second := c.phone.rings(t, c.contacts[alice.name])
	second.do(t, "answer")
	c.talk(t, task, caller, second)
	caller.do(t, "hangup")
	second.ends(t)
	c.becomes(t, task, "wrapping")
	c.finish(t, task, "completed")
	require.Equal(t, sequence(entered, "reservation.created", "reservation.rejected", "reservation.created",
		"reservation.accepted", "task.updated", "reservation.wrapup", "task.wrapup", "reservation.completed", "task.completed"), c.events(t, task))
	c.idle(t, daichi)
	c.idle(t, alice)
	require.Len(t, c.phone.to(t, c.contacts[daichi.name]), 1, "rung once")
	s.runEnds(t, task)
}

// phoneBusy: a phone that cannot be had is no fault of the agent's. The Task
// waits a moment and is offered again.
func phoneBusy(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}})
	caller := c.customer(t, keySupport, keyEnglish)
	first := c.phone.rings(t, c.contacts[alice.name])
	task := *c.onlyTask(t).Sid
	first.do(t, "busy")
	second := await(t, "rings again", func() (call, bool) {
		calls := c.phone.to(t, c.contacts[alice.name])
		last := calls[len(calls)-1]
		return call{c.phone, last.CallSID}, len(calls) == 2 && last.State == voice.Ringing.String()
	})
	second.do(t, "answer")
	c.talk(t, task, caller, second)
	second.do(t, "hangup")
	c.becomes(t, task, "wrapping")
	c.finish(t, task, "completed")
	require.Equal(t, sequence(entered, "reservation.created", "reservation.canceled", "reservation.created",
		"reservation.accepted", "task.updated", "reservation.wrapup", "task.wrapup", "reservation.completed", "task.completed"), c.events(t, task))
	s.runEnds(t, task)
}

// phoneNotAnswered: the offer times out, the agent goes offline, the next one
// gets the call.
func phoneNotAnswered(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{daichi}, reservationTimeout: 7})
	caller := c.customer(t, keySupport, keyEnglish)
	first := c.phone.called(t, c.contacts[daichi.name]) // rings for two seconds
	task := *c.onlyTask(t).Sid
	require.Equal(t, voice.EndNoAnswer, first.ends(t).Cause)
	until(t, "the agent is offline", func() bool {
		w, err := c.rest.FetchWorker(c.ws, c.agents[daichi.name])
		require.NoError(t, err)
		return *w.ActivitySid == c.offline
	})
	c.becomes(t, task, "pending")
	c.hire(t, alice)
	second := c.phone.rings(t, c.contacts[alice.name])
	second.do(t, "answer")
	c.talk(t, task, caller, second)
	caller.do(t, "hangup")
	c.becomes(t, task, "wrapping")
	c.finish(t, task, "completed")
	require.Equal(t, sequence(entered, "reservation.created", "reservation.timeout", "reservation.created",
		"reservation.accepted", "task.updated", "reservation.wrapup", "task.wrapup", "reservation.completed", "task.completed"), c.events(t, task))
	c.idle(t, daichi)
	s.runEnds(t, task)
}

// escalated: nobody who speaks the language is there, so after a while the call
// becomes more urgent and goes to everybody.
func escalated(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice, bob}, patience: 8})
	caller := c.customer(t, keySupport, keyJapanese)
	task := c.onlyTask(t)
	require.Equal(t, supportQueue, *task.TaskQueueFriendlyName)
	require.Equal(t, 10, task.Priority)
	require.Empty(t, c.offers(t, *task.Sid))

	agent := c.phone.rings(t, c.contacts[alice.name]) // idle for longer than Bob
	moved := c.task(t, *task.Sid)
	require.Equal(t, everyoneQueue, *moved.TaskQueueFriendlyName)
	require.Equal(t, 20, moved.Priority)
	d := s.describeRun(t, *task.Sid)
	until(t, "operators see the new queue", func() bool {
		d = s.describeRun(t, *task.Sid)
		return searchable(t, d)["TaskRouterQueue"] == c.queues[everyoneQueue] && searchable(t, d)["TaskRouterPriority"] == "20"
	})
	agent.do(t, "answer")
	c.talk(t, *task.Sid, caller, agent)
	agent.do(t, "hangup")
	c.becomes(t, *task.Sid, "wrapping")
	c.finish(t, *task.Sid, "completed")
	require.Equal(t, sequence(entered, "task-queue.timeout", "workflow.target-matched", "task-queue.moved", "task-queue.entered",
		"reservation.created", "reservation.accepted", "task.updated", "reservation.wrapup", "task.wrapup", "reservation.completed", "task.completed"),
		c.events(t, *task.Sid))
	require.Contains(t, stories(t, s.runEnds(t, *task.Sid)), "timer: target times out")
}

// lastTargetTimesOut: when the last target gives up, the Task is canceled and
// the caller is not left in the waiting room.
func lastTargetTimesOut(t *testing.T, s *system) {
	c := newCenter(t, s, plan{patience: 1, lastTimeout: 2})
	caller := c.customer(t, keySales, keyEnglish)
	task := c.becomes(t, *c.onlyTask(t).Sid, "canceled")
	require.Equal(t, "Task canceled on Workflow timeout", *task.Reason)
	caller.ends(t)
	require.Equal(t, sequence(entered, "task-queue.timeout", "workflow.target-matched", "task-queue.moved", "task-queue.entered",
		"task-queue.timeout", "workflow.timeout", "task.canceled"), c.events(t, *task.Sid))
	s.runEnds(t, *task.Sid)
}

// callerLeavesWhileWaiting: the wait is over, nobody is rung.
func callerLeavesWhileWaiting(t *testing.T, s *system) {
	c := newCenter(t, s, plan{})
	caller := c.customer(t, keySupport, keyEnglish)
	task := *c.onlyTask(t).Sid
	caller.do(t, "hangup")
	ended := c.becomes(t, task, "canceled")
	require.Equal(t, "hangup", *ended.Reason)
	require.Empty(t, c.offers(t, task))
	require.Equal(t, sequence(entered, "task.canceled"), c.events(t, task))
	s.runEnds(t, task)
}

// callerLeavesWhileRinging: the agent's phone stops ringing, and the agent can
// have the next call at once.
func callerLeavesWhileRinging(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}})
	caller := c.customer(t, keySupport, keyEnglish)
	agent := c.phone.rings(t, c.contacts[alice.name])
	task := *c.onlyTask(t).Sid
	caller.do(t, "hangup")
	ended := c.becomes(t, task, "canceled")
	require.Equal(t, "hangup", *ended.Reason)
	silenced := agent.ends(t)
	require.Equal(t, "system", silenced.EndedBy)
	require.True(t, silenced.AnsweredAt.IsZero())
	require.Equal(t, sequence(entered, "reservation.created", "reservation.canceled", "task.canceled"), c.events(t, task))
	c.idle(t, alice)
	s.runEnds(t, task)

	next := c.customer(t, keySupport, keyEnglish)
	again := c.phone.rings(t, c.contacts[alice.name])
	again.do(t, "answer")
	talks(t, next, again)
}

// acceptedByREST: an agent who accepts on screen while a caller waits is
// connected to the caller by telephone all the same.
func acceptedByREST(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}, manual: true, wrapUp: 1})
	caller := c.customer(t, keySupport, keyEnglish)
	task := *c.onlyTask(t).Sid
	offer := c.offered(t, task, alice)
	c.phone.silent(t, c.contacts[alice.name])
	c.answer(t, task, offer, "accepted")
	agent := c.phone.rings(t, c.contacts[alice.name])
	agent.do(t, "answer")
	c.talk(t, task, caller, agent)
	caller.do(t, "hangup")
	agent.ends(t)
	c.becomes(t, task, "completed")
	c.idle(t, alice)
	s.runEnds(t, task)
}
