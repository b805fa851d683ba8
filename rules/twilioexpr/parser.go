package twilioexpr

import (
	"strings"
	"unicode/utf8"
)

// Limits bound what Parse accepts. All must be positive.
type Limits struct {
	// Length is the longest text, in characters.
	Length int
	// Depth is the deepest nesting of parentheses and NOT, and the longest path.
	Depth int
	// Elements is the longest array.
	Elements int
}

// Parse reads one expression. A text that is not one, or that is beyond a
// limit, is a *SyntaxError.
func Parse(src string, limits Limits) (Expr, error) {
	if !utf8.ValidString(src) {
		return nil, &SyntaxError{Position: 1, Message: "text is not valid UTF-8"}
	}
	if n := utf8.RuneCountInString(src); n > limits.Length {
		return nil, beyond(limits.Length+1, "expression is longer than %d characters", limits.Length)
	}
	p := &parser{tokens: lex(src), limits: limits}
	x, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, p.fault(t, "AND, OR or the end")
	}
	return x, nil
}

// ParseReference reads a single reference such as `task.agent_sid`.
func ParseReference(src string, limits Limits) (*Reference, error) {
	list, err := ParseOrder(src, limits)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 || list[0].Written {
		return nil, &SyntaxError{Position: 1, Message: "expected one reference such as task.agent_sid"}
	}
	return list[0].Reference, nil
}

// Clause is one part of an ordering: a reference and its direction.
type Clause struct {
	Reference  *Reference
	Descending bool
	// Written says that the direction was given rather than assumed.
	Written bool
}

// ParseOrder reads a comma-separated list of references, each followed by
// ASC or DESC, in any letter case, or by nothing, which means ASC.
func ParseOrder(src string, limits Limits) ([]Clause, error) {
	if !utf8.ValidString(src) {
		return nil, &SyntaxError{Position: 1, Message: "text is not valid UTF-8"}
	}
	if n := utf8.RuneCountInString(src); n > limits.Length {
		return nil, beyond(limits.Length+1, "expression is longer than %d characters", limits.Length)
	}
	p := &parser{tokens: lex(src), limits: limits}
	var out []Clause
	for {
		ref, err := p.reference()
		if err != nil {
			return nil, err
		}
		c := Clause{Reference: ref}
		if t := p.peek(); t.is("ASC") || t.is("DESC") {
			c.Written, c.Descending = true, t.is("DESC")
			p.advance()
		}
		out = append(out, c)
		if len(out) > limits.Elements {
			return nil, beyond(ref.Position, "more than %d clauses", limits.Elements)
		}
		t := p.peek()
		if t.kind == tokenEnd {
			return out, nil
		}
		if !t.isPunctuation(",") {
			return nil, p.fault(t, "ASC, DESC, a comma or the end")
		}
		p.advance()
	}
}

type parser struct {
	tokens []token
	at     int
	limits Limits
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) advance() token {
	t := p.tokens[p.at]
	if p.at < len(p.tokens)-1 {
		p.at++
	}
	return t
}

func (p *parser) fault(t token, want string) *SyntaxError {
	if t.kind == tokenWrong && t.value != nil {
		return &SyntaxError{Position: t.position, Token: t.text, Message: "string without closing quote"}
	}
	return unexpected(t, want)
}

func (p *parser) expression(depth int) (Expr, error) {
	return p.chain("OR", depth, p.conjunction, func(terms []Expr) Expr { return &Or{Terms: terms} })
}

func (p *parser) conjunction(depth int) (Expr, error) {
	return p.chain("AND", depth, p.unary, func(terms []Expr) Expr { return &And{Terms: terms} })
}

// chain reads terms joined by one keyword.
func (p *parser) chain(keyword string, depth int, term func(int) (Expr, error), join func([]Expr) Expr) (Expr, error) {
	first, err := term(depth)
	if err != nil {
		return nil, err
	}
	terms := []Expr{first}
	for p.peek().is(keyword) {
		p.advance()
		x, err := term(depth)
		if err != nil {
			return nil, err
		}
		terms = append(terms, x)
	}
	if len(terms) == 1 {
		return first, nil
	}
	return join(terms), nil
}

