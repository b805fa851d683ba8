package taskrouter

import "time"

// TaskStatus is the state of a Task, in its wire spelling.
type TaskStatus string

// The states of a Task. Completed and canceled are final.
const (
	TaskPending   TaskStatus = "pending"
	TaskReserved  TaskStatus = "reserved"
	TaskAssigned  TaskStatus = "assigned"
	TaskWrapping  TaskStatus = "wrapping"
	TaskCompleted TaskStatus = "completed"
	TaskCanceled  TaskStatus = "canceled"
)

// TaskStatuses lists every state in the order a Task passes through them.
func TaskStatuses() []TaskStatus {
	return []TaskStatus{TaskPending, TaskReserved, TaskAssigned, TaskWrapping, TaskCompleted, TaskCanceled}
}

// Ended reports whether the state is final.
func (s TaskStatus) Ended() bool { return s == TaskCompleted || s == TaskCanceled }

// Limits and defaults of a Task.
const (
	DefaultTaskTimeout = 24 * time.Hour
	MaxTaskTimeout     = 1209600 * time.Second
	MaxPriority        = 2147483647
	// DefaultAssignedLimit is how long a Task may stay accepted or wrapping
	// before the system removes it.
	DefaultAssignedLimit = 24 * time.Hour
	// DefaultGracePeriod is how long an ended Task can still be read.
	DefaultGracePeriod = 5 * time.Minute
	// DefaultMaxAssignments is how often a Task may go from pending to reserved.
	DefaultMaxAssignments = 1000
)

// Reasons the router itself writes when it cancels a Task. Published clients
// match on some of these texts.
const (
	ReasonTTL             = "Task TTL Exceeded"
	ReasonWorkflowTimeout = "Task canceled on Workflow timeout"
	ReasonWorkflowSkip    = "Task canceled on Workflow skip"
	ReasonMaxAssignments  = "Max assignment count exceeded"
	ReasonRoutingTarget   = "Routing target Worker rejected or did not answer"
	ReasonHangup          = "hangup"
	ReasonHangupEarly     = "hangup before connect"
	ReasonMediaLost       = "media server lost"
	ReasonJoinFailed      = "agent could not be joined"
)

// Direct says how a Task bypasses the filters of its Workflow.
type Direct string

// The ways a Task is routed.
const (
	// DirectNone follows the Workflow's filters.
	DirectNone Direct = ""
	// DirectQueue waits in one queue until its time to live ends.
	DirectQueue Direct = "queue"
	// DirectWorker is offered to one Worker only.
	DirectWorker Direct = "worker"
)

// ReEvaluation says why a Task must be routed again from the first filter.
type ReEvaluation string

// Causes of a re-evaluation, with the text events carry.
const (
	ReEvaluateNone       ReEvaluation = ""
	ReEvaluateAttributes ReEvaluation = "Task attributes updated"
	ReEvaluateWorkflow   ReEvaluation = "Workflow updated"
)

// Route is where a Task stands in its Workflow's configuration.
type Route struct {
	// ConfigVersion is the version of the configuration the Task entered with;
	// it keeps following that one unless it is re-evaluated.
	ConfigVersion int64
	// Filter and Target are zero-based; Filter is -1 in the default filter.
	Filter, Target int
	EnteredAt      time.Time
	// Deadline is when the target times out; zero means never.
	Deadline time.Time
	// Due is set when the deadline passed while an offer was open: the move
	// is made when the last offer ends.
	Due bool
	// ReEvaluate is a re-evaluation put off until the Task is pending again.
	ReEvaluate ReEvaluation
	// Direct is set when the filters are bypassed.
	Direct Direct
}

// Task is a unit of work to be routed to a Worker.
type Task struct {
	SID, AccountSID, WorkspaceSID string

	Status           TaskStatus
	Attributes       Attributes
	Priority         int64
	Reason           string
	Timeout          time.Duration
	VirtualStartTime time.Time

	TaskChannelSID string
	WorkflowSID    string
	QueueSID       string
	QueueEnteredAt time.Time
	Route          Route

	// RoutingTarget is the SID given at creation; IgnoreCapacity is nil when
	// it was neither given nor implied.
	RoutingTarget  string
	IgnoreCapacity *bool

	// Assignments counts moves from pending to reserved.
	Assignments int
	// FailedOffers counts consecutive offers that failed technically;
	// OfferNotBefore is the pause that follows.
	FailedOffers   int
	OfferNotBefore time.Time
	// DemandClass groups waiting Tasks that want the same Workers; empty
	// unless the Task is pending and may be offered now.
	DemandClass string

	// CallSID is the caller's leg of a Task made by a phone call.
	CallSID string
	// WrapUp is how long wrapping lasts before the Task completes by itself;
	// zero waits for the agent.
	WrapUp time.Duration

	AssignedAt time.Time
	WrappingAt time.Time
	EndedAt    time.Time
	// RemoveAt is when an ended Task disappears.
	RemoveAt time.Time

	// Version is the entity tag: it grows with each visible change.
	Version int64
	// Revision grows with each change the durable run of the Task must know.
	Revision int64

	CreatedAt, UpdatedAt time.Time
}

// Age is the whole time since creation.
func (t *Task) Age(now time.Time) time.Duration { return now.Sub(t.CreatedAt) }

// IgnoresCapacity reports whether the Task is offered to its Worker whatever
// the Worker's Activity and capacity.
func (t *Task) IgnoresCapacity() bool {
	return t.Route.Direct == DirectWorker && t.IgnoreCapacity != nil && *t.IgnoreCapacity
}

// Deleted reports whether the Task was removed by request and its row only
// stays until a leg is down: such a Task is to be removed at the moment it
// ended, while any other can be read for a while.
func (t *Task) Deleted() bool { return !t.RemoveAt.IsZero() && t.RemoveAt.Equal(t.EndedAt) }

// ExpiresAt is when the Task's time to live ends; zero once it was accepted.
func (t *Task) ExpiresAt() time.Time {
	if t.Status == TaskPending || t.Status == TaskReserved {
		return t.CreatedAt.Add(t.Timeout)
	}
	return time.Time{}
}

// OfferBackoff is the pause after n consecutive technically failed offers:
// 1, 2, 4 … at most 30 seconds.
func OfferBackoff(n int) time.Duration {
	if n <= 0 {
		return 0
	}
	if n > 5 {
		return 30 * time.Second
	}
	return time.Duration(1<<(n-1)) * time.Second
}
