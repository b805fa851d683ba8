package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/taskrouter/taskrouter/store/compiled"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// dialect is all that differs between the two databases besides opening them.
type dialect struct {
	name string
	// migrations is the folder of embedded migrations; goose its dialect.
	migrations string
	goose      goose.Dialect
	// lockRow is how a row is locked, that of a Workspace for one. SQLite
	// needs nothing: its writers begin with the lock of the whole database.
	lockRow string
	// skipsLocked is set when a claim must leave out rows that are held by
	// others; with SQLite there are no others.
	skipsLocked bool
	// namesIndexes is set when a query may say which index it wants.
	namesIndexes bool
	// surveys is set when queries are planned by surveys of the tables, which
	// are out of date when most of a table was moved.
	surveys bool
	// notePasses are the tries at the rows of sent notices.
	notePasses []pass
	// together is set when several statements make one round trip: queries, and
	// changes with their commit.
	together bool
	// snapshot is the isolation in which all statements see one moment.
	snapshot sql.IsolationLevel
}

var (
	postgresDialect = dialect{
		name: "postgres", migrations: "migrations/postgres", goose: goose.DialectPostgres,
		lockRow: "NO KEY UPDATE", skipsLocked: true, together: true, snapshot: sql.LevelRepeatableRead, surveys: true,
		notePasses: []pass{{lock: "UPDATE SKIP LOCKED"}, {prepare: "SET LOCAL lock_timeout = '250ms'", lock: "UPDATE"}},
	}
	sqliteDialect = dialect{name: "sqlite", migrations: "migrations/sqlite", goose: goose.DialectSQLite3, namesIndexes: true, notePasses: []pass{{}}}
)

// pass is one way of locking rows: a statement before and the clause.
type pass struct{ prepare, lock string }

// isLockTimeout reports that rows were waited for in vain.
func isLockTimeout(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "55P03"
}

// claim makes a query lock its rows, without waiting for those held by others.
func (d dialect) claim(q *bun.SelectQuery) *bun.SelectQuery {
	if d.skipsLocked {
		return q.For("UPDATE SKIP LOCKED")
	}
	return q
}

// along makes a query use an index of its table. SQLite has no statistics and
// would rather walk the whole log of a Workspace; PostgreSQL knows better.
func (d dialect) along(q *bun.SelectQuery, table, index string) *bun.SelectQuery {
	if d.namesIndexes {
		return q.ModelTableExpr(table + " INDEXED BY " + index)
	}
	return q
}

// nulMarker stands for a text with a NUL character, which neither database can
// keep. It is no function of either, so the statement fails, and its name tells
// why.
const nulMarker = "taskrouter_text_contains_nul"

// pgText and sqliteText are bun's dialects with a classified failure for NUL.
type pgText struct{ *pgdialect.Dialect }

type sqliteText struct{ *sqlitedialect.Dialect }

var (
	_ schema.Dialect = pgText{}
	_ schema.Dialect = sqliteText{}
)

// AppendString writes a quoted literal and says that it is a value.
func (d pgText) AppendString(b []byte, s string) []byte {
	return appendText(b, s, d.Dialect.AppendString)
}

// AppendJSON writes a quoted literal, which is a value.
func (d pgText) AppendJSON(b, text []byte) []byte {
	return append(d.Dialect.AppendJSON(b, text), compiled.Mark...)
}

// AppendString writes a quoted literal and says that it is a value.
func (d sqliteText) AppendString(b []byte, s string) []byte {
	return appendText(b, s, d.Dialect.AppendString)
}

// AppendJSON writes a quoted literal, which is a value.
func (d sqliteText) AppendJSON(b, text []byte) []byte {
	return append(d.Dialect.AppendJSON(b, text), compiled.Mark...)
}

// appendText writes a text with quotes doubled and invalid UTF-8 replaced; a
// backslash is an ordinary character in both databases. The empty text is left
// to the statement: it stands in the conditions of indexes.
func appendText(b []byte, s string, quoted func(b []byte, s string) []byte) []byte {
	if strings.IndexByte(s, 0) >= 0 {
		return append(b, nulMarker+"()"...)
	}
	b = quoted(b, s)
	if s == "" {
		return b
	}
	return append(b, compiled.Mark...)
}

