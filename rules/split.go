package rules

import "strings"

// How the parts of a clause are joined.
const (
	JoinAnd = "and"
	JoinOr  = "or"
	JoinNot = "not"
)

// splitCEL cuts a CEL text at its outermost || or, without one, &&, or after
// the ! in front of parentheses. An empty join means that the text is one
// clause. The pieces are as the author wrote them, without the parentheses
// around them.
func splitCEL(text string) (join string, pieces []string) {
	text = strings.TrimSpace(text)
	for enclosed(text) {
		text = strings.TrimSpace(text[1 : len(text)-1])
	}
	var ands, ors []int
	ternary := false
	scanCEL(text, func(i, depth int) {
		switch {
		case depth > 0:
		case strings.HasPrefix(text[i:], "&&"):
			ands = append(ands, i)
		case strings.HasPrefix(text[i:], "||"):
			ors = append(ors, i)
		case text[i] == '?' && (i == 0 || text[i-1] != '.'): // `.?` selects
			ternary = true
		}
	})
	switch {
	case ternary:
		return "", []string{text}
	case len(ors) > 0:
		return JoinOr, cut(text, ors)
	case len(ands) > 0:
		return JoinAnd, cut(text, ands)
	case strings.HasPrefix(text, "!"):
		if rest := strings.TrimSpace(text[1:]); enclosed(rest) {
			return JoinNot, []string{strings.TrimSpace(rest[1 : len(rest)-1])}
		}
	}
	return "", []string{text}
}

// cut splits at operators of two characters.
func cut(text string, at []int) []string {
	var out []string
	from := 0
	for _, i := range append(at, len(text)) {
		piece := strings.TrimSpace(text[from:i])
		for enclosed(piece) {
			piece = strings.TrimSpace(piece[1 : len(piece)-1])
		}
		out = append(out, piece)
		from = i + 2
	}
	return out
}

// enclosed reports whether the first parenthesis closes at the end.
func enclosed(text string) bool {
	if !strings.HasPrefix(text, "(") || !strings.HasSuffix(text, ")") {
		return false
	}
	whole := true
	scanCEL(text, func(i, depth int) {
		if depth == 0 && i > 0 && i < len(text)-1 {
			whole = false
		}
	})
	return whole
}

// scanCEL visits the characters outside of strings and comments, with the
// depth of brackets around them; an opening bracket has the depth outside it,
// a closing one likewise.
func scanCEL(text string, visit func(i, depth int)) {
	depth := 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"' || c == '\'':
			i = afterString(text, i)
			continue
		case strings.HasPrefix(text[i:], "//"):
			n := strings.IndexByte(text[i:], '\n')
			if n < 0 {
				return
			}
			i += n
			continue
		case strings.IndexByte("([{", c) >= 0:
			visit(i, depth)
			depth++
		case strings.IndexByte(")]}", c) >= 0:
			depth--
			visit(i, depth)
		default:
			visit(i, depth)
		}
		i++
	}
}

// afterString returns the index behind a string literal that begins at i. The
// letters of a raw string stand before its quote.
func afterString(text string, i int) int {
	raw := false
	for j := i - 1; j >= 0 && j >= i-2 && strings.IndexByte("rRbB", text[j]) >= 0; j-- {
		raw = raw || text[j] == 'r' || text[j] == 'R'
	}
	quote := text[i : i+1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(text[i:], triple) {
		quote = triple
	}
	for j := i + len(quote); j < len(text); j++ {
		switch {
		case text[j] == '\\' && !raw:
			j++
		case strings.HasPrefix(text[j:], quote):
			return j + len(quote)
		}
	}
	return len(text)
}
