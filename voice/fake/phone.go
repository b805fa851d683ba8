package fake

import (
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// Outgoing is a leg the platform is asked to place.
type Outgoing struct {
	From, To                 string
	URL, Method, FallbackURL string
	StatusURL                string
	StatusEvents             []string
	// Timeout is how long it may ring; 60 s when zero.
	Timeout time.Duration
	// Record asks for a recording from the answer on; Recording says how.
	Record    bool
	Recording voice.Recording
}

// Originate places a leg towards a target and returns the new CallSIDs: one per
// device the target is registered on. It is not idempotent, like the real thing.
func (n *Network) Originate(o Outgoing) []string {
	if o.Timeout <= 0 {
		o.Timeout = defaultRingTimeout
	}
	target, _, _ := strings.Cut(o.To, "?")
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	var sids []string
	for range max(1, n.devices[target]) {
		l := &leg{
			from: o.From, to: o.To, direction: voice.OutboundAPI, timeout: o.Timeout,
			voiceURL: o.URL, fallbackURL: o.FallbackURL, record: orderOf(o),
		}
		if o.StatusURL != "" {
			l.notices = &notices{url: o.StatusURL, perCall: true, events: o.StatusEvents}
		}
		n.addLocked(l)
		sids = append(sids, l.sid)
		n.goLocked(func() {
			if l.ring() {
				l.runDocuments(targetOf(o))
			}
		})
	}
	return sids
}

func targetOf(o Outgoing) target { return target{url: o.URL, method: o.Method} }

// ring takes a leg from queued to answered. It reports false when it ended.
func (l *leg) ring() bool {
	n := l.n
	n.mu.Lock()
	to, _, _ := strings.Cut(l.to, "?")
	b := n.behaviourLocked(to)
	n.advanceLocked(l, voice.Dialing)
	if b.Do == PhoneFail {
		l.sipCode = 404
		n.endLocked(l, voice.EndFailed, voice.ByRemote)
	} else {
		n.advanceLocked(l, voice.Ringing)
	}
	n.mu.Unlock()

	f := &frame{l: l}
	began := n.opt.Clock.Now()
	act, ok := map[Action]func(string) error{
		PhoneAnswer: n.Answer, PhoneReject: n.Reject, PhoneBusy: n.Busy,
	}[b.Do]
	answered := func() bool { return l.state == voice.Answered }
	if ok && b.After < l.timeout {
		sig := f.await(began.Add(b.After), answered)
		if sig == sigTimeout {
			_ = act(l.sid)
		}
	}
	if sig := f.await(began.Add(l.timeout), answered); sig == sigTimeout {
		n.mu.Lock()
		if l.state < voice.Answered {
			l.sipCode = 408
			n.endLocked(l, voice.EndNoAnswer, voice.BySystem)
		}
		n.mu.Unlock()
	} else if sig == sigReady && b.HangUpAfter > 0 {
		n.opt.Clock.AfterFunc(b.HangUpAfter, func() { _ = n.HangUp(l.sid) })
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return l.state == voice.Answered
}

// Leg reads one call as the platform's API shows it.
func (n *Network) Leg(callSID string) (voice.Leg, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.legs[callSID]
	if !ok {
		return voice.Leg{}, false
	}
	return n.legLocked(l), true
}

// Legs lists every remembered call, newest first, as the platform's API does.
func (n *Network) Legs() []voice.Leg {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]voice.Leg, 0, len(n.order))
	for i := len(n.order) - 1; i >= 0; i-- {
		out = append(out, n.legLocked(n.order[i]))
	}
	return out
}

// Complete ends an answered call, as Status=completed does.
func (n *Network) Complete(callSID string) error {
	return n.update(callSID, func(l *leg) error {
		l.hangUpLocked()
		return nil
	})
}

// Cancel ends a call that was not answered, as Status=canceled does; an answered
// one goes on.
func (n *Network) Cancel(callSID string) error {
	return n.update(callSID, func(l *leg) error {
		if l.state < voice.Answered {
			n.endLocked(l, voice.EndCanceled, voice.BySystem)
		}
		return nil
	})
}

// Move makes a call that is in progress run another document. The legs it was
// talking to stay behind.
func (n *Network) Move(callSID, url, method string) error {
	return n.update(callSID, func(l *leg) error {
		if l.state != voice.Answered {
			return ErrNotInProgress
		}
		l.moved = &target{url: url, method: method}
		l.gather = nil
		n.leaveLocked(l)
		n.dequeueLocked(l)
		n.unbridgeLocked(l)
		n.endChildrenLocked(l, nil)
		l.poke()
		n.touchLocked()
		return nil
	})
}

// update acts on a live call.
func (n *Network) update(callSID string, act func(*leg) error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	l, ok := n.legs[callSID]
	switch {
	case !ok:
		return ErrUnknownCall
	case l.state == voice.Ended:
		return ErrNotInProgress
	}
	return act(l)
}
