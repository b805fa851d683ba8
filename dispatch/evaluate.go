package dispatch

import (
	"context"
	"math"
	"time"

	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// NewEvaluation is a dry run of a routing configuration.
type NewEvaluation struct {
	AccountSID, WorkspaceSID string
	// WorkflowSID names the stored configuration; Configuration is evaluated
	// instead when it is not nil, and then the Workflow may be empty.
	WorkflowSID   string
	Configuration *string
	Attributes    taskrouter.Attributes
	Priority      int64
	// Channel is the SID or unique name of the TaskChannel; empty is default.
	Channel string
	// Limit is how many agents are listed for each target, at most
	// MaxExplainedAgents.
	Limit int
}

// FilterVerdict is a filter of an evaluated configuration.
type FilterVerdict struct {
	Name    string
	Matched bool
	// Clause is the whole expression with its verdict.
	Clause rules.Clause
}

// RankedAgent is an agent who could be offered the Task now.
type RankedAgent struct{ SID, FriendlyName string }

// TargetVerdict is a target of the chosen filter.
type TargetVerdict struct {
	rules.Position
	Name     string
	QueueSID string
	Queue    *taskrouter.TaskQueue // nil when the Workspace has no such queue
	// Priority is the Task's in this target.
	Priority int64
	// Timeout is zero without limit.
	Timeout                     time.Duration
	Expression, OrderBy, SkipIf string
	KnownWorker                 string
	// Skip is the verdict of SkipIf, which is asked only when nobody fits.
	Skip rules.Clause
	// Members is the size of the queue. Fitting counts the agents who could
	// be offered the Task now, and Agents are the first of them in order.
	Members, Fitting int
	Agents           []RankedAgent
}

// Evaluation is what a configuration would do with a Task. Nothing is stored.
type Evaluation struct {
	At  time.Time
	Seq int64
	// Filters are all of them, whether or not the first match was found.
	Filters []FilterVerdict
	// Entered is the target the Task would enter first, and Targets the
	// targets of its filter. End says that nothing takes the Task.
	End     bool
	Entered rules.Position
	Targets []TargetVerdict
	// Rests is where the Task would be reserved, or would wait, after targets
	// that are skipped. Canceled says that the last one was skipped as well.
	Rests    rules.Position
	Canceled bool
	// Reserved are the agents who would be offered it there at once.
	Reserved []RankedAgent
}

// Evaluate says what would become of a Task if it were created now: which
// filters match, which targets it would pass, and who could take it there. It
// reads one moment and stores nothing.
func (d *Dispatcher) Evaluate(ctx context.Context, in NewEvaluation) (*Evaluation, error) {
	var out *Evaluation
	err := d.look(ctx, in.AccountSID, in.WorkspaceSID, func(ctx context.Context, u *Unit, _ Snapshot) error {
		v := &evaluator{u: u, limit: min(max(in.Limit, 1), MaxExplainedAgents)}
		var err error
		if err = v.prepare(ctx, in); err != nil {
			return err
		}
		out, err = v.run(ctx)
		return err
	})
	return out, err
}

// evaluator carries a Task that is never stored through a configuration.
type evaluator struct {
	u       *Unit
	routing *rules.Routing
	t       *taskrouter.Task
	doc     rules.Document
	limit   int
}

func (v *evaluator) prepare(ctx context.Context, in NewEvaluation) (err error) {
	u := v.u
	if in.Configuration != nil {
		if v.routing, err = u.d.engine.ParseConfiguration(*in.Configuration); err != nil {
			return err
		}
	} else {
		w := u.cfg().Workflows[in.WorkflowSID]
		if w == nil {
			return taskrouter.NotFoundf("The requested resource /v1/Workspaces/%s/Workflows/%s was not found", in.WorkspaceSID, in.WorkflowSID)
		}
		if v.routing, err = u.routing(ctx, w.SID, w.ConfigVersion); err != nil {
			return err
		}
	}
	if err := validPriority(in.Priority); err != nil {
		return err
	}
	c, err := u.channelFor(in.Channel)
	if err != nil {
		return err
	}
	v.t = &taskrouter.Task{
		AccountSID: in.AccountSID, WorkspaceSID: in.WorkspaceSID, Status: taskrouter.TaskPending, Attributes: in.Attributes,
		Priority: in.Priority, TaskChannelSID: c.SID, WorkflowSID: in.WorkflowSID,
		VirtualStartTime: u.at, CreatedAt: u.at, UpdatedAt: u.at,
	}
	if v.t.Attributes == "" {
		v.t.Attributes = taskrouter.NoAttributes
	}
	v.doc, err = u.d.documents.get(v.t.Attributes)
	return err
}

func (v *evaluator) run(ctx context.Context) (*Evaluation, error) {
	out := &Evaluation{At: v.u.at, Seq: v.u.lock().EventSeq}
	for i := 0; ; i++ {
		if _, ok := v.routing.At(rules.Position{Filter: i}); !ok {
			break
		}
		name, text := v.routing.FilterAt(rules.Position{Filter: i})
		c, err := v.u.d.engine.Explain(ctx, rules.PlaceTaskFilter, text, rules.Input{Task: &v.doc})
		if err != nil {
			return nil, err
		}
		out.Filters = append(out.Filters, FilterVerdict{Name: name, Matched: c.Verdict == rules.VerdictTrue, Clause: c})
	}
	d := v.routing.Enter(ctx, 0, rules.CauseInitial, v.doc)
	if d.Err != nil {
		return nil, taskrouter.Unavailable(d.Err, "routing was interrupted")
	}
	out.End, out.Entered = d.End, d.Position
	if d.End {
		return out, nil
	}
	for i := 0; ; i++ {
		at := rules.Position{Filter: d.Filter, Target: i}
		tg, ok := v.routing.At(at)
		if !ok {
			break
		}
		verdict, _, err := v.target(ctx, at, tg)
		if err != nil {
			return nil, err
		}
		out.Targets = append(out.Targets, verdict)
	}
	return out, v.follow(ctx, out, d)
}

// follow goes where the Task would go at once: to the first target that is not
// skipped.
func (v *evaluator) follow(ctx context.Context, out *Evaluation, d rules.Decision) error {
	for {
		if d.Err != nil {
			return taskrouter.Unavailable(d.Err, "routing was interrupted")
		}
		if d.End {
			out.Canceled = true
			return nil
		}
		out.Rests = d.Position
		at, want, err := v.target(ctx, d.Position, d.Target)
		if err != nil {
			return err
		}
		if at.Fitting > 0 {
			out.Reserved = at.Agents[:min(want, len(at.Agents))]
			return nil
		}
		if at.Skip.Verdict != rules.VerdictTrue {
			return nil
		}
		if d.Filter == rules.DefaultFilter {
			return nil // it is never left
		}
		d = v.routing.Next(ctx, d.Position, rules.CauseSkip, v.doc)
	}
}

// target says what the Task would find in a target, and to how many agents it
// would be offered at once.
func (v *evaluator) target(ctx context.Context, at rules.Position, tg rules.Target) (TargetVerdict, int, error) {
	u := v.u
	out := TargetVerdict{
		Position: at, Name: tg.Name, QueueSID: tg.QueueSID, Queue: u.cfg().Queues[tg.QueueSID], Priority: v.t.Priority,
		Timeout: tg.Timeout, Expression: source(tg.Expression), SkipIf: source(tg.SkipIf),
	}
	t := *v.t
	t.QueueSID, t.Route.Filter, t.Route.Target = tg.QueueSID, at.Filter, at.Target
	// Priorities of the targets passed on the way stay.
	for i := 0; i <= at.Target; i++ {
		if x, ok := v.routing.At(rules.Position{Filter: at.Filter, Target: i}); ok && x.Priority != nil {
			out.Priority = *x.Priority
		}
	}
	if tg.OrderBy != nil {
		out.OrderBy = tg.OrderBy.Source()
	}
	n, err := u.needIn(ctx, &t, tg)
	if err != nil {
		return out, 0, err
	}
	if n.isKnown {
		out.KnownWorker = n.known
	}
	want := n.demand.Want
	n.demand.Want = math.MaxInt
	e := &entry{Offers: taskrouter.Offers{Task: &t}}
	candidates, failed := u.candidates(ctx, e, n)
	plan := matching.Assign(&n.demand, candidates)
	if err := failed(); err != nil {
		return out, 0, err
	}
	out.Fitting = len(plan.Chosen)
	for _, sid := range plan.Chosen[:min(v.limit, len(plan.Chosen))] {
		out.Agents = append(out.Agents, RankedAgent{SID: sid, FriendlyName: n.agents[sid].FriendlyName})
	}
	facts, err := u.presence(ctx, tg.QueueSID)
	if err != nil {
		return out, 0, err
	}
	out.Members = facts.Available + facts.Unavailable
	if tg.SkipIf != nil {
		out.Skip, err = u.d.engine.Explain(ctx, rules.PlaceSkipIf, tg.SkipIf.Source(), rules.Input{Task: &v.doc, Workers: facts})
	}
	return out, max(want, 1), err
}
