package compiled

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// open opens a database of one connection and returns that too.
func open(t testing.TB) (*sql.DB, *conn) {
	t.Helper()
	db, err := OpenSQLite("file:" + filepath.Join(t.TempDir(), "test.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	db.SetMaxOpenConns(1)
	own, err := db.Conn(t.Context())
	require.NoError(t, err)
	var c *conn
	require.NoError(t, own.Raw(func(raw any) error { c = raw.(*conn); return nil }))
	require.NoError(t, own.Close())
	return db, c
}

func exec(t testing.TB, db *sql.DB, text string) {
	t.Helper()
	_, err := db.Exec(text)
	require.NoError(t, err)
}

func texts(t testing.TB, db *sql.DB, text string) []string {
	t.Helper()
	rows, err := db.Query(text)
	require.NoError(t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(t, rows.Err())
	return out
}

func TestStatementsAreCompiledOnce(t *testing.T) {
	db, c := open(t)
	exec(t, db, "CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT)")
	for i := range 20 {
		exec(t, db, fmt.Sprintf("INSERT INTO t VALUES (%d, %s/**/);\nUPDATE t SET v = v || 'x'/**/ WHERE k = %d;\n", i+10, quoted(fmt.Sprint("it's ", i)), i+10))
	}
	require.Len(t, c.statements.byText, 2)
	for i := range 20 {
		require.Equal(t, []string{fmt.Sprintf("it's %dx", i)}, texts(t, db, fmt.Sprintf("SELECT v FROM t WHERE k = %d", i+10)))
	}
	require.Len(t, c.statements.byText, 3)
	require.Equal(t, 3, c.statements.order.Len())
}

func TestStatementInUseIsNotSharedWithAnother(t *testing.T) {
	db, c := open(t)
	exec(t, db, "CREATE TABLE t (k INTEGER)")
	exec(t, db, "INSERT INTO t VALUES (11), (12), (13)")
	tx, err := db.Begin()
	require.NoError(t, err)
	require.Equal(t, []int{11, 12, 13}, eachWithAnother(t, tx))
	require.NoError(t, tx.Commit())
	require.Len(t, c.statements.byText, 3, "one of two of a shape was given up")
}

// eachWithAnother reads rows, and for each of them rows of the same shape.
func eachWithAnother(t *testing.T, tx *sql.Tx) (got []int) {
	t.Helper()
	outer, err := tx.Query("SELECT k FROM t WHERE k > 10 ORDER BY k")
	require.NoError(t, err)
	defer outer.Close()
	for outer.Next() {
		var k, above, first int
		require.NoError(t, outer.Scan(&k))
		require.NoError(t, tx.QueryRow("SELECT COUNT(*) FROM t WHERE k > 12").Scan(&above))
		require.NoError(t, tx.QueryRow("SELECT k FROM t WHERE k > 12 ORDER BY k").Scan(&first))
		require.Equal(t, []int{1, 13}, []int{above, first})
		got = append(got, k)
	}
	require.NoError(t, outer.Err())
	return got
}

func TestStatementThatFailedRunsAgain(t *testing.T) {
	db, _ := open(t)
	exec(t, db, "CREATE TABLE t (k INTEGER PRIMARY KEY)")
	exec(t, db, "INSERT INTO t VALUES (11)")
	for range 3 {
		_, err := db.Exec("INSERT INTO t VALUES (11)")
		var lite *sqlite.Error
		require.ErrorAs(t, err, &lite)
		require.Equal(t, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, lite.Code())
	}
	exec(t, db, "INSERT INTO t VALUES (12)")
	require.Equal(t, []string{"11", "12"}, texts(t, db, "SELECT k FROM t"))
	_, err := db.Exec("INSERT INTO missing VALUES (12)")
	require.ErrorContains(t, err, "no such table")
	var n int
	require.ErrorContains(t, db.QueryRow("SELECT 12 FROM missing").Scan(&n), "no such table")
}

func TestStatementSurvivesAChangedTable(t *testing.T) {
	db, _ := open(t)
	exec(t, db, "CREATE TABLE t (k INTEGER)")
	exec(t, db, "INSERT INTO t (k) VALUES (11)")
	exec(t, db, "ALTER TABLE t ADD COLUMN v TEXT NOT NULL DEFAULT 'new'")
	exec(t, db, "INSERT INTO t (k) VALUES (12)")
	require.Equal(t, []string{"new"}, texts(t, db, "SELECT v FROM t WHERE k = 12"))
}

func TestOldestStatementMakesRoom(t *testing.T) {
	db, c := open(t)
	c.statements.limit = 3
	for i := range 10 {
		require.Equal(t, []string{"12"}, texts(t, db, fmt.Sprintf("SELECT 12 AS c%d", i)))
	}
	require.Len(t, c.statements.byText, 3)
	require.NotNil(t, c.statements.byText["SELECT ? AS c9"])
	require.Equal(t, 3, c.statements.order.Len())
}

func TestArgumentsAreTheDriversOwn(t *testing.T) {
	db, c := open(t)
	var got string
	require.NoError(t, db.QueryRow("SELECT ?", "bound").Scan(&got))
	require.Equal(t, "bound", got)
	require.Empty(t, c.statements.byText)
}

// FuzzValues holds what a statement yields against what the driver by itself
// makes of the same text.
func FuzzValues(f *testing.F) {
	f.Add("it's", int64(17), "x")
	f.Add("", int64(-1), "'--/**/;")
	f.Add("\n\\", int64(1)<<62, "/*")
	db, c := open(f)
	f.Fuzz(func(t *testing.T, a string, n int64, b string) {
		if strings.ContainsRune(a+b, 0) || !utf8.ValidString(a+b) {
			t.Skip("the store refuses these")
		}
		text := fmt.Sprintf("SELECT %s/**/ AS a, %d AS n, typeof(%d) AS w, %s AS b, length(%s/**/) + %d AS s",
			quoted(a), n, n, quoted(b), quoted(b), n)
		var wa, wb, ww, ws, ga, gb, gw, gs string
		var wn, gn int64
		_, ok := sqliteSyntax.shapes(text)
		require.True(t, ok)
		require.NoError(t, db.QueryRow(text).Scan(&ga, &gn, &gw, &gb, &gs))
		plain, err := c.inner.QueryContext(t.Context(), text, nil)
		require.NoError(t, err)
		row := make([]driver.Value, 5)
		require.NoError(t, plain.Next(row))
		require.NoError(t, plain.Close())
		wa, wn, ww, wb, ws = fmt.Sprint(row[0]), row[1].(int64), fmt.Sprint(row[2]), fmt.Sprint(row[3]), fmt.Sprint(row[4])
		require.Equal(t, []any{wa, wn, ww, wb, ws}, []any{ga, gn, gw, gb, gs})
	})
}
