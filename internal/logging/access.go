package logging

import (
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Access is what the access log keeps of one request. It has no field for the
// path, the query or the body on purpose: they carry personal data.
type Access struct {
	// Method is the HTTP method.
	Method string
	// Route is the pattern that matched; empty when none did.
	Route string
	// Status is the status code answered.
	Status int
	// Bytes is the size of the answer's body.
	Bytes int
	// Elapsed is the time from the first byte in to the last byte out.
	Elapsed time.Duration
	// RequestID identifies the request in other lines.
	RequestID string
	// AccountSID is the authenticated account; empty when there is none.
	AccountSID string
	// APIKeySID is the key that authenticated; empty when it was the account.
	APIKeySID string
	// Code is the error code in the body; zero when the request succeeded.
	Code int
}

// LogAccess writes the one line a request gets. Faults of ours (5xx) are
// errors, refusals for overload or credentials are warnings, the rest is info.
func LogAccess(log *zap.Logger, a Access) {
	level := zapcore.InfoLevel
	switch {
	case a.Status >= 500 && a.Status != 503:
		level = zapcore.ErrorLevel
	case a.Status == 503, a.Status == 429, a.Status == 401, a.Status == 403:
		level = zapcore.WarnLevel
	}
	ce := log.Check(level, "request")
	if ce == nil {
		return
	}
	route := a.Route
	if route == "" {
		route = "none"
	}
	fields := []zap.Field{
		Method(a.Method), Route(route), Status(a.Status), zap.Int(KeyBytes, a.Bytes),
		Duration(a.Elapsed), RequestID(a.RequestID),
	}
	if a.AccountSID != "" {
		fields = append(fields, AccountSID(a.AccountSID))
	}
	if a.APIKeySID != "" {
		fields = append(fields, APIKeySID(a.APIKeySID))
	}
	if a.Code != 0 {
		fields = append(fields, Code(a.Code))
	}
	ce.Write(fields...)
}
