package activities

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/taskrouter/taskrouter/taskrouter"
)

const (
	// resendLanes is how many events are sent again at once.
	resendLanes = 8
	// resendBatch is how many are sent before the turn is looked at again, and
	// so how long new events may wait for those sent again.
	resendBatch = 2 * resendLanes
)

// resending is the sending again that goes on beside a turn. It neither reads
// nor moves the cursor.
type resending struct {
	// turn is closed when the turn is over: what is on its way is finished then.
	turn chan struct{}
	// over is closed when nothing is on its way.
	over chan struct{}
	sent int
	// more: the turn was over before the last batch.
	more bool
	err  error
}

// resend begins to send what clients asked for. Each is sent once: a client may
// ask again.
func (a *Delivery) resend(ctx context.Context, d *taskrouter.Delivery) *resending {
	r := &resending{turn: make(chan struct{}), over: make(chan struct{})}
	view := *d
	go func() {
		defer close(r.over)
		for r.err == nil {
			queued, err := a.Store.QueuedDeliveries(ctx, view.WorkspaceSID, resendBatch)
			if r.err = err; err != nil {
				return
			}
			if len(queued) > 0 {
				r.err = a.resendAll(ctx, &view, queued)
				r.sent += len(queued)
			}
			var pause <-chan time.Time // never, when more is queued
			full := len(queued) == resendBatch
			if !full {
				pause = time.After(deliveryTouch)
			} else if ctx.Err() == nil && !r.turnOver() {
				continue
			}
			select {
			case <-r.turn:
				// What is left waits for the next turn, which begins with new
				// events; what was queued meanwhile has woken the run.
				r.more = full
				return
			case <-ctx.Done():
				return
			case <-pause:
			}
		}
	}()
	return r
}

func (r *resending) turnOver() bool {
	select {
	case <-r.turn:
		return true
	default:
		return false
	}
}

// finish waits for what is on its way after the turn.
func (r *resending) finish(ctx context.Context) (sent int, err error) {
	close(r.turn)
	tick := time.NewTicker(deliverySave)
	defer tick.Stop()
	for {
		select {
		case <-r.over:
			return r.sent, r.err
		case <-tick.C:
			activity.RecordHeartbeat(ctx)
		}
	}
}

// resendAll sends a batch and books it at once. What could not be sent for a
// reason on our side stays queued.
func (a *Delivery) resendAll(ctx context.Context, d *taskrouter.Delivery, queued []*taskrouter.DeliveryAttempt) error {
	var (
		wg    sync.WaitGroup
		lanes = make(chan struct{}, resendLanes)
		errs  = make([]error, len(queued))
	)
	for i, at := range queued {
		lanes <- struct{}{}
		wg.Go(func() {
			defer func() { <-lanes }()
			errs[i] = a.resendOne(ctx, d, at)
		})
	}
	wg.Wait()
	var done []taskrouter.DeliveryAttempt
	var failed error
	for i, at := range queued {
		if errs[i] == nil {
			done = append(done, *at)
		} else if failed == nil {
			failed = errs[i]
		}
	}
	if len(done) == 0 {
		return failed
	}
	// The context of the activity may have ended; the booking must not.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeLimit)
	defer cancel()
	if err := a.Store.BookDeliveries(ctx, done); err != nil {
		return err
	}
	return failed
}

// resendOne makes the request of a queued delivery. The filter is not asked: a
// client that names an event wants it.
func (a *Delivery) resendOne(ctx context.Context, d *taskrouter.Delivery, at *taskrouter.DeliveryAttempt) error {
	e, err := a.Store.FetchEvent(ctx, d.AccountSID, at.WorkspaceSID, at.EventSID)
	if err != nil {
		return err
	}
	if e == nil {
		at.Status = taskrouter.DeliveryFailed // too old to be kept
		return nil
	}
	_, err = a.attempt(ctx, d, e, at)
	return err
}
