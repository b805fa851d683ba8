package dispatch

import (
	"context"
	"slices"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// matchAgents gives freed agents the waiting Tasks they can take.
func (u *Unit) matchAgents(ctx context.Context, sids ...string) error {
	return u.matchEach(ctx, sids, nil)
}

// matchEach is matchAgents; with a Task given, only what comes before it in
// line is handed out.
func (u *Unit) matchEach(ctx context.Context, sids []string, before *entry) error {
	sids = slices.Compact(slices.Sorted(slices.Values(sids)))
	if len(sids) == 1 {
		return u.matchAgent(ctx, sids[0], before)
	}
	return u.matchCrowd(ctx, sids, before)
}

// matchAgent gives one agent waiting Tasks while there is room. Everybody else
// who fits those Tasks is busy: otherwise they would not be waiting.
func (u *Unit) matchAgent(ctx context.Context, sid string, before *entry) error {
	for {
		a, e, err := u.nextFor(ctx, sid, before)
		if err != nil || e == nil {
			return err
		}
		done, err := u.assign(ctx, e, a)
		if err != nil {
			return err
		}
		if !done { // the class said yes, the agent says no: a fault of ours, never an endless loop
			u.disagree(e, sid)
			return nil
		}
	}
}

func (u *Unit) disagree(e *entry, workerSID string) {
	u.d.log.Error("demand class and matching disagree", logging.TaskSID(e.Task.SID), logging.WorkerSID(workerSID))
}

// matchCrowd gives several agents, who may all be free, waiting Tasks: always
// the first of all Tasks that any of them can take, offered to the first of
// them in the Task's own order. So no agent is served out of turn, and no Task
// goes to an agent who had less right to it.
func (u *Unit) matchCrowd(ctx context.Context, sids []string, before *entry) error {
	next := map[string]*entry{}
	stale := sids
	for {
		for _, sid := range stale {
			_, e, err := u.nextFor(ctx, sid, before)
			if err != nil {
				return err
			}
			delete(next, sid)
			if e != nil {
				next[sid] = e
			}
		}
		var first *entry
		for _, e := range sorted(next) {
			if first == nil || matching.Before(u.head(e.Task), u.head(first.Task), u.preferLIFO()) < 0 {
				first = e
			}
		}
		if first == nil {
			return nil
		}
		if err := u.offerTask(ctx, first, "agent"); err != nil {
			return err
		}
		stale = nil
		for _, sid := range sortedKeys(next) {
			wanted, got := next[sid] == first, slices.ContainsFunc(first.Open, func(r *taskrouter.Reservation) bool { return r.WorkerSID == sid })
			switch {
			case wanted && first.Task.Status == taskrouter.TaskPending:
				u.disagree(first, sid)
				delete(next, sid)
			case wanted || got:
				stale = append(stale, sid)
			}
		}
	}
}

// nextFor finds the first waiting Task an agent can take now.
func (u *Unit) nextFor(ctx context.Context, sid string, before *entry) (*Agent, *entry, error) {
	a, err := u.agent(ctx, sid)
	if err != nil || a == nil || !u.mayOffer(a) {
		return nil, nil, err
	}
	if u.tasksMoved {
		if err := u.flush(ctx); err != nil {
			return nil, nil, err
		}
	}
	e, err := u.bestFor(ctx, a)
	if err != nil || e == nil {
		return nil, nil, err
	}
	if before != nil && matching.Before(u.head(e.Task), u.head(before.Task), u.preferLIFO()) >= 0 {
		return nil, nil, nil
	}
	return a, e, nil
}

func (u *Unit) mayOffer(a *Agent) bool {
	if !a.Available {
		return false
	}
	if !u.cfg().Workspace.MultiTaskEnabled {
		return a.open() == 0
	}
	return workerFree(a)
}

func (u *Unit) preferLIFO() bool {
	return u.cfg().Workspace.PrioritizeQueueOrder == taskrouter.LIFO
}

func (u *Unit) head(t *taskrouter.Task) *matching.Head {
	q := u.cfg().Queues[t.QueueSID]
	return &matching.Head{
		TaskSID: t.SID, Priority: t.Priority, VirtualStart: t.VirtualStartTime, Created: t.CreatedAt,
		LIFO: q != nil && q.TaskOrder == taskrouter.LIFO,
	}
}

// bestFor finds the first waiting Task an agent fits; nil when there is none.
// The agent is asked once per demand class, not once per Task.
func (u *Unit) bestFor(ctx context.Context, a *Agent) (*entry, error) {
	classes, err := u.tx.ClassesFor(ctx, a.SID)
	if err != nil {
		return nil, err
	}
	var fifo, lifo []string
	for _, c := range classes {
		ok, err := u.fitsClass(ctx, c, a)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		if q := u.cfg().Queues[c.QueueSID]; q != nil && q.TaskOrder == taskrouter.LIFO {
			lifo = append(lifo, c.Key)
		} else {
			fifo = append(fifo, c.Key)
		}
	}
	if len(fifo)+len(lifo) == 0 {
		return nil, nil
	}
	ts, err := u.tx.Heads(ctx, fifo, lifo)
	if err != nil || len(ts) == 0 {
		return nil, err
	}
	heads := make([]matching.Head, len(ts))
	for i, t := range ts {
		heads[i] = *u.head(t)
	}
	best := ts[matching.First(heads, u.preferLIFO())]
	if err := u.adopt(ctx, []*taskrouter.Task{best}); err != nil {
		return nil, err
	}
	return u.tasks[best.SID], nil
}

// fitsClass asks whether an agent can take the Tasks of a class now.
func (u *Unit) fitsClass(ctx context.Context, c *DemandClass, a *Agent) (bool, error) {
	wc := a.channel(c.ChannelSID)
	if wc == nil || !wc.HasRoom() {
		return false, nil
	}
	if c.WorkerSID != "" && c.WorkerSID != a.SID {
		return false, nil
	}
	var tg rules.Target
	if c.Filter != taskrouter.FilterBypassed {
		r, err := u.routing(ctx, c.WorkflowSID, c.ConfigVersion)
		if u.broken(err, c.WorkflowSID) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		var ok bool
		if tg, ok = r.At(rules.Position{Filter: c.Filter, Target: c.Target}); !ok {
			return false, nil
		}
	}
	doc, err := u.d.documents.get(c.Sample)
	if err != nil {
		return false, err
	}
	n := &need{target: tg, doc: doc}
	n.known, n.isKnown = knownValue(tg, doc)
	if q := u.cfg().Queues[c.QueueSID]; q != nil && !c.IgnoreMembership {
		if p := u.queueProgram(q); p != nil && p.Live() {
			n.program = p
		}
	}
	return u.rule(ctx, c.Key, n, a) == matching.Fits, nil
}

// assign offers a waiting Task to a freed agent, and to others when the queue
// offers to several at once.
func (u *Unit) assign(ctx context.Context, e *entry, a *Agent) (bool, error) {
	n, err := u.need(ctx, e)
	if err != nil || n == nil {
		return false, err
	}
	if n.demand.Want > 1 && e.Task.Route.Direct != taskrouter.DirectWorker {
		if err := u.offerTask(ctx, e, "agent"); err != nil {
			return false, err
		}
		return e.Task.Status != taskrouter.TaskPending, nil
	}
	n.agents[a.SID] = a
	plan := matching.Assign(&n.demand, func(yield func(*matching.Candidate) bool) { yield(u.candidate(a, e.Task, n)) })
	if len(plan.Chosen) == 0 {
		return false, nil
	}
	return true, u.reserve(ctx, e, n, plan, "agent")
}

// settle matches after offers ended: agents first take what stands before the
// Task in line, then the Task is tried, then the agents take what is left. A
// move that was put off is made first: the Task's place in line is the new one.
func (u *Unit) settle(ctx context.Context, e *entry, freed []string) error {
	if e.Task.Status == taskrouter.TaskPending {
		u.freed = freed
		err := u.resume(ctx, e)
		u.freed = nil
		if err != nil {
			return err
		}
	}
	return u.matchAgents(ctx, freed...)
}
