package activities

import (
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// View is taskrouter.View as it is written into histories.
type View struct {
	AccountSID   string `json:"account,omitempty"`
	WorkspaceSID string `json:"workspace"`
	TaskSID      string `json:"task"`
	// Revision orders the views of one Task; the latest wins.
	Revision int64                 `json:"revision"`
	Status   taskrouter.TaskStatus `json:"status,omitempty"`
	Removed  bool                  `json:"removed,omitempty"`
	Reason   string                `json:"reason,omitempty"`
	Priority int64                 `json:"priority,omitempty"`

	WorkflowSID string   `json:"workflow,omitempty"`
	QueueSID    string   `json:"queue,omitempty"`
	QueueName   string   `json:"queue_name,omitempty"`
	Channel     string   `json:"channel,omitempty"`
	AgentSID    string   `json:"agent,omitempty"`
	Decision    Decision `json:"decision,omitzero"`

	// Deadline is the earliest instant at which the store has something to do
	// for the Task; DeadlineFor says what.
	Deadline    time.Time `json:"deadline,omitzero"`
	DeadlineFor string    `json:"deadline_for,omitempty"`

	Offers []Offer `json:"offers,omitempty"`
	Legs   []Leg   `json:"legs,omitempty"`
}

// Decision is where the routing rules sent the Task, and why.
type Decision struct {
	ConfigVersion    int64  `json:"config_version"`
	Filter           int    `json:"filter"`
	Target           int    `json:"target"`
	FilterName       string `json:"filter_name,omitempty"`
	FilterExpression string `json:"filter_expression,omitempty"`
	QueueSID         string `json:"queue,omitempty"`
	QueueName        string `json:"queue_name,omitempty"`
	Priority         int64  `json:"priority,omitempty"`
	// Cause is created, timeout, skip or re-evaluated.
	Cause string `json:"cause,omitempty"`
}

// Offer is an open Reservation.
type Offer struct {
	ReservationSID string                       `json:"reservation"`
	WorkerSID      string                       `json:"worker"`
	Status         taskrouter.ReservationStatus `json:"status"`
	Deadline       time.Time                    `json:"deadline,omitzero"`
	// CallbackDue asks for the assignment callback.
	CallbackDue bool `json:"callback_due,omitempty"`
}

// Leg is an agent's leg and what is to be done about it.
type Leg struct {
	Attempt        string              `json:"attempt"`
	ReservationSID string              `json:"reservation"`
	Backend        string              `json:"backend,omitempty"`
	Instance       string              `json:"instance,omitempty"`
	State          taskrouter.LegState `json:"state"`
	Dial           bool                `json:"dial,omitempty"`
	Confirm        bool                `json:"confirm,omitempty"`
	HangUp         bool                `json:"hang_up,omitempty"`
}

// FromView converts the domain's view. Instants are cut to microseconds, the
// precision of the store.
func FromView(v taskrouter.View) View {
	out := View{
		AccountSID: v.AccountSID, WorkspaceSID: v.WorkspaceSID, TaskSID: v.TaskSID,
		Revision: v.Revision, Status: v.Status, Removed: v.Removed, Reason: v.Reason, Priority: v.Priority,
		WorkflowSID: v.WorkflowSID, QueueSID: v.QueueSID, QueueName: v.QueueName, Channel: v.Channel,
		AgentSID: v.AgentSID, Decision: Decision(v.Decision),
		Deadline: instant(v.Deadline), DeadlineFor: v.DeadlineFor,
	}
	for _, o := range v.Offers {
		out.Offers = append(out.Offers, Offer{
			ReservationSID: o.ReservationSID, WorkerSID: o.WorkerSID, Status: o.Status,
			Deadline: instant(o.Deadline), CallbackDue: o.CallbackDue,
		})
	}
	for _, l := range v.Legs {
		out.Legs = append(out.Legs, Leg(l))
	}
	return out
}

// Domain converts back.
func (v *View) Domain() taskrouter.View {
	out := taskrouter.View{
		AccountSID: v.AccountSID, WorkspaceSID: v.WorkspaceSID, TaskSID: v.TaskSID,
		Revision: v.Revision, Status: v.Status, Removed: v.Removed, Reason: v.Reason, Priority: v.Priority,
		WorkflowSID: v.WorkflowSID, QueueSID: v.QueueSID, QueueName: v.QueueName, Channel: v.Channel,
		AgentSID: v.AgentSID, Decision: taskrouter.RouteDecision(v.Decision),
		Deadline: v.Deadline, DeadlineFor: v.DeadlineFor,
	}
	for _, o := range v.Offers {
		out.Offers = append(out.Offers, taskrouter.OfferView(o))
	}
	for _, l := range v.Legs {
		out.Legs = append(out.Legs, taskrouter.LegView(l))
	}
	return out
}

// Ended reports whether the Task has reached an end.
func (v *View) Ended() bool { return v.Removed || v.Status.Ended() }

// instant drops the monotonic clock and what the store cannot keep.
func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
