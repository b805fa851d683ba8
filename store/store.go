package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	dialect dialect
	// write takes part in transactions that change something, read in all
	// else. They are the same pool on PostgreSQL.
	write, read *bun.DB
	// anchor keeps the journal of an SQLite database open; scratch is the
	// folder of one that is not kept.
	anchor  *sql.DB
	scratch string

	upserts upserts
	configs *configCache
	members *memberCounts
	// sent is told the text of what Apply sends, which passes by bun and its
	// hooks; nil but in tests that look at plans.
	sent func(text string)
}

var (
	_ dispatch.Store = (*Store)(nil)
	_ dispatch.Tx    = (*transaction)(nil)
)

func newStore(d dialect, write, read *bun.DB) *Store {
	return &Store{
		dialect: d, write: write, read: read,
		upserts: newUpserts(write), configs: newConfigCache(), members: newMemberCounts(),
	}
}

// Close ends all connections and removes a database that is not kept.
func (s *Store) Close() error {
	errs := []error{s.write.Close()}
	if s.read != s.write {
		errs = append(errs, s.read.Close())
	}
	errs = append(errs, closeAll(s.anchor), removeScratch(s.scratch))
	return errors.Join(errs...)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return classify(s.read.PingContext(ctx), "reach the database")
}

// Database names the kind of database: postgres or sqlite.
func (s *Store) Database() string { return s.dialect.name }

// InWorkspace runs fn in one transaction that holds the Workspace's lock; see
// dispatch.Store. fn must do its reading and writing through tx alone: with
// SQLite a second writer would wait for the first for ever. When the context
// ends before the commit is asked for, nothing is written. An error of the commit
// itself leaves open whether it happened; it is a KindUnavailable error with
// dispatch.ErrInDoubt.
func (s *Store) InWorkspace(ctx context.Context, workspaceSID string, fn func(ctx context.Context, tx dispatch.Tx) error, first ...string) error {
	committed := false
	err := s.inTransaction(ctx, func(q bun.Tx) error {
		t, err := s.locked(ctx, q, workspaceSID, first)
		if err != nil {
			return err
		}
		if err := fn(ctx, t); err != nil {
			if t.ended {
				return &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "failed after the commit", Cause: errors.Join(dispatch.ErrInDoubt, err)}
			}
			return err
		}
		committed = t.ended
		// A write that failed may have been half done (SQLite keeps the
		// statements before the one that failed); it must not be committed
		// even if its error was dropped.
		return t.failed
	})
	if committed {
		return nil // whatever its confirmation says
	}
	return err
}

// locked takes the lock of a Workspace.
func (s *Store) locked(ctx context.Context, q bun.Tx, workspaceSID string, first []string) (*transaction, error) {
	t := &transaction{store: s, q: q, lock: dispatch.LockRow{WorkspaceSID: workspaceSID}}
	var rows []*lockRow
	lock := t.here(q.NewSelect().Model(&rows))
	if s.dialect.lockRow != "" {
		lock = lock.For(s.dialect.lockRow)
	}
	var err error
	if s.dialect.together && len(first) == 1 {
		err = t.readAhead(ctx, first[0], lock)
	} else {
		err = lock.Scan(ctx)
	}
	if err != nil {
		return nil, classify(err, "lock the Workspace")
	}
	if len(rows) == 0 {
		return nil, taskrouter.NotFoundf("Workspace %s was not found", workspaceSID)
	}
	t.lock, t.revision = rows[0].domain(), rows[0].ConfigRevision
	return t, nil
}

// inTransaction commits when fn returns nil and rolls back otherwise, also
// when fn panics.
func (s *Store) inTransaction(ctx context.Context, fn func(q bun.Tx) error) error {
	q, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return classify(err, "begin a transaction")
	}
	committed := false
	defer func() {
		if !committed {
			// The error of a rollback says nothing new: the connection is
			// gone, and the transaction with it.
			_ = q.Rollback()
		}
	}()
	if err := fn(q); err != nil {
		return err
	}
	if err := q.Commit(); err != nil {
		// The driver may have rolled back on its own when the context ended.
		return doubtful(errors.Join(ctx.Err(), err), "commit")
	}
	committed = true
	return nil
}

// doubtful classifies an error of what may have been committed.
func doubtful(err error, what string) error {
	if err != nil && isConnectionFailure(err) {
		err = errors.Join(dispatch.ErrInDoubt, err)
	}
	return classify(err, what)
}

// errForeign is a row that does not belong to the Workspace of the
// transaction: a fault of the caller that must never be stored.
func errForeign(what, sid string) error {
	return &taskrouter.Error{
		Kind: taskrouter.KindInternal, Message: "write " + what,
		Cause: fmt.Errorf("%s %s belongs to another Workspace", what, sid),
	}
}
