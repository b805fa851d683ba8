package taskrouter

import (
	"strconv"
	"strings"
	"time"
)

// eventShape says what an event type is about and which groups of fields it
// carries.
type eventShape struct {
	resource string
	groups   []fieldGroup
}

type fieldGroup func(data map[string]string, s *Scene, at time.Time)

// eventShapes has one row an event type; a test fails when a type lacks one.
var eventShapes = map[EventType]eventShape{
	ActivityCreated: {"activity", groups(activityFields)},
	ActivityUpdated: {"activity", groups(activityFields)},
	ActivityDeleted: {"activity", groups(activityFields)},

	ReservationWasCreated:   {"reservation", groups(taskFields, workerFields, reservationFields, queueFields, workflowFields)},
	ReservationWasAccepted:  {"reservation", groups(taskFields, workerFields, reservationFields, queueFields, workflowFields)},
	ReservationWasRejected:  {"reservation", groups(taskFields, workerFields, reservationFields, queueFields, workflowFields)},
	ReservationTimedOut:     {"reservation", groups(taskFields, workerFields, reservationFields, queueFields, workflowFields)},
	ReservationWasCanceled:  {"reservation", groups(taskFields, workerFields, reservationFields, queueFields, workflowFields)},
	ReservationWasRescinded: {"reservation", groups(taskFields, workerFields, reservationFields, queueFields, workflowFields)},
	ReservationWrapup:       {"reservation", groups(taskFields, workerFields, reservationFields, queueFields, workflowFields)},
	ReservationWasCompleted: {"reservation", groups(taskFields, workerFields, reservationFields, queueFields, workflowFields)},
	ReservationFailed:       {"reservation", groups(taskFields, reservationFields, queueFields, workflowFields)},

	TaskCreated:       {"task", groups(taskFields, workflowFields)},
	TaskUpdated:       {"task", groups(taskFields, queueFields, workflowFields)},
	TaskWasCanceled:   {"task", groups(taskFields, queueFields, workflowFields)},
	TaskWrapup:        {"task", groups(taskFields, queueFields, workflowFields)},
	TaskWasCompleted:  {"task", groups(taskFields, queueFields, workflowFields)},
	TaskDeleted:       {"task", groups(taskFields, queueFields, workflowFields)},
	TaskSystemDeleted: {"task", groups(taskFields, queueFields, workflowFields)},

	TaskChannelCreated: {"task-channel", groups(channelFields)},
	TaskChannelUpdated: {"task-channel", groups(channelFields)},
	TaskChannelDeleted: {"task-channel", groups(channelFields)},

	TaskQueueCreated:           {"task-queue", groups(queueFields)},
	TaskQueueDeleted:           {"task-queue", groups(queueFields)},
	TaskQueueExpressionUpdated: {"task-queue", groups(queueFields)},
	TaskQueueEntered:           {"task", groups(taskFields, queueFields, workflowFields)},
	TaskQueueTimeout:           {"task", groups(taskFields, queueFields, workflowFields)},
	TaskQueueMoved:             {"task", groups(taskFields, queueFields, workflowFields, previousFields)},

	WorkerCreated:                   {"worker", groups(workerFields)},
	WorkerActivityUpdate:            {"worker", groups(workerFields, activityChangeFields)},
	WorkerAttributesUpdate:          {"worker", groups(workerFields)},
	WorkerCapacityUpdate:            {"worker", groups(workerFields, workerChannelFields)},
	WorkerChannelAvailabilityUpdate: {"worker", groups(workerFields, workerChannelFields)},
	WorkerDeleted:                   {"worker", groups(workerFields)},

	WorkflowCreated:       {"workflow", groups(workflowFields)},
	WorkflowUpdated:       {"workflow", groups(workflowFields)},
	WorkflowDeleted:       {"workflow", groups(workflowFields)},
	WorkflowEntered:       {"task", groups(taskFields, workflowFields)},
	WorkflowTargetMatched: {"task", groups(taskFields, workflowFields)},
	WorkflowTimeout:       {"task", groups(taskFields, workflowFields)},
	WorkflowSkipped:       {"task", groups(taskFields, workflowFields)},

	WorkspaceCreated: {"workspace", nil},
	WorkspaceUpdated: {"workspace", nil},
	WorkspaceDeleted: {"workspace", nil},
}

