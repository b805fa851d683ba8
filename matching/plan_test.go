package matching_test

import (
	"cmp"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/matching"
)

// skills orders agents as an order_by of two clauses does: ascending, those
// without the attribute last.
type skills map[string][2]*int

func level(n int) *int { return &n }

func (s skills) compare(a, b string) int {
	for i := range 2 {
		x, y := s[a][i], s[b][i]
		switch {
		case x == nil && y == nil:
		case x == nil:
			return 1
		case y == nil:
			return -1
		case *x != *y:
			return cmp.Compare(*x, *y)
		}
	}
	return 0
}

func TestAssignFollowsTheOrderGiven(t *testing.T) {
	for name, c := range map[string]struct {
		skills skills
		want   []string
	}{
		"a later clause breaks the tie": {skills{"Ann": {level(10), level(8)}, "Bob": {level(10), level(5)}}, []string{"Bob", "Ann"}},
		"without the attribute last":    {skills{"Ann": {level(10), level(8)}, "Bob": {level(10), nil}}, []string{"Ann", "Bob"}},
		"equal: by SID":                 {skills{"Ann": {level(1), level(1)}, "Bob": {level(1), level(1)}}, []string{"Ann", "Bob"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, order := range [][]string{{"Ann", "Bob"}, {"Bob", "Ann"}} {
				var in []*matching.Candidate
				for _, sid := range order {
					a := free(sid)
					in = append(in, &a)
				}
				p := matching.Assign(&matching.Demand{Want: 2, Compare: c.skills.compare}, slices.Values(in))
				require.Equal(t, c.want, p.Chosen)
				require.Equal(t, "order_by", p.Record.Order)
			}
		})
	}
}

func TestAssignLooksNoFurtherThanNeeded(t *testing.T) {
	looked := 0
	var endless iter.Seq[*matching.Candidate] = func(yield func(*matching.Candidate) bool) {
		for {
			looked++
			c := free("WK1")
			if !yield(&c) {
				return
			}
		}
	}
	p := matching.Assign(&matching.Demand{Want: 3}, endless)
	require.Len(t, p.Chosen, 3)
	require.Equal(t, 3, looked)
}

func TestAssignNobody(t *testing.T) {
	none := slices.Values([]*matching.Candidate(nil))
	require.Empty(t, matching.Assign(&matching.Demand{}, none).Chosen)
	require.Empty(t, matching.Assign(&matching.Demand{Compare: cmp.Compare[string]}, none).Chosen)
}

func TestAssignRecordIsBounded(t *testing.T) {
	var away []*matching.Candidate
	for range matching.MaxConsidered + 7 {
		c := free("WK1")
		c.ActivityAvailable = false
		away = append(away, &c)
	}
	p := matching.Assign(&matching.Demand{}, slices.Values(away))
	require.Len(t, p.Record.Considered, matching.MaxConsidered)
	require.Equal(t, 7, p.Record.More)
}

// Assign agrees with a plain model: of those who fit, in order, the first ones.
func TestAssignProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := crowd(t)
		d := matching.Demand{
			Want:           rapid.IntRange(0, 6).Draw(t, "want"),
			SingleTasking:  rapid.Bool().Draw(t, "single-tasking"),
			IgnoreCapacity: rapid.Float64Range(0, 1).Draw(t, "ignore") < 0.2,
			Rule: func(sid string) matching.Reason {
				if sid[len(sid)-1]%3 == 0 {
					return matching.RuleSaysNo
				}
				return matching.Fits
			},
		}
		ranked := rapid.Bool().Draw(t, "ranked")
		if ranked {
			d.Compare = func(a, b string) int { return cmp.Compare(a[len(a)-1]%4, b[len(b)-1]%4) }
		}

		var fit []*matching.Candidate
		for _, c := range in {
			if d.Check(c) == matching.Fits {
				fit = append(fit, c)
			}
		}
		if ranked {
			slices.SortStableFunc(fit, func(a, b *matching.Candidate) int { return d.Compare(a.WorkerSID, b.WorkerSID) })
		}
		var want []string
		for i, c := range fit {
			if i < max(d.Want, 1) {
				want = append(want, c.WorkerSID)
			}
		}

		p := matching.Assign(&d, slices.Values(in))
		require.Equal(t, want, p.Chosen)
		for _, sid := range p.Chosen {
			c := in[slices.IndexFunc(in, func(c *matching.Candidate) bool { return c.WorkerSID == sid })]
			require.False(t, c.HoldsTask, "no second offer to the same agent")
			if !d.IgnoreCapacity {
				require.Less(t, c.Used, c.Capacity, "never over capacity")
				require.True(t, c.ActivityAvailable && c.ChannelAvailable)
			}
		}
		require.Equal(t, p, matching.Assign(&d, slices.Values(in)), "the same again")
		if ranked {
			shuffled := rapid.Permutation(in).Draw(t, "shuffled")
			require.Equal(t, p.Chosen, matching.Assign(&d, slices.Values(shuffled)).Chosen, "input order is irrelevant")
		}

		// The record names everybody who was looked at, and why not.
		reasons := map[string]matching.Reason{}
		for _, c := range p.Record.Considered {
			reasons[c.SID] = c.Reason
		}
		for _, c := range in {
			why, named := reasons[c.WorkerSID]
			switch {
			case !named || why == matching.Outranked:
			default:
				require.Equal(t, d.Check(c), why)
			}
		}
	})
}
