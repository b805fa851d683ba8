package matching_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/matching"
)

// line takes Tasks one after the other.
func line(heads []matching.Head, preferLIFO bool) (order []string) {
	left := slices.Clone(heads)
	for len(left) > 0 {
		i := matching.First(left, preferLIFO)
		order = append(order, left[i].TaskSID)
		left = slices.Delete(left, i, i+1)
	}
	return order
}

func at(second int) time.Time { return time.Unix(int64(second), 0) }

// The example of
// https://www.twilio.com/docs/taskrouter/queue-ordering-last-first-out-lifo.
func TestFirstOfTwoQueueTypes(t *testing.T) {
	var heads []matching.Head
	for i := range 5 {
		n := string(rune('1' + i))
		heads = append(heads,
			matching.Head{TaskSID: "L" + n, VirtualStart: at(i), Created: at(i), LIFO: true},
			matching.Head{TaskSID: "F" + n, VirtualStart: at(i), Created: at(i)})
	}
	fifo, lifo := []string{"F1", "F2", "F3", "F4", "F5"}, []string{"L5", "L4", "L3", "L2", "L1"}
	require.Equal(t, append(slices.Clone(fifo), lifo...), line(heads, false))
	require.Equal(t, append(slices.Clone(lifo), fifo...), line(heads, true))
}

func TestFirstWithinOneQueueType(t *testing.T) {
	for name, c := range map[string]struct {
		a, b matching.Head
	}{
		"priority beats age":         {matching.Head{Priority: 1, VirtualStart: at(9), Created: at(9)}, matching.Head{VirtualStart: at(1), Created: at(1)}},
		"earlier start":              {matching.Head{VirtualStart: at(1), Created: at(9)}, matching.Head{VirtualStart: at(2), Created: at(2)}},
		"same start, created first":  {matching.Head{VirtualStart: at(1), Created: at(1)}, matching.Head{VirtualStart: at(1), Created: at(2)}},
		"LIFO: later start":          {matching.Head{LIFO: true, VirtualStart: at(2), Created: at(2)}, matching.Head{LIFO: true, VirtualStart: at(1), Created: at(9)}},
		"LIFO: priority is ignored":  {matching.Head{LIFO: true, VirtualStart: at(2), Created: at(2)}, matching.Head{LIFO: true, Priority: 9, VirtualStart: at(1), Created: at(1)}},
		"LIFO: same start, younger":  {matching.Head{LIFO: true, VirtualStart: at(1), Created: at(2)}, matching.Head{LIFO: true, VirtualStart: at(1), Created: at(1)}},
		"everything equal: by SID":   {matching.Head{TaskSID: "WT1"}, matching.Head{TaskSID: "WT2"}},
		"LIFO: everything equal too": {matching.Head{LIFO: true, TaskSID: "WT2"}, matching.Head{LIFO: true, TaskSID: "WT1"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Negative(t, matching.Before(&c.a, &c.b, false))
			require.Positive(t, matching.Before(&c.b, &c.a, false))
			require.Equal(t, 0, matching.First([]matching.Head{c.a, c.b}, false))
			require.Equal(t, 1, matching.First([]matching.Head{c.b, c.a}, false))
		})
	}
	require.Equal(t, -1, matching.First(nil, false))
}

func TestBeforeIsATotalOrder(t *testing.T) {
	head := rapid.Custom(func(t *rapid.T) matching.Head {
		return matching.Head{
			TaskSID:      rapid.StringMatching(`WT[0-9]`).Draw(t, "sid"),
			Priority:     rapid.Int64Range(0, 2).Draw(t, "priority"),
			VirtualStart: at(rapid.IntRange(0, 2).Draw(t, "start")),
			Created:      at(rapid.IntRange(0, 2).Draw(t, "created")),
			LIFO:         rapid.Bool().Draw(t, "lifo"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := head.Draw(t, "a"), head.Draw(t, "b"), head.Draw(t, "c")
		lifo := rapid.Bool().Draw(t, "prefer LIFO")
		ab, ba := matching.Before(&a, &b, lifo), matching.Before(&b, &a, lifo)
		require.Equal(t, ab, -ba)
		if ab < 0 && matching.Before(&b, &c, lifo) < 0 {
			require.Negative(t, matching.Before(&a, &c, lifo))
		}

		heads := rapid.SliceOfN(head, 1, 20).Draw(t, "heads")
		first := heads[matching.First(heads, lifo)]
		for _, h := range heads {
			require.LessOrEqual(t, matching.Before(&first, &h, lifo), 0, "nobody of lower rank goes first")
		}
		shuffled := rapid.Permutation(heads).Draw(t, "shuffled")
		again := shuffled[matching.First(shuffled, lifo)]
		require.Zero(t, matching.Before(&first, &again, lifo), "input order is irrelevant")
	})
}
