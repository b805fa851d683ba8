package taskrouter

import "time"

// CallState is the state of a caller's leg.
type CallState string

// A call moves forward only: from the menu to waiting to ended.
const (
	CallInMenu  CallState = "menu"
	CallWaiting CallState = "waiting"
	CallEnded   CallState = "ended"
)

// Call is a caller's leg, one row an inbound call. It makes every webhook of
// the call idempotent.
type Call struct {
	AccountSID, Backend, CallSID string
	WorkspaceSID, CallQueueSID   string
	From, To                     string
	State                        CallState
	// MenuStep is the step the caller hears; MenuTries counts failures at it;
	// MenuFacts is what the choices set so far, as a JSON object.
	MenuStep  string
	MenuTries int
	MenuFacts Attributes
	// Facts is what the platform said about the call, as a JSON object.
	Facts Attributes
	// TaskSID is the Task the call became; a successor replaces it when a
	// join fails.
	TaskSID string
	// Room is the conference room the caller waits in: the SID of the first
	// Task. A successor Task keeps it.
	Room string
	// EndCause is why the call ended.
	EndCause             string
	EndedAt              time.Time
	CreatedAt, UpdatedAt time.Time
}

// LegState is the state of an agent's leg; it only moves forward.
type LegState string

// The states of an agent's leg.
const (
	// LegWanted: the durable run has to dial.
	LegWanted LegState = "wanted"
	// LegPlacing: the request may be on its way to the platform.
	LegPlacing LegState = "placing"
	// LegDialing: the platform has it.
	LegDialing LegState = "dialing"
	// LegRinging: the agent's phone rings.
	LegRinging LegState = "ringing"
	// LegAnswered: the agent answered.
	LegAnswered LegState = "answered"
	// LegJoined: both parties are in the room.
	LegJoined LegState = "joined"
	// LegEnded: over, whatever the cause.
	LegEnded LegState = "ended"
)

// legRank orders the states.
var legRank = map[LegState]int{
	LegWanted: 0, LegPlacing: 1, LegDialing: 2, LegRinging: 3, LegAnswered: 4, LegJoined: 5, LegEnded: 6,
}

// Before reports whether s comes before o on a leg's way.
func (s LegState) Before(o LegState) bool { return legRank[s] < legRank[o] }

// LegPurpose says what answering the leg means.
type LegPurpose string

// The purposes of an agent's leg.
const (
	// LegAccepts: answering accepts the Reservation (dequeue, conference).
	LegAccepts LegPurpose = "accept"
	// LegConnects: the Reservation was accepted already; the leg only joins.
	LegConnects LegPurpose = "connect"
	// LegForeign: the customer's own markup runs on it (call instruction).
	LegForeign LegPurpose = "foreign"
	// LegRedirects: not a leg of its own; the caller's leg (To) is sent to URL.
	LegRedirects LegPurpose = "redirect"
	// LegSupervises: a supervisor's leg, beside the agent's. What becomes of it
	// changes neither the Reservation nor the Task.
	LegSupervises LegPurpose = "supervise"
)

// SupervisorMode says whom a supervisor speaks to; all of them hear everybody.
type SupervisorMode string

// The modes of supervision.
const (
	// SuperviseMonitor: to nobody.
	SuperviseMonitor SupervisorMode = "monitor"
	// SuperviseWhisper: to the agent only.
	SuperviseWhisper SupervisorMode = "whisper"
	// SuperviseBarge: to everybody.
	SuperviseBarge SupervisorMode = "barge"
)

// Leg is one try to reach an agent for one Reservation.
type Leg struct {
	// Attempt is the Reservation's SID and a counter.
	Attempt                  string
	AccountSID, WorkspaceSID string
	TaskSID, ReservationSID  string
	// WorkerSID is who is called: the agent, or the supervisor; empty for a
	// supervisor who is known by address only.
	WorkerSID         string
	Backend, Instance string
	Purpose           LegPurpose
	To, From          string
	// Mode is set on a supervisor's leg.
	Mode SupervisorMode
	// URL is the customer's markup of a foreign leg, or where a caller is
	// redirected; empty redirects to the closing words.
	URL string
	// CallSIDs are the platform's legs of this attempt; the first one to
	// answer is CallSID.
	CallSIDs []string
	CallSID  string
	State    LegState
	EndCause string
	// Placements counts requests that may have reached the platform.
	Placements int
	// Unknown is set while the outcome of a placement is not known.
	Unknown bool
	// HangUp is set when the durable run has to end the leg.
	HangUp bool
	// RingTimeout is how long the phone rings.
	RingTimeout time.Duration
	// Deadline is when a step is overdue: the final report of a ringing leg,
	// or the confirmation of a join.
	Deadline             time.Time
	AnsweredAt, JoinedAt time.Time
	EndedAt              time.Time
	CreatedAt, UpdatedAt time.Time
}

// ServesInstruction reports whether the leg was placed to carry out an
// instruction of this kind for its Reservation, so that the instruction's
// options are about it.
func (l *Leg) ServesInstruction(i *Instruction) bool {
	if i == nil {
		return false
	}
	switch l.Purpose {
	case LegAccepts, LegConnects:
		return i.Kind == InstructDequeue || i.Kind == InstructConference
	case LegForeign:
		return i.Kind == InstructCall
	default:
		return false
	}
}

// Timings of agents' legs.
const (
	MaxRingTimeout     = 60 * time.Second
	DefaultRingTimeout = 20 * time.Second
	// JoinTimeout is how long both parties may take to be in the room.
	JoinTimeout = 10 * time.Second
	// LegReportGrace is how long after the ring time-out a final report of
	// the platform is awaited.
	LegReportGrace = 10 * time.Second
	// DrainTimeout is how long an agent's older leg may take to end before a
	// new one is placed.
	DrainTimeout = 3 * time.Second
)
