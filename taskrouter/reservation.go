package taskrouter

import "time"

// ReservationStatus is the state of a Reservation, in its wire spelling.
type ReservationStatus string

// The states of a Reservation. Pending, accepted and wrapping hold capacity.
const (
	ReservationPending   ReservationStatus = "pending"
	ReservationAccepted  ReservationStatus = "accepted"
	ReservationRejected  ReservationStatus = "rejected"
	ReservationTimeout   ReservationStatus = "timeout"
	ReservationCanceled  ReservationStatus = "canceled"
	ReservationRescinded ReservationStatus = "rescinded"
	ReservationWrapping  ReservationStatus = "wrapping"
	ReservationCompleted ReservationStatus = "completed"
)

// ReservationStatuses lists every state.
func ReservationStatuses() []ReservationStatus {
	return []ReservationStatus{
		ReservationPending, ReservationAccepted, ReservationRejected, ReservationTimeout,
		ReservationCanceled, ReservationRescinded, ReservationWrapping, ReservationCompleted,
	}
}

// Open reports whether the Reservation still holds capacity.
func (s ReservationStatus) Open() bool {
	return s == ReservationPending || s == ReservationAccepted || s == ReservationWrapping
}

// CallbackState is the progress of a Reservation's assignment callback.
type CallbackState string

// The states of an assignment callback.
const (
	// CallbackNone: the Workflow has no callback URL.
	CallbackNone CallbackState = ""
	// CallbackDue: nobody has made the request yet.
	CallbackDue CallbackState = "due"
	// CallbackTaken: a process has the order and makes the request.
	CallbackTaken CallbackState = "taken"
	// CallbackDone: an answer was received and applied.
	CallbackDone CallbackState = "done"
	// CallbackFailed: both URLs failed.
	CallbackFailed CallbackState = "failed"
)

// Reasons a Reservation ended other than by its agent's choice.
const (
	ReasonCallbackFailed = "assignment_callback_failed"
	ReasonDialFailed     = "dial_failed"
	ReasonBusy           = "busy"
	ReasonNoAnswer       = "no_answer"
	ReasonAgentLeft      = "agent_left"
	ReasonNoContact      = "no_contact_uri"
)

// Reservation is an offer of one Task to one Worker.
type Reservation struct {
	SID, AccountSID, WorkspaceSID string
	TaskSID, WorkerSID            string
	WorkerName                    string

	Status     ReservationStatus
	ReasonCode string
	// TaskChannelSID, QueueSID and WorkflowSID are those of the Task at the
	// time of the offer.
	TaskChannelSID, QueueSID, WorkflowSID string
	// Deadline is when a pending offer times out.
	Deadline time.Time
	Callback CallbackState
	// Instruction is what was asked for by the callback or by REST; nil
	// means manual handling.
	Instruction *Instruction
	// PostWorkActivitySID becomes the Worker's Activity once, on completion.
	PostWorkActivitySID string
	// PreviousActivitySID is the Activity before the offer (single-tasking).
	PreviousActivitySID string
	// IgnoresCapacity marks an offer that was made whatever the capacity.
	IgnoresCapacity bool
	// Decision is the record of why this Worker got the offer, as JSON.
	Decision string

	AcceptedAt, WrappingAt, EndedAt time.Time

	Version              int64
	CreatedAt, UpdatedAt time.Time
}

// AwaitsCallback reports whether the offer waits for the answer to its
// assignment callback, or for somebody to make the request.
func (r *Reservation) AwaitsCallback() bool {
	return r.Status == ReservationPending && (r.Callback == CallbackDue || r.Callback == CallbackTaken)
}

// Limits and defaults of an offer.
const (
	DefaultReservationTimeout = 120 * time.Second
	MaxReservationTimeout     = 86400 * time.Second
	MaxReservedWorkers        = 50
)
