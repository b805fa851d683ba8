package taskrouter

import "time"

// EventType names a state change, in its wire spelling.
type EventType string

// Every event type the router emits.
const (
	ActivityCreated EventType = "activity.created"
	ActivityUpdated EventType = "activity.updated"
	ActivityDeleted EventType = "activity.deleted"

	ReservationWasCreated   EventType = "reservation.created"
	ReservationWasAccepted  EventType = "reservation.accepted"
	ReservationWasRejected  EventType = "reservation.rejected"
	ReservationTimedOut     EventType = "reservation.timeout"
	ReservationWasCanceled  EventType = "reservation.canceled"
	ReservationWasRescinded EventType = "reservation.rescinded"
	ReservationWrapup       EventType = "reservation.wrapup"
	ReservationWasCompleted EventType = "reservation.completed"
	ReservationFailed       EventType = "reservation.failed"

	TaskCreated       EventType = "task.created"
	TaskUpdated       EventType = "task.updated"
	TaskWasCanceled   EventType = "task.canceled"
	TaskWrapup        EventType = "task.wrapup"
	TaskWasCompleted  EventType = "task.completed"
	TaskDeleted       EventType = "task.deleted"
	TaskSystemDeleted EventType = "task.system-deleted"

	TaskChannelCreated EventType = "task-channel.created"
	TaskChannelUpdated EventType = "task-channel.updated"
	TaskChannelDeleted EventType = "task-channel.deleted"

	TaskQueueCreated           EventType = "task-queue.created"
	TaskQueueDeleted           EventType = "task-queue.deleted"
	TaskQueueEntered           EventType = "task-queue.entered"
	TaskQueueTimeout           EventType = "task-queue.timeout"
	TaskQueueMoved             EventType = "task-queue.moved"
	TaskQueueExpressionUpdated EventType = "task-queue.expression.updated"

	WorkerCreated                   EventType = "worker.created"
	WorkerActivityUpdate            EventType = "worker.activity.update"
	WorkerAttributesUpdate          EventType = "worker.attributes.update"
	WorkerCapacityUpdate            EventType = "worker.capacity.update"
	WorkerChannelAvailabilityUpdate EventType = "worker.channel.availability.update"
	WorkerDeleted                   EventType = "worker.deleted"

	WorkflowCreated       EventType = "workflow.created"
	WorkflowUpdated       EventType = "workflow.updated"
	WorkflowDeleted       EventType = "workflow.deleted"
	WorkflowEntered       EventType = "workflow.entered"
	WorkflowTargetMatched EventType = "workflow.target-matched"
	WorkflowTimeout       EventType = "workflow.timeout"
	WorkflowSkipped       EventType = "workflow.skipped"

	WorkspaceCreated EventType = "workspace.created"
	WorkspaceUpdated EventType = "workspace.updated"
	WorkspaceDeleted EventType = "workspace.deleted"
)

// Actor is who caused an event.
type Actor struct {
	// Type is lower-case: workspace, account, worker.
	Type, SID string
	// Source is "api" for REST requests and "taskrouter" for the system.
	Source   string
	SourceIP string
}

// SystemActor is the router itself acting for a Workspace.
func SystemActor(workspaceSID string) Actor {
	return Actor{Type: "workspace", SID: workspaceSID, Source: "taskrouter"}
}

// Event is an immutable record of a state change.
type Event struct {
	SID, AccountSID, WorkspaceSID string
	// Seq numbers the events of a Workspace without gaps, from 1.
	Seq         int64
	Type        EventType
	Description string
	At          time.Time
	// Data is the flat map clients see; absent values are left out.
	Data map[string]string

	// ResourceType is lower-case, for example "task-queue".
	ResourceType, ResourceSID string
	Actor                     Actor

	// The fields lists are filtered by; empty when not concerned.
	TaskSID, WorkerSID, ReservationSID    string
	QueueSID, WorkflowSID, TaskChannelSID string
}

// Scene is everything an event may tell about. A nil part is left out; which
// parts an event type shows is fixed by its row in eventShapes.
type Scene struct {
	Workspace   *Workspace
	Task        *Task
	Reservation *Reservation
	Worker      *Worker
	Activity    *Activity // of the Worker, or the object of activity events
	Queue       *TaskQueue
	Workflow    *Workflow
	Channel     *TaskChannel
	// WorkerChannel and its capacity before the change.
	WorkerChannel    *WorkerChannel
	PreviousCapacity *int
	// PreviousActivity and the time spent in it.
	PreviousActivity       *Activity
	TimeInPreviousActivity time.Duration
	// Routing facts.
	FilterName, FilterExpression string
	TargetName, TargetExpression string
	KnownWorkerSID               string
	PreviousQueue                *TaskQueue
	PreviousPriority             *int64
	TargetChangedReason          string
	ReEvaluated                  ReEvaluation
}

// NewEvent renders a scene into the event of a type. The caller gives it a
// sequence number.
func NewEvent(typ EventType, at time.Time, actor Actor, s Scene) Event {
	shape, ok := eventShapes[typ]
	if !ok {
		shape = eventShape{resource: "workspace"}
	}
	e := Event{
		SID: NewSID(PrefixEvent), Type: typ, At: at, Actor: actor,
		Data: map[string]string{}, ResourceType: shape.resource,
	}
	if s.Workspace != nil {
		e.AccountSID, e.WorkspaceSID = s.Workspace.AccountSID, s.Workspace.SID
		e.Data["workspace_sid"], e.Data["workspace_name"] = s.Workspace.SID, s.Workspace.FriendlyName
	}
	for _, g := range shape.groups {
		g(e.Data, &s, at)
	}
	for k, v := range e.Data {
		if v == "" {
			delete(e.Data, k)
		}
	}
	e.ResourceSID = shape.sid(&s)
	if shape.resource == "reservation" && s.Reservation == nil && s.Task != nil {
		e.ResourceType = "task" // the offer could not even be made
	}
	e.TaskSID, e.WorkerSID, e.ReservationSID = e.Data["task_sid"], e.Data["worker_sid"], e.Data["reservation_sid"]
	e.QueueSID, e.WorkflowSID, e.TaskChannelSID = e.Data["task_queue_sid"], e.Data["workflow_sid"], e.Data["task_channel_sid"]
	e.Description = shape.describe(typ, &s)
	return e
}
