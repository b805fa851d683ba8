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
	// AdvanceDelivery moves the cursor and books how events were sent, unless d
	// is not the owner's view.
	AdvanceDelivery(ctx context.Context, d *taskrouter.Delivery, to int64, attempts []taskrouter.DeliveryAttempt, now time.Time) (owned bool, err error)
	// EndDelivery removes what a deleted Workspace has left behind, and
	// reports whether it did.
	EndDelivery(ctx context.Context, d *taskrouter.Delivery) (ended bool, err error)

	// QueuedDeliveries reads what is to be sent again.
	QueuedDeliveries(ctx context.Context, workspaceSID string, limit int) ([]*taskrouter.DeliveryAttempt, error)
	// FetchEvent reads an event; nil when it is too old to be kept.
	FetchEvent(ctx context.Context, accountSID, workspaceSID, sid string) (*taskrouter.Event, error)
	// BookDeliveries stores what became of what was to be sent again.
	BookDeliveries(ctx context.Context, attempts []taskrouter.DeliveryAttempt) error
}

// EventReceipt is what became of one request.
type EventReceipt struct {
	Delivered, Retry bool
	// Status is the HTTP status; 0 when there was no answer, for the reason of
	// Fault.
	Status int
	Fault  taskrouter.DeliveryFault
	// Took is how long the request took.
	Took time.Duration
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
	// More: the turn ended before the log did, or before all was sent again.
	More bool `json:"more,omitempty"`
	// Cursor is the number of the last event that is settled.
	Cursor int64 `json:"cursor,omitempty"`
	// These count events.
	Delivered int `json:"delivered,omitempty"`
	Failed    int `json:"failed,omitempty"`
	Skipped   int `json:"skipped,omitempty"`
	// Resent counts what was sent again because a client asked for it.
	Resent int `json:"resent,omitempty"`
}

// errSuperseded ends the turn of a former owner.
var errSuperseded = errors.New("another owner has taken the delivery")

// Deliver sends what is in the event log behind the cursor, until its end or
// for one turn. Events of one Task and events of one Worker keep their order;
// others go side by side. Each is sent at least once, and given up after its
// last retry. What clients asked to be sent again goes beside them and keeps no
// order. The activity may be lost at any moment: the next one goes on from
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
	again := a.resend(ctx, d)
	err = t.run(ctx)
	resent, resendErr := again.finish(ctx)
	res := t.result
	res.Resent = resent
	res.Cursor = t.delivery.Cursor
	switch {
	case errors.Is(err, errSuperseded):
		activity.GetLogger(ctx).Info("delivery has another owner", logging.KeyWorkspaceSID, in.WorkspaceSID)
		// Perhaps with another URL, perhaps with none: whoever asks next knows.
		res.More = true
		return res, nil
	case err != nil:
		return DeliverResult{}, fail(ctx, "deliver events", err)
	case resendErr != nil:
		return DeliverResult{}, fail(ctx, "send events again", resendErr)
	case !t.atEnd || again.more:
		res.More = true
		return res, nil
	}
	res.Over, err = a.Store.EndDelivery(ctx, &t.delivery)
	if err != nil {
		return DeliverResult{}, fail(ctx, "end delivery", err)
	}
	return res, nil
}

// settle sends an event until it is delivered or given up, and returns what was
// done for it. An error is a reason on our side; the event is then not settled.
// patience ends when there is no time to wait for another try.
func (a *Delivery) settle(ctx, patience context.Context, d *taskrouter.Delivery, e *taskrouter.Event) ([]taskrouter.DeliveryAttempt, error) {
	if !d.Wants(e.Type) {
		now := time.Now()
		return []taskrouter.DeliveryAttempt{{
			SID: taskrouter.NewSID(taskrouter.PrefixDelivery), AccountSID: e.AccountSID, WorkspaceSID: e.WorkspaceSID, EventSID: e.SID, Seq: e.Seq,
			Status: taskrouter.DeliveryFiltered, Target: d.Target(), CreatedAt: now,
		}}, nil
	}
	pause := a.Pause
	if pause <= 0 {
		pause = time.Second
	}
	var attempts []taskrouter.DeliveryAttempt
	for {
		attempt := taskrouter.DeliveryAttempt{
			SID: taskrouter.NewSID(taskrouter.PrefixDelivery), AccountSID: e.AccountSID, WorkspaceSID: e.WorkspaceSID, EventSID: e.SID, Seq: e.Seq,
			Number: len(attempts) + 1, CreatedAt: time.Now(),
		}
		retry, err := a.attempt(ctx, d, e, &attempt)
		if err != nil {
			return nil, err
		}
		attempts = append(attempts, attempt)
		switch {
		case attempt.Status == taskrouter.DeliveryDelivered:
			return attempts, nil
		case !retry || attempt.Number > a.Retries:
			activity.GetLogger(ctx).Warn("event not delivered", logging.KeyEventSID, e.SID, logging.KeyEventType, string(e.Type),
				logging.KeyWorkspaceSID, e.WorkspaceSID, logging.KeyStatus, attempt.ResponseStatus, logging.KeyCount, attempt.Number)
			return attempts, nil
		}
		select {
		case <-patience.Done():
			return nil, patience.Err()
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Minute)
	}
}

// attempt makes one request and notes what became of it. An error means that
// nothing was sent, for a reason on our side.
func (a *Delivery) attempt(ctx context.Context, d *taskrouter.Delivery, e *taskrouter.Event, at *taskrouter.DeliveryAttempt) (retry bool, err error) {
	at.SentAt, at.Target = time.Now(), d.Target()
	got, err := a.Sender.SendEvent(ctx, d.CallbackURL, e)
	if err != nil {
		return false, err
	}
	at.ResponseStatus, at.Fault, at.Took, at.Status = got.Status, got.Fault, got.Took, taskrouter.DeliveryFailed
	if got.Delivered {
		at.Status = taskrouter.DeliveryDelivered
	}
	return got.Retry, nil
}
