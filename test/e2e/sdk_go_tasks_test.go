package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// goTasks: Tasks from their creation to the end of their durable runs.
func goTasks(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}, noPhone: true})
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	made, err := s.rest.CreateTaskWithMetadata(c.ws, (&api.CreateTaskParams{}).SetWorkflowSid(c.workflow).SetPriority(7).SetTimeout(600).
		SetTaskChannel("chat").SetVirtualStartTime(began).SetAttributes(`{"department":"sales","language":"ja","n":1}`))
	require.NoError(t, err)
	require.Equal(t, 201, made.GetStatusCode())
	task := made.GetResource()
	require.Equal(t, []any{"pending", 5, 600, "chat", salesQueue, c.queues[salesQueue], "Departments", c.workflow, "{}"}, []any{ // the target says 5
		*task.AssignmentStatus, task.Priority, task.Timeout, *task.TaskChannelUniqueName, *task.TaskQueueFriendlyName, *task.TaskQueueSid,
		*task.WorkflowFriendlyName, *task.WorkflowSid, *task.Addons,
	})
	require.True(t, began.Equal(*task.VirtualStartTime))
	s.sent(t, &task)
	s.leads(t, task.Links, "task_queue", "workflow", "workspace", "reservations")

	// Two clients read the same version; the second to write is told.
	tag := made.GetHeader("ETag")
	require.NotEmpty(t, tag)
	updated, err := s.rest.UpdateTaskWithMetadata(c.ws, *task.Sid, (&api.UpdateTaskParams{}).SetPriority(9).SetTaskChannel("sms").
		SetVirtualStartTime(began.Add(time.Hour)).SetIfMatch(tag))
	require.NoError(t, err)
	task = updated.GetResource()
	require.Equal(t, []any{9, "sms"}, []any{task.Priority, *task.TaskChannelUniqueName})
	require.True(t, began.Add(time.Hour).Equal(*task.VirtualStartTime))
	require.NotEqual(t, tag, updated.GetHeader("ETag"))
	_, err = s.rest.UpdateTask(c.ws, *task.Sid, (&api.UpdateTaskParams{}).SetPriority(1).SetIfMatch(tag))
	refused(t, err, 412, 20412, "")
	refused(t, s.rest.DeleteTask(c.ws, *task.Sid, (&api.DeleteTaskParams{}).SetIfMatch(tag)), 412, 20412, "")
	fetched, err := s.rest.FetchTaskWithMetadata(c.ws, *task.Sid)
	require.NoError(t, err)
	require.Equal(t, updated.GetHeader("ETag"), fetched.GetHeader("ETag"))
	require.Equal(t, 9, fetched.GetResource().Priority)

	goTaskLists(t, c, *task.Sid)

	_, err = s.rest.UpdateTask(c.ws, *task.Sid, (&api.UpdateTaskParams{}).SetAssignmentStatus("completed").SetReason("early"))
	refused(t, err, 400, 20001, fmt.Sprintf("Cannot complete task %s in workspace %s for account %s because it is not currently assigned.", *task.Sid, c.ws, s.AccountSID))
	canceled, err := s.rest.UpdateTask(c.ws, *task.Sid, (&api.UpdateTaskParams{}).SetAssignmentStatus("canceled").SetReason("not needed"))
	require.NoError(t, err)
	require.Equal(t, []string{"canceled", "not needed"}, []string{*canceled.AssignmentStatus, *canceled.Reason})
	s.runEnds(t, *task.Sid)

	// A Task for one agent, whatever they are doing.
	targeted, err := s.rest.CreateTask(c.ws, (&api.CreateTaskParams{}).SetRoutingTarget(c.agents[alice.name]).SetIgnoreCapacity("true"))
	require.NoError(t, err)
	require.Equal(t, []any{c.agents[alice.name], true}, []any{*targeted.RoutingTarget, *targeted.IgnoreCapacity})
	c.answer(t, *targeted.Sid, c.offered(t, *targeted.Sid, alice), "accepted")
	listed, err := s.rest.ListTask(c.ws, (&api.ListTaskParams{}).SetRoutingTarget(c.agents[alice.name]))
	require.NoError(t, err)
	require.Len(t, listed, 1)
	_, err = s.rest.UpdateTask(c.ws, *targeted.Sid, (&api.UpdateTaskParams{}).SetAssignmentStatus("canceled"))
	refused(t, err, 400, 20001, "because it is not pending or reserved.")
	c.finish(t, *targeted.Sid, "wrapping")
	require.Equal(t, "wrapping", *c.task(t, *targeted.Sid).AssignmentStatus)
	done, err := s.rest.UpdateTask(c.ws, *targeted.Sid, (&api.UpdateTaskParams{}).SetAssignmentStatus("completed").SetReason("done"))
	require.NoError(t, err)
	require.Equal(t, []string{"completed", "done"}, []string{*done.AssignmentStatus, *done.Reason})
	s.runEnds(t, *targeted.Sid)

	// A Task for one queue, which is then deleted.
	queued, err := s.rest.CreateTask(c.ws, (&api.CreateTaskParams{}).SetTaskQueueSid(c.queues[salesQueue]).SetWorkflowSid(c.workflow))
	require.NoError(t, err)
	require.Equal(t, c.queues[salesQueue], *queued.TaskQueueSid)
	s.describeRun(t, *queued.Sid)
	require.NoError(t, s.rest.DeleteTask(c.ws, *queued.Sid, (&api.DeleteTaskParams{}).SetIfMatch("*")))
	_, err = s.rest.FetchTask(c.ws, *queued.Sid)
	refused(t, err, 404, 20404, "not found")
	s.runEnds(t, *queued.Sid)

	_, err = s.rest.CreateTask(c.ws, (&api.CreateTaskParams{}).SetAttributes("[]"))
	refused(t, err, 400, 20001, "")
}

