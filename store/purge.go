package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
)

// PurgeScope restricts what is purged to an account or a Workspace; empty SIDs
// do not restrict.
type PurgeScope struct{ AccountSID, WorkspaceSID string }

// where appends the restriction to a statement, and its arguments.
func (p PurgeScope) where(statement string, args ...any) (string, []any) {
	if p.AccountSID != "" {
		statement, args = statement+" AND account_sid = ?", append(args, p.AccountSID)
	}
	if p.WorkspaceSID != "" {
		statement, args = statement+" AND workspace_sid = ?", append(args, p.WorkspaceSID)
	}
	return statement, args
}

// Conditions of what may be purged. A Task with a leg that is up is still
// needed, and so is a call of a Task that has not ended. That a Task was created
// earlier than it ended is what the index of the list of Tasks can use.
const (
	purgeableTask = "is_ended AND ended_at > 0 AND ended_at < ? AND created_at < ?" +
		" AND NOT EXISTS (SELECT 1 FROM legs AS l WHERE l.task_sid = tasks.sid AND NOT l.is_ended)"
	purgeableCall = "is_ended AND ended_at > 0 AND ended_at < ?" +
		" AND NOT EXISTS (SELECT 1 FROM tasks AS t WHERE t.sid = calls.task_sid AND NOT t.is_ended)"
)

// tasksByAge is the index purgeable Tasks are found along.
const tasksByAge = "tasks_list"

// PurgeTasks removes Tasks of a Workspace that ended before t, at most limit,
// with their Reservations and legs, and returns how many. What was remembered
// of the requests that created them, and of the calls to agents, goes along when
// it is from before settled. It holds the Workspace's lock for one batch.
func (s *Store) PurgeTasks(ctx context.Context, workspaceSID string, t, settled time.Time, limit int) (n int, err error) {
	// Looked for without the lock: most of the time there is none.
	var sids []string
	q := s.dialect.along(s.read.NewSelect().Model((*taskRow)(nil)), "tasks", tasksByAge).Column("sid").
		Where("workspace_sid = ?", workspaceSID).Where(purgeableTask, micros(t), micros(t)).OrderExpr("created_at, sid").Limit(int64(limit))
	if err := q.Scan(ctx, &sids); err != nil {
		return 0, classify(err, "look for old Tasks")
	}
	if len(sids) == 0 {
		return 0, nil
	}
	err = s.InWorkspace(ctx, workspaceSID, func(ctx context.Context, tx dispatch.Tx) error {
		w := tx.(*transaction) // InWorkspace makes no other
		gone, err := column[string](ctx, w.q, "look for old Tasks",
			"SELECT sid FROM tasks WHERE workspace_sid = ? AND sid IN (?) AND "+purgeableTask, workspaceSID, bun.List(sids), micros(t), micros(t))
		if err != nil || len(gone) == 0 {
			return err
		}
		b := newBatch(w.q, s.write.QueryGen())
		for _, table := range []string{"dial_attempt_calls", "dial_attempts"} {
			b.add("DELETE FROM ? WHERE (backend, attempt) IN (SELECT d.backend, d.attempt FROM dial_attempts AS d JOIN legs AS l"+
				" ON l.backend = d.backend AND l.attempt = d.attempt WHERE l.task_sid IN (?) AND d.started_at < ?)",
				bun.Ident(table), bun.List(gone), micros(settled))
		}
		b.add("DELETE FROM claims WHERE resource_sid IN (?) AND created_at < ?", bun.List(gone), micros(settled))
		if err := classify(b.send(ctx), "delete old Tasks"); err != nil {
			return err
		}
		n = len(gone)
		return tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), DeleteTasks: gone})
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// PurgeCalls removes callers' legs that ended before t, at most limit, and
// returns how many. Those of Tasks that have not ended stay.
func (s *Store) PurgeCalls(ctx context.Context, p PurgeScope, t time.Time, limit int) (int, error) {
	found, args := p.where("SELECT account_sid, backend, call_sid FROM calls WHERE "+purgeableCall, micros(t))
	return s.exec(ctx, s.write, "delete old calls",
		"DELETE FROM calls WHERE (account_sid, backend, call_sid) IN ("+found+" ORDER BY ended_at LIMIT ?)", append(args, limit)...)
}

