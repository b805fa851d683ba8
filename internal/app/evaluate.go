package app

import (
	"context"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// evaluator runs expressions over listed resources.
type evaluator struct{ engine *rules.Engine }

// TaskFilter implements apiserver.Evaluator.
func (e evaluator) TaskFilter(expression string) (func(context.Context, *taskrouter.Task) (bool, error), error) {
	p, err := e.engine.Compile(rules.PlaceTaskList, expression)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, t *taskrouter.Task) (bool, error) {
		doc, err := rules.ParseDocument(t.Attributes)
		if err != nil {
			return false, nil
		}
		return matches(p.Eval(ctx, rules.Input{Task: &doc}))
	}, nil
}

// WorkerFilter implements apiserver.Evaluator.
func (e evaluator) WorkerFilter(expression string) (func(context.Context, apiserver.WorkerFacts) (bool, error), error) {
	p, err := e.engine.Compile(rules.PlaceWorkerList, expression)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, w apiserver.WorkerFacts) (bool, error) {
		doc, err := rules.ParseDocument(w.Attributes)
		if err != nil {
			return false, nil
		}
		f := rules.WorkerFacts{
			SID: w.SID, FriendlyName: w.FriendlyName, ActivitySID: w.ActivitySID, ActivityName: w.ActivityName,
			Attributes: doc, Channels: map[string]rules.ChannelFacts{},
		}
		if p.Live() {
			cs, err := w.Channels(ctx)
			if err != nil {
				return false, err
			}
			for _, c := range cs {
				f.Channels[c.TaskChannelName] = rules.ChannelFacts{
					ConfiguredCapacity: c.ConfiguredCapacity, AssignedTasks: c.Accepted, Used: c.Used(), Available: c.Available,
				}
			}
		}
		return matches(p.Eval(ctx, rules.Input{Worker: &f}))
	}, nil
}

// QueueFilter implements apiserver.Evaluator.
func (e evaluator) QueueFilter(attributes taskrouter.Attributes) (func(context.Context, *taskrouter.TaskQueue) (bool, error), error) {
	doc, err := rules.ParseDocument(attributes)
	if err != nil {
		return nil, err
	}
	f := rules.WorkerFacts{Attributes: doc}
	return func(ctx context.Context, q *taskrouter.TaskQueue) (bool, error) {
		if q.TargetWorkers == "" {
			return false, nil
		}
		p, err := e.engine.Compile(rules.PlaceQueueWorkers, q.TargetWorkers)
		if err != nil {
			return false, nil
		}
		return matches(p.Eval(ctx, rules.Input{Worker: &f}))
	}, nil
}

// matches keeps only what ends the whole list: an expression that fails on one
// resource does not match it.
func matches(ok bool, err error) (bool, error) {
	if rules.IsInterrupted(err) {
		return false, err
	}
	return ok && err == nil, nil
}
