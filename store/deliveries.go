package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

type deliveryRow struct {
	bun.BaseModel `bun:"table:deliveries,alias:deliveries"`

	WorkspaceSID string `bun:"workspace_sid,pk"`
	AccountSID   string `bun:"account_sid"`
	CallbackURL  string `bun:"callback_url"`
	EventsFilter string `bun:"events_filter"`
	IsActive     bool   `bun:"is_active"`
	Cursor       int64  `bun:"cursor_seq"`
	Epoch        int64  `bun:"epoch"`
	TouchedAt    int64  `bun:"touched_at"`
}

func (r *deliveryRow) domain() *taskrouter.Delivery {
	return &taskrouter.Delivery{
		WorkspaceSID: r.WorkspaceSID, AccountSID: r.AccountSID, CallbackURL: r.CallbackURL,
		EventsFilter: r.EventsFilter, Active: r.IsActive, Cursor: r.Cursor, Epoch: r.Epoch,
	}
}

// writeDelivery keeps the delivery of a Workspace in step with its settings.
// The first event to be sent is the one that tells of the new URL. A changed
// URL or filter ends the ownership of whoever delivers with the old ones.
func (t *transaction) writeDelivery(b *batch, c *dispatch.Changes) {
	w := c.Workspace
	if w.EventCallbackURL == "" {
		// The former URL stays until the run that sleeps has learned of it.
		b.add("UPDATE deliveries SET is_active = FALSE, epoch = epoch + 1 WHERE workspace_sid = ? AND is_active", w.SID)
		return
	}
	start := max(c.Lock.EventSeq, t.lock.EventSeq)
	for i := range c.Events {
		start = min(start, c.Events[i].Seq-1)
	}
	b.add("INSERT INTO deliveries (workspace_sid, account_sid, callback_url, events_filter, is_active, cursor_seq, epoch, touched_at)"+
		" VALUES (?, ?, ?, ?, TRUE, ?, 0, 0) ON CONFLICT (workspace_sid) DO UPDATE SET"+
		" epoch = deliveries.epoch + CASE WHEN deliveries.is_active AND deliveries.callback_url = excluded.callback_url"+
		" AND deliveries.events_filter = excluded.events_filter THEN 0 ELSE 1 END,"+
		" cursor_seq = CASE WHEN deliveries.is_active THEN deliveries.cursor_seq ELSE excluded.cursor_seq END,"+
		" callback_url = excluded.callback_url, events_filter = excluded.events_filter, is_active = TRUE",
		w.SID, t.lock.AccountSID, w.EventCallbackURL, w.EventsFilter, start)
}

// TakeDelivery makes the caller the owner of a delivery and returns it; nil
// when the Workspace has none to be done. Any earlier owner can no longer move
// the cursor.
func (s *Store) TakeDelivery(ctx context.Context, workspaceSID string, now time.Time) (out *taskrouter.Delivery, err error) {
	err = s.inTransaction(ctx, func(q bun.Tx) error {
		n, err := s.exec(ctx, q, "take a delivery",
			"UPDATE deliveries SET epoch = epoch + 1, touched_at = ? WHERE workspace_sid = ? AND is_active", micros(now), workspaceSID)
		if err != nil {
			return err
		}
		if n == 0 {
			return s.forgetDelivery(ctx, q, workspaceSID)
		}
		out, err = fetch(ctx, q, "take a delivery", (*deliveryRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("workspace_sid = ?", workspaceSID)
		})
		return err
	})
	return out, err
}

// forgetDelivery books that the run of a delivery that was switched off knows
// it, gives up what was still to be sent again, and removes the row when the
// Workspace is gone too.
func (s *Store) forgetDelivery(ctx context.Context, q bun.Tx, workspaceSID string) error {
	for _, statement := range []string{
		"UPDATE deliveries SET callback_url = '', events_filter = '' WHERE workspace_sid = ? AND NOT is_active",
		"DELETE FROM deliveries WHERE workspace_sid = ? AND NOT is_active" +
			" AND NOT EXISTS (SELECT 1 FROM workspace_locks AS l WHERE l.workspace_sid = deliveries.workspace_sid)",
	} {
		if _, err := s.exec(ctx, q, "take a delivery", statement, workspaceSID); err != nil {
			return err
		}
	}
	_, err := s.exec(ctx, q, "take a delivery", "UPDATE delivery_attempts SET status = ?, fault = ?"+
		" WHERE workspace_sid = ? AND status = '"+string(taskrouter.DeliveryQueued)+"'"+
		" AND NOT EXISTS (SELECT 1 FROM deliveries AS d WHERE d.workspace_sid = delivery_attempts.workspace_sid AND d.is_active)",
		string(taskrouter.DeliveryFailed), string(taskrouter.FaultURL), workspaceSID)
	return err
}

