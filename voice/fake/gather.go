package fake

import (
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// gathering collects keys, guarded by the network's lock.
type gathering struct {
	max      int
	finish   string
	keys     string
	pressed  int
	last     time.Time
	done     bool
	finished string // the key that ended it
}

// press takes one key in.
func (g *gathering) press(key string, now time.Time) {
	if g.done {
		return
	}
	g.pressed++
	g.last = now
	if g.finish != "" && strings.Contains(g.finish, key) {
		g.done, g.finished = true, key
		return
	}
	g.keys += key
	g.done = g.max > 0 && len(g.keys) >= g.max
}

// gather prompts and collects keys. Digits lead to the action; without any the
// next verb runs.
func (f *frame) gather(d document, e element) (*target, signal) {
	n, l := f.l.n, f.l
	g := &gathering{max: e.number("numDigits", 0), finish: e.attr("finishOnKey", "#")}
	n.mu.Lock()
	l.gather, l.prompt = g, ""
	n.hearLocked(l, "gather", "")
	n.mu.Unlock()

	sig := f.gatherPrompts(d, e, g)
	if sig == sigReady {
		sig = f.collect(g, e.seconds("timeout", 5))
	}
	n.mu.Lock()
	if l.gather == g {
		l.gather = nil
	}
	keys, finished := g.keys, g.finished
	n.touchLocked()
	n.mu.Unlock()
	if sig != sigReady {
		return nil, sig
	}
	twilio := n.opt.Emulate == voice.FlavourTwilio
	if keys == "" && (!twilio || !e.flag("actionOnEmptyResult", false)) {
		return nil, sigReady
	}
	if !e.has("action") && !twilio {
		return nil, sigReady // the digits are dropped
	}
	extra := map[string]string{"Digits": keys}
	if finished != "" && twilio {
		extra["FinishedOnKey"] = finished
	}
	if !twilio {
		extra["SpeechResult"] = ""
	}
	return &target{url: d.resolve(e.attrs["action"]), method: e.attrs["method"], extra: extra}, sigReady
}

// gatherPrompts plays what is nested in a Gather, up to the first key.
func (f *frame) gatherPrompts(d document, e element, g *gathering) signal {
	inner := &frame{l: f.l, wait: true, stop: func() bool {
		return g.pressed > 0 || (f.stop != nil && f.stop())
	}}
	var said []string
	for _, c := range e.children {
		if c.name != "Say" && c.name != "Play" && c.name != "Pause" {
			f.hear("ignored", c.name)
			continue
		}
		if _, sig := inner.verb(d, c); sig == sigStopped {
			return f.stopped()
		} else if sig != sigReady {
			return sig
		}
		if c.name == "Say" {
			said = append(said, c.text)
			f.l.n.mu.Lock()
			f.l.prompt = strings.Join(said, " ")
			f.l.n.touchLocked()
			f.l.n.mu.Unlock()
		}
	}
	return sigReady
}

// stopped tells a key press, after which collecting goes on, from the end of the
// frame.
func (f *frame) stopped() signal {
	if f.stop == nil {
		return sigReady
	}
	f.l.n.mu.Lock()
	defer f.l.n.mu.Unlock()
	if f.stop() {
		return sigStopped
	}
	return sigReady
}

// collect waits until the keys are complete or none has come for the timeout.
func (f *frame) collect(g *gathering, timeout time.Duration) signal {
	n := f.l.n
	from := n.opt.Clock.Now()
	for {
		n.mu.Lock()
		if g.last.After(from) {
			from = g.last
		}
		seen := g.pressed
		n.mu.Unlock()
		sig := f.await(from.Add(timeout), func() bool { return g.done || g.pressed != seen })
		switch {
		case sig == sigTimeout:
			return sigReady
		case sig != sigReady:
			return sig
		}
		n.mu.Lock()
		done := g.done
		n.mu.Unlock()
		if done {
			return sigReady
		}
	}
}
