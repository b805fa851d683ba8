package compiled

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/pgtest"
)

// openPostgres opens a database with a table.
func openPostgres(t testing.TB) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(pgtest.Start(t))
	require.NoError(t, err)
	db := OpenPostgres(config)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	exec(t, db, "CREATE TABLE t (k BIGINT PRIMARY KEY, v TEXT NOT NULL)")
	return db
}

func TestPostgresPreparesOnce(t *testing.T) {
	db := openPostgres(t)
	db.SetMaxOpenConns(1)
	for i := range 20 {
		exec(t, db, fmt.Sprintf("INSERT INTO t VALUES (%d, %s/**/);\nUPDATE t SET v = v || 'x'/**/ WHERE k = %d;\n", i+10, quoted(fmt.Sprint("it's ", i)), i+10))
	}
	require.Equal(t, []string{"it's 7x"}, texts(t, db, "SELECT v FROM t WHERE k = 17"))
	require.Equal(t, []string{"it's 8x"}, texts(t, db, "SELECT v FROM t WHERE k = 18"))
	require.Equal(t, []string{
		"INSERT INTO t VALUES ($1::bigint, $2)",
		"SELECT v FROM t WHERE k = $1::int",
		"UPDATE t SET v = v || $1 WHERE k = $2::int",
	}, texts(t, db, "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '% t %' AND statement NOT LIKE '%pg_prepared%' ORDER BY statement"))
}

func TestPostgresPlansAnew(t *testing.T) {
	db := openPostgres(t)
	db.SetMaxOpenConns(1)
	exec(t, db, "INSERT INTO t VALUES (12, 'a'), (13, 'b')")
	tx, err := db.Begin()
	require.NoError(t, err)
	var n int
	require.NoError(t, tx.QueryRow("SELECT "+Anew+" COUNT(*) FROM t WHERE k > 12").Scan(&n))
	require.Equal(t, 1, n)
	_, err = tx.Exec("DELETE " + Anew + " FROM t WHERE k = 13")
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(), "the transaction was begun before either")
	require.Equal(t, []string{"12", "13"}, texts(t, db, "SELECT k FROM t ORDER BY k"))
	require.Empty(t, texts(t, db, "SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%'||'anew'||'%' AND statement NOT LIKE '%pg_prep%'"))
}

// TestPostgresValues holds what a prepared statement yields against the same
// text sent as it is.
func TestPostgresValues(t *testing.T) {
	db := openPostgres(t)
	for _, text := range []string{
		"SELECT 'it''s'/**/ AS a, '\\'/**/ AS b, 'é\n$1 ?'/**/ AS c, '' AS d",
		"SELECT 7 / 2 AS a, -3 AS b, 5 - 3 AS c, 0 AS d, 1 AS e, 2147483648 AS f, 9223372036854775807 AS g, 2.5 AS h",
		"SELECT substr('abcdef'/**/, 2, 3) AS a, 10 < 9 AS b, round(2.345, 2) AS c",
		"SELECT SUM(n) AS a, COUNT(*) AS b, MAX(n) AS c FROM (VALUES (5), (6)) AS v(n)",
		"SELECT NULL::text AS a, TRUE AS b, 'x'::bytea AS c, '{\"a\": 1}'::jsonb AS d, 3::smallint AS e, 1.5::real AS f, 7::oid AS g",
		"SELECT CASE WHEN 3 > 2 THEN 'yes'/**/ ELSE 'no'/**/ END AS a, 'a'/**/ || 'b'/**/ AS b, COALESCE(NULL, 17) AS c",
		"SELECT n FROM (VALUES (3), (2)) AS v(n) ORDER BY 1 LIMIT 5 OFFSET 0",
	} {
		_, values, ok := Prepared(text)
		require.True(t, ok, text)
		require.Equal(t, row(t, db, "SELECT "+Anew+text[len("SELECT"):]), row(t, db, text), "%s with %v", text, values)
	}
}

// row is the first row of a query, as text.
func row(t *testing.T, db *sql.DB, text string) []sql.NullString {
	t.Helper()
	rows, err := db.Query(text)
	require.NoError(t, err, text)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	require.True(t, rows.Next())
	out := make([]sql.NullString, len(names))
	into := make([]any, len(names))
	for i := range out {
		into[i] = &out[i]
	}
	require.NoError(t, rows.Scan(into...), text)
	require.NoError(t, rows.Err())
	return out
}

