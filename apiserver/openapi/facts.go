package openapi

import (
	"slices"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// What the types of members do not say. A member is named as in JSON; one of a
// single schema as Schema.member.

// neverNull are members that are pointers in wire and always have a value.
var neverNull = map[string]bool{
	"date_created": true, "date_updated": true, "date_status_changed": true, "event_date": true,
	"start_time": true, "end_time": true, "virtual_start_time": true,
	"task_queue_entered_date": true, "Task.workflow_sid": true, "resource_url": true,
}

// moments are members that hold a date and time without their name saying so.
var moments = map[string]bool{"date": true, "deadline": true, "target_timeout": true, "time_to_live": true, "offer_not_before": true}

// nullableMembers are members that may be null without being pointers.
var nullableMembers = map[string]bool{"split_by_wait_time": true}

// prefixes are the kinds of SIDs of a member, or of the sid of a schema. A
// member that is not here holds a SID of any kind.
var prefixes = map[string][]taskrouter.Prefix{
	"Workspace": {taskrouter.PrefixWorkspace}, "Activity": {taskrouter.PrefixActivity}, "Worker": {taskrouter.PrefixWorker},
	"WorkerChannel": {taskrouter.PrefixWorkerChannel}, "TaskChannel": {taskrouter.PrefixTaskChannel},
	"TaskQueue": {taskrouter.PrefixTaskQueue}, "Workflow": {taskrouter.PrefixWorkflow}, "Task": {taskrouter.PrefixTask},
	"Reservation": {taskrouter.PrefixReservation}, "Event": {taskrouter.PrefixEvent}, "CallQueue": {taskrouter.PrefixCallQueue},
	"Delivery": {taskrouter.PrefixDelivery}, "ActivityCount": {taskrouter.PrefixActivity}, "ActivityDuration": {taskrouter.PrefixActivity},

	"Account": {taskrouter.PrefixAccount}, "Key": {taskrouter.PrefixKey}, "NewKey": {taskrouter.PrefixKey},
	"ExplainedOffer": {taskrouter.PrefixReservation}, "ExplainedQueue": {taskrouter.PrefixTaskQueue},

	"account_sid": {taskrouter.PrefixAccount}, "workspace_sid": {taskrouter.PrefixWorkspace},
	"task_sid": {taskrouter.PrefixTask}, "worker_sid": {taskrouter.PrefixWorker}, "workflow_sid": {taskrouter.PrefixWorkflow},
	"task_queue_sid": {taskrouter.PrefixTaskQueue}, "task_channel_sid": {taskrouter.PrefixTaskChannel},
	"event_sid": {taskrouter.PrefixEvent}, "activity_sid": {taskrouter.PrefixActivity},
	"default_activity_sid": {taskrouter.PrefixActivity}, "timeout_activity_sid": {taskrouter.PrefixActivity},
	"reservation_activity_sid": {taskrouter.PrefixActivity}, "assignment_activity_sid": {taskrouter.PrefixActivity},
	"longest_task_waiting_sid": {taskrouter.PrefixTask}, "longest_relative_task_sid_in_queue": {taskrouter.PrefixTask},
	"routing_target": {taskrouter.PrefixWorker, taskrouter.PrefixTaskQueue, taskrouter.PrefixWorkflow},
}

// enums are the values of members that have a fixed set.
var enums = map[string]func() []string{
	"assignment_status":      func() []string { return plain(taskrouter.TaskStatuses()) },
	"reservation_status":     func() []string { return plain(taskrouter.ReservationStatuses()) },
	"task_order":             func() []string { return plain([]taskrouter.QueueOrder{taskrouter.FIFO, taskrouter.LIFO}) },
	"prioritize_queue_order": func() []string { return plain([]taskrouter.QueueOrder{taskrouter.FIFO, taskrouter.LIFO}) },
	"Delivery.status": func() []string {
		return plain([]taskrouter.DeliveryStatus{
			taskrouter.DeliveryQueued, taskrouter.DeliveryDelivered, taskrouter.DeliveryFailed, taskrouter.DeliveryFiltered,
		})
	},
	"Delivery.trigger":      func() []string { return []string{"automatic", "api"} },
	"document_content_type": func() []string { return []string{"application/json"} },
	"instruction":           func() []string { return []string{wire.CallQueueDequeue, wire.CallQueueNone} },
	"event_type": func() []string {
		types := plain(taskrouter.EventTypes())
		slices.Sort(types)
		return types
	},
}

func plain[S ~string](values []S) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}

