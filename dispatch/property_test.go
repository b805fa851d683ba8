package dispatch_test

import (
	"flag"
	"fmt"
	"testing"
	"testing/cryptotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/store"
)

// chunky makes bulk work take several transactions.
func chunky(s *settings) { s.options.ChunkSize = 2 }

// Whatever happens in whatever order, the promises hold after each operation.
func TestPromisesHoldAfterAnyOperation(t *testing.T) {
	db := openStore(t, store.MemoryURL)
	for name, set := range map[string]func(*settings){"multitasking": chunky, "single-tasking": func(s *settings) { s.single = true }} {
		t.Run(name, func(t *testing.T) {
			longest := 60
			if testing.Short() {
				longest = 25
			}
			if underRace {
				longest = 25
				fewerChecks(t, "6")
			}
			rapid.Check(t, func(t *rapid.T) {
				w := newWorld(benchOn(t, db, set))
				if rapid.Bool().Draw(t, "walk lines") {
					w.d.WalkLines(0, rapid.IntRange(1, 12).Draw(t, "page"))
				}
				before := w.audit()
				for _, s := range steps(10, longest).Draw(t, "steps") {
					w.do(s)
					after := requireHealthy(t, w.bench, keys(w.lowered)...)
					if !before.busy && !after.busy {
						after.requireOrder(before)
					}
					w.relieve(after)
					before = after
				}
				w.sweep()
				requireHealthy(t, w.bench, keys(w.lowered)...)
			})
		})
	}
}

// fewerChecks is for this test only, and only when nobody asked for a number.
func fewerChecks(t *testing.T, n string) {
	checks := flag.Lookup("rapid.checks")
	if checks == nil || checks.Value.String() != checks.DefValue {
		return
	}
	require.NoError(t, checks.Value.Set(n))
	t.Cleanup(func() { require.NoError(t, checks.Value.Set(checks.DefValue)) })
}

// The database does not decide, nor whether the lines of queues are walked or
// the heads of demand classes compared: the same steps lead to the same state.
func TestDatabasesAgree(t *testing.T) {
	dbs := []*store.Store{openStore(t, store.MemoryURL), openStore(t, pgtest.Start(t))}
	tapes := 6
	if testing.Short() || underRace {
		tapes = 2
	}
	for seed := range tapes {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			tape := steps(40, 60).Example(seed)
			var portraits [2][]string
			for i, db := range dbs {
				// Ties go to the smaller SID, so both must mint the same ones.
				cryptotest.SetGlobalRandom(t, uint64(seed))
				w := newWorld(benchOn(t, db, chunky))
				if (seed+i)%2 == 0 {
					w.d.WalkLines(0, 2+seed)
				}
				for n, s := range tape {
					cryptotest.SetGlobalRandom(t, uint64(1000*seed+n+1))
					w.do(s)
					a := requireHealthy(t, w.bench, keys(w.lowered)...)
					w.relieve(a)
					portraits[i] = append(portraits[i], w.portrait(a))
				}
			}
			for n := range tape {
				require.Equal(t, portraits[0][n], portraits[1][n], "after step %d: %+v", n, tape[n])
			}
		})
	}
}

var _ dispatch.Store = (*store.Store)(nil)
