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
// few rows of a subquery.
var smallTables = regexp.MustCompile(`^SCAN (l|d|j|p|few|\(subquery-\d+\))\b`)

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
	candidates := func(q dispatch.CandidateQuery) func(context.Context, dispatch.Tx) error {
		return func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Candidates(ctx, q); return err }
	}
	require.NoError(t, s.InWorkspace(ctx, "WS1", func(ctx context.Context, tx dispatch.Tx) error { return tx.Apply(ctx, c) }))
	rec.take()

	for name, part := range map[string]struct {
		read func(ctx context.Context, tx dispatch.Tx) error
		// want is an index that must be used; sorts allows sorting the few
		// rows that are found.
		want  string
		sorts bool
	}{
		"tasks":    {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Tasks(ctx, "WT1", "WT2"); return err }},
		"due":      {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.DueTasks(ctx, now, 50); return err }, want: "tasks_deadline", sorts: true},
		"next due": {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.NextDue(ctx); return err }, want: "tasks_deadline"},
		"tasks of a workflow": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.TasksOfWorkflow(ctx, "WW1", "WT1", 200)
			return err
		}, want: "tasks_workflow"},
		"waiting": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.WaitingTasks(ctx, "WQ1", "WT1", 200)
			return err
		}, want: "tasks_queue"},
		"count by workflow": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.CountTasks(ctx, "WW1", "", "")
			return err
		}, want: "tasks_workflow"},
		"count by queue": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.CountTasks(ctx, "", "WQ1", "")
			return err
		}, want: "queue_sid=?"},
		"open reservations": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.OpenReservations(ctx, "WT1", "WT2")
			return err
		}, want: "reservations_task", sorts: true},
		"open reservations of": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.OpenReservationsOf(ctx, "WK1")
			return err
		}, want: "reservations_", sorts: true},
		"reservation": {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Reservation(ctx, "WR1"); return err }},
		"agents":      {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Agents(ctx, "WK1", "WK2"); return err }},
		"agent named": {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.AgentNamed(ctx, "x"); return err }, want: "workers_name"},
		"all agents":  {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.AllAgents(ctx, "WK1", 200); return err }, want: "workers_sweep"},
		"candidates of a small queue": {
			read: candidates(dispatch.CandidateQuery{QueueSID: "WQ1", ChannelSID: "TC1", Limit: 50}), want: "worker_channels_worker", sorts: true,
		},
		"candidates of a large queue": {
			read: candidates(dispatch.CandidateQuery{QueueSID: "WQlarge", ChannelSID: "TC1", Limit: 50}), want: "worker_channels_idle",
		},
		"next candidates of a large queue": {
			read: candidates(dispatch.CandidateQuery{QueueSID: "WQlarge", ChannelSID: "TC1", Limit: 50, AfterSID: "WK1", AfterIdle: now, SingleTasking: true}), want: "worker_channels_idle",
		},
		"candidates by channel": {
			read: candidates(dispatch.CandidateQuery{QueueSID: "WQlarge", ChannelSID: "TC1", Limit: 50, ByChannel: true}), want: "worker_channels_channel_idle",
		},
		"is member": {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.IsMember(ctx, "WQ1", "WK1"); return err }},
		"queues of": {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.QueuesOf(ctx, "WK1"); return err }, want: "queue_members_worker"},
		"presence":  {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Presence(ctx, "WQ1"); return err }, sorts: true},
		"classes":   {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.ClassesFor(ctx, "WK1"); return err }, sorts: true},
		"fifo heads": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Heads(ctx, []string{"a", "b"}, nil)
			return err
		}, want: "tasks_fifo"},
		"lifo heads": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Heads(ctx, nil, []string{"a", "b"})
			return err
		}, want: "tasks_lifo"},
		"both heads": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Heads(ctx, []string{"a"}, []string{"b"})
			return err
		}, want: "tasks_lifo"},
		"call": {read: func(ctx context.Context, tx dispatch.Tx) error {
			_, err := tx.Call(ctx, dispatch.CallRef{CallSID: "x"})
			return err
		}},
		"call of":        {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.CallOfTask(ctx, "WT1"); return err }, want: "calls_task"},
		"leg":            {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Leg(ctx, "x"); return err }},
		"legs":           {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Legs(ctx, "WT1", "WT2"); return err }, want: "legs_task", sorts: true},
		"open legs to":   {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.OpenLegsTo(ctx, "WK1"); return err }, want: "legs_worker", sorts: true},
		"count legs":     {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.CountLegs(ctx, "WR1"); return err }, want: "legs_reservation"},
		"job":            {read: func(ctx context.Context, tx dispatch.Tx) error { _, err := tx.Job(ctx); return err }, want: "jobs_workspace"},
		"due workspaces": {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.DueWorkspaces(ctx, now, 10); return err }, want: "tasks_deadline", sorts: true},
		"notices":        {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.PendingNotices(ctx, now, 10); return err }, want: "notices_due"},
		"removable":      {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.RemovableTasks(ctx, now, 10); return err }, want: "tasks_remove", sorts: true},
		"open tasks":     {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.OpenTasks(ctx, "WT1", 10); return err }},
		"live legs":      {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.LiveLegs(ctx, "x"); return err }, want: "legs_live", sorts: true},
		"live calls":     {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.LiveCalls(ctx, "x"); return err }, want: "calls_live", sorts: true},
		"leg by call":    {read: func(ctx context.Context, _ dispatch.Tx) error { _, err := s.LegByCallSID(ctx, "x", "y"); return err }},
		"by number": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.CallQueueByNumber(ctx, "", "x", "y")
			return err
		}},
		"event log": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.EventsAfter(ctx, "WS1", 5, 100)
			return err
		}},
		"a task's events": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.ListEvents(ctx, "AC1", "WS1", taskrouter.EventFilter{TaskSID: "WT1"}, taskrouter.Page{Size: 50})
			return err
		}, want: "events_task"},
		"an agent's events behind a page": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.ListEvents(ctx, "AC1", "WS1", taskrouter.EventFilter{WorkerSID: "WK1", Type: "x"}, taskrouter.Page{Size: 50, After: "EV1"})
			return err
		}, want: "events_worker"},
		"events to be sent again": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.QueuedDeliveries(ctx, "WS1", 64)
			return err
		}, want: "delivery_attempts_queued"},
		"how an event was sent": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.ListDeliveryAttempts(ctx, &taskrouter.Event{AccountSID: "AC1", WorkspaceSID: "WS1", Seq: 5}, taskrouter.Page{Size: 50, After: taskrouter.Mark("ED1", 3)})
			return err
		}},
		"deliveries to be woken": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.PendingDeliveries(ctx, []string{"WS1", "WS2"})
			return err
		}, want: "delivery_attempts_queued"},
		"a page of tasks": {read: func(ctx context.Context, _ dispatch.Tx) error {
			_, err := s.ListTasks(ctx, "AC1", "WS1", taskrouter.TaskFilter{}, taskrouter.Page{Size: 50})
			return err
		}, want: "tasks_list"},
	} {
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
