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
	slices.Sort(sids)
	for _, sid := range slices.Compact(sids) {
		if err := u.matchAgent(ctx, sid, nil); err != nil {
			return err
		}
	}
	return nil
}

// matchAgent gives an agent waiting Tasks while there is room. With a Task
// given, only those that come before it in line.
func (u *Unit) matchAgent(ctx context.Context, sid string, before *entry) error {
	for {
		a, err := u.agent(ctx, sid)
		if err != nil || a == nil {
			return err
		}
		if !u.mayOffer(a) {
			return nil
		}
		if u.tasksMoved {
			if err := u.flush(ctx); err != nil {
				return err
			}
		}
		e, err := u.bestFor(ctx, a)
		if err != nil || e == nil {
			return err
		}
		if before != nil && matching.Before(u.head(e.Task), u.head(before.Task), u.preferLIFO()) >= 0 {
			return nil
		}
		done, err := u.assign(ctx, e, a)
		if err != nil {
			return err
		}
		if !done { // the class said yes, the agent says no: a fault of ours, never an endless loop
			u.d.log.Error("demand class and matching disagree", logging.TaskSID(e.Task.SID), logging.WorkerSID(a.SID))
			return nil
		}
	}
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
	if wc == nil || !wc.Available || (u.cfg().Workspace.MultiTaskEnabled && !wc.HasRoom()) {
		return false, nil
	}
	if c.WorkerSID != "" && c.WorkerSID != a.SID {
		return false, nil
	}
	var tg rules.Target
	if c.Filter != taskrouter.FilterBypassed {
		r, err := u.routing(ctx, c.WorkflowSID, c.ConfigVersion)
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
		if err := u.matchTask(ctx, e); err != nil {
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
// Task in line, then the Task is tried, then the agents take what is left.
func (u *Unit) settle(ctx context.Context, e *entry, freed []string) error {
	if e.Task.Status != taskrouter.TaskPending {
		return u.matchAgents(ctx, freed...)
	}
	for _, sid := range freed {
		if err := u.matchAgent(ctx, sid, e); err != nil {
			return err
		}
	}
	if err := u.resume(ctx, e); err != nil {
		return err
	}
	return u.matchAgents(ctx, freed...)
}
