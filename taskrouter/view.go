package taskrouter

import "time"

// View is a Task as its durable run sees it: the whole state it acts on and
// what has to be done in the world. It carries SIDs and states, never
// attributes or addresses, because it is written into histories.
type View struct {
	AccountSID, WorkspaceSID, TaskSID string
	// Revision orders views of one Task; the latest wins.
	Revision int64
	Status   TaskStatus
	// Removed is set when the Task was deleted.
	Removed  bool
	Reason   string
	Priority int64

	WorkflowSID, QueueSID string
	QueueName, Channel    string
	// AgentSID is the Worker the Task is reserved for or assigned to.
	AgentSID string
	Decision RouteDecision

	// Deadline is the earliest instant at which the store has something to do
	// for this Task; zero when there is none. DeadlineFor names it for people.
	Deadline    time.Time
	DeadlineFor string

	Offers []OfferView
	Legs   []LegView
}

// RouteDecision says where the routing rules sent the Task and why.
type RouteDecision struct {
	ConfigVersion int64
	// Filter is -1 for the default filter, -2 when filters were bypassed.
	Filter, Target   int
	FilterName       string
	FilterExpression string
	QueueSID         string
	QueueName        string
	Priority         int64
	// Cause is created, timeout, skip or re-evaluated.
	Cause string
}

// Filter numbers that are not positions in the list.
const (
	FilterDefault  = -1
	FilterBypassed = -2
)

// OfferView is an open Reservation.
type OfferView struct {
	ReservationSID, WorkerSID string
	Status                    ReservationStatus
	Deadline                  time.Time
	// CallbackDue asks for the assignment callback, and for an answer to it.
	CallbackDue bool
}

// LegView is an agent's leg and what is to be done about it.
type LegView struct {
	Attempt, ReservationSID string
	Backend, Instance       string
	State                   LegState
	// Dial asks for the leg to be placed, Confirm for proof that both parties
	// are in the room, HangUp for its end.
	Dial, Confirm, HangUp bool
}

// Ended reports whether the Task has reached an end.
func (v *View) Ended() bool { return v.Removed || v.Status.Ended() }

// ToDo reports whether something must be done in the world.
func (v *View) ToDo() bool {
	for i := range v.Offers {
		if v.Offers[i].CallbackDue {
			return true
		}
	}
	for i := range v.Legs {
		if l := &v.Legs[i]; l.Dial || l.Confirm || l.HangUp {
			return true
		}
	}
	return false
}
