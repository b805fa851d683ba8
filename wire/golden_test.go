package wire_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	accountSID   = "AC00000000000000000000000000000001"
	workspaceSID = "WS00000000000000000000000000000002"
	activitySID  = "WA00000000000000000000000000000003"
	workerSID    = "WK00000000000000000000000000000004"
	queueSID     = "WQ00000000000000000000000000000005"
	workflowSID  = "WW00000000000000000000000000000006"
	taskSID      = "WT00000000000000000000000000000007"
	reservation  = "WR00000000000000000000000000000008"
	channelSID   = "TC00000000000000000000000000000009"
	wchannelSID  = "WC0000000000000000000000000000000a"
	eventSID     = "EV0000000000000000000000000000000b"
	callQueueSID = "CQ0000000000000000000000000000000c"
	deliverySID  = "ED0000000000000000000000000000000d"
)

var (
	created = time.Date(2026, 1, 2, 3, 4, 5, 678000000, time.FixedZone("", 3600))
	changed = created.Add(90 * time.Second)
	links   = wire.NewLinks("https://router.example.com/")
)

func task() *taskrouter.Task {
	yes := true
	return &taskrouter.Task{
		SID: taskSID, AccountSID: accountSID, WorkspaceSID: workspaceSID,
		Status: taskrouter.TaskReserved, Attributes: `{"name":"Zoë & <co>"}`, Priority: 7, Reason: "because",
		Timeout: 3600 * time.Second, VirtualStartTime: created, TaskChannelSID: channelSID,
		WorkflowSID: workflowSID, QueueSID: queueSID, QueueEnteredAt: changed,
		RoutingTarget: workerSID, IgnoreCapacity: &yes, Version: 3, CreatedAt: created, UpdatedAt: changed,
	}
}

func offer() *taskrouter.Reservation {
	return &taskrouter.Reservation{
		SID: reservation, AccountSID: accountSID, WorkspaceSID: workspaceSID, TaskSID: taskSID,
		WorkerSID: workerSID, WorkerName: "Ann", Status: taskrouter.ReservationPending,
		CreatedAt: created, UpdatedAt: created,
	}
}

