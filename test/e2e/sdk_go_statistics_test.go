package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// numbers reads the numbers of a statistics resource, those of objects in it
// under the names of both.
func numbers(t *testing.T, of any) map[string]int {
	t.Helper()
	text, err := json.Marshal(of)
	require.NoError(t, err)
	var tree any
	require.NoError(t, json.Unmarshal(text, &tree))
	out := map[string]int{}
	var walk func(name string, v any)
	walk = func(name string, v any) {
		switch v := v.(type) {
		case float64:
			out[name] = int(v)
			require.InDelta(t, v, out[name], 0, name)
		case map[string]any:
			for k, child := range v {
				if name != "" {
					k = name + "." + k
				}
				walk(k, child)
			}
		}
	}
	walk("", tree)
	return out
}

// counts makes sure that a statistics resource has numbers; the library leaves
// out those that are 0.
func counts(t *testing.T, of any, want map[string]int, under string) {
	t.Helper()
	got := numbers(t, of)
	for name, n := range want {
		require.Equal(t, n, got[under+name], "%s%s of %v", under, name, got)
	}
}

// merged joins what is counted.
func merged(all ...map[string]int) map[string]int {
	out := map[string]int{}
	for _, m := range all {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

// goStatistics: what happened to four Tasks, as each of the statistics tells
// it.
func goStatistics(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice, bob}, noPhone: true})
	w, workflow, queue, agent := c.ws, c.workflow, c.queues[supportQueue], c.agents[alice.name]
	completed := c.newTask(t, supportTask)
	c.answer(t, completed, c.offered(t, completed, alice), "rejected")
	c.answer(t, completed, c.offered(t, completed, alice), "accepted")
	waiting := c.newTask(t, supportTask)
	canceled := c.newTask(t, supportTask)
	c.finish(t, canceled, "canceled")
	deleted := c.newTask(t, supportTask)
	require.NoError(t, s.rest.DeleteTask(w, deleted, &api.DeleteTaskParams{}))
	c.finish(t, completed, "completed")
	c.answer(t, waiting, c.offered(t, waiting, alice), "accepted")

	now := map[string]int{"total_tasks": 3, "tasks_by_status.assigned": 1, "tasks_by_status.canceled": 1, "tasks_by_status.completed": 1, "longest_task_waiting_age": 0}
	offers := map[string]int{
		"reservations_created": 3, "reservations_accepted": 2, "reservations_rejected": 1, "reservations_timed_out": 0,
		"reservations_canceled": 0, "reservations_rescinded": 0,
	}
	tasks := map[string]int{"tasks_canceled": 1, "tasks_completed": 1, "tasks_deleted": 1, "tasks_moved": 0, "tasks_timed_out_in_workflow": 0}
	made, entered := map[string]int{"tasks_created": 4}, map[string]int{"tasks_entered": 4}
	split := map[string]int{"split_by_wait_time.60.below.reservations_accepted": 2, "split_by_wait_time.60.above.reservations_accepted": 0}
	members := map[string]int{"total_eligible_workers": 1, "total_available_workers": 1}

	t.Run("workspace", func(t *testing.T) {
		present, err := s.rest.FetchWorkspaceRealTimeStatistics(w, (&api.FetchWorkspaceRealTimeStatisticsParams{}).SetTaskChannel("default"))
		require.NoError(t, err)
		counts(t, present, merged(now, map[string]int{"total_workers": 2}), "")
		require.Len(t, *present.ActivityStatistics, 3)
		past, err := s.rest.FetchWorkspaceCumulativeStatistics(w, (&api.FetchWorkspaceCumulativeStatisticsParams{}).SetMinutes(5).SetSplitByWaitTime("60,120"))
		require.NoError(t, err)
		counts(t, past, merged(offers, tasks, made, split), "")
		require.Equal(t, 5*time.Minute, past.EndTime.Sub(*past.StartTime))
		both, err := s.rest.FetchWorkspaceStatistics(w, (&api.FetchWorkspaceStatisticsParams{}).SetStartDate(time.Now().Add(-time.Hour)).SetSplitByWaitTime("60"))
		require.NoError(t, err)
		counts(t, both, merged(offers, tasks, made, split), "cumulative.")
		counts(t, both, now, "realtime.")
		_, err = s.rest.FetchWorkspaceStatistics(w, (&api.FetchWorkspaceStatisticsParams{}).SetStartDate(time.Now().AddDate(0, -2, 0)))
		refused(t, err, 400, 14241, "")
	})
	t.Run("workflow", func(t *testing.T) {
		present, err := s.rest.FetchWorkflowRealTimeStatistics(w, workflow, (&api.FetchWorkflowRealTimeStatisticsParams{}).SetTaskChannel("default"))
		require.NoError(t, err)
		require.Equal(t, workflow, *present.WorkflowSid)
		counts(t, present, now, "")
		past, err := s.rest.FetchWorkflowCumulativeStatistics(w, workflow, (&api.FetchWorkflowCumulativeStatisticsParams{}).SetMinutes(5).SetSplitByWaitTime("60"))
		require.NoError(t, err)
		counts(t, past, merged(offers, tasks, entered, split), "")
		both, err := s.rest.FetchWorkflowStatistics(w, workflow, (&api.FetchWorkflowStatisticsParams{}).SetMinutes(5))
		require.NoError(t, err)
		counts(t, both, merged(offers, tasks, entered), "cumulative.")
		counts(t, both, now, "realtime.")
	})
	t.Run("queue", func(t *testing.T) {
		present, err := s.rest.FetchTaskQueueRealTimeStatistics(w, queue, (&api.FetchTaskQueueRealTimeStatisticsParams{}).SetTaskChannel("default"))
		require.NoError(t, err)
		require.Equal(t, queue, *present.TaskQueueSid)
		counts(t, present, merged(now, members), "")
		past, err := s.rest.FetchTaskQueueCumulativeStatistics(w, queue, (&api.FetchTaskQueueCumulativeStatisticsParams{}).SetMinutes(5).SetSplitByWaitTime("60"))
		require.NoError(t, err)
		delete(tasks, "tasks_timed_out_in_workflow")
		counts(t, past, merged(offers, tasks, entered, split), "")
		both, err := s.rest.FetchTaskQueueStatistics(w, queue, (&api.FetchTaskQueueStatisticsParams{}).SetMinutes(5))
		require.NoError(t, err)
		counts(t, both, merged(offers, tasks, entered), "cumulative.")
		counts(t, both, merged(now, members), "realtime.")
		list, err := s.rest.ListTaskQueuesStatistics(w, (&api.ListTaskQueuesStatisticsParams{}).SetFriendlyName(supportQueue).SetMinutes(5))
		require.NoError(t, err)
		require.Len(t, list, 1)
		counts(t, list[0], merged(offers, tasks, entered), "cumulative.")
		unknown := "WQ" + w[2:]
		bulk, err := s.rest.CreateTaskQueueBulkRealTimeStatistics(w, (&api.CreateTaskQueueBulkRealTimeStatisticsParams{}).
			SetBody(map[string]any{"QueueSids": []string{queue, unknown}}))
		require.NoError(t, err)
		require.Equal(t, 2, bulk.TaskQueueResponseCount)
		counts(t, (*bulk.TaskQueueData)[0], merged(now, members), "")
		counts(t, (*bulk.TaskQueueData)[1], map[string]int{"total_tasks": 0, "total_eligible_workers": 0}, "")
	})
	t.Run("workers", func(t *testing.T) {
		present, err := s.rest.FetchWorkersRealTimeStatistics(w, (&api.FetchWorkersRealTimeStatisticsParams{}).SetTaskChannel("default"))
		require.NoError(t, err)
		counts(t, present, map[string]int{"total_workers": 2}, "")
		require.Len(t, *present.ActivityStatistics, 3)
		past, err := s.rest.FetchWorkersCumulativeStatistics(w, (&api.FetchWorkersCumulativeStatisticsParams{}).SetMinutes(5))
		require.NoError(t, err)
		counts(t, past, offers, "")
		require.Len(t, *past.ActivityDurations, 3)
		both, err := s.rest.FetchWorkerStatistics(w, (&api.FetchWorkerStatisticsParams{}).SetMinutes(5).SetTaskQueueSid(queue))
		require.NoError(t, err)
		counts(t, both, offers, "cumulative.")
		counts(t, both, map[string]int{"total_workers": 1}, "realtime.")
		one, err := s.rest.FetchWorkerInstanceStatistics(w, agent, (&api.FetchWorkerInstanceStatisticsParams{}).SetMinutes(5).SetTaskChannel("default"))
		require.NoError(t, err)
		require.Equal(t, agent, *one.WorkerSid)
		counts(t, one, offers, "cumulative.")
	})
}

