package dispatch

import (
	"cmp"
	"context"
	"slices"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// ExplainWorker tells why an agent is idle or busy, which queues it is in, and
// which waiting Tasks it would take. It reads one moment without the
// Workspace's lock.
func (d *Dispatcher) ExplainWorker(ctx context.Context, account, workspaceSID, sid string) (*WorkerExplanation, error) {
	var out *WorkerExplanation
	err := d.look(ctx, account, workspaceSID, func(ctx context.Context, u *Unit, s Snapshot) error {
		as, err := s.Agents(ctx, sid)
		if err != nil {
			return err
		}
		if len(as) == 0 {
			return workerNotFound(workspaceSID, sid)
		}
		out, err = u.explainWorker(ctx, s, as[0])
		return err
	})
	return out, err
}

func (u *Unit) explainWorker(ctx context.Context, s Snapshot, a *Agent) (*WorkerExplanation, error) {
	out := &WorkerExplanation{
		Agent: a, Activity: u.cfg().Activities[a.ActivitySID], Seq: u.lock().EventSeq, At: u.at, MayTake: u.mayOffer(a),
	}
	job, err := s.Job(ctx)
	if err != nil {
		return nil, err
	}
	out.JobRunning = job != nil
	if out.Offers, err = s.OpenReservationsOf(ctx, a.SID); err != nil {
		return nil, err
	}
	if out.Queues, err = u.queueVerdicts(ctx, s, a); err != nil {
		return nil, err
	}
	l := &lines{u: u, s: s}
	if out.Next, err = l.nextIfFree(ctx, a); err != nil {
		return nil, err
	}
	out.Waiting, err = l.notGiven(ctx, a)
	return out, err
}

// queueVerdicts says of each queue whether an agent is a member, members first.
func (u *Unit) queueVerdicts(ctx context.Context, s Snapshot, a *Agent) ([]QueueVerdict, error) {
	sids, err := s.QueuesOf(ctx, a.SID)
	if err != nil {
		return nil, err
	}
	facts := u.facts(a)
	var out []QueueVerdict
	for _, q := range sorted(u.cfg().Queues) {
		v := QueueVerdict{Queue: q, Member: slices.Contains(sids, q.SID)}
		if p := u.queueProgram(q); p != nil {
			// A live queue has everybody as a member; its expression decides.
			v.Live = p.Live()
			if !v.Member || v.Live {
				c, err := u.d.engine.Explain(ctx, rules.PlaceQueueWorkers, q.TargetWorkers, rules.Input{Worker: &facts})
				if err != nil {
					return nil, err
				}
				v.Clauses, v.Member = c.Failing(), v.Member && c.Verdict == rules.VerdictTrue
			}
		} else if q.TargetWorkers != "" {
			v.Fault = "the stored expression does not compile"
		}
		out = append(out, v)
	}
	slices.SortStableFunc(out, func(a, b QueueVerdict) int {
		return cmp.Or(yesFirst(a.Member, b.Member), cmp.Compare(a.Queue.FriendlyName, b.Queue.FriendlyName))
	})
	return out, nil
}

// nextIfFree lists what an agent would take, one after the other, if it were
// available with nothing else to do.
func (l *lines) nextIfFree(ctx context.Context, a *Agent) ([]TaskVerdict, error) {
	free := copyAgent(a)
	for _, c := range free.Channels {
		c.Pending, c.Accepted, c.Wrapping = 0, 0, 0
	}
	if !free.Available {
		for _, act := range sorted(l.u.cfg().Activities) {
			if act.Available {
				free.ActivitySID, free.Available = act.SID, true
				break
			}
		}
	}
	if !l.u.mayOffer(free) {
		return nil, nil
	}
	classes, err := l.fitting(ctx, free)
	if err != nil {
		return nil, err
	}
	ts, err := l.tasks(ctx, classes, maxNextTasks)
	if err != nil {
		return nil, err
	}
	var out []TaskVerdict
	for _, t := range ts {
		out = append(out, TaskVerdict{Task: t})
	}
	return out, nil
}

// notGiven lists the first waiting Tasks of an agent's queues with what keeps
// the agent from each.
func (l *lines) notGiven(ctx context.Context, a *Agent) ([]TaskVerdict, error) {
	classes, err := l.open(ctx, a)
	if err != nil {
		return nil, err
	}
	ts, err := l.tasks(ctx, classes, maxNextTasks)
	if err != nil {
		return nil, err
	}
	var out []TaskVerdict
	for _, t := range ts {
		v := TaskVerdict{Task: t}
		var at Standing
		n, err := l.u.stand(ctx, &entry{Offers: taskrouter.Offers{Task: t}}, &at)
		if err != nil {
			return nil, err
		}
		if n == nil {
			continue // its target is gone; it waits for its time to live
		}
		x := &explainer{u: l.u, s: l.s, t: t, n: n, anybody: t.Route.Direct == taskrouter.DirectWorker, line: l}
		if n.queue != nil && !x.anybody {
			x.admits = l.u.queueProgram(n.queue)
		}
		x.members = map[string]bool{a.SID: true} // the class is open to the agent
		if v.Obstacles, err = x.detail(ctx, a, x.reasons(ctx, a)); err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
