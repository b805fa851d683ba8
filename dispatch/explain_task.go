package dispatch

import (
	"cmp"
	"context"
	"slices"

	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// ExplainTask tells where a Task stands and, while it waits, for each agent
// why it is not being offered to them, by the same predicates that matching
// uses; limit is how many agents are listed, at most MaxExplainedAgents. It
// reads one moment without the Workspace's lock, and each of its agents once.
func (d *Dispatcher) ExplainTask(ctx context.Context, account, workspaceSID, sid string, limit int) (*TaskExplanation, error) {
	var out *TaskExplanation
	err := d.look(ctx, account, workspaceSID, func(ctx context.Context, u *Unit, s Snapshot) error {
		ts, err := s.Tasks(ctx, sid)
		if err != nil {
			return err
		}
		if len(ts) == 0 || ts[0].Deleted() {
			return taskNotFound(Subject{WorkspaceSID: workspaceSID, SID: sid})
		}
		out, err = u.explainTask(ctx, s, ts[0], min(max(limit, 1), MaxExplainedAgents))
		return err
	})
	return out, err
}

func (u *Unit) explainTask(ctx context.Context, s Snapshot, t *taskrouter.Task, limit int) (*TaskExplanation, error) {
	e := &entry{Offers: taskrouter.Offers{Task: t}}
	out := &TaskExplanation{
		Task: t, Seq: u.lock().EventSeq, At: u.at, MaxAssignments: u.d.opts.MaxAssignments,
		Totals: map[matching.Reason]int{},
	}
	job, err := s.Job(ctx)
	if err != nil {
		return nil, err
	}
	out.JobRunning = job != nil
	if out.Offers, err = s.ReservationsOf(ctx, t.SID, maxOffersRead); err != nil {
		return nil, err
	}
	n, err := u.stand(ctx, e, &out.Standing)
	if err != nil || n == nil || t.Status != taskrouter.TaskPending {
		return out, err
	}
	q := n.queue
	if q != nil {
		if out.Before, out.Waiting, err = s.Place(ctx, t, q.TaskOrder == taskrouter.LIFO); err != nil {
			return nil, err
		}
	}
	x, err := u.explainer(ctx, s, t, n)
	if err != nil {
		return nil, err
	}
	near, err := x.survey(ctx, out, limit)
	if err != nil {
		return nil, err
	}
	out.Nearest, err = x.nearest(ctx, near)
	return out, err
}

// stand tells the target a Task is in, and prepares matching in it; nil when
// the target is gone.
func (u *Unit) stand(ctx context.Context, e *entry, to *Standing) (*need, error) {
	t := e.Task
	*to = Standing{
		Direct: t.Route.Direct, ConfigVersion: t.Route.ConfigVersion, Queue: u.cfg().Queues[t.QueueSID],
		Position: rules.Position{Filter: t.Route.Filter, Target: t.Route.Target},
	}
	if t.Route.Direct == taskrouter.DirectNone {
		if err := u.retell(ctx, e); err != nil {
			return nil, err
		}
		to.FilterName, to.FilterExpression = e.scene.filterName, e.scene.filterExpression
	}
	tg, ok, err := u.target(ctx, e)
	if err != nil {
		return nil, err
	}
	if !ok {
		to.Gone = true
		return nil, nil
	}
	to.TargetName, to.Expression, to.SkipIf = tg.Name, source(tg.Expression), source(tg.SkipIf)
	if tg.OrderBy != nil {
		to.OrderBy = tg.OrderBy.Source()
	}
	n, err := u.needIn(ctx, t, tg)
	if err != nil {
		return nil, err
	}
	if n.isKnown {
		to.KnownWorker = n.known
	}
	return n, nil
}

func source(p *rules.Program) string {
	if p == nil {
		return ""
	}
	return p.Source()
}

// explainer explains one waiting Task.
type explainer struct {
	u *Unit
	s Snapshot
	t *taskrouter.Task
	n *need
	// admits is the queue's expression, asked of agents as they would be; nil
	// admits nobody. anybody is set when membership does not matter.
	admits  *rules.Program
	anybody bool
	members map[string]bool
	line    *lines
}

func (u *Unit) explainer(ctx context.Context, s Snapshot, t *taskrouter.Task, n *need) (*explainer, error) {
	x := &explainer{u: u, s: s, t: t, n: n, members: map[string]bool{}, line: &lines{u: u, s: s}}
	x.anybody = t.Route.Direct == taskrouter.DirectWorker
	if x.anybody || n.queue == nil {
		return x, nil
	}
	x.admits = u.queueProgram(n.queue)
	sids, err := s.Members(ctx, n.queue.SID)
	for _, sid := range sids {
		x.members[sid] = true
	}
	return x, err
}

// reasons lists what keeps an agent from the Task. A queue that reads live
// values has everybody as a member and speaks through the rules.
func (x *explainer) reasons(ctx context.Context, a *Agent) []matching.Reason {
	x.n.agents[a.SID] = a
	out := x.n.demand.Obstacles(*x.u.candidate(a, x.t, x.n))
	delete(x.n.agents, a.SID)
	if len(out) > 0 && out[len(out)-1] == matching.NotMember { // what would the target say?
		asked := *x.n
		asked.program = nil
		if why := x.u.rule(ctx, x.t.SID, &asked, a); why != matching.Fits {
			out = append(out, why)
		}
	}
	if !x.anybody && !x.members[a.SID] {
		out = slices.Insert(out, 0, matching.NotMember)
	}
	return out
}

// surveyed is an agent that was looked at.
type surveyed struct {
	*Agent
	member  bool
	reasons []matching.Reason
	cost    int
}

// survey looks at every agent of the Workspace and details the first of them:
// members of the queue before others, those who lack little before those who
// lack much. It returns the agents who lack least.
func (x *explainer) survey(ctx context.Context, out *TaskExplanation, limit int) (near []surveyed, err error) {
	var listed []surveyed
	consider := func(as []*Agent) {
		for _, a := range as {
			y := surveyed{Agent: a, member: x.anybody || x.members[a.SID], reasons: x.reasons(ctx, a)}
			y.cost = x.distance(a, y.reasons)
			first := matching.Fits
			if len(y.reasons) > 0 {
				first = y.reasons[0]
			}
			out.Totals[first]++
			out.Considered++
			listed = append(listed, y)
			if y.cost < hopeless && first != matching.Fits {
				near = append(near, y)
			}
		}
		listed = firstOf(listed, limit, func(a, b surveyed) int {
			return cmp.Or(yesFirst(a.member, b.member), byCost(a, b))
		})
		near = firstOf(near, maxNear, byCost)
	}
	if sid, ok := x.n.only(x.t); ok && x.anybody { // nobody else is asked
		as, err := x.s.Agents(ctx, sid)
		if err != nil {
			return nil, err
		}
		consider(as)
	} else {
		for after := ""; ; {
			as, err := x.s.AllAgents(ctx, after, agentPage)
			if err != nil {
				return nil, err
			}
			consider(as)
			if len(as) < agentPage {
				break
			}
			if after = as[len(as)-1].SID; out.Considered >= maxAgentsRead {
				out.Truncated = true
				break
			}
		}
	}
	earlier := map[string][]*taskrouter.Reservation{}
	for _, r := range out.Offers {
		earlier[r.WorkerSID] = append(earlier[r.WorkerSID], r)
	}
	for _, y := range listed {
		v := AgentVerdict{WorkerSID: y.SID, FriendlyName: y.FriendlyName, Member: y.member, Earlier: earlier[y.SID]}
		if v.Obstacles, err = x.detail(ctx, y.Agent, y.reasons); err != nil {
			return nil, err
		}
		out.Agents = append(out.Agents, v)
	}
	return near, nil
}

// agentPage is how many agents are read at once.
const agentPage = 500

// firstOf sorts and keeps the first.
func firstOf(list []surveyed, n int, compare func(a, b surveyed) int) []surveyed {
	slices.SortFunc(list, compare)
	return list[:min(n, len(list))]
}

func yesFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func byCost(a, b surveyed) int {
	return cmp.Or(cmp.Compare(a.cost, b.cost), a.LastReservedAt.Compare(b.LastReservedAt), cmp.Compare(a.SID, b.SID))
}

// detail adds to reasons what they are about.
func (x *explainer) detail(ctx context.Context, a *Agent, reasons []matching.Reason) ([]Obstacle, error) {
	var out []Obstacle
	facts := x.u.facts(a)
	for _, r := range reasons {
		o := Obstacle{Reason: r}
		var err error
		switch r {
		case matching.ActivityAway:
			o.Activity = facts.ActivityName
		case matching.ChannelOff, matching.NoCapacity:
			if c := a.channel(x.t.TaskChannelSID); c != nil {
				o.Used, o.Capacity = c.Used(), c.ConfiguredCapacity
			}
		case matching.Busy:
			o.Used, o.Capacity = a.open(), 1
		case matching.NotMember:
			if x.n.queue == nil || x.admits == nil {
				break
			}
			o.Expression = x.n.queue.TargetWorkers
			o.Clauses, err = x.u.clauses(ctx, rules.PlaceQueueWorkers, o.Expression, rules.Input{Worker: &facts})
		case matching.RuleSaysNo, matching.RuleFailed:
			o.Expression = x.n.target.Expression.Source()
			o.Clauses, err = x.u.clauses(ctx, rules.PlaceTargetExpression, o.Expression, rules.Input{Task: &x.n.doc, Worker: &facts})
		default:
		}
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// clauses lists the clauses of an expression that are not true.
func (u *Unit) clauses(ctx context.Context, p rules.Place, text string, in rules.Input) ([]rules.Clause, error) {
	c, err := u.d.engine.Explain(ctx, p, text, in)
	return c.Failing(), err
}