func (p *parser) unary(depth int) (Expr, error) {
	t := p.peek()
	if depth > p.limits.Depth {
		return nil, beyond(t.position, "expression is nested deeper than %d", p.limits.Depth)
	}
	switch {
	case t.is("NOT"):
		p.advance()
		x, err := p.unary(depth + 1)
		if err != nil {
			return nil, err
		}
		return &Not{X: x}, nil
	case t.isPunctuation("("):
		p.advance()
		x, err := p.expression(depth + 1)
		if err != nil {
			return nil, err
		}
		if t := p.peek(); !t.isPunctuation(")") {
			return nil, p.fault(t, `AND, OR or ")"`)
		}
		p.advance()
		return x, nil
	}
	return p.comparison()
}

func (p *parser) comparison() (Expr, error) {
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	op, err := p.operator()
	if err != nil {
		return nil, err
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	return &Comparison{Op: op, Left: left, Right: right}, nil
}

var symbols = map[string]Operator{
	"==": OpEqual, "=": OpEqual, "!=": OpNotEqual, "<>": OpNotEqual,
	"<": OpLess, "<=": OpLessEqual, ">": OpGreater, ">=": OpGreaterEqual,
	">-": OpHas, "<-": OpIn,
}

func (p *parser) operator() (Operator, error) {
	t := p.advance()
	if t.kind == tokenOperator {
		if op, ok := symbols[t.text]; ok {
			return op, nil
		}
	}
	switch {
	case t.is("HAS"):
		return OpHas, nil
	case t.is("IN"):
		return OpIn, nil
	case t.is("CONTAINS"):
		return OpContains, nil
	case t.is("NOT"):
		if n := p.advance(); !n.is("IN") {
			return 0, p.fault(n, "IN")
		}
		return OpNotIn, nil
	}
	return 0, p.fault(t, "a comparison operator")
}

func (p *parser) operand() (Operand, error) {
	t := p.peek()
	if t.isPunctuation("[") {
		return p.array()
	}
	if lit, ok := literal(t); ok {
		p.advance()
		return lit, nil
	}
	return p.reference()
}

func literal(t token) (Literal, bool) {
	switch {
	case t.kind == tokenString, t.kind == tokenNumber:
		return Literal{Value: t.value}, true
	case t.is("true"):
		return Literal{Value: true}, true
	case t.is("false"):
		return Literal{Value: false}, true
	case t.is("null"):
		return Literal{}, true
	}
	return Literal{}, false
}

func (p *parser) array() (*Array, error) {
	open := p.advance()
	a := &Array{}
	if p.peek().isPunctuation("]") {
		p.advance()
		return a, nil
	}
	for {
		t := p.peek()
		lit, ok := literal(t)
		if !ok {
			return nil, p.fault(t, "a constant")
		}
		p.advance()
		a.Elements = append(a.Elements, lit)
		if len(a.Elements) > p.limits.Elements {
			return nil, beyond(open.position, "array has more than %d elements", p.limits.Elements)
		}
		switch t := p.advance(); {
		case t.isPunctuation("]"):
			return a, nil
		case !t.isPunctuation(","):
			return nil, p.fault(t, `a comma or "]"`)
		}
	}
}

func reserved(t token) bool {
	switch strings.ToUpper(t.text) {
	case "AND", "OR", "NOT", "IN", "HAS", "CONTAINS", "TRUE", "FALSE", "NULL":
		return true
	}
	return false
}

func (p *parser) reference() (*Reference, error) {
	t := p.peek()
	if t.kind != tokenName || reserved(t) {
		return nil, p.fault(t, "a value or a name")
	}
	p.advance()
	r := &Reference{Path: []Segment{{Name: t.text}}, Position: t.position}
	for {
		switch next := p.peek(); {
		case next.isPunctuation("."):
			p.advance()
			// After a dot the keywords are ordinary names.
			name := p.advance()
			if name.kind != tokenName {
				return nil, p.fault(name, "a name")
			}
			r.Path = append(r.Path, Segment{Name: name.text})
		case next.isPunctuation("["):
			p.advance()
			n := p.advance()
			i, ok := n.value.(int64)
			if n.kind != tokenNumber || !ok || !isDigit(n.text[0]) {
				return nil, p.fault(n, "an element number")
			}
			if end := p.advance(); !end.isPunctuation("]") {
				return nil, p.fault(end, `"]"`)
			}
			r.Path = append(r.Path, Segment{Index: i, IsIndex: true})
		default:
			return r, nil
		}
		if len(r.Path) > p.limits.Depth {
			return nil, beyond(r.Position, "name has more than %d parts", p.limits.Depth)
		}
	}
}
