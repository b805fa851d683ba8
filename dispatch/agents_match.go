package dispatch

import (
	"context"
	"slices"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/matching"
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
	return &matching.Head{
		TaskSID: t.SID, Priority: t.Priority, VirtualStart: t.VirtualStartTime, Created: t.CreatedAt,
		LIFO: u.isLIFO(t.QueueSID),
	}
}

func (u *Unit) isLIFO(queueSID string) bool {
	q := u.cfg().Queues[queueSID]
	return q != nil && q.TaskOrder == taskrouter.LIFO
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
