package workflows

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// TestAnyStoryEndsAndRepeatsNothing plays random lives of a Task whose notices
// are lost in order, doubled and late. Whatever happens, each callback and each
// placement is made at most once, each leg that was to end is ended, and the
// run ends after the Task and not before.
func TestAnyStoryEndsAndRepeatsNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, task(taskrouter.TaskPending))
		w.together = true
		w.due = func(v *taskrouter.View, _ time.Time) { v.Deadline = time.Time{} }
		s := &story{w: w}
		steps := rapid.IntRange(1, 25).Draw(rt, "steps")
		for i := range steps {
			s.at += time.Duration(rapid.IntRange(0, 3000).Draw(rt, "ms")) * time.Millisecond
			kind := rapid.IntRange(0, 6).Draw(rt, "kind")
			pick := rapid.IntRange(0, 9).Draw(rt, "pick")
			deliver := rapid.IntRange(0, 3).Draw(rt, "deliver")
			w.at(s.at, func() { s.step(i, kind, pick, deliver) })
		}
		w.at(s.at+time.Minute, func() {
			for _, v := range s.late {
				w.send(v)
			}
			w.change(func(v *taskrouter.View) {
				completed(v)
				for i := range v.Legs {
					v.Legs[i].Dial, v.Legs[i].Confirm, v.Legs[i].HangUp = false, false, true
				}
			})
			s.over = true
		})
		w.run()
		require.True(t, s.over, "the run outlives the Task")
		for i := range steps {
			require.LessOrEqual(t, w.asked(fmt.Sprintf("post WR%d.", i)), 1)
			require.LessOrEqual(t, w.asked(fmt.Sprintf("dial WR%d.-1", i)), 1)
		}
		require.Empty(t, w.seen().Legs, "no phone is left ringing")
	})
}

// story is a Task's life in the making.
type story struct {
	w    *world
	at   time.Duration
	over bool
	// late are notices held back.
	late []taskrouter.View
}

// step changes the Task and treats the notice as the network might.
func (s *story) step(i, kind, pick, deliver int) {
	v := s.w.alter(func(v *taskrouter.View) { mutate(v, i, kind, pick) })
	switch deliver {
	case 0: // lost for now
		s.late = append(s.late, v)
	case 1: // doubled
		s.w.send(v)
		s.w.send(v)
	case 2: // behind its successors
		s.late = append(s.late, v)
		slices.Reverse(s.late)
		for _, l := range s.late {
			s.w.send(l)
		}
		s.late = nil
	default:
		s.w.send(v)
	}
}

func mutate(v *taskrouter.View, i, kind, pick int) {
	offers, legs := len(v.Offers), len(v.Legs)
	switch {
	case kind == 0:
		*v = offer(*v, fmt.Sprintf("WR%d.", i))
		v.Offers[offers].CallbackDue = true
	case kind == 1 && offers > 0:
		v.Offers = slices.Delete(v.Offers, pick%offers, pick%offers+1)
	case kind == 2:
		*v = withLeg(*v, taskrouter.LegView{Attempt: fmt.Sprintf("WR%d.-1", i), State: taskrouter.LegWanted, Dial: true})
	case kind == 3 && legs > 0:
		v.Legs[pick%legs].HangUp = true
	case kind == 4 && legs > 0:
		v.Legs[pick%legs].Confirm = true
	case kind == 5:
		v.Deadline = epoch.Add(time.Duration(pick*5) * time.Second)
	default:
		v.Priority++
	}
}
