package dispatch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func (b *bench) rewrite(task, text string) {
	b.t.Helper()
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(task), Attributes: ptr(taskrouter.Attributes(text))})
	require.NoError(b.t, err)
}

func (b *bench) reconfigure(flow, text string, again bool) {
	b.t.Helper()
	_, err := b.config.UpdateWorkflow(b.ctx, workspace.WorkflowUpdate{Subject: b.subject(flow), Configuration: &text, ReEvaluate: again})
	require.NoError(b.t, err)
}

func TestNewAttributes(t *testing.T) {
	b := newBench(t)
	red, blue, late := b.queue("Red", members("team=='red'")), b.queue("Blue", members("team=='blue'")), b.queue("Late", members("team=='late'"))
	b.workflow(routing("", filter("kind=='red'", target(red, `"timeout":30`), target(late)), filter("kind=='blue'", target(blue))))
	task := b.task(attributes(`{"kind":"red"}`))
	b.pass(20 * time.Second)
	deadline := b.get(task).Route.Deadline

	require.Equal(t, events{taskrouter.TaskUpdated}, b.during(func() { b.rewrite(task, `{"kind":"red","n":1}`) }))
	require.Equal(t, deadline, b.get(task).Route.Deadline, "same filter: the timer goes on")
	b.pass(15 * time.Second)
	require.Equal(t, late, b.get(task).QueueSID)
	b.rewrite(task, `{"kind":"red","n":2}`)
	require.Equal(t, late, b.get(task).QueueSID, "same filter: the target stays")

	from := b.lastSeq()
	b.rewrite(task, `{"kind":"blue"}`)
	require.Equal(t, blue, b.get(task).QueueSID)
	var types events
	for _, e := range b.eventsAfter(from) {
		types = append(types, e.Type)
		if e.Type != taskrouter.TaskUpdated {
			require.Equal(t, "Task attributes updated", e.Data["task_re_evaluated_reason"])
		}
	}
	require.Equal(t, events{taskrouter.TaskUpdated, taskrouter.WorkflowTargetMatched, taskrouter.TaskQueueMoved, taskrouter.TaskQueueEntered}, types)

	require.Equal(t, events{taskrouter.TaskUpdated, taskrouter.WorkflowTimeout, taskrouter.TaskWasCanceled}, b.during(func() { b.rewrite(task, `{}`) }))
	require.Equal(t, taskrouter.ReasonWorkflowTimeout, b.get(task).Reason)
	requireHealthy(t, b)
}

func TestNewAttributesWhileReserved(t *testing.T) {
	b := newBench(t)
	red, blue := b.queue("Red", members("team=='red'")), b.queue("Blue", members("team=='blue'"))
	b.workflow(routing("", filter("kind=='red'", target(red)), filter("kind=='blue'", target(blue))))
	b.worker("Ann", `{"team":"red"}`)
	ben := b.worker("Ben", `{"team":"blue"}`)
	task := b.task(attributes(`{"kind":"red"}`))
	r := b.offer(task)
	b.rewrite(task, `{"kind":"blue"}`)
	require.Equal(t, taskrouter.TaskReserved, b.status(task))
	require.Equal(t, red, b.get(task).QueueSID)
	b.must(r.SID, taskrouter.ReservationRejected)
	require.Equal(t, blue, b.get(task).QueueSID, "made up for when the offer ended")
	require.Equal(t, []string{ben}, b.offered(task))
	b.must(b.offer(task).SID, taskrouter.ReservationAccepted)
	b.rewrite(task, `{"kind":"red"}`)
	require.Equal(t, blue, b.get(task).QueueSID, "an assigned task stays")
	requireHealthy(t, b)
}

// A Task follows the configuration it entered with.
func TestOldConfigurationIsFollowed(t *testing.T) {
	b := newBench(t)
	one, two, three := b.queue("One", members("team=='x'")), b.queue("Two", members("team=='y'")), b.queue("Three", members("team=='z'"))
	flow := b.workflow(routing("", filter("1==1", target(one, `"timeout":5`), target(two))))
	old := b.task()
	b.reconfigure(flow, routing("", filter("1==1", target(three))), false)
	require.Equal(t, three, b.get(b.task()).QueueSID)
	b.pass(5 * time.Second)
	require.Equal(t, two, b.get(old).QueueSID)

	// Another process has never seen the old version.
	b.d = dispatch.New(b.db, auditEngine, nil, nopLog, dispatch.Options{Now: b.clock.now})
	b.config = workspace.New(b.d, b.db, auditEngine, nopLog, workspace.Options{Now: b.clock.now})
	b.rewrite(old, `{"a":1}`)
	require.Equal(t, two, b.get(old).QueueSID)
	require.Equal(t, []string{b.worker("Ann", `{"team":"y"}`)}, b.offered(old))
	requireHealthy(t, b)
}

