package fake

import (
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// dialOutcome is what a Dial reports to its action.
type dialOutcome struct {
	status   string
	callSID  string
	duration time.Duration
	ring     time.Duration
	bridged  bool
	// recording is what the Dial recorded, nil for nothing.
	recording *recording
	// plain tells a Dial of phones from one of a conference, which reports less.
	plain bool
	// over tells that the leg itself has ended.
	over bool
}

// dial runs the Dial verb.
func (f *frame) dial(d document, e element) (*target, signal) {
	var nouns []element
	for _, c := range e.children {
		switch c.name {
		case "Conference":
			return f.conference(d, e, c)
		case "Queue":
			if f.l.n.opt.Emulate == voice.FlavourTwilio {
				return f.dialQueue(d, e, c)
			}
			f.hear("ignored", c.name)
		case "Number", "Client", "Sip":
			nouns = append(nouns, c)
		default:
			f.hear("ignored", c.name)
		}
	}
	if len(e.children) == 0 && e.text != "" {
		nouns = append(nouns, element{name: "Number", text: e.text, attrs: map[string]string{}})
	}
	if len(nouns) == 0 {
		return f.dialAction(d, e, dialOutcome{status: "failed", plain: true})
	}
	return f.dialPhones(d, e, nouns)
}

// dialPhones rings every noun at once and talks to the first that answers.
func (f *frame) dialPhones(d document, e element, nouns []element) (*target, signal) {
	n, l := f.l.n, f.l
	began := n.opt.Clock.Now()
	children := f.startChildren(d, e, nouns)
	var winner *leg
	sig := f.await(began.Add(e.seconds("timeout", 30)), func() bool {
		open := false
		for _, c := range children {
			if c.accepted && c.state == voice.Answered {
				winner = c
				return true
			}
			open = open || c.state < voice.Ended
		}
		return !open
	})
	if winner == nil {
		return f.dialFailed(d, e, children, sig)
	}
	answered := n.opt.Clock.Now()
	n.mu.Lock()
	n.endChildrenLocked(l, winner)
	if winner.state == voice.Answered && l.state == voice.Answered {
		n.bridgeLocked(l, winner)
	}
	n.mu.Unlock()
	sig = f.await(time.Time{}, func() bool { return l.bridge != winner })
	n.mu.Lock()
	n.endChildrenLocked(l, nil)
	n.mu.Unlock()
	if sig == sigMoved {
		return nil, sig
	}
	return f.dialAction(d, e, dialOutcome{
		status: "completed", callSID: winner.sid, duration: n.opt.Clock.Now().Sub(answered),
		ring: answered.Sub(began), bridged: true, plain: true, over: sig == sigEnded,
	})
}

// dialFailed reports why nobody could be reached.
func (f *frame) dialFailed(d document, e element, children []*leg, sig signal) (*target, signal) {
	n, l := f.l.n, f.l
	n.mu.Lock()
	status := "no-answer"
	if sig == sigReady {
		last := children[len(children)-1]
		status = string(last.cause)
		if last.cause == voice.EndCompleted {
			status = "no-answer" // answered, and declined in its private document
		}
	}
	n.endChildrenLocked(l, nil)
	n.mu.Unlock()
	if sig == sigMoved {
		return nil, sig
	}
	if sig == sigEnded {
		status = "canceled"
	}
	return f.dialAction(d, e, dialOutcome{
		status: status, callSID: children[0].sid, plain: true, over: sig == sigEnded,
	})
}

func (f *frame) startChildren(d document, e element, nouns []element) []*leg {
	n, l := f.l.n, f.l
	n.mu.Lock()
	defer n.mu.Unlock()
	children := make([]*leg, 0, len(nouns))
	for _, noun := range nouns {
		to := noun.text
		if noun.name == "Client" && !strings.HasPrefix(to, "client:") {
			to = "client:" + to
		}
		c := &leg{
			from: e.attr("callerId", l.from), to: to, direction: voice.OutboundDial, parent: l,
			timeout: e.seconds("timeout", 30),
		}
		if cb := noun.attrs["statusCallback"]; cb != "" {
			c.notices = &notices{
				url: d.resolve(cb), perCall: true,
				events: n.nounEvents(noun.attrs["statusCallbackEvent"]),
			}
		}
		private := ""
		if noun.attrs["url"] != "" {
			private = d.resolve(noun.attrs["url"])
		}
		n.addLocked(c)
		children = append(children, c)
		n.goLocked(func() { c.runChild(private, noun.attrs["method"]) })
	}
	l.children = children
	return children
}

// nounEvents splits a statusCallbackEvent attribute as the platform does.
func (n *Network) nounEvents(list string) []string {
	if n.opt.Emulate == voice.FlavourRestcomm {
		return strings.Split(strings.ReplaceAll(list, " ", ""), ",")
	}
	return strings.Fields(list)
}

// runChild is the life of a dialled leg.
func (l *leg) runChild(private, method string) {
	n := l.n
	if !l.ring() {
		return
	}
	f := &frame{l: l, wait: true}
	t := &target{url: private, method: method}
	for private != "" && t != nil {
		doc, ok := l.load(*t)
		if !ok {
			break
		}
		var sig signal
		if t, sig = f.play(doc); sig != sigReady {
			break
		}
	}
	n.mu.Lock()
	l.accepted = l.state == voice.Answered
	if l.parent != nil {
		l.parent.poke()
	}
	n.mu.Unlock()
	if f.await(time.Time{}, nil) == sigMoved {
		if moved := l.takeMoved(); moved != nil {
			l.runDocuments(*moved)
		}
	}
}

// dialAction goes on after a Dial: with its action, or the next verb.
func (f *frame) dialAction(d document, e element, o dialOutcome) (*target, signal) {
	n := f.l.n
	if !e.has("action") {
		if o.over {
			return nil, sigEnded
		}
		return nil, sigReady
	}
	twilio := n.opt.Emulate == voice.FlavourTwilio
	extra := map[string]string{"DialCallStatus": o.status}
	switch {
	case o.plain:
		extra["DialCallSid"] = o.callSID
		extra["DialCallDuration"] = strconv.Itoa(int(o.duration.Seconds()))
	case !twilio:
		extra["DialCallSid"], extra["DialCallDuration"] = "null", "0"
	}
	if twilio {
		extra["DialBridged"] = strconv.FormatBool(o.bridged)
	} else {
		extra["DialRingDuration"] = strconv.Itoa(int(o.ring.Seconds()))
	}
	n.mu.Lock()
	n.recordingFields(o.recording, func(name, value string) { extra[name] = value })
	n.mu.Unlock()
	t := &target{url: d.resolve(e.attrs["action"]), method: e.attrs["method"], extra: extra}
	if !o.over {
		return t, sigReady
	}
	f.afterEnd(t)
	return nil, sigEnded
}

// afterEnd requests an action for a leg that is over; its reply does not matter.
// Twilio does that.
func (f *frame) afterEnd(t *target) {
	n := f.l.n
	if n.opt.Emulate != voice.FlavourTwilio {
		return
	}
	n.mu.Lock()
	form := n.paramsLocked(f.l)
	n.mu.Unlock()
	for k, v := range t.extra {
		form.Set(k, v)
	}
	n.post(t.url, form)
}

// bridgeLocked lets two legs talk.
func (n *Network) bridgeLocked(a, b *leg) {
	a.bridge, b.bridge = b, a
	a.prompt, b.prompt = "", ""
	n.hearLocked(a, "bridged", b.sid)
	n.hearLocked(b, "bridged", a.sid)
	a.poke()
	b.poke()
}

// unbridgeLocked separates a leg from the one it talks to.
func (n *Network) unbridgeLocked(l *leg) {
	other := l.bridge
	if other == nil {
		return
	}
	l.bridge, other.bridge = nil, nil
	l.poke()
	other.poke()
	n.touchLocked()
}
