package store

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestHistograms(t *testing.T) {
	type entry struct {
		accepted bool
		wait, n  int64
	}
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Custom(func(t *rapid.T) entry {
			return entry{
				rapid.Bool().Draw(t, "accepted"), rapid.Int64Range(0, taskrouter.MaxWait).Draw(t, "wait"), rapid.Int64Range(1, 1<<40).Draw(t, "n"),
			}
		})).Draw(t, "entries")
		var text []byte
		for _, e := range want {
			outcome := taskrouter.OutcomeCanceled
			if e.accepted {
				outcome = taskrouter.OutcomeAccepted
			}
			text = appendWait(text, string(outcome), e.wait, e.n)
		}
		var got []entry
		eachWait(string(text), func(accepted bool, wait, n int64) { got = append(got, entry{accepted, wait, n}) })
		require.ElementsMatch(t, want, got)
	})
}

func TestHistogramClasses(t *testing.T) {
	c := newWaitClasses(2)
	c.add("a10:2;a11:1;c30:4;a31:8;c31:1;", []int64{10, 30})
	require.Equal(t, map[int64]taskrouter.WaitSplit{
		10: {AcceptedBelow: 2, AcceptedAbove: 9, CanceledAbove: 5},
		30: {AcceptedBelow: 3, AcceptedAbove: 8, CanceledBelow: 4, CanceledAbove: 1},
	}, c.splits([]int64{10, 30}))
}
