package voice

import (
	"context"
	"time"
)

// AttemptState is what is known about the placing of an attempt.
type AttemptState string

// The states of an attempt.
const (
	// AttemptPlacing is written before anything is sent.
	AttemptPlacing AttemptState = "placing"
	// AttemptPlaced is an attempt with at least one known leg.
	AttemptPlaced AttemptState = "placed"
	// AttemptUnknown is a request whose outcome is not known.
	AttemptUnknown AttemptState = "unknown"
	// AttemptFailed is an attempt the platform refused; see Failure.
	AttemptFailed AttemptState = "failed"
	// AttemptAbandoned is an attempt nobody wants any more. It is final: legs
	// that show up later are hung up.
	AttemptAbandoned AttemptState = "abandoned"
)

// Attempt is the durable record of one attempt.
type Attempt struct {
	Backend string
	ID      string
	State   AttemptState
	// To and From are as given to Dial.
	To, From string
	// Placement counts the requests sent, from 1.
	Placement int
	// StartedAt is when the first request was about to be sent, SentAt the last.
	StartedAt, SentAt time.Time
	// CallSIDs are the legs known so far: from the reply, from a callback that
	// carries the attempt, or found in the list of calls.
	CallSIDs []string
	// Failure is why State is AttemptFailed. A retryable failure may be placed again.
	Failure Class
}

// Ledger remembers attempts durably, so that neither a crash nor a lost reply
// rings an agent twice. It is called with no transaction open.
type Ledger interface {
	// Begin stores a new attempt, or returns the one stored before with
	// created false.
	Begin(ctx context.Context, a Attempt) (stored Attempt, created bool, err error)
	// Save replaces state, placement, times and failure and adds CallSIDs to the
	// stored ones. An abandoned attempt stays abandoned; a placed one returns to
	// no earlier state. The result is the record as it now stands.
	Save(ctx context.Context, a Attempt) (Attempt, error)
	// Attempt reads one record.
	Attempt(ctx context.Context, backend, id string) (Attempt, bool, error)
	// Reveal adds the CallSID a callback carried. It reports whether the leg is
	// wanted: the attempt is not abandoned and the placement is the current one.
	// A leg that is not wanted gets a hang-up document. Placement 0 stands for
	// the current one.
	Reveal(ctx context.Context, backend, id string, placement int, callSID string) (wanted bool, err error)
	// Owner tells which attempt a leg belongs to, empty when none.
	Owner(ctx context.Context, backend, callSID string) (string, error)
}
