package dispatch

import (
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// ErrOverloaded refuses a new Task because the commands of its Workspace wait
// for too long already. Nothing was done.
var ErrOverloaded = taskrouter.Errorf(taskrouter.KindUnavailable, "The Workspace has more to do than it can; try again later")

// errFull refuses a command because far too many wait. Somebody who keeps
// asking without waiting for answers does that.
var errFull = taskrouter.Errorf(taskrouter.KindUnavailable, "Too many changes of the Workspace wait; try again later")

// lane orders the commands that wait for their turn in a Workspace: those of
// the first lane go first, and within a lane who came first.
type lane int

const (
	// laneCalls is for the telephone: somebody holds the line. A quarter of a
	// transaction is left to laneWork all the same.
	laneCalls lane = iota
	// laneWork moves on what has begun.
	laneWork
	// laneNew makes new Tasks. It waits while there is other work, and is
	// refused when that lasts.
	laneNew
	lanes
)

// maxQueued bounds the commands in one lane of a Workspace, and with them the
// memory they take.
const maxQueued = 10_000

// waitingLine is the commands that wait in one Workspace. No lane can fill
// another one.
type waitingLine [lanes][]*command

// add puts a command at the end of its lane, unless it is a new Task and the
// line has not moved for longer than patience.
func (w *waitingLine) add(l lane, c *command, patience time.Duration) error {
	if l == laneNew && patience > 0 && w.age(c.since) > patience {
		return ErrOverloaded
	}
	if len(w[l]) >= maxQueued {
		return errFull
	}
	w[l] = append(w[l], c)
	return nil
}

// age is how long the command that came first has been waiting.
func (w *waitingLine) age(now time.Time) time.Duration {
	var oldest time.Duration
	for _, queue := range w {
		if len(queue) > 0 {
			oldest = max(oldest, now.Sub(queue[0].since))
		}
	}
	return oldest
}

// take removes the next n commands, and apart from them the new Tasks that have
// waited for longer than patience: who asked for them was promised an answer in
// time.
func (w *waitingLine) take(n int, now time.Time, patience time.Duration) (batch, stale []*command) {
	if patience > 0 {
		queue := w[laneNew]
		for len(queue) > len(stale) && now.Sub(queue[len(stale)].since) > patience {
			stale = queue[:len(stale)+1]
		}
		w.drop(laneNew, len(stale))
	}
	for l := range lanes {
		room := n - len(batch)
		if l == laneCalls { // a storm of notices from a platform must not stop the agents
			room -= min(n/4, len(w[laneWork]))
		}
		some := min(room, len(w[l]))
		batch = append(batch, w[l][:some]...)
		w.drop(l, some)
	}
	return batch, stale
}

// drop removes the first n commands of a lane. An empty one gives its memory
// back.
func (w *waitingLine) drop(l lane, n int) {
	if w[l] = w[l][n:]; len(w[l]) == 0 {
		w[l] = nil
	}
}
