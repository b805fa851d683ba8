package workflows

import (
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/internal/logging"
)

// work is something in flight. Its key is unique among what is in flight.
type work struct {
	key    string
	future workflow.Future
	done   func(workflow.Future)
	// cancel gives it up; nil for what cannot be.
	cancel workflow.CancelFunc
}

// Kinds of work, the first part of its key.
const (
	workCallback = "callback"
	workAnswer   = "answer"
	workDial     = "dial"
	workConfirm  = "confirm"
	workHangUp   = "hang-up"
)

func workKey(kind, subject string) string { return kind + "/" + subject }

// begin reports whether something the view asks for is to be begun now, and
// remembers that it was.
func (r *taskRun) begin(key string) bool {
	if slices.Contains(r.started, key) {
		return false
	}
	r.started = append(r.started, key)
	return true
}

// forget drops what no view can ask for any more: Reservations and legs that
// are closed never come back.
func (r *taskRun) forget() {
	// Nobody waits for what a receiver says about an offer that is over.
	r.work = slices.DeleteFunc(r.work, func(w work) bool {
		kind, subject, _ := strings.Cut(w.key, "/")
		if kind != workAnswer || r.mentions(subject) {
			return false
		}
		w.cancel()
		return true
	})
	r.started = slices.DeleteFunc(r.started, func(key string) bool {
		if r.running(key) {
			return false
		}
		_, subject, _ := strings.Cut(key, "/")
		return !r.mentions(subject)
	})
}

func (r *taskRun) mentions(subject string) bool {
	for i := range r.view.Offers {
		if r.view.Offers[i].ReservationSID == subject {
			return true
		}
	}
	for i := range r.view.Legs {
		if r.view.Legs[i].Attempt == subject {
			return true
		}
	}
	return false
}

// do puts something in flight.
func (r *taskRun) do(key string, f workflow.Future, done func(workflow.Future)) {
	r.work = append(r.work, work{key: key, future: f, done: done})
}

func (r *taskRun) drop(key string) {
	r.work = slices.DeleteFunc(r.work, func(w work) bool { return w.key == key })
}

func (r *taskRun) running(key string) bool {
	return slices.ContainsFunc(r.work, func(w work) bool { return w.key == key })
}

// settled reports whether nothing is in flight that an ended Task needs. Whether
// two parties have met, and what a receiver says in the end, matters to nobody
// any more.
func (r *taskRun) settled() bool {
	return !slices.ContainsFunc(r.work, func(w work) bool {
		kind, _, _ := strings.Cut(w.key, "/")
		return kind != workConfirm && kind != workAnswer
	})
}

// again puts a pause in flight, after which f is called.
func (r *taskRun) again(key string, pause time.Duration, f func()) {
	timer := workflow.NewTimerWithOptions(r.ctx, pause, workflow.TimerOptions{Summary: key + " again"})
	r.do(key, timer, func(workflow.Future) { f() })
}

// storeCall is a local activity that answers with a View.
type storeCall struct {
	activity any
	input    any
	summary  string
}

// store puts a store call in flight and hands its view to then. It never gives
// up: the call itself is retried for weeks, and then begun again.
func (r *taskRun) store(key string, c storeCall, then func(View)) {
	ctx := workflow.WithLocalActivityOptions(r.ctx, storeWrite(c.summary))
	r.do(key, workflow.ExecuteLocalActivity(ctx, c.activity, c.input), func(f workflow.Future) {
		var v View
		if err := f.Get(r.ctx, &v); err != nil {
			r.log.Error("store call given up", logging.KeyJob, key, logging.KeyError, err)
			r.again(key, storeMaxWait, func() { r.store(key, c, then) })
			return
		}
		then(v)
	})
}
