package dispatch

import (
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Observer is told how the dispatcher works, for metrics. Its methods are
// called by many goroutines and must not wait: commands wait for them.
type Observer interface {
	// CommandDone tells how long one command took, from being asked to its
	// outcome, its wait for others included.
	CommandDone(took time.Duration, err error)
	// TransactionDone tells of one attempt at a transaction.
	TransactionDone(t Transaction)
}

// Transaction is what one attempt at a Workspace's transaction took.
type Transaction struct {
	// Commands is how many shared it.
	Commands int
	// LockWait is the time until the Workspace's lock was held, and with it a
	// connection to the database; Took is all of it.
	LockWait, Took time.Duration
	// Err is set when nothing was committed.
	Err error
	// Events are the types of the events that were committed.
	Events []taskrouter.EventType
}

// watch measures one transaction. A nil watch measures nothing.
type watch struct {
	began time.Time
	done  Transaction
}

func newWatch(commands int) *watch {
	return &watch{began: time.Now(), done: Transaction{Commands: commands}}
}

// locked is called when the lock is held; again when the store starts over.
func (w *watch) locked() {
	if w != nil {
		w.done.LockWait, w.done.Events = time.Since(w.began), nil
	}
}

func (w *watch) emitted(events []taskrouter.Event) {
	if w == nil {
		return
	}
	for i := range events {
		w.done.Events = append(w.done.Events, events[i].Type)
	}
}

func (w *watch) report(o Observer, err error) {
	w.done.Took, w.done.Err = time.Since(w.began), err
	if err != nil {
		w.done.Events = nil
	}
	o.TransactionDone(w.done)
}
