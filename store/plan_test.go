package store

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// recorder keeps the text of queries.
type recorder struct {
	mu      sync.Mutex
	queries []string
}

func (r *recorder) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (r *recorder) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queries = append(r.queries, e.Query)
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.queries = nil }()
	return r.queries
}

// smallTables may be read from end to end: they have a row a Workspace, or are a
// few rows of a subquery or of the statement itself.
var smallTables = regexp.MustCompile(`^SCAN (l|d|j|p|few|line|CONSTANT ROW|part\d|\(subquery-\d+\)|\d+-ROW VALUES CLAUSE)`)

// TestSQLitePlans runs every read that happens under a lock or in a sweeper and
// looks at how SQLite goes about it: along an index, without sorting what may
// be many rows, and never along the index of lists, which has all Tasks of a
// Workspace.
func TestSQLitePlans(t *testing.T) {
	t.Parallel()
	s := migrated(t, MemoryURL)
	rec := &recorder{}
	s.write = s.write.WithQueryHook(rec)
	s.read = s.read.WithQueryHook(rec)
	ctx := t.Context()
	w := &taskrouter.Workspace{SID: "WS1", AccountSID: "AC1"}
	require.NoError(t, s.CreateWorkspace(ctx, w, nil, nil, nil, nil, []taskrouter.Event{{SID: "EV1", AccountSID: "AC1", WorkspaceSID: "WS1"}}))
	c := &dispatch.Changes{}
	for i := range 700 { // a queue for walking
		c.Join = append(c.Join, dispatch.Membership{QueueSID: "WQlarge", WorkerSID: taskrouter.NewSID("WK") + string(rune('a'+i%26))})
	}
	now := time.Now()
	require.NoError(t, s.InWorkspace(ctx, "WS1", func(ctx context.Context, tx dispatch.Tx) error { return tx.Apply(ctx, c) }))
	rec.take()

	for name, part := range plannedReads(s, "AC1", "WS1", now) {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, s.InWorkspace(t.Context(), "WS1", part.read))
			plan := explain(t, s, rec.take())
			require.Contains(t, plan, part.want)
			if part.want != "tasks_list" {
				require.NotContains(t, plan, "_list")
			}
			if !part.sorts {
				require.NotContains(t, plan, "TEMP B-TREE FOR ORDER BY")
			}
			for line := range strings.Lines(plan) {
				if strings.HasPrefix(line, "SCAN") && !smallTables.MatchString(strings.TrimSpace(line)) {
					t.Errorf("reads a whole table:\n%s", plan)
				}
			}
		})
	}
}

func explain(t *testing.T, s *Store, queries []string) string {
	t.Helper()
	var plan strings.Builder
	for _, q := range queries {
		if !strings.HasPrefix(q, "SELECT") {
			continue
		}
		rows, err := s.read.DB.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q)
		require.NoError(t, err)
		for rows.Next() {
			var id, parent, unused int
			var detail string
			require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
			plan.WriteString(detail + "\n")
		}
		require.NoError(t, rows.Err())
		require.NoError(t, rows.Close()) //nolint:sqlclosecheck // one of several statements in a loop
	}
	return plan.String()
}
