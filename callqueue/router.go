package callqueue

import (
	"context"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// Router decides about calls; *dispatch.Dispatcher is one. Every command is
// conditional on the state it was asked in, so that a repeat changes nothing
// and gets the current row.
type Router interface {
	// CallStarted stores a call, or returns the row stored before.
	CallStarted(ctx context.Context, facts dispatch.CallFacts) (*taskrouter.Call, error)
	// MoveMenu moves a call that is still at the step it was asked at; moving
	// on sets the failed tries to zero. The result is the row as it stands.
	MoveMenu(ctx context.Context, move dispatch.MenuMove) (*taskrouter.Call, error)
	// CreateCallTask makes the Task of a call in the menu. A call that has
	// ended gets none; the row tells.
	CreateCallTask(ctx context.Context, task dispatch.CallTask) (*taskrouter.Call, error)
	// Call reads a call; nil when it is unknown.
	Call(ctx context.Context, ref dispatch.CallRef) (*taskrouter.Call, error)
	// CallEnded: the caller left, or the conversation is over. The cause is one
	// of the Cause constants. An unknown call is not an error of the caller's.
	CallEnded(ctx context.Context, ref dispatch.CallRef, cause string) error
	// LegFact stores a fact about an agent's leg.
	LegFact(ctx context.Context, report dispatch.LegReport) error
	// LegDocument decides what an agent who answered will do, and accepts the
	// Reservation when that is to join the caller.
	LegDocument(ctx context.Context, attempt, callSID string) (dispatch.LegVerdict, error)
	// JoinSeen: both parties are in the room.
	JoinSeen(ctx context.Context, workspaceSID, attempt string) (taskrouter.View, error)
	// View reads a Task.
	View(ctx context.Context, workspaceSID, taskSID string) (taskrouter.View, error)
}

// Records are the reads the webhooks need; the store has them. Each returns nil
// and no error for what does not exist.
type Records interface {
	// CallQueueByNumber finds the CallQueue that owns a number of a back-end;
	// an empty account means any.
	CallQueueByNumber(ctx context.Context, accountSID, backend, number string) (*taskrouter.CallQueue, error)
	// FetchLeg finds an agent's leg by its attempt.
	FetchLeg(ctx context.Context, attempt string) (*taskrouter.Leg, error)
	// LegByCallSID finds an agent's leg by the platform's id.
	LegByCallSID(ctx context.Context, backend, callSID string) (*taskrouter.Leg, error)
	// TaskReservations lists the Reservations of Tasks, whatever their state, in
	// the order they were made.
	TaskReservations(ctx context.Context, accountSID, workspaceSID string, taskSIDs ...string) ([]*taskrouter.Reservation, error)
}

// Accounts know who wants signed webhooks.
type Accounts interface {
	// RequireSignature reports whether unsigned voice webhooks are refused.
	RequireSignature(ctx context.Context, accountSID string) (bool, error)
	// SigningTokens lists the tokens that are valid now, two during a rotation.
	SigningTokens(ctx context.Context, accountSID string) ([]string, error)
}

// Revealer learns the leg behind an attempt whose placement was not confirmed;
// a voice.Ledger is one.
type Revealer interface {
	// Reveal reports whether the leg is wanted; placement 0 is the current one.
	Reveal(ctx context.Context, backend, attempt string, placement int, callSID string) (bool, error)
}

// Platform is one account on a telephone platform that sends us webhooks.
type Platform struct {
	// Name is the configured name of the back-end.
	Name    string
	Flavour voice.Flavour
	// AccountSID is what the platform calls the account; it tells requests of
	// two platforms apart. It may be empty.
	AccountSID string
	// AuthTokens are what the platform signs with. When empty, the tokens of
	// the router's own account are tried, if that account wants signatures.
	AuthTokens []string
	// Secret is the path segment that guards a platform that does not sign.
	Secret string
	// Default is taken when a request does not tell where it comes from.
	Default bool
	// Backend is asked why a leg ended when a notice does not say. It may be
	// nil.
	Backend voice.Backend
}

// Why a call ended, as told to the Router.
const (
	// CauseHangup: the caller left.
	CauseHangup = "hangup"
	// CauseCompleted: the conversation is over and the caller is still there.
	CauseCompleted = "completed"
	// CauseFailed: the call broke, or could not be served.
	CauseFailed = "failed"
	// CauseLost: the platform does not know the call any more.
	CauseLost = "lost"
)

// Why an agent's leg is refused, as the Router's verdict says it.
const (
	ReasonCallerLeft = "caller left"
	ReasonWithdrawn  = "withdrawn"
	ReasonUnknown    = "unknown"
)

// callerCause names the end of a caller's leg. Before the answer "no answer"
// and "canceled" mean that the caller gave up, as does any ordinary end.
func callerCause(c voice.EndCause) string {
	switch c {
	case voice.EndFailed:
		return CauseFailed
	case voice.EndLost:
		return CauseLost
	default:
		return CauseHangup
	}
}
