package twilioexpr

import (
	"strconv"
	"strings"
)

// The CEL functions a translation calls. None of them ever fails: a missing
// value is null and a mismatch of types is false.
const (
	FuncField        = "tr_field"    // member of an object, or null
	FuncItem         = "tr_item"     // element of an array, or null
	FuncIsNull       = "tr_is_null"  // presence test, any type
	FuncEqual        = "tr_eq"       // scalar equality
	FuncNotEqual     = "tr_ne"       // scalar inequality; not the negation of tr_eq
	FuncLess         = "tr_lt"       // scalar order
	FuncLessEqual    = "tr_le"       // scalar order
	FuncGreater      = "tr_gt"       // scalar order
	FuncGreaterEqual = "tr_ge"       // scalar order
	FuncContains     = "tr_contains" // text within text
	FuncHas          = "tr_has"      // array, then element
	FuncIn           = "tr_in"       // element, then array
	FuncNotIn        = "tr_not_in"   // element, then array; false without an array
)

// Root is the document a reference reads, as a CEL variable.
type Root string

// The documents.
const (
	RootTask    Root = "task"
	RootWorker  Root = "worker"
	RootWorkers Root = "workers"
)

// Read is one value an expression looks at.
type Read struct {
	Root Root
	Path []Segment
}

// Resolver decides which document a reference belongs to in the place where
// the expression stands. It returns a *SyntaxError for a name that has no
// meaning there.
type Resolver func(*Reference) (Read, error)

// Translation is an expression as CEL source, and what it looks at in order
// of appearance.
type Translation struct {
	Source string
	Reads  []Read
}

// Translate writes an expression as CEL.
func Translate(x Expr, resolve Resolver) (Translation, error) {
	t := &translator{resolve: resolve}
	if err := t.condition(x); err != nil {
		return Translation{}, err
	}
	return Translation{Source: t.out.String(), Reads: t.reads}, nil
}

type translator struct {
	out     strings.Builder
	reads   []Read
	resolve Resolver
}

func (t *translator) condition(x Expr) error {
	switch x := x.(type) {
	case *Or:
		return t.join(x.Terms, " || ")
	case *And:
		return t.join(x.Terms, " && ")
	case *Not:
		t.out.WriteString("!(")
		if err := t.condition(x.X); err != nil {
			return err
		}
		t.out.WriteByte(')')
		return nil
	case *Comparison:
		return t.comparison(x)
	}
	return nil
}

// join writes the terms flat, so that CEL balances a long chain instead of
// nesting it.
func (t *translator) join(terms []Expr, operator string) error {
	for i, term := range terms {
		if i > 0 {
			t.out.WriteString(operator)
		}
		var group bool
		switch term.(type) {
		case *Or, *And:
			group = true
			t.out.WriteByte('(')
		}
		if err := t.condition(term); err != nil {
			return err
		}
		if group {
			t.out.WriteByte(')')
		}
	}
	return nil
}

var functions = map[Operator]string{
	OpEqual: FuncEqual, OpNotEqual: FuncNotEqual, OpLess: FuncLess, OpLessEqual: FuncLessEqual,
	OpGreater: FuncGreater, OpGreaterEqual: FuncGreaterEqual, OpContains: FuncContains,
	OpHas: FuncHas, OpIn: FuncIn, OpNotIn: FuncNotIn,
}

func (t *translator) comparison(c *Comparison) error {
	if c.Op == OpEqual || c.Op == OpNotEqual {
		// Written null tests presence, whatever the type of the other side.
		for _, pair := range [2][2]Operand{{c.Right, c.Left}, {c.Left, c.Right}} {
			if lit, ok := pair[0].(Literal); ok && lit.Value == nil {
				if c.Op == OpNotEqual {
					t.out.WriteByte('!')
				}
				t.out.WriteString(FuncIsNull + "(")
				if err := t.operand(pair[1]); err != nil {
					return err
				}
				t.out.WriteByte(')')
				return nil
			}
		}
	}
	t.out.WriteString(functions[c.Op])
	t.out.WriteByte('(')
	if err := t.operand(c.Left); err != nil {
		return err
	}
	t.out.WriteString(", ")
	if err := t.operand(c.Right); err != nil {
		return err
	}
	t.out.WriteByte(')')
	return nil
}

func (t *translator) operand(o Operand) error {
	switch o := o.(type) {
	case Literal:
		t.literal(o)
	case *Array:
		t.out.WriteByte('[')
		for i, e := range o.Elements {
			if i > 0 {
				t.out.WriteString(", ")
			}
			t.literal(e)
		}
		t.out.WriteByte(']')
	case *Reference:
		read, err := t.resolve(o)
		if err != nil {
			return err
		}
		t.reads = append(t.reads, read)
		t.read(read.Root, read.Path)
	}
	return nil
}

func (t *translator) read(root Root, path []Segment) {
	if len(path) == 0 {
		t.out.WriteString(string(root))
		return
	}
	last := path[len(path)-1]
	if last.IsIndex {
		t.out.WriteString(FuncItem + "(")
		t.read(root, path[:len(path)-1])
		t.out.WriteString(", " + strconv.FormatInt(last.Index, 10))
	} else {
		t.out.WriteString(FuncField + "(")
		t.read(root, path[:len(path)-1])
		t.out.WriteString(", " + strconv.Quote(last.Name))
	}
	t.out.WriteByte(')')
}

func (t *translator) literal(l Literal) {
	switch v := l.Value.(type) {
	case string:
		// Go's escapes for valid UTF-8 are all CEL escapes too.
		t.out.WriteString(strconv.Quote(v))
	case int64:
		t.out.WriteString(strconv.FormatInt(v, 10))
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		t.out.WriteString(s)
	case bool:
		t.out.WriteString(strconv.FormatBool(v))
	default:
		t.out.WriteString("null")
	}
}
