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
	WorkspaceSID string
	Began        time.Time
	// Commands is how many shared it.
	Commands int
	// LockWait is the time until the Workspace's lock was held, and with it a
	// connection to the database; Took is all of it.
	LockWait, Took time.Duration
	// QueueWait is how long the command that came first had waited for the
	// transaction to begin. Commit is the time from the last decision to the end;
	// zero when nothing was to be committed.
	QueueWait, Commit time.Duration
	// Err is set when nothing was committed.
	Err error
	// Events are the types of the events that were committed.
	Events []taskrouter.EventType
}

// watch measures one transaction. A nil watch measures nothing.
type watch struct {
	d    *Dispatcher
	cmds []*command
	done Transaction
	// committing is when all was decided; zero before.
	committing time.Time
}

func newWatch(d *Dispatcher, ws string, cmds []*command) *watch {
	w := &watch{d: d, cmds: cmds, done: Transaction{WorkspaceSID: ws, Began: time.Now(), Commands: len(cmds)}}
	for now := d.opts.Now(); len(cmds) > 0; cmds = cmds[1:] {
		w.done.QueueWait = max(w.done.QueueWait, now.Sub(cmds[0].since))
	}
	return w
}

// locked is called when the lock is held; again when the store starts over.
func (w *watch) locked() {
	if w != nil {
		w.done.LockWait, w.done.Events, w.committing = time.Since(w.done.Began), nil, time.Time{}
	}
}

// decided is called when nothing is left but to commit.
func (w *watch) decided() {
	if w != nil {
		w.committing = time.Now()
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

func (w *watch) report(err error) {
	w.done.Took, w.done.Err = time.Since(w.done.Began), err
	if !w.committing.IsZero() {
		w.done.Commit = time.Since(w.committing)
	}
	if err != nil {
		w.done.Events = nil
	}
	if o := w.d.opts.Observer; o != nil {
		o.TransactionDone(w.done)
	}
	if t := w.d.opts.Tracer; t != nil {
		t.TransactionDone(contexts(w.cmds), w.done)
	}
}
