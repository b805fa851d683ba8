package callqueue

import (
	"context"
	"net/url"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/voice"
)

// Send makes one request to a status callback URL, signed with the token of the
// account. status is that of the answer; without an answer it is zero and err
// says why. It keeps a time limit of its own.
type Send func(ctx context.Context, accountSID, method, target string, form url.Values) (status int, err error)

// Limits of what is passed on.
const (
	// maxForwards and maxForwardBytes bound what waits, maxOfAccount what waits
	// for one account: one account's receivers that do not answer leave room for
	// others.
	maxForwards     = 2048
	maxForwardBytes = 16 << 20
	maxOfAccount    = maxForwards / 4
	// forwardSenders is how many requests are made at once, sendersOfAccount how
	// many of them for one account.
	forwardSenders   = 32
	sendersOfAccount = forwardSenders / 4
	// forwardPause is the time between a failed request and its repeat.
	forwardPause = time.Second
	// lookTimeout bounds the reads that find out who is to be told.
	lookTimeout = 5 * time.Second
	// drainTime is how long a process that stops goes on sending.
	drainTime = 5 * time.Second
	// dropInterval is the least time between two lines about dropped notices.
	dropInterval = 10 * time.Second
)

// forward is a notice that may have to be passed on.
type forward struct {
	// lane orders: notices of one lane are sent one after the other.
	lane, account string
	form          url.Values
	// find says where it goes; nil when nobody asked for it.
	find func(ctx context.Context) (*destination, error)
}

// destination is where a notice goes.
type destination struct {
	method, url string
	form        url.Values
}

func (n *forward) size() int {
	size := len(n.lane)
	for name, values := range n.form {
		size += len(name)
		for _, v := range values {
			size += len(v)
		}
	}
	return size
}

// forwarder passes notices of the platforms on to the status callbacks of
// instructions. It holds them in memory only and for a bounded time: like the
// platforms, it repeats a failed request once, and what is under way when the
// process dies is lost. Nobody waits for it.
type forwarder struct {
	send    Send
	clock   voice.Clock
	dropped func(n int)
	log     *zap.Logger
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup

	mu    sync.Mutex
	lanes map[string]*forwardLane
	// ready are the lanes with something to send for which nobody does.
	ready    []*forwardLane
	accounts map[string]*forwardLoad
	count    int
	bytes    int
	sending  int
	// hurry is closed when the process stops, idle when nothing is left then.
	closed      bool
	hurry, idle chan struct{}
	// unreported counts drops since the last line about them.
	unreported int
	reportedAt time.Time
}

type forwardLane struct {
	key, account string
	waiting      []*forward
}

type forwardLoad struct{ waiting, sending int }

func newForwarder(send Send, clock voice.Clock, dropped func(n int), log *zap.Logger) *forwarder {
	ctx, cancel := context.WithCancel(context.Background())
	if dropped == nil {
		dropped = func(int) {}
	}
	return &forwarder{
		send: send, clock: clock, dropped: dropped, log: log, ctx: ctx, cancel: cancel,
		lanes: map[string]*forwardLane{}, accounts: map[string]*forwardLoad{},
		hurry: make(chan struct{}), idle: make(chan struct{}),
	}
}

// add takes a notice in. It never waits: a notice there is no room for is
// dropped and counted.
func (f *forwarder) add(n *forward) {
	size := n.size()
	f.mu.Lock()
	defer f.mu.Unlock()
	load := f.accounts[n.account]
	switch {
	case f.closed:
		f.dropLocked(1, n.account, "stopping")
		return
	case f.count >= maxForwards, f.bytes+size > maxForwardBytes, load != nil && load.waiting >= maxOfAccount:
		f.dropLocked(1, n.account, "full")
		return
	}
	if load == nil {
		load = &forwardLoad{}
		f.accounts[n.account] = load
	}
	load.waiting++
	f.count++
	f.bytes += size
	lane := f.lanes[n.lane]
	if lane == nil {
		lane = &forwardLane{key: n.lane, account: n.account}
		f.lanes[n.lane] = lane
		f.ready = append(f.ready, lane)
	}
	lane.waiting = append(lane.waiting, n)
	f.startLocked()
}

