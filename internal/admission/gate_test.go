package admission

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// queueUp has a visitor stand in line; its verdict comes later.
func queueUp(t *testing.T, g *gate, c Class) <-chan error {
	t.Helper()
	out := make(chan error, 1)
	go func() { out <- g.enter(t.Context(), c) }()
	synctest.Wait()
	return out
}

// undecided demands that a visitor still waits.
func undecided(t *testing.T, visitors ...<-chan error) {
	t.Helper()
	synctest.Wait()
	for i, v := range visitors {
		require.Empty(t, v, "visitor %d", i)
	}
}

func refused(t *testing.T, err error, reason Reason) *Refusal {
	t.Helper()
	var r *Refusal
	require.ErrorAs(t, err, &r)
	require.Equal(t, reason, r.Reason)
	require.NotEmpty(t, r.Error())
	return r
}

func TestGateOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(BusyWrites, 1, 10, time.Minute)
		require.NoError(t, g.enter(t.Context(), Begin))
		begin, change := queueUp(t, g, Begin), queueUp(t, g, Change)
		finish, second := queueUp(t, g, Finish), queueUp(t, g, Finish)
		undecided(t, begin, change, finish, second)
		for _, next := range []<-chan error{finish, second, change, begin} {
			inside, _ := g.load()
			require.Equal(t, 1, inside)
			g.leave()
			require.NoError(t, <-next)
		}
		g.leave()
		inside, waiting := g.load()
		require.Equal(t, [2]int{}, [2]int{inside, waiting})
	})
}

// TestGateKeepsPlaces: however many hold a place, there are some left for those
// who finish.
func TestGateKeepsPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(BusyWrites, 4, 10, time.Minute)
		g.kept = 1
		for range 3 {
			require.NoError(t, g.enter(t.Context(), Begin))
		}
		begin := queueUp(t, g, Begin)
		undecided(t, begin)
		require.NoError(t, g.enter(t.Context(), Finish), "the place kept")
		finish := queueUp(t, g, Finish)
		undecided(t, begin, finish)
		g.leave()
		require.NoError(t, <-finish)
		g.leave() // three are inside: all places of the others
		undecided(t, begin)
		g.leave()
		require.NoError(t, <-begin)
	})
}

func TestGatePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(BusyReads, 1, 10, time.Second)
		require.NoError(t, g.enter(t.Context(), Change))
		began := time.Now()
		refused(t, g.enter(t.Context(), Change), BusyReads)
		require.Equal(t, time.Second, time.Since(began), "neither sooner nor later")

		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		refused(t, g.enter(ctx, Finish), BusyReads)
		require.Equal(t, time.Second+time.Millisecond, time.Since(began), "who gave up does not wait")
		_, waiting := g.load()
		require.Zero(t, waiting)
		g.leave()
		require.NoError(t, g.enter(t.Context(), Begin))
	})
}

func TestGateRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(BusyWrites, 1, 2, time.Minute)
		require.NoError(t, g.enter(t.Context(), Begin))
		first, last := queueUp(t, g, Begin), queueUp(t, g, Begin)
		refused(t, g.enter(t.Context(), Begin), BusyWrites)
		finish := queueUp(t, g, Finish)
		refused(t, <-last, BusyWrites)
		undecided(t, first, finish)
		change := queueUp(t, g, Change)
		refused(t, <-first, BusyWrites)
		refused(t, g.enter(t.Context(), Change), BusyWrites)
		finish2 := queueUp(t, g, Finish)
		refused(t, <-change, BusyWrites)
		refused(t, g.enter(t.Context(), Finish), BusyWrites)
		g.leave()
		require.NoError(t, <-finish)
		g.leave()
		require.NoError(t, <-finish2)
	})
}

// TestGateUnderLoad: whoever comes, no more are inside and in line than fit,
// each waits no longer than its patience, and in the end nobody is left.
func TestGateUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, room, patience, service = 8, 16, time.Second, 100 * time.Millisecond
		g := newGate(BusyWrites, limit, room, patience)
		var all sync.WaitGroup
		var mu sync.Mutex
		served, turned := map[Class]int{}, map[Class]int{}
		for i := range 2000 { // five times what fits, for four seconds
			c := Class(i % int(classes))
			all.Go(func() {
				began := time.Now()
				err := g.enter(t.Context(), c)
				waited := time.Since(began)
				mu.Lock()
				defer mu.Unlock()
				if waited > patience {
					t.Errorf("waited %v", waited)
				}
				if err != nil {
					turned[c]++
					return
				}
				served[c]++
				if inside, waiting := g.load(); inside > limit || waiting > room {
					t.Errorf("%d inside, %d waiting", inside, waiting)
				}
				all.Go(func() { <-time.After(service); g.leave() })
			})
			if i%10 == 9 {
				<-time.After(20 * time.Millisecond)
			}
		}
		all.Wait()
		inside, waiting := g.load()
		require.Equal(t, [2]int{}, [2]int{inside, waiting})
		require.InDelta(t, 4*limit*10, served[Finish]+served[Change]+served[Begin], 3*limit, "as many as can be served")
		require.Greater(t, served[Finish], served[Begin])
		require.Positive(t, turned[Begin])
	})
}

func TestDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Options{Writes: 1, Patience: time.Millisecond})
		leave, err := d.Enter(t.Context(), Write, Begin)
		require.NoError(t, err)
		_, err = d.Enter(t.Context(), Write, Finish)
		refused(t, err, BusyWrites)
		for _, k := range []Kind{Read, Explain, Authenticate, Query} {
			other, err := d.Enter(t.Context(), k, Change)
			require.NoError(t, err, "each kind has its own gate")
			other()
		}
		inside, waiting := d.Load(Write)
		require.Equal(t, [2]int{1, 0}, [2]int{inside, waiting})
		leave()
		leave, err = d.Enter(t.Context(), Write, Begin)
		require.NoError(t, err)
		leave()
	})
}
