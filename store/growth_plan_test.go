//go:build !race

package store

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// configurationTables have a row for each thing that somebody configured, or
// for each bulk job: they may be read from end to end.
var configurationTables = []string{
	"accounts", "workspaces", "workspace_locks", "activities", "task_channels", "task_queues", "workflows", "workflow_versions",
	"call_queues", "call_queue_numbers", "api_keys", "jobs", "deliveries",
}

// shortIndexes have only the rows that are open at the moment, of tables in
// which nearly all are not.
var shortIndexes = []string{"legs_live", "calls_live", "delivery_attempts_queued"}

// wholeReads are the operations that read a table which grows from end to end,
// and why they may.
var wholeReads = map[string]string{
	"backlogs":           "one walk along an index of Tasks and one along the outbox, for operators, every few seconds at most, without a lock",
	"create an agent":    "counts the agents, of whom a Workspace has a limited number",
	"tasks, by priority": "sorts all Tasks, for a client who asks for just that, without a lock",
	"census":             "counts what there is, from an index alone, for a client who asks for just that, without a lock",
}

// more are commands and upkeep besides those of the cycle. Some of them need
// rows that only fillRest makes.
func (g *growth) more() []operation {
	s := g.s
	old := g.at.Add(-time.Hour)
	var task, worker string
	update := func(u dispatch.TaskUpdate) func(context.Context) error {
		return func(ctx context.Context) error {
			u.Subject = g.subject(task)
			_, err := g.d.UpdateTask(ctx, u)
			return err
		}
	}
	attributes, priority, canceled, number := taskrouter.Attributes(`{"line":0,"level":2}`), int64(9), taskrouter.TaskCanceled, 2
	claim := &taskrouter.Claim{AccountSID: g.account, Key: "new", ResourceSID: g.sid("WT", experts), HeldUntil: g.at.Add(time.Minute), CreatedAt: g.at}
	notices := []dispatch.Notice{{TaskRef: dispatch.TaskRef{AccountSID: g.account, WorkspaceSID: g.ws, TaskSID: g.some[1]}, Revision: 1}}
	event := &taskrouter.Event{AccountSID: g.account, WorkspaceSID: g.ws, Seq: 5}
	return []operation{
		{"create, waits", func(ctx context.Context) (err error) { task, err = g.create(ctx, 1); return err }},
		{"rewrite a task", func(ctx context.Context) error { return update(dispatch.TaskUpdate{Attributes: &attributes})(ctx) }},
		{"resort a task", func(ctx context.Context) error { return update(dispatch.TaskUpdate{Priority: &priority})(ctx) }},
		{"cancel a task", func(ctx context.Context) error { return update(dispatch.TaskUpdate{Status: &canceled})(ctx) }},
		{"delete a task", func(ctx context.Context) error { return g.d.DeleteTask(ctx, g.subject(task)) }},
		{"create an agent", func(ctx context.Context) error {
			w, err := g.d.CreateWorker(ctx, dispatch.NewWorker{AccountSID: g.account, WorkspaceSID: g.ws, FriendlyName: "Newcomer", Attributes: `{"level":0}`})
			if err == nil {
				worker = w.SID
			}
			return err
		}},
		{"rewrite an agent", func(ctx context.Context) error {
			_, err := g.d.UpdateWorker(ctx, dispatch.WorkerUpdate{Subject: g.subject(worker), Attributes: &attributes})
			return err
		}},
		{"resize an agent", func(ctx context.Context) error {
			_, err := g.d.UpdateChannel(ctx, dispatch.ChannelUpdate{Subject: g.subject("default"), WorkerSID: worker, Capacity: &number})
			return err
		}},
		{"delete an agent", func(ctx context.Context) error { return g.d.DeleteWorker(ctx, g.subject(worker)) }},
		{"begin to explain", func(ctx context.Context) error {
			return s.ReadWorkspace(ctx, g.ws, func(context.Context, dispatch.Snapshot) error { return nil })
		}},
		{"sweep", func(ctx context.Context) error { return g.d.Sweep(ctx) }},
		{"claim notices", func(ctx context.Context) error { _, err := s.PendingNotices(ctx, g.now(), 5); return err }},
		{"postpone notices", func(ctx context.Context) error { return s.PostponeNotices(ctx, notices, g.now()) }},
		{"delete notices", func(ctx context.Context) error { return s.DeleteNotices(ctx, notices) }},
		{"take a claim", func(ctx context.Context) error { _, _, err := s.TakeClaim(ctx, claim, old); return err }},
		{"claim done", func(ctx context.Context) error { _, err := s.ClaimDone(ctx, claim); return err }},
		{"answer a claim", func(ctx context.Context) error { return s.AnswerClaim(ctx, claim, taskrouter.ClaimAnswer{Status: 201}) }},
		{"drop a claim", func(ctx context.Context) error { return s.DropClaim(ctx, claim) }},
		{"delete claims", func(ctx context.Context) error { _, err := s.DeleteClaimsBefore(ctx, old, 100); return err }},
		{"delete events", func(ctx context.Context) error { _, err := s.DeleteEventsBefore(ctx, old, 100); return err }},
		{"delete calls", func(ctx context.Context) error { _, err := s.DeleteCallsBefore(ctx, old, 100); return err }},
		{"delete statistics", func(ctx context.Context) error { _, err := s.DeleteStatisticsBefore(ctx, old, 100); return err }},
		{"delete dial attempts", func(ctx context.Context) error { _, err := s.DeleteDialAttemptsBefore(ctx, old, 100); return err }},
		{"begin a dial attempt", func(ctx context.Context) error {
			_, _, err := s.BeginDialAttempt(ctx, &DialAttempt{Backend: "rest", ID: "new", StartedAt: g.at})
			return err
		}},
		{"update a dial attempt", func(ctx context.Context) error {
			_, err := s.UpdateDialAttempt(ctx, "rest", "new", func(a *DialAttempt) { a.State = "sent" })
			return err
		}},
		{"owner of a dialled call", func(ctx context.Context) error { _, err := s.OwnerOfDialledCall(ctx, "rest", "CA9"); return err }},
		{"fold statistics", func(ctx context.Context) error {
			_, err := s.FoldStatistics(ctx, g.at.Add(48*time.Hour), 10)
			return err
		}},
		{"send an event again", func(ctx context.Context) error { _, err := s.QueueDelivery(ctx, event, g.at); return err }},
		{"requests of an event", func(ctx context.Context) error {
			_, err := s.ListDeliveryAttempts(ctx, event, taskrouter.Page{Size: 50})
			return err
		}},
		{"idle deliveries", func(ctx context.Context) error { _, err := s.IdleDeliveries(ctx, old, 10); return err }},
		{"workspace of a reservation", func(ctx context.Context) error { _, err := s.WorkspaceOfReservation(ctx, g.sid("WR", 2)); return err }},
		{"workspace of a leg", func(ctx context.Context) error { _, err := s.WorkspaceOfLeg(ctx, "leg1"); return err }},
		{"leg of a call", func(ctx context.Context) error { _, err := s.LegByCallSID(ctx, "rest", "CA7"); return err }},
		{"backlogs", func(ctx context.Context) error { _, err := s.Backlogs(ctx, 20); return err }},
		{"census", func(ctx context.Context) error {
			_, err := s.TaskCensus(ctx, g.account, g.ws, taskrouter.TaskCensusQuery{})
			return err
		}},
	}
}

