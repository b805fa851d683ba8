package offline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Agent is an agent to try the targets on: available, with room on every
// channel.
type Agent struct {
	Name       string
	Attributes taskrouter.Attributes
}

// Request is a dry run.
type Request struct {
	Configuration string
	Attributes    taskrouter.Attributes
	Agents        []Agent
	// Queues are the membership expressions of queues, by what targets call
	// them; a queue that is not here has every agent.
	Queues map[string]string
}

// BadConfiguration is a configuration that cannot be used, with every fault.
type BadConfiguration struct{ Faults []error }

// Error lists the faults, one a line.
func (b *BadConfiguration) Error() string {
	lines := make([]string, len(b.Faults))
	for i, f := range b.Faults {
		lines[i] = f.Error()
	}
	return "the configuration cannot be used\n" + strings.Join(lines, "\n")
}

// Filter is a filter with its verdict.
type Filter struct {
	Index      int      `json:"filter"`
	Name       string   `json:"name,omitempty"`
	Expression string   `json:"expression"`
	Verdict    string   `json:"verdict"`
	Chosen     bool     `json:"chosen"`
	Failing    []string `json:"failing,omitempty"`
}

// AgentVerdict is an agent at a target.
type AgentVerdict struct {
	Name    string   `json:"name"`
	Fits    bool     `json:"fits"`
	Failing []string `json:"failing,omitempty"`
}

// Target is a target of the chosen filter.
type Target struct {
	Index    int    `json:"target"`
	Name     string `json:"name,omitempty"`
	Queue    string `json:"queue"`
	Priority *int64 `json:"priority"`
	// Timeout is in seconds; 0 is without limit.
	Timeout     int64  `json:"timeout"`
	Expression  string `json:"expression,omitempty"`
	OrderBy     string `json:"order_by,omitempty"`
	SkipIf      string `json:"skip_if,omitempty"`
	Skipped     bool   `json:"skipped"`
	KnownWorker string `json:"known_worker,omitempty"`
	// Agents are those who fit, in order of ranking, then the others.
	Agents []AgentVerdict `json:"agents"`
}

// Report is the outcome of a dry run.
type Report struct {
	Matched       bool     `json:"matched"`
	DefaultFilter bool     `json:"default_filter"`
	Filters       []Filter `json:"filters"`
	Targets       []Target `json:"targets"`
}

// Evaluate carries out a dry run. A configuration that cannot be used is a
// *BadConfiguration; attributes or a queue's expression that cannot be are
// errors of kind invalid.
func Evaluate(ctx context.Context, engine *rules.Engine, in Request) (*Report, error) {
	if faults := engine.CheckConfiguration(in.Configuration); len(faults) > 0 {
		return nil, &BadConfiguration{Faults: faults}
	}
	r := &run{engine: engine}
	if err := r.prepare(in); err != nil {
		return nil, err
	}
	out := &Report{}
	d := r.routing.Enter(ctx, 0, rules.CauseInitial, r.task)
	if d.Err != nil {
		return nil, taskrouter.Unavailable(d.Err, "interrupted")
	}
	out.Matched, out.DefaultFilter = !d.End, !d.End && d.Filter == rules.DefaultFilter
	for i := 0; ; i++ {
		if _, ok := r.routing.At(rules.Position{Filter: i}); !ok {
			break
		}
		name, text := r.routing.FilterAt(rules.Position{Filter: i})
		c, err := engine.Explain(ctx, rules.PlaceTaskFilter, text, rules.Input{Task: &r.task})
		if err != nil {
			return nil, err
		}
		out.Filters = append(out.Filters, Filter{
			Index: i, Name: name, Expression: text, Verdict: string(c.Verdict), Chosen: out.Matched && d.Filter == i, Failing: told(c),
		})
	}
	for i := 0; out.Matched; i++ {
		tg, ok := r.routing.At(rules.Position{Filter: d.Filter, Target: i})
		if !ok {
			break
		}
		t, err := r.target(ctx, i, tg)
		if err != nil {
			return nil, err
		}
		out.Targets = append(out.Targets, t)
	}
	return out, nil
}

// run is a dry run with everything decoded.
type run struct {
	engine  *rules.Engine
	routing *rules.Routing
	task    rules.Document
	agents  []rules.WorkerFacts
	queues  map[string]string
}

