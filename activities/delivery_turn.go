package activities

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// deliveryLanes is how many events of a Workspace are on their way at once.
const deliveryLanes = 32

// turn is the work of one activity: a window over the event log that
// begins behind the cursor.
type turn struct {
	a        *Delivery
	delivery taskrouter.Delivery
	// window holds the events that are not behind the cursor yet, in order.
	window []*parcel
	// last is the parcel that was last taken on for each Task, each Worker and
	// for what concerns neither.
	last map[string]*parcel
	// read is the number of the last event that was looked at.
	read int64
	// atEnd: the end of the log was seen.
	atEnd bool
	// onTheWay counts the parcels that have not come back.
	onTheWay int
	lanes    chan struct{}
	settled  chan *parcel
	touched  time.Time
	result   DeliverResult
}

// parcel is one event on its way.
type parcel struct {
	event *taskrouter.Event
	// over is closed when the event is settled, or given up for now.
	over     chan struct{}
	attempts []taskrouter.DeliveryAttempt
	err      error
	done     bool
}

func newDeliveryTurn(a *Delivery, d taskrouter.Delivery) *turn {
	return &turn{
		a: a, delivery: d, read: d.Cursor, last: map[string]*parcel{}, touched: time.Now(),
		lanes: make(chan struct{}, deliveryLanes), settled: make(chan *parcel, deliveryWindow+deliveryPage),
	}
}

// run takes events on, sends them and moves the cursor behind those that are
// settled. It ends at the end of the log, when the turn is over, when the
// process stops, or when somebody else owns the delivery. Whatever was settled
// by then is booked.
func (t *turn) run(ctx context.Context) error {
	// Three ways to end: at once; after the requests on their way; after the
	// events on their way, retries included.
	ctx, cancel := context.WithCancel(ctx)
	patience, hurry := context.WithCancel(ctx)
	begin, endTurn := context.WithCancel(patience)
	defer endTurn()
	defer hurry()
	defer cancel()
	over := time.NewTimer(deliveryTurnTime)
	defer over.Stop()
	tick := time.NewTicker(deliverySave)
	defer tick.Stop()
	stopping := activity.GetWorkerStopChannel(ctx)
	for {
		if begin.Err() == nil && t.hungry() {
			if err := t.takeOn(ctx, patience, begin); err != nil {
				return t.stop(cancel, err)
			}
		}
		if t.onTheWay == 0 {
			return t.save(ctx, true)
		}
		select {
		case p := <-t.settled:
			t.note(p)
			if p.err != nil && begin.Err() == nil {
				return t.stop(cancel, p.err)
			}
			if n := t.ready(); n < deliveryPage && n < len(t.window) {
				continue
			}
		case <-tick.C:
			activity.RecordHeartbeat(ctx, t.delivery.Cursor)
		case <-over.C:
			endTurn()
			t.atEnd = false
		case <-stopping:
			hurry()
			t.atEnd, stopping = false, nil
		case <-ctx.Done():
			return t.stop(cancel, ctx.Err())
		}
		if err := t.save(ctx, false); err != nil {
			return t.stop(cancel, err)
		}
	}
}

// hungry reports whether the log is to be read: for the next page when there is
// room for it, and at the end of the log when everything was sent.
func (t *turn) hungry() bool {
	if t.atEnd {
		return len(t.window) == 0
	}
	return len(t.window) <= deliveryWindow-deliveryPage
}

// takeOn reads the log while there is room in the window.
func (t *turn) takeOn(ctx, patience, begin context.Context) error {
	for t.atEnd = false; t.hungry(); {
		events, err := t.a.Store.EventsAfter(ctx, t.delivery.WorkspaceSID, t.read, deliveryPage)
		if err != nil {
			return err
		}
		for _, e := range events {
			t.send(ctx, patience, begin, e)
		}
		if t.atEnd = len(events) < deliveryPage; t.atEnd {
			return nil
		}
	}
	return nil
}

// send puts an event on its way, behind the earlier ones of its Task and of
// its Worker.
func (t *turn) send(ctx, patience, begin context.Context, e *taskrouter.Event) {
	p := &parcel{event: e, over: make(chan struct{})}
	t.read = e.Seq
	t.window = append(t.window, p)
	t.onTheWay++
	var before []*parcel
	for _, key := range subjects(e) {
		if earlier := t.last[key]; earlier != nil {
			before = append(before, earlier)
		}
		t.last[key] = p
	}
	d := t.delivery
	go func() {
		defer func() {
			close(p.over)
			t.settled <- p
		}()
		for _, earlier := range before {
			<-earlier.over
			if earlier.err != nil {
				p.err = earlier.err // never overtake what was not settled
				return
			}
		}
		select {
		case t.lanes <- struct{}{}:
			defer func() { <-t.lanes }()
		case <-begin.Done():
		}
		if p.err = begin.Err(); p.err == nil {
			p.attempts, p.err = t.a.settle(ctx, patience, &d, e)
		}
	}()
}

// subjects are what an event must keep its order with.
func subjects(e *taskrouter.Event) []string {
	var out []string
	for _, sid := range []string{e.TaskSID, e.WorkerSID} {
		if sid != "" {
			out = append(out, sid)
		}
	}
	if len(out) == 0 {
		return []string{e.WorkspaceSID}
	}
	return out
}

// note takes in that an event is settled, or given up for this turn.
func (t *turn) note(p *parcel) {
	t.onTheWay--
	p.done = p.err == nil
	for _, key := range subjects(p.event) {
		if t.last[key] == p && p.done {
			delete(t.last, key)
		}
	}
}

// ready is how many events at the beginning of the window are settled.
func (t *turn) ready() int {
	for i, p := range t.window {
		if !p.done {
			return i
		}
	}
	return len(t.window)
}

// save moves the cursor behind the settled events at the beginning of the
// window. Without any it shows from time to time that the owner lives, and
// learns whether it still is the owner; not at the end, when another touch
// would be of no use.
func (t *turn) save(ctx context.Context, last bool) error {
	n := t.ready()
	now := time.Now()
	if n == 0 && (last || now.Sub(t.touched) < deliveryTouch) {
		return nil
	}
	to, attempts := t.delivery.Cursor, []taskrouter.DeliveryAttempt(nil)
	for _, p := range t.window[:n] {
		attempts, to = append(attempts, p.attempts...), p.event.Seq
	}
	owned, err := t.a.Store.AdvanceDelivery(ctx, &t.delivery, to, attempts, now)
	if err != nil {
		return err
	}
	if !owned {
		return errSuperseded
	}
	for _, p := range t.window[:n] {
		switch p.attempts[len(p.attempts)-1].Status {
		case taskrouter.DeliveryDelivered:
			t.result.Delivered++
		case taskrouter.DeliveryFiltered:
			t.result.Skipped++
		default:
			t.result.Failed++
		}
	}
	t.delivery.Cursor, t.touched, t.window = to, now, t.window[n:]
	return nil
}

// stop gives up what is not settled and books the rest. No request of this
// turn is on its way afterwards.
func (t *turn) stop(cancel context.CancelFunc, cause error) error {
	cancel()
	for _, p := range t.window {
		<-p.over
		if p.err == nil {
			p.done = true
		}
	}
	t.atEnd = false
	if errors.Is(cause, errSuperseded) {
		return cause
	}
	// The context of the activity may have ended; the booking must not.
	ctx, done := context.WithTimeout(context.Background(), storeLimit)
	defer done()
	return errors.Join(cause, t.save(ctx, true))
}
