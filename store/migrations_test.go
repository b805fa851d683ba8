package store

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/frozen"
)

// ground is the last migration from the time before the first release that
// replaced something. Later ones only add: the version before serves while they
// are made, and after them for as long as the upgrade takes.
const ground = 6

// releasedMigrations is the record of what must not change any more.
const releasedMigrations = "testdata/released_migrations.json"

var (
	sqlComment = regexp.MustCompile(`(?m)--.*$`)
	createdOn  = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX (CONCURRENTLY )?(\w+) ON (\w+) `)
	tableMade  = regexp.MustCompile(`^CREATE TABLE (\w+) `)
	dropped    = regexp.MustCompile(`^DROP INDEX (CONCURRENTLY )?(IF EXISTS )?(\w+)$`)
	columnMade = regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN \w+ (.*)$`)
	// promising are promises about a new column that the version before does not keep.
	promising = regexp.MustCompile(`\b(PRIMARY|UNIQUE|REFERENCES|CHECK|GENERATED|SERIAL|BIGSERIAL|IDENTITY)\b`)
	constant  = regexp.MustCompile(`DEFAULT ('[^']*'|-?[0-9]+|TRUE|FALSE)(::\w+)?( |$)`)
	renamed   = regexp.MustCompile(`^ALTER INDEX \w+ RENAME TO \w+$`)
	defaults  = regexp.MustCompile(`^ALTER TABLE \w+ ALTER COLUMN \w+ SET DEFAULT `)
)

// objections says what a migration does that must not be done under traffic.
// What it does not know it objects to.
func objections(postgres bool, text string) (out []string) {
	object := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	alone := noTransaction.MatchString(text)
	if strings.Contains(text, "+goose Down") {
		object("migrations go forward only")
	}
	if alone && !postgres {
		object("on SQLite every migration is one transaction")
	}
	made, gone := map[string]bool{}, map[string]bool{}
	for _, s := range strings.Split(sqlComment.ReplaceAllString(text, ""), ";") {
		s = strings.ToUpper(strings.Join(strings.Fields(s), " "))
		if s == "" {
			continue
		}
		if m := tableMade.FindStringSubmatch(s); m != nil && !alone {
			made[m[1]] = true
			continue
		}
		if m := createdOn.FindStringSubmatch(s); m != nil {
			unique, concurrently, name, table := m[1] != "", m[2] != "", m[3], m[4]
			switch {
			case made[table] && !concurrently: // nobody is there yet
			case unique:
				object("%s: the version before may break it", s)
			case concurrently != postgres:
				object("%s: build it CONCURRENTLY on PostgreSQL, and only there", s)
			case concurrently && !alone:
				object("%s: needs +goose NO TRANSACTION", s)
			case concurrently && !gone[name]:
				object("%s: drop it first, IF EXISTS: an interrupted build leaves an invalid index", s)
			}
			continue
		}
		if m := dropped.FindStringSubmatch(s); m != nil {
			gone[m[3]] = true
			if (m[1] != "") != postgres || (postgres && (m[2] == "" || !alone)) {
				object("%s: on PostgreSQL CONCURRENTLY IF EXISTS with +goose NO TRANSACTION, and only there", s)
			}
			continue
		}
		if m := columnMade.FindStringSubmatch(s); m != nil && !alone {
			switch {
			case promising.MatchString(m[1]):
				object("%s: the version before does not keep such promises", s)
			case strings.Contains(m[1], "DEFAULT") && !constant.MatchString(m[1]):
				object("%s: the default must be a constant, or the table is written anew", s)
			case strings.Contains(m[1], "NOT NULL") && !strings.Contains(m[1], "DEFAULT"):
				object("%s: the version before does not know the column: it needs a default", s)
			}
			continue
		}
		if (alone && renamed.MatchString(s)) || (!alone && defaults.MatchString(s)) {
			continue
		}
		object("%s: only tables, columns and indexes may be added", s)
	}
	return out
}

// TestMigrationsOnlyAdd holds new migrations to the rules of an upgrade without
// an interruption.
func TestMigrationsOnlyAdd(t *testing.T) {
	t.Parallel()
	names := map[string][]string{}
	for _, d := range []dialect{sqliteDialect, postgresDialect} {
		folder, err := fs.Sub(migrations, d.migrations)
		require.NoError(t, err)
		files, err := fs.Glob(folder, "*")
		require.NoError(t, err)
		names[d.name] = files
		for i, name := range files {
			require.Regexp(t, `^\d{4}_[a-z_]+\.sql$`, name)
			require.Equal(t, int64(i+1), number(t, name), "no number is left out or taken twice: %s", name)
			if number(t, name) <= ground {
				continue
			}
			text, err := fs.ReadFile(folder, name)
			require.NoError(t, err)
			require.Empty(t, objections(d.skipsLocked, string(text)), "%s/%s", d.name, name)
		}
	}
	require.Equal(t, names["sqlite"], names["postgres"], "both databases have the same migrations")
}

