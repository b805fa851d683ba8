package dispatch

import "context"

// Queued tells tests how many commands wait in a Workspace.
func (d *Dispatcher) Queued(workspaceSID string) int {
	d.executors.mu.Lock()
	defer d.executors.mu.Unlock()
	n := 0
	if x := d.executors.running[workspaceSID]; x != nil {
		for _, queue := range x.waiting {
			n += len(queue)
		}
	}
	return n
}

// Followed does what following a command costs: what is done when it is asked,
// in its turn, and when its notice is sent.
func (d *Dispatcher) Followed(ctx context.Context) (sentIn context.Context) {
	ctx, done := d.follow(ctx, "")
	c := command{ctx: ctx}
	sentIn = delivery{origin: d.origin(&c)}.context()
	if done != nil {
		done(nil)
	}
	return sentIn
}

// WalkLines makes a search through more classes than few walk the lines of
// their queues, page places at a time, which otherwise takes many classes.
func (d *Dispatcher) WalkLines(few, page int) { d.fewClasses, d.linePage = few, page }
