package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
)

// claimTime is how long a claimed notice is left to the process that claimed
// it. When that process dies, another one sends the notice after this time.
const claimTime = 10 * time.Second

// PendingNotices claims notices that are due at now, oldest first: their time
// moves on by ten seconds, so that two processes do not send the same one. The
// returned rows have the time they were due at. For senders: not scoped.
func (s *Store) PendingNotices(ctx context.Context, now time.Time, limit int) ([]dispatch.Notice, error) {
	due, err := value[int](ctx, s.read, "look for notices", "SELECT 1 FROM notices WHERE due_at <= ? ORDER BY due_at LIMIT 1", micros(now))
	if err != nil || due == 0 {
		return nil, err
	}
	var claimed []dispatch.Notice
	err = s.inTransaction(ctx, func(q bun.Tx) error {
		claimed, err = find(ctx, q, "claim notices", (*noticeRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
			q = q.Where("due_at <= ?", micros(now)).OrderExpr("due_at, task_sid").Limit(int64(limit))
			return s.dialect.claim(q)
		})
		if err != nil || len(claimed) == 0 {
			return err
		}
		_, err = s.exec(ctx, q, "claim notices", "UPDATE notices SET due_at = ? WHERE task_sid IN (?)",
			micros(now.Add(claimTime)), bun.List(mapped(claimed, taskOf)))
		return err
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

func taskOf(n dispatch.Notice) string { return n.TaskSID }

// CountNotices is the length of the outbox.
func (s *Store) CountNotices(ctx context.Context) (int, error) {
	return value[int](ctx, s.read, "count notices", "SELECT COUNT(*) FROM notices")
}

// DeleteNotices removes the rows whose revision is not newer than what was
// sent. A row that is newer stays, but it is not a first one any more. A row
// that somebody holds for long is left alone; it will be sent again.
func (s *Store) DeleteNotices(ctx context.Context, sent []dispatch.Notice) error {
	return s.changeNotices(ctx, sent, func(q bun.Tx, rows []*noticeRow) error {
		revisions := make(map[string]int64, len(sent))
		for _, n := range sent {
			revisions[n.TaskSID] = max(revisions[n.TaskSID], n.Revision)
		}
		var done, newer []string
		for _, r := range rows {
			if r.Revision <= revisions[r.TaskSID] {
				done = append(done, r.TaskSID)
			} else if r.IsFirst {
				newer = append(newer, r.TaskSID)
			}
		}
		if len(done) > 0 {
			if _, err := s.exec(ctx, q, "delete notices", "DELETE FROM notices WHERE task_sid IN (?)", bun.List(done)); err != nil {
				return err
			}
		}
		if len(newer) > 0 {
			if _, err := s.exec(ctx, q, "keep notices", "UPDATE notices SET is_first = FALSE WHERE task_sid IN (?)", bun.List(newer)); err != nil {
				return err
			}
		}
		return nil
	})
}

// PostponeNotices moves rows that could not be sent to a later time. A row
// with a newer revision is moved as well: whatever was in the way of the older
// one is in its way too.
func (s *Store) PostponeNotices(ctx context.Context, notices []dispatch.Notice, until time.Time) error {
	return s.changeNotices(ctx, notices, func(q bun.Tx, rows []*noticeRow) error {
		if len(rows) == 0 {
			return nil
		}
		_, err := s.exec(ctx, q, "postpone notices", "UPDATE notices SET due_at = ? WHERE task_sid IN (?)",
			micros(until), bun.List(mapped(rows, func(r *noticeRow) string { return r.TaskSID })))
		return err
	})
}

// changeNotices locks the rows of notices and hands them to fn. Rows that are
// held by others come last, and are waited for so shortly that a cycle of waits
// (somebody holds these and wants those) ends here, where it is harmless: what
// is left alone is sent again.
func (s *Store) changeNotices(ctx context.Context, notices []dispatch.Notice, fn func(q bun.Tx, rows []*noticeRow) error) error {
	for len(notices) > 0 {
		n := min(len(notices), rowsPerStatement)
		left := map[string]bool{}
		for _, notice := range notices[:n] {
			left[notice.TaskSID] = true
		}
		notices = notices[n:]
		for _, pass := range s.dialect.notePasses {
			if len(left) == 0 {
				break
			}
			err := s.inTransaction(ctx, func(q bun.Tx) error {
				rows, err := s.lockNotices(ctx, q, slices.Sorted(maps.Keys(left)), pass)
				if err != nil {
					return err
				}
				for _, r := range rows {
					delete(left, r.TaskSID)
				}
				return fn(q, rows)
			})
			if isLockTimeout(err) {
				break
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// lockNotices reads rows in the order of their key, which is the order in
// which Apply writes them.
func (s *Store) lockNotices(ctx context.Context, q bun.Tx, tasks []string, p pass) ([]*noticeRow, error) {
	if p.prepare != "" {
		if _, err := s.exec(ctx, q, "lock notices", p.prepare); err != nil {
			return nil, err
		}
	}
	return find(ctx, q, "lock notices", func(r *noticeRow) *noticeRow { return r }, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("task_sid IN (?)", bun.List(tasks)).OrderExpr("task_sid")
		if p.lock != "" {
			q = q.For(p.lock)
		}
		return q
	})
}
