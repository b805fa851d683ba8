package openapi

import (
	"reflect"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// errorType is the body of every answer that is no success.
var errorType = reflect.TypeFor[wire.Error]()

// The SIDs of examples, and the moment they show.
var (
	noon        = time.Date(2026, time.March, 2, 12, 0, 0, 0, time.UTC)
	account     = anySID(taskrouter.PrefixAccount, 0xa1)
	workspace   = anySID(taskrouter.PrefixWorkspace, 0xb2)
	activity    = anySID(taskrouter.PrefixActivity, 0xc3)
	worker      = anySID(taskrouter.PrefixWorker, 0xd4)
	queue       = anySID(taskrouter.PrefixTaskQueue, 0xe5)
	workflow    = anySID(taskrouter.PrefixWorkflow, 0xf6)
	task        = anySID(taskrouter.PrefixTask, 0x17)
	reservation = anySID(taskrouter.PrefixReservation, 0x28)
	channel     = anySID(taskrouter.PrefixTaskChannel, 0x39)
)

// rules is a small routing configuration.
var rules = `{"task_routing":{"filters":[{"filter_friendly_name":"Japanese","expression":"language == \"ja\"",` +
	`"targets":[{"queue":"` + queue + `","priority":5,"timeout":60}]}],"default_filter":{"queue":"` + queue + `"}}}`

// samples are bodies as the server renders them, by type.
func samples() map[reflect.Type]any {
	l := wire.NewLinks("https://router.example.com")
	later := noon.Add(5 * time.Second)
	out := map[reflect.Type]any{}
	for _, body := range []any{
		wire.FromWorkspace(&taskrouter.Workspace{
			SID: workspace, AccountSID: account, FriendlyName: "Support", DefaultActivitySID: activity, TimeoutActivitySID: activity,
			MultiTaskEnabled: true, PrioritizeQueueOrder: taskrouter.FIFO, CreatedAt: noon, UpdatedAt: noon,
		}, wire.WorkspaceNames{DefaultActivity: "Offline", TimeoutActivity: "Offline"}, l),
		wire.FromActivity(&taskrouter.Activity{
			SID: activity, AccountSID: account, WorkspaceSID: workspace, FriendlyName: "Available", Available: true, CreatedAt: noon, UpdatedAt: noon,
		}, l),
		wire.FromWorker(&taskrouter.Worker{
			SID: worker, AccountSID: account, WorkspaceSID: workspace, FriendlyName: "Ann", ActivitySID: activity, Available: true,
			Attributes: `{"languages":["en","ja"],"contact_uri":"client:ann"}`, DateStatusChanged: noon, CreatedAt: noon, UpdatedAt: noon,
		}, "Available", l),
		wire.FromTaskChannel(&taskrouter.TaskChannel{
			SID: channel, AccountSID: account, WorkspaceSID: workspace, FriendlyName: "Voice", UniqueName: "voice", CreatedAt: noon, UpdatedAt: noon,
		}, l),
		wire.FromTaskQueue(&taskrouter.TaskQueue{
			SID: queue, AccountSID: account, WorkspaceSID: workspace, FriendlyName: "Japanese", TargetWorkers: `languages HAS "ja"`,
			MaxReservedWorkers: 1, TaskOrder: taskrouter.FIFO, CreatedAt: noon, UpdatedAt: noon,
		}, wire.QueueNames{}, l),
		wire.FromWorkflow(&taskrouter.Workflow{
			SID: workflow, AccountSID: account, WorkspaceSID: workspace, FriendlyName: "By language", Configuration: rules,
			TaskReservationTimeout: taskrouter.DefaultReservationTimeout, CreatedAt: noon, UpdatedAt: noon,
		}, l),
		wire.FromTask(&taskrouter.Task{
			SID: task, AccountSID: account, WorkspaceSID: workspace, Status: taskrouter.TaskReserved, Attributes: `{"language":"ja"}`, Priority: 5,
			Timeout: taskrouter.DefaultTaskTimeout, VirtualStartTime: noon, QueueSID: queue, QueueEnteredAt: noon, WorkflowSID: workflow,
			TaskChannelSID: channel, CreatedAt: noon, UpdatedAt: noon,
		}, wire.TaskNames{Queue: "Japanese", Workflow: "By language", Channel: "voice"}, l, later),
		wire.FromReservation(&taskrouter.Reservation{
			SID: reservation, AccountSID: account, WorkspaceSID: workspace, TaskSID: task, WorkerSID: worker, WorkerName: "Ann",
			Status: taskrouter.ReservationPending, CreatedAt: noon, UpdatedAt: noon,
		}, wire.TaskView, l),
		wire.NotFound("/v1/Workspaces/" + workspace + "/Tasks/" + task),
	} {
		out[reflect.TypeOf(body)] = body
	}
	return out
}

// exampleOf is an example of an operation's form; nil when there is none.
func exampleOf(id string) any {
	if f, ok := forms[id]; ok {
		return f
	}
	return nil
}

// forms are examples of forms, by operation.
var forms = map[string]map[string]any{
	"CreateWorkspace":     {"FriendlyName": "Support"},
	"UpdateWorkspace":     {"EventCallbackUrl": "https://example.com/events"},
	"CreateActivity":      {"FriendlyName": "Lunch", "Available": false},
	"CreateTaskChannel":   {"FriendlyName": "E-Mail", "UniqueName": "email"},
	"CreateTaskQueue":     {"FriendlyName": "Japanese", "TargetWorkers": `languages HAS "ja"`},
	"CreateWorkflow":      {"FriendlyName": "By language", "Configuration": rules},
	"CreateWorker":        {"FriendlyName": "Ann", "Attributes": `{"languages":["en","ja"],"contact_uri":"client:ann"}`},
	"UpdateWorker":        {"ActivitySid": activity},
	"UpdateWorkerChannel": {"Capacity": 3},
	"CreateTask":          {"Attributes": `{"language":"ja"}`, "TaskChannel": "voice"},
	"UpdateTask":          {"AssignmentStatus": "completed", "Reason": "solved"},

	"UpdateTaskReservation":   {"ReservationStatus": "accepted"},
	"UpdateWorkerReservation": {"ReservationStatus": "accepted"},

	"CreateCallQueue": {"FriendlyName": "Main line", "WorkflowSid": workflow, "PhoneNumbers": []string{"+15550100"}},

	"CreateTaskQueueBulkRealTimeStatistics": {"QueueSids": []string{queue}},
}
