package store

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func unmigrated(t *testing.T, url string) *Store {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// files are the migrations up to a number, with some that do not exist yet.
func (s *Store) files(t *testing.T, upTo int64, more map[string]string) fs.FS {
	t.Helper()
	folder, err := s.migrations()
	require.NoError(t, err)
	names, err := fs.Glob(folder, "*.sql")
	require.NoError(t, err)
	out := fstest.MapFS{}
	for _, name := range names {
		if number(t, name) > upTo {
			continue
		}
		text, err := fs.ReadFile(folder, name)
		require.NoError(t, err)
		out[name] = &fstest.MapFile{Data: text}
	}
	for name, text := range more {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func number(t *testing.T, name string) int64 {
	t.Helper()
	found := migrationName.FindStringSubmatch(name)
	require.NotNil(t, found, name)
	n, err := strconv.ParseInt(found[1], 10, 64)
	require.NoError(t, err)
	return n
}

// known is the newest migration of this program.
func (s *Store) known(t *testing.T) int64 {
	t.Helper()
	_, known, err := s.SchemaVersion(t.Context())
	require.NoError(t, err)
	return known
}

// columns lists every column of every table with what is in it, and every index.
func (s *Store) schema(t *testing.T) (columns map[string][]string, all []string) {
	t.Helper()
	describe := `SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || coalesce(c.dflt_value, '')
		FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid`
	indexes := `SELECT coalesce(sql, name) FROM sqlite_master WHERE type = 'index' ORDER BY name`
	if s.dialect.skipsLocked {
		describe = `SELECT table_name || ' ' || column_name || ' ' || replace(data_type, ' ', '_') || ' ' || is_nullable || ' ' || coalesce(column_default, '')
			FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position`
		indexes = `SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY indexname`
	}
	lines, err := column[string](t.Context(), s.read, "read the schema", describe)
	require.NoError(t, err)
	columns = map[string][]string{}
	for _, l := range lines {
		if table, rest, _ := strings.Cut(l, " "); !strings.Contains(table, "goose") {
			columns[table], all = append(columns[table], rest), append(all, l)
		}
	}
	lines, err = column[string](t.Context(), s.read, "read the schema", indexes)
	require.NoError(t, err)
	for _, l := range lines {
		if !strings.Contains(l, "goose") {
			all = append(all, strings.ReplaceAll(l, `"`, ""))
		}
	}
	return columns, all
}

// fill puts one row into each table, whatever its columns are.
func (s *Store) fill(t *testing.T) (tables []string) {
	t.Helper()
	columns, _ := s.schema(t)
	for _, table := range slices.Sorted(maps.Keys(columns)) {
		var names, values []string
		for _, c := range columns[table] {
			f := strings.Fields(c)
			value := "'x'" // references are to SIDs, which are texts
			switch strings.ToLower(f[1]) {
			case "bigint", "integer", "int", "smallint", "double_precision", "real":
				value = "1"
			case "boolean":
				value = "true"
			case "bytea":
				value = `'\x00'`
			case "blob":
				value = "x'00'"
			}
			names, values = append(names, f[0]), append(values, value)
		}
		tables = append(tables, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(values, ", ")))
	}
	// A row comes after the one it refers to: those that fail are tried again.
	left := tables
	for len(left) > 0 {
		var failed []string
		var last error
		for _, statement := range left {
			if _, err := s.write.ExecContext(t.Context(), statement); err != nil {
				failed, last = append(failed, statement), err
			}
		}
		require.Less(t, len(failed), len(left), "%v", last)
		left = failed
	}
	return slices.Sorted(maps.Keys(columns))
}

// each runs a test on both databases.
func each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "router.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, pgtest.Start(t)) })
}

// TestEverySchemaUpgrades brings the schema of each earlier version, with a row
// in every table, up to date: nothing is lost and it is like a new one.
func TestEverySchemaUpgrades(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite": func(*testing.T) string { return MemoryURL }, "postgres": func(t *testing.T) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			fresh := unmigrated(t, url(t))
			require.NoError(t, fresh.Migrate(t.Context()))
			_, want := fresh.schema(t)
			for version := int64(1); version < fresh.known(t); version++ {
				t.Run(strconv.FormatInt(version, 10), func(t *testing.T) {
					s := unmigrated(t, url(t))
					require.NoError(t, s.migrate(t.Context(), s.files(t, version, nil), nil))
					applied, _, err := s.SchemaVersion(t.Context())
					require.NoError(t, err)
					require.Equal(t, version, applied)
					tables := s.fill(t)
					require.NoError(t, s.Migrate(t.Context()))
					_, have := s.schema(t)
					require.ElementsMatch(t, want, have)
					still, _ := s.schema(t)
					for _, table := range tables {
						if version < ground && still[table] == nil {
							continue
						}
						n, err := column[int](t.Context(), s.read, "count", "SELECT count(*) FROM "+table)
						require.NoError(t, err, table)
						require.Equal(t, []int{1}, n, table)
					}
				})
			}
		})
	}
}

// TestMigratingAtOnce starts several processes at once, as a rollout does.
func TestMigratingAtOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		var all sync.WaitGroup
		errs := make([]error, 4)
		var first *Store
		for i := range errs {
			s := unmigrated(t, url)
			first = s
			all.Go(func() { errs[i] = s.Migrate(t.Context()) })
		}
		all.Wait()
		require.Equal(t, make([]error, len(errs)), errs)
		versions, err := column[int64](t.Context(), first.read, "read versions", "SELECT version_id FROM goose_db_version ORDER BY version_id")
		require.NoError(t, err)
		for i, v := range versions {
			require.Equal(t, int64(i), v, "each is applied once")
		}
		require.Len(t, versions, int(first.known(t))+1)
	})
}

