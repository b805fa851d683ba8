package activities

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Types of application errors, as workflows compare them.
const (
	// TypeStore is a failure of the store. Nothing has been done in the world.
	TypeStore = "store"
	// TypeTaken: somebody else makes the assignment callback.
	TypeTaken = "taken"
	// TypePhone is a failure of the telephone platform.
	TypePhone = "phone"
)

// loggerKey finds the logger of work that goes on outside of an activity.
type loggerKey struct{}

func withLogger(ctx context.Context, l log.Logger) context.Context {
	return context.WithValue(ctx, loggerKey{}, l)
}

// logger is that of the activity, or the one given to what is none.
func logger(ctx context.Context) log.Logger {
	if l, ok := ctx.Value(loggerKey{}).(log.Logger); ok {
		return l
	}
	return activity.GetLogger(ctx)
}

// fail turns an error of the store into one the durable run retries. The store
// answers a repeat with the current view, so even an error that looks final
// (a fault of ours) is worth another try after an upgrade: the run of an open
// Task never ends with an error. The cause goes to the log, which is redacted,
// and not into the history, because it may quote what clients sent.
func fail(ctx context.Context, verb string, err error) error {
	logger(ctx).Warn("store call failed", logging.KeyReason, verb, logging.KeyError, err)
	return temporal.NewApplicationError(verb+": "+kindName(taskrouter.KindOf(err)), TypeStore)
}

// failPhone is a retryable failure of the telephone platform.
func failPhone(ctx context.Context, verb string, err error) error {
	logger(ctx).Warn("telephone platform failed", logging.KeyReason, verb, logging.KeyError, err)
	return temporal.NewApplicationError(verb+" failed", TypePhone)
}

// kindNames is the word of each kind in histories.
var kindNames = map[taskrouter.Kind]string{
	taskrouter.KindInternal:     "internal",
	taskrouter.KindInvalid:      "invalid",
	taskrouter.KindNotFound:     "not found",
	taskrouter.KindConflict:     "conflict",
	taskrouter.KindGone:         "gone",
	taskrouter.KindPrecondition: "precondition",
	taskrouter.KindCapacity:     "capacity",
	taskrouter.KindUnavailable:  "unavailable",
	taskrouter.KindTooLarge:     "too large",
	taskrouter.KindUnauthorized: "unauthorized",
	taskrouter.KindForbidden:    "forbidden",
}

func kindName(k taskrouter.Kind) string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return "unknown"
}

// missing reports whether the Task, or the Workspace around it, is gone.
func missing(err error) bool { return err != nil && taskrouter.KindOf(err) == taskrouter.KindNotFound }
