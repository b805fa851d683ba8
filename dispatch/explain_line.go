package dispatch

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// lines are the waiting lines of a Workspace as agents would see them, read
// once for one explanation.
type lines struct {
	u       *Unit
	s       Snapshot
	read    bool
	classes []*DemandClass
	byKey   map[string]*DemandClass
	// firsts are lines by classes: many agents see the same.
	firsts map[string][]*taskrouter.Task
}

func (l *lines) load(ctx context.Context) error {
	if l.read {
		return nil
	}
	classes, err := l.s.AllClasses(ctx, maxClassesRead)
	if err != nil {
		return err
	}
	l.read, l.classes, l.byKey = true, classes, make(map[string]*DemandClass, len(classes))
	for _, c := range classes {
		l.byKey[c.Key] = c
	}
	return nil
}

// open lists the classes of the queues that admit an agent, and those that
// name it.
func (l *lines) open(ctx context.Context, a *Agent) ([]*DemandClass, error) {
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	admitted := map[string]bool{}
	var out []*DemandClass
	for _, c := range l.classes {
		if c.WorkerSID != "" && c.WorkerSID != a.SID {
			continue
		}
		if !c.IgnoreMembership {
			ok, asked := admitted[c.QueueSID]
			if !asked {
				ok = l.u.admitted(ctx, l.u.cfg().Queues[c.QueueSID], a)
				admitted[c.QueueSID] = ok
			}
			if !ok {
				continue
			}
		}
		out = append(out, c)
	}
	return out, nil
}

// fitting are those of the open classes an agent can take now.
func (l *lines) fitting(ctx context.Context, a *Agent) ([]*DemandClass, error) {
	open, err := l.open(ctx, a)
	if err != nil {
		return nil, err
	}
	var out []*DemandClass
	for _, c := range open {
		ok, err := l.u.fitsClass(ctx, c, a)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// tasks are the first waiting Tasks of some classes in the order of one agent.
func (l *lines) tasks(ctx context.Context, classes []*DemandClass, limit int) ([]*taskrouter.Task, error) {
	u := l.u
	var fifo, lifo []string
	for _, c := range classes {
		if u.isLIFO(c.QueueSID) {
			lifo = append(lifo, c.Key)
		} else {
			fifo = append(fifo, c.Key)
		}
	}
	key := strings.Join(fifo, ",") + ";" + strings.Join(lifo, ",") + ";" + strconv.Itoa(limit)
	if out, ok := l.firsts[key]; ok {
		return out, nil
	}
	out, err := l.s.Line(ctx, fifo, false, limit)
	if err != nil {
		return nil, err
	}
	more, err := l.s.Line(ctx, lifo, true, limit)
	if err != nil {
		return nil, err
	}
	out = append(out, more...)
	slices.SortFunc(out, func(a, b *taskrouter.Task) int { return matching.Before(u.head(a), u.head(b), u.preferLIFO()) })
	out = out[:min(limit, len(out))]
	if l.firsts == nil {
		l.firsts = map[string][]*taskrouter.Task{}
	}
	l.firsts[key] = out
	return out, nil
}

// ahead lets an agent, as it would be, take waiting Tasks as matching hands
// them out, and says how many come before the one in question and whether that
// one is reached. The agent is changed.
func (l *lines) ahead(ctx context.Context, a *Agent, t *taskrouter.Task) (before int, assigns bool, err error) {
	if t.DemandClass == "" { // nothing is offered during a pause
		return 0, false, nil
	}
	classes, err := l.fitting(ctx, a)
	if err != nil {
		return 0, false, err
	}
	line, err := l.tasks(ctx, classes, maxLine)
	if err != nil {
		return 0, false, err
	}
	all := slices.IndexFunc(line, func(x *taskrouter.Task) bool { return x.SID == t.SID })
	if all < 0 {
		all = len(line)
	}
	for taken := map[string]bool{}; ; before++ {
		next, err := l.next(ctx, a, line, taken)
		switch {
		case err != nil:
			return 0, false, err
		case next == nil:
			return all, false, nil
		case next.SID == t.SID:
			return before, true, nil
		}
		taken[next.SID] = true
		if c := a.channel(next.TaskChannelSID); c != nil {
			c.Count("", taskrouter.ReservationPending)
		}
	}
}

// next is the first Task of a line that an agent can take.
func (l *lines) next(ctx context.Context, a *Agent, line []*taskrouter.Task, taken map[string]bool) (*taskrouter.Task, error) {
	if !l.u.mayOffer(a) {
		return nil, nil
	}
	for _, t := range line {
		c := l.byKey[t.DemandClass]
		if taken[t.SID] || c == nil {
			continue
		}
		ok, err := l.u.fitsClass(ctx, c, a)
		if err != nil {
			return nil, err
		}
		if ok {
			return t, nil
		}
	}
	return nil, nil
}
