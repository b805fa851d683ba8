package rules

import (
	"reflect"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// source is anything with named members: a decoded JSON object, an agent, an
// agent's channel, a queue's counts. members lists the names in sorted order,
// so that evaluation never depends on a Go map's order.
type source interface {
	member(name string) (ref.Val, bool)
	members() []string
}

// object makes a source a CEL map without copying it.
type object struct{ source }

var _ traits.Mapper = (*object)(nil)

// Find returns a member; keys are text.
func (o *object) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return nil, false
	}
	return o.member(string(name))
}

// Get returns a member or CEL's error for a missing key.
func (o *object) Get(key ref.Val) ref.Val {
	if v, ok := o.Find(key); ok {
		return v
	}
	return types.ValOrErr(key, "no such key: %v", key)
}

// Contains reports whether there is such a member.
func (o *object) Contains(key ref.Val) ref.Val {
	_, ok := o.Find(key)
	return types.Bool(ok)
}

// Size is the number of members.
func (o *object) Size() ref.Val { return types.Int(len(o.members())) }

// IsZeroValue reports whether there are no members.
func (o *object) IsZeroValue() bool { return len(o.members()) == 0 }

// Iterator walks the names in sorted order.
func (o *object) Iterator() traits.Iterator {
	names := o.members()
	keys := make([]ref.Val, len(names))
	for i, n := range names {
		keys[i] = types.String(n)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, keys).Iterator()
}

// Equal compares member by member.
func (o *object) Equal(other ref.Val) ref.Val {
	m, ok := other.(traits.Mapper)
	if !ok {
		return types.False
	}
	names := o.members()
	if m.Size() != types.Int(len(names)) {
		return types.False
	}
	for _, n := range names {
		mine, _ := o.member(n)
		theirs, found := m.Find(types.String(n))
		if !found || types.Equal(mine, theirs) != types.True {
			return types.False
		}
	}
	return types.True
}

// ConvertToNative copies the members; CEL's extension libraries ask for it.
func (o *object) ConvertToNative(to reflect.Type) (any, error) {
	return o.plain().ConvertToNative(to)
}

// ConvertToType converts to a map or to the map type.
func (o *object) ConvertToType(to ref.Type) ref.Val {
	switch to {
	case types.MapType:
		return o
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("type conversion error from map to %s", to.TypeName())
}

// Type is CEL's map type.
func (o *object) Type() ref.Type { return types.MapType }

// Value copies the members.
func (o *object) Value() any { return o.plain().Value() }

func (o *object) plain() traits.Mapper {
	m := make(map[ref.Val]ref.Val)
	for _, n := range o.members() {
		v, _ := o.member(n)
		m[types.String(n)] = v
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, m)
}

// valueKind sorts values the way the operators of the familiar syntax do.
type valueKind int

const (
	kindNull valueKind = iota
	kindBool
	kindInt
	kindDouble
	kindText
	kindArray
	kindObject
)

func kindOf(v ref.Val) valueKind {
	switch v.(type) {
	case types.String:
		return kindText
	case types.Int:
		return kindInt
	case types.Double:
		return kindDouble
	case types.Bool:
		return kindBool
	case types.Null:
		return kindNull
	case traits.Lister:
		return kindArray
	}
	return kindObject
}

// splitPath cuts the first step off a path as PathString writes it.
func splitPath(path string) (step, rest string) {
	i := strings.IndexAny(path, ".[")
	switch {
	case i < 0:
		return path, ""
	case i == 0: // an element, "[2].x"
		end := strings.IndexByte(path, ']')
		if end < 0 {
			return path, ""
		}
		return path[:end+1], strings.TrimPrefix(path[end+1:], ".")
	}
	return path[:i], strings.TrimPrefix(path[i:], ".")
}