// goTaskLists narrows the list of Tasks in every way.
func goTaskLists(t *testing.T, c *center, sales string) {
	t.Helper()
	support := c.newTask(t, supportTask)
	c.offered(t, support, alice)
	list := func() *api.ListTaskParams { return &api.ListTaskParams{} }
	for _, test := range []struct {
		name   string
		params *api.ListTaskParams
		want   []string
	}{
		{"all", list(), []string{sales, support}},
		{"priority", list().SetPriority(9), []string{sales}},
		{"status", list().SetAssignmentStatus([]string{"reserved"}), []string{support}},
		{"statuses", list().SetAssignmentStatus([]string{"reserved", "pending"}), []string{sales, support}},
		{"workflow", list().SetWorkflowSid(c.workflow), []string{sales, support}},
		{"workflow's name", list().SetWorkflowName("None"), nil},
		{"queue", list().SetTaskQueueSid(c.queues[salesQueue]), []string{sales}},
		{"queue's name", list().SetTaskQueueName(supportQueue), []string{support}},
		{"attributes", list().SetEvaluateTaskAttributes(`department == "sales" AND n > 0`), []string{sales}},
		{"order", list().SetOrdering("DateCreated:desc"), []string{support, sales}},
		{"orders", list().SetOrdering("Priority:asc,VirtualStartTime:asc"), []string{sales, support}},
		{"add-ons", list().SetHasAddons(true), nil},
	} {
		tasks, err := c.rest.ListTask(c.ws, test.params)
		require.NoError(t, err, test.name)
		var got []string
		for _, task := range tasks {
			got = append(got, *task.Sid)
		}
		require.Equal(t, test.want, got, test.name)
	}
	_, err := c.rest.ListTask(c.ws, list().SetEvaluateTaskAttributes("department =="))
	refused(t, err, 400, 20001, "")
	c.finish(t, support, "canceled")
}

