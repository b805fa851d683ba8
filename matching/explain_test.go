package matching_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/matching"
)

func TestObstacles(t *testing.T) {
	t.Parallel()
	d := matching.Demand{SingleTasking: true, Rule: func(string) matching.Reason { return matching.RuleSaysNo }}
	require.Equal(t, []matching.Reason{
		matching.HoldsTaskAlready, matching.ActivityAway, matching.ChannelOff, matching.NoCapacity, matching.Busy, matching.RuleSaysNo,
	}, d.Obstacles(matching.Candidate{HoldsTask: true, Open: 1}))
}

// The first obstacle is the reason of the decision, and who has none fits.
func TestObstaclesAgreeWithCheck(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		flag := rapid.Bool()
		c := matching.Candidate{
			WorkerSID: "WK1", ActivityAvailable: flag.Draw(t, "activity"), ChannelAvailable: flag.Draw(t, "channel"), HoldsTask: flag.Draw(t, "holds"),
			Used: rapid.IntRange(0, 3).Draw(t, "used"), Capacity: rapid.IntRange(0, 3).Draw(t, "capacity"), Open: rapid.IntRange(0, 2).Draw(t, "open"),
		}
		d := matching.Demand{SingleTasking: flag.Draw(t, "single"), IgnoreCapacity: flag.Draw(t, "ignore")}
		if flag.Draw(t, "rule") {
			d.Rule = func(string) matching.Reason { return matching.RuleFailed }
		}
		first := matching.Fits
		if all := d.Obstacles(c); len(all) > 0 {
			first = all[0]
		}
		require.Equal(t, d.Check(&c), first)
	})
}