// ahead are migrations of a version to come, as the rules allow them: columns
// and an index on tables with traffic.
func (s *Store) ahead(t *testing.T) (fs.FS, int64) {
	t.Helper()
	n := s.known(t)
	concurrently, alone := "", ""
	if s.dialect.skipsLocked {
		concurrently, alone = "CONCURRENTLY ", "-- +goose NO TRANSACTION\n"
	}
	return s.files(t, n, map[string]string{
		fmt.Sprintf("%04d_add_note.sql", n+1): "-- +goose Up\nALTER TABLE tasks ADD COLUMN later_note TEXT NOT NULL DEFAULT '';\n" +
			"ALTER TABLE reservations ADD COLUMN later_note TEXT;\n",
		fmt.Sprintf("%04d_index_note.sql", n+2): alone + "-- +goose Up\nDROP INDEX " + concurrently + "IF EXISTS tasks_later_note;\n" +
			"CREATE INDEX " + concurrently + "tasks_later_note ON tasks (workspace_sid, later_note, sid);\n",
	}), n + 2
}

// office is a Workspace in which Tasks are offered as they come.
func office(t *testing.T, s *Store) (create func() error) {
	t.Helper()
	ctx := t.Context()
	engine := rules.New(rules.Options{})
	d := dispatch.New(s, engine, nil, zap.NewNop(), dispatch.Options{})
	config := workspace.New(d, s, engine, zap.NewNop(), workspace.Options{})
	account := taskrouter.NewSID(taskrouter.PrefixAccount)
	require.NoError(t, s.CreateAccount(ctx, &taskrouter.Account{SID: account, FriendlyName: "Acme", AuthTokenSealed: []byte("x"), CreatedAt: time.Now(), UpdatedAt: time.Now()}))
	multi := true
	w, err := config.CreateWorkspace(ctx, workspace.NewWorkspace{Account: account, FriendlyName: "Support", MultiTaskEnabled: &multi})
	require.NoError(t, err)
	q, err := config.CreateQueue(ctx, workspace.NewQueue{Account: account, WorkspaceSID: w.SID, FriendlyName: "All"})
	require.NoError(t, err)
	_, err = config.CreateWorkflow(ctx, workspace.NewWorkflow{
		Account: account, WorkspaceSID: w.SID, FriendlyName: "Any",
		Configuration: `{"task_routing":{"default_filter":{"queue":"` + q.SID + `"}}}`,
	})
	require.NoError(t, err)
	return func() error {
		_, err := d.CreateTask(ctx, dispatch.NewTask{AccountSID: account, WorkspaceSID: w.SID, Attributes: taskrouter.NoAttributes})
		return err
	}
}

// TestOlderProgramServes: the migration comes first in an upgrade, so this
// program must work with a schema newer than its own, and leave it alone.
func TestOlderProgramServes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, url string) {
		s := unmigrated(t, url)
		newer, version := s.ahead(t)
		require.NoError(t, s.migrate(t.Context(), newer, nil))
		create := office(t, s)
		require.NoError(t, create())
		require.NoError(t, s.Migrate(t.Context()), "there is nothing to do")
		require.NoError(t, create())
		applied, known, err := s.SchemaVersion(t.Context())
		require.NoError(t, err)
		require.Equal(t, []int64{version, version - 2}, []int64{applied, known})
	})
}

// TestMigratingUnderTraffic applies the next migrations while Tasks are created,
// and while somebody else holds a table for as long as they like: no Task
// fails, and they go on being created.
func TestMigratingUnderTraffic(t *testing.T) {
	t.Parallel()
	url := pgtest.Start(t)
	s, migrating, other := unmigrated(t, url), unmigrated(t, url), unmigrated(t, url)
	require.NoError(t, s.Migrate(t.Context()))
	create := office(t, s)

	var created, failed atomic.Int64
	stop := make(chan struct{})
	var writers sync.WaitGroup
	over := sync.OnceFunc(func() { close(stop); writers.Wait() })
	t.Cleanup(over)
	for range 3 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := create(); err != nil {
					failed.Add(1)
					t.Errorf("a task was not created: %v", err)
					return
				}
				created.Add(1)
			}
		})
	}
	// more waits until as many Tasks again were created.
	more := func(n int64) {
		t.Helper()
		goal := created.Load() + n
		require.Eventually(t, func() bool { return created.Load() >= goal || failed.Load() > 0 }, time.Minute, 5*time.Millisecond)
	}
	more(10)

	// A backup, say, reads the table all the time.
	reader, err := other.write.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = reader.ExecContext(t.Context(), "SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE tasks IN ACCESS SHARE MODE")
	require.NoError(t, err)

	next, version := s.ahead(t)
	waits := make(chan struct{}, migrationTries)
	done := make(chan error, 1)
	go func() { done <- migrating.migrate(t.Context(), next, func() { waits <- struct{}{} }) }()
	for range 2 {
		select {
		case <-waits:
			more(5)
		case err := <-done:
			require.Fail(t, "it did not wait", "%v", err)
		}
	}
	require.NoError(t, reader.Rollback())
	require.NoError(t, <-done)
	more(10)
	over()
	require.Zero(t, failed.Load())
	applied, _, err := s.SchemaVersion(context.Background())
	require.NoError(t, err)
	require.Equal(t, version, applied)
	valid, err := column[bool](t.Context(), s.read, "look at the index", "SELECT indisvalid FROM pg_index WHERE indexrelid = 'tasks_later_note'::regclass")
	require.NoError(t, err)
	require.Equal(t, []bool{true}, valid)
	left, err := column[string](t.Context(), migrating.write, "read the setting", "SHOW lock_timeout")
	require.NoError(t, err)
	require.Equal(t, []string{"0"}, left, "connections that serve wait as before")
}
