package dispatch

import (
	"context"
	"slices"

	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

const (
	// classPage is how many classes are read at once.
	classPage = 1000
	// fewClasses is for how many classes the head of each is looked up. Among
	// the heads of more the first of the whole line mostly is.
	fewClasses = 16
	// linePage is how many places of the lines are looked at before that, and
	// maxLines in how many queues.
	linePage = 32
	maxLines = 64
)

// classRule is what it takes to say whether an agent can take the Tasks of a
// demand class.
type classRule struct {
	*DemandClass
	target  rules.Target
	doc     rules.Document
	known   string
	isKnown bool
	// shelf and place say where the cache has it.
	shelf, place int
}

// live reports whether the answer depends on more than who the agent is: on
// the Activity or the channels. queue is the membership expression of the queue
// when it reads those, and nil otherwise.
func (c *classRule) live(queue *rules.Program) bool {
	return (queue != nil && !c.IgnoreMembership) || (c.target.Expression != nil && c.target.Expression.Live())
}

// classRules returns demand classes ready to be asked. Left out are those whose
// routing cannot be had, and whose target is gone.
func (u *Unit) classRules(ctx context.Context, keys []string) ([]*classRule, error) {
	cache := &u.cfg().routings.classes
	out, missing := cache.find(keys)
	for page := range slices.Chunk(missing, classPage) {
		classes, err := u.tx.Classes(ctx, page...)
		if err != nil {
			return nil, err
		}
		for _, c := range classes {
			r, err := u.classRule(ctx, c)
			if err != nil {
				return nil, err
			}
			if r != nil {
				cache.keep(r)
				out = append(out, r)
			}
		}
	}
	return out, nil
}

// classRule prepares one class; nil when nobody can take its Tasks.
func (u *Unit) classRule(ctx context.Context, c *DemandClass) (*classRule, error) {
	r := &classRule{DemandClass: c}
	if c.Filter != taskrouter.FilterBypassed {
		routing, err := u.routing(ctx, c.WorkflowSID, c.ConfigVersion)
		if u.broken(err, c.WorkflowSID) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		var ok bool
		if r.target, ok = routing.At(rules.Position{Filter: c.Filter, Target: c.Target}); !ok {
			return nil, nil
		}
	}
	var err error
	if r.doc, err = u.d.documents.get(c.Sample); err != nil {
		return nil, err
	}
	r.known, r.isKnown = knownValue(r.target, r.doc)
	if r.target.Expression == nil {
		r.doc = rules.Document{} // nobody reads it
	}
	return r, nil
}

// bestFor finds the first waiting Task an agent fits; nil when there is none.
// The agent is asked once per demand class, not once per Task.
func (u *Unit) bestFor(ctx context.Context, a *Agent) (*entry, error) {
	keys, err := u.tx.ClassKeys(ctx, a.SID)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	classes, err := u.classRules(ctx, keys)
	if err != nil {
		return nil, err
	}
	best, err := u.foremost(ctx, u.fitting(ctx, classes, a))
	if err != nil || best == nil {
		return nil, err
	}
	if err := u.adopt(ctx, []*taskrouter.Task{best}); err != nil {
		return nil, err
	}
	return u.tasks[best.SID], nil
}

// fitting picks the classes whose Tasks an agent can take now. What only
// depends on who the agent is was mostly decided the last time.
func (u *Unit) fitting(ctx context.Context, classes []*classRule, a *Agent) (out []*classRule) {
	facts := u.facts(a)
	programs := map[string]*rules.Program{}
	known := u.cfg().routings.classes.verdictsOf(a)
	for _, c := range classes {
		if !hasRoom(c, a) {
			continue
		}
		program, ok := programs[c.QueueSID]
		if !ok {
			program = u.liveProgram(c.QueueSID)
			programs[c.QueueSID] = program
		}
		live := c.live(program)
		ok, decided := known.get(c)
		if live || !decided {
			reason := u.askRule(ctx, c, program, a, &facts)
			ok = reason == matching.Fits
			if !live {
				known.put(c, reason)
			}
		}
		if ok {
			out = append(out, c)
		}
	}
	return out
}

// fitsClass asks whether an agent can take the Tasks of a class now.
func (u *Unit) fitsClass(ctx context.Context, c *DemandClass, a *Agent) (bool, error) {
	r, err := u.classRule(ctx, c)
	if err != nil || r == nil {
		return false, err
	}
	if !hasRoom(r, a) {
		return false, nil
	}
	facts := u.facts(a)
	return u.askRule(ctx, r, u.liveProgram(c.QueueSID), a, &facts) == matching.Fits, nil
}

// hasRoom reports whether a class may be offered to an agent as far as its
// rules are not concerned.
func hasRoom(c *classRule, a *Agent) bool {
	wc := a.channel(c.ChannelSID)
	return wc != nil && wc.HasRoom() && (c.WorkerSID == "" || c.WorkerSID == a.SID)
}

// askRule asks the rules of a class. live is the membership expression of the
// queue when it reads live values.
func (u *Unit) askRule(ctx context.Context, c *classRule, live *rules.Program, a *Agent, facts *rules.WorkerFacts) matching.Reason {
	n := need{target: c.target, doc: c.doc, known: c.known, isKnown: c.isKnown}
	if !c.IgnoreMembership {
		n.program = live
	}
	return u.ruleOn(ctx, c.Key, &n, a, facts)
}

// liveProgram is a queue's membership expression when it reads live values, so
// that membership must be asked for each time; nil otherwise.
func (u *Unit) liveProgram(queueSID string) *rules.Program {
	if q := u.cfg().Queues[queueSID]; q != nil {
		if p := u.queueProgram(q); p != nil && p.Live() {
			return p
		}
	}
	return nil
}

// foremost finds the Task that comes first among those of some classes; nil
// when there is none. Of few classes the head of each is compared. Of many the
// lines of their queues are walked first: with many the first Task of one of
// them is not far, and a queue where it is not found leaves its classes to the
// comparison of heads.
func (u *Unit) foremost(ctx context.Context, classes []*classRule) (*taskrouter.Task, error) {
	var heads []matching.Head
	if len(classes) > u.d.fewClasses {
		var err error
		if heads, classes, err = u.walkLines(ctx, classes); err != nil {
			return nil, err
		}
	}
	var fifo, lifo []string
	for _, c := range classes {
		if u.isLIFO(c.QueueSID) {
			lifo = append(lifo, c.Key)
		} else {
			fifo = append(fifo, c.Key)
		}
	}
	var ts []*taskrouter.Task
	if len(fifo)+len(lifo) > 0 {
		var err error
		if ts, err = u.tx.Heads(ctx, fifo, lifo); err != nil {
			return nil, err
		}
	}
	walked := len(heads)
	for _, t := range ts {
		heads = append(heads, *u.head(t))
	}
	best := matching.First(heads, u.preferLIFO())
	switch {
	case best < 0:
		return nil, nil
	case best >= walked:
		return ts[best-walked], nil
	}
	ts, err := u.tx.Tasks(ctx, heads[best].TaskSID)
	if err != nil || len(ts) == 0 {
		return nil, err
	}
	return ts[0], nil
}

// walkLines looks for the first Task of any of the classes in the lines of
// their queues. What it returns as rest are the classes of queues where none
// was found within the first places of a longer line.
func (u *Unit) walkLines(ctx context.Context, classes []*classRule) (heads []matching.Head, rest []*classRule, err error) {
	wanted := map[string]bool{}
	var fifo, lifo []string
	seen := map[string]int{} // places looked at, by queue
	for _, c := range classes {
		wanted[c.Key] = true
		if _, ok := seen[c.QueueSID]; ok {
			continue
		}
		seen[c.QueueSID] = 0
		if u.isLIFO(c.QueueSID) {
			lifo = append(lifo, c.QueueSID)
		} else {
			fifo = append(fifo, c.QueueSID)
		}
	}
	if len(seen) > maxLines {
		return nil, classes, nil
	}
	limit := max(u.d.linePage/len(seen), 1)
	places, err := u.tx.Lines(ctx, fifo, lifo, limit)
	if err != nil {
		return nil, nil, err
	}
	found := map[string]*matching.Head{}
	for i := range places {
		p := &places[i]
		seen[p.QueueSID]++
		if !wanted[p.Class] {
			continue
		}
		h := &matching.Head{
			TaskSID: p.TaskSID, Priority: p.Priority, VirtualStart: p.VirtualStart, Created: p.CreatedAt, LIFO: u.isLIFO(p.QueueSID),
		}
		if have := found[p.QueueSID]; have == nil || matching.Before(h, have, u.preferLIFO()) < 0 {
			found[p.QueueSID] = h
		}
	}
	for _, h := range sorted(found) {
		heads = append(heads, *h)
	}
	for _, c := range classes {
		if found[c.QueueSID] == nil && seen[c.QueueSID] == limit {
			rest = append(rest, c)
		}
	}
	return heads, rest, nil
}
