package dispatch

import (
	"context"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// routeScene is what events and the durable run tell about a routing step.
type routeScene struct {
	filterName, filterExpression string
	targetName, targetExpression string
	knownWorker                  string
	cause                        string
	reEvaluated                  taskrouter.ReEvaluation
}

// scene is the event context of a Task: its Workspace, queue, Workflow and
// channel.
func (u *Unit) scene(e *entry) taskrouter.Scene {
	t := e.Task
	return taskrouter.Scene{
		Workspace: u.cfg().Workspace, Task: t,
		Queue: u.cfg().Queues[t.QueueSID], Workflow: u.cfg().Workflows[t.WorkflowSID],
		Channel:    u.cfg().Channels[t.TaskChannelSID],
		FilterName: e.scene.filterName, FilterExpression: e.scene.filterExpression,
		TargetName: e.scene.targetName, TargetExpression: e.scene.targetExpression,
		KnownWorkerSID: e.scene.knownWorker, ReEvaluated: e.scene.reEvaluated,
	}
}

// emit appends the events of a transition of one Task.
func (u *Unit) emit(ctx context.Context, e *entry, hs []taskrouter.Happening) error {
	if err := u.recall(ctx, e); err != nil {
		return err
	}
	for _, h := range hs {
		s := u.scene(e)
		if h.Reservation != nil {
			a, err := u.agent(ctx, h.Reservation.WorkerSID)
			if err != nil {
				return err
			}
			s.Reservation = h.Reservation
			if q := u.cfg().Queues[h.Reservation.QueueSID]; q != nil {
				s.Queue = q
			}
			if a != nil {
				s.Worker, s.Activity = a.Worker, u.cfg().Activities[a.ActivitySID]
			}
		}
		u.Emit(h.Type, s)
	}
	return nil
}

// recall fills in what the events of a Task tell about its target when the Task
// entered it in an earlier transaction.
func (u *Unit) recall(ctx context.Context, e *entry) error {
	if e.scene.cause != "" || e.Task.Route.Direct != taskrouter.DirectNone {
		return nil
	}
	tg, ok, err := u.target(ctx, e)
	if err != nil || !ok {
		return err
	}
	e.scene.targetName = tg.Name
	if tg.Expression != nil {
		e.scene.targetExpression = tg.Expression.Source()
	}
	if tg.KnownWorkerSID == nil && tg.KnownWorkerName == nil {
		return nil
	}
	doc, err := u.d.documents.get(e.Task.Attributes)
	if err != nil {
		return nil //nolint:nilerr // an event is written with what is known
	}
	if value, _ := knownValue(tg, doc); value != "" {
		a, err := u.agentByRef(ctx, value, tg.KnownWorkerName != nil)
		if err != nil {
			return err
		}
		if a != nil {
			e.scene.knownWorker = a.SID
		}
	}
	return nil
}

// target is the routing target a Task stands in; false when it bypasses the
// filters or the configuration has no such target any more.
func (u *Unit) target(ctx context.Context, e *entry) (rules.Target, bool, error) {
	t := e.Task
	if t.Route.Direct != taskrouter.DirectNone {
		return rules.Target{QueueSID: t.QueueSID}, true, nil
	}
	r, err := u.routing(ctx, t.WorkflowSID, t.Route.ConfigVersion)
	if u.broken(err, t.WorkflowSID) {
		return rules.Target{}, false, nil
	}
	if err != nil {
		return rules.Target{}, false, err
	}
	tg, ok := r.At(rules.Position{Filter: t.Route.Filter, Target: t.Route.Target})
	return tg, ok, nil
}

// view is the Task as its durable run sees it.
func (u *Unit) view(e *entry) taskrouter.View {
	t := e.Task
	v := taskrouter.View{
		AccountSID: t.AccountSID, WorkspaceSID: t.WorkspaceSID, TaskSID: t.SID,
		Revision: t.Revision, Status: t.Status, Removed: e.deleted, Reason: t.Reason,
		Priority: t.Priority, WorkflowSID: t.WorkflowSID, QueueSID: t.QueueSID,
	}
	if q := u.cfg().Queues[t.QueueSID]; q != nil {
		v.QueueName = q.FriendlyName
	}
	if c := u.cfg().Channels[t.TaskChannelSID]; c != nil {
		v.Channel = c.UniqueName
	}
	v.Decision = taskrouter.RouteDecision{
		ConfigVersion: t.Route.ConfigVersion, Filter: t.Route.Filter, Target: t.Route.Target,
		FilterName: e.scene.filterName, FilterExpression: e.scene.filterExpression,
		QueueSID: t.QueueSID, QueueName: v.QueueName, Priority: t.Priority, Cause: e.scene.cause,
	}
	if t.Route.Direct != taskrouter.DirectNone {
		v.Decision.Filter = taskrouter.FilterBypassed
	}
	if !e.deleted {
		v.Deadline, v.DeadlineFor = u.deadline(e)
	}
	for _, r := range e.Open {
		v.AgentSID = r.WorkerSID
		v.Offers = append(v.Offers, taskrouter.OfferView{
			ReservationSID: r.SID, WorkerSID: r.WorkerSID, Status: r.Status, Deadline: r.Deadline,
			CallbackDue: r.AwaitsCallback(),
		})
	}
	for _, l := range e.legs {
		if l.State == taskrouter.LegEnded {
			continue
		}
		v.Legs = append(v.Legs, taskrouter.LegView{
			Attempt: l.Attempt, ReservationSID: l.ReservationSID, Backend: l.Backend, Instance: l.Instance, State: l.State,
			Dial:    l.State == taskrouter.LegWanted && !l.HangUp,
			Confirm: l.State == taskrouter.LegAnswered && !l.HangUp && l.Purpose != taskrouter.LegForeign && l.Purpose != taskrouter.LegSupervises,
			HangUp:  l.HangUp && (l.CallSID != "" || len(l.CallSIDs) > 0),
		})
	}
	return v
}
