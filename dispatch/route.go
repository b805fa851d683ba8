package dispatch

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Causes of a routing step, as events and the durable run name them.
const (
	causeCreated     = "created"
	causeTimeout     = "timeout"
	causeSkip        = "skip"
	causeReEvaluated = "re-evaluated"
)

// follow acts on a routing decision: enter the target, match, and go on while
// targets are skipped. It ends with the Task reserved, waiting or canceled.
func (u *Unit) follow(ctx context.Context, e *entry, d rules.Decision, cause string) error {
	for {
		if d.Err != nil {
			return taskrouter.Unavailable(d.Err, "routing was interrupted")
		}
		u.reportErrors(e, d)
		if d.End {
			return u.fallOut(ctx, e, cause)
		}
		if err := u.enter(ctx, e, d, cause); err != nil {
			return err
		}
		skip, err := u.matchOrSkip(ctx, e)
		if err != nil || !skip {
			return err
		}
		if d, err = u.next(ctx, e, rules.CauseSkip); err != nil {
			return err
		}
		cause = causeSkip
	}
}

// next asks the configuration the Task entered with for the step after its
// current target.
func (u *Unit) next(ctx context.Context, e *entry, cause rules.Cause) (rules.Decision, error) {
	t := e.Task
	r, err := u.routing(ctx, t.WorkflowSID, t.Route.ConfigVersion)
	if err != nil {
		return rules.Decision{}, err
	}
	doc, err := u.d.documents.get(t.Attributes)
	if err != nil {
		return rules.Decision{}, err
	}
	return r.Next(ctx, rules.Position{Filter: t.Route.Filter, Target: t.Route.Target}, cause, doc), nil
}

// enter puts the Task into a target: queue, priority, timer, events.
func (u *Unit) enter(ctx context.Context, e *entry, d rules.Decision, cause string) error {
	t := e.Task
	previousQueue, previousPriority := u.cfg().Queues[t.QueueSID], t.Priority
	e.scene.filterName, e.scene.filterExpression = d.FilterName, d.FilterExpression
	e.scene.targetName, e.scene.cause = d.Target.Name, cause
	e.scene.targetExpression = ""
	if d.Target.Expression != nil {
		e.scene.targetExpression = d.Target.Expression.Source()
	}
	if err := u.knownWorker(ctx, e, d.Target); err != nil {
		return err
	}
	t.Route.Filter, t.Route.Target = d.Filter, d.Position.Target
	t.Route.EnteredAt, t.Route.Deadline, t.Route.Due = u.at, time.Time{}, false
	if d.Target.Timeout > 0 {
		t.Route.Deadline = u.at.Add(d.Target.Timeout)
	}
	if d.Target.Priority != nil {
		t.Priority = *d.Target.Priority
	}
	moved := previousQueue != nil && previousQueue.SID != d.Target.QueueSID
	t.QueueSID = d.Target.QueueSID
	if moved || previousQueue == nil {
		t.QueueEnteredAt = u.at
	}
	if !e.created {
		t.Version++
	}
	u.lineUp(e, nil)
	u.touchTask(e)

	u.Emit(taskrouter.WorkflowTargetMatched, u.scene(e))
	if moved {
		s := u.scene(e)
		s.PreviousQueue, s.PreviousPriority, s.TargetChangedReason = previousQueue, &previousPriority, cause
		u.Emit(taskrouter.TaskQueueMoved, s)
	}
	if moved || previousQueue == nil || cause == causeReEvaluated {
		u.Emit(taskrouter.TaskQueueEntered, u.scene(e))
	}
	return nil
}

// fallOut ends a Task that no target takes.
func (u *Unit) fallOut(ctx context.Context, e *entry, cause string) error {
	typ, reason := taskrouter.WorkflowTimeout, taskrouter.ReasonWorkflowTimeout
	if cause == causeSkip {
		typ, reason = taskrouter.WorkflowSkipped, taskrouter.ReasonWorkflowSkip
	}
	if err := u.recall(ctx, e); err != nil {
		return err
	}
	u.Emit(typ, u.scene(e))
	return u.cancelTask(ctx, e, reason)
}

// matchOrSkip matches a waiting Task and says whether it must leave its target
// because nobody could be reserved and the target says so.
func (u *Unit) matchOrSkip(ctx context.Context, e *entry) (skip bool, err error) {
	if err := u.matchTask(ctx, e); err != nil || e.Task.Status != taskrouter.TaskPending {
		return false, err
	}
	if !e.Task.OfferNotBefore.IsZero() {
		return false, nil // nobody was asked yet; the question comes after the pause
	}
	tg, ok, err := u.target(ctx, e)
	if err != nil || !ok || tg.SkipIf == nil {
		return false, err
	}
	facts, err := u.presence(ctx, tg.QueueSID)
	if err != nil {
		return false, err
	}
	doc, err := u.d.documents.get(e.Task.Attributes)
	if err != nil {
		return false, err
	}
	yes, err := tg.SkipIf.Eval(ctx, rules.Input{Task: &doc, Workers: facts})
	if err != nil {
		u.d.log.Warn("skip_if failed and counts as false", logging.TaskSID(e.Task.SID), logging.Err(err))
		return false, nil
	}
	return yes, nil
}