func TestPostgresQueriesTravelTogether(t *testing.T) {
	db := openPostgres(t)
	exec(t, db, "INSERT INTO t VALUES (12, 'a'), (13, 'b')")
	rows, err := db.Query("SELECT k FROM t WHERE k > 11 ORDER BY k;\nSELECT v FROM t WHERE k = 99;\nSELECT v, k FROM t WHERE v = 'b'/**/;\n")
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next(), "and the second row is left out")
	require.True(t, rows.NextResultSet())
	require.False(t, rows.Next())
	require.True(t, rows.NextResultSet())
	require.True(t, rows.Next())
	var v string
	var k int
	require.NoError(t, rows.Scan(&v, &k))
	require.Equal(t, "b13", fmt.Sprint(v, k))
	require.False(t, rows.NextResultSet())
	require.NoError(t, rows.Err())
	require.NoError(t, rows.Close())

	rows, err = db.Query("SELECT k FROM t WHERE k > 11;\nSELECT 10 / (k - 12) FROM t;\nSELECT v FROM t;\n")
	require.NoError(t, err)
	defer rows.Close()
	require.True(t, rows.Next())
	rows.NextResultSet()
	require.False(t, rows.Next())
	require.ErrorContains(t, rows.Err(), "division by zero")
	require.NoError(t, db.Ping(), "the connection is fit for use")
}

func TestPostgresTransactionIsBegunLate(t *testing.T) {
	db := openPostgres(t)
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	require.NoError(t, err)
	var level, readOnly string
	require.NoError(t, tx.QueryRow("SELECT current_setting('transaction_isolation'/**/), current_setting('transaction_read_only'/**/)").Scan(&level, &readOnly))
	require.Equal(t, "repeatable read on", level+" "+readOnly)
	require.NoError(t, tx.Commit())

	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		tx, err := db.Begin()
		require.NoError(t, err)
		require.NoError(t, end(tx), "nothing was begun")
		require.Equal(t, []string{"read committed"}, texts(t, db, "SELECT current_setting('transaction_isolation'/**/)"))
	}
	_, err = db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelLinearizable})
	require.ErrorContains(t, err, "unsupported isolation")
}

func TestPostgresCommitTravelsAlong(t *testing.T) {
	db := openPostgres(t)
	db.SetMaxOpenConns(1)
	tx, err := db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("INSERT INTO t VALUES (12, 'a'/**/);\n" + Commit + ";\n")
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	require.Equal(t, []string{"a"}, texts(t, db, "SELECT v FROM t"))

	tx, err = db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("INSERT INTO t VALUES (13, 'b'/**/);\nINSERT INTO t VALUES (12, 'again'/**/);\n" + Commit + ";\n")
	require.ErrorContains(t, err, "t_pkey")
	require.NoError(t, tx.Rollback())
	require.Equal(t, []string{"a"}, texts(t, db, "SELECT v FROM t"), "all or nothing")

	// The same behind statements that are sent as they are.
	tx, err = db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("INSERT INTO t VALUES (14, 'c') " + Anew + ";\n" + Commit + ";\n")
	require.NoError(t, err)
	require.NoError(t, tx.Commit())
	require.Equal(t, []string{"a", "c"}, texts(t, db, "SELECT v FROM t ORDER BY v"))
}

// TestPostgresOverIsOver goes on after a transaction was refused with its first
// statement, or committed along: what follows must not be committed by itself.
func TestPostgresOverIsOver(t *testing.T) {
	db := openPostgres(t)
	require.ErrorIs(t, refused(db.Prepare("SELECT k FROM t")), errPrepare, "such a statement would not know of transactions")
	for name, first := range map[string]string{
		"refused":   "INSERT INTO missing VALUES (12, 'a'/**/)",
		"committed": "UPDATE t SET v = 'x'/**/ WHERE k = 99;\n" + Commit + ";\n",
	} {
		t.Run(name, func(t *testing.T) {
			tx, err := db.Begin()
			require.NoError(t, err)
			_, err = tx.Exec(first)
			require.Equal(t, name == "refused", err != nil)
			for _, text := range []string{"INSERT INTO t VALUES (12, 'a'/**/)", "INSERT INTO t VALUES (13, 'a') " + Anew} {
				_, err = tx.Exec(text)
				require.ErrorIs(t, err, errOver)
			}
			require.ErrorIs(t, tx.QueryRow("SELECT k FROM t").Scan(new(int)), errOver)
			if err := tx.Commit(); name == "refused" {
				require.ErrorIs(t, err, pgx.ErrTxCommitRollback)
			} else {
				require.NoError(t, err)
			}
			require.Empty(t, texts(t, db, "SELECT v FROM t"))
		})
	}
}

