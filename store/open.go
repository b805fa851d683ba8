package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/taskrouter/taskrouter/store/compiled"
)

// MemoryURL opens a database of its own that lives as long as its Store: Close
// removes it. It is never synced to a disk.
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
	// Unsynced leaves it to the system when a commit to SQLite reaches the
	// disk: for databases that nobody misses after a power cut. A process that
	// is killed loses nothing all the same.
	Unsynced bool
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
	// Literals are quoted for this setting; the check below makes sure that
	// the server, or a pooler before it, obeys.
	cfg.RuntimeParams["standard_conforming_strings"] = "on"
	cfg.RuntimeParams["client_encoding"] = "UTF8"
	for name, value := range map[string]string{
		"application_name": "taskrouter",
		// A process that froze inside a transaction must not hold a
		// Workspace for longer than this.
		"idle_in_transaction_session_timeout": "15s",
		// Every statement under a lock reads a few rows along an index; with
		// the costs of a spinning disk the planner would read small tables
		// from end to end, and every other page of larger ones.
		"random_page_cost": "1.1",
	} {
		if cfg.RuntimeParams[name] == "" { // the URL may say otherwise
			cfg.RuntimeParams[name] = value
		}
	}
	pool := compiled.OpenPostgres(cfg, stdlib.OptionAfterConnect(func(_ context.Context, c *pgx.Conn) error {
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

func openSQLite(ctx context.Context, o Options) (_ *Store, err error) {
	path := strings.TrimPrefix(strings.TrimPrefix(o.URL, "sqlite:"), "//")
	// An answered request must survive a power cut, so every commit is synced
	// to the disk.
	synchronous, scratch := "full", ""
	if o.Unsynced {
		synchronous = "off"
	}
	if path == ":memory:" {
		// SQLite's own in-memory databases block readers while somebody
		// writes, or have no pool of connections at all. A file that is
		// never synced stays in the page cache and behaves like the real
		// thing.
		if scratch, err = os.MkdirTemp("", "taskrouter-"); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
		path, synchronous = filepath.Join(scratch, "memory.db"), "off"
	}
	s := &Store{}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(s.anchor), removeScratch(scratch))
		}
	}()
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, unsupportedURL(err)
	}
	// SQLite would let the whole machine read a file it makes; the journal
	// takes over the permissions of the database.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unavailable(err, "open store")
	}
	if err := file.Close(); err != nil {
		return nil, unavailable(err, "open store")
	}
	connect := func(more url.Values, pragmas ...string) (*sql.DB, error) {
		more.Set("_dqs", "0")
		more["_pragma"] = append([]string{
			fmt.Sprintf("busy_timeout(%d)", sqliteBusyTimeout), "foreign_keys(1)", "temp_store(memory)",
			"journal_mode(wal)", "synchronous(" + synchronous + ")",
		}, pragmas...)
		file := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: more.Encode()}
		return compiled.OpenSQLite(file.String())
	}
	// The first connection makes the file and turns on its journal; it stays
	// open, because the last one to close would remove the journal.
	if s.anchor, err = connect(url.Values{}); err != nil {
		return nil, unsupportedURL(err)
	}
	s.anchor.SetMaxOpenConns(1)
	if err := s.anchor.PingContext(ctx); err != nil {
		return nil, classify(err, "open store")
	}
	writer, err := connect(url.Values{"_txlock": {"immediate"}}, "cache_size(-65536)")
	if err != nil {
		return nil, unsupportedURL(err)
	}
	// One writer: SQLite has one at a time anyway, and waiting in Go is fair
	// and honours the context, waiting in SQLite is neither.
	writer.SetMaxOpenConns(1)
	writer.SetMaxIdleConns(1)
	reader, err := connect(url.Values{}, "query_only(1)")
	if err != nil {
		return nil, errors.Join(unsupportedURL(err), writer.Close())
	}
	reader.SetMaxOpenConns(o.MaxConns)
	reader.SetMaxIdleConns(min(o.MaxConns, 2*runtime.GOMAXPROCS(0)))

	anchor := s.anchor
	s = newStore(sqliteDialect, bun.NewDB(writer, sqliteText{sqlitedialect.New()}), bun.NewDB(reader, sqliteText{sqlitedialect.New()}))
	s.anchor, s.scratch = anchor, scratch
	return s, nil
}

// closeAll closes the pools that were opened.
func closeAll(pools ...*sql.DB) error {
	var errs []error
	for _, p := range pools {
		if p != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}

// removeScratch removes the folder of a database that is not kept.
func removeScratch(folder string) error {
	if folder == "" {
		return nil
	}
	return os.RemoveAll(folder)
}
