package dispatch

import (
	"cmp"
	"maps"
	"slices"
)

// sortedKeys makes writes of maps come out in one order, so that two
// processes never lock rows crosswise and tests can compare.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func sorted[K cmp.Ordered, V any](m map[K]V) []V {
	out := make([]V, 0, len(m))
	for _, k := range sortedKeys(m) {
		out = append(out, m[k])
	}
	return out
}
