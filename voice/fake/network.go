package fake

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// Defaults of Options.
const (
	defaultWaitLoop    = 30 * time.Second
	defaultFetchLimit  = 15 * time.Second
	defaultKeepEnded   = 1000
	defaultRingTimeout = 60 * time.Second
)

// Fetcher carries out the network's webhook requests. *http.Client is one.
type Fetcher interface {
	Do(req *http.Request) (*http.Response, error)
}

// Options configure a Network. Zero values have defaults.
type Options struct {
	// Name is the back-end's name; "fake".
	Name string
	// AccountSID is sent with every request; one is made up when empty.
	AccountSID string
	// Emulate chooses whose parameters and notices are imitated: FlavourTwilio
	// (the default) or FlavourRestcomm.
	Emulate voice.Flavour
	// Fetcher requests our webhooks; http.DefaultClient.
	Fetcher Fetcher
	// Sign, when set, makes the X-Twilio-Signature of a request from the full
	// URL and the form.
	Sign func(url string, form url.Values) string
	// Clock drives every timer; the system clock.
	Clock voice.Clock
	// PromptDuration is how long a Say or Play lasts; zero.
	PromptDuration time.Duration
	// WaitLoop is the least time between two requests of a wait document; 30 s.
	WaitLoop time.Duration
	// Ledger, when set, is told about the attempts of a Backend, so that code which
	// asks it about a leg finds the leg. Without one, attempts are remembered in
	// memory only.
	Ledger voice.Ledger
	// KeepEnded is how many calls that are over are remembered; 1000.
	KeepEnded int
}

// Network is the telephone network and the platform on it. It is safe for
// concurrent use.
type Network struct {
	opt Options
	// ctx ends with Close; cancel also stops requests in flight.
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	legs   map[string]*leg
	order  []*leg // by creation
	rooms  map[string]*room
	past   []*room // rooms that are over
	// recordings are what was recorded, oldest first.
	recordings []*recording

	queues  map[string]*queue
	phones  []phone
	devices map[string]int
	numbers map[string]voice.Number
	faults  CallbackFaults
	// changed is closed and replaced whenever something happens.
	changed chan struct{}
}

// NewNetwork makes a running network. Close it.
func NewNetwork(o Options) *Network {
	if o.Name == "" {
		o.Name = "fake"
	}
	if o.AccountSID == "" {
		o.AccountSID = taskrouter.NewSID(taskrouter.PrefixAccount)
	}
	if o.Emulate != voice.FlavourRestcomm {
		o.Emulate = voice.FlavourTwilio
	}
	if o.Fetcher == nil {
		o.Fetcher = http.DefaultClient
	}
	if o.Clock == nil {
		o.Clock = voice.SystemClock{}
	}
	if o.WaitLoop <= 0 {
		o.WaitLoop = defaultWaitLoop
	}
	if o.KeepEnded <= 0 {
		o.KeepEnded = defaultKeepEnded
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Network{
		opt: o, ctx: ctx, cancel: cancel,
		legs: map[string]*leg{}, rooms: map[string]*room{}, queues: map[string]*queue{},
		devices: map[string]int{}, numbers: map[string]voice.Number{}, changed: make(chan struct{}),
	}
}

// AccountSID is the account every call belongs to.
func (n *Network) AccountSID() string { return n.opt.AccountSID }

// Emulates is the platform the network imitates.
func (n *Network) Emulates() voice.Flavour { return n.opt.Emulate }

// Close ends every call without further notice and returns when nothing of the
// network runs any more. It may be called twice.
func (n *Network) Close() {
	n.mu.Lock()
	n.closed = true
	n.cancel()
	for _, l := range n.order {
		n.endLocked(l, voice.EndFailed, voice.BySystem)
	}
	n.mu.Unlock()
	n.wg.Wait()
}

// goLocked runs f in the background unless the network is closed. The lock is
// held, so that Close cannot wait before f is counted.
func (n *Network) goLocked(f func()) {
	if n.closed {
		return
	}
	n.wg.Go(f)
}

// touchLocked tells everyone who waits that something has changed.
func (n *Network) touchLocked() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// Wait returns when the predicate holds for the calls, oldest first, or with the
// context's error.
func (n *Network) Wait(ctx context.Context, holds func(calls []CallSnapshot) bool) error {
	for {
		n.mu.Lock()
		changed := n.changed
		calls := n.snapshotsLocked()
		n.mu.Unlock()
		if holds(calls) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// WaitCall is Wait for one call; it returns the call as it was when the
// predicate held, or as it last was.
func (n *Network) WaitCall(ctx context.Context, callSID string, holds func(CallSnapshot) bool) (CallSnapshot, error) {
	var last CallSnapshot
	err := n.Wait(ctx, func(calls []CallSnapshot) bool {
		for _, c := range calls {
			if c.CallSID == callSID {
				last = c
				return holds(c)
			}
		}
		return false
	})
	return last, err
}

// newCallSID mints an id in the style of the platform.
func (n *Network) newCallSID() string {
	if n.opt.Emulate == voice.FlavourRestcomm {
		return taskrouter.NewSID("ID") + "-" + taskrouter.NewSID("CA")
	}
	return taskrouter.NewSID("CA")
}

// matches reports whether a target fits a pattern in which * stands for any text.
func matches(pattern, target string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == target
	}
	rest, ok := strings.CutPrefix(target, parts[0])
	if !ok {
		return false
	}
	for _, p := range parts[1 : len(parts)-1] {
		i := strings.Index(rest, p)
		if i < 0 {
			return false
		}
		rest = rest[i+len(p):]
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}
