package store

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/pgtest"
)

// growthEnv turns on the tests that take minutes and need a quiet machine.
const growthEnv = "GROWTH"

// dimension is one thing that grows while everything else stays.
type dimension struct {
	name    string
	extents []extent
}

var growthDimensions = []dimension{
	{"tasks", []extent{
		{100, 100, 10, 1}, {1_000, 100, 10, 1}, {10_000, 100, 10, 1}, {100_000, 100, 10, 1},
	}},
	{"agents", []extent{
		{1_000, 10, 10, 1}, {1_000, 100, 10, 1}, {1_000, 1_000, 10, 1}, {1_000, 10_000, 10, 1},
	}},
	{"classes", []extent{
		{100_000, 100, 1, 1}, {100_000, 100, 1_000, 1}, {100_000, 100, 100_000, 1},
	}},
	{"queues", []extent{
		{1_000, 100, 50, 1}, {1_000, 100, 50, 50},
	}},
}

// growthDatabases are the databases by name, with the URL of a fresh one.
var growthDatabases = []struct {
	name string
	url  func(tb testing.TB) string
}{
	{"sqlite", func(testing.TB) string { return MemoryURL }},
	{"postgres", func(tb testing.TB) string { return pgtest.Start(tb) }},
}

// times are measurements by operation, in the order of the operations.
type times struct {
	order []string
	taken map[string][]time.Duration
}

func (t *times) add(name string, d time.Duration) {
	if t.taken == nil {
		t.taken = map[string][]time.Duration{}
	}
	if t.taken[name] == nil {
		t.order = append(t.order, name)
	}
	t.taken[name] = append(t.taken[name], d)
}

// quantile is the p-th of the measurements of an operation, 0 < p <= 1.
func (t *times) quantile(name string, p float64) time.Duration {
	all := slices.Sorted(slices.Values(t.taken[name]))
	return all[min(int(p*float64(len(all))), len(all)-1)]
}

// measure does some cycles and asks each question as often.
func (g *growth) measure(cycles int, into *times) {
	one := func(op operation) {
		start := time.Now()
		err := op.do(context.Background())
		into.add(op.name, time.Since(start))
		require.NoError(g.tb, err, op.name)
	}
	for range cycles {
		g.cycle(one)
	}
	for range cycles {
		for _, op := range slices.Concat(g.lists(), g.upkeep()) {
			one(op)
		}
	}
	g.rec.take()
}

// TestGrowth holds the time of each command against the smallest Workspace.
func TestGrowth(t *testing.T) {
	if os.Getenv(growthEnv) == "" {
		t.Skip("takes minutes: make growth")
	}
	cycles := 100
	if n, err := strconv.Atoi(os.Getenv("GROWTH_CYCLES")); err == nil {
		cycles = n
	}
	const rounds = 3
	for _, db := range growthDatabases {
		for _, dim := range growthDimensions {
			t.Run(db.name+"/"+dim.name, func(t *testing.T) {
				worlds := make([]*growth, len(dim.extents))
				for i, e := range dim.extents {
					start := time.Now()
					worlds[i] = newGrowth(t, db.url(t), e)
					worlds[i].measure(1, &times{})
					t.Logf("%s: filled in %s", e, time.Since(start).Round(time.Millisecond))
				}
				found := make([]times, len(worlds))
				for range rounds {
					for i, g := range worlds {
						runtime.GC()
						g.measure(cycles, &found[i])
					}
				}
				for _, name := range found[0].order {
					first := found[0].quantile(name, 0.99)
					for i := range found {
						p50, p99 := found[i].quantile(name, 0.5), found[i].quantile(name, 0.99)
						t.Logf("%-34s %-50s p50 %8.3f ms  p99 %8.3f ms  %6.2f × %6.2f ×", name, dim.extents[i],
							ms(p50), ms(p99), float64(p50)/float64(found[0].quantile(name, 0.5)), float64(p99)/float64(first))
					}
				}
			})
		}
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
