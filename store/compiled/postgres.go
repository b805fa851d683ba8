package compiled

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// Commit at the end of a text of several statements commits the transaction
// along with them. The Commit of the transaction then only confirms it.
const Commit = "COMMIT"

// Anew in a statement says that its best plan depends on its values: PostgreSQL
// plans it each time. To SQLite it is a comment.
const Anew = "/*anew*/"

// OpenPostgres opens a database with pgx. Statements are prepared once for each
// connection, those of one text travel together, and so does the beginning of a
// transaction with its first statement. A text may hold several queries; each
// has a result set of its own.
func OpenPostgres(config *pgx.ConnConfig, options ...stdlib.OptionOpenDB) *sql.DB {
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	config.StatementCacheCapacity = kept
	return sql.OpenDB(pgConnector{stdlib.GetConnector(*config, options...)})
}

// pgConnector makes connections.
type pgConnector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c pgConnector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	own, ok := opened.(*stdlib.Conn)
	if !ok {
		return nil, fmt.Errorf("unexpected PostgreSQL connection %T", opened)
	}
	return &pgConn{Conn: own}, nil
}

// pgConn is a connection that keeps its statements, with the help of pgx.
type pgConn struct {
	*stdlib.Conn
	// begin opens the transaction; it is held back for the first statement.
	begin string
	// open is set between the beginning of a transaction and its end here,
	// committed when a text ended it with Commit before.
	open, committed bool
}

// rollbackTimeout bounds the end of a transaction that failed.
const rollbackTimeout = 5 * time.Second

// plainly is the argument with which pgx sends a text as it is.
var plainly = []driver.NamedValue{{Ordinal: 1, Value: pgx.QueryExecModeSimpleProtocol}}

// BeginTx implements driver.ConnBeginTx. The server learns of it with the first
// statement, so a connection that is lost is found there.
func (c *pgConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if c.Conn.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	begin := "BEGIN"
	switch level := sql.IsolationLevel(o.Isolation); level {
	case sql.LevelDefault:
	case sql.LevelReadCommitted, sql.LevelRepeatableRead, sql.LevelSerializable:
		begin += " ISOLATION LEVEL " + level.String()
	default:
		return nil, fmt.Errorf("unsupported isolation: %s", level)
	}
	if o.ReadOnly {
		begin += " READ ONLY"
	}
	c.begin, c.open, c.committed = begin, true, false
	return pgTx{c, ctx}, nil
}

// ExecContext implements driver.ExecerContext. The result is that of the last
// statement.
func (c *pgConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	all, ok := prepared(query)
	if len(args) > 0 || !ok {
		if err := c.start(ctx); err != nil {
			return nil, err
		}
		if len(args) == 0 {
			args = plainly
		}
		result, err := c.Conn.ExecContext(ctx, query, args)
		c.committed = err == nil && c.open && c.outside()
		return result, err
	}
	results, err := c.send(ctx, all)
	if err != nil {
		return nil, err
	}
	var last driver.RowsAffected
	for range all {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close() // it says the same
			return nil, c.unsent(err)
		}
		last = driver.RowsAffected(tag.RowsAffected())
	}
	if err := results.Close(); err != nil {
		return nil, err
	}
	c.committed = c.open && c.outside()
	return last, nil
}

// QueryContext implements driver.QueryerContext.
func (c *pgConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	all, ok := prepared(query)
	if len(args) > 0 || !ok {
		if err := c.start(ctx); err != nil {
			return nil, err
		}
		if len(args) == 0 && len(all) < 2 { // several queries, one of them huge, fail here
			args = plainly
		}
		return c.Conn.QueryContext(ctx, query, args)
	}
	results, err := c.send(ctx, all)
	if err != nil {
		return nil, err
	}
	r := &pgRows{results: results, left: len(all)}
	if err := r.NextResultSet(); err != nil {
		_ = r.Close() // it says the same
		return nil, c.unsent(err)
	}
	return r, nil
}

// unsent lets database/sql try another connection when nothing reached the server
// on this one. Within a transaction there is no other.
func (c *pgConn) unsent(err error) error {
	if !c.open && pgconn.SafeToRetry(err) {
		return driver.ErrBadConn
	}
	return err
}

