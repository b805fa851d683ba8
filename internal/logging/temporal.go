package logging

import (
	"fmt"

	"go.uber.org/zap"

	sdklog "go.temporal.io/sdk/log"
)

// sdkNames maps the SDK's names for fields to ours, so that one query finds
// both kinds of line.
var sdkNames = map[string]string{
	"WorkflowID": KeyWorkflowID,
	"RunID":      KeyRunID,
	"Namespace":  KeyNamespace,
	"TaskQueue":  KeyTemporalQueue,
	"Attempt":    KeyAttempt,
	"Error":      KeyError,
	"Duration":   KeyDurationMS,
}

// sdkLogger puts zap behind the logger interface of the Temporal SDK.
type sdkLogger struct{ zl *zap.Logger }

var (
	_ sdklog.Logger          = sdkLogger{}
	_ sdklog.WithLogger      = sdkLogger{}
	_ sdklog.WithSkipCallers = sdkLogger{}
)

// ForSDK returns a logger for the Temporal SDK's client and worker process.
func ForSDK(zl *zap.Logger) sdklog.Logger {
	return sdkLogger{zl}
}

// Debug implements log.Logger.
func (l sdkLogger) Debug(msg string, keyvals ...any) { l.zl.Debug(msg, pairs(keyvals)...) }

// Info implements log.Logger.
func (l sdkLogger) Info(msg string, keyvals ...any) { l.zl.Info(msg, pairs(keyvals)...) }

// Warn implements log.Logger.
func (l sdkLogger) Warn(msg string, keyvals ...any) { l.zl.Warn(msg, pairs(keyvals)...) }

// Error implements log.Logger.
func (l sdkLogger) Error(msg string, keyvals ...any) { l.zl.Error(msg, pairs(keyvals)...) }

// With implements log.WithLogger.
func (l sdkLogger) With(keyvals ...any) sdklog.Logger {
	return sdkLogger{l.zl.With(pairs(keyvals)...)}
}

// WithCallerSkip implements log.WithSkipCallers.
func (l sdkLogger) WithCallerSkip(depth int) sdklog.Logger {
	return sdkLogger{l.zl.WithOptions(zap.AddCallerSkip(depth))}
}

// pairs turns alternating keys and values into fields. A key without a value,
// or one that is not text, is kept as what it is rather than lost.
func pairs(keyvals []any) []zap.Field {
	fields := make([]zap.Field, 0, (len(keyvals)+1)/2)
	for i := 0; i < len(keyvals); i += 2 {
		if f, ok := keyvals[i].(zap.Field); ok {
			fields = append(fields, f)
			i--
			continue
		}
		key := fmt.Sprint(keyvals[i])
		if ours, ok := sdkNames[key]; ok {
			key = ours
		}
		if i+1 == len(keyvals) {
			fields = append(fields, zap.String("extra", key))
			break
		}
		fields = append(fields, zap.Any(key, keyvals[i+1]))
	}
	return fields
}