func TestWorkflowIsReEvaluated(t *testing.T) {
	b := newBench(t, options(dispatch.Options{ChunkSize: 2}))
	red, blue := b.queue("Red", members("team=='red'")), b.queue("Blue", members("team=='blue'"))
	flow := b.workflow(routing("", filter("1==1", target(red, `"timeout":600`))))
	ann := b.worker("Ann", `{"team":"red"}`)
	var tasks []string
	for range 7 {
		tasks = append(tasks, b.task())
	}
	direct := b.task(toTarget(red))
	require.Equal(t, []string{ann}, b.offered(tasks[0]))
	b.pass(time.Minute)
	b.reconfigure(flow, routing("", filter("1==1", target(blue, `"timeout":600`))), true)
	b.sweep()
	require.Equal(t, red, b.get(tasks[0]).QueueSID, "reserved: put off")
	require.Equal(t, red, b.get(direct).QueueSID, "filters are still bypassed")
	for _, sid := range tasks[1:] {
		got := b.get(sid)
		require.Equal(t, blue, got.QueueSID)
		require.Equal(t, b.clock.now().Add(600*time.Second), got.Route.Deadline, "a new timer")
	}
	from := b.lastSeq()
	b.must(b.offer(tasks[0]).SID, taskrouter.ReservationRejected)
	require.Equal(t, blue, b.get(tasks[0]).QueueSID)
	for _, e := range b.eventsAfter(from) {
		if e.Type == taskrouter.TaskQueueMoved {
			require.Equal(t, "Workflow updated", e.Data["task_re_evaluated_reason"])
		}
	}
	require.Equal(t, []string{ann}, b.offered(direct))
	requireHealthy(t, b)
}

func TestSingleTasking(t *testing.T) {
	b := newBench(t, single)
	b.workflow(everything(b.queue("Q")))
	ann := b.worker("Ann", "{}")
	b.capacity(ann, "default", 5)
	task, other := b.task(), b.task(func(n *dispatch.NewTask) { n.Channel = "chat" })
	require.Equal(t, "Reserved", b.activityOf(ann))
	require.Empty(t, b.offered(other), "one at a time, whatever the channel")
	b.must(b.offer(task).SID, taskrouter.ReservationAccepted)
	require.Equal(t, "Busy", b.activityOf(ann))
	require.NoError(t, b.set(task, taskrouter.TaskCompleted))
	require.Equal(t, "Busy", b.activityOf(ann), "the application frees the agent")
	require.Empty(t, b.offered(other))
	b.move(ann, "Available")
	r := b.offer(other)
	require.Equal(t, events{taskrouter.ReservationWasCanceled, taskrouter.TaskWasCanceled, taskrouter.WorkerActivityUpdate},
		b.during(func() { require.NoError(t, b.set(other, taskrouter.TaskCanceled)) }))
	require.Equal(t, taskrouter.ReservationCanceled, b.reservation(r.SID).Status)
	require.Equal(t, "Available", b.activityOf(ann), "back to where the offer found her")
	requireHealthy(t, b)

	third := b.task()
	_, err := b.d.UpdateWorker(b.ctx, dispatch.WorkerUpdate{
		Subject: b.subject(ann), ActivitySID: ptr(b.activity("Offline")), RejectPendingReservations: true,
	})
	require.NoError(t, err)
	require.Equal(t, "Offline", b.activityOf(ann), "rejecting does not bring her back")
	require.Equal(t, taskrouter.TaskPending, b.status(third))

	b.move(ann, "Available")
	lunch := b.addActivity("Lunch", false)
	require.Equal(t, events{taskrouter.ReservationWasRejected, taskrouter.WorkerActivityUpdate}, b.during(func() {
		_, err := b.d.UpdateReservation(b.ctx, dispatch.ReservationUpdate{
			Subject: b.subject(b.offer(third).SID), Status: ptr(taskrouter.ReservationRejected), WorkerActivitySID: lunch,
		})
		require.NoError(t, err)
	}))
	require.Equal(t, "Lunch", b.activityOf(ann))

	b.move(ann, "Available")
	b.move(ann, "Unavailable") // she leaves while the offer is open
	require.NoError(t, b.set(third, taskrouter.TaskCanceled))
	require.Equal(t, "Unavailable", b.activityOf(ann), "where she went herself")

	b.capacity(ann, "default", 0)
	b.move(ann, "Available")
	none := b.task()
	require.Empty(t, b.offered(none), "no capacity is no room, from either side")
	b.capacity(ann, "default", 1)
	require.Equal(t, []string{ann}, b.offered(none))
	requireHealthy(t, b)
}