// resume continues a pending Task after its last offer failed. One that may go
// to a single agent has had its chance.
func (u *Unit) resume(ctx context.Context, e *entry) error {
	if e.Task.Status == taskrouter.TaskPending && e.Task.Route.Direct == taskrouter.DirectWorker {
		return u.cancelTask(ctx, e, taskrouter.ReasonRoutingTarget)
	}
	return u.retry(ctx, e)
}

// retry matches a pending Task again: a move that was put off is made now, a
// re-evaluation that was put off likewise; otherwise the current target is
// tried again.
func (u *Unit) retry(ctx context.Context, e *entry) error {
	t := e.Task
	if t.Status != taskrouter.TaskPending {
		return nil
	}
	if t.Route.ReEvaluate != taskrouter.ReEvaluateNone {
		return u.reEvaluate(ctx, e, t.Route.ReEvaluate)
	}
	if t.Route.Due {
		return u.targetTimeout(ctx, e)
	}
	skip, err := u.matchOrSkip(ctx, e)
	if err != nil || !skip {
		return err
	}
	d, err := u.next(ctx, e, rules.CauseSkip)
	if err != nil {
		return err
	}
	return u.follow(ctx, e, d, causeSkip)
}

// targetTimeout leaves the current target because its time is over.
func (u *Unit) targetTimeout(ctx context.Context, e *entry) error {
	if _, ok, err := u.target(ctx, e); err != nil {
		return err
	} else if !ok { // nobody can say where it goes next: it waits for its time to live
		e.Task.Route.Deadline, e.Task.Route.Due = time.Time{}, false
		u.touchTask(e)
		return u.matchTask(ctx, e)
	}
	if err := u.recall(ctx, e); err != nil {
		return err
	}
	u.Emit(taskrouter.TaskQueueTimeout, u.scene(e))
	d, err := u.next(ctx, e, rules.CauseTimeout)
	if err != nil {
		return err
	}
	return u.follow(ctx, e, d, causeTimeout)
}

// reEvaluate routes a pending Task from the first filter again. After a change
// of its attributes it keeps its target and timer when the first match is the
// filter it is already in; after a change of the Workflow it starts anew.
func (u *Unit) reEvaluate(ctx context.Context, e *entry, why taskrouter.ReEvaluation) error {
	t := e.Task
	t.Route.ReEvaluate = taskrouter.ReEvaluateNone
	u.touchTask(e)
	if t.Route.Direct != taskrouter.DirectNone {
		return u.matchTask(ctx, e)
	}
	version := t.Route.ConfigVersion
	if w := u.cfg().Workflows[t.WorkflowSID]; w != nil && why == taskrouter.ReEvaluateWorkflow {
		version = w.ConfigVersion
	}
	r, err := u.routing(ctx, t.WorkflowSID, version)
	if u.broken(err, t.WorkflowSID) {
		return u.matchTask(ctx, e) // it stays where it is
	}
	if err != nil {
		return err
	}
	t.Route.ConfigVersion = version
	doc, err := u.d.documents.get(t.Attributes)
	if err != nil {
		return err
	}
	d := r.Enter(ctx, 0, rules.CauseInitial, doc)
	if why == taskrouter.ReEvaluateAttributes && d.Err == nil && !d.End && d.Filter == t.Route.Filter {
		u.lineUp(e, nil) // the values its demand class is made of may differ
		if t.Route.Due {
			return u.targetTimeout(ctx, e)
		}
		skip, err := u.matchOrSkip(ctx, e)
		if err != nil || !skip {
			return err
		}
		if d, err = u.next(ctx, e, rules.CauseSkip); err != nil {
			return err
		}
		return u.follow(ctx, e, d, causeSkip)
	}
	e.scene.reEvaluated = why
	return u.follow(ctx, e, d, causeReEvaluated)
}

// reportErrors makes failing filters visible: they count as not matching and
// never lose the Task.
func (u *Unit) reportErrors(e *entry, d rules.Decision) {
	for _, f := range d.Errors {
		u.d.log.Warn("filter failed and does not match",
			logging.TaskSID(e.Task.SID), logging.WorkflowSID(e.Task.WorkflowSID),
			zap.String(logging.KeyPath, f.Path), logging.Err(f.Err))
	}
}
