package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/audit"
)

// judgedInTheEnd lets the auditor look at everything that happened, once all
// stories of a system are told and while it still runs.
func judgedInTheEnd(t *testing.T, s *system) {
	t.Cleanup(func() {
		if t.Failed() {
			return // half a story accuses nobody
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		report, err := s.App.Audit(ctx, audit.Options{})
		require.NoError(t, err)
		var text strings.Builder
		require.NoError(t, report.Print(&text))
		require.True(t, report.Clean(), "%s", &text)
		require.Positive(t, report.Totals.Reservations)
		t.Log(text.String())
	})
}
