package dispatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWaitingLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var w waitingLine
	come := func(l lane) *command {
		at = at.Add(time.Second)
		c := &command{since: at}
		require.NoError(t, w.add(l, c, 0))
		return c
	}
	fresh, work, call, more, again := come(laneNew), come(laneWork), come(laneCalls), come(laneWork), come(laneNew)
	require.Equal(t, 4*time.Second, w.age(at), "whatever lane it is in")

	batch, stale := w.take(2, at, 0)
	require.Equal(t, []*command{call, work}, batch)
	require.Empty(t, stale)
	batch, _ = w.take(10, at, 0)
	require.Equal(t, []*command{more, fresh, again}, batch)
	require.Zero(t, w)
	batch, stale = w.take(10, at, time.Second)
	require.Empty(t, batch)
	require.Empty(t, stale)
}

func TestWaitingLineRefuses(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const patience = 2 * time.Second
	var w waitingLine
	first := &command{since: at}
	require.NoError(t, w.add(laneNew, first, patience))
	at = at.Add(patience)
	second := &command{since: at}
	require.NoError(t, w.add(laneNew, second, patience), "the first one may still wait")
	at = at.Add(1)
	require.ErrorIs(t, w.add(laneNew, &command{since: at}, patience), ErrOverloaded)
	require.NoError(t, w.add(laneNew, &command{since: at}, 0), "nobody is refused without a limit")
	call, work := &command{since: at}, &command{since: at}
	require.NoError(t, w.add(laneWork, work, patience))
	require.NoError(t, w.add(laneCalls, call, patience))

	batch, stale := w.take(3, at, patience)
	require.Equal(t, []*command{call, work, second}, batch)
	require.Equal(t, []*command{first}, stale)

	w = waitingLine{}
	for range maxQueued {
		require.NoError(t, w.add(laneWork, work, patience))
	}
	require.ErrorIs(t, w.add(laneWork, work, patience), errFull)
	for range 40 {
		require.NoError(t, w.add(laneCalls, call, patience))
	}
	batch, _ = w.take(32, at, patience)
	require.Same(t, call, batch[23])
	require.Same(t, work, batch[24], "a storm of calls leaves a quarter")
	require.NoError(t, w.add(laneCalls, call, patience), "other work does not keep calls out")
}

// Whatever comes and goes: nothing is lost or doubled, each lane keeps its
// order, what is taken has waited for no longer than it may, and nothing is
// taken before what stands before it, but for the part of a transaction that
// calls leave to work that has begun.
func TestWaitingLinePromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const patience = 10 * time.Second
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		var w waitingLine
		var model [lanes][]*command
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			at = at.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "seconds")) * time.Second)
			if rapid.Bool().Draw(t, "add") {
				l := lane(rapid.IntRange(0, int(lanes)-1).Draw(t, "lane"))
				c := &command{since: at}
				stuck := false
				for _, queue := range model {
					stuck = stuck || len(queue) > 0 && at.Sub(queue[0].since) > patience
				}
				err := w.add(l, c, patience)
				require.Equal(t, stuck && l == laneNew, err != nil)
				if err == nil {
					model[l] = append(model[l], c)
				}
				continue
			}
			n := rapid.IntRange(1, 12).Draw(t, "n")
			batch, stale := w.take(n, at, patience)
			for _, c := range stale {
				require.Same(t, model[laneNew][0], c)
				require.Greater(t, at.Sub(c.since), patience)
				model[laneNew] = model[laneNew][1:]
			}
			waiting := 0
			for _, queue := range model {
				waiting += len(queue)
			}
			require.Len(t, batch, min(n, waiting))
			// What is left to work that has begun when calls take all they may.
			left := min(n/4, len(model[laneWork]))
			for i, c := range batch {
				l := laneCalls
				for len(model[l]) == 0 || (l == laneCalls && i >= n-left) {
					l++
				}
				require.Same(t, model[l][0], c)
				require.False(t, l == laneNew && at.Sub(c.since) > patience)
				model[l] = model[l][1:]
			}
		}
	})
}