// AdvanceDelivery moves the cursor of d to an event and books how the events up
// to there were sent. It reports false, and writes nothing, when d is not
// the present owner's view: the epoch and the cursor must be those stored. To
// may be the cursor itself, which only shows that the owner lives.
func (s *Store) AdvanceDelivery(ctx context.Context, d *taskrouter.Delivery, to int64, attempts []taskrouter.DeliveryAttempt, now time.Time) (owned bool, err error) {
	err = s.inTransaction(ctx, func(q bun.Tx) error {
		n, err := s.exec(ctx, q, "advance a delivery", "UPDATE deliveries SET cursor_seq = ?, touched_at = ?"+
			" WHERE workspace_sid = ? AND is_active AND epoch = ? AND cursor_seq = ?", to, micros(now), d.WorkspaceSID, d.Epoch, d.Cursor)
		if err != nil || n == 0 {
			return err
		}
		owned = true
		b := newBatch(q, s.write.QueryGen())
		insert(ctx, b, mapped(attempts, fromDeliveryAttempt), "CONFLICT (workspace_sid, seq, number) DO NOTHING")
		return classify(b.send(ctx), "book deliveries")
	})
	return owned && err == nil, err
}

// EndDelivery removes a delivery, its log and the events, when the Workspace is
// gone and everything was sent, also what was to be sent again. It reports whether it did.
func (s *Store) EndDelivery(ctx context.Context, d *taskrouter.Delivery) (ended bool, err error) {
	err = s.inTransaction(ctx, func(q bun.Tx) error {
		n, err := s.exec(ctx, q, "end a delivery", "DELETE FROM deliveries WHERE workspace_sid = ? AND epoch = ? AND cursor_seq = ?"+
			" AND NOT EXISTS (SELECT 1 FROM workspace_locks AS l WHERE l.workspace_sid = deliveries.workspace_sid)"+
			" AND COALESCE((SELECT e.seq FROM events AS e WHERE e.workspace_sid = deliveries.workspace_sid ORDER BY e.seq DESC LIMIT 1), 0) <= deliveries.cursor_seq"+
			" AND NOT "+resendsQueued,
			d.WorkspaceSID, d.Epoch, d.Cursor)
		if err != nil || n == 0 {
			return err
		}
		ended = true
		for _, statement := range []string{
			"DELETE FROM delivery_attempts WHERE workspace_sid = ?", "DELETE FROM events WHERE workspace_sid = ?",
		} {
			if _, err := s.exec(ctx, q, "end a delivery", statement, d.WorkspaceSID); err != nil {
				return err
			}
		}
		return nil
	})
	return ended && err == nil, err
}

// resendsQueued is the condition that events of a delivery are to be sent again.
const resendsQueued = "EXISTS (SELECT 1 FROM delivery_attempts AS a WHERE a.workspace_sid = deliveries.workspace_sid" +
	" AND a.status = '" + string(taskrouter.DeliveryQueued) + "')"

// toBeDelivered is the condition that a delivery has something left to do: an
// event to send, now or again, its own end after that of the Workspace, or the end of its run
// after that of the URL. The newest event is asked for by its place in the log:
// asked whether there is any behind the cursor, PostgreSQL expects many and
// reads the log from its beginning, to find none.
const toBeDelivered = "(NOT is_active AND callback_url <> '' OR is_active AND ((SELECT e.seq FROM events AS e WHERE e.workspace_sid = deliveries.workspace_sid" +
	" ORDER BY e.seq DESC LIMIT 1) > deliveries.cursor_seq OR " + resendsQueued +
	" OR NOT EXISTS (SELECT 1 FROM workspace_locks AS l WHERE l.workspace_sid = deliveries.workspace_sid)))"

// PendingDeliveries returns those of the Workspaces that have something to be
// done.
func (s *Store) PendingDeliveries(ctx context.Context, workspaceSIDs []string) ([]*taskrouter.Delivery, error) {
	if len(workspaceSIDs) == 0 {
		return nil, nil
	}
	return find(ctx, s.read, "look for deliveries", (*deliveryRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("workspace_sid IN (?)", bun.List(workspaceSIDs)).Where(toBeDelivered)
	})
}

// IdleDeliveries returns deliveries that have something to be done and whose
// owner has shown no life since before, the longest silent first. For sweepers:
// not scoped.
func (s *Store) IdleDeliveries(ctx context.Context, before time.Time, limit int) ([]*taskrouter.Delivery, error) {
	return find(ctx, s.read, "look for deliveries", (*deliveryRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("touched_at < ?", micros(before)).Where(toBeDelivered).OrderExpr("touched_at, workspace_sid").Limit(int64(limit))
	})
}
