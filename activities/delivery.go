package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// DefaultDeliveryRetries is how often an event is sent again.
const DefaultDeliveryRetries = 1

const (
	// deliveryWindow is how many events are looked at beyond the first one
	// that is not settled, and so how many a crash may send twice.
	deliveryWindow = 512
	deliveryPage   = 128
	// deliveryTurnTime is how long one activity takes new events on before the next
	// Workspace has its turn.
	deliveryTurnTime = time.Minute
	// deliverySave is how often the cursor is moved while events are sent, and
	// how soon a former owner notices that it is not the owner any more.
	deliverySave = time.Second
	// deliveryTouch is how often an owner that waits for a slow receiver shows
	// that it lives.
	deliveryTouch = 5 * time.Second
)

// DeliveryStore is the event log, with how far it was sent.
type DeliveryStore interface {
	// TakeDelivery makes the caller the owner; nil when there is nothing to be
	// delivered, now or later.
	TakeDelivery(ctx context.Context, workspaceSID string, now time.Time) (*taskrouter.Delivery, error)
	// EventsAfter reads events behind a number, in order.
	EventsAfter(ctx context.Context, workspaceSID string, seq int64, limit int) ([]*taskrouter.Event, error)
	// AdvanceDelivery moves the cursor, unless d is not the owner's view.
	AdvanceDelivery(ctx context.Context, d *taskrouter.Delivery, to int64, records []taskrouter.DeliveryRecord, now time.Time) (owned bool, err error)
	// EndDelivery removes what a deleted Workspace has left behind, and
	// reports whether it did.
	EndDelivery(ctx context.Context, d *taskrouter.Delivery) (ended bool, err error)
}

// EventReceipt is what became of one request.
type EventReceipt struct {
	Delivered, Retry bool
	// Status is the HTTP status; 0 when there was no answer.
	Status int
}

// EventSender sends one event once. An error means that nothing was sent, for
// a reason on our side.
type EventSender interface {
	SendEvent(ctx context.Context, url string, e *taskrouter.Event) (EventReceipt, error)
}

// Delivery sends the events of Workspaces to their callback URLs.
type Delivery struct {
	Store  DeliveryStore
	Sender EventSender
	// Retries is how often an event is sent again: after Pause, then after
	// twice as long each time, at most a minute.
	Retries int
	// Pause is a second when zero.
	Pause time.Duration
}

// DeliverInput names the Workspace.
type DeliverInput struct {
	WorkspaceSID string `json:"workspace"`
}

// DeliverResult says how far delivery has come.
type DeliverResult struct {
	// Over: there is nothing to be delivered any more, now or later.
	Over bool `json:"over,omitempty"`
	// More: the turn ended before the log did.
	More bool `json:"more,omitempty"`
	// Cursor is the number of the last event that is settled.
	Cursor int64 `json:"cursor,omitempty"`
	// These count events.
	Delivered int `json:"delivered,omitempty"`
	Failed    int `json:"failed,omitempty"`
	Skipped   int `json:"skipped,omitempty"`
}

// errSuperseded ends the turn of a former owner.
var errSuperseded = errors.New("another owner has taken the delivery")

// Deliver sends what is in the event log behind the cursor, until its end or
// for one turn. Events of one Task and events of one Worker keep their order;
// others go side by side. Each is sent at least once, and given up after its
// last retry. The activity may be lost at any moment: the next one goes on from
// the cursor.
func (a *Delivery) Deliver(ctx context.Context, in DeliverInput) (DeliverResult, error) {
	d, err := a.Store.TakeDelivery(ctx, in.WorkspaceSID, time.Now())
	if err != nil {
		return DeliverResult{}, fail(ctx, "take delivery", err)
	}
	if d == nil {
		return DeliverResult{Over: true}, nil
	}
	t := newDeliveryTurn(a, *d)
	err = t.run(ctx)
	res := t.result
	res.Cursor = t.delivery.Cursor
	switch {
	case errors.Is(err, errSuperseded):
		activity.GetLogger(ctx).Info("delivery has another owner", logging.KeyWorkspaceSID, in.WorkspaceSID)
		// Perhaps with another URL, perhaps with none: whoever asks next knows.
		res.More = true
		return res, nil
	case err != nil:
		return DeliverResult{}, fail(ctx, "deliver events", err)
	case !t.atEnd:
		res.More = true
		return res, nil
	}
	res.Over, err = a.Store.EndDelivery(ctx, &t.delivery)
	if err != nil {
		return DeliverResult{}, fail(ctx, "end delivery", err)
	}
	return res, nil
}

// settle sends an event until it is delivered or given up. An error is a
// reason on our side; the event is then not settled. patience ends when there
// is no time to wait for another try.
func (a *Delivery) settle(ctx, patience context.Context, d *taskrouter.Delivery, e *taskrouter.Event) (taskrouter.DeliveryRecord, error) {
	r := taskrouter.DeliveryRecord{Seq: e.Seq, EventSID: e.SID, Status: taskrouter.DeliverySkipped}
	if !d.Wants(e.Type) {
		r.At = time.Now()
		return r, nil
	}
	pause := a.Pause
	if pause <= 0 {
		pause = time.Second
	}
	for {
		got, err := a.Sender.SendEvent(ctx, d.CallbackURL, e)
		if err != nil {
			return r, err
		}
		r.Attempts, r.LastStatus, r.At = r.Attempts+1, got.Status, time.Now()
		switch {
		case got.Delivered:
			r.Status = taskrouter.DeliveryDelivered
			return r, nil
		case !got.Retry || r.Attempts > a.Retries:
			r.Status = taskrouter.DeliveryFailed
			activity.GetLogger(ctx).Warn("event not delivered", logging.KeyEventSID, e.SID, logging.KeyEventType, string(e.Type),
				logging.KeyWorkspaceSID, e.WorkspaceSID, logging.KeyStatus, got.Status, logging.KeyCount, r.Attempts)
			return r, nil
		}
		select {
		case <-patience.Done():
			return r, patience.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Minute)
	}
}
