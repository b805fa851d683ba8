package compiled

import (
	"database/sql/driver"
	"math"
	"strconv"
	"strings"
)

// Mark follows a text literal that is a value, as opposed to a part of the
// statement, such as the condition of a partial index. To SQLite it is a
// comment.
const Mark = "/**/"

// maxValues is how many values a shape may have. Statements over many rows come
// in too many lengths to be worth keeping.
const maxValues = 400

// syntax is what the two databases write differently.
type syntax struct {
	// placeholder appends what stands for the n-th value of a statement; filling
	// means that it is in the rows of an INSERT.
	placeholder func(b *strings.Builder, n int, v driver.Value, filling bool)
	// postgres: "::" is a cast, a minus before a placeholder would not know what
	// it negates, a plan may depend on a LIMIT, and a quote behind a letter
	// begins texts with other rules. The rows of an INSERT hold values only: what
	// is small or empty in one row is not in the next.
	postgres bool
}

var (
	sqliteSyntax = &syntax{placeholder: func(b *strings.Builder, _ int, _ driver.Value, _ bool) { b.WriteByte('?') }}
	// A number has the type a literal has: two without one, side by side, would
	// be texts. What fills a column may be as large as it likes, or rows would
	// have as many shapes as they have small and large numbers. A text is, as a
	// literal is, whatever its place wants.
	postgresSyntax = &syntax{postgres: true, placeholder: func(b *strings.Builder, n int, v driver.Value, filling bool) {
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(n))
		switch i, ok := v.(int64); {
		case !ok:
		case filling || i > math.MaxInt32:
			b.WriteString("::bigint")
		default:
			b.WriteString("::int")
		}
	}}
)

// shape is a statement without its values.
type shape struct {
	text   string
	values []driver.NamedValue
	// whole: there were too many values, and text is the statement as it came.
	whole bool
}

// verbs begin the statements whose values can be taken out. The literals of a
// definition belong to it.
var verbs = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "EXPLAIN", "REPLACE"}

// shapes takes the values out of a text of one or more statements. It reports
// false for a text that is to be run as it is: one that defines something, or has
// placeholders of its own.
func (x *syntax) shapes(text string) ([]shape, bool) {
	var out []shape
	s := scanner{syntax: x, text: text}
	for s.skip(); s.at < len(text); s.skip() {
		one, ok := s.statement()
		if !ok {
			return nil, false
		}
		if one.text != "" {
			out = append(out, one)
		}
	}
	return out, len(out) > 0
}

// scanner reads SQL as the database's own tokenizer would.
type scanner struct {
	*syntax
	text string
	at   int
}

// skip passes white space between statements.
func (s *scanner) skip() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

// statement reads up to the next semicolon.
func (s *scanner) statement() (shape, bool) {
	rest := s.text[s.at:]
	known := false
	if s.postgres && strings.HasPrefix(rest, Commit) {
		s.at += len(Commit)
		if s.skip(); s.at < len(s.text) && s.text[s.at] != ';' {
			return shape{}, false
		}
		s.at = min(s.at+1, len(s.text))
		return shape{text: Commit}, true
	}
	for _, v := range verbs {
		if len(rest) > len(v) && strings.EqualFold(rest[:len(v)], v) && !isWord(rest[len(v)]) {
			known = true
		}
	}
	if !known {
		return shape{}, false
	}
	var b strings.Builder
	b.Grow(min(len(rest), 2048))
	values := make([]driver.NamedValue, 0, 16)
	from := s.at // what is not yet copied
	order, limit, filling := false, false, false
	value := func(start int, v driver.Value) {
		b.WriteString(s.text[from:start])
		s.placeholder(&b, len(values)+1, v, filling)
		from = s.at
		values = append(values, driver.NamedValue{Ordinal: len(values) + 1, Value: v})
	}
	for s.at < len(s.text) {
		start := s.at
		switch c := s.text[s.at]; {
		case c == ';':
			s.at++
			b.WriteString(s.text[from:start])
			return shapeOf(b.String(), values, rest[:start-(len(s.text)-len(rest))]), true
		case c == '\'':
			v, ok := s.quoted('\'')
			if !ok {
				return shape{}, false
			}
			marked := strings.HasPrefix(s.text[s.at:], Mark)
			if marked {
				s.at += len(Mark)
			}
			if marked || s.postgres && filling && v == "" {
				value(start, v)
			}
		case c == '"' || c == '`':
			if _, ok := s.quoted(c); !ok {
				return shape{}, false
			}
		case s.postgres && strings.HasPrefix(s.text[s.at:], "::"):
			s.at += 2
		case c == '[' || c == '?' || c == '@' || c == '$' || c == ':' || c == '#':
			return shape{}, false
		case (c == '-' || c == '/') && s.at+1 < len(s.text) && (s.text[s.at:s.at+2] == "--" || s.text[s.at:s.at+2] == "/*"):
			if !s.comment() {
				return shape{}, false
			}
		case isDigit(c):
			// Behind BY a number is that of a column.
			n, whole := s.number()
			negated := s.postgres && start > 0 && s.text[start-1] == '-'
			if whole && (n > 1 || s.postgres && filling) && !order && !limit && !negated {
				value(start, n)
			}
		case c == ')':
			s.at++
			order = false
		case isWord(c):
			w := s.word()
			limit = s.postgres && (strings.EqualFold(w, "LIMIT") || strings.EqualFold(w, "OFFSET"))
			switch {
			case strings.EqualFold(w, "VALUES"):
				filling = strings.EqualFold(rest[:len("INSERT")], "INSERT")
			case strings.EqualFold(w, "CONFLICT"):
				filling = false
			case len(w) == 2 && strings.EqualFold(w, "BY"):
				order = true
			case order && endsOrder(w):
				order = false
			}
			if s.at < len(s.text) && s.text[s.at] == '\'' { // X'00', a blob
				if _, ok := s.quoted('\''); !ok || s.postgres {
					return shape{}, false
				}
			}
		default:
			s.at++
		}
	}
	b.WriteString(s.text[from:])
	return shapeOf(b.String(), values, rest), true
}

