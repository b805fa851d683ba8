package voice

import (
	"errors"
	"fmt"
	"time"
)

// Class is what an error means for the caller of a verb.
type Class int

// The classes of an error.
const (
	// ClassNone is no error.
	ClassNone Class = iota
	// ClassFatal needs an operator: wrong credentials, wrong address, a bug.
	ClassFatal
	// ClassAttemptFatal ends this attempt only: the target cannot be called.
	ClassAttemptFatal
	// ClassRetryable means nothing has happened; the same request may be repeated.
	ClassRetryable
	// ClassGone means the leg is over.
	ClassGone
	// ClassUnsupported means the platform has no such verb.
	ClassUnsupported
	// ClassUnknownOutcome means the request may have been carried out.
	ClassUnknownOutcome
)

var classWords = [...]string{"none", "fatal", "attempt fatal", "retryable", "gone", "unsupported", "unknown outcome"}

// String names the class.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classWords) {
		return "invalid"
	}
	return classWords[c]
}

var (
	// ErrCallGone matches every error of ClassGone.
	ErrCallGone = errors.New("call is gone")
	// ErrUnsupported matches every error of ClassUnsupported.
	ErrUnsupported = errors.New("not supported by the platform")
	// ErrNumberOverridden is a number whose application wins over its URLs.
	ErrNumberOverridden = errors.New("an application on the number overrides its URLs")
)

// Error is the failure of a verb. Its text holds no phone numbers: what the
// platform wrote is kept in Detail and left out of Error().
type Error struct {
	Class Class
	// Op is the operation, such as "originate".
	Op string
	// Status is the HTTP status, Code the platform's own number; zero when absent.
	Status, Code int
	// RetryAfter is how long the platform asks us to wait; zero when it does not.
	RetryAfter time.Duration
	// Detail is the platform's own text, shortened. It may be personal.
	Detail string
	// Cause is the underlying error, if any.
	Cause error
}

// Error tells operation, class and numbers.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s", e.Op, e.Class)
	if e.Status != 0 {
		s += fmt.Sprintf(", status %d", e.Status)
	}
	if e.Code != 0 {
		s += fmt.Sprintf(", code %d", e.Code)
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is lets errors.Is match ErrCallGone and ErrUnsupported by class.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrCallGone:
		return e.Class == ClassGone
	case ErrUnsupported:
		return e.Class == ClassUnsupported
	}
	return false
}

// Verdict classifies any error a Backend returned. An error nobody classified
// is an unknown outcome, because taking it for a harmless one could ring an
// agent twice.
func Verdict(err error) Class {
	var e *Error
	switch {
	case err == nil:
		return ClassNone
	case errors.As(err, &e):
		return e.Class
	case errors.Is(err, ErrCallGone):
		return ClassGone
	case errors.Is(err, ErrUnsupported):
		return ClassUnsupported
	case errors.Is(err, ErrNumberOverridden):
		return ClassFatal
	default:
		return ClassUnknownOutcome
	}
}