// fillRest fills the tables that the cycle leaves empty. Nearly all calls and
// legs have ended, as it is after some hours.
func (g *growth) fillRest(n int) {
	g.tb.Helper()
	ctx := context.Background()
	var calls []*callRow
	var legs []*legRow
	var legCalls []*legCallRow
	var claims []*claimRow
	var notices []*noticeRow
	var attempts []*deliveryAttemptRow
	var dials []*dialAttemptRow
	var dialCalls []*dialAttemptCallRow
	var stays []*stayRow
	var counts []*statisticsRow
	var waits []*waitRow
	var classes []*classRow
	at := micros(g.at)
	for i := range n {
		sid, ended := g.sid("WT", i), i > 20
		call := fmt.Sprint("CA", i)
		calls = append(calls, &callRow{AccountSID: g.account, Backend: "rest", CallSID: call, WorkspaceSID: g.ws, State: "queued", IsEnded: ended, TaskSID: sid, EndedAt: at, CreatedAt: at})
		legs = append(legs, &legRow{Attempt: fmt.Sprint("leg", i), AccountSID: g.account, WorkspaceSID: g.ws, TaskSID: sid, ReservationSID: g.sid("WR", i), WorkerSID: g.sid("WK", i%100), Backend: "rest", CallSIDs: "[]", CallSID: call, IsEnded: ended, CreatedAt: at})
		legCalls = append(legCalls, &legCallRow{Backend: "rest", CallSID: call, Attempt: fmt.Sprint("leg", i)})
		claims = append(claims, &claimRow{AccountSID: g.account, Key: fmt.Sprint("key", i), ResourceSID: g.sid("WT", 2*experts+i), IsDone: true, CreatedAt: at})
		notices = append(notices, &noticeRow{TaskSID: sid, AccountSID: g.account, WorkspaceSID: g.ws, Revision: 1, DueAt: at + int64(i)})
		attempts = append(attempts, &deliveryAttemptRow{WorkspaceSID: g.ws, Seq: int64(i + 1), Number: 1, SID: g.sid("ED", i), AccountSID: g.account, EventSID: g.sid("EV", i), Status: "delivered", CreatedAt: at})
		dials = append(dials, &dialAttemptRow{Backend: "rest", ID: fmt.Sprint("leg", i), StartedAt: at})
		dialCalls = append(dialCalls, &dialAttemptCallRow{Backend: "rest", CallSID: call, ID: fmt.Sprint("leg", i)})
		stays = append(stays, &stayRow{WorkspaceSID: g.ws, UntilAt: at + int64(i), WorkerSID: g.sid("WK", i%100), SinceAt: at - 1, ActivitySID: g.available})
		counts = append(counts, &statisticsRow{WorkspaceSID: g.ws, Period: int64(i / 10), SubjectSID: g.sid("WK", i%10), TaskChannelSID: g.channel})
		waits = append(waits, &waitRow{WorkspaceSID: g.ws, Period: int64(i / 10), SubjectSID: g.sid("WK", i%10), TaskChannelSID: g.channel, Outcome: "a", Wait: int64(i), N: 1})
	}
	for i := range n {
		// Lines that nobody of the crew works on.
		classes = append(classes, &classRow{
			WorkspaceSID: g.ws, Key: fmt.Sprint("elsewhere", i), QueueSID: g.sid("WQ", experts+i%100), ChannelSID: g.channel, WorkflowSID: g.flow, Sample: "{}", Waiting: 1,
		})
	}
	require.NoError(g.tb, g.s.inTransaction(ctx, func(q bun.Tx) error {
		b := newBatch(q, g.s.write.QueryGen())
		const over = "CONFLICT DO NOTHING"
		insert(ctx, b, calls, over)
		insert(ctx, b, legs, over)
		insert(ctx, b, legCalls, over)
		insert(ctx, b, claims, over)
		insert(ctx, b, notices, over)
		insert(ctx, b, attempts, over)
		insert(ctx, b, dials, over)
		insert(ctx, b, dialCalls, over)
		insert(ctx, b, stays, over)
		insert(ctx, b, counts, over)
		insert(ctx, b, waits, over)
		insert(ctx, b, classes, over)
		// The one that a planned read continues behind.
		insert(ctx, b, []*eventRow{{SID: "EV1", AccountSID: g.account, WorkspaceSID: g.ws, Seq: experts, Data: "{}"}}, over)
		return b.send(ctx)
	}))
	g.survey(ctx)
}

