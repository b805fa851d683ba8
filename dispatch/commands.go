package dispatch

import (
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Subject names the resource a command is about, scoped by account and
// Workspace; a resource of another account does not exist.
type Subject struct {
	AccountSID, WorkspaceSID, SID string
	// IfMatch is the entity tag the caller saw; nil skips the check.
	IfMatch *int64
	Actor   taskrouter.Actor
}

// NewTask asks for a Task.
type NewTask struct {
	AccountSID, WorkspaceSID string
	Actor                    taskrouter.Actor
	// SID may be minted by the caller; empty mints one. ClaimedSID takes
	// precedence over it; see Unit.MintSID.
	SID, ClaimedSID string

	Attributes taskrouter.Attributes
	// WorkflowSID may be empty when the Workspace has exactly one Workflow.
	WorkflowSID string
	Priority    int64
	// Timeout is the time to live; zero is the default.
	Timeout time.Duration
	// Channel is a SID or unique name; empty is "default".
	Channel          string
	VirtualStartTime time.Time
	RoutingTarget    string
	IgnoreCapacity   *bool
	QueueSID         string
	// CallSID links the caller's leg; WrapUp is the after-call time.
	CallSID string
	WrapUp  time.Duration
}

// TaskUpdate changes a Task; nil fields are left alone.
type TaskUpdate struct {
	Subject
	Attributes       *taskrouter.Attributes
	Status           *taskrouter.TaskStatus
	Reason           *string
	Priority         *int64
	Channel          *string
	VirtualStartTime *time.Time
}

// ReservationUpdate changes a Reservation.
type ReservationUpdate struct {
	Subject
	// TaskSID or WorkerSID is the parent in the path; the other is empty.
	TaskSID, WorkerSID string
	Status             *taskrouter.ReservationStatus
	Instruction        *taskrouter.Instruction
	// WorkerActivitySID is the Worker's Activity after a rejection.
	WorkerActivitySID string
}

// NewWorker asks for a Worker.
type NewWorker struct {
	AccountSID, WorkspaceSID string
	Actor                    taskrouter.Actor
	FriendlyName             string
	// ClaimedSID, when set, is the SID the Worker gets; see Unit.MintSID.
	ClaimedSID string
	// ActivitySID empty means the Workspace's default.
	ActivitySID string
	Attributes  taskrouter.Attributes
}

// WorkerUpdate changes a Worker; nil fields are left alone.
type WorkerUpdate struct {
	Subject
	FriendlyName              *string
	ActivitySID               *string
	Attributes                *taskrouter.Attributes
	RejectPendingReservations bool
}

// ChannelUpdate changes a Worker's capacity; nil fields are left alone.
type ChannelUpdate struct {
	Subject   // SID is the WorkerChannel's SID, its TaskChannel's SID or unique name
	WorkerSID string
	Capacity  *int
	Available *bool
}

// CallbackOutcome is what the assignment callback answered.
type CallbackOutcome struct {
	// Failed: both URLs failed; the offer is canceled.
	Failed bool
	// Instruction is nil for manual handling.
	Instruction *taskrouter.Instruction
	// LogCode is the public code of a fault in the answer, for the log.
	LogCode int
}

// CallFacts is what the platform says about an inbound call.
type CallFacts struct {
	CallRef
	WorkspaceSID, CallQueueSID string
	From, To                   string
	// Facts are attributes the platform sent (call_sid, direction, …).
	Facts taskrouter.Attributes
	// FirstStep is the menu step the caller hears first.
	FirstStep string
}

// MenuMove moves a call through its menu. It applies only while the call is at
// step From, so that a repeated webhook changes nothing.
type MenuMove struct {
	CallRef
	From string
	// To is the next step; empty stays and counts a failed try.
	To    string
	Facts map[string]string
}

// CallTask makes the call's Task, once however often it is asked for.
type CallTask struct {
	CallRef
	// Step is the menu step this is the end of.
	Step       string
	Facts      map[string]string
	Attributes map[string]any
	Priority   int64
	Channel    string
}

// LegReport is a fact about an agent's leg.
type LegReport struct {
	// Attempt may be empty when only CallSID is known, and the reverse.
	Attempt, Backend, CallSID string
	State                     taskrouter.LegState
	// Cause is set for LegEnded: completed, busy, no-answer, failed, canceled, lost.
	Cause string
}

// LegVerdict answers the agent's leg when it asks what to do.
type LegVerdict struct {
	// Join is the room to enter; empty means hang up.
	Join string
	// Reason is why it must hang up: "caller left", "withdrawn", "unknown".
	Reason string
	Leg    *taskrouter.Leg
	Task   *taskrouter.Task
	// Instruction holds conference parameters, if any.
	Instruction *taskrouter.Instruction
	// Coach is the call of the agent whom alone a whispering supervisor speaks to.
	Coach string
}

// DialOrder is what the durable run needs to place a leg.
type DialOrder struct {
	// Proceed is false when nothing is to be dialled any more.
	Proceed bool
	Leg     *taskrouter.Leg
	// Drain lists open legs to the same agent that must end first.
	Drain []*taskrouter.Leg
	// CallToken and other facts of the caller's leg.
	Caller *taskrouter.Call
	// Instruction is the one the leg is placed for, nil for none. It may hold a
	// password and must not be written anywhere else.
	Instruction *taskrouter.Instruction
}

// DialReport is the outcome of a placement.
type DialReport struct {
	Attempt  string
	CallSIDs []string
	// Outcome is placed, unknown or failed.
	Outcome DialOutcome
	// Cause says why it failed: busy, no-answer, failed, bad-address …
	Cause string
}

// DialOutcome is what is known after a placement.
type DialOutcome string

// The outcomes of a placement.
const (
	DialPlaced  DialOutcome = "placed"
	DialUnknown DialOutcome = "unknown"
	DialFailed  DialOutcome = "failed"
)

// CallbackOrder is what the durable run needs to make an assignment callback.
type CallbackOrder struct {
	// Proceed: the caller is the one who makes the request.
	Proceed bool
	// Taken: somebody else took the order and has not answered yet.
	Taken            bool
	URL, FallbackURL string
	Task             *taskrouter.Task
	Worker           *taskrouter.Worker
	Reservation      *taskrouter.Reservation
	ChannelName      string
	// FromDefault is the number the caller dialled.
	FromDefault string
}
