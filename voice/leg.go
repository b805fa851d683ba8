package voice

import (
	"context"
	"time"
)

// LegState is how far a leg has come. States only move forward; a late notice
// of an earlier state changes nothing.
type LegState int

// The states of a leg, in order.
const (
	Queued LegState = iota
	Dialing
	Ringing
	Answered
	Ended
)

var legStateWords = [...]string{"queued", "dialing", "ringing", "answered", "ended"}

// String is the canonical word of the state.
func (s LegState) String() string {
	if s < 0 || int(s) >= len(legStateWords) {
		return "unknown"
	}
	return legStateWords[s]
}

// ParseLegState is the reverse of String.
func ParseLegState(word string) (LegState, bool) {
	for i, w := range legStateWords {
		if w == word {
			return LegState(i), true
		}
	}
	return 0, false
}

// EndCause is why a leg is over. Empty means it is not over, or that the
// platform did not say.
type EndCause string

// The causes of an end.
const (
	EndCompleted EndCause = "completed"
	EndBusy      EndCause = "busy"
	EndNoAnswer  EndCause = "no-answer"
	EndFailed    EndCause = "failed"
	EndCanceled  EndCause = "canceled"
	// EndLost is a leg the platform no longer knows.
	EndLost EndCause = "lost"
)

// Direction tells who made a leg.
type Direction string

// The directions of a leg.
const (
	Inbound      Direction = "inbound"
	OutboundAPI  Direction = "outbound-api"
	OutboundDial Direction = "outbound-dial"
)

// Leg is one call as the platform sees it.
type Leg struct {
	CallSID    string
	AccountSID string
	ParentSID  string
	// Attempt is known for legs the router placed and remembers.
	Attempt   string
	From, To  string
	Direction Direction
	State     LegState
	// Cause is set once State is Ended.
	Cause EndCause
	// CreatedAt is when the leg came into being; zero when unknown.
	CreatedAt time.Time
	// Duration is the talk time of a leg that is over.
	Duration time.Duration
}

// Who ended a leg, where the platform tells.
const (
	// ByRemote is the party on the leg.
	ByRemote = "remote"
	// BySystem is the router: a request of ours or the end of our document.
	BySystem = "system"
)

// Event is one fact about a leg. Events are not ordered; apply one only when
// Advances says so.
type Event struct {
	Backend string
	CallSID string
	// Attempt and Placement are taken from the callback's URL; both are zero for
	// a caller's leg.
	Attempt   string
	Placement int
	State     LegState
	Cause     EndCause
	// By is ByRemote, BySystem or empty.
	By string
	At time.Time
	// Sequence orders the notices of one leg where the platform numbers them;
	// -1 where it does not.
	Sequence int
	// Joined is set on room facts: true entered Room, false left it.
	Joined *bool
	Room   string
	// Digits are keys pressed by the party.
	Digits string
	// SIPCode is the final SIP response, zero when unknown.
	SIPCode int
	// Duration is the talk time, on the final event.
	Duration time.Duration
}

// Advances reports whether the event moves a leg beyond the known state. Room
// facts and digits say nothing about the state of a live leg and always count.
func (e Event) Advances(known LegState) bool {
	if known == Ended {
		return false
	}
	return e.State > known || e.Joined != nil || e.Digits != ""
}

// Sink takes facts in. An error means the fact was not stored and should be
// offered again.
type Sink interface {
	VoiceEvent(ctx context.Context, e Event) error
}

// SinkFunc makes a Sink of a function.
type SinkFunc func(ctx context.Context, e Event) error

// VoiceEvent calls the function.
func (f SinkFunc) VoiceEvent(ctx context.Context, e Event) error { return f(ctx, e) }
