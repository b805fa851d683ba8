package apiserver

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// Authenticator checks a user name and password and returns the account they
// belong to. Wrong ones are a KindUnauthorized error; implementations compare
// secrets in constant time.
type Authenticator interface {
	Authenticate(ctx context.Context, user, password string) (account string, err error)
}

// Dispatcher changes what is in motion: Tasks, Reservations, Workers.
type Dispatcher interface {
	CreateTask(ctx context.Context, n dispatch.NewTask) (*taskrouter.Task, error)
	UpdateTask(ctx context.Context, u dispatch.TaskUpdate) (*taskrouter.Task, error)
	DeleteTask(ctx context.Context, s dispatch.Subject) error
	UpdateReservation(ctx context.Context, u dispatch.ReservationUpdate) (*taskrouter.Reservation, error)
	CreateWorker(ctx context.Context, n dispatch.NewWorker) (*taskrouter.Worker, error)
	UpdateWorker(ctx context.Context, u dispatch.WorkerUpdate) (*taskrouter.Worker, error)
	DeleteWorker(ctx context.Context, s dispatch.Subject) error
	UpdateChannel(ctx context.Context, u dispatch.ChannelUpdate) (*taskrouter.WorkerChannel, error)

	// The explanations and the dry run read one moment and change nothing.
	ExplainTask(ctx context.Context, account, ws, sid string, limit int) (*dispatch.TaskExplanation, error)
	ExplainWorker(ctx context.Context, account, ws, sid string) (*dispatch.WorkerExplanation, error)
	Evaluate(ctx context.Context, n dispatch.NewEvaluation) (*dispatch.Evaluation, error)
}

// Configuration changes what is at rest.
type Configuration interface {
	CreateWorkspace(ctx context.Context, n workspace.NewWorkspace) (*taskrouter.Workspace, error)
	UpdateWorkspace(ctx context.Context, u workspace.WorkspaceUpdate) (*taskrouter.Workspace, error)
	DeleteWorkspace(ctx context.Context, s dispatch.Subject) error

	CreateActivity(ctx context.Context, n workspace.NewActivity) (*taskrouter.Activity, error)
	UpdateActivity(ctx context.Context, u workspace.ActivityUpdate) (*taskrouter.Activity, error)
	DeleteActivity(ctx context.Context, s dispatch.Subject) error

	CreateTaskChannel(ctx context.Context, n workspace.NewTaskChannel) (*taskrouter.TaskChannel, error)
	UpdateTaskChannel(ctx context.Context, u workspace.TaskChannelUpdate) (*taskrouter.TaskChannel, error)
	DeleteTaskChannel(ctx context.Context, s dispatch.Subject) error

	CreateQueue(ctx context.Context, n workspace.NewQueue) (*taskrouter.TaskQueue, error)
	UpdateQueue(ctx context.Context, u workspace.QueueUpdate) (*taskrouter.TaskQueue, error)
	DeleteQueue(ctx context.Context, s dispatch.Subject) error

	CreateWorkflow(ctx context.Context, n workspace.NewWorkflow) (*taskrouter.Workflow, error)
	UpdateWorkflow(ctx context.Context, u workspace.WorkflowUpdate) (*taskrouter.Workflow, error)
	DeleteWorkflow(ctx context.Context, s dispatch.Subject) error

	CreateCallQueue(ctx context.Context, n workspace.NewCallQueue) (*taskrouter.CallQueue, error)
	UpdateCallQueue(ctx context.Context, u workspace.CallQueueUpdate) (*taskrouter.CallQueue, error)
	DeleteCallQueue(ctx context.Context, s dispatch.Subject) error
}

