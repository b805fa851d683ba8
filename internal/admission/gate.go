package admission

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Class orders the requests that wait at a gate: the first class comes first.
type Class int

// The classes.
const (
	// Finish moves on what has begun: it frees agents and ends Tasks.
	Finish Class = iota
	// Change is everything else.
	Change
	// Begin makes new work.
	Begin
	classes
)

// gate lets a number of requests in at a time. It is safe for concurrent use.
type gate struct {
	reason Reason
	limit  int
	// kept are places of the limit that only Finish gets.
	kept     int
	room     int
	patience time.Duration

	mu      sync.Mutex
	inside  int
	waiting int
	lines   [classes]list.List // of *visitor, first come first
}

// visitor waits at a gate. It gets one verdict: whether it is let in.
type visitor struct {
	verdict chan bool
	at      *list.Element // nil once it has left the line
}

// newGate lets limit requests in, and room more wait, each for patience at most.
func newGate(reason Reason, limit, room int, patience time.Duration) *gate {
	return &gate{reason: reason, limit: limit, room: room, patience: patience}
}

// enter waits until the request is let in; leave must then be called. It is
// refused when it waited too long, when ctx ends, and when the line is full of
// requests that do not stand behind it.
func (g *gate) enter(ctx context.Context, c Class) error {
	g.mu.Lock()
	if g.inside < g.places(c) {
		g.inside++
		g.mu.Unlock()
		return nil
	}
	if g.waiting >= g.room && !g.displace(c) {
		g.mu.Unlock()
		return g.refusal()
	}
	v := &visitor{verdict: make(chan bool, 1)}
	v.at = g.lines[c].PushBack(v)
	g.waiting++
	g.mu.Unlock()

	timer := time.NewTimer(g.patience)
	defer timer.Stop()
	select {
	case in := <-v.verdict:
		return g.refusalUnless(in)
	case <-timer.C:
	case <-ctx.Done():
	}
	g.mu.Lock()
	waited := v.at != nil
	if waited {
		g.remove(c, v)
	}
	g.mu.Unlock()
	// Who left the line meanwhile has a verdict, and may have been let in.
	return g.refusalUnless(!waited && <-v.verdict)
}

// leave lets the next one in: the first of the first class that has a place.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	for c := range classes {
		first := g.lines[c].Front()
		if first == nil || g.inside >= g.places(c) {
			continue
		}
		v, _ := first.Value.(*visitor)
		g.remove(c, v)
		g.inside++
		v.verdict <- true
		return
	}
}

// places is how many may be inside for one of a class to enter.
func (g *gate) places(c Class) int {
	if c == Finish {
		return g.limit
	}
	return g.limit - g.kept
}

// displace sends away the last one of the last class behind c; false when
// nobody stands behind it.
func (g *gate) displace(c Class) bool {
	for last := classes - 1; last > c; last-- {
		if back := g.lines[last].Back(); back != nil {
			v, _ := back.Value.(*visitor)
			g.remove(last, v)
			v.verdict <- false
			return true
		}
	}
	return false
}

func (g *gate) remove(c Class, v *visitor) {
	g.lines[c].Remove(v.at)
	v.at = nil
	g.waiting--
}

func (g *gate) refusalUnless(in bool) error {
	if in {
		return nil
	}
	return g.refusal()
}

func (g *gate) refusal() *Refusal { return Overload(g.reason, "The server is busy; try again later") }

// load is how many requests are inside and how many wait.
func (g *gate) load() (inside, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside, g.waiting
}
