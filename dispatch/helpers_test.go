package dispatch_test

import (
	"context"
	"fmt"
	"strings"

	"go.uber.org/zap"
)

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// deep is an attributes document nested n levels.
func deep(n int) string {
	n = min(n, 1900) // within the length limit
	return `{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
}

var nopLog = zap.NewNop()

type ctxT = context.Context
