package fake

import (
	"slices"
	"strconv"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// queue holds calls until somebody dials it, guarded by the network's lock.
type queue struct {
	sid, name string
	waiting   []*leg
	since     map[*leg]time.Time
	// dialling are legs that wait for a call to come in.
	dialling []*leg
}

// maxQueue is the default length limit.
const maxQueue = 1000

// enqueue runs the Enqueue verb. Starting a task from a workflowSid is the
// router's business, not this network's.
func (f *frame) enqueue(d document, e element) (*target, signal) {
	n, l := f.l.n, f.l
	if e.text == "" {
		f.hear("ignored", "Enqueue without a queue name")
		return nil, sigReady
	}
	n.mu.Lock()
	q := n.queues[e.text]
	if q == nil {
		q = &queue{sid: taskrouter.NewSID("QU"), name: e.text, since: map[*leg]time.Time{}}
		n.queues[e.text] = q
	}
	if len(q.waiting) >= maxQueue {
		n.mu.Unlock()
		return f.queueAction(d, e, map[string]string{"QueueResult": "queue-full"}, sigReady)
	}
	since := n.opt.Clock.Now()
	if l.state != voice.Ended {
		q.waiting = append(q.waiting, l)
		q.since[l] = since
		l.queued = q
		n.hearLocked(l, "queued", q.name)
		for _, w := range q.dialling {
			w.poke()
		}
	}
	n.mu.Unlock()

	wait := ""
	if e.attrs["waitUrl"] != "" {
		wait = d.resolve(e.attrs["waitUrl"])
	} else if !e.has("waitUrl") {
		f.hear("play", "music")
	}
	sig := f.waiting(wait, e.attrs["waitUrlMethod"], func() map[string]string { return n.queueParams(q, l) },
		func() bool { return l.queued != q })
	waited := n.opt.Clock.Now().Sub(since)

	result := map[signal]string{sigLeave: "leave", sigEnded: "hangup", sigMoved: "redirected"}[sig]
	if sig == sigStopped {
		result = "bridged"
		sig = f.await(time.Time{}, func() bool { return l.bridge == nil })
		if sig == sigMoved {
			result = "redirected-from-bridged"
		}
	}
	n.mu.Lock()
	n.dequeueLocked(l)
	n.unbridgeLocked(l)
	n.mu.Unlock()
	extra := map[string]string{
		"QueueResult": result, "QueueSid": q.sid, "QueueTime": strconv.Itoa(int(waited.Seconds())),
	}
	if sig == sigLeave {
		sig = sigReady
	}
	return f.queueAction(d, e, extra, sig)
}

// queueAction goes on after an Enqueue. A leg that was redirected or is over
// still reports its result, but does not run the reply.
func (f *frame) queueAction(d document, e element, extra map[string]string, sig signal) (*target, signal) {
	if !e.has("action") {
		return nil, sig
	}
	t := &target{url: d.resolve(e.attrs["action"]), method: e.attrs["method"], extra: extra}
	if sig == sigReady {
		return t, sigReady
	}
	f.afterEnd(t)
	return nil, sig
}

func (n *Network) queueParams(q *queue, l *leg) map[string]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.opt.Clock.Now()
	var total time.Duration
	for _, since := range q.since {
		total += now.Sub(since)
	}
	return map[string]string{
		"QueueSid": q.sid, "QueuePosition": strconv.Itoa(slices.Index(q.waiting, l) + 1),
		"QueueTime":        strconv.Itoa(int(now.Sub(q.since[l]).Seconds())),
		"AvgQueueTime":     strconv.Itoa(int(total.Seconds()) / max(1, len(q.since))),
		"CurrentQueueSize": strconv.Itoa(len(q.waiting)), "MaxQueueSize": strconv.Itoa(maxQueue),
	}
}

// dequeueLocked takes a leg out of its queue.
func (n *Network) dequeueLocked(l *leg) {
	q := l.queued
	if q == nil {
		return
	}
	l.queued = nil
	q.waiting = slices.DeleteFunc(q.waiting, func(w *leg) bool { return w == l })
	delete(q.since, l)
	l.poke()
	n.touchLocked()
}

// dialQueue connects this leg with the first call of a queue, waiting for one.
func (f *frame) dialQueue(d document, e, noun element) (*target, signal) {
	n, l := f.l.n, f.l
	n.mu.Lock()
	q := n.queues[noun.text]
	if q == nil {
		n.mu.Unlock()
		return f.dialAction(d, e, dialOutcome{status: "failed"})
	}
	q.dialling = append(q.dialling, l)
	n.mu.Unlock()
	var other *leg
	began := n.opt.Clock.Now()
	sig := f.await(began.Add(e.seconds("timeout", 30)), func() bool {
		if len(q.waiting) == 0 {
			return false
		}
		other = q.waiting[0]
		n.dequeueLocked(other)
		n.bridgeLocked(l, other)
		return true
	})
	n.mu.Lock()
	q.dialling = slices.DeleteFunc(q.dialling, func(w *leg) bool { return w == l })
	n.mu.Unlock()
	if other == nil {
		if sig == sigMoved {
			return nil, sig
		}
		return f.dialAction(d, e, dialOutcome{status: "no-answer", over: sig == sigEnded})
	}
	answered := n.opt.Clock.Now()
	sig = f.await(time.Time{}, func() bool { return l.bridge != other })
	if sig == sigMoved {
		return nil, sig
	}
	return f.dialAction(d, e, dialOutcome{
		status: "completed", callSID: other.sid, duration: n.opt.Clock.Now().Sub(answered),
		bridged: true, plain: true, over: sig == sigEnded,
	})
}
