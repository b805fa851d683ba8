package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	pg := func(code string) error { return fmt.Errorf("wrapped: %w", &pgconn.PgError{Code: code}) }
	for name, c := range map[string]struct {
		err  error
		kind taskrouter.Kind
	}{
		"ours":                  {taskrouter.NotFoundf("x"), taskrouter.KindNotFound},
		"serialization":         {pg("40001"), taskrouter.KindConflict},
		"deadlock":              {pg("40P01"), taskrouter.KindConflict},
		"unique":                {pg("23505"), taskrouter.KindConflict},
		"unique name":           {&pgconn.PgError{Code: "23505", ConstraintName: "workers_name"}, taskrouter.KindInvalid},
		"connection exception":  {pg("08006"), taskrouter.KindUnavailable},
		"too many connections":  {pg("53300"), taskrouter.KindUnavailable},
		"administrator":         {pg("57P01"), taskrouter.KindUnavailable},
		"crash":                 {pg("57P02"), taskrouter.KindUnavailable},
		"starting up":           {pg("57P03"), taskrouter.KindUnavailable},
		"statement canceled":    {pg("57014"), taskrouter.KindUnavailable},
		"standby":               {pg("25006"), taskrouter.KindUnavailable},
		"idle in transaction":   {pg("25P03"), taskrouter.KindUnavailable},
		"lock timeout":          {pg("55P03"), taskrouter.KindUnavailable},
		"statement gone":        {pg("26000"), taskrouter.KindUnavailable},
		"plan out of date":      {&pgconn.PgError{Code: "0A000", Message: "cached plan must not change result type"}, taskrouter.KindUnavailable},
		"not supported":         {pg("0A000"), taskrouter.KindInternal},
		"syntax":                {pg("42601"), taskrouter.KindInternal},
		"no such table":         {pg("42P01"), taskrouter.KindInternal},
		"context canceled":      {context.Canceled, taskrouter.KindUnavailable},
		"deadline":              {context.DeadlineExceeded, taskrouter.KindUnavailable},
		"bad connection":        {driver.ErrBadConn, taskrouter.KindUnavailable},
		"connection closed":     {sql.ErrConnDone, taskrouter.KindUnavailable},
		"transaction is over":   {sql.ErrTxDone, taskrouter.KindUnavailable},
		"network":               {&net.OpError{Op: "dial", Err: errors.New("refused")}, taskrouter.KindUnavailable},
		"end of file":           {io.ErrUnexpectedEOF, taskrouter.KindUnavailable},
		"anything else":         {errors.New("x"), taskrouter.KindInternal},
		"no row where some are": {sql.ErrNoRows, taskrouter.KindInternal},
	} {
		err := classify(c.err, "do it")
		require.Equal(t, c.kind, taskrouter.KindOf(err), name)
		require.ErrorIs(t, err, c.err, name)
	}
	require.NoError(t, classify(nil, "do it"))
}

func migrated(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(t.Context()))
	return s
}

// TestSchemasAgree compares tables, columns, nullability, primary keys and
// indexes of the two databases.
func TestSchemasAgree(t *testing.T) {
	t.Parallel()
	lite, pg := migrated(t, MemoryURL), migrated(t, pgtest.Start(t))
	read := func(s *Store, statement string) []string {
		lines, err := column[string](t.Context(), s.read, "read the schema", statement)
		require.NoError(t, err)
		lines = slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "goose") })
		slices.Sort(lines)
		require.NotEmpty(t, lines)
		return lines
	}
	require.Equal(t,
		read(lite, `SELECT m.name || '.' || c.name || ' ' || (CASE WHEN c."notnull" = 1 THEN 'not null' ELSE 'null' END)
			FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'`),
		read(pg, `SELECT table_name || '.' || column_name || ' ' || (CASE is_nullable WHEN 'NO' THEN 'not null' ELSE 'null' END)
			FROM information_schema.columns WHERE table_schema = current_schema()`))
	require.Equal(t,
		read(lite, `SELECT m.name || ' ' || group_concat(c.name, ',') FROM sqlite_master AS m,
			(SELECT * FROM pragma_table_list) AS l, pragma_table_info(m.name) AS c
			WHERE m.type = 'table' AND l.name = m.name AND c.pk > 0 GROUP BY m.name`),
		read(pg, `SELECT t.table_name || ' ' || string_agg(k.column_name, ',' ORDER BY k.ordinal_position)
			FROM information_schema.table_constraints AS t JOIN information_schema.key_column_usage AS k USING (constraint_name, table_name)
			WHERE t.constraint_type = 'PRIMARY KEY' AND t.table_schema = current_schema() GROUP BY t.table_name`))
	require.Equal(t,
		read(lite, `SELECT name FROM sqlite_master WHERE type = 'index' AND name NOT LIKE 'sqlite%'`),
		read(pg, `SELECT indexname FROM pg_indexes WHERE schemaname = current_schema() AND indexname NOT LIKE '%\_pkey'`))
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Options{})
	require.ErrorContains(t, err, "no database URL")
	_, err = Open(t.Context(), Options{URL: "postgres://user:sesame@localhost:bad/x"})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "sesame")
	_, err = Open(t.Context(), Options{URL: t.TempDir() + "/missing/x.db"})
	require.Equal(t, taskrouter.KindUnavailable, taskrouter.KindOf(err))

	// Nobody listens there.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = Open(t.Context(), Options{URL: "postgres://user:sesame@" + address + "/x?sslmode=disable"})
	require.Equal(t, taskrouter.KindUnavailable, taskrouter.KindOf(err))
	require.NotContains(t, err.Error(), "sesame")
}

