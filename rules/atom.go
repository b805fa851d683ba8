package rules

import (
	"slices"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
)

// relation is what an atom demands of an attribute of the agent.
type relation int

const (
	relEqual relation = iota
	relNotEqual
	relLess
	relLessEqual
	relGreater
	relGreaterEqual
	relContains
	relHas   // the attribute is an array with the value
	relLacks // or without it
	relIn    // the value is an array with the attribute
	relNotIn // or without it
)

// opposites are the relations under a negation.
var opposites = map[relation]relation{
	relEqual: relNotEqual, relNotEqual: relEqual, relLess: relGreaterEqual, relGreaterEqual: relLess,
	relGreater: relLessEqual, relLessEqual: relGreater, relHas: relLacks, relLacks: relHas, relIn: relNotIn, relNotIn: relIn,
}

// mirrored are the relations with the sides exchanged.
var mirrored = map[relation]relation{
	relEqual: relEqual, relNotEqual: relNotEqual, relLess: relGreater, relGreater: relLess,
	relLessEqual: relGreaterEqual, relGreaterEqual: relLessEqual,
	relHas: relIn, relIn: relHas, relLacks: relNotIn, relNotIn: relLacks,
}

// atom is a clause that compares one attribute of the agent with a value that
// is written, or is an attribute of the Task.
type atom struct {
	relation relation
	path     []string
	constant ref.Val          // unless it is read
	read     *twilioexpr.Read // of the Task
}

// value is the other side; false when it has none.
func (a *atom) value(in Input) (ref.Val, bool) {
	if a.read == nil {
		return a.constant, true
	}
	return lookUp(*a.read, in)
}

// side is one operand: a value of the agent, or something else that is known.
type side struct {
	agent    []string
	constant ref.Val
	read     *twilioexpr.Read
}

// makeAtom joins two sides of which exactly one is the agent's.
func makeAtom(r relation, left, right side) *atom {
	if left.agent == nil {
		turned, ok := mirrored[r]
		if !ok {
			return nil
		}
		r, left, right = turned, right, left
	}
	if left.agent == nil || (right.constant == nil && right.read == nil) {
		return nil
	}
	return &atom{relation: r, path: left.agent, constant: right.constant, read: right.read}
}

// sideOf turns a path into a side. Built-in values of an agent are not
// attributes, and elements of arrays are not worth changing.
func sideOf(r twilioexpr.Read) side {
	switch {
	case len(r.Path) == 0:
		return side{}
	case r.Root == twilioexpr.RootTask:
		return side{read: &r}
	case r.Root != twilioexpr.RootWorker, isBuiltin(r.Path[0].Name):
		return side{}
	}
	var names []string
	for _, s := range r.Path {
		if s.IsIndex {
			return side{}
		}
		names = append(names, s.Name)
	}
	return side{agent: names}
}

func isBuiltin(name string) bool {
	return slices.Contains([]string{builtinSID, builtinFriendlyName, builtinActivitySID, builtinActivityName, builtinChannel}, name)
}

var familiarRelations = map[twilioexpr.Operator]relation{
	twilioexpr.OpEqual: relEqual, twilioexpr.OpNotEqual: relNotEqual, twilioexpr.OpLess: relLess,
	twilioexpr.OpLessEqual: relLessEqual, twilioexpr.OpGreater: relGreater, twilioexpr.OpGreaterEqual: relGreaterEqual,
	twilioexpr.OpContains: relContains, twilioexpr.OpHas: relHas, twilioexpr.OpIn: relIn, twilioexpr.OpNotIn: relNotIn,
}

func familiarAtom(c *twilioexpr.Comparison, resolve twilioexpr.Resolver) *atom {
	operand := func(o twilioexpr.Operand) side {
		switch o := o.(type) {
		case twilioexpr.Literal:
			return side{constant: literalValue(o)}
		case *twilioexpr.Array:
			items := make([]ref.Val, len(o.Elements))
			for i, e := range o.Elements {
				items[i] = literalValue(e)
			}
			return side{constant: types.NewRefValList(types.DefaultTypeAdapter, items)}
		case *twilioexpr.Reference:
			if read, err := resolve(o); err == nil {
				return sideOf(read)
			}
		}
		return side{}
	}
	return makeAtom(familiarRelations[c.Op], operand(c.Left), operand(c.Right))
}

func literalValue(l twilioexpr.Literal) ref.Val {
	switch v := l.Value.(type) {
	case string:
		return types.String(v)
	case int64:
		return types.Int(v)
	case float64:
		return types.Double(v)
	case bool:
		return types.Bool(v)
	}
	return types.NullValue
}

var nativeRelations = map[string]relation{
	operators.Equals: relEqual, operators.NotEquals: relNotEqual, operators.Less: relLess,
	operators.LessEquals: relLessEqual, operators.Greater: relGreater, operators.GreaterEquals: relGreaterEqual,
	operators.In: relIn, operators.OldIn: relIn,
}

func nativeAtom(root ast.Expr) *atom {
	if read, ok := staticPath(root); ok { // a flag: it has to be true
		return makeAtom(relEqual, sideOf(read), side{constant: types.True})
	}
	if root.Kind() != ast.CallKind {
		return nil
	}
	c := root.AsCall()
	if c.FunctionName() == operators.LogicalNot && len(c.Args()) == 1 {
		if read, ok := staticPath(c.Args()[0]); ok {
			return makeAtom(relEqual, sideOf(read), side{constant: types.False})
		}
		return nil
	}
	r, ok := nativeRelations[c.FunctionName()]
	if !ok || len(c.Args()) != 2 {
		return nil
	}
	return makeAtom(r, nativeSide(c.Args()[0]), nativeSide(c.Args()[1]))
}

func nativeSide(e ast.Expr) side {
	if read, ok := staticPath(e); ok {
		return sideOf(read)
	}
	switch e.Kind() {
	case ast.LiteralKind:
		return side{constant: e.AsLiteral()}
	case ast.ListKind:
		var items []ref.Val
		for _, x := range e.AsList().Elements() {
			if x.Kind() != ast.LiteralKind {
				return side{}
			}
			items = append(items, x.AsLiteral())
		}
		return side{constant: types.NewRefValList(types.DefaultTypeAdapter, items)}
	default:
		return side{}
	}
}
