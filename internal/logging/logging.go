package logging

import (
	"fmt"
	"io"
	"os"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// The formats a log can have.
const (
	// FormatJSON writes one JSON object a line, for machines.
	FormatJSON = "json"
	// FormatConsole writes a readable line, for a terminal.
	FormatConsole = "console"
)

// Options says how New writes.
type Options struct {
	// Format is FormatJSON or FormatConsole; empty means JSON.
	Format string
	// Level is debug, info, warn or error; empty means info.
	Level string
	// Output receives the lines; nil means standard error.
	Output io.Writer
}

// New makes the root logger of a process. It fails for a format or level it
// does not know. Lines go out unbuffered, so there is nothing to flush.
func New(o Options) (*zap.Logger, error) {
	level, err := ParseLevel(o.Level)
	if err != nil {
		return nil, err
	}
	encoder, err := newEncoder(o.Format)
	if err != nil {
		return nil, err
	}
	out := o.Output
	if out == nil {
		out = os.Stderr
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(out)), level)
	return zap.New(redactCore{core}, zap.AddStacktrace(zapcore.DPanicLevel)), nil
}

// ParseLevel reads the name of a level; empty means info.
func ParseLevel(name string) (zapcore.Level, error) {
	switch name {
	case "", "info":
		return zapcore.InfoLevel, nil
	case "debug":
		return zapcore.DebugLevel, nil
	case "warn":
		return zapcore.WarnLevel, nil
	case "error":
		return zapcore.ErrorLevel, nil
	}
	return zapcore.InfoLevel, fmt.Errorf("unknown log level %q: use debug, info, warn or error", name)
}

// CheckFormat fails for a format New does not know.
func CheckFormat(name string) error {
	_, err := newEncoder(name)
	return err
}

func newEncoder(format string) (zapcore.Encoder, error) {
	c := zap.NewProductionEncoderConfig()
	c.TimeKey, c.MessageKey, c.NameKey = "time", "msg", "logger"
	c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	c.EncodeDuration = zapcore.MillisDurationEncoder
	switch format {
	case "", FormatJSON:
		return zapcore.NewJSONEncoder(c), nil
	case FormatConsole:
		c.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		c.EncodeLevel = zapcore.CapitalLevelEncoder
		c.ConsoleSeparator = "  "
		return zapcore.NewConsoleEncoder(c), nil
	}
	return nil, fmt.Errorf("unknown log format %q: use json or console", format)
}
