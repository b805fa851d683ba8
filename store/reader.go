package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
)

// WorkspaceOfLeg finds the Workspace of an agent's leg; empty when unknown.
func (s *Store) WorkspaceOfLeg(ctx context.Context, attempt string) (string, error) {
	return value[string](ctx, s.read, "find a leg", "SELECT workspace_sid FROM legs WHERE attempt = ?", attempt)
}

// WorkspaceOfReservation finds the Workspace of a Reservation; empty when
// unknown.
func (s *Store) WorkspaceOfReservation(ctx context.Context, sid string) (string, error) {
	return value[string](ctx, s.read, "find a Reservation", "SELECT workspace_sid FROM reservations WHERE sid = ?", sid)
}

// WorkspaceOfCall finds the Workspace of a caller's leg; empty when unknown.
func (s *Store) WorkspaceOfCall(ctx context.Context, ref dispatch.CallRef) (string, error) {
	return value[string](ctx, s.read, "find a call",
		"SELECT workspace_sid FROM calls WHERE account_sid = ? AND backend = ? AND call_sid = ?",
		ref.AccountSID, ref.Backend, ref.CallSID)
}

// DueWorkspaces lists Workspaces that have Tasks with a deadline not after
// now, the most overdue first. It asks the Tasks themselves and trusts no
// bound. For sweepers: not scoped.
func (s *Store) DueWorkspaces(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return column[string](ctx, s.read, "list due Workspaces",
		"SELECT d.workspace_sid FROM (SELECT l.workspace_sid AS workspace_sid,"+
			" (SELECT t.deadline FROM tasks AS t WHERE t.workspace_sid = l.workspace_sid AND t.deadline > 0"+
			" ORDER BY t.deadline LIMIT 1) AS deadline FROM workspace_locks AS l) AS d"+
			" WHERE d.deadline <= ? ORDER BY d.deadline, d.workspace_sid LIMIT ?", micros(now), limit)
}

// RemovableTasks lists ended Tasks whose grace period is over, longest over
// first. For sweepers: not scoped.
func (s *Store) RemovableTasks(ctx context.Context, now time.Time, limit int) ([]dispatch.TaskRef, error) {
	return s.taskRefs(ctx, "WHERE remove_at > 0 AND remove_at <= ? ORDER BY remove_at, sid LIMIT ?", micros(now), limit)
}

// OpenTasks lists Tasks that have not ended, by SID, after a SID. For the
// reconciler: not scoped.
func (s *Store) OpenTasks(ctx context.Context, after string, limit int) ([]dispatch.TaskRef, error) {
	return s.taskRefs(ctx, "WHERE sid > ? AND NOT is_ended ORDER BY sid LIMIT ?", after, limit)
}

func (s *Store) taskRefs(ctx context.Context, tail string, args ...any) ([]dispatch.TaskRef, error) {
	var rows []struct {
		SID          string `bun:"sid"`
		AccountSID   string `bun:"account_sid"`
		WorkspaceSID string `bun:"workspace_sid"`
	}
	err := s.read.NewRaw("SELECT sid, account_sid, workspace_sid FROM tasks "+tail, args...).Scan(ctx, &rows)
	if err != nil {
		return nil, classify(err, "list Tasks")
	}
	out := make([]dispatch.TaskRef, len(rows))
	for i, r := range rows {
		out[i] = dispatch.TaskRef{AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID, TaskSID: r.SID}
	}
	return out, nil
}

// JobWorkspaces lists Workspaces with unfinished bulk jobs, the one that waits
// longest first. For sweepers: not scoped.
func (s *Store) JobWorkspaces(ctx context.Context, limit int) ([]string, error) {
	return column[string](ctx, s.read, "list jobs",
		"SELECT j.workspace_sid FROM (SELECT workspace_sid, MIN(created_at) AS created_at FROM jobs GROUP BY workspace_sid) AS j"+
			" ORDER BY j.created_at, j.workspace_sid LIMIT ?", limit)
}

// DeleteEventsBefore removes events older than t, at most limit, and returns
// how many. The newest event of a Workspace stays, whatever its age, so that
// a reader of the log never finds it empty. For retention: not scoped.
func (s *Store) DeleteEventsBefore(ctx context.Context, t time.Time, limit int) (int, error) {
	workspaces, err := column[string](ctx, s.read, "list Workspaces", "SELECT workspace_sid FROM workspace_locks ORDER BY workspace_sid")
	if err != nil {
		return 0, err
	}
	total := 0
	for _, ws := range workspaces {
		if total >= limit {
			break
		}
		// Looked for without the writer's lock: most of the time there is none.
		seqs, err := column[int64](ctx, s.read, "list old events",
			"SELECT seq FROM events WHERE workspace_sid = ? AND at < ?"+
				" AND seq < (SELECT event_seq FROM workspace_locks WHERE workspace_sid = ?) ORDER BY at, seq LIMIT ?",
			ws, micros(t), ws, limit-total)
		if err != nil {
			return total, err
		}
		if _, err := s.deleteIn(ctx, "DELETE FROM delivery_attempts WHERE workspace_sid = ? AND seq IN (?)", ws, seqs); err != nil {
			return total, err
		}
		n, err := s.deleteIn(ctx, "DELETE FROM events WHERE workspace_sid = ? AND seq IN (?)", ws, seqs)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// DeleteCallsBefore removes callers' legs that ended before t, at most limit,
// and returns how many. For retention: not scoped.
func (s *Store) DeleteCallsBefore(ctx context.Context, t time.Time, limit int) (int, error) {
	n, err := s.exec(ctx, s.write, "delete old calls",
		"DELETE FROM calls WHERE (account_sid, backend, call_sid) IN (SELECT account_sid, backend, call_sid FROM calls"+
			" WHERE is_ended AND ended_at > 0 AND ended_at < ? ORDER BY ended_at LIMIT ?)", micros(t), limit)
	return n, err
}

// deleteIn runs a statement with a Workspace and a list of numbers, in chunks.
func (s *Store) deleteIn(ctx context.Context, statement, workspaceSID string, numbers []int64) (int, error) {
	total := 0
	for len(numbers) > 0 {
		n := min(len(numbers), rowsPerStatement)
		gone, err := s.exec(ctx, s.write, "delete old events", statement, workspaceSID, bun.List(numbers[:n]))
		total += gone
		if err != nil {
			return total, err
		}
		numbers = numbers[n:]
	}
	return total, nil
}

// exec runs one statement and returns how many rows it touched.
func (s *Store) exec(ctx context.Context, db bun.IDB, what, statement string, args ...any) (int, error) {
	result, err := db.NewRaw(statement, args...).Exec(ctx)
	if err != nil {
		return 0, classify(err, what)
	}
	n, err := result.RowsAffected()
	return int(n), classify(err, what)
}