func (r *run) prepare(in Request) (err error) {
	if r.routing, err = r.engine.ParseConfiguration(in.Configuration); err != nil {
		return err
	}
	if r.task, err = rules.ParseDocument(in.Attributes); err != nil {
		return err
	}
	for i, a := range in.Agents {
		doc, err := rules.ParseDocument(a.Attributes)
		if err != nil {
			return taskrouter.Invalidf("worker %d: %v", i+1, err)
		}
		free := rules.ChannelFacts{ConfiguredCapacity: 1, Available: true}
		name := a.Name
		if name == "" {
			name = fmt.Sprintf("worker %d", i+1)
		}
		r.agents = append(r.agents, rules.WorkerFacts{
			SID: name, FriendlyName: name, ActivityName: "Available", Attributes: doc,
			Channels: map[string]rules.ChannelFacts{"default": free, "voice": free, "chat": free, "sms": free, "video": free},
		})
	}
	r.queues = in.Queues
	for name, text := range in.Queues {
		if _, err := r.engine.Compile(rules.PlaceQueueWorkers, text); err != nil {
			return taskrouter.Invalidf("queue %s: %v", name, err)
		}
	}
	return nil
}

func (r *run) target(ctx context.Context, i int, tg rules.Target) (Target, error) {
	out := Target{Index: i, Name: tg.Name, Queue: tg.QueueSID, Priority: tg.Priority, Timeout: int64(tg.Timeout.Seconds())}
	if tg.Expression != nil {
		out.Expression = tg.Expression.Source()
	}
	if ref := tg.KnownWorkerSID; ref != nil {
		out.KnownWorker, _, _ = ref.Lookup(r.task)
	} else if ref := tg.KnownWorkerName; ref != nil {
		out.KnownWorker, _, _ = ref.Lookup(r.task)
	}
	var fit []rules.WorkerFacts
	var others []AgentVerdict
	present := &rules.QueueFacts{}
	for _, a := range r.agents {
		failing, member, err := r.failing(ctx, tg, a, out.KnownWorker)
		if err != nil {
			return out, err
		}
		if member {
			present.Available++
		}
		if len(failing) == 0 {
			fit = append(fit, a)
		} else {
			others = append(others, AgentVerdict{Name: a.FriendlyName, Failing: failing})
		}
	}
	if tg.OrderBy != nil {
		out.OrderBy = tg.OrderBy.Source()
		slices.SortStableFunc(fit, tg.OrderBy.Compare)
	}
	for _, a := range fit {
		out.Agents = append(out.Agents, AgentVerdict{Name: a.FriendlyName, Fits: true})
	}
	out.Agents = append(out.Agents, others...)
	if tg.SkipIf != nil {
		out.SkipIf = tg.SkipIf.Source()
		// It is asked only when nobody could be reserved.
		ok, err := tg.SkipIf.Eval(ctx, rules.Input{Task: &r.task, Workers: present})
		out.Skipped = err == nil && ok && len(fit) == 0
	}
	return out, nil
}

// failing lists what keeps an agent from a target.
func (r *run) failing(ctx context.Context, tg rules.Target, a rules.WorkerFacts, known string) (out []string, member bool, err error) {
	member = true
	if text, given := r.queues[tg.QueueSID]; given {
		c, err := r.engine.Explain(ctx, rules.PlaceQueueWorkers, text, rules.Input{Worker: &a})
		if err != nil {
			return nil, false, err
		}
		member = c.Verdict == rules.VerdictTrue
		for _, line := range told(c) {
			out = append(out, "queue: "+line)
		}
	}
	if (tg.KnownWorkerSID != nil || tg.KnownWorkerName != nil) && (known == "" || !strings.EqualFold(known, a.FriendlyName)) {
		out = append(out, "known worker: the task names another")
	}
	if tg.Expression != nil {
		c, err := r.engine.Explain(ctx, rules.PlaceTargetExpression, tg.Expression.Source(), rules.Input{Task: &r.task, Worker: &a})
		if err != nil {
			return nil, false, err
		}
		for _, line := range told(c) {
			out = append(out, "target: "+line)
		}
	}
	return out, member, nil
}

// told writes the clauses that are not true, with their values.
func told(c rules.Clause) []string {
	var out []string
	for _, f := range c.Failing() {
		out = append(out, f.String())
	}
	return out
}