func shapeOf(text string, values []driver.NamedValue, whole string) shape {
	if len(values) > maxValues {
		return shape{text: whole, whole: true}
	}
	return shape{text: text, values: values}
}

// quoted reads a literal or a quoted name and returns what is between the
// quotes, doubled ones made single.
func (s *scanner) quoted(quote byte) (string, bool) {
	s.at++
	start, doubled := s.at, false
	for {
		n := strings.IndexByte(s.text[s.at:], quote)
		if n < 0 {
			return "", false
		}
		s.at += n + 1
		if s.at == len(s.text) || s.text[s.at] != quote {
			break
		}
		doubled = true
		s.at++
	}
	v := s.text[start : s.at-1]
	if doubled {
		v = strings.ReplaceAll(v, string([]byte{quote, quote}), string(quote))
	}
	return v, true
}

// comment passes a comment.
func (s *scanner) comment() bool {
	end := "\n"
	if s.text[s.at] == '/' {
		end = "*/"
	}
	n := strings.Index(s.text[s.at+2:], end)
	if n < 0 {
		return false
	}
	s.at += 2 + n + len(end)
	return true
}

// number reads a number, and reports whether it is a whole one. It is a value
// when it is more than one: 0 and 1 are truth values, and conditions of partial
// indexes, far more often.
func (s *scanner) number() (int64, bool) {
	start := s.at
	for s.at < len(s.text) && (isWord(s.text[s.at]) || s.text[s.at] == '.' || s.signed(start)) {
		s.at++
	}
	if start > 0 && s.text[start-1] == '.' { // .5
		return 0, false
	}
	n, err := strconv.ParseInt(s.text[start:s.at], 10, 64)
	return n, err == nil
}

// signed reports whether the sign here belongs to the exponent of a number that
// began at start.
func (s *scanner) signed(start int) bool {
	if c := s.text[s.at]; c != '+' && c != '-' || s.at == start {
		return false
	}
	last := s.text[s.at-1]
	return (last == 'e' || last == 'E') && !strings.HasPrefix(s.text[start:], "0x")
}

// endsOrder reports whether a word follows the columns that BY begins.
func endsOrder(word string) bool {
	for _, w := range []string{"LIMIT", "HAVING", "UNION", "EXCEPT", "INTERSECT"} {
		if strings.EqualFold(word, w) {
			return true
		}
	}
	return false
}

// word reads a keyword or a name.
func (s *scanner) word() string {
	start := s.at
	for s.at < len(s.text) && isWord(s.text[s.at]) {
		s.at++
	}
	return s.text[start:s.at]
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// inWord are the characters of keywords, names and numbers.
var inWord = func() (in [256]bool) {
	for c := range in {
		in[c] = c >= '0' && c <= '9' || c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
	}
	return in
}()

func isWord(c byte) bool { return inWord[c] }
