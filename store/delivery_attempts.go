package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

type deliveryAttemptRow struct {
	bun.BaseModel `bun:"table:delivery_attempts,alias:delivery_attempts"`

	WorkspaceSID   string `bun:"workspace_sid,pk"`
	Seq            int64  `bun:"seq,pk"`
	Number         int    `bun:"number,pk"`
	SID            string `bun:"sid"`
	AccountSID     string `bun:"account_sid"`
	EventSID       string `bun:"event_sid"`
	IsManual       bool   `bun:"is_manual"`
	Status         string `bun:"status"`
	Target         string `bun:"target"`
	ResponseStatus int    `bun:"response_status"`
	Fault          string `bun:"fault"`
	CreatedAt      int64  `bun:"created_at"`
	SentAt         int64  `bun:"sent_at"`
	Took           int64  `bun:"took"`
}

func fromDeliveryAttempt(a taskrouter.DeliveryAttempt) *deliveryAttemptRow {
	return &deliveryAttemptRow{
		WorkspaceSID: a.WorkspaceSID, Seq: a.Seq, Number: a.Number, SID: a.SID, AccountSID: a.AccountSID, EventSID: a.EventSID,
		IsManual: a.Manual, Status: string(a.Status), Target: a.Target, ResponseStatus: a.ResponseStatus, Fault: string(a.Fault),
		CreatedAt: micros(a.CreatedAt), SentAt: micros(a.SentAt), Took: a.Took.Microseconds(),
	}
}

func (r *deliveryAttemptRow) domain() *taskrouter.DeliveryAttempt {
	return &taskrouter.DeliveryAttempt{
		SID: r.SID, AccountSID: r.AccountSID, WorkspaceSID: r.WorkspaceSID, EventSID: r.EventSID, Seq: r.Seq, Number: r.Number,
		Manual: r.IsManual, Status: taskrouter.DeliveryStatus(r.Status), Target: r.Target, ResponseStatus: r.ResponseStatus,
		Fault: taskrouter.DeliveryFault(r.Fault), CreatedAt: instant(r.CreatedAt), SentAt: instant(r.SentAt),
		Took: time.Duration(r.Took) * time.Microsecond,
	}
}

// attemptsKept is how many lines the log keeps about one event.
const attemptsKept = 100

// latestAttempt is the order of the log about one event.
var latestAttempt = []clause{{column: "number", desc: true}, {column: "sid"}}

// aboutEvent restricts the log to one event.
func aboutEvent(e *taskrouter.Event) scope {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.workspace_sid = ? AND ?TableAlias.seq = ? AND ?TableAlias.account_sid = ?", e.WorkspaceSID, e.Seq, e.AccountSID)
	}
}

// ListDeliveryAttempts pages through how an event was sent, newest first.
func (s *Store) ListDeliveryAttempts(ctx context.Context, e *taskrouter.Event, p taskrouter.Page) ([]*taskrouter.DeliveryAttempt, error) {
	return list(ctx, s.read, "list deliveries", (*deliveryAttemptRow).domain, aboutEvent(e), latestAttempt, p, everything)
}

// FetchDeliveryAttempt returns one delivery of an event, or nil.
func (s *Store) FetchDeliveryAttempt(ctx context.Context, e *taskrouter.Event, sid string) (*taskrouter.DeliveryAttempt, error) {
	return fetch(ctx, s.read, "read a delivery", (*deliveryAttemptRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Apply(aboutEvent(e)).Where("sid = ?", sid)
	})
}

// QueueDelivery notes that an event is to be sent again. It fails with
// KindInvalid when the Workspace has no callback URL, and with KindConflict
// while the event is on its way in any case.
func (s *Store) QueueDelivery(ctx context.Context, e *taskrouter.Event, now time.Time) (out *taskrouter.DeliveryAttempt, err error) {
	err = s.inTransaction(ctx, func(q bun.Tx) error {
		// Holds the row, so that the URL is not removed and the cursor not
		// moved meanwhile, and tells sweepers to wake the run at once.
		n, err := s.exec(ctx, q, "queue a delivery", "UPDATE deliveries SET touched_at = 0 WHERE workspace_sid = ? AND is_active", e.WorkspaceSID)
		if err != nil {
			return err
		}
		if n == 0 {
			return taskrouter.Invalidf("The Workspace has no EventCallbackUrl to send the Event to")
		}
		d, err := fetch(ctx, q, "queue a delivery", (*deliveryRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("workspace_sid = ?", e.WorkspaceSID)
		})
		if err != nil {
			return err
		}
		if e.Seq > d.Cursor {
			return taskrouter.Errorf(taskrouter.KindConflict, "The Event is still on its way to the EventCallbackUrl")
		}
		out = &taskrouter.DeliveryAttempt{
			SID: taskrouter.NewSID(taskrouter.PrefixDelivery), AccountSID: e.AccountSID, WorkspaceSID: e.WorkspaceSID, EventSID: e.SID, Seq: e.Seq,
			Number: 1, Manual: true, Status: taskrouter.DeliveryQueued, Target: d.Target(), CreatedAt: instant(micros(now)),
		}
		last, err := fetch(ctx, q, "queue a delivery", (*deliveryAttemptRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Apply(aboutEvent(e)).OrderExpr("number DESC")
		})
		if err != nil {
			return err
		}
		if last != nil {
			if last.Status == taskrouter.DeliveryQueued {
				return taskrouter.Errorf(taskrouter.KindConflict, "The Event is already queued to be sent again as %s", last.SID)
			}
			out.Number = last.Number + 1
		}
		b := newBatch(q, s.write.QueryGen())
		insert(ctx, b, []*deliveryAttemptRow{fromDeliveryAttempt(*out)}, "")
		if out.Number > attemptsKept {
			b.add("DELETE FROM delivery_attempts WHERE workspace_sid = ? AND seq = ? AND number <= ?", e.WorkspaceSID, e.Seq, out.Number-attemptsKept)
		}
		return classify(b.send(ctx), "queue a delivery")
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// QueuedDeliveries returns what is to be sent again, in the order of the
// events.
func (s *Store) QueuedDeliveries(ctx context.Context, workspaceSID string, limit int) ([]*taskrouter.DeliveryAttempt, error) {
	return find(ctx, s.read, "read queued deliveries", (*deliveryAttemptRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("workspace_sid = ?", workspaceSID).Where("status = '" + string(taskrouter.DeliveryQueued) + "'").
			OrderExpr("seq, number").Limit(int64(limit))
	})
}

// BookDeliveries stores what became of queued deliveries. Those that somebody
// else has booked stay as they are.
func (s *Store) BookDeliveries(ctx context.Context, attempts []taskrouter.DeliveryAttempt) error {
	return s.inTransaction(ctx, func(q bun.Tx) error {
		b := newBatch(q, s.write.QueryGen())
		for _, a := range attempts {
			b.add("UPDATE delivery_attempts SET status = ?, target = ?, response_status = ?, fault = ?, sent_at = ?, took = ?"+
				" WHERE workspace_sid = ? AND seq = ? AND number = ? AND status = '"+string(taskrouter.DeliveryQueued)+"'",
				string(a.Status), a.Target, a.ResponseStatus, string(a.Fault), micros(a.SentAt), a.Took.Microseconds(), a.WorkspaceSID, a.Seq, a.Number)
		}
		return classify(b.send(ctx), "book deliveries")
	})
}
