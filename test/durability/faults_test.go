package durability

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What can go wrong.
const (
	faultKill      = "killed"              // a process, by SIGKILL
	faultFast      = "stopped fast"        // PostgreSQL: connections are cut
	faultImmediate = "stopped immediately" // PostgreSQL: recovers afterwards
	faultRefuse    = "answers 500"         // a receiver of callbacks
	faultHang      = "hangs"               // a receiver of callbacks
	faultCut       = "closes connections"  // a receiver of callbacks
	faultDuplicate = "duplicated"          // notices of the telephone platform
	faultReorder   = "reordered"           // notices of the telephone platform
	faultDelay     = "late"                // notices of the telephone platform
	faultJump      = "jumps"               // the clock of the load
)

// Whom it can go wrong for, beside the processes of the router.
const (
	onPostgres    = "postgres"
	onTemporal    = "temporal"
	onEvents      = "events receiver"
	onAssignments = "assignments receiver"
	onWebhooks    = "webhooks"
	onClock       = "clock"
)

// fault is one thing that goes wrong.
type fault struct {
	// at counts from the beginning of the load; lasts is how long it takes
	// until somebody puts it right, zero for what happens in an instant.
	at, lasts    time.Duration
	target, kind string
	// jump is how far a clock moves.
	jump time.Duration
}

func (f fault) String() string {
	text := fmt.Sprintf("%9s  %-20s  %s", f.at.Round(time.Millisecond), f.target, f.kind)
	if f.kind == faultJump {
		return text + fmt.Sprintf(" by %s", f.jump.Round(time.Millisecond))
	}
	return text + fmt.Sprintf(" for %s", f.lasts.Round(time.Millisecond))
}

// span is from the shortest to the longest time.
type span struct{ least, most time.Duration }

func (s span) pick(r *rand.Rand) time.Duration {
	return s.least + time.Duration(r.Int64N(int64(s.most-s.least)+1))
}

// lane is what goes wrong for one target, one thing after the other. Lanes do
// not wait for each other: any number of things may be wrong at once.
type lane struct {
	target string
	kinds  []string
	// quiet is the time before a fault, lasts that until it is put right.
	quiet, lasts span
}

// lanes are all of them. Their order belongs to the meaning of a seed.
func lanes() []lane {
	s := time.Second
	kill, bad := []string{faultKill}, []string{faultRefuse, faultHang, faultCut}
	return []lane{
		{"api-1", kill, span{8 * s, 25 * s}, span{0, 4 * s}},
		{"api-2", kill, span{8 * s, 25 * s}, span{0, 4 * s}},
		{"worker-1", kill, span{8 * s, 25 * s}, span{0, 4 * s}},
		{"worker-2", kill, span{8 * s, 25 * s}, span{0, 4 * s}},
		{onPostgres, []string{faultFast, faultImmediate}, span{15 * s, 45 * s}, span{0, 3 * s}},
		{onTemporal, kill, span{15 * s, 45 * s}, span{0, 5 * s}},
		{onEvents, bad, span{5 * s, 20 * s}, span{2 * s, 10 * s}},
		{onAssignments, bad, span{5 * s, 20 * s}, span{2 * s, 10 * s}},
		{onWebhooks, []string{faultDuplicate, faultReorder, faultDelay}, span{3 * s, 10 * s}, span{4 * s, 12 * s}},
		{onClock, []string{faultJump}, span{8 * s, 25 * s}, span{}},
	}
}

// jumps are how far a clock moves at once.
var jumps = span{-8 * time.Second, 20 * time.Second}

// faults are what goes wrong in a time, in the order of its beginning. It
// depends on the seed alone: a longer time begins with the same faults.
func faults(seed int64, length time.Duration) []fault {
	var out []fault
	for i, l := range lanes() {
		r := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
		for at := time.Duration(0); ; {
			f := fault{at: at + l.quiet.pick(r), target: l.target, kind: l.kinds[r.IntN(len(l.kinds))], lasts: l.lasts.pick(r)}
			if f.kind == faultJump {
				f.jump = jumps.pick(r)
			}
			if at = f.at + f.lasts; at > length {
				break
			}
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b fault) int { return cmp.Compare(a.at, b.at) })
	return out
}

// step is the beginning or the end of a fault.
type step struct {
	at    time.Duration
	ends  bool
	fault fault
}

// steps are the beginnings and ends of faults in their order.
func steps(all []fault) []step {
	var out []step
	for _, f := range all {
		out = append(out, step{at: f.at, fault: f})
		if f.kind != faultJump {
			out = append(out, step{at: f.at + f.lasts, ends: true, fault: f})
		}
	}
	slices.SortStableFunc(out, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return out
}

// TestScheduleOfFaults: what goes wrong, and when, depends on the seed alone.
func TestScheduleOfFaults(t *testing.T) {
	long := faults(7, 15*time.Minute)
	require.Equal(t, long, faults(7, 15*time.Minute))
	require.NotEqual(t, long, faults(8, 15*time.Minute))

	short := faults(7, 2*time.Minute)
	require.Equal(t, short, slices.DeleteFunc(slices.Clone(long), func(f fault) bool { return f.at+f.lasts > 2*time.Minute }),
		"a shorter run is the beginning of a longer one")
	type what struct{ target, kind string }
	seen := map[what]int{}
	for _, f := range long {
		seen[what{f.target, f.kind}]++
	}
	for _, l := range lanes() {
		for _, kind := range l.kinds {
			require.Positive(t, seen[what{l.target, kind}], "%s %s", l.target, kind)
		}
		require.True(t, slices.ContainsFunc(short, func(f fault) bool { return f.target == l.target }), "%s is spared in two minutes", l.target)
	}

	broken := map[string]bool{}
	var last time.Duration
	for _, s := range steps(long) {
		require.GreaterOrEqual(t, s.at, last)
		last = s.at
		if s.fault.kind == faultJump {
			continue
		}
		require.Equal(t, s.ends, broken[s.fault.target], "one thing after the other: %v", s)
		broken[s.fault.target] = !s.ends
	}
	for target, still := range broken {
		require.False(t, still, "%s is not put right", target)
	}
}
