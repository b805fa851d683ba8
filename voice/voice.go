package voice

import (
	"context"
	"time"
)

// Flavour names a platform dialect: its paths, its field names, its words.
type Flavour string

// The dialects the router speaks.
const (
	FlavourTwilio   Flavour = "twilio"
	FlavourRestcomm Flavour = "restcomm"
	// FlavourFake is the in-memory telephone network of voice/fake. Its requests
	// look like Twilio's.
	FlavourFake Flavour = "fake"
)

// RecordsLegs reports whether the platform records a leg it places whatever
// document runs on it. Where it does not, a document of ours can ask for it.
func (f Flavour) RecordsLegs() bool { return f != FlavourRestcomm }

// Whispers reports whether one of those in a room can speak to one other only.
func (f Flavour) Whispers() bool { return f != FlavourRestcomm }

// PlacementMark is replaced in the URLs of a DialRequest by the number of the
// placement, counted from 1. An attempt whose first placement had an unknown
// outcome may be placed again; the number tells a late leg from the current one.
const PlacementMark = "{placement}"

// Backend is one account on one telephone platform.
type Backend interface {
	// Name is the configured name of the back-end; it stands in every Event.
	Name() string
	// Flavour tells which markup and parameters the platform uses.
	Flavour() Flavour
	// Dial places the agent's leg. It is keyed by the attempt: repeating an
	// attempt that was placed returns the same legs and rings nobody. When the
	// platform's answer was lost Dial finds out what happened before it places
	// again, at most two more times. Classify its error with Verdict.
	Dial(ctx context.Context, req DialRequest) (DialResult, error)
	// Hangup ends a leg in any state. A leg that is already over, or unknown, is
	// not an error. With an empty CallSID every leg of the attempt is ended and
	// the attempt can no longer be placed.
	Hangup(ctx context.Context, call CallRef, cause HangupCause) error
	// Redirect makes a live leg fetch and run the document at url. It returns an
	// error matching ErrCallGone when the party has left. It is not repeated
	// after an unknown outcome: the document would start over.
	Redirect(ctx context.Context, call CallRef, url string) error
	// Inspect reads one leg. A leg the platform does not know is Ended with
	// cause EndLost.
	Inspect(ctx context.Context, callSID string) (Leg, error)
	// Live lists every leg of the account that is not over.
	Live(ctx context.Context) ([]Leg, error)
	// Participants lists the CallSIDs in a room, in no particular order. A room
	// that does not exist has none.
	Participants(ctx context.Context, room string) ([]string, error)
	// Mute silences a leg in a room, or lets it be heard again.
	Mute(ctx context.Context, call CallRef, room string, muted bool) error
	// Hold takes a leg out of the conversation of a room without ending it, or
	// back in. ErrUnsupported where the platform cannot.
	Hold(ctx context.Context, call CallRef, room string, held bool) error
}

// CallRef names a leg for a verb, with what is known about it.
type CallRef struct {
	// CallSID is the platform's id of the leg.
	CallSID string
	// Attempt is the attempt that placed the leg, empty for a caller's leg.
	Attempt string
	// State is the last known state; it only saves requests.
	State LegState
	// Muted tells that the leg was muted by us. Restcomm unmutes on every update
	// that does not repeat it.
	Muted bool
}

// HangupCause says why the router ends a leg.
type HangupCause string

// The reasons the router has for ending a leg.
const (
	// HangupNormal ends a conversation that is over.
	HangupNormal HangupCause = "normal"
	// HangupCallerLeft withdraws the agent's leg because nobody waits any more.
	HangupCallerLeft HangupCause = "caller-left"
	// HangupSuperseded ends a leg that was replaced by another one.
	HangupSuperseded HangupCause = "superseded"
	// HangupTimeout ends a leg nobody answered in time.
	HangupTimeout HangupCause = "timeout"
)

// DialRequest describes the agent's leg.
type DialRequest struct {
	// Attempt is the idempotency key: one try to reach one agent for one
	// reservation. It must not contain personal data.
	Attempt string
	// To is E.164, client:name or a SIP URI; From is the identity shown.
	To, From string
	// AnswerURL is fetched when the leg is answered, StatusURL hears of its
	// progress, FallbackURL replaces AnswerURL when that cannot be fetched. Each
	// may contain PlacementMark.
	AnswerURL, StatusURL, FallbackURL string
	// Timeout is how long the phone may ring, in whole seconds; zero leaves the
	// platform's default of 60 s.
	Timeout time.Duration
	// TimeLimit is the longest the leg may last; zero leaves the platform's limit.
	TimeLimit time.Duration
	// Record asks for a recording of the whole leg, from its answer, where the
	// flavour's RecordsLegs says so; elsewhere it is ignored.
	Record bool
	// Recording says how, when Record is set.
	Recording Recording
	// SIPUser and SIPPassword authenticate towards a SIP target.
	SIPUser, SIPPassword string
	// CallToken lets the platform show the caller's own number as From.
	CallToken string
}

// Recording is how a leg is recorded. Zero values leave the platform's defaults.
type Recording struct {
	// Channels is mono or dual.
	Channels string
	// StatusURL hears from the platform that the recording can be fetched, by
	// StatusMethod.
	StatusURL, StatusMethod string
}

// String shows the attempt only, so that numbers and passwords cannot reach a log.
func (r DialRequest) String() string { return "dial " + r.Attempt }

// Outcome tells how Dial came by its legs.
type Outcome string

// The ways Dial succeeds.
const (
	// OutcomePlaced is the ordinary case.
	OutcomePlaced Outcome = "placed"
	// OutcomeAdopted is a leg whose creation was not confirmed but which was
	// found afterwards, by a callback or in the list of calls.
	OutcomeAdopted Outcome = "adopted"
	// OutcomeRepeated is an attempt that had been placed before.
	OutcomeRepeated Outcome = "repeated"
)

// DialResult is a placed attempt.
type DialResult struct {
	// CallSIDs holds every leg of the attempt, usually one. A target registered
	// on several devices rings on all of them; see HangupOthers.
	CallSIDs []string
	// Outcome tells how the legs were found.
	Outcome Outcome
	// Placement is the number of the placement the legs belong to, from 1.
	Placement int
}

// Number is a phone number of the account and where its calls go.
type Number struct {
	// SID names the number; when empty it is looked up by PhoneNumber (E.164).
	SID, PhoneNumber string
	// VoiceURL answers calls, FallbackURL replaces it when it fails, StatusURL
	// hears when a caller's leg is over.
	VoiceURL, FallbackURL, StatusURL string
}

// NumberConfigurer is a Backend that can point phone numbers at the router.
type NumberConfigurer interface {
	// ConfigureNumber sets the URLs of a number, always with method POST. The
	// result carries the SID. An application configured on the number wins over
	// its URLs; that is reported as an error matching ErrNumberOverridden.
	ConfigureNumber(ctx context.Context, n Number) (Number, error)
}

// HangupOthers ends every leg of an attempt but the one that was answered.
func HangupOthers(ctx context.Context, b Backend, l Ledger, attempt, answered string) error {
	a, found, err := l.Attempt(ctx, b.Name(), attempt)
	if err != nil || !found {
		return err
	}
	for _, sid := range a.CallSIDs {
		if sid == answered {
			continue
		}
		ref := CallRef{CallSID: sid, Attempt: attempt, State: Ringing}
		if err := b.Hangup(ctx, ref, HangupSuperseded); err != nil {
			return err
		}
	}
	return nil
}