// EventTypes lists every event type, sorted by nothing in particular; callers
// that show it sort it.
func EventTypes() []EventType {
	out := make([]EventType, 0, len(eventShapes))
	for t := range eventShapes {
		out = append(out, t)
	}
	return out
}

func groups(g ...fieldGroup) []fieldGroup { return g }

// sid is the resource of an event; empty when the scene lacks it.
func (e eventShape) sid(s *Scene) string {
	switch {
	case e.resource == "activity" && s.Activity != nil:
		return s.Activity.SID
	case e.resource == "reservation" && s.Reservation != nil:
		return s.Reservation.SID
	case (e.resource == "task" || e.resource == "reservation") && s.Task != nil: // an offer that could not even be made
		return s.Task.SID
	case e.resource == "task-channel" && s.Channel != nil:
		return s.Channel.SID
	case e.resource == "task-queue" && s.Queue != nil:
		return s.Queue.SID
	case e.resource == "worker" && s.Worker != nil:
		return s.Worker.SID
	case e.resource == "workflow" && s.Workflow != nil:
		return s.Workflow.SID
	case e.resource == "workspace" && s.Workspace != nil:
		return s.Workspace.SID
	}
	return ""
}

// describe makes the short text of an event: what, and for Workers and ended
// Tasks how.
func (e eventShape) describe(t EventType, s *Scene) string {
	switch {
	case t == WorkerActivityUpdate && s.Activity != nil && s.Worker != nil:
		return "Worker " + s.Worker.FriendlyName + " updated to " + s.Activity.FriendlyName + " Activity"
	case t == TaskWasCanceled && s.Task != nil && s.Task.Reason != "":
		return s.Task.Reason
	case e.resource == "worker" && s.Worker != nil:
		return "Worker " + s.Worker.FriendlyName + " " + lastWord(t)
	case e.resource == "reservation":
		return "Reservation " + e.sid(s) + " " + lastWord(t)
	case e.resource == "task":
		return "Task " + e.sid(s) + " " + string(t)
	default:
		name, _, _ := strings.Cut(string(t), ".")
		return strings.ToUpper(name[:1]) + name[1:] + " " + e.sid(s) + " " + lastWord(t)
	}
}

func lastWord(t EventType) string { return string(t)[strings.LastIndexByte(string(t), '.')+1:] }

func taskFields(d map[string]string, s *Scene, at time.Time) {
	t := s.Task
	if t == nil {
		return
	}
	d["task_sid"], d["task_attributes"] = t.SID, string(t.Attributes)
	d["task_age"] = wholeSeconds(t.Age(at))
	d["task_priority"] = strconv.FormatInt(t.Priority, 10)
	d["task_assignment_status"] = string(t.Status)
	switch t.Status {
	case TaskCanceled:
		d["task_canceled_reason"] = t.Reason
	case TaskCompleted:
		d["task_completed_reason"] = t.Reason
	case TaskPending, TaskReserved, TaskAssigned, TaskWrapping:
	}
	d["task_channel_sid"] = t.TaskChannelSID
	if s.Channel != nil {
		d["task_channel_unique_name"] = s.Channel.UniqueName
	}
	d["task_date_created"] = Timestamp(t.CreatedAt)
	d["task_virtual_start_time"] = Timestamp(t.VirtualStartTime)
	if !t.QueueEnteredAt.IsZero() {
		d["task_queue_entered_date"] = Timestamp(t.QueueEnteredAt)
		d["task_age_in_queue"] = wholeSeconds(at.Sub(t.QueueEnteredAt))
	}
	d["task_version"] = strconv.FormatInt(t.Version, 10)
	d["task_routing_target"] = t.RoutingTarget
	d["task_re_evaluated_reason"] = string(s.ReEvaluated)
}

