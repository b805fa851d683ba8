package wire

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Numeric error codes clients see. They are those of the public API
// (https://www.twilio.com/docs/api/errors), so that clients can compare them.
const (
	CodeInvalid          = 20001
	CodeUnauthorized     = 20003
	CodeMethodNotAllowed = 20004
	CodeForbidden        = 20006
	CodeNotFound         = 20404
	CodeConflict         = 20409
	CodeGone             = 20410
	CodePrecondition     = 20412
	CodeTooLarge         = 20413
	CodeUnprocessable    = 20422
	CodeTooMany          = 20429
	CodeInternal         = 20500
	CodeNotImplemented   = 20501
	CodeUnavailable      = 20503

	// CodeAbsolutePaging is Page without PageToken.
	CodeAbsolutePaging = 40153
	// CodeWindowTooOld is a statistics window that begins before the retention.
	CodeWindowTooOld = 14241

	// Codes of an assignment callback's answer.
	CodeNotJSONType   = 40000
	CodeNotJSON       = 40001
	CodeNoInstruction = 40005
)

// Error is the body of every answer that is not a success.
type Error struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

// errorRow is what clients see of a kind of error.
type errorRow struct {
	status, code int
	// message replaces the error's own text; empty shows the error's text.
	message string
}

// errorRows has one row a kind; a test fails when a kind lacks one.
var errorRows = map[taskrouter.Kind]errorRow{
	taskrouter.KindInternal:     {http.StatusInternalServerError, CodeInternal, "An internal server error has occurred"},
	taskrouter.KindInvalid:      {status: http.StatusBadRequest, code: CodeInvalid},
	taskrouter.KindNotFound:     {status: http.StatusNotFound, code: CodeNotFound},
	taskrouter.KindConflict:     {status: http.StatusConflict, code: CodeConflict},
	taskrouter.KindGone:         {status: http.StatusGone, code: CodeGone},
	taskrouter.KindPrecondition: {status: http.StatusPreconditionFailed, code: CodePrecondition},
	taskrouter.KindCapacity:     {status: http.StatusTooManyRequests, code: CodeTooMany},
	taskrouter.KindUnavailable:  {status: http.StatusServiceUnavailable, code: CodeUnavailable},
	taskrouter.KindTooLarge:     {status: http.StatusRequestEntityTooLarge, code: CodeTooLarge},
	taskrouter.KindUnauthorized: {status: http.StatusUnauthorized, code: CodeUnauthorized},
	taskrouter.KindForbidden:    {status: http.StatusForbidden, code: CodeForbidden},
}

// FromError renders an error. The text of an internal error, and the cause of
// any error, stay inside.
func FromError(err error) Error {
	row := errorRows[taskrouter.KindOf(err)]
	if row.status == 0 {
		row = errorRows[taskrouter.KindInternal]
	}
	code, message := row.code, row.message
	var e *taskrouter.Error
	if errors.As(err, &e) {
		if e.Code != 0 {
			code = e.Code
		}
		if message == "" {
			message = e.Message
		}
	}
	return newError(row.status, code, message)
}

// NotFound is the error of a path that leads to no resource of the account.
func NotFound(path string) Error {
	return newError(http.StatusNotFound, CodeNotFound, "The requested resource "+path+" was not found")
}

// MethodNotAllowed is the error of a method the path does not have.
func MethodNotAllowed(method string) Error {
	return newError(http.StatusMethodNotAllowed, CodeMethodNotAllowed, "Method "+method+" is not allowed on this resource")
}

// TokenReused is the error of an idempotency token that came before with
// another request.
func TokenReused() Error {
	return newError(http.StatusUnprocessableEntity, CodeUnprocessable,
		"The idempotency token was used before with different parameters; use a new token for a new request")
}

// NotImplemented is the error of an operation of the public API this server
// does not serve, with the reason.
func NotImplemented(operation, reason string) Error {
	return newError(http.StatusNotImplemented, CodeNotImplemented, operation+" is not supported: "+reason)
}

func newError(status, code int, message string) Error {
	if message == "" {
		message = http.StatusText(status)
	}
	return Error{
		Code: code, Message: message, Status: status,
		MoreInfo: "https://www.twilio.com/docs/errors/" + strconv.Itoa(code),
	}
}
