package logging

import (
	"net/url"
	"time"

	"go.uber.org/zap"
)

// AccountSID is the field for the account a line is about.
func AccountSID[S ~string](sid S) zap.Field { return zap.String(KeyAccountSID, string(sid)) }

// ActivitySID is the field for an agent's availability state.
func ActivitySID[S ~string](sid S) zap.Field { return zap.String(KeyActivitySID, string(sid)) }

// Address is the field for a host and port this process listens on or dials.
func Address(hostPort string) zap.Field { return zap.String(KeyAddress, hostPort) }

// APIKeySID is the field for an API key. Its secret is never a field.
func APIKeySID[S ~string](sid S) zap.Field { return zap.String(KeyAPIKeySID, string(sid)) }

// Attempt is the field for the number of a try, counted from one.
func Attempt[N ~int | ~int32 | ~int64](n N) zap.Field { return zap.Int64(KeyAttempt, int64(n)) }

// Backend is the field for the configured name of a voice back-end.
func Backend(name string) zap.Field { return zap.String(KeyBackend, name) }

// CallSID is the field for a telephone call.
func CallSID[S ~string](sid S) zap.Field { return zap.String(KeyCallSID, string(sid)) }

// Channel is the field for the unique name of a TaskChannel.
func Channel(name string) zap.Field { return zap.String(KeyChannel, name) }

// Code is the field for a numeric error code as a client sees it.
func Code(code int) zap.Field { return zap.Int(KeyCode, code) }

// Count is the field for a number of things.
func Count(n int) zap.Field { return zap.Int(KeyCount, n) }

// Duration is the field for an elapsed time, written in milliseconds.
func Duration(d time.Duration) zap.Field {
	return zap.Float64(KeyDurationMS, float64(d.Microseconds())/1000)
}

// Err is the field for the error that made a line necessary.
func Err(err error) zap.Field { return zap.NamedError(KeyError, err) }

// EventSID is the field for one entry of the event log.
func EventSID[S ~string](sid S) zap.Field { return zap.String(KeyEventSID, string(sid)) }

// EventType is the field for the name of an event, such as task.created.
func EventType[S ~string](name S) zap.Field { return zap.String(KeyEventType, string(name)) }

// Job is the field for a piece of bulk or background work.
func Job[S ~string](name S) zap.Field { return zap.String(KeyJob, string(name)) }

// Method is the field for an HTTP method.
func Method(method string) zap.Field { return zap.String(KeyMethod, method) }

// Namespace is the field for a Temporal namespace.
func Namespace(name string) zap.Field { return zap.String(KeyNamespace, name) }

// QueueSID is the field for a TaskQueue.
func QueueSID[S ~string](sid S) zap.Field { return zap.String(KeyQueueSID, string(sid)) }

// Reason is the field for a constant that says why.
func Reason[S ~string](reason S) zap.Field { return zap.String(KeyReason, string(reason)) }

// RequestID is the field for the id given to one HTTP request.
func RequestID(id string) zap.Field { return zap.String(KeyRequestID, id) }

// ReservationSID is the field for a Reservation.
func ReservationSID[S ~string](sid S) zap.Field { return zap.String(KeyReservationSID, string(sid)) }

// Revision is the field for the revision of a row.
func Revision[N ~int | ~int64](n N) zap.Field { return zap.Int64(KeyRevision, int64(n)) }

// Route is the field for the pattern that matched a request, never its path:
// a path may carry what a caller typed.
func Route(pattern string) zap.Field { return zap.String(KeyRoute, pattern) }

// State is the field for a domain state, such as reserved.
func State[S ~string](state S) zap.Field { return zap.String(KeyState, string(state)) }

// Status is the field for an HTTP status code.
func Status(code int) zap.Field { return zap.Int(KeyStatus, code) }

// TaskSID is the field for a Task.
func TaskSID[S ~string](sid S) zap.Field { return zap.String(KeyTaskSID, string(sid)) }

// URLHost is the field for where a request went. The host alone is written:
// user, path and query of a webhook URL may carry secrets.
func URLHost(rawURL string) zap.Field {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" {
		return zap.String(KeyHost, masked)
	}
	return zap.String(KeyHost, u.Host)
}

// WorkerSID is the field for an agent.
func WorkerSID[S ~string](sid S) zap.Field { return zap.String(KeyWorkerSID, string(sid)) }

// WorkflowID is the field for the id of a Temporal workflow.
func WorkflowID(id string) zap.Field { return zap.String(KeyWorkflowID, id) }

// WorkflowSID is the field for a routing configuration.
func WorkflowSID[S ~string](sid S) zap.Field { return zap.String(KeyWorkflowSID, string(sid)) }

// WorkspaceSID is the field for a workspace.
func WorkspaceSID[S ~string](sid S) zap.Field { return zap.String(KeyWorkspaceSID, string(sid)) }