func queueFields(d map[string]string, s *Scene, _ time.Time) {
	if s.Queue == nil {
		return
	}
	d["task_queue_sid"], d["task_queue_name"] = s.Queue.SID, s.Queue.FriendlyName
	d["task_queue_target_expression"] = s.Queue.TargetWorkers
}

func workflowFields(d map[string]string, s *Scene, _ time.Time) {
	if s.Workflow == nil {
		return
	}
	d["workflow_sid"], d["workflow_name"] = s.Workflow.SID, s.Workflow.FriendlyName
	d["workflow_filter_name"], d["workflow_filter_expression"] = s.FilterName, s.FilterExpression
	d["workflow_filter_target_name"], d["workflow_filter_target_expression"] = s.TargetName, s.TargetExpression
	d["known_worker_sid"] = s.KnownWorkerSID
}

func previousFields(d map[string]string, s *Scene, _ time.Time) {
	if s.PreviousQueue != nil {
		d["previous_task_queue_sid"], d["previous_task_queue_name"] = s.PreviousQueue.SID, s.PreviousQueue.FriendlyName
	}
	if s.PreviousPriority != nil {
		d["previous_task_priority"] = strconv.FormatInt(*s.PreviousPriority, 10)
	}
	d["target_changed_reason"] = s.TargetChangedReason
}

func reservationFields(d map[string]string, s *Scene, _ time.Time) {
	if s.Reservation == nil {
		return
	}
	d["reservation_sid"] = s.Reservation.SID
	d["reservation_version"] = strconv.FormatInt(s.Reservation.Version, 10)
	d["reservation_reason_code"] = s.Reservation.ReasonCode
}

func workerFields(d map[string]string, s *Scene, _ time.Time) {
	w := s.Worker
	if w == nil {
		return
	}
	d["worker_sid"], d["worker_name"] = w.SID, w.FriendlyName
	d["worker_attributes"] = string(w.Attributes)
	d["worker_version"] = strconv.FormatInt(w.Version, 10)
	d["worker_activity_sid"] = w.ActivitySID
	if s.Activity != nil {
		d["worker_activity_name"] = s.Activity.FriendlyName
	}
}

func activityChangeFields(d map[string]string, s *Scene, _ time.Time) {
	if s.PreviousActivity == nil {
		return
	}
	d["worker_previous_activity_sid"], d["worker_previous_activity_name"] = s.PreviousActivity.SID, s.PreviousActivity.FriendlyName
	d["worker_time_in_previous_activity"] = wholeSeconds(s.TimeInPreviousActivity)
	d["worker_time_in_previous_activity_ms"] = strconv.FormatInt(s.TimeInPreviousActivity.Milliseconds(), 10)
}

func workerChannelFields(d map[string]string, s *Scene, _ time.Time) {
	c := s.WorkerChannel
	if c == nil {
		return
	}
	d["worker_channel_available"] = strconv.FormatBool(c.Available)
	d["worker_channel_available_capacity"] = strconv.Itoa(c.AvailablePercentage())
	d["worker_channel_capacity"] = strconv.Itoa(c.ConfiguredCapacity)
	if s.PreviousCapacity != nil {
		d["worker_channel_previous_capacity"] = strconv.Itoa(*s.PreviousCapacity)
	}
	d["worker_channel_task_count"] = strconv.Itoa(c.Accepted)
	d["task_channel_sid"], d["task_channel_unique_name"] = c.TaskChannelSID, c.TaskChannelName
}

func channelFields(d map[string]string, s *Scene, _ time.Time) {
	c := s.Channel
	if c == nil {
		return
	}
	d["task_channel_sid"], d["task_channel_name"], d["task_channel_unique_name"] = c.SID, c.FriendlyName, c.UniqueName
	d["task_channel_optimized_routing"] = strconv.FormatBool(c.OptimizedRouting)
}

func activityFields(d map[string]string, s *Scene, _ time.Time) {
	if s.Activity == nil {
		return
	}
	d["activity_sid"], d["activity_name"] = s.Activity.SID, s.Activity.FriendlyName
	d["activity_available"] = strconv.FormatBool(s.Activity.Available)
}

// Timestamp renders a time as clients expect it: UTC, whole seconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func wholeSeconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }
