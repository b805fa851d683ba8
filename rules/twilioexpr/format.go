package twilioexpr

import (
	"strconv"
	"strings"
)

// spellings are the operators as Format writes them.
var spellings = map[Operator]string{
	OpEqual: "==", OpNotEqual: "!=", OpLess: "<", OpLessEqual: "<=", OpGreater: ">", OpGreaterEqual: ">=",
	OpContains: "CONTAINS", OpHas: "HAS", OpIn: "IN", OpNotIn: "NOT IN",
}

// Format writes a condition in the familiar syntax, with one spelling for each
// operator. Reading the text again gives the same condition.
func Format(x Expr) string {
	var b strings.Builder
	format(&b, x)
	return b.String()
}

func format(b *strings.Builder, x Expr) {
	switch x := x.(type) {
	case *Or:
		formatTerms(b, x.Terms, " OR ")
	case *And:
		formatTerms(b, x.Terms, " AND ")
	case *Not:
		b.WriteString("NOT (")
		format(b, x.X)
		b.WriteByte(')')
	case *Comparison:
		formatOperand(b, x.Left)
		b.WriteString(" " + spellings[x.Op] + " ")
		formatOperand(b, x.Right)
	}
}

func formatTerms(b *strings.Builder, terms []Expr, operator string) {
	for i, term := range terms {
		if i > 0 {
			b.WriteString(operator)
		}
		switch term.(type) {
		case *Or, *And:
			b.WriteByte('(')
			format(b, term)
			b.WriteByte(')')
		default:
			format(b, term)
		}
	}
}

func formatOperand(b *strings.Builder, o Operand) {
	switch o := o.(type) {
	case Literal:
		formatLiteral(b, o)
	case *Array:
		b.WriteByte('[')
		for i, e := range o.Elements {
			if i > 0 {
				b.WriteString(", ")
			}
			formatLiteral(b, e)
		}
		b.WriteByte(']')
	case *Reference:
		b.WriteString(PathString(o.Path))
	}
}

func formatLiteral(b *strings.Builder, l Literal) {
	switch v := l.Value.(type) {
	case string:
		b.WriteByte('"')
		b.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(v))
		b.WriteByte('"')
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case float64:
		s := strconv.FormatFloat(v, 'f', -1, 64) // the syntax has no exponents
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		b.WriteString(s)
	case bool:
		b.WriteString(strconv.FormatBool(v))
	default:
		b.WriteString("null")
	}
}
