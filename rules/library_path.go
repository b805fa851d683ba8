package rules

import (
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// fieldOf is one step of a path: a member, or null when there is none or the
// value is not an object.
func fieldOf(v, name ref.Val) ref.Val {
	if o, ok := v.(*object); ok {
		if found, ok := o.member(string(name.(types.String))); ok {
			return found
		}
	}
	return types.NullValue
}

// itemOf is an element, counted from zero, or null when there is none or the
// value is not an array.
func itemOf(v, index ref.Val) ref.Val {
	if list, ok := v.(traits.Lister); ok {
		if i := index.(types.Int); i >= 0 && i < list.Size().(types.Int) {
			return list.Get(i)
		}
	}
	return types.NullValue
}

// isNull is the presence test behind `== null`.
func isNull(v ref.Val) bool { return v == types.NullValue }
