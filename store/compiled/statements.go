package compiled

import (
	"container/list"
	"context"
	"database/sql/driver"
)

// both is what the driver's statements can do.
type both interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// statements are the compiled statements of a connection, the one that was used
// last in front. Those in use are not among them.
type statements struct {
	limit  int
	byText map[string]*list.Element
	order  *list.List
}

func newStatements(limit int) *statements {
	return &statements{limit: limit, byText: map[string]*list.Element{}, order: list.New()}
}

// statement is a compiled statement in use. It goes back to its connection when
// it has run and its rows are closed.
type statement struct {
	both
	text string
	home *statements
}

// get hands out a statement; nil when there is none, or it is in use.
func (c *statements) get(text string) *statement {
	at := c.byText[text]
	if at == nil {
		return nil
	}
	s := c.order.Remove(at).(*statement)
	delete(c.byText, text)
	return s
}

// put adopts a statement that was just compiled and hands it out.
func (c *statements) put(text string, s both) *statement {
	return &statement{both: s, text: text, home: c}
}

// back takes a statement in again.
func (s *statement) back() {
	c := s.home
	if c.byText[s.text] != nil { // it was compiled twice, while one was in use
		_ = s.Close()
		return
	}
	c.byText[s.text] = c.order.PushFront(s)
	if c.order.Len() > c.limit {
		oldest := c.get(c.order.Back().Value.(*statement).text)
		_ = oldest.Close() // what it failed with was reported when it ran
	}
}

// clear closes everything.
func (c *statements) clear() {
	for text := range c.byText {
		_ = c.get(text).Close()
	}
}

func (s *statement) exec(ctx context.Context, values []driver.NamedValue) (driver.Result, error) {
	defer s.back()
	return s.ExecContext(ctx, values)
}

func (s *statement) query(ctx context.Context, values []driver.NamedValue) (driver.Rows, error) {
	rows, err := s.QueryContext(ctx, values)
	if err != nil {
		s.back()
		return nil, err
	}
	return &result{Rows: rows, of: s}, nil
}

// result gives its statement back when it is closed.
type result struct {
	driver.Rows
	of *statement
}

// Close implements driver.Rows.
func (r *result) Close() error {
	err := r.Rows.Close()
	if r.of != nil {
		r.of.back()
		r.of = nil
	}
	return err
}
