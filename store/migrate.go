package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// A migration that was released is frozen: changes are new files. What a new
// one may do is checked by a test, because the former version serves meanwhile.
//
//go:embed migrations
var migrations embed.FS

const (
	// migrationLockWait is how long a migration waits for a table. Whoever comes
	// later stands behind it for as long, callers on the telephone too. It is
	// less than PostgreSQL's deadlock_timeout: when a migration and a request wait
	// for each other, it is the migration that gives way.
	migrationLockWait = "900ms"
	// migrationPause lets them through before it asks again.
	migrationPause = 500 * time.Millisecond
	// migrationTries bounds the asking: to some minutes.
	migrationTries = 300
	// migrationTurn is how many seconds one of several migrating processes waits
	// for its turn: an index of a large table takes its time.
	migrationTurn = 3600
)

// Migrate brings the schema up to date, while processes of the version before
// serve. Several processes may call it at the same time: one of them works, the
// others find it done. A schema newer than this program is left as it is.
func (s *Store) Migrate(ctx context.Context) error {
	files, err := s.migrations()
	if err != nil {
		return err
	}
	return s.migrate(ctx, files, nil)
}

// SchemaVersion returns the number of the last migration that was applied and
// of the newest one this program knows.
func (s *Store) SchemaVersion(ctx context.Context) (applied, known int64, err error) {
	folder, err := s.migrations()
	if err != nil {
		return 0, 0, err
	}
	provider, err := goose.NewProvider(s.dialect.goose, s.write.DB, folder)
	if err != nil {
		return 0, 0, fmt.Errorf("read migrations: %w", err)
	}
	applied, known, err = provider.GetVersions(ctx)
	return applied, known, classify(err, "read the schema version")
}

// migrations are the files of the database at hand.
func (s *Store) migrations() (fs.FS, error) {
	folder, err := fs.Sub(migrations, s.dialect.migrations)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return folder, nil
}

// migrate applies files, one after the other. Waited is called when a table was
// waited for in vain; nil does nothing.
func (s *Store) migrate(ctx context.Context, files fs.FS, waited func()) error {
	provider, err := s.migrator(ctx, files)
	if err != nil {
		return err
	}
	for tries := 1; ; {
		before, _, err := provider.GetVersions(ctx)
		if err != nil {
			return classify(err, "migrate the schema")
		}
		_, err = provider.UpByOne(ctx)
		switch {
		case errors.Is(err, goose.ErrNoNextVersion):
			return nil
		case err == nil:
			tries = 1
		case !isLockTimeout(err) && !isBusy(err):
			// Another process may have been faster.
			if after, _, failed := provider.GetVersions(ctx); failed != nil || after <= before {
				return classify(err, "migrate the schema")
			}
		case tries == migrationTries:
			return taskrouter.Unavailable(err, "migrate the schema: a transaction that does not end holds a table")
		default:
			tries++
			if waited != nil {
				waited()
			}
			select {
			case <-ctx.Done():
				return classify(ctx.Err(), "migrate the schema")
			case <-time.After(migrationPause):
			}
		}
	}
}

// isBusy reports that another process held the file of SQLite.
func isBusy(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}

// migrator makes what applies files so that no file is applied twice.
func (s *Store) migrator(ctx context.Context, files fs.FS) (*goose.Provider, error) {
	if s.dialect.goose == goose.DialectPostgres {
		turns, err := newMigrationLock(files)
		if err != nil {
			return nil, err
		}
		provider, err := goose.NewProvider(s.dialect.goose, s.write.DB, files, goose.WithSessionLocker(turns))
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		return provider, nil
	}
	provider, err := goose.NewProvider(s.dialect.goose, s.write.DB, files)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	// SQLite has no lock to hold over several transactions. There each file is a
	// transaction that fails when its number is taken.
	if _, _, err := provider.GetVersions(ctx); err != nil { // it makes the table
		return nil, classify(err, "migrate the schema")
	}
	_, err = s.write.ExecContext(ctx, "CREATE UNIQUE INDEX IF NOT EXISTS goose_db_version_once ON goose_db_version (version_id)")
	return provider, classify(err, "migrate the schema")
}

// migrationLock lets one process migrate, and bounds what that makes others wait
// for.
type migrationLock struct {
	lock.SessionLocker
	// alone are the migrations without a transaction: they build indexes beside
	// the traffic, wait for transactions that are open, and nobody waits for them.
	alone map[int64]bool
}

var (
	migrationName = regexp.MustCompile(`^(\d+)_`)
	noTransaction = regexp.MustCompile(`(?m)^-- \+goose NO TRANSACTION\s*$`)
)

func newMigrationLock(files fs.FS) (*migrationLock, error) {
	turns, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, migrationTurn))
	if err != nil {
		return nil, fmt.Errorf("make migration lock: %w", err)
	}
	l := &migrationLock{SessionLocker: turns, alone: map[int64]bool{}}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		number := migrationName.FindStringSubmatch(path.Base(name))
		if number == nil || !noTransaction.Match(text) {
			continue
		}
		n, err := strconv.ParseInt(number[1], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read migrations: %w", err)
		}
		l.alone[n] = true
	}
	return l, nil
}

// SessionLock implements lock.SessionLocker.
func (l *migrationLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	if err := l.SessionLocker.SessionLock(ctx, conn); err != nil {
		return err
	}
	var applied int64
	err := conn.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version").Scan(&applied)
	if err == nil {
		wait := migrationLockWait
		if l.alone[applied+1] {
			wait = "0"
		}
		_, err = conn.ExecContext(ctx, "SET lock_timeout = '"+wait+"'")
	}
	if err != nil {
		return errors.Join(err, l.SessionUnlock(context.WithoutCancel(ctx), conn))
	}
	return nil
}

// SessionUnlock implements lock.SessionLocker. The connection goes back to those
// who serve.
func (l *migrationLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "RESET lock_timeout")
	return errors.Join(err, l.SessionLocker.SessionUnlock(ctx, conn))
}