// TestNoWholeTables carries out what the router does every day in a Workspace
// with thousands of rows in every table, and looks at the plan of each
// statement, written ones included: none reads a table that grows from end to
// end.
func TestNoWholeTables(t *testing.T) {
	for _, db := range growthDatabases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			g := newGrowth(t, db.url(t), extent{tasks: 3_000, agents: 12_000, classes: 30, queues: 3})
			g.fillRest(3_000)
			seen := map[string]bool{}
			look := func(op operation) {
				_, texts := g.spend(op)
				for _, text := range texts {
					for _, statement := range strings.SplitAfter(text, ";\n") {
						// One look at each kind of statement of an operation.
						kind := op.name + literals.ReplaceAllString(statement, "?")
						if seen[kind] {
							continue
						}
						seen[kind] = true
						for _, table := range g.wholeTables(statement) {
							if wholeReads[op.name] == "" {
								t.Errorf("%s reads all of %s:\n%s", op.name, table, statement)
							}
						}
					}
				}
			}
			g.cycle(look)
			g.cycle(look)
			for _, op := range slices.Concat(g.lists(), g.upkeep(), g.more()) {
				look(op)
			}
			// Nothing is due then: a sweeper's read would begin to write, and
			// wait for the writer that it runs in.
			before := g.at.Add(-time.Hour)
			for name, part := range plannedReads(g.s, g.account, g.ws, before) {
				look(operation{name, func(ctx context.Context) error { return g.s.InWorkspace(ctx, g.ws, part.read) }})
			}
			require.Greater(t, len(seen), 200, "statements that were looked at")
		})
	}
}

