package rules

import (
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// arrayHas is `HAS`, and `IN` the other way round: an element equal to the
// value as `==` has it. It is false when the array is not one.
func arrayHas(array, value ref.Val) bool {
	list, ok := array.(traits.Lister)
	return ok && listHas(list, value)
}

// arrayLacks is `NOT IN`. Without an array it is false, like `IN`.
func arrayLacks(array, value ref.Val) bool {
	list, ok := array.(traits.Lister)
	return ok && !listHas(list, value)
}

func listHas(list traits.Lister, value ref.Val) bool {
	// Documents and written arrays hold their elements as they are.
	if items, ok := list.Value().([]ref.Val); ok {
		for _, item := range items {
			if scalarEqual(item, value) {
				return true
			}
		}
		return false
	}
	n := list.Size().(types.Int)
	for i := types.Int(0); i < n; i++ {
		if scalarEqual(list.Get(i), value) {
			return true
		}
	}
	return false
}