// outside reports that the server has no transaction open.
func (c *pgConn) outside() bool { return c.Conn.Conn().PgConn().TxStatus() == 'I' }

// errOver refuses a statement of a transaction that is over at the server: it
// would be committed at once, and by itself.
var errOver = errors.New("the transaction is over, or was never begun")

// taken is the beginning of the transaction, for whoever sends it; empty when
// there is none to be sent.
func (c *pgConn) taken() (begin string, err error) {
	if c.open && c.begin == "" && c.outside() {
		return "", errOver
	}
	begin, c.begin = c.begin, ""
	return begin, nil
}

// errPrepare refuses statements of the caller's own.
var errPrepare = errors.New("statements are prepared here anyway")

// PrepareContext implements driver.ConnPrepareContext. Such a statement would run
// past what is held back.
func (c *pgConn) PrepareContext(context.Context, string) (driver.Stmt, error) {
	return nil, errPrepare
}

// Prepare implements driver.Conn.
func (c *pgConn) Prepare(string) (driver.Stmt, error) { return nil, errPrepare }

// start begins the transaction before a text that travels alone.
func (c *pgConn) start(ctx context.Context) error {
	begin, err := c.taken()
	if err != nil || begin == "" {
		return err
	}
	_, err = c.Conn.ExecContext(ctx, begin, plainly)
	return err
}

// send sends statements in one message, behind the beginning of the transaction
// when that was not sent yet.
func (c *pgConn) send(ctx context.Context, all []shape) (pgx.BatchResults, error) {
	begin, err := c.taken()
	if err != nil {
		return nil, err
	}
	var batch pgx.Batch
	if begin != "" {
		batch.Queue(begin)
	}
	for _, one := range all {
		args := make([]any, len(one.values))
		for i, v := range one.values {
			args[i] = v.Value
		}
		batch.Queue(one.text, args...)
	}
	results := c.Conn.Conn().SendBatch(ctx, &batch)
	if begin != "" {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // it says the same
			return nil, err
		}
	}
	return results, nil
}

// Prepared is how a statement is prepared on PostgreSQL, and what it is run with;
// false when it is sent as it is. It is for those who look at plans.
func Prepared(text string) (statement string, values []any, ok bool) {
	all, ok := prepared(text)
	if !ok || len(all) != 1 {
		return "", nil, false
	}
	for _, v := range all[0].values {
		values = append(values, v.Value)
	}
	return all[0].text, values, true
}

// prepared are the statements of a text; false when it is sent as it is.
func prepared(text string) ([]shape, bool) {
	if strings.Contains(text, Anew) {
		return nil, false
	}
	all, ok := postgresSyntax.shapes(text)
	return all, ok && !slices.ContainsFunc(all, func(s shape) bool { return s.whole })
}

// pgTx is a transaction, begun at the server or not.
type pgTx struct {
	c *pgConn
	// ctx is what the transaction was begun with.
	ctx context.Context
}

// Commit implements driver.Tx.
func (t pgTx) Commit() error {
	nothing, committed, over := t.c.begin != "", t.c.committed, t.c.outside()
	t.c.begin, t.c.open, t.c.committed = "", false, false
	switch {
	case nothing || committed:
		return nil
	case over: // the message with its beginning was refused
		return pgx.ErrTxCommitRollback
	}
	tag, err := t.c.Conn.Conn().Exec(t.ctx, Commit, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.abandon()
		return err
	}
	if tag.String() != Commit { // an earlier statement had failed
		return pgx.ErrTxCommitRollback
	}
	return nil
}

// Rollback implements driver.Tx.
func (t pgTx) Rollback() error {
	c := t.c
	nothing := c.begin != "" || c.outside()
	c.begin, c.open, c.committed = "", false, false
	if nothing {
		return nil
	}
	// The context may be the reason for it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), rollbackTimeout)
	defer cancel()
	_, err := c.Conn.Conn().Exec(ctx, "ROLLBACK", pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.abandon()
	}
	return err
}

// abandon closes a connection that may still be inside a transaction: its locks
// must not be held until somebody uses it again.
func (t pgTx) abandon() {
	if t.c.outside() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), rollbackTimeout)
	defer cancel()
	_ = t.c.Conn.Conn().Close(ctx) // what went wrong is reported already
}