// refused is the error of a statement that must not be.
func refused(s *sql.Stmt, err error) error {
	if s != nil {
		return s.Close()
	}
	return err
}

func TestPostgresFailedTransactionDoesNotCommit(t *testing.T) {
	db := openPostgres(t)
	tx, err := db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("INSERT INTO t VALUES (12, 'a'/**/)")
	require.NoError(t, err)
	_, err = tx.Exec("INSERT INTO t VALUES (12, 'a'/**/)")
	require.Error(t, err)
	require.ErrorIs(t, tx.Commit(), pgx.ErrTxCommitRollback)
	require.Empty(t, texts(t, db, "SELECT v FROM t"))
}

// TestPostgresGivenUpTransactionHoldsNothing takes a lock and gives up at
// different moments; somebody else must get it.
func TestPostgresGivenUpTransactionHoldsNothing(t *testing.T) {
	db := openPostgres(t)
	exec(t, db, "INSERT INTO t VALUES (12, 'a')")
	lock := func(ctx context.Context) (*sql.Tx, error) {
		tx, err := db.BeginTx(ctx, nil)
		require.NoError(t, err)
		_, err = tx.ExecContext(ctx, "UPDATE t SET v = v || 'x'/**/ WHERE k = 12")
		return tx, err
	}
	for name, giveUp := range map[string]func(cancel context.CancelFunc, tx *sql.Tx){
		"before a commit":       func(cancel context.CancelFunc, tx *sql.Tx) { cancel(); require.Error(t, tx.Commit()) },
		"before a rollback":     func(cancel context.CancelFunc, tx *sql.Tx) { cancel(); _ = tx.Rollback() },
		"and leaves it at that": func(cancel context.CancelFunc, _ *sql.Tx) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			tx, err := lock(ctx)
			require.NoError(t, err)
			giveUp(cancel, tx)
			patient, done := context.WithTimeout(t.Context(), 20*time.Second)
			defer done()
			other, err := lock(patient)
			require.NoError(t, err)
			require.NoError(t, other.Rollback())
		})
	}
	require.Equal(t, []string{"a"}, texts(t, db, "SELECT v FROM t"))
}

// TestPostgresClosedConnectionIsReplaced closes a connection behind the pool's
// back: nothing can have been sent on it, and nobody need hear of it.
func TestPostgresClosedConnectionIsReplaced(t *testing.T) {
	db := openPostgres(t)
	for _, use := range []func(*sql.Conn) error{
		func(c *sql.Conn) error {
			_, err := c.ExecContext(t.Context(), "INSERT INTO t VALUES (12, 'a'/**/)")
			return err
		},
		func(c *sql.Conn) error { return c.QueryRowContext(t.Context(), "SELECT k FROM t").Scan(new(int)) },
		func(c *sql.Conn) error { _, err := c.BeginTx(t.Context(), nil); return err },
	} {
		c, err := db.Conn(t.Context())
		require.NoError(t, err)
		require.NoError(t, c.Raw(func(raw any) error { return raw.(*pgConn).Conn.Conn().Close(t.Context()) }))
		require.ErrorIs(t, use(c), driver.ErrBadConn)
		require.ErrorIs(t, c.Close(), sql.ErrConnDone)
	}
	exec(t, db, "INSERT INTO t VALUES (12, 'a'/**/)")
}

func TestPostgresConnectionLost(t *testing.T) {
	db := openPostgres(t)
	tx, err := db.Begin()
	require.NoError(t, err)
	var pid int
	require.NoError(t, tx.QueryRow("SELECT pg_backend_pid()").Scan(&pid))
	require.Equal(t, []string{"true"}, texts(t, db, fmt.Sprintf("SELECT pg_terminate_backend(%d, 5000)::text", pid)))
	_, err = tx.Exec("INSERT INTO t VALUES (12, 'a'/**/);\n" + Commit + ";\n")
	require.Error(t, err)
	_ = tx.Rollback() // there is nothing left to roll back
	require.Empty(t, texts(t, db, "SELECT v FROM t"), "another connection serves")
}
