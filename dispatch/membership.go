package dispatch

import (
	"context"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// reviseMembership brings the queues of an agent in line with the queues'
// expressions. Queues whose expression reads live values have every agent as a
// member and are asked again at each match.
func (u *Unit) reviseMembership(ctx context.Context, a *Agent) error {
	have := map[string]bool{}
	if !a.CreatedAt.Equal(u.at) || a.Version > 0 {
		qs, err := u.tx.QueuesOf(ctx, a.SID)
		if err != nil {
			return err
		}
		for _, q := range qs {
			have[q] = true
		}
	}
	facts := u.facts(a)
	for _, q := range sorted(u.cfg().Queues) {
		u.setMembership(q, a.SID, have[q.SID], u.belongs(ctx, q, facts))
	}
	return nil
}

func (u *Unit) setMembership(q *taskrouter.TaskQueue, workerSID string, had, has bool) {
	if had == has {
		return
	}
	m := Membership{QueueSID: q.SID, WorkerSID: workerSID}
	if has {
		u.changes.Join = append(u.changes.Join, m)
	} else {
		u.changes.Leave = append(u.changes.Leave, m)
	}
	// Both index reads depend on membership.
	u.pending, u.workersMoved, u.tasksMoved = true, true, true
}

// belongs asks a queue's expression about an agent.
func (u *Unit) belongs(ctx context.Context, q *taskrouter.TaskQueue, facts rules.WorkerFacts) bool {
	p := u.queueProgram(q)
	if p == nil {
		return false
	}
	if p.Live() {
		return true
	}
	ok, err := p.Eval(ctx, rules.Input{Worker: &facts})
	if err != nil {
		u.d.log.Warn("queue expression failed and does not match", logging.QueueSID(q.SID), logging.WorkerSID(facts.SID), logging.Err(err))
		return false
	}
	return ok
}
