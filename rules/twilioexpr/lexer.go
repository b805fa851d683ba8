package twilioexpr

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenName
	tokenString
	tokenNumber
	tokenOperator // == = != <> > >= < <= >- <-
	tokenPunctuation
	tokenWrong // a character that begins no token
)

// token is one lexical unit. text is as written; value is the decoded
// constant of a string or a number.
type token struct {
	kind     tokenKind
	text     string
	value    any
	position int
}

// is reports whether the token is the keyword, in any letter case.
func (t token) is(keyword string) bool {
	return t.kind == tokenName && strings.EqualFold(t.text, keyword)
}

func (t token) isPunctuation(s string) bool { return t.kind == tokenPunctuation && t.text == s }

// lex splits the text into tokens, ending with a tokenEnd. It stops at the
// first thing that cannot be a token; the parser reports it in its place, so
// that the leftmost fault is the one shown.
func lex(src string) []token {
	l := &lexer{src: src, position: 1}
	var out []token
	for {
		t := l.next()
		out = append(out, t)
		if t.kind == tokenEnd || t.kind == tokenWrong {
			return out
		}
	}
}

type lexer struct {
	src      string
	offset   int // bytes
	position int // characters, from one
}

func (l *lexer) peek(ahead int) byte {
	if l.offset+ahead < len(l.src) {
		return l.src[l.offset+ahead]
	}
	return 0
}

func (l *lexer) next() token {
	for l.offset < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.offset:])
		if !unicode.IsSpace(r) {
			break
		}
		l.offset, l.position = l.offset+n, l.position+1
	}
	if l.offset >= len(l.src) {
		return token{kind: tokenEnd, position: l.position}
	}
	c := l.src[l.offset]
	switch {
	case c == '"' || c == '\'':
		return l.text(c)
	case isDigit(c), c == '-' && isDigit(l.peek(1)):
		return l.number()
	case strings.IndexByte("()[],.", c) >= 0:
		return l.take(tokenPunctuation, 1)
	case strings.IndexByte("=!<>", c) >= 0:
		return l.operator(c)
	}
	n := 0
	for l.offset+n < len(l.src) {
		r, size := utf8.DecodeRuneInString(l.src[l.offset+n:])
		if !isNameRune(r, n == 0) {
			break
		}
		n += size
	}
	if n > 0 {
		return l.take(tokenName, n)
	}
	_, n = utf8.DecodeRuneInString(l.src[l.offset:])
	return l.take(tokenWrong, n)
}

// take cuts n bytes off as one token.
func (l *lexer) take(kind tokenKind, n int) token {
	t := token{kind: kind, text: l.src[l.offset : l.offset+n], position: l.position}
	l.offset += n
	l.position += utf8.RuneCountInString(t.text)
	return t
}

func (l *lexer) operator(c byte) token {
	next := l.peek(1)
	switch {
	case next == '=', c == '<' && next == '>':
		return l.take(tokenOperator, 2)
	case (c == '<' || c == '>') && next == '-' && !isDigit(l.peek(2)):
		// `a>-1` is an order comparison with a negative number; `a >- x` is HAS.
		return l.take(tokenOperator, 2)
	case c == '!':
		return l.take(tokenWrong, 1)
	}
	return l.take(tokenOperator, 1)
}

func (l *lexer) number() token {
	n := 0
	if l.peek(0) == '-' {
		n++
	}
	for isDigit(l.peek(n)) {
		n++
	}
	decimal := l.peek(n) == '.' && isDigit(l.peek(n+1))
	if decimal {
		n++
		for isDigit(l.peek(n)) {
			n++
		}
	}
	t := l.take(tokenNumber, n)
	if !decimal {
		if i, err := strconv.ParseInt(t.text, 10, 64); err == nil {
			t.value = i
			return t
		}
	}
	// The text is digits, so the only possible error is a magnitude beyond
	// the type, for which ParseFloat returns an infinity. The largest finite
	// number orders the same way against any document.
	f, _ := strconv.ParseFloat(t.text, 64)
	t.value = max(-math.MaxFloat64, min(f, math.MaxFloat64))
	return t
}

func (l *lexer) text(quote byte) token {
	var b strings.Builder
	for n := 1; l.offset+n < len(l.src); n++ {
		c := l.src[l.offset+n]
		switch {
		case c == quote:
			t := l.take(tokenString, n+1)
			t.value = b.String()
			return t
		case c == '\\' && strings.IndexByte(`\"'`, l.peek(n+1)) >= 0 && l.peek(n+1) != 0:
			n++
			b.WriteByte(l.src[l.offset+n])
		default:
			b.WriteByte(c)
		}
	}
	t := l.take(tokenWrong, len(l.src)-l.offset)
	t.value = "unterminated"
	return t
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameRune(r rune, first bool) bool {
	if r == '_' || r == '$' || unicode.IsLetter(r) {
		return true
	}
	return !first && (unicode.IsDigit(r) || unicode.Is(unicode.Mn, r))
}
