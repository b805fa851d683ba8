package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Sending to the durable runs is asynchronous: the answer to a request needs
// only the store. What cannot be sent stays in the outbox table, where the
// sweeper of any process finds it.
const (
	outboxSenders = 16
	// outboxReserved are senders for the pressing alone: a burst of new Tasks
	// that nobody is free for must not keep those waiting that have an agent.
	outboxReserved = 4
	outboxQueue    = 4096
	deleteBatch    = 256
	deleteInterval = 50 * time.Millisecond
	sendTimeout    = 10 * time.Second
)

type outbox struct {
	d *Dispatcher
	// pressing has something to do for its run, such as an assignment callback
	// or a call, or lets it end; work is everything else that is urgent.
	pressing, work chan delivery

	sent chan Notice
	stop chan struct{}
	once sync.Once
	busy sync.WaitGroup // senders
	tidy sync.WaitGroup // the deleter
}

func newOutbox(d *Dispatcher) *outbox {
	o := &outbox{
		d: d, pressing: make(chan delivery, outboxQueue), work: make(chan delivery, outboxQueue),
		sent: make(chan Notice, outboxQueue), stop: make(chan struct{}),
	}
	if d.notifier == nil {
		return o
	}
	for i := range outboxSenders {
		work := o.work
		if i < outboxReserved {
			work = nil
		}
		o.busy.Add(1)
		go o.sender(work)
	}
	o.tidy.Add(1)
	go o.deleter()
	return o
}

// send hands over the urgent ones of a commit. A full queue is no loss: the
// sweeper sends what is left in the table.
func (o *outbox) send(ds []delivery) {
	if o.d.notifier == nil {
		return
	}
	for _, x := range ds {
		if !x.urgent {
			continue
		}
		line := o.work
		if x.view.ToDo() || x.view.Ended() {
			line = o.pressing
		}
		select {
		case <-o.stop:
			return
		case line <- x:
		default:
		}
	}
}

// sender sends the pressing first, and then what is in work; a nil channel has
// nothing.
func (o *outbox) sender(work <-chan delivery) {
	defer o.busy.Done()
	for {
		select {
		case <-o.stop:
			return
		case x := <-o.pressing:
			o.deliver(x.context(), x.notice, x.view)
			continue
		default:
		}
		select {
		case <-o.stop:
			return
		case x := <-o.pressing:
			o.deliver(x.context(), x.notice, x.view)
		case x := <-work:
			o.deliver(x.context(), x.notice, x.view)
		}
	}
}

// deliver sends one notice and books it for removal. It reports success.
func (o *outbox) deliver(ctx context.Context, n Notice, v taskrouter.View) bool {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if err := o.d.notifier.Notify(ctx, n, v); err != nil {
		o.d.log.Warn("durable run not notified; will be repeated", logging.TaskSID(n.TaskSID), logging.Revision(n.Revision), logging.Err(err))
		return false
	}
	o.d.opts.Crash(CrashAfterSignal)
	select {
	case o.sent <- n:
	case <-o.stop:
		return false // the row stays and is sent once more: harmless
	}
	return true
}

// deleter removes delivered rows in batches.
func (o *outbox) deleter() {
	defer o.tidy.Done()
	tick := time.NewTicker(deleteInterval)
	defer tick.Stop()
	var rows []Notice
	flush := func() {
		if len(rows) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
		defer cancel()
		if err := o.d.store.DeleteNotices(ctx, rows); err != nil {
			o.d.log.Warn("sent notices not removed; they will be sent again", logging.Count(len(rows)), logging.Err(err))
		}
		rows = rows[:0]
	}
	for {
		select {
		case n := <-o.sent:
			if rows = append(rows, n); len(rows) >= deleteBatch {
				flush()
			}
		case <-tick.C:
			flush()
		case <-o.stop:
			o.busy.Wait()
			for {
				select {
				case n := <-o.sent:
					rows = append(rows, n)
				default:
					flush()
					return
				}
			}
		}
	}
}

func (o *outbox) close(ctx context.Context) error {
	o.once.Do(func() { close(o.stop) })
	done := make(chan struct{})
	go func() { o.tidy.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