func TestFileIsPrivate(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := migrated(t, "sqlite:"+folder+"/router.db")
	require.Equal(t, "sqlite", s.Database())
	files, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		info, err := f.Info()
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, f.Name())
	}
}

func TestMemoryLeavesNothing(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{URL: MemoryURL})
	require.NoError(t, err)
	require.DirExists(t, s.scratch)
	require.NoError(t, s.Close())
	require.NoDirExists(t, s.scratch)
}

// TestPostgresConnectionLoss cuts the connection of a transaction at its most
// delicate moments.
func TestPostgresConnectionLoss(t *testing.T) {
	t.Parallel()
	s := migrated(t, pgtest.Start(t))
	w := &taskrouter.Workspace{SID: taskrouter.NewSID("WS"), AccountSID: taskrouter.NewSID("AC")}
	require.NoError(t, s.CreateWorkspace(t.Context(), w, nil, nil, nil, nil, nil))
	task := func() *taskrouter.Task {
		return &taskrouter.Task{SID: taskrouter.NewSID("WT"), AccountSID: w.AccountSID, WorkspaceSID: w.SID}
	}
	cut := func(ctx context.Context, tx dispatch.Tx) {
		pid, err := value[int](ctx, tx.(*transaction).q, "read the pid", "SELECT pg_backend_pid()")
		require.NoError(t, err)
		gone, err := value[bool](ctx, s.read, "cut", "SELECT pg_terminate_backend(?, 5000)", pid)
		require.NoError(t, err)
		require.True(t, gone)
	}
	written := task()
	err := s.InWorkspace(t.Context(), w.SID, func(ctx context.Context, tx dispatch.Tx) error {
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Tasks: []dispatch.TaskWrite{{Task: written}}}))
		cut(ctx, tx)
		return nil
	})
	require.Equal(t, taskrouter.KindUnavailable, taskrouter.KindOf(err), "%v", err)
	err = s.InWorkspace(t.Context(), w.SID, func(ctx context.Context, tx dispatch.Tx) error {
		cut(ctx, tx)
		return tx.Apply(ctx, &dispatch.Changes{Tasks: []dispatch.TaskWrite{{Task: written}}})
	})
	require.Equal(t, taskrouter.KindUnavailable, taskrouter.KindOf(err), "%v", err)
	err = s.InWorkspace(t.Context(), w.SID, func(ctx context.Context, tx dispatch.Tx) error {
		cut(ctx, tx)
		_, err := tx.Tasks(ctx, written.SID)
		return err
	})
	require.Equal(t, taskrouter.KindUnavailable, taskrouter.KindOf(err), "%v", err)

	require.NotErrorIs(t, err, dispatch.ErrInDoubt)
	err = s.InWorkspace(t.Context(), w.SID, func(ctx context.Context, tx dispatch.Tx) error {
		cut(ctx, tx)
		return tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Tasks: []dispatch.TaskWrite{{Task: written}}, Last: true})
	})
	require.Equal(t, taskrouter.KindUnavailable, taskrouter.KindOf(err), "%v", err)

	// Nothing was written, the lock is free, the pool has recovered.
	err = s.InWorkspace(t.Context(), w.SID, func(ctx context.Context, tx dispatch.Tx) error {
		tasks, err := tx.Tasks(ctx, written.SID)
		require.Empty(t, tasks)
		return err
	})
	require.NoError(t, err)
}