// defaults are what an operation takes for a parameter that is not sent, as
// Operation.Parameter.
var defaults = map[string]any{
	"PageSize": wire.DefaultPageSize, "Page": 0,
	"CreateWorkspace.MultiTaskEnabled": true, "CreateWorkspace.Template": wire.TemplateNone,
	"CreateWorkspace.PrioritizeQueueOrder":      string(taskrouter.FIFO),
	"CreateActivity.Available":                  false,
	"CreateTaskChannel.ChannelOptimizedRouting": false,
	"CreateTaskQueue.TargetWorkers":             taskrouter.DefaultTargetWorkers,
	"CreateTaskQueue.MaxReservedWorkers":        1,
	"CreateTaskQueue.TaskOrder":                 string(taskrouter.FIFO),
	"CreateWorkflow.TaskReservationTimeout":     int(taskrouter.DefaultReservationTimeout.Seconds()),
	"CreateWorker.Attributes":                   string(taskrouter.NoAttributes),
	"CreateTask.Attributes":                     string(taskrouter.NoAttributes),
	"CreateTask.Priority":                       0,
	"CreateTask.Timeout":                        int(taskrouter.DefaultTaskTimeout.Seconds()),
	"CreateTask.TaskChannel":                    "default",
	"CreateCallQueue.Instruction":               wire.CallQueueDequeue,
	"CreateCallQueue.WrapUp":                    0,
	"UpdateWorker.RejectPendingReservations":    false,
	"UpdateWorkflow.ReEvaluateTasks":            false,
	"UpdateTaskReservation.SupervisorMode":      "monitor",
	"ListTask.Ordering":                         "DateCreated:asc",
	"Minutes":                                   15,
}

// deviations say how an operation differs from the public API it is named
// after, for those who move here.
var deviations = map[string]string{
	"CreateWorkspace": "MultiTaskEnabled=false still gives a single-tasking Workspace.",
	"ListTask":        "HasAddons=true lists nothing: Tasks have no add-ons here.",
	"ListEvent":       "StartDate and EndDate win over Minutes when both are sent.",
	"CreateTask":      "IgnoreCapacity=false is accepted for Tasks that are routed by a Workflow.",
	"DeleteWorkspace": "Callers who wait are hung up on.",

	"UpdateTaskReservation":   instructionOptions + " " + supervision,
	"UpdateWorkerReservation": instructionOptions,
}

// instructionOptions are the options of an instruction that do not act, each
// with its reason. All others do.
const instructionOptions = "The caller waits in the conference before there is an instruction, hence of its options these are checked and then ignored: " +
	"BeepOnCustomerEntrance and EarlyMedia (the caller is there, and hears music, until the agent enters); " +
	"EndConferenceOnCustomerExit=false (a caller who leaves ends the room); " +
	"Region (the room is where the caller's call is); " +
	"the event speaker of ConferenceStatusCallbackEvent (each room would have to report it); " +
	"Transcribe and TranscriptionConfiguration (nothing transcribes). " +
	"The caller's own entrance is not reported to ConferenceStatusCallback: it was before. " +
	"Restcomm cannot do RecordingChannels, callbacks of recordings and conferences, ConferenceTrim and JitterBufferSize; CallRecord is refused there."

const supervision = "Supervise needs an agent this router has called; Restcomm cannot whisper, which is refused. " +
	"A supervisor who is called or takes part already is not called again and cannot change the mode before hanging up."