func TestGolden(t *testing.T) {
	bodies := map[string]any{
		"workspace": wire.FromWorkspace(&taskrouter.Workspace{
			SID: workspaceSID, AccountSID: accountSID, FriendlyName: "Support", DefaultActivitySID: activitySID,
			TimeoutActivitySID: activitySID, EventCallbackURL: "https://example.com/events?a=1&b=2",
			EventsFilter: "task.created, task.canceled", MultiTaskEnabled: true, PrioritizeQueueOrder: taskrouter.FIFO,
			CreatedAt: created, UpdatedAt: changed,
		}, wire.WorkspaceNames{DefaultActivity: "Offline", TimeoutActivity: "Offline"}, links),
		"activity": wire.FromActivity(&taskrouter.Activity{
			SID: activitySID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Available",
			Available: true, CreatedAt: created, UpdatedAt: changed,
		}, links),
		"worker": wire.FromWorker(&taskrouter.Worker{
			SID: workerSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Ann", ActivitySID: activitySID,
			Available: true, Attributes: `{"skills":["tax"]}`, DateStatusChanged: changed, CreatedAt: created, UpdatedAt: changed,
		}, "Available", links),
		"worker_channel": wire.FromWorkerChannel(&taskrouter.WorkerChannel{
			SID: wchannelSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, WorkerSID: workerSID,
			TaskChannelSID: channelSID, TaskChannelName: "voice", Available: true, ConfiguredCapacity: 3,
			Accepted: 1, Wrapping: 1, CreatedAt: created, UpdatedAt: changed,
		}, links),
		"task_channel": wire.FromTaskChannel(&taskrouter.TaskChannel{
			SID: channelSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Voice", UniqueName: "voice",
			OptimizedRouting: true, CreatedAt: created, UpdatedAt: changed,
		}, links),
		"task_queue": wire.FromTaskQueue(&taskrouter.TaskQueue{
			SID: queueSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Tax",
			TargetWorkers: `skills HAS "tax"`, MaxReservedWorkers: 2, TaskOrder: taskrouter.LIFO,
			ReservationActivitySID: activitySID, CreatedAt: created, UpdatedAt: changed,
		}, wire.QueueNames{ReservationActivity: "Reserved"}, links),
		"workflow": wire.FromWorkflow(&taskrouter.Workflow{
			SID: workflowSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Calls",
			Configuration: `{ "task_routing": {} }`, AssignmentCallbackURL: "https://example.com/assign",
			TaskReservationTimeout: 120 * time.Second, CreatedAt: created, UpdatedAt: changed,
		}, links),
		"task": wire.FromTask(task(), wire.TaskNames{Queue: "Tax", Workflow: "Calls", Channel: "voice"}, links, created.Add(61500*time.Millisecond)),
		"task_bare": wire.FromTask(&taskrouter.Task{
			SID: taskSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, Status: taskrouter.TaskPending,
			Timeout: time.Minute, VirtualStartTime: created, TaskChannelSID: channelSID, CreatedAt: created, UpdatedAt: created,
		}, wire.TaskNames{Channel: "default"}, links, created.Add(-time.Second)),
		"task_reservation":   wire.FromReservation(offer(), wire.TaskView, links),
		"worker_reservation": wire.FromReservation(offer(), wire.WorkerView, links),
		"event": wire.FromEvent(&taskrouter.Event{
			SID: eventSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, Seq: 9, Type: taskrouter.ReservationWasCreated,
			Description: "Reservation created", At: created, Data: map[string]string{"task_sid": taskSID, "task_age": "5"},
			ResourceType: "reservation", ResourceSID: reservation, TaskSID: taskSID, Actor: taskrouter.SystemActor(workspaceSID),
		}, links),
		"event_by_account": wire.FromEvent(&taskrouter.Event{
			SID: eventSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, Type: taskrouter.TaskQueueCreated, At: created,
			ResourceType: "task-queue", ResourceSID: queueSID,
			Actor: taskrouter.Actor{Type: "account", SID: accountSID, Source: "api", SourceIP: "192.0.2.1"},
		}, links),
		"call_queue": wire.FromCallQueue(&taskrouter.CallQueue{
			SID: callQueueSID, AccountSID: accountSID, WorkspaceSID: workspaceSID, FriendlyName: "Main line",
			PhoneNumbers: []string{"+15550100"}, WorkflowSID: workflowSID, Menu: `{"start":"a"}`, Instruction: "dequeue",
			Backend: "fake", WrapUp: 30 * time.Second, CreatedAt: created, UpdatedAt: changed,
		}, links),
		"event_delivery": wire.FromDelivery(&taskrouter.DeliveryAttempt{
			SID: deliverySID, AccountSID: accountSID, WorkspaceSID: workspaceSID, EventSID: eventSID, Number: 2,
			Status: taskrouter.DeliveryFailed, Target: "https://example.com/events", ResponseStatus: 503,
			CreatedAt: created, SentAt: created, Took: 61 * time.Millisecond,
		}, links),
		"event_delivery_queued": wire.FromDelivery(&taskrouter.DeliveryAttempt{
			SID: deliverySID, AccountSID: accountSID, WorkspaceSID: workspaceSID, EventSID: eventSID, Number: 3, Manual: true,
			Status: taskrouter.DeliveryQueued, Target: "https://example.com/events", CreatedAt: created,
		}, links),
		"event_delivery_unanswered": wire.FromDelivery(&taskrouter.DeliveryAttempt{
			SID: deliverySID, AccountSID: accountSID, WorkspaceSID: workspaceSID, EventSID: eventSID, Number: 3, Manual: true,
			Status: taskrouter.DeliveryFailed, Target: "https://example.com/events", Fault: taskrouter.FaultTimeout,
			CreatedAt: created, SentAt: changed, Took: 15 * time.Second,
		}, links),
		"error": wire.FromError(taskrouter.InvalidCode(40140, "no call")),
	}
	for name, body := range bodies {
		t.Run(name, func(t *testing.T) { golden(t, name, body) })
	}
}

func golden(t *testing.T, name string, body any) {
	t.Helper()
	got, err := json.MarshalIndent(body, "", "  ")
	require.NoError(t, err)
	file := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, append(got, '\n'), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run with -update to write it")
	require.JSONEq(t, string(want), string(got))
}
