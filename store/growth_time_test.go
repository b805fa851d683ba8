//go:build !race

package store

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
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
	// atMost bounds the cycles of a round; zero does not.
	atMost int
}

var growthDimensions = []dimension{
	{name: "tasks", extents: []extent{
		{100, 100, 10, 1}, {1_000, 100, 10, 1}, {10_000, 100, 10, 1}, {100_000, 100, 10, 1},
	}},
	{name: "agents", extents: []extent{
		{1_000, 10, 10, 1}, {1_000, 100, 10, 1}, {1_000, 1_000, 10, 1}, {1_000, 10_000, 10, 1},
	}},
	// An agent who is asked about every class takes seconds with the most: one
	// for each task, which may be linear.
	{name: "classes", atMost: 20, extents: []extent{
		{100_000, 100, 1, 1}, {100_000, 100, 1_000, 1}, {100_000, 100, 100_000, 1},
	}},
	{name: "queues", extents: []extent{
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

// run carries out operations and keeps what they took.
func (t *times) run(tb testing.TB) func(op operation) {
	return func(op operation) {
		tb.Helper()
		start := time.Now()
		err := op.do(context.Background())
		t.add(op.name, time.Since(start))
		require.NoError(tb, err, op.name)
	}
}

// quantile is the smallest measurement of an operation that p of them do not
// exceed, 0 < p <= 1.
func (t *times) quantile(name string, p float64) time.Duration {
	all := slices.Sorted(slices.Values(t.taken[name]))
	return all[max(int(math.Ceil(p*float64(len(all)))), 1)-1]
}

// measure does some cycles and asks each question some times.
func (g *growth) measure(cycles, questions int, into *times) {
	one := into.run(g.tb)
	for range cycles {
		g.cycle(one)
	}
	for range questions {
		for _, op := range slices.Concat(g.lists(), g.upkeep()) {
			one(op)
		}
	}
	g.rec.take()
}

// thousandClasses is the extent up to which the budget holds for asksClasses too.
const thousandClasses = 1

// asksClasses are the commands that ask an agent about every class of the
// agent's queues: with a class for each task they take as many times as long.
var asksClasses = map[string]bool{"agent available": true, "complete, agent freed": true}

// Rounds of measurements alternate between the Workspaces, so that whatever
// else the machine does concerns all of them. The best round of each counts,
// and a ratio that is too high is looked at in further rounds.
const (
	growthRounds  = 3
	growthRetries = 3
	// maxGrowth is how much longer than in the smallest Workspace 99 of 100
	// commands may take; growthNoise is what a timer interrupt may add.
	maxGrowth   = 2
	growthNoise = time.Millisecond
)

// TestGrowth holds the time of each operation against the smallest Workspace.
func TestGrowth(t *testing.T) {
	if os.Getenv(growthEnv) == "" {
		t.Skip("takes minutes: make growth")
	}
	cycles := 100
	if n, err := strconv.Atoi(os.Getenv("GROWTH_CYCLES")); err == nil {
		cycles = n
	}
	for _, db := range growthDatabases {
		for _, dim := range growthDimensions {
			t.Run(db.name+"/"+dim.name, func(t *testing.T) {
				questions, cycles := cycles, cycles
				if dim.atMost > 0 {
					cycles = min(cycles, dim.atMost)
				}
				worlds := make([]*growth, len(dim.extents))
				for i, e := range dim.extents {
					start := time.Now()
					worlds[i] = newGrowth(t, db.url(t), e)
					worlds[i].measure(2, 2, &times{})
					t.Logf("%s: filled in %s", e, time.Since(start).Round(time.Millisecond))
				}
				rounds := make([][]times, len(worlds))
				more := func() {
					for i, g := range worlds {
						var round times
						runtime.GC()
						g.measure(cycles, questions, &round)
						rounds[i] = append(rounds[i], round)
					}
				}
				for range growthRounds {
					more()
				}
				for range growthRetries {
					if len(tooSlow(dim, rounds)) == 0 {
						break
					}
					more()
				}
				for _, name := range rounds[0][0].order {
					for i, e := range dim.extents {
						p50, p99 := best(rounds[i], name, 0.5), best(rounds[i], name, 0.99)
						t.Logf("%-28s %-52s p50 %8.2f ms %6.2f ×   p99 %8.2f ms %6.2f ×", name, e,
							ms(p50), float64(p50)/float64(best(rounds[0], name, 0.5)), ms(p99), float64(p99)/float64(best(rounds[0], name, 0.99)))
					}
				}
				require.Empty(t, tooSlow(dim, rounds), "take more than %d times as long as in the smallest Workspace", maxGrowth)
			})
		}
	}
}

// best is the smallest of a quantile among rounds.
func best(rounds []times, name string, p float64) time.Duration {
	out := rounds[0].quantile(name, p)
	for _, r := range rounds[1:] {
		out = min(out, r.quantile(name, p))
	}
	return out
}

// tooSlow lists the operations that miss the budget in the largest Workspace.
func tooSlow(dim dimension, rounds [][]times) (out []string) {
	for _, name := range rounds[0][0].order {
		if growingReads[name] != "" {
			continue
		}
		largest := len(rounds) - 1
		if dim.name == "classes" && asksClasses[name] {
			largest = thousandClasses
		}
		small, large := best(rounds[0], name, 0.99), best(rounds[largest], name, 0.99)
		if large > maxGrowth*small+growthNoise {
			out = append(out, fmt.Sprintf("%s: %s, %s", name, small, large))
		}
	}
	return out
}

// BenchmarkGrowth does whole cycles and reports the quantiles of each command,
// in milliseconds, and the ratio to the smallest Workspace of the dimension.
func BenchmarkGrowth(b *testing.B) {
	for _, db := range growthDatabases {
		for _, dim := range growthDimensions {
			var smallest *times
			for _, e := range dim.extents {
				var g *growth // filled once, however often the benchmark is started
				b.Run(db.name+"/"+dim.name+"/"+e.short(), func(b *testing.B) {
					if g == nil {
						g = newGrowth(b, db.url(b), e)
						g.measure(2, 2, &times{})
					}
					var found times
					for b.Loop() {
						g.cycle(found.run(b))
					}
					if smallest == nil {
						smallest = &found
					}
					for _, name := range found.order {
						unit := strings.NewReplacer(", ", "-", " ", "-").Replace(name)
						b.ReportMetric(ms(found.quantile(name, 0.5)), unit+"-p50-ms")
						b.ReportMetric(ms(found.quantile(name, 0.99)), unit+"-p99-ms")
						b.ReportMetric(float64(found.quantile(name, 0.99))/float64(smallest.quantile(name, 0.99)), unit+"-p99-x")
					}
				})
			}
		}
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