// TestObjections shows what is refused, so that the rules mean something.
func TestObjections(t *testing.T) {
	t.Parallel()
	const alone = "-- +goose NO TRANSACTION\n"
	for _, c := range []struct {
		text             string
		sqlite, postgres bool
	}{
		{"CREATE TABLE notes (sid TEXT NOT NULL PRIMARY KEY, body TEXT NOT NULL); CREATE UNIQUE INDEX notes_body ON notes (body);", true, true},
		{"ALTER TABLE tasks ADD COLUMN note TEXT;", true, true},
		{"ALTER TABLE tasks ADD COLUMN note TEXT COLLATE \"C\" NOT NULL DEFAULT '';", true, true},
		{"-- DROP TABLE tasks;\nALTER TABLE tasks ADD COLUMN n BIGINT NOT NULL DEFAULT 0;", true, true},
		{"ALTER TABLE tasks ALTER COLUMN note SET DEFAULT 'x';", true, true},
		{"CREATE INDEX tasks_note ON tasks (note);", true, false},
		{"DROP INDEX tasks_note;", true, false},
		{alone + "DROP INDEX CONCURRENTLY IF EXISTS tasks_note; CREATE INDEX CONCURRENTLY tasks_note ON tasks (note);", false, true},
		{alone + "DROP INDEX CONCURRENTLY IF EXISTS tasks_note; ALTER INDEX tasks_new RENAME TO tasks_note;", false, true},
		{alone + "CREATE INDEX CONCURRENTLY tasks_note ON tasks (note);", false, false},
		{"DROP INDEX CONCURRENTLY IF EXISTS tasks_note; CREATE INDEX CONCURRENTLY tasks_note ON tasks (note);", false, false},
		{alone + "ALTER TABLE tasks ADD COLUMN note TEXT;", false, false},
		{"CREATE UNIQUE INDEX tasks_note ON tasks (note);", false, false},
		{"ALTER TABLE tasks ADD COLUMN note TEXT NOT NULL;", false, false},
		{"ALTER TABLE tasks ADD COLUMN note BIGINT DEFAULT random();", false, false},
		{"ALTER TABLE tasks ADD COLUMN note TEXT REFERENCES workers (sid);", false, false},
		{"ALTER TABLE tasks ADD COLUMN note TEXT UNIQUE;", false, false},
		{"ALTER TABLE tasks ADD CONSTRAINT sane CHECK (priority > 0);", false, false},
		{"ALTER TABLE tasks DROP COLUMN note;", false, false},
		{"ALTER TABLE tasks RENAME COLUMN note TO notes;", false, false},
		{"ALTER TABLE tasks RENAME TO jobs;", false, false},
		{"ALTER TABLE tasks ALTER COLUMN note TYPE BIGINT;", false, false},
		{"alter table tasks\n  alter column note set not null;", false, false},
		{"DROP TABLE tasks;", false, false},
		{"UPDATE tasks SET priority = 0;", false, false},
		{"DELETE FROM events;", false, false},
		{"LOCK TABLE tasks;", false, false},
		{"-- +goose Down\nDROP TABLE notes;", false, false},
	} {
		require.Equal(t, c.sqlite, len(objections(false, c.text)) == 0, "sqlite: %s", c.text)
		require.Equal(t, c.postgres, len(objections(true, c.text)) == 0, "postgres: %s", c.text)
	}
}

// TestReleasedMigrations: a migration that was released is never changed, and no
// number before it is filled later.
func TestReleasedMigrations(t *testing.T) {
	root := os.DirFS("migrations")
	files, err := filepath.Glob("migrations/*/*.sql")
	require.NoError(t, err)
	for i := range files {
		files[i] = filepath.ToSlash(strings.TrimPrefix(files[i], "migrations"+string(filepath.Separator)))
	}
	record, err := frozen.Load(releasedMigrations)
	require.NoError(t, err)
	if release := os.Getenv(frozen.ReleaseEnv); release != "" {
		require.NoError(t, record.Add(release, root, files))
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, record.Save(releasedMigrations))
	}
	require.NoError(t, record.Check(root))
	last := int64(0)
	for _, file := range files {
		if record.Has(file) {
			last = max(last, number(t, path.Base(file)))
		}
	}
	late := slices.DeleteFunc(files, func(f string) bool { return record.Has(f) || number(t, path.Base(f)) > last })
	require.Empty(t, late, "these come after a release with a number from before it")
}
