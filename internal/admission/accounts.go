package admission

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits are what one account may ask of one process; zero is no limit.
type Limits struct {
	// PerSecond is how many requests are let in a second. As many may come at
	// once after a second of silence.
	PerSecond int
	// Concurrent is how many requests may be in work, or wait to be, at a time.
	Concurrent int
	// Waiting is how many Tasks may wait for an agent when one more is created.
	Waiting int
}

// CountWaiting counts the Tasks of an account that wait for an agent.
type CountWaiting func(ctx context.Context, accountSID string) (int, error)

const (
	// maxAccounts bounds the accounts remembered; beyond it those that have
	// nothing in work are forgotten.
	maxAccounts = 10_000
	// countEvery is how old a count of waiting Tasks may be, and countAgain
	// how old it may be when the limit seems to be reached.
	countEvery = time.Second
	countAgain = 50 * time.Millisecond
	// countTimeout bounds one count.
	countTimeout = 2 * time.Second
	// afterConcurrent and afterWaiting are when to ask again.
	afterConcurrent = time.Second
	afterWaiting    = 5 * time.Second
)

// accounts hold every account to its limits. They are safe for concurrent use.
type accounts struct {
	everybody Limits
	special   map[string]Limits
	count     CountWaiting
	now       func() time.Time

	mu    sync.Mutex
	known map[string]*account
}

// account is what one account asks for at present.
type account struct {
	limits Limits

	mu         sync.Mutex
	bucket     *rate.Limiter
	concurrent int

	// counting is held by who counts waiting Tasks. counted is what was found
	// in the count that began at countedAt; created are the Tasks made since
	// then, and creating those that are being made.
	counting          chan struct{}
	counted           int
	countedAt         time.Time
	created, creating int
}

func (a *accounts) of(sid string) Limits {
	if l, ok := a.special[sid]; ok {
		return l
	}
	return a.everybody
}

// get finds an account; nil when nothing limits it.
func (a *accounts) get(sid string) *account {
	limits := a.of(sid)
	if limits == (Limits{}) {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if x := a.known[sid]; x != nil {
		return x
	}
	if len(a.known) >= maxAccounts {
		for other, x := range a.known {
			if x.idle() {
				delete(a.known, other)
			}
		}
	}
	x := &account{limits: limits, counting: make(chan struct{}, 1)}
	if n := limits.PerSecond; n > 0 {
		x.bucket = rate.NewLimiter(rate.Limit(n), n)
	}
	a.known[sid] = x
	return x
}

func (x *account) idle() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.concurrent == 0 && x.creating == 0
}

// enter lets a request of the account in; done must be called when it ends.
func (a *accounts) enter(sid string) (done func(), err error) {
	x := a.get(sid)
	if x == nil {
		return func() {}, nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := x.limits.Concurrent; n > 0 && x.concurrent >= n {
		return nil, excess(AccountConcurrency, afterConcurrent, "the account may have %d in work at a time", n)
	}
	if x.bucket != nil {
		now := a.now()
		ticket := x.bucket.ReserveN(now, 1)
		if wait := ticket.DelayFrom(now); wait > 0 {
			ticket.CancelAt(now)
			return nil, excess(AccountRate, wait, "the account may send %d a second", x.limits.PerSecond)
		}
	}
	x.concurrent++
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.concurrent--
	}, nil
}

// create lets the account make one more Task; done must be called with whether
// it was made. Within one process no more Tasks are let in than fit: what was
// made or is being made since a count began is added to it. Those that were
// taken or ended since then are still in the count.
func (a *accounts) create(ctx context.Context, sid string) (done func(made bool), err error) {
	x := a.get(sid)
	if x == nil || x.limits.Waiting <= 0 || a.count == nil {
		return func(bool) {}, nil
	}
	a.recount(ctx, sid, x)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.full() {
		return nil, excess(AccountWaiting, afterWaiting, "the account may have %d tasks waiting", x.limits.Waiting)
	}
	x.creating++
	return func(made bool) {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.creating--
		if made {
			x.created++
		}
	}, nil
}

// full reports whether one more Task could be too many.
func (x *account) full() bool { return x.counted+x.created+x.creating >= x.limits.Waiting }

// recount counts what waits when the last count is too old. One request at a
// time does; the others go by the last count, once there is one.
func (a *accounts) recount(ctx context.Context, sid string, x *account) {
	x.mu.Lock()
	first, old := x.countedAt.IsZero(), a.old(x)
	x.mu.Unlock()
	switch {
	case first:
		select {
		case x.counting <- struct{}{}:
		case <-ctx.Done():
			return
		}
	case old:
		select {
		case x.counting <- struct{}{}:
		default:
			return
		}
	default:
		return
	}
	defer func() { <-x.counting }()
	x.mu.Lock()
	if !a.old(x) { // somebody else counted meanwhile
		x.mu.Unlock()
		return
	}
	began, before := a.now(), x.created
	x.mu.Unlock()
	// The count serves other requests too: that this one is given up must not
	// end it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), countTimeout)
	defer cancel()
	n, err := a.count(ctx, sid)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.countedAt = began
	if err == nil {
		// A database that cannot count cannot create either: the old count stays.
		x.counted, x.created = n, x.created-before
	}
}

func (a *accounts) old(x *account) bool {
	age := a.now().Sub(x.countedAt)
	return x.countedAt.IsZero() || age >= countEvery || age >= countAgain && x.full()
}