// goEvents: the log of what happened, narrowed in every way.
func goEvents(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}, noPhone: true})
	task := c.newTask(t, `{"department":"support","language":"en","secret":"Zoë & co"}`)
	offer := c.offered(t, task, alice)
	c.answer(t, task, offer, "accepted")
	c.finish(t, task, "completed")
	types := func(p *api.ListEventParams) []string {
		t.Helper()
		list, err := s.rest.ListEvent(c.ws, p)
		require.NoError(t, err)
		var out []string
		for _, e := range list { // newest first
			out = append([]string{*e.EventType}, out...)
		}
		return out
	}
	list := func() *api.ListEventParams { return &api.ListEventParams{} }
	offered := []string{"reservation.created", "reservation.accepted", "reservation.completed"}
	whole := sequence(entered, offered, "task.completed")
	require.Equal(t, whole, types(list().SetTaskSid(task)))
	require.Equal(t, offered, types(list().SetReservationSid(offer)))
	require.Equal(t, []string{"reservation.accepted"}, types(list().SetWorkerSid(c.agents[alice.name]).SetEventType("reservation.accepted")))
	require.Equal(t, sequence("workflow.created", whole), types(list().SetWorkflowSid(c.workflow).SetMinutes(5)))
	require.Equal(t, sequence("task-queue.created", "task-queue.entered", offered, "task.completed"), types(list().SetTaskQueueSid(c.queues[supportQueue])))
	require.Subset(t, types(list().SetTaskChannel("default")), offered)
	require.Empty(t, types(list().SetTaskChannel("voice").SetTaskSid(task)))
	require.Empty(t, types(list().SetTaskSid(task).SetEndDate(time.Now().Add(-time.Minute))))
	require.Equal(t, whole, types(list().SetTaskSid(task).SetStartDate(time.Now().Add(-time.Minute)).SetEndDate(time.Now().Add(time.Minute))))

	log := c.log(t, task)
	event := log[len(entered)] // the offer
	fetched, err := s.rest.FetchEvent(c.ws, *event.Sid)
	require.NoError(t, err)
	require.Equal(t, &event, fetched)
	s.sent(t, fetched)
	require.Equal(t, []string{"reservation.created"}, types(list().SetSid(*event.Sid)))
	require.Equal(t, []string{"reservation", offer, s.AccountSID, c.ws}, []string{*event.ResourceType, *event.ResourceSid, *event.AccountSid, *event.WorkspaceSid})
	require.NotEmpty(t, *event.Description)
	require.Equal(t, event.EventDate.Unix(), *event.EventDateMs/1000)
	data, _ := (*event.EventData).(map[string]any)
	for key, want := range map[string]string{
		"task_sid": task, "reservation_sid": offer, "worker_sid": c.agents[alice.name], "worker_name": alice.name, "task_queue_name": supportQueue,
		"task_queue_sid": c.queues[supportQueue], "workflow_sid": c.workflow, "workflow_name": "Departments", "task_assignment_status": "reserved",
		"task_priority": "10", "task_channel_unique_name": "default", "workspace_sid": c.ws,
	} {
		require.Equal(t, want, data[key], key)
	}
	for key, v := range data {
		require.IsType(t, "", v, key)
	}
	require.JSONEq(t, `{"department":"support","language":"en","secret":"Zoë & co"}`, data["task_attributes"].(string))
	_, err = s.rest.FetchEvent(c.ws, "EV"+task[2:])
	refused(t, err, 404, 20404, "not found")
}
