package rules

import (
	"slices"
	"unicode"

	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"

	"github.com/taskrouter/taskrouter/rules/twilioexpr"
)

// readsOf lists the values a CEL tree looks at. A path ends where it becomes
// dynamic; an empty path is the whole document. It may list too much, never
// too little.
func readsOf(e ast.Expr) []twilioexpr.Read {
	var out []twilioexpr.Read
	collectReads(e, &out)
	return out
}

func collectReads(e ast.Expr, out *[]twilioexpr.Read) {
	if read, ok := staticPath(e); ok {
		*out = append(*out, read)
		return
	}
	switch e.Kind() {
	case ast.SelectKind:
		collectReads(e.AsSelect().Operand(), out)
	case ast.CallKind:
		c := e.AsCall()
		if c.IsMemberFunction() {
			collectReads(c.Target(), out)
		}
		for _, a := range c.Args() {
			collectReads(a, out)
		}
	case ast.ListKind:
		for _, x := range e.AsList().Elements() {
			collectReads(x, out)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			m := entry.AsMapEntry()
			collectReads(m.Key(), out)
			collectReads(m.Value(), out)
		}
	case ast.StructKind:
		for _, f := range e.AsStruct().Fields() {
			collectReads(f.AsStructField().Value(), out)
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		for _, x := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			collectReads(x, out)
		}
	default: // a name or a constant
	}
}

// staticPath reads `task.a["b"][2]` as a path, when the tree is one.
func staticPath(e ast.Expr) (twilioexpr.Read, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		switch root := twilioexpr.Root(e.AsIdent()); root {
		case twilioexpr.RootTask, twilioexpr.RootWorker, twilioexpr.RootWorkers:
			return twilioexpr.Read{Root: root}, true
		}
	case ast.SelectKind:
		s := e.AsSelect()
		return extend(s.Operand(), twilioexpr.Segment{Name: s.FieldName()})
	case ast.CallKind:
		c := e.AsCall()
		switch c.FunctionName() {
		case operators.Index, operators.OptIndex, operators.OptSelect:
			if len(c.Args()) != 2 || c.Args()[1].Kind() != ast.LiteralKind {
				break
			}
			switch key := c.Args()[1].AsLiteral().(type) {
			case types.String:
				return extend(c.Args()[0], twilioexpr.Segment{Name: string(key)})
			case types.Int:
				return extend(c.Args()[0], twilioexpr.Segment{Index: int64(key), IsIndex: true})
			}
		}
	default:
	}
	return twilioexpr.Read{}, false
}

func extend(operand ast.Expr, s twilioexpr.Segment) (twilioexpr.Read, bool) {
	read, ok := staticPath(operand)
	if !ok || s.IsIndex && s.Index < 0 || !s.IsIndex && !isName(s.Name) {
		return twilioexpr.Read{}, false
	}
	read.Path = append(slices.Clip(read.Path), s)
	return read, true
}

// isName reports whether a member can stand in a written path.
func isName(s string) bool {
	for i, r := range s {
		if r != '_' && r != '$' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

// taskFields are the distinct paths below `task`, sorted.
func taskFields(reads []twilioexpr.Read) []string {
	var out []string
	for _, r := range reads {
		switch {
		case r.Root != twilioexpr.RootTask:
		case len(r.Path) == 0:
			return []string{WholeDocument}
		default:
			out = append(out, twilioexpr.PathString(r.Path))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// readsLive reports whether a value of the agent is read that changes while
// the agent works.
func readsLive(reads []twilioexpr.Read) bool {
	return slices.ContainsFunc(reads, func(r twilioexpr.Read) bool {
		return r.Root == twilioexpr.RootWorker && (len(r.Path) == 0 || isLive(r.Path[0].Name))
	})
}

// measure returns the depth of a tree and the length of its longest literal
// list or map. Macros count as what they expand to.
func measure(e ast.Expr) (depth, elements int) {
	visit := func(x ast.Expr) {
		d, n := measure(x)
		depth, elements = max(depth, d), max(elements, n)
	}
	switch e.Kind() {
	case ast.SelectKind:
		visit(e.AsSelect().Operand())
	case ast.CallKind:
		c := e.AsCall()
		if c.IsMemberFunction() {
			visit(c.Target())
		}
		for _, a := range c.Args() {
			visit(a)
		}
	case ast.ListKind:
		elements = e.AsList().Size()
		for _, x := range e.AsList().Elements() {
			visit(x)
		}
	case ast.MapKind:
		elements = e.AsMap().Size()
		for _, entry := range e.AsMap().Entries() {
			visit(entry.AsMapEntry().Key())
			visit(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		for _, f := range e.AsStruct().Fields() {
			visit(f.AsStructField().Value())
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		for _, x := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			visit(x)
		}
	default: // a name or a constant
	}
	return depth + 1, elements
}
