package workspace

import (
	"context"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// WorkerFacts is what an expression can read about a listed Worker.
type WorkerFacts struct {
	*taskrouter.Worker
	ActivityName string
	// Channels reads the Worker's capacity; called only when an expression
	// needs it.
	Channels func(ctx context.Context) ([]*taskrouter.WorkerChannel, error)
}

// Evaluator filters lists with the rule engine. A resource an expression cannot
// be evaluated on does not match; only an interrupted evaluation is an error.
type Evaluator struct{ engine *rules.Engine }

// NewEvaluator makes an Evaluator.
func NewEvaluator(engine *rules.Engine) Evaluator { return Evaluator{engine: engine} }

// matches is the outcome of an evaluation: what cannot be evaluated does not
// match, but an interrupted evaluation says nothing.
func matches(ok bool, err error) (bool, error) {
	if rules.IsInterrupted(err) {
		return false, err
	}
	return ok && err == nil, nil
}

// TaskFilter compiles an expression over Task attributes.
func (e Evaluator) TaskFilter(expression string) (func(context.Context, *taskrouter.Task) (bool, error), error) {
	p, err := e.engine.Compile(rules.PlaceTaskList, expression)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, t *taskrouter.Task) (bool, error) {
		doc, err := rules.ParseDocument(t.Attributes)
		if err != nil {
			return matches(false, err)
		}
		return matches(p.Eval(ctx, rules.Input{Task: &doc}))
	}, nil
}

// WorkerFilter compiles an expression over Workers.
func (e Evaluator) WorkerFilter(expression string) (func(context.Context, WorkerFacts) (bool, error), error) {
	p, err := e.engine.Compile(rules.PlaceWorkerList, expression)
	if err != nil {
		return nil, err
	}
	return asked(p), nil
}

// Membership is the expression of a queue over Workers. live says that it
// reads what changes without an edit, so that every Worker is stored as a
// member of the queue. One that cannot be compiled any more admits nobody.
func (e Evaluator) Membership(q *taskrouter.TaskQueue) (admits func(context.Context, WorkerFacts) (bool, error), live bool) {
	nobody := func(context.Context, WorkerFacts) (bool, error) { return false, nil }
	if q.TargetWorkers == "" {
		return nobody, false
	}
	p, err := e.engine.Compile(rules.PlaceQueueWorkers, q.TargetWorkers)
	if err != nil {
		return nobody, false
	}
	return asked(p), p.Live()
}

// asked asks an expression about Workers.
func asked(p *rules.Program) func(context.Context, WorkerFacts) (bool, error) {
	return func(ctx context.Context, w WorkerFacts) (bool, error) {
		doc, err := rules.ParseDocument(w.Attributes)
		if err != nil {
			return matches(false, err)
		}
		facts := &rules.WorkerFacts{
			SID: w.SID, FriendlyName: w.FriendlyName, ActivitySID: w.ActivitySID, ActivityName: w.ActivityName,
			Attributes: doc, Channels: map[string]rules.ChannelFacts{},
		}
		if p.Live() {
			channels, err := w.Channels(ctx)
			if err != nil {
				return false, err
			}
			for _, c := range channels {
				facts.Channels[c.TaskChannelName] = rules.ChannelFacts{
					ConfiguredCapacity: c.ConfiguredCapacity, AssignedTasks: c.Accepted, Used: c.Used(), Available: c.Available,
				}
			}
		}
		return matches(p.Eval(ctx, rules.Input{Worker: facts}))
	}
}

// QueueFilter keeps the queues whose expression a Worker with these attributes
// satisfies.
func (e Evaluator) QueueFilter(attributes taskrouter.Attributes) (func(context.Context, *taskrouter.TaskQueue) (bool, error), error) {
	doc, err := rules.ParseDocument(attributes)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, q *taskrouter.TaskQueue) (bool, error) {
		if q.TargetWorkers == "" {
			return false, nil
		}
		p, err := e.engine.Compile(rules.PlaceQueueWorkers, q.TargetWorkers)
		if err != nil {
			return matches(false, err)
		}
		return matches(p.Eval(ctx, rules.Input{Worker: &rules.WorkerFacts{Attributes: doc}}))
	}, nil
}