// goReservations: each way an offer ends, through the Task and through the
// Worker.
func goReservations(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}, noPhone: true})
	ann := c.agents[alice.name]
	task := c.newTask(t, supportTask)
	sid := c.offered(t, task, alice)
	byTask, err := s.rest.FetchTaskReservationWithMetadata(c.ws, task, sid)
	require.NoError(t, err)
	offer := byTask.GetResource()
	require.Equal(t, []string{"pending", task, ann, alice.name}, []string{*offer.ReservationStatus, *offer.TaskSid, *offer.WorkerSid, *offer.WorkerName})
	s.sent(t, &offer)
	s.leads(t, offer.Links, "task", "worker", "workspace")
	mine, err := s.rest.FetchWorkerReservation(c.ws, ann, sid)
	require.NoError(t, err)
	require.Equal(t, []string{*offer.Sid, "pending", task}, []string{*mine.Sid, *mine.ReservationStatus, *mine.TaskSid})
	s.sent(t, mine)

	// The way to the end, in steps, with the version of each.
	tag := byTask.GetHeader("ETag")
	require.NotEmpty(t, tag)
	accepted, err := s.rest.UpdateTaskReservationWithMetadata(c.ws, task, sid, (&api.UpdateTaskReservationParams{}).SetReservationStatus("accepted").SetIfMatch(tag))
	require.NoError(t, err)
	require.Equal(t, "accepted", *accepted.GetResource().ReservationStatus)
	load := func() [2]int {
		channel, err := s.rest.FetchWorkerChannel(c.ws, ann, "default")
		require.NoError(t, err)
		return [2]int{channel.AssignedTasks, channel.AvailableCapacityPercentage}
	}
	require.Equal(t, [2]int{1, 0}, load())
	_, err = s.rest.UpdateTaskReservation(c.ws, task, sid, (&api.UpdateTaskReservationParams{}).SetReservationStatus("wrapping").SetIfMatch(tag))
	refused(t, err, 412, 20412, "")
	wrapping, err := s.rest.UpdateWorkerReservation(c.ws, ann, sid,
		(&api.UpdateWorkerReservationParams{}).SetReservationStatus("wrapping").SetIfMatch(accepted.GetHeader("ETag")))
	require.NoError(t, err)
	require.Equal(t, "wrapping", *wrapping.ReservationStatus)
	require.Equal(t, "wrapping", *c.task(t, task).AssignmentStatus)
	require.Equal(t, [2]int{0, 0}, load(), "no longer at work on it, and not free")
	completed, err := s.rest.UpdateWorkerReservation(c.ws, ann, sid, (&api.UpdateWorkerReservationParams{}).SetReservationStatus("completed"))
	require.NoError(t, err)
	require.Equal(t, "completed", *completed.ReservationStatus)
	require.Equal(t, "completed", *c.task(t, task).AssignmentStatus)
	require.Equal(t, [2]int{0, 100}, load())
	_, err = s.rest.UpdateTaskReservation(c.ws, task, sid, (&api.UpdateTaskReservationParams{}).SetReservationStatus("accepted"))
	refused(t, err, 400, 20001, "")
	s.runEnds(t, task)

	// Instructions that need no telephone, and a rejection that takes a break.
	task = c.newTask(t, supportTask)
	sid = c.offered(t, task, alice)
	rejected, err := s.rest.UpdateWorkerReservation(c.ws, ann, sid, (&api.UpdateWorkerReservationParams{}).SetInstruction("reject").SetWorkerActivitySid(c.offline))
	require.NoError(t, err)
	require.Equal(t, "rejected", *rejected.ReservationStatus)
	require.Equal(t, "pending", *c.task(t, task).AssignmentStatus)
	activity := func() string {
		w, err := s.rest.FetchWorker(c.ws, ann)
		require.NoError(t, err)
		return *w.ActivitySid
	}
	require.Equal(t, c.offline, activity())
	_, err = s.rest.UpdateWorker(c.ws, ann, (&api.UpdateWorkerParams{}).SetActivitySid(c.available))
	require.NoError(t, err)
	sid = c.offered(t, task, alice)
	_, err = s.rest.UpdateWorker(c.ws, ann, (&api.UpdateWorkerParams{}).SetActivitySid(c.offline).SetRejectPendingReservations(true))
	require.NoError(t, err)
	again, err := s.rest.FetchTaskReservation(c.ws, task, sid)
	require.NoError(t, err)
	require.Equal(t, "rejected", *again.ReservationStatus)
	_, err = s.rest.UpdateWorker(c.ws, ann, (&api.UpdateWorkerParams{}).SetActivitySid(c.available))
	require.NoError(t, err)
	taken, err := s.rest.UpdateTaskReservation(c.ws, task, c.offered(t, task, alice), (&api.UpdateTaskReservationParams{}).SetInstruction("accept"))
	require.NoError(t, err)
	require.Equal(t, "accepted", *taken.ReservationStatus)
	_, err = s.rest.UpdateTaskReservation(c.ws, task, *taken.Sid, (&api.UpdateTaskReservationParams{}).SetInstruction("fly"))
	refused(t, err, 400, 55555, "")
	supervise := func() *api.UpdateTaskReservationParams {
		return (&api.UpdateTaskReservationParams{}).SetInstruction("supervise").SetSupervisor(ann).SetSupervisorMode("whisper")
	}
	_, err = s.rest.UpdateTaskReservation(c.ws, task, *taken.Sid, supervise())
	refused(t, err, 400, 40148, "From")
	_, err = s.rest.UpdateTaskReservation(c.ws, task, *taken.Sid, supervise().SetFrom("+15550199"))
	refused(t, err, 400, 20001, "upervis") // nobody talks
	for status, want := range map[string]int{"rejected": 2, "accepted": 1, "timeout": 0} {
		list, err := s.rest.ListTaskReservation(c.ws, task, (&api.ListTaskReservationParams{}).SetReservationStatus(status).SetWorkerSid(ann))
		require.NoError(t, err)
		require.Len(t, list, want, status)
	}
	held, err := s.rest.ListWorkerReservation(c.ws, ann, (&api.ListWorkerReservationParams{}).SetReservationStatus("accepted"))
	require.NoError(t, err)
	require.Len(t, held, 1)
	require.Equal(t, *taken.Sid, *held[0].Sid)
	refused(t, s.rest.DeleteWorker(c.ws, ann, &api.DeleteWorkerParams{}), 400, 20001, "")
	c.finish(t, task, "completed")
	s.runEnds(t, task)

	goRescinded(t, c)
}

// goRescinded: of two who are offered the same Task, one gets it.
func goRescinded(t *testing.T, c *center) {
	t.Helper()
	_, err := c.rest.UpdateTaskQueue(c.ws, c.queues[supportQueue], (&api.UpdateTaskQueueParams{}).SetMaxReservedWorkers(2))
	require.NoError(t, err)
	c.hire(t, daichi)
	task := c.newTask(t, supportTask)
	first, second := c.offered(t, task, alice), c.offered(t, task, daichi)
	c.answer(t, task, first, "accepted")
	lost, err := c.rest.FetchWorkerReservation(c.ws, c.agents[daichi.name], second)
	require.NoError(t, err)
	require.Equal(t, "rescinded", *lost.ReservationStatus)
	_, err = c.rest.UpdateTaskReservation(c.ws, task, second, (&api.UpdateTaskReservationParams{}).SetReservationStatus("accepted"))
	refused(t, err, http.StatusGone, 20410, "")
	c.finish(t, task, "completed")
	c.system.runEnds(t, task)
}
