package durability

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // reads the router's database, as the next
	_ "modernc.org/sqlite"

	"go.temporal.io/api/workflowservice/v1"
	sdkclient "go.temporal.io/sdk/client"
)

// ledger looks at the stored state beside the router, in one consistent read.
type ledger struct {
	tx *sql.Tx
	// errs are the broken invariants found so far.
	errs []error
}

func (l *ledger) broken(format string, args ...any) {
	l.errs = append(l.errs, fmt.Errorf(format, args...))
}

// rows reads lines of text columns joined with a blank.
func (l *ledger) rows(ctx context.Context, query string, args ...any) []string {
	rows, err := l.tx.QueryContext(ctx, query, args...)
	if err != nil {
		l.broken("read: %w", err)
		return nil
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			l.broken("scan: %w", err)
			return nil
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		l.broken("read: %w", err)
	}
	return out
}

// none reports each line of a query that must have no result.
func (l *ledger) none(ctx context.Context, what, query string) {
	for _, line := range l.rows(ctx, query) {
		l.broken("%s: %s", what, line)
	}
}

// audit opens the database beside the router that runs and lets check look.
// The queries are written for SQLite and PostgreSQL alike.
func (s *system) audit(ctx context.Context, check func(ctx context.Context, l *ledger)) error {
	driver, dsn := "sqlite", "file:"+(&url.URL{Path: s.database()}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(5000)"
	o := &sql.TxOptions{ReadOnly: true}
	if s.postgres != "" {
		driver, dsn, o.Isolation = "pgx", s.postgres, sql.LevelRepeatableRead
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	l := &ledger{tx: tx}
	check(ctx, l)
	return errors.Join(l.errs...)
}

// always holds in every committed state, whatever happened before.
func always(ctx context.Context, l *ledger) {
	l.none(ctx, "agent over capacity", `SELECT worker_sid || ' ' || task_channel_name || ' ' || pending || '+' || accepted || '+' || wrapping
		FROM worker_channels WHERE pending + accepted + wrapping > configured_capacity`)
	l.none(ctx, "counter is not what is open", `SELECT c.worker_sid || ' ' || c.task_channel_name || ' counts ' ||
			c.pending || '+' || c.accepted || '+' || c.wrapping || ', open are ' ||
			(SELECT count(*) FROM reservations r WHERE r.worker_sid = c.worker_sid AND r.task_channel_sid = c.task_channel_sid AND r.is_open)
		FROM worker_channels c WHERE
			c.pending  <> (SELECT count(*) FROM reservations r WHERE r.worker_sid = c.worker_sid AND r.task_channel_sid = c.task_channel_sid AND r.status = 'pending') OR
			c.accepted <> (SELECT count(*) FROM reservations r WHERE r.worker_sid = c.worker_sid AND r.task_channel_sid = c.task_channel_sid AND r.status = 'accepted') OR
			c.wrapping <> (SELECT count(*) FROM reservations r WHERE r.worker_sid = c.worker_sid AND r.task_channel_sid = c.task_channel_sid AND r.status = 'wrapping')`)
	l.none(ctx, "task accepted twice", `SELECT task_sid || ' ' || count(*) FROM reservations
		WHERE accepted_at > 0 GROUP BY task_sid HAVING count(*) > 1`)
	l.none(ctx, "task and reservations disagree", `SELECT t.sid || ' is ' || t.status || ' with ' || coalesce(string_agg(r.status, ','), 'none open')
		FROM tasks t LEFT JOIN reservations r ON r.task_sid = t.sid AND r.is_open
		GROUP BY t.sid, t.status HAVING CASE t.status
			WHEN 'reserved' THEN count(*) FILTER (WHERE r.status = 'pending') = 0
			WHEN 'assigned' THEN count(*) FILTER (WHERE r.status = 'accepted') <> 1
			WHEN 'wrapping' THEN count(*) FILTER (WHERE r.status = 'wrapping') <> 1
			ELSE count(r.sid) > 0 END`)
	l.none(ctx, "event log has a gap", `SELECT k.workspace_sid || ' at ' || k.event_seq || ' has ' || count(e.seq) || ' events up to ' || coalesce(max(e.seq), 0)
		FROM workspace_locks k LEFT JOIN events e ON e.workspace_sid = k.workspace_sid
		GROUP BY k.workspace_sid, k.event_seq HAVING count(e.seq) <> k.event_seq OR coalesce(max(e.seq), 0) <> k.event_seq`)
	l.none(ctx, "waiting line miscounted", `SELECT d.class_key || ' counts ' || d.waiting FROM demand_classes d WHERE d.waiting <>
		(SELECT count(*) FROM tasks t WHERE t.workspace_sid = d.workspace_sid AND t.demand_class = d.class_key)`)
	l.none(ctx, "waiting task in no line", `SELECT t.sid FROM tasks t WHERE t.demand_class <> '' AND NOT EXISTS
		(SELECT 1 FROM demand_classes d WHERE d.workspace_sid = t.workspace_sid AND d.class_key = t.demand_class)`)
	auditHistory(ctx, l)
}

// atRest holds in addition once nothing is going on any more.
func atRest(ctx context.Context, l *ledger) {
	always(ctx, l)
	resting(ctx, l)
}

// resting is that nothing is going on any more; it is cheap to ask.
func resting(ctx context.Context, l *ledger) {
	l.none(ctx, "task has not ended", `SELECT sid || ' ' || status || ' revision ' || revision FROM tasks WHERE NOT is_ended`)
	l.none(ctx, "reservation is open", `SELECT sid || ' ' || status FROM reservations WHERE is_open`)
	l.none(ctx, "agent's capacity is not free", `SELECT worker_sid || ' ' || task_channel_name FROM worker_channels WHERE pending + accepted + wrapping <> 0`)
	l.none(ctx, "leg has not ended", `SELECT attempt || ' ' || state || ' ' || purpose FROM legs WHERE NOT is_ended`)
	l.none(ctx, "call has not ended", `SELECT call_sid || ' ' || state || ' ' || task_sid FROM calls WHERE NOT is_ended`)
	l.none(ctx, "notice was not sent", `SELECT task_sid || ' ' || revision FROM notices`)
	l.none(ctx, "waiting line is not empty", `SELECT class_key || ' ' || waiting FROM demand_classes WHERE waiting <> 0`)
}

// happening is one event of the log, as far as it matters here.
type happening struct{ typ, task, reservation, worker, channel string }

func history(ctx context.Context, l *ledger) []happening {
	var out []happening
	for _, line := range l.rows(ctx, `SELECT type || '|' || task_sid || '|' || reservation_sid || '|' || worker_sid || '|' || task_channel_sid
		FROM events WHERE type LIKE 'task.%' OR type LIKE 'reservation.%' ORDER BY workspace_sid, seq`) {
		f := strings.Split(line, "|")
		if len(f) == 5 {
			out = append(out, happening{f[0], f[1], f[2], f[3], f[4]})
		}
	}
	return out
}

// legal are the events that may follow an event of the same Reservation.
var legal = map[string][]string{
	"":                      {"reservation.created"},
	"reservation.created":   {"reservation.accepted", "reservation.rejected", "reservation.timeout", "reservation.canceled", "reservation.rescinded"},
	"reservation.accepted":  {"reservation.wrapup", "reservation.completed"},
	"reservation.wrapup":    {"reservation.completed"},
	"reservation.rejected":  nil,
	"reservation.timeout":   nil,
	"reservation.canceled":  nil,
	"reservation.rescinded": nil,
	"reservation.completed": nil,
}

// auditHistory reads the log from its beginning: no Task begins, ends or is
// accepted twice, no Reservation makes an illegal step, and no agent ever had
// more open Reservations than their channels allow.
func auditHistory(ctx context.Context, l *ledger) {
	capacity := map[string]int{}
	for _, line := range l.rows(ctx, `SELECT worker_sid || ' ' || task_channel_sid || '|' || configured_capacity FROM worker_channels`) {
		key, n, _ := strings.Cut(line, "|")
		var have int
		_, _ = fmt.Sscan(n, &have)
		capacity[key] = have
	}
	began, ended, accepted := map[string]int{}, map[string]string{}, map[string]string{}
	last, open := map[string]string{}, map[string]int{}
	for _, h := range history(ctx, l) {
		if over := ended[h.task]; over != "" && h.typ != "task.deleted" && h.typ != "task.system-deleted" {
			l.broken("%s of %s after its %s", h.typ, h.task, over)
		}
		switch h.typ {
		case "task.created":
			if began[h.task]++; began[h.task] > 1 {
				l.broken("task %s began twice", h.task)
			}
		case "task.completed", "task.canceled", "task.deleted", "task.system-deleted":
			ended[h.task] = h.typ
		}
		if _, known := legal[h.typ]; !known {
			continue
		}
		if was := last[h.reservation]; !slices.Contains(legal[was], h.typ) {
			l.broken("reservation %s: %q after %q", h.reservation, h.typ, was)
		}
		last[h.reservation] = h.typ
		key := h.worker + " " + h.channel
		switch h.typ {
		case "reservation.created":
			if open[key]++; open[key] > capacity[key] {
				l.broken("%s had %d reservations at once with capacity %d", key, open[key], capacity[key])
			}
		case "reservation.accepted":
			if other := accepted[h.task]; other != "" {
				l.broken("task %s was accepted as %s and as %s", h.task, other, h.reservation)
			}
			accepted[h.task] = h.reservation
		case "reservation.wrapup": // still theirs
		default:
			open[key]--
		}
	}
}

// endings tells how each Task of the log ended; empty for one that has not.
func (s *system) endings(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	err := s.audit(ctx, func(ctx context.Context, l *ledger) {
		for _, h := range history(ctx, l) {
			switch h.typ {
			case "task.created":
				if _, seen := out[h.task]; !seen {
					out[h.task] = ""
				}
			case "task.completed", "task.canceled", "task.deleted", "task.system-deleted":
				out[h.task] = strings.TrimPrefix(h.typ, "task.")
			}
		}
	})
	return out, err
}

// conducted checks that every open Task has a run or a notice that will start
// one, and that there is no run without an open Task.
func (s *system) conducted(ctx context.Context) error {
	c, err := s.temporal()
	if err != nil {
		return err
	}
	defer c.Close()
	running := map[string]bool{}
	var token []byte
	for {
		page, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: s.env["TEMPORAL_NAMESPACE"], Query: "ExecutionStatus = 'Running'", PageSize: 200, NextPageToken: token,
		})
		if err != nil {
			return err
		}
		for _, e := range page.GetExecutions() {
			if id := e.GetExecution().GetWorkflowId(); strings.HasPrefix(id, "task/") {
				running[id] = true
			}
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			break
		}
	}
	return s.audit(ctx, func(ctx context.Context, l *ledger) {
		open := map[string]bool{}
		for _, sid := range l.rows(ctx, `SELECT sid FROM tasks WHERE NOT is_ended OR EXISTS
			(SELECT 1 FROM legs WHERE legs.task_sid = tasks.sid AND NOT legs.is_ended)`) {
			open["task/"+sid] = true
		}
		noticed := map[string]bool{}
		for _, sid := range l.rows(ctx, `SELECT task_sid FROM notices`) {
			noticed["task/"+sid] = true
		}
		for id := range open {
			if !running[id] && !noticed[id] {
				l.broken("open task without a run: %s", id)
			}
		}
		for id := range running {
			if !open[id] && !noticed[id] {
				l.broken("run without an open task: %s", id)
			}
		}
	})
}

// temporal connects to the Temporal server of this life.
func (s *system) temporal() (sdkclient.Client, error) {
	return sdkclient.Dial(sdkclient.Options{
		HostPort: s.env["TEMPORAL_ADDRESS"], Namespace: s.env["TEMPORAL_NAMESPACE"], Logger: silent{},
	})
}

// silent drops what the SDK has to say.
type silent struct{}

func (silent) Debug(string, ...any) {}
func (silent) Info(string, ...any)  {}
func (silent) Warn(string, ...any)  {}
func (silent) Error(string, ...any) {}

// rested waits until nothing is going on any more and everything is as it
// should be.
func (s *system) rested(within time.Duration) {
	s.t.Helper()
	began, seen := time.Now(), ""
	until(s.t, within, "everything has come to rest", func() error {
		err := errors.Join(s.audit(s.t.Context(), atRest), s.conducted(s.t.Context()))
		if err != nil && err.Error() != seen {
			seen = err.Error()
			s.t.Logf("not at rest after %s:\n%s", time.Since(began).Round(time.Second), seen)
		}
		return err
	})
}
