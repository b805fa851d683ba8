package dispatch

import (
	"cmp"
	"context"
	"slices"

	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// What the steps of a change cost. Attributes are who somebody is, so changing
// them is more than pressing a button.
const (
	costSwitch = 1
	costFinish = 1
	costEdit   = 2
	// hopeless is the distance of an agent no change to whom helps.
	hopeless = 1 << 20
)

// distance estimates the cost of making an agent fit.
func (x *explainer) distance(a *Agent, reasons []matching.Reason) int {
	cost := 0
	for _, r := range reasons {
		switch r {
		case matching.ActivityAway, matching.ChannelOff:
			cost += costSwitch
		case matching.NoCapacity:
			c := a.channel(x.t.TaskChannelSID)
			if c == nil {
				return hopeless
			}
			cost += max(1, costFinish*(c.Used()-c.ConfiguredCapacity+1))
		case matching.Busy:
			cost += costFinish * a.open()
		case matching.NotMember, matching.RuleSaysNo, matching.RuleFailed:
			cost += costEdit
		default:
			return hopeless
		}
	}
	return cost
}

// nearest works out what it takes for each of the agents, tries it, and keeps
// the least.
func (x *explainer) nearest(ctx context.Context, agents []surveyed) ([]Remedy, error) {
	var out []Remedy
	for _, a := range agents {
		c, err := x.change(ctx, a.Agent, a.reasons)
		if err != nil {
			return nil, err
		}
		if c != nil {
			out = append(out, *c)
		}
	}
	slices.SortStableFunc(out, func(a, b Remedy) int {
		return cmp.Or(yesFirst(a.Assigns, b.Assigns), cmp.Compare(a.Cost, b.Cost))
	})
	return out[:min(len(out), maxRemedies)], nil
}

// attempt is an agent as it would be, and the steps that lead there.
type attempt struct {
	agent *Agent
	steps []Step
	cost  int
}

// change finds the least that makes an agent fit; nil when nothing known does.
// Each attempt is judged by the predicates of matching.
func (x *explainer) change(ctx context.Context, a *Agent, reasons []matching.Reason) (*Remedy, error) {
	if len(reasons) == 0 || a.channel(x.t.TaskChannelSID) == nil {
		return nil, nil
	}
	a, reasons, err := x.afterWork(ctx, a, reasons)
	if err != nil {
		return nil, err
	}
	var best *attempt
	for _, activity := range x.activities(a, reasons) {
		for _, idle := range []bool{false, true} {
			if idle && (!x.live() || a.open() == 0) {
				continue
			}
			tries, err := x.attempts(ctx, a, reasons, activity, idle)
			if err != nil {
				return nil, err
			}
			for _, y := range tries {
				if (best == nil || y.cost < best.cost) && x.fits(ctx, y.agent) {
					best = y
				}
			}
		}
	}
	if best == nil {
		return nil, nil
	}
	out := &Remedy{WorkerSID: a.SID, FriendlyName: a.FriendlyName, Steps: best.steps}
	out.Ahead, out.Assigns, err = x.line.ahead(ctx, copyAgent(best.agent), x.t)
	out.Cost = best.cost + out.Ahead
	if x.t.Assignments >= x.u.d.opts.MaxAssignments {
		out.Assigns = false // another offer cancels the Task instead
	}
	return out, err
}

// afterWork is an agent in the Activity that finishing its work leaves it in:
// where agents have one Task at a time, accepting it may bring one that is not
// available, and the offer it has not answered must be accepted first.
func (x *explainer) afterWork(ctx context.Context, a *Agent, reasons []matching.Reason) (*Agent, []matching.Reason, error) {
	if x.u.cfg().Workspace.MultiTaskEnabled || a.open() == 0 {
		return a, reasons, nil
	}
	rs, err := x.s.OpenReservationsOf(ctx, a.SID)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rs {
		q := x.u.cfg().Queues[r.QueueSID]
		if r.Status != taskrouter.ReservationPending || q == nil {
			continue
		}
		if act := x.u.cfg().Activities[q.AssignmentActivitySID]; act != nil && act.SID != a.ActivitySID {
			a = copyAgent(a)
			a.ActivitySID, a.Available = act.SID, act.Available
			if !act.Available && !slices.Contains(reasons, matching.ActivityAway) {
				reasons = append(slices.Clone(reasons), matching.ActivityAway)
			}
		}
	}
	return a, reasons, nil
}

// live reports whether an expression reads what changes while agents work.
func (x *explainer) live() bool {
	return x.n.program != nil || x.n.target.Expression != nil && x.n.target.Expression.Live()
}

// activities are those the agent might be in: its own, unless that is in the
// way, and the available ones when they could help.
func (x *explainer) activities(a *Agent, reasons []matching.Reason) []*taskrouter.Activity {
	const most = 10
	away := slices.Contains(reasons, matching.ActivityAway)
	var out []*taskrouter.Activity
	if !away {
		out = append(out, nil)
	}
	if away || x.live() {
		for _, act := range sorted(x.u.cfg().Activities) {
			if act.Available && act.SID != a.ActivitySID && len(out) < most {
				out = append(out, act)
			}
		}
	}
	return out
}

// attempts clears every obstacle of an agent: in an Activity when one is
// given, with all its work finished when idle is set, and with each set of
// edits that might satisfy the expressions.
func (x *explainer) attempts(ctx context.Context, a *Agent, reasons []matching.Reason, to *taskrouter.Activity, idle bool) ([]*attempt, error) {
	y := &attempt{agent: copyAgent(a)}
	c := y.agent.channel(x.t.TaskChannelSID)
	var last []Step
	for _, r := range reasons {
		switch r {
		case matching.ChannelOff:
			c.Available = true
			y.add(Step{Kind: StepChannel, Channel: c.TaskChannelName}, costSwitch)
		case matching.NoCapacity:
			if c.ConfiguredCapacity == 0 && !idle {
				c.ConfiguredCapacity = c.Used() + 1
				y.add(Step{Kind: StepCapacity, Channel: c.TaskChannelName, Count: c.ConfiguredCapacity}, costSwitch)
			} else if c.ConfiguredCapacity == 0 {
				c.ConfiguredCapacity = 1
				y.add(Step{Kind: StepCapacity, Channel: c.TaskChannelName, Count: 1}, costSwitch)
			}
		default:
		}
	}
	slices.SortStableFunc(y.steps, func(a, b Step) int { return yesFirst(a.Kind == StepCapacity, b.Kind == StepCapacity) })
	idle = idle || slices.Contains(reasons, matching.Busy)
	for _, wc := range y.agent.Channels {
		n := 0
		switch {
		case idle:
			n = wc.Used()
		case wc == c:
			n = max(0, wc.Used()-wc.ConfiguredCapacity+1)
		}
		if n > 0 && (idle || slices.Contains(reasons, matching.NoCapacity)) {
			finish(wc, n)
			last = append(last, Step{Kind: StepFinish, Channel: wc.TaskChannelName, Count: n})
			y.cost += costFinish * n
		}
	}
	if to != nil {
		y.agent.ActivitySID, y.agent.Available = to.SID, to.Available
		last = append(last, Step{Kind: StepActivity, ActivitySID: to.SID, Activity: to.FriendlyName})
		y.cost += costSwitch
	}
	y.steps = append(y.steps, last...)
	return x.edited(ctx, y)
}

// edited is an attempt with each set of edits that might satisfy the
// expressions, or alone when they are satisfied.
func (x *explainer) edited(ctx context.Context, y *attempt) ([]*attempt, error) {
	facts := x.u.facts(y.agent)
	sets := [][]rules.Edit{nil}
	if x.admits != nil && !x.anybody {
		var err error
		if sets, err = x.u.d.engine.Repairs(ctx, rules.PlaceQueueWorkers, x.n.queue.TargetWorkers, rules.Input{Worker: &facts}); err != nil {
			return nil, err
		}
	}
	more := [][]rules.Edit{nil}
	if p := x.n.target.Expression; p != nil {
		var err error
		if more, err = x.u.d.engine.Repairs(ctx, rules.PlaceTargetExpression, p.Source(), rules.Input{Task: &x.n.doc, Worker: &facts}); err != nil {
			return nil, err
		}
	}
	var out []*attempt
	for _, a := range sets {
		for _, b := range more {
			edits := slices.Clone(a)
			for _, e := range b {
				if !slices.Contains(edits, e) {
					edits = append(edits, e)
				}
			}
			if len(edits) == 0 {
				out = append(out, y)
				continue
			}
			attributes, err := rules.ApplyEdits(y.agent.Attributes, edits)
			if err != nil {
				continue // these do not fit together, others may
			}
			z := &attempt{agent: copyAgent(y.agent), steps: y.steps, cost: y.cost + costEdit*len(edits)}
			z.agent.Attributes = attributes
			z.steps = slices.Insert(slices.Clone(y.steps), 0, Step{Kind: StepAttributes, Edits: edits})
			out = append(out, z)
		}
	}
	return out, nil
}

func (y *attempt) add(s Step, cost int) {
	y.steps = append(y.steps, s)
	y.cost += cost
}

// finish takes Reservations out of a channel's counters, accepted ones first.
func finish(c *taskrouter.WorkerChannel, n int) {
	for _, count := range []*int{&c.Accepted, &c.Wrapping, &c.Pending} {
		k := min(n, *count)
		*count -= k
		n -= k
	}
}

// fits asks matching about an agent as it would be.
func (x *explainer) fits(ctx context.Context, a *Agent) bool {
	if !x.anybody && !x.u.admitted(ctx, x.n.queue, a) {
		return false
	}
	x.n.agents[a.SID] = a
	defer delete(x.n.agents, a.SID)
	return x.n.demand.Check(x.u.candidate(a, x.t, x.n)) == matching.Fits
}

// admitted asks a queue's expression about an agent as it would be. It is
// belongs without a word in the log.
func (u *Unit) admitted(ctx context.Context, q *taskrouter.TaskQueue, a *Agent) bool {
	if q == nil {
		return false
	}
	p := u.queueProgram(q)
	if p == nil {
		return false
	}
	facts := u.facts(a)
	ok, err := p.Eval(ctx, rules.Input{Worker: &facts})
	return err == nil && ok
}

// copyAgent makes an agent that can be changed without changing the one read.
func copyAgent(a *Agent) *Agent {
	w := *a.Worker
	out := &Agent{Worker: &w}
	for _, c := range a.Channels {
		wc := *c
		out.Channels = append(out.Channels, &wc)
	}
	return out
}
