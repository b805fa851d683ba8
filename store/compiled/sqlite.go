package compiled

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
)

// kept is how many compiled statements a connection holds; the one that was not
// used for longest makes room.
const kept = 300

// OpenSQLite opens a database with modernc.org/sqlite, whose driver must be
// registered; the name is what that driver takes.
func OpenSQLite(name string) (*sql.DB, error) {
	settle()
	plain, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	d := plain.Driver()
	if err := plain.Close(); err != nil {
		return nil, err
	}
	return sql.OpenDB(connector{d, name}), nil
}

// connector makes connections.
type connector struct {
	driver driver.Driver
	name   string
}

// Driver implements driver.Connector.
func (c connector) Driver() driver.Driver { return c.driver }

// inner is what the driver's connections can do.
type inner interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// Connect implements driver.Connector.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.name)
	if err != nil {
		return nil, err
	}
	own, ok := opened.(inner)
	if !ok {
		return nil, fmt.Errorf("unexpected SQLite connection %T", opened)
	}
	return &conn{inner: own, statements: newStatements(kept)}, nil
}

// conn is a connection that keeps its statements.
type conn struct {
	inner
	statements *statements
}

// Close implements driver.Conn.
func (c *conn) Close() error {
	c.statements.clear()
	return c.inner.Close()
}

// ExecContext implements driver.ExecerContext. Of several statements it reports
// the result of the last, as the driver does.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	all, ok := sqliteSyntax.shapes(query)
	if len(args) > 0 || !ok {
		return c.inner.ExecContext(ctx, query, args)
	}
	var last driver.Result
	for _, one := range all {
		if one.whole {
			var err error
			if last, err = c.inner.ExecContext(ctx, one.text, nil); err != nil {
				return nil, err
			}
			continue
		}
		s, err := c.statement(ctx, one)
		if err != nil {
			return nil, err
		}
		if last, err = s.exec(ctx, one.values); err != nil {
			return nil, err
		}
	}
	return last, nil
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	all, ok := sqliteSyntax.shapes(query)
	if len(args) > 0 || !ok || len(all) != 1 || all[0].whole {
		return c.inner.QueryContext(ctx, query, args)
	}
	s, err := c.statement(ctx, all[0])
	if err != nil {
		return nil, err
	}
	return s.query(ctx, all[0].values)
}

// statement finds or compiles the statement of a shape.
func (c *conn) statement(ctx context.Context, one shape) (*statement, error) {
	if s := c.statements.get(one.text); s != nil {
		return s, nil
	}
	prepared, err := c.inner.PrepareContext(ctx, one.text)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(both)
	if !ok {
		return nil, fmt.Errorf("unexpected SQLite statement %T", prepared)
	}
	return c.statements.put(one.text, s), nil
}