// Reader reads what was committed. All reads are scoped by account and
// Workspace. A fetch returns nil, nil for what does not exist there; a list
// returns up to Size+1 items in list order, the extra one telling that the
// list goes on, and a KindInvalid error for a page token that names nothing.
type Reader interface {
	Statistics

	// WorkspaceConfig returns everything at rest in a Workspace; it is shared
	// and must not be changed. Every request below a Workspace reads it, so
	// it must be cheap when nothing changed.
	WorkspaceConfig(ctx context.Context, account, ws string) (*dispatch.Config, error)

	ListWorkspaces(ctx context.Context, account, friendlyName string, page taskrouter.Page) ([]*taskrouter.Workspace, error)

	ListActivities(ctx context.Context, account, ws, friendlyName string, available *bool, page taskrouter.Page) ([]*taskrouter.Activity, error)
	ListTaskChannels(ctx context.Context, account, ws string, page taskrouter.Page) ([]*taskrouter.TaskChannel, error)
	ListQueues(ctx context.Context, account, ws string, f taskrouter.QueueFilter, page taskrouter.Page) ([]*taskrouter.TaskQueue, error)
	ListWorkflows(ctx context.Context, account, ws, friendlyName string, page taskrouter.Page) ([]*taskrouter.Workflow, error)

	FetchWorker(ctx context.Context, account, ws, sid string) (*taskrouter.Worker, error)
	ListWorkers(ctx context.Context, account, ws string, f taskrouter.WorkerFilter, page taskrouter.Page) ([]*taskrouter.Worker, error)

	// WorkerChannels returns all of a Worker's.
	WorkerChannels(ctx context.Context, account, ws, worker string) ([]*taskrouter.WorkerChannel, error)
	// ChannelsOf returns those of some Workers, by Worker.
	ChannelsOf(ctx context.Context, account, ws string, workers []string) (map[string][]*taskrouter.WorkerChannel, error)
	// FetchWorkerChannel takes its SID, or its TaskChannel's SID or unique name.
	FetchWorkerChannel(ctx context.Context, account, ws, worker, key string) (*taskrouter.WorkerChannel, error)

	FetchTask(ctx context.Context, account, ws, sid string) (*taskrouter.Task, error)
	ListTasks(ctx context.Context, account, ws string, f taskrouter.TaskFilter, page taskrouter.Page) ([]*taskrouter.Task, error)

	FetchReservation(ctx context.Context, account, ws, sid string) (*taskrouter.Reservation, error)
	ListReservations(ctx context.Context, account, ws string, f taskrouter.ReservationFilter, page taskrouter.Page) ([]*taskrouter.Reservation, error)

	FetchEvent(ctx context.Context, account, ws, sid string) (*taskrouter.Event, error)
	ListEvents(ctx context.Context, account, ws string, f taskrouter.EventFilter, page taskrouter.Page) ([]*taskrouter.Event, error)
	// ListDeliveryAttempts and FetchDeliveryAttempt tell how an Event was sent.
	ListDeliveryAttempts(ctx context.Context, e *taskrouter.Event, page taskrouter.Page) ([]*taskrouter.DeliveryAttempt, error)
	FetchDeliveryAttempt(ctx context.Context, e *taskrouter.Event, sid string) (*taskrouter.DeliveryAttempt, error)
	ListCallQueues(ctx context.Context, account, ws string, page taskrouter.Page) ([]*taskrouter.CallQueue, error)
}

// Resender has an Event sent again. It fails with KindInvalid when the
// Workspace has no callback URL, and with KindConflict while the Event is on its
// way in any case.
type Resender interface {
	QueueDelivery(ctx context.Context, e *taskrouter.Event, now time.Time) (*taskrouter.DeliveryAttempt, error)
}

// Evaluator runs rules over listed resources. Making a filter fails with
// KindInvalid when the expression does not parse; a resource the expression
// cannot be evaluated on does not match. An error of a running filter ends the
// list.
type Evaluator interface {
	TaskFilter(expression string) (func(ctx context.Context, t *taskrouter.Task) (bool, error), error)
	WorkerFilter(expression string) (func(ctx context.Context, w workspace.WorkerFacts) (bool, error), error)
	// Membership is the expression of a queue; live says that it reads what
	// changes without an edit, so that every Worker is stored as a member.
	Membership(q *taskrouter.TaskQueue) (admits func(ctx context.Context, w workspace.WorkerFacts) (bool, error), live bool)
	// QueueFilter keeps the queues whose expression a Worker with these
	// attributes satisfies.
	QueueFilter(attributes taskrouter.Attributes) (func(ctx context.Context, q *taskrouter.TaskQueue) (bool, error), error)
}
