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
	// outboxSenders are few: more starts of runs at a time do not get done
	// sooner, and on a machine that Temporal shares they time out inside it.
	outboxSenders = 8
	// outboxReserved are senders for the pressing alone: a burst of new Tasks
	// that nobody is free for must not keep those waiting that have an agent.
	outboxReserved = 2
	outboxQueue    = 4096
	deleteBatch    = 256
	deleteInterval = 50 * time.Millisecond
	sendTimeout    = 10 * time.Second
)

type outbox struct {
	d *Dispatcher
	// pressing has something to do for its run, such as an assignment callback
	// or a call, or lets it end; work is everything else that is urgent.
	pressing, work chan *slot
	// slots are the Tasks of which something is to be sent or being sent.
	mu    sync.Mutex
	slots map[string]*slot

	sent chan Notice
	stop chan struct{}
	once sync.Once
	busy sync.WaitGroup // senders
	tidy sync.WaitGroup // the deleter
}

// slot is what the run of one Task has still to hear of. One sender at a time
// sends of it, so that nothing overtakes the start of a run, and what comes in
// the meantime is sent as one: each view is the whole state.
type slot struct {
	next *delivery
	// sending: a sender comes back for next. pressing: it stands in that line.
	sending, pressing bool
}

func newOutbox(d *Dispatcher) *outbox {
	o := &outbox{
		d: d, pressing: make(chan *slot, outboxQueue), work: make(chan *slot, outboxQueue), slots: map[string]*slot{},
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
		if x.view.ToDo() && o.d.opts.OnWork != nil {
			o.d.opts.OnWork(x.context(), x.view)
		}
		select {
		case <-o.stop:
			return
		default:
			o.put(x)
		}
	}
}

// put lets a Task wait for a sender, or adds to what is waiting of it.
func (o *outbox) put(x delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	pressing := x.view.ToDo() || x.view.Ended()
	s := o.slots[x.notice.TaskSID]
	known := s != nil
	if !known {
		s = &slot{}
		o.slots[x.notice.TaskSID] = s
	}
	s.add(x)
	line := o.work
	if pressing {
		line = o.pressing
	}
	if known && (s.sending || s.pressing || !pressing) {
		return
	}
	select {
	case line <- s:
		s.pressing = pressing
	default:
		if !known {
			delete(o.slots, x.notice.TaskSID)
		}
	}
}

// holds reports whether something is to be sent of a Task, or being sent.
func (o *outbox) holds(taskSID string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.slots[taskSID] != nil
}

// add makes one of what waits and what came after it.
func (s *slot) add(x delivery) {
	if s.next != nil {
		x = s.next.then(x)
	}
	s.next = &x
}

// take hands what waits to a sender, who comes back until there is nothing:
// again says that it is the one who was here before.
func (o *outbox) take(s *slot, taskSID string, again bool) *delivery {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s.sending && !again {
		return nil
	}
	x := s.next
	s.next, s.sending = nil, x != nil
	if again && x == nil {
		delete(o.slots, taskSID)
	}
	return x
}

// sender sends the pressing first, and then what is in work; a nil channel has
// nothing.
func (o *outbox) sender(work <-chan *slot) {
	defer o.busy.Done()
	for {
		select {
		case <-o.stop:
			return
		case s := <-o.pressing:
			o.empty(s)
			continue
		default:
		}
		select {
		case <-o.stop:
			return
		case s := <-o.pressing:
			o.empty(s)
		case s := <-work:
			o.empty(s)
		}
	}
}

// empty sends what a run has to hear of until there is nothing.
func (o *outbox) empty(s *slot) {
	x := o.take(s, "", false)
	for x != nil {
		task := x.notice.TaskSID
		o.deliver(x.context(), x.notice, x.view)
		x = o.take(s, task, true)
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