// PurgeEvents removes the oldest events of a Workspace that are from before t,
// at most limit, and returns how many. It takes them from the beginning of the
// log, never from the middle, and notes how far it came. The newest event stays,
// and so do those that are still to be sent to a callback URL.
func (s *Store) PurgeEvents(ctx context.Context, workspaceSID string, t, now time.Time, limit int) (n int, err error) {
	const what = "delete old events"
	old, err := s.oldEvents(ctx, s.read, workspaceSID, t, limit)
	if err != nil || len(old) == 0 {
		return 0, err
	}
	err = s.inTransaction(ctx, func(q bun.Tx) error {
		// Held, so that no event is asked for again meanwhile.
		if _, err := column[string](ctx, q, what, "SELECT workspace_sid FROM deliveries WHERE workspace_sid = ?"+s.dialect.locking(), workspaceSID); err != nil {
			return err
		}
		old, err := s.oldEvents(ctx, q, workspaceSID, t, limit)
		if err != nil || len(old) == 0 {
			return err
		}
		last := old[len(old)-1]
		b := newBatch(q, s.write.QueryGen())
		b.add("INSERT INTO log_cuts (workspace_sid, seq, at) VALUES (?, ?, ?)"+
			" ON CONFLICT (workspace_sid) DO UPDATE SET seq = EXCLUDED.seq, at = EXCLUDED.at", workspaceSID, last, micros(now))
		b.add("DELETE FROM delivery_attempts WHERE workspace_sid = ? AND seq <= ?", workspaceSID, last)
		b.add("DELETE FROM events WHERE workspace_sid = ? AND seq <= ?", workspaceSID, last)
		n = len(old)
		return classify(b.send(ctx), what)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// unsent is the condition that no event up to a number is still to be sent.
const unsent = "NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.workspace_sid = e.workspace_sid AND d.is_active AND d.cursor_seq < e.seq)" +
	" AND NOT EXISTS (SELECT 1 FROM delivery_attempts AS a WHERE a.workspace_sid = e.workspace_sid AND a.status = 'queued' AND a.seq <= e.seq)"

// oldEvents are the numbers at the beginning of a log that may be removed.
func (s *Store) oldEvents(ctx context.Context, q bun.IDB, workspaceSID string, t time.Time, limit int) ([]int64, error) {
	var rows []struct {
		Seq int64 `bun:"seq"`
		At  int64 `bun:"at"`
	}
	err := q.NewRaw("SELECT e.seq, e.at FROM events AS e WHERE e.workspace_sid = ?"+
		" AND e.seq < (SELECT l.event_seq FROM workspace_locks AS l WHERE l.workspace_sid = ?) AND "+unsent+" ORDER BY e.seq LIMIT ?",
		workspaceSID, workspaceSID, limit).Scan(ctx, &rows)
	if err != nil {
		return nil, classify(err, "list old events")
	}
	var out []int64
	for _, r := range rows {
		if r.At >= micros(t) {
			break
		}
		out = append(out, r.Seq)
	}
	return out, nil
}

// PurgeClaims removes what was remembered of requests from before t, at most
// limit, and returns how many. Claims know no Workspace: a scope with one
// removes none.
func (s *Store) PurgeClaims(ctx context.Context, p PurgeScope, t time.Time, limit int) (int, error) {
	if p.WorkspaceSID != "" {
		return 0, nil
	}
	found, args := p.where("SELECT resource_sid FROM claims WHERE created_at < ?", micros(t))
	return s.exec(ctx, s.write, "delete claims", "DELETE FROM claims WHERE resource_sid IN ("+found+" ORDER BY created_at LIMIT ?)", append(args, limit)...)
}

// Purgeable is how much there is to purge.
type Purgeable struct{ Tasks, Calls, Events, Claims, DialAttempts int }

// CountPurgeable counts what there is in a scope from before t, and claims and
// dial attempts from before settled, without removing it. Of the log it counts
// what is old enough, also behind an event that has to stay.
func (s *Store) CountPurgeable(ctx context.Context, p PurgeScope, t, settled time.Time) (out Purgeable, err error) {
	count := func(n *int, statement string, args ...any) {
		if err == nil {
			*n, err = value[int](ctx, s.read, "count what is old", statement, args...)
		}
	}
	scoped := func(n *int, statement string, args ...any) {
		statement, args = p.where(statement, args...)
		count(n, statement, args...)
	}
	scoped(&out.Tasks, "SELECT COUNT(*) FROM tasks WHERE "+purgeableTask, micros(t), micros(t))
	scoped(&out.Calls, "SELECT COUNT(*) FROM calls WHERE "+purgeableCall, micros(t))
	scoped(&out.Events, "SELECT COUNT(*) FROM events AS e WHERE e.at < ?"+
		" AND e.seq < (SELECT l.event_seq FROM workspace_locks AS l WHERE l.workspace_sid = e.workspace_sid) AND "+unsent, micros(t))
	if p.WorkspaceSID == "" {
		scoped(&out.Claims, "SELECT COUNT(*) FROM claims WHERE created_at < ?", micros(settled))
	}
	if p == (PurgeScope{}) {
		count(&out.DialAttempts, "SELECT COUNT(*) FROM dial_attempts WHERE started_at < ?", micros(settled))
	}
	return out, err
}
