package app

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/events"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

const (
	// wakeInterval is how often one process wakes the delivery of one Workspace
	// at most.
	wakeInterval = time.Second
	// wakeTimeout bounds one wake-up; a sweeper repeats what failed.
	wakeTimeout = 5 * time.Second
	// wakeSenders is how many wake-ups are on their way at once.
	wakeSenders = 8
	// idleAfter is how long a delivery may show no life before a sweeper takes
	// it for forgotten. Its owner shows life every five seconds.
	idleAfter = 12 * time.Second
	idleBatch = 200
)

// sender lets activities use the event sender.
type sender struct {
	*events.Deliverer
	crash func(string)
}

// SendEvent implements activities.EventSender.
func (s sender) SendEvent(ctx context.Context, url string, e *taskrouter.Event) (activities.EventReceipt, error) {
	r, err := s.Deliver(ctx, url, e)
	s.crash(CrashAfterWebhook)
	return activities.EventReceipt{Delivered: r.Delivered, Retry: r.Retry, Status: r.Status, Fault: r.Fault, Took: r.Took}, err
}

// resender lets clients have an event sent again: the store notes it, and the
// run is woken.
type resender struct {
	store interface {
		QueueDelivery(ctx context.Context, e *taskrouter.Event, now time.Time) (*taskrouter.DeliveryAttempt, error)
	}
	woken func(workspaceSID string)
}

// QueueDelivery implements apiserver.Resender.
func (r resender) QueueDelivery(ctx context.Context, e *taskrouter.Event, now time.Time) (*taskrouter.DeliveryAttempt, error) {
	a, err := r.store.QueueDelivery(ctx, e, now)
	if err == nil {
		r.woken(e.WorkspaceSID)
	}
	return a, err
}

// deliveries is what the waker asks the store.
type deliveries interface {
	PendingDeliveries(ctx context.Context, workspaceSIDs []string) ([]*taskrouter.Delivery, error)
	IdleDeliveries(ctx context.Context, before time.Time, limit int) ([]*taskrouter.Delivery, error)
}

// deliveryRuns wakes the run that delivers a Workspace's events.
type deliveryRuns interface {
	Wake(ctx context.Context, accountSID, workspaceSID string) error
}

// waker tells the runs that deliver events of new ones, soon after the commit
// and never inside it. What it misses, because the process or Temporal is gone,
// a sweeper finds: the store knows which events were not sent.
type waker struct {
	store deliveries
	runs  deliveryRuns
	log   *zap.Logger
	now   func() time.Time

	mu sync.Mutex
	// changed are the Workspaces with a commit nobody was told of.
	changed map[string]bool
	poke    chan struct{}
	// told is when each Workspace was last looked at.
	told map[string]time.Time
}

func newWaker(store deliveries, runs deliveryRuns, log *zap.Logger) *waker {
	return &waker{
		store: store, runs: runs, log: log.Named("delivery"), now: time.Now,
		changed: map[string]bool{}, poke: make(chan struct{}, 1), told: map[string]time.Time{},
	}
}

// note is called after each commit that changed a Workspace. It never waits.
func (w *waker) note(workspaceSID string) {
	w.mu.Lock()
	w.changed[workspaceSID] = true
	w.mu.Unlock()
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// run wakes until ctx ends: at once when a Workspace was quiet, and at intervals
// while it is busy.
func (w *waker) run(ctx context.Context) {
	for {
		var timer <-chan time.Time
		if wait := w.round(ctx); wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-w.poke:
		case <-timer:
		}
	}
}

// round wakes what is due, and says how long the rest may wait; zero when there
// is none.
func (w *waker) round(ctx context.Context) (wait time.Duration) {
	due, wait := w.due()
	if len(due) == 0 {
		return wait
	}
	list, err := w.store.PendingDeliveries(ctx, due)
	if err != nil {
		if ctx.Err() == nil {
			w.log.Warn("deliveries not read; a sweeper will", logging.Count(len(due)), logging.Err(err))
		}
		return wait
	}
	w.wake(ctx, list)
	return wait
}

// due takes the changed Workspaces that were not looked at lately.
func (w *waker) due() (due []string, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	for ws, at := range w.told {
		if now.Sub(at) >= wakeInterval {
			delete(w.told, ws)
		}
	}
	for ws := range w.changed {
		if at, lately := w.told[ws]; lately {
			if left := wakeInterval - now.Sub(at); wait == 0 || left < wait {
				wait = left
			}
			continue
		}
		due = append(due, ws)
		delete(w.changed, ws)
		w.told[ws] = now
	}
	return due, wait
}

// sweep wakes the deliveries that have something to do and show no life.
func (w *waker) sweep(ctx context.Context) error {
	list, err := w.store.IdleDeliveries(ctx, w.now().Add(-idleAfter), idleBatch)
	if err != nil {
		return err
	}
	w.wake(ctx, list)
	return nil
}

// wake tells the runs, several at a time.
func (w *waker) wake(ctx context.Context, list []*taskrouter.Delivery) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, wakeSenders)
	for _, d := range list {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, wakeTimeout)
			defer cancel()
			if err := w.runs.Wake(ctx, d.AccountSID, d.WorkspaceSID); err != nil {
				w.log.Warn("delivery not woken; will be repeated", logging.WorkspaceSID(d.WorkspaceSID), logging.Err(err))
			}
		})
	}
	wg.Wait()
}
