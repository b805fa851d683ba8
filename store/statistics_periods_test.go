package store

import (
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
		to := from + rapid.Int64Range(-2, 400_000).Draw(t, "length")
		periods := cover(time.Unix(from, 999), time.Unix(to, 999))
		require.LessOrEqual(t, len(periods), 320)
		seen := map[int64]bool{}
		for _, p := range periods {
			size := periodSizes[p>>levelShift]
			first := (p & (1<<levelShift - 1)) * size
			for s := first; s < first+size; s++ {
				require.False(t, seen[s])
				seen[s] = true
			}
		}
		require.Len(t, seen, int(max(0, to-from+1)))
		for s := from; s <= to; s++ {
			require.True(t, seen[s])
		}
	})
	// The longest window there is.
	end := time.Date(2026, 3, 31, 23, 59, 58, 0, time.UTC)
	require.LessOrEqual(t, len(cover(end.Add(-30*24*time.Hour+time.Second), end)), 320)
}