// classify turns an error of a database into one of the router's kinds. what
// is the verb that failed, for people; it becomes part of the public text,
// the cause does not.
func classify(err error, what string) error {
	if err == nil {
		return nil
	}
	var ours *taskrouter.Error
	if errors.As(err, &ours) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return classifyPostgres(pg, err, what)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return classifySQLite(lite, err, what)
	}
	if isConnectionFailure(err) {
		return unavailable(err, what)
	}
	return &taskrouter.Error{Kind: taskrouter.KindInternal, Message: what + " failed", Cause: err}
}

func unavailable(err error, what string) error {
	return taskrouter.Unavailable(err, what+": the database is not available")
}

func conflict(err error, what string) error {
	return &taskrouter.Error{Kind: taskrouter.KindConflict, Message: what + ": changed by another request", Cause: err}
}

func isConnectionFailure(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	for _, is := range []error{
		context.Canceled, context.DeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone,
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, is) {
			return true
		}
	}
	// pgx reports a connection it found closed with an error it marks as safe
	// to retry and does not export.
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err)
}

// classifyPostgres knows the SQLSTATE codes:
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func classifyPostgres(pg *pgconn.PgError, err error, what string) error {
	switch {
	case pg.Code == "23505":
		return duplicate(pg.ConstraintName, err, what)
	case pg.Code == "40001", pg.Code == "40P01":
		return conflict(err, what)
	case pg.Code == "42883" && strings.Contains(pg.Message, nulMarker):
		return nulError(err)
	case pg.Code == "0A000" && strings.Contains(pg.Message, "cached plan"), // a column changed its type
		pg.Code == "26000": // a prepared statement is gone; pgx makes a new one
		return unavailable(err, what)
	case strings.HasPrefix(pg.Code, "08"), // connection exception
		strings.HasPrefix(pg.Code, "53"), // out of connections, memory, disk
		strings.HasPrefix(pg.Code, "57"), // shut down, canceled
		strings.HasPrefix(pg.Code, "58"), // system error
		pg.Code == "25006",               // read-only: a standby during failover
		pg.Code == "25P02",               // a statement after one that failed
		pg.Code == "25P03",               // idle in transaction for too long
		pg.Code == "55P03":               // lock not available
		return unavailable(err, what)
	default:
		return &taskrouter.Error{Kind: taskrouter.KindInternal, Message: what + " failed", Cause: err}
	}
}

// classifySQLite knows the result codes: https://www.sqlite.org/rescode.html
func classifySQLite(lite *sqlite.Error, err error, what string) error {
	switch lite.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return duplicate(lite.Error(), err, what)
	}
	switch lite.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM:
		return unavailable(err, what)
	}
	if strings.Contains(lite.Error(), nulMarker) {
		return nulError(err)
	}
	return &taskrouter.Error{Kind: taskrouter.KindInternal, Message: what + " failed", Cause: err}
}

// duplicate is the verdict on a unique constraint: names that people choose
// are their mistake, all else is a race. where is the constraint's name
// (PostgreSQL) or a text with the columns (SQLite).
func duplicate(where string, err error, what string) error {
	named := func(index, column string) bool {
		return where == index || strings.Contains(where, column)
	}
	invalid := func(text string) error {
		return &taskrouter.Error{Kind: taskrouter.KindInvalid, Message: text, Cause: err}
	}
	switch {
	case named("workers_name", "workers.name_key"):
		return invalid("FriendlyName is used by another Worker of the Workspace")
	case named("task_channels_name", "task_channels.unique_name"):
		return invalid("UniqueName is used by another TaskChannel of the Workspace")
	case named("call_queue_numbers_pkey", "call_queue_numbers.phone_number"):
		return invalid("A phone number belongs to another call queue")
	default:
		return conflict(err, what)
	}
}

func nulError(err error) error {
	return &taskrouter.Error{Kind: taskrouter.KindInvalid, Message: "Text must not contain a NUL character", Cause: err}
}

// unsupportedURL does not repeat the URL, which may hold a password.
func unsupportedURL(err error) error {
	return fmt.Errorf("open store: the database URL is not valid: %w", err)
}

// locking ends a statement that locks the row it reads.
func (d dialect) locking() string {
	if d.lockRow == "" {
		return ""
	}
	return " FOR " + d.lockRow
}

// forUpdate locks the selected rows where the database locks rows; SQLite's
// writers hold the whole database.
func (d dialect) forUpdate(q *bun.SelectQuery) *bun.SelectQuery {
	if d.lockRow == "" {
		return q
	}
	return q.For("UPDATE")
}