// literals are what differs between two statements of a kind.
var literals = regexp.MustCompile(`'[^']*'|\b\d+\b`)

// wholeTables lists the tables that grow and of which a statement reads all.
func (g *growth) wholeTables(statement string) []string {
	statement = strings.TrimSpace(statement)
	if !regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE|WITH)\b`).MatchString(statement) {
		return nil
	}
	if g.s.dialect.surveys {
		found := wholeScans(explained(g.tb, g.s, "", statement), false)
		if once, ok := prepared(g.tb, g.s, statement); ok {
			found = append(found, wholeScans(once, false)...)
		}
		return found
	}
	rows, err := g.s.write.DB.QueryContext(context.Background(), "EXPLAIN QUERY PLAN "+statement)
	require.NoError(g.tb, err, statement)
	defer func() { require.NoError(g.tb, rows.Close()) }()
	var out []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(g.tb, rows.Scan(&id, &parent, &unused, &detail))
		if strings.HasPrefix(detail, "SCAN") && !smallTables.MatchString(detail) && !slices.Contains(configurationTables, strings.Fields(detail)[1]) {
			out = append(out, detail)
		}
	}
	require.NoError(g.tb, rows.Err())
	return out
}

// wholeScans finds the scans of a plan that have no bound. Below a limit a walk
// along an index ends early.
func wholeScans(n node, limited bool) (out []string) {
	grows := n.Relation != "" && !slices.Contains(configurationTables, n.Relation) && !slices.Contains(shortIndexes, n.Index)
	switch {
	case grows && n.Type == "Seq Scan",
		grows && strings.HasPrefix(n.Type, "Index") && n.Cond == "" && !limited:
		out = append(out, fmt.Sprintf("%s (%s %s, filter %s)", n.Relation, n.Type, n.Index, n.Filter))
	}
	limited = n.Type == "Limit" || (limited && n.Type != "Sort" && n.Type != "Aggregate" && n.Type != "Hash")
	for _, p := range n.Plans {
		out = append(out, wholeScans(p, limited)...)
	}
	return out
}
