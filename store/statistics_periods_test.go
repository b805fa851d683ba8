package store

import (
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestCover shows that the periods of a window are its seconds, each once, and
// few.
func TestCover(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(1_700_000_000, 1_700_200_000).Draw(t, "from")
		to := from + rapid.Int64Range(-2, 2_700_000).Draw(t, "length")
		periods := cover(time.Unix(from, 999), time.Unix(to, 999))
		require.LessOrEqual(t, len(periods), 320)
		// Each begins where another one ends.
		type span struct{ from, to int64 }
		spans := make([]span, len(periods))
		for i, p := range periods {
			size := periodSizes[p>>levelShift]
			first := (p & (1<<levelShift - 1)) * size
			spans[i] = span{first, first + size}
		}
		slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
		at := from
		for _, s := range spans {
			require.Equal(t, at, s.from)
			at = s.to
		}
		require.Equal(t, max(from, to+1), at)
	})
	// The longest window there is.
	end := time.Date(2026, 3, 31, 23, 59, 58, 0, time.UTC)
	require.LessOrEqual(t, len(cover(end.Add(-30*24*time.Hour+time.Second), end)), 320)
}
