package fake

import (
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// maxStreak is how many documents may follow each other without any of them
// taking time, before the leg is given up as running in circles.
const maxStreak = 100

// signal tells how a verb or a document came to its end.
type signal int

const (
	// sigReady is the ordinary end.
	sigReady signal = iota
	// sigTimeout is a wait that took too long.
	sigTimeout
	// sigStopped is a prompt or wait document that is not needed any more.
	sigStopped
	// sigMoved is a leg that was redirected from outside.
	sigMoved
	// sigLeave is the Leave verb.
	sigLeave
	// sigEnded is a leg that is over.
	sigEnded
)

// frame runs documents on a leg: its own, or one it hears while it waits.
type frame struct {
	l *leg
	// wait marks a wait or private document, in which Dial, Enqueue and Reject
	// have no place.
	wait bool
	// stop, called under the lock, ends the frame early.
	stop func() bool
	// streak counts documents since the leg last waited for anything.
	streak int
}

// await blocks until ready holds (evaluated under the lock; nil never holds),
// the time has come (zero never comes), or the leg is taken elsewhere.
func (f *frame) await(until time.Time, ready func() bool) signal {
	n, l := f.l.n, f.l
	for {
		n.mu.Lock()
		switch {
		case l.state == voice.Ended:
			n.mu.Unlock()
			return sigEnded
		case l.moved != nil:
			n.mu.Unlock()
			return sigMoved
		case f.stop != nil && f.stop():
			n.mu.Unlock()
			return sigStopped
		case ready != nil && ready():
			n.mu.Unlock()
			return sigReady
		}
		n.mu.Unlock()
		stop := func() bool { return true }
		if !until.IsZero() {
			left := until.Sub(n.opt.Clock.Now())
			if left <= 0 {
				return sigTimeout
			}
			stop = n.opt.Clock.AfterFunc(left, l.poke)
		}
		f.streak = 0
		select {
		case <-l.wake:
		case <-l.ctx.Done():
		}
		stop()
	}
}

// rest lets time pass. It reports sigReady when it all did.
func (f *frame) rest(d time.Duration) signal {
	sig := f.await(f.l.n.opt.Clock.Now().Add(d), nil)
	if sig == sigTimeout {
		return sigReady
	}
	return sig
}

// runDocuments runs the leg's own documents until it is over.
func (l *leg) runDocuments(t target) {
	f := &frame{l: l}
	for {
		doc, ok := l.load(t)
		if moved := l.takeMoved(); moved != nil {
			t = *moved
			continue
		}
		f.streak++
		if !ok || f.streak > maxStreak {
			l.giveUp()
			return
		}
		next, sig := f.play(doc)
		switch {
		case sig == sigMoved:
			if moved := l.takeMoved(); moved != nil {
				t = *moved
				continue
			}
			return
		case sig == sigEnded:
			return
		case next != nil:
			t = *next
		default:
			moved := l.finish()
			if moved == nil {
				return
			}
			t = *moved
		}
	}
}

func (l *leg) takeMoved() *target {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	t := l.moved
	l.moved = nil
	return t
}

// finish hangs up at the end of a document, unless the leg was redirected in the
// last moment.
func (l *leg) finish() *target {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	if t := l.moved; t != nil {
		l.moved = nil
		return t
	}
	l.hangUpLocked()
	return nil
}

// giveUp ends a leg whose document cannot be run.
func (l *leg) giveUp() {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	cause := voice.EndFailed
	if l.state == voice.Answered {
		cause = voice.EndCompleted
	}
	l.n.endLocked(l, cause, voice.BySystem)
}

// hangUp ends a leg the ordinary way.
func (l *leg) hangUp() {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	l.hangUpLocked()
}

func (l *leg) hangUpLocked() {
	cause := voice.EndCompleted
	if l.state < voice.Answered {
		cause = voice.EndCanceled
	}
	l.n.endLocked(l, cause, voice.BySystem)
}

// play runs the verbs of a document. It returns the next document to run, if the
// markup names one.
func (f *frame) play(d document) (*target, signal) {
	for i, e := range d.verbs {
		if sig := f.await(time.Time{}, func() bool { return true }); sig != sigReady {
			return nil, sig
		}
		leading := i == 0 && e.name == "Pause"
		if !f.wait && !leading && e.name != "Reject" {
			f.l.pickUp()
		}
		next, sig := f.verb(d, e)
		if next != nil || sig != sigReady {
			return next, sig
		}
	}
	if !f.wait {
		f.l.pickUp()
	}
	return nil, sigReady
}

// pickUp answers a caller's leg.
func (l *leg) pickUp() {
	l.n.mu.Lock()
	defer l.n.mu.Unlock()
	if l.direction == voice.Inbound {
		l.n.advanceLocked(l, voice.Answered)
	}
}

func (f *frame) verb(d document, e element) (*target, signal) {
	switch e.name {
	case "Say":
		return nil, f.prompt("say", e.text, e.number("loop", 1))
	case "Play":
		return nil, f.prompt("play", d.resolve(e.text), e.number("loop", 1))
	case "Pause":
		f.hear("pause", e.attr("length", "1"))
		return nil, f.rest(e.seconds("length", 1))
	case "Gather":
		return f.gather(d, e)
	case "Redirect":
		return &target{url: d.resolve(e.text), method: e.attrs["method"]}, sigReady
	case "Hangup":
		f.l.hangUp()
		return nil, sigEnded
	case "Leave":
		if f.wait {
			return nil, sigLeave
		}
	case "Reject":
		if !f.wait {
			return nil, f.reject(e)
		}
	case "Dial":
		if !f.wait {
			return f.dial(d, e)
		}
	case "Enqueue":
		if !f.wait && f.l.n.opt.Emulate == voice.FlavourTwilio {
			return f.enqueue(d, e)
		}
	}
	f.hear("ignored", e.name)
	return nil, sigReady
}

// prompt lets the party hear something, forever when loop is 0.
func (f *frame) prompt(kind, text string, loop int) signal {
	n, l := f.l.n, f.l
	n.mu.Lock()
	l.prompt = text
	n.mu.Unlock()
	for i := 0; ; i++ {
		f.hear(kind, text)
		if loop == 0 && n.opt.PromptDuration == 0 {
			return f.await(time.Time{}, nil)
		}
		if n.opt.PromptDuration > 0 {
			if sig := f.rest(n.opt.PromptDuration); sig != sigReady {
				return sig
			}
		}
		if loop != 0 && i+1 >= loop {
			return sigReady
		}
	}
}

func (f *frame) hear(kind, text string) {
	f.l.n.mu.Lock()
	defer f.l.n.mu.Unlock()
	if f.l.state != voice.Ended {
		f.l.n.hearLocked(f.l, kind, text)
	}
}

func (f *frame) reject(e element) signal {
	n, l := f.l.n, f.l
	n.mu.Lock()
	defer n.mu.Unlock()
	cause := voice.EndNoAnswer
	if e.attrs["reason"] == "busy" {
		cause = voice.EndBusy
	}
	if l.state == voice.Answered {
		cause = voice.EndCompleted
	}
	n.endLocked(l, cause, voice.BySystem)
	return sigEnded
}

// waiting runs a wait document over and over. An empty address is silence.
// extra adds parameters to each request.
func (f *frame) waiting(url, method string, extra func() map[string]string, stop func() bool) signal {
	n, l := f.l.n, f.l
	w := &frame{l: l, wait: true, stop: stop}
	for {
		if url == "" {
			return w.await(time.Time{}, nil)
		}
		began := n.opt.Clock.Now()
		var more map[string]string
		if extra != nil {
			more = extra()
		}
		doc, err := n.fetch(l.ctx, l, target{url: url, method: method, extra: more})
		w.streak++
		if err != nil || w.streak > maxStreak {
			if err != nil && l.ctx.Err() == nil {
				l.failed(err)
			}
			url = ""
			continue
		}
		next, sig := w.play(doc)
		if sig != sigReady {
			return sig
		}
		if next != nil {
			url, method = next.url, next.method
			continue
		}
		if sig := w.await(began.Add(n.opt.WaitLoop), nil); sig != sigTimeout {
			return sig
		}
	}
}
