//go:build !race

package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/store/compiled"
	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// add keeps the text of what Apply sends.
func (r *recorder) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queries = append(r.queries, text)
}

// effort is the work of one operation, in numbers that depend on neither the
// machine nor its load.
type effort struct {
	// statements are texts that went to the database, one round trip each.
	statements int
	// read is what the reading statements looked at: on PostgreSQL rows and
	// index entries, on SQLite instructions of its virtual machine. Writing is
	// by key; its plans are looked at elsewhere.
	read int64
}

// spend carries out an operation and says what it took. What was read is found
// out by reading it again.
func (g *growth) spend(op operation) (out effort, texts []string) {
	g.tb.Helper()
	g.rec.take()
	require.NoError(g.tb, op.do(context.Background()), op.name)
	for _, text := range g.rec.take() {
		if text == "BEGIN" || text == "COMMIT" {
			continue
		}
		out.statements++
		texts = append(texts, text)
		for one := range strings.SplitSeq(text, ";\n") {
			if strings.HasPrefix(one, "SELECT") {
				out.read += g.count(one)
			}
		}
	}
	return out, texts
}

// count is how much a statement reads.
func (g *growth) count(text string) int64 {
	if g.s.dialect.surveys {
		return int64(looked(explained(g.tb, g.s, "ANALYZE, ", text)))
	}
	if g.steps == nil {
		g.steps = newStepper(g.tb, filepath.Join(g.s.scratch, "memory.db"))
	}
	return g.steps.run(text)
}

// node is a step of a plan of PostgreSQL.
type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Cond     string  `json:"Index Cond"`
	Recheck  string  `json:"Recheck Cond"`
	Filter   string  `json:"Filter"`
	Rows     float64 `json:"Actual Rows"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Loops    float64 `json:"Actual Loops"`
	Plans    []node  `json:"Plans"`
}

// explained is how PostgreSQL goes about a statement.
func explained(tb testing.TB, s *Store, options, text string) node {
	tb.Helper()
	return plan(tb, s.write.DB.QueryRowContext(context.Background(), "EXPLAIN ("+options+"FORMAT JSON) "+text), text)
}

func plan(tb testing.TB, row *sql.Row, text string) node {
	tb.Helper()
	var out string
	require.NoError(tb, row.Scan(&out), text)
	var plans []struct{ Plan node }
	require.NoError(tb, json.Unmarshal([]byte(out), &plans))
	require.Len(tb, plans, 1)
	return plans[0].Plan
}

// prepared is how PostgreSQL goes about a statement when it plans it once for
// all values, as it may after a few times; false when it cannot.
func prepared(tb testing.TB, s *Store, text string) (node, bool) {
	tb.Helper()
	statement, values, ok := compiled.Prepared(text)
	if !ok || len(values) == 0 {
		return node{}, false
	}
	ctx := context.Background()
	c, err := s.write.DB.Conn(ctx)
	require.NoError(tb, err)
	defer func() { require.NoError(tb, c.Close()) }()
	literals := make([]string, len(values))
	for i, v := range values {
		literals[i] = fmt.Sprintf("$v$%v$v$", v)
	}
	_, err = c.ExecContext(ctx, "SET plan_cache_mode = force_generic_plan; PREPARE looked AS "+statement)
	require.NoError(tb, err, statement)
	defer func() {
		_, err := c.ExecContext(ctx, "RESET plan_cache_mode; DEALLOCATE looked")
		require.NoError(tb, err)
	}()
	return plan(tb, c.QueryRowContext(ctx, "EXPLAIN (FORMAT JSON) EXECUTE looked("+strings.Join(literals, ", ")+")"), statement), true
}

// looked adds up the rows that the scans of a plan looked at.
func looked(n node) float64 {
	total := 0.0
	if strings.Contains(n.Type, "Scan") && n.Type != "Subquery Scan" && n.Type != "CTE Scan" {
		total = (n.Rows + n.Removed) * n.Loops
	}
	for _, p := range n.Plans {
		total += looked(p)
	}
	return total
}

// stepper counts the instructions that statements take in SQLite, on a
// connection of its own: the driver does not tell.
type stepper struct {
	tb  testing.TB
	tls *libc.TLS
	db  uintptr
}

func newStepper(tb testing.TB, path string) *stepper {
	tb.Helper()
	s := &stepper{tb: tb, tls: libc.NewTLS()}
	name, err := libc.CString(path)
	require.NoError(tb, err)
	at := s.tls.Alloc(8)
	require.Zero(tb, sqlite3.Xsqlite3_open_v2(s.tls, name, at, sqlite3.SQLITE_OPEN_READONLY, 0))
	s.db = libc.AtomicLoadPUintptr(at)
	s.tls.Free(8)
	libc.Xfree(s.tls, name)
	tb.Cleanup(func() {
		require.Zero(tb, sqlite3.Xsqlite3_close(s.tls, s.db))
		s.tls.Close()
	})
	return s
}

func (s *stepper) run(text string) int64 {
	s.tb.Helper()
	sql, err := libc.CString(text)
	require.NoError(s.tb, err)
	defer libc.Xfree(s.tls, sql)
	at := s.tls.Alloc(8)
	defer s.tls.Free(8)
	require.Zero(s.tb, sqlite3.Xsqlite3_prepare_v2(s.tls, s.db, sql, -1, at, 0), text)
	statement := libc.AtomicLoadPUintptr(at)
	for {
		rc := sqlite3.Xsqlite3_step(s.tls, statement)
		if rc == sqlite3.SQLITE_DONE {
			break
		}
		require.EqualValues(s.tb, sqlite3.SQLITE_ROW, rc, text)
	}
	n := sqlite3.Xsqlite3_stmt_status(s.tls, statement, sqlite3.SQLITE_STMTSTATUS_VM_STEP, 0)
	require.Zero(s.tb, sqlite3.Xsqlite3_finalize(s.tls, statement))
	return int64(n)
}