// startLocked sends for the lanes that have waited longest, as far as there are
// senders.
func (f *forwarder) startLocked() {
	for i := 0; i < len(f.ready) && f.sending < forwardSenders && f.ctx.Err() == nil; {
		lane := f.ready[i]
		if f.accounts[lane.account].sending >= sendersOfAccount {
			i++
			continue
		}
		f.ready = append(f.ready[:i], f.ready[i+1:]...)
		f.sending++
		f.accounts[lane.account].sending++
		f.wg.Add(1)
		go f.serve(lane, lane.waiting[0])
	}
}

// serve sends the first notice of a lane and lets others have their turn.
func (f *forwarder) serve(lane *forwardLane, n *forward) {
	defer f.wg.Done()
	sent := f.pass(n)
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case sent:
	case f.ctx.Err() != nil:
		f.dropLocked(1, n.account, "stopping")
	default:
		f.dropLocked(1, n.account, "receiver not read")
	}
	load := f.accounts[lane.account]
	f.sending--
	load.sending--
	load.waiting--
	f.count--
	f.bytes -= n.size()
	lane.waiting[0] = nil
	lane.waiting = lane.waiting[1:]
	if len(lane.waiting) > 0 {
		f.ready = append(f.ready, lane)
	} else {
		delete(f.lanes, lane.key)
	}
	if load.waiting == 0 {
		delete(f.accounts, lane.account)
	}
	f.startLocked()
	if f.closed && f.count == 0 {
		close(f.idle)
	}
}

// pass sends one notice, twice at most. It reports false when it could not be
// found out whom to tell, or the process stops; what a receiver answers is its
// own affair.
func (f *forwarder) pass(n *forward) bool {
	to, err := f.find(n)
	for again := false; ; again = true {
		if err == nil && to == nil {
			return true
		}
		if err == nil {
			status, failed := f.send(f.ctx, n.account, to.method, to.url, to.form)
			if failed == nil && status < 500 {
				return true
			}
		}
		if again {
			return err == nil && f.ctx.Err() == nil
		}
		f.pause()
		if err != nil {
			to, err = f.find(n)
		}
	}
}

func (f *forwarder) find(n *forward) (*destination, error) {
	ctx, cancel := context.WithTimeout(f.ctx, lookTimeout)
	defer cancel()
	return n.find(ctx)
}

// pause waits before a repeat, unless the process stops.
func (f *forwarder) pause() {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	go func() {
		select {
		case <-f.hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = voice.Pause(ctx, f.clock, forwardPause)
}

// dropLocked counts notices that are not passed on, and says so now and then.
func (f *forwarder) dropLocked(n int, account, why string) {
	f.dropped(n)
	f.unreported += n
	if now := f.clock.Now(); f.reportedAt.IsZero() || now.Sub(f.reportedAt) >= dropInterval {
		f.log.Warn("status callbacks dropped", logging.Count(f.unreported), logging.Reason(why), accountField(account))
		f.unreported, f.reportedAt = 0, now
	}
}

// close sends what waits, for a bounded time and as long as ctx lasts; what is
// left then is dropped. It may be called more than once.
func (f *forwarder) close(ctx context.Context) {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.hurry)
		if f.count == 0 {
			close(f.idle)
		}
	}
	f.mu.Unlock()
	late := make(chan struct{})
	stop := f.clock.AfterFunc(drainTime, func() { close(late) })
	select {
	case <-f.idle:
	case <-late:
	case <-ctx.Done():
	}
	stop()
	f.cancel()
	f.wg.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count > 0 {
		f.unreported, f.reportedAt = 0, time.Time{}
		f.dropLocked(f.count, "", "stopping")
		f.count, f.bytes = 0, 0
		close(f.idle)
		f.lanes, f.accounts, f.ready = map[string]*forwardLane{}, map[string]*forwardLoad{}, nil
	}
}
