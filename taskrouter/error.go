package taskrouter

import (
	"errors"
	"fmt"
)

// Kind classifies an Error; each edge (REST, Temporal activity, voice) maps
// kinds to its own vocabulary in one table.
type Kind int

// The kinds of error the router reports.
const (
	// KindInternal is a fault of ours; its text never reaches a client.
	KindInternal Kind = iota
	// KindInvalid is a parameter or a state change that is not allowed.
	KindInvalid
	// KindNotFound is a resource that does not exist for this account.
	KindNotFound
	// KindConflict is a race that could not be resolved.
	KindConflict
	// KindGone is an offer that was withdrawn: accepting a rescinded Reservation.
	KindGone
	// KindPrecondition is an If-Match that does not match.
	KindPrecondition
	// KindCapacity is a limit reached: too many requests or a backlog too long.
	KindCapacity
	// KindUnavailable is a dependency that is down; the caller may retry.
	KindUnavailable
	// KindTooLarge is a request body over its limit.
	KindTooLarge
	// KindUnauthorized is a request without valid credentials.
	KindUnauthorized
	// KindForbidden is a request that is authenticated but not permitted.
	KindForbidden
)

// Kinds lists every kind, for exhaustive mapping tests.
func Kinds() []Kind {
	return []Kind{
		KindInternal, KindInvalid, KindNotFound, KindConflict, KindGone, KindPrecondition,
		KindCapacity, KindUnavailable, KindTooLarge, KindUnauthorized, KindForbidden,
	}
}

// Error is the router's typed error. Message is public text; Cause is not.
type Error struct {
	Kind Kind
	// Code is a specific numeric code (for example 40140); zero means the
	// default code of the kind.
	Code    int
	Message string
	Cause   error
}

// Error returns the public message, followed by the cause when there is one.
func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an Error of a kind with a public message.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// Invalidf makes an Error for a bad parameter or an illegal state change.
func Invalidf(format string, args ...any) *Error { return Errorf(KindInvalid, format, args...) }

// InvalidCode makes an invalid Error with a specific code.
func InvalidCode(code int, format string, args ...any) *Error {
	e := Errorf(KindInvalid, format, args...)
	e.Code = code
	return e
}

// NotFoundf makes an Error for a resource that does not exist.
func NotFoundf(format string, args ...any) *Error { return Errorf(KindNotFound, format, args...) }

// Unavailable wraps the failure of a dependency.
func Unavailable(cause error, message string) *Error {
	return &Error{Kind: KindUnavailable, Message: message, Cause: cause}
}

// KindOf returns the kind of the first Error in err's chain; an error that is
// not ours is internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}
