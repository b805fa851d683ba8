package matching_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/matching"
)

// free is an agent with room for one more Task.
func free(sid string) matching.Candidate {
	return matching.Candidate{WorkerSID: sid, ActivityAvailable: true, ChannelAvailable: true, Capacity: 1}
}

func TestCheck(t *testing.T) {
	no := func(r matching.Reason) func(string) matching.Reason {
		return func(string) matching.Reason { return r }
	}
	for name, c := range map[string]struct {
		demand matching.Demand
		change func(c *matching.Candidate)
		want   matching.Reason
	}{
		"free":                             {want: matching.Fits},
		"away":                             {change: func(c *matching.Candidate) { c.ActivityAvailable = false }, want: matching.ActivityAway},
		"channel off":                      {change: func(c *matching.Candidate) { c.ChannelAvailable = false }, want: matching.ChannelOff},
		"full":                             {change: func(c *matching.Candidate) { c.Used = 1 }, want: matching.NoCapacity},
		"above capacity":                   {change: func(c *matching.Candidate) { c.Used = 3 }, want: matching.NoCapacity},
		"no capacity at all":               {change: func(c *matching.Candidate) { c.Capacity = 0 }, want: matching.NoCapacity},
		"room for one more":                {change: func(c *matching.Candidate) { c.Used, c.Capacity, c.Open = 2, 3, 4 }, want: matching.Fits},
		"asked already":                    {change: func(c *matching.Candidate) { c.HoldsTask = true }, want: matching.HoldsTaskAlready},
		"single-tasking and busy":          {demand: matching.Demand{SingleTasking: true}, change: func(c *matching.Candidate) { c.Open = 1 }, want: matching.Busy},
		"single-tasking and free":          {demand: matching.Demand{SingleTasking: true}, want: matching.Fits},
		"rule says no":                     {demand: matching.Demand{Rule: no(matching.RuleSaysNo)}, want: matching.RuleSaysNo},
		"rule fails":                       {demand: matching.Demand{Rule: no(matching.RuleFailed)}, want: matching.RuleFailed},
		"rule is not asked about the full": {demand: matching.Demand{Rule: no(matching.RuleFailed)}, change: func(c *matching.Candidate) { c.Used = 1 }, want: matching.NoCapacity},
		"ignoring capacity": {
			demand: matching.Demand{IgnoreCapacity: true},
			change: func(c *matching.Candidate) { c.ActivityAvailable, c.ChannelAvailable, c.Used = false, false, 9 },
			want:   matching.Fits,
		},
		"ignoring capacity but asked already": {
			demand: matching.Demand{IgnoreCapacity: true},
			change: func(c *matching.Candidate) { c.HoldsTask = true },
			want:   matching.HoldsTaskAlready,
		},
	} {
		t.Run(name, func(t *testing.T) {
			candidate := free("WK1")
			if c.change != nil {
				c.change(&candidate)
			}
			require.Equal(t, c.want, c.demand.Check(&candidate))
		})
	}
}

// crowd draws agents in the order the store lists them: longest idle first,
// then by SID.
func crowd(t *rapid.T) []*matching.Candidate {
	n := rapid.IntRange(0, 80).Draw(t, "agents")
	out := make([]*matching.Candidate, n)
	for i := range out {
		out[i] = &matching.Candidate{
			WorkerSID: "WK" + string(rune('A'+i/26)) + string(rune('a'+i%26)),
			// Few different times, so that ties happen.
			IdleSince:         time.Unix(int64(rapid.IntRange(0, 5).Draw(t, "idle")), 0),
			ActivityAvailable: rapid.Bool().Draw(t, "available"),
			ChannelAvailable:  rapid.Float64Range(0, 1).Draw(t, "channel") < 0.9,
			Used:              rapid.IntRange(0, 3).Draw(t, "used"),
			Capacity:          rapid.IntRange(0, 3).Draw(t, "capacity"),
			Open:              rapid.IntRange(0, 2).Draw(t, "open"),
			HoldsTask:         rapid.Float64Range(0, 1).Draw(t, "holds") < 0.1,
		}
	}
	slices.SortFunc(out, byIdleTime)
	return out
}

func byIdleTime(a, b *matching.Candidate) int {
	if c := a.IdleSince.Compare(b.IdleSince); c != 0 {
		return c
	}
	if a.WorkerSID < b.WorkerSID {
		return -1
	}
	return 1
}
