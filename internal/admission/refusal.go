package admission

import (
	"fmt"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Reason says why a request is refused; it is a label of a metric.
type Reason string

// The reasons.
const (
	// BusyWrites, BusyReads, BusyExplanations and BusyAuthentications are the
	// gates of the process.
	BusyWrites          Reason = "writes"
	BusyReads           Reason = "reads"
	BusyExplanations    Reason = "explanations"
	BusyAuthentications Reason = "authentications"
	// BusyDatabase is that too many read from the database at a time.
	BusyDatabase Reason = "database"
	// Backlog is that durable runs are too far behind.
	Backlog Reason = "backlog"
	// LongQueue is that the commands of a Workspace wait for too long.
	LongQueue Reason = "queue"
	// AccountRate, AccountConcurrency and AccountWaiting are the limits of an
	// account.
	AccountRate        Reason = "account_rate"
	AccountConcurrency Reason = "account_concurrency"
	AccountWaiting     Reason = "account_waiting"
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{
		BusyWrites, BusyReads, BusyExplanations, BusyAuthentications, BusyDatabase, Backlog, LongQueue,
		AccountRate, AccountConcurrency, AccountWaiting,
	}
}

// Refusal is the error of a request that is not let in. Nothing was done for it.
type Refusal struct {
	Reason Reason
	// After is when to ask again; zero when nothing is known.
	After time.Duration
	// Public is what the client is told: KindUnavailable when the process is
	// busy, KindCapacity when the account asks for too much.
	Public *taskrouter.Error
}

// Error implements error.
func (r *Refusal) Error() string { return r.Public.Message }

// Overload refuses because of the state of the process or of its dependencies.
func Overload(reason Reason, message string) *Refusal {
	return &Refusal{Reason: reason, Public: taskrouter.Errorf(taskrouter.KindUnavailable, "%s", message)}
}

// excess refuses because of a limit of the account.
func excess(reason Reason, after time.Duration, format string, limit int) *Refusal {
	return &Refusal{Reason: reason, After: after, Public: &taskrouter.Error{
		Kind: taskrouter.KindCapacity, Message: "Too many requests: " + fmt.Sprintf(format, limit),
	}}
}
