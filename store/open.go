package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// MemoryURL opens a database that lives as long as its Store.
const MemoryURL = "sqlite::memory:"

// defaultMaxConns bounds the pool when Options does not.
const defaultMaxConns = 16

// sqliteBusyTimeout is how long, in milliseconds, a statement waits for
// another process that holds the file.
const sqliteBusyTimeout = 5000

// Options says which database to open.
type Options struct {
	// URL is postgres://… (or postgresql://…), the path of an SQLite file
	// (with or without "sqlite:" before it), or MemoryURL.
	URL string
	// MaxConns bounds the connections to PostgreSQL, or the readers of
	// SQLite; zero means 16.
	MaxConns int
}

// Open connects to the database and checks that it answers. It does not create
// or change tables; see Migrate. A database that cannot be reached is a
// KindUnavailable error.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.MaxConns <= 0 {
		o.MaxConns = defaultMaxConns
	}
	var s *Store
	var err error
	switch {
	case strings.HasPrefix(o.URL, "postgres://"), strings.HasPrefix(o.URL, "postgresql://"):
		s, err = openPostgres(o)
	case o.URL == "":
		err = errors.New("open store: no database URL")
	default:
		s, err = openSQLite(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	if err := s.Ping(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func openPostgres(o Options) (*Store, error) {
	cfg, err := pgx.ParseConfig(o.URL)
	if err != nil {
		// The parser's text repeats the URL without its password.
		return nil, unsupportedURL(err)
	}
	// Statements arrive with their values written into them, so preparing
	// each would cost a round trip and never be used again.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	// Literals are quoted for this setting; the check below makes sure that
	// the server, or a pooler before it, obeys.
	cfg.RuntimeParams["standard_conforming_strings"] = "on"
	cfg.RuntimeParams["client_encoding"] = "UTF8"
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "taskrouter"
	}
	if cfg.RuntimeParams["idle_in_transaction_session_timeout"] == "" {
		// A process that froze inside a transaction must not hold a
		// Workspace for longer than this.
		cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "15s"
	}
	pool := stdlib.OpenDB(*cfg, stdlib.OptionAfterConnect(func(_ context.Context, c *pgx.Conn) error {
		for name, want := range map[string]string{"standard_conforming_strings": "on", "client_encoding": "UTF8"} {
			if got := c.PgConn().ParameterStatus(name); got != want {
				return fmt.Errorf("the server reports %s = %q, want %q", name, got, want)
			}
		}
		return nil
	}))
	pool.SetMaxOpenConns(o.MaxConns)
	pool.SetMaxIdleConns(o.MaxConns)
	db := bun.NewDB(pool, pgText{pgdialect.New()})
	return newStore(postgresDialect, db, db), nil
}

func openSQLite(ctx context.Context, o Options) (*Store, error) {
	path := strings.TrimPrefix(strings.TrimPrefix(o.URL, "sqlite:"), "//")
	common := url.Values{}
	common.Set("_dqs", "0")
	pragma := func(v url.Values, text string) { v.Add("_pragma", text) }
	pragma(common, fmt.Sprintf("busy_timeout(%d)", sqliteBusyTimeout))
	pragma(common, "foreign_keys(1)")
	pragma(common, "temp_store(memory)")

	var file string
	if path == ":memory:" {
		// The memdb file system shares one database among the connections
		// of a process, with locks and snapshots like those of a file.
		// https://www.sqlite.org/src/file/src/memdb.c
		file = "file:/" + taskrouter.NewSID("DB")
		common.Set("vfs", "memdb")
	} else {
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, unsupportedURL(err)
		}
		file = (&url.URL{Scheme: "file", Path: filepath.ToSlash(abs)}).String()
		pragma(common, "journal_mode(wal)")
		// An answered request must survive a power cut, so every commit is
		// synced to the disk.
		pragma(common, "synchronous(full)")
	}
	clone := func() url.Values {
		v := url.Values{}
		for k, l := range common {
			v[k] = append([]string(nil), l...)
		}
		return v
	}
	writing, reading := clone(), clone()
	writing.Set("_txlock", "immediate")
	pragma(writing, "cache_size(-65536)")
	pragma(reading, "query_only(1)")

	writer, err := sql.Open("sqlite", file+"?"+writing.Encode())
	if err != nil {
		return nil, unsupportedURL(err)
	}
	// One writer: SQLite has one at a time anyway, and waiting in Go is fair
	// and honours the context, waiting in SQLite is neither.
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	// The file, its journal mode and, in memory, the database itself exist
	// once the first connection is there; the anchor keeps them.
	anchor, err := sql.Open("sqlite", file+"?"+clone().Encode())
	if err != nil {
		return nil, unsupportedURL(err)
	}
	anchor.SetMaxOpenConns(1)
	if err := anchor.PingContext(ctx); err != nil {
		return nil, errors.Join(classify(err, "open store"), anchor.Close(), writer.Close())
	}
	reader, err := sql.Open("sqlite", file+"?"+reading.Encode())
	if err != nil {
		return nil, unsupportedURL(err)
	}
	reader.SetMaxOpenConns(o.MaxConns)
	reader.SetMaxIdleConns(min(o.MaxConns, 2*runtime.GOMAXPROCS(0)))

	s := newStore(sqliteDialect, bun.NewDB(writer, sqliteText{sqlitedialect.New()}), bun.NewDB(reader, sqliteText{sqlitedialect.New()}))
	s.anchor = anchor
	return s, nil
}
