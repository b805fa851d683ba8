package wire_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// listOf renders the second page of a list, with a filter and neighbours on both
// sides.
func listOf[T, J any](t *testing.T, key, path string, prefix taskrouter.Prefix, item T, sid string, render func(T, wire.Links) J) wire.List {
	t.Helper()
	p, err := wire.ParsePaging(path, url.Values{
		"PageSize": {"2"}, "Page": {"1"}, "PageToken": {"PA" + sid}, "FriendlyName": {"Zoë & co"},
	}, prefix)
	require.NoError(t, err)
	three := []T{item, item, item}
	return wire.NewList(key, p, wire.Cut(three, p.Page, func(T) string { return sid }), links, func(v T) J { return render(v, links) })
}

// TestListsGolden pins the envelope of every collection.
func TestListsGolden(t *testing.T) {
	const ws = "/v1/Workspaces/" + workspaceSID
	for name, list := range map[string]wire.List{
		"workspaces": listOf(t, "workspaces", "/v1/Workspaces", taskrouter.PrefixWorkspace,
			&taskrouter.Workspace{SID: workspaceSID, AccountSID: accountSID, FriendlyName: "Support", PrioritizeQueueOrder: taskrouter.FIFO, CreatedAt: created, UpdatedAt: created},
			workspaceSID, func(w *taskrouter.Workspace, l wire.Links) wire.Workspace {
				return wire.FromWorkspace(w, wire.WorkspaceNames{}, l)
			}),
		"activities": listOf(t, "activities", ws+"/Activities", taskrouter.PrefixActivity,
			&taskrouter.Activity{SID: activitySID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Lunch", CreatedAt: created, UpdatedAt: created},
			activitySID, wire.FromActivity),
		"events": listOf(t, "events", ws+"/Events", taskrouter.PrefixEvent,
			&taskrouter.Event{SID: eventSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, Seq: 9, Type: taskrouter.TaskCreated, At: created, ResourceType: "task", ResourceSID: taskSID, TaskSID: taskSID, Actor: taskrouter.SystemActor(workspaceSID)},
			eventSID, wire.FromEvent),
		"deliveries": listOf(t, "deliveries", ws+"/Events/"+eventSID+"/Deliveries", taskrouter.PrefixDelivery,
			&taskrouter.DeliveryAttempt{SID: deliverySID, AccountSID: accountSID, WorkspaceSID: workspaceSID, EventSID: eventSID, Status: taskrouter.DeliveryFiltered, CreatedAt: created},
			deliverySID, wire.FromDelivery),
		"tasks": listOf(t, "tasks", ws+"/Tasks", taskrouter.PrefixTask, task(),
			taskSID, func(v *taskrouter.Task, l wire.Links) wire.Task {
				return wire.FromTask(v, wire.TaskNames{Channel: "voice"}, l, created)
			}),
		"task_channels": listOf(t, "channels", ws+"/TaskChannels", taskrouter.PrefixTaskChannel,
			&taskrouter.TaskChannel{SID: channelSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Voice", UniqueName: "voice", CreatedAt: created, UpdatedAt: created},
			channelSID, wire.FromTaskChannel),
		"worker_channels": listOf(t, "channels", ws+"/Workers/"+workerSID+"/Channels", taskrouter.PrefixWorkerChannel,
			&taskrouter.WorkerChannel{SID: wchannelSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, WorkerSID: workerSID, TaskChannelSID: channelSID, TaskChannelName: "voice", CreatedAt: created, UpdatedAt: created},
			wchannelSID, wire.FromWorkerChannel),
		"task_queues": listOf(t, "task_queues", ws+"/TaskQueues", taskrouter.PrefixTaskQueue,
			&taskrouter.TaskQueue{SID: queueSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Tax", TaskOrder: taskrouter.FIFO, MaxReservedWorkers: 1, CreatedAt: created, UpdatedAt: created},
			queueSID, func(q *taskrouter.TaskQueue, l wire.Links) wire.TaskQueue {
				return wire.FromTaskQueue(q, wire.QueueNames{}, l)
			}),
		"task_reservations": listOf(t, "reservations", ws+"/Tasks/"+taskSID+"/Reservations", taskrouter.PrefixReservation, offer(),
			reservation, func(r *taskrouter.Reservation, l wire.Links) wire.Reservation {
				return wire.FromReservation(r, wire.TaskView, l)
			}),
		"worker_reservations": listOf(t, "reservations", ws+"/Workers/"+workerSID+"/Reservations", taskrouter.PrefixReservation, offer(),
			reservation, func(r *taskrouter.Reservation, l wire.Links) wire.Reservation {
				return wire.FromReservation(r, wire.WorkerView, l)
			}),
		"workers": listOf(t, "workers", ws+"/Workers", taskrouter.PrefixWorker,
			&taskrouter.Worker{SID: workerSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Ann", ActivitySID: activitySID, Attributes: "{}", CreatedAt: created, UpdatedAt: created, DateStatusChanged: created},
			workerSID, func(w *taskrouter.Worker, l wire.Links) wire.Worker { return wire.FromWorker(w, "Offline", l) }),
		"workflows": listOf(t, "workflows", ws+"/Workflows", taskrouter.PrefixWorkflow,
			&taskrouter.Workflow{SID: workflowSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Calls", Configuration: "{}", CreatedAt: created, UpdatedAt: created},
			workflowSID, wire.FromWorkflow),
		"call_queues": listOf(t, "call_queues", ws+"/CallQueues", taskrouter.PrefixCallQueue,
			&taskrouter.CallQueue{SID: callQueueSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Line", CreatedAt: created, UpdatedAt: created},
			callQueueSID, wire.FromCallQueue),
		"task_queues_statistics": listOf(t, "task_queues_statistics", ws+"/TaskQueues/Statistics", taskrouter.PrefixTaskQueue,
			wire.NewStatisticsOf(&taskrouter.Workspace{SID: workspaceSID, AccountSID: accountSID}, ws+"/TaskQueues/"+queueSID+"/Statistics", links),
			queueSID, func(of wire.StatisticsOf, _ wire.Links) wire.Combined {
				of.TaskQueueSID = queueSID
				return wire.Combined{StatisticsOf: of}
			}),
	} {
		t.Run(name, func(t *testing.T) { golden(t, "list_"+name, list) })
	}
	empty, err := wire.ParsePaging(ws+"/Tasks", url.Values{}, taskrouter.PrefixTask)
	require.NoError(t, err)
	golden(t, "list_empty", wire.NewList("tasks", empty, wire.Slice[*taskrouter.Task]{}, links, func(*taskrouter.Task) wire.Task { return wire.Task{} }))
}
