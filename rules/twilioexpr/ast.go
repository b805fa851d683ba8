package twilioexpr

import (
	"strconv"
	"strings"
)

// Expr is a condition: an *Or, *And, *Not or *Comparison.
type Expr interface{ expr() }

// Or is true when one of its terms is. It has at least two.
type Or struct{ Terms []Expr }

// And is true when all of its terms are. It has at least two.
type And struct{ Terms []Expr }

// Not negates one condition.
type Not struct{ X Expr }

// Comparison relates two operands.
type Comparison struct {
	Op          Operator
	Left, Right Operand
}

func (*Or) expr()         {}
func (*And) expr()        {}
func (*Not) expr()        {}
func (*Comparison) expr() {}

// Operator is a comparison, with its aliases already folded.
type Operator int

// The comparison operators.
const (
	OpEqual Operator = iota
	OpNotEqual
	OpLess
	OpLessEqual
	OpGreater
	OpGreaterEqual
	OpContains
	OpHas
	OpIn
	OpNotIn
)

// Operand is a Literal, an *Array or a *Reference.
type Operand interface{ operand() }

// Literal is a constant: string, int64, float64, bool, or nil for null.
type Literal struct{ Value any }

// Array is a list of constants.
type Array struct{ Elements []Literal }

// Reference names a value inside a document.
type Reference struct {
	Path []Segment
	// Position is where it starts, in characters counted from one.
	Position int
}

func (Literal) operand()    {}
func (*Array) operand()     {}
func (*Reference) operand() {}

// Segment is one step of a path: a member name, or an element when IsIndex.
type Segment struct {
	Name    string
	Index   int64
	IsIndex bool
}

// PathString writes a path the way it is read: `a.b[2].c`.
func PathString(path []Segment) string {
	var b strings.Builder
	for i, s := range path {
		switch {
		case s.IsIndex:
			b.WriteByte('[')
			b.WriteString(strconv.FormatInt(s.Index, 10))
			b.WriteByte(']')
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Name)
		}
	}
	return b.String()
}
