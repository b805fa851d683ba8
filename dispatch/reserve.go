package dispatch

import (
	"context"

	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// reserve offers a Task to the planned agents, unless it has been offered too
// often already.
func (u *Unit) reserve(ctx context.Context, e *entry, n *need, plan matching.Plan, trigger string) error {
	t := e.Task
	if t.Assignments >= u.d.opts.MaxAssignments {
		return u.cancelTask(ctx, e, taskrouter.ReasonMaxAssignments)
	}
	record := plan.Record
	record.Trigger, record.RuleVersion = trigger, t.Route.ConfigVersion
	record.Filter, record.Target = t.Route.Filter, t.Route.Target
	record.FailedFilters = u.failedFilters(ctx, t, n)
	switch {
	case t.Route.Direct == taskrouter.DirectWorker:
		record.Order = "direct"
	case n.isKnown:
		record.Order = "known worker"
	}
	decision := encodeRecord(record)

	w := u.cfg().Workflows[t.WorkflowSID]
	timeout := taskrouter.DefaultReservationTimeout
	callback := taskrouter.CallbackNone
	if w != nil {
		timeout = w.TaskReservationTimeout
		if w.AssignmentCallbackURL != "" {
			callback = taskrouter.CallbackDue
		}
	}
	var offers []*taskrouter.Reservation
	for _, sid := range plan.Chosen {
		a := n.agents[sid]
		offers = append(offers, &taskrouter.Reservation{
			SID: taskrouter.NewSID(taskrouter.PrefixReservation), AccountSID: t.AccountSID, WorkspaceSID: t.WorkspaceSID,
			TaskSID: t.SID, WorkerSID: a.SID, WorkerName: a.FriendlyName, Status: taskrouter.ReservationPending,
			TaskChannelSID: t.TaskChannelSID, QueueSID: t.QueueSID, WorkflowSID: t.WorkflowSID,
			Deadline: u.at.Add(timeout), Callback: callback, IgnoresCapacity: n.demand.IgnoreCapacity,
			Decision: decision, CreatedAt: u.at, UpdatedAt: u.at,
		})
	}
	hs, err := e.Reserve(offers, u.at)
	if err != nil {
		return err
	}
	u.lineUp(e, nil)
	u.touchTask(e)
	for _, r := range offers {
		if err := u.hold(ctx, e, r); err != nil {
			return err
		}
		u.stirred(ctx, r.WorkerSID)
	}
	if err := u.emit(ctx, e, hs); err != nil {
		return err
	}
	return u.ringAll(ctx, e, offers)
}

// maxFailedFilters bounds how many failures a record names.
const maxFailedFilters = 20

// failedFilters says which filters would have been asked before the Task's own
// and failed. They were reported when the Task was routed; an offer may be made
// long after, and its record tells the whole story.
func (u *Unit) failedFilters(ctx context.Context, t *taskrouter.Task, n *need) []matching.FailedFilter {
	if t.Route.Direct != taskrouter.DirectNone {
		return nil
	}
	r, err := u.routing(ctx, t.WorkflowSID, t.Route.ConfigVersion)
	if err != nil {
		return nil // the record is made with what is known
	}
	var out []matching.FailedFilter
	for _, f := range r.Failures(ctx, rules.Position{Filter: t.Route.Filter}, n.doc) {
		if len(out) == maxFailedFilters {
			break
		}
		out = append(out, matching.FailedFilter{Path: f.Path, Error: f.Err.Error()})
	}
	return out
}

// hold takes capacity for a new offer and moves the agent back in line.
func (u *Unit) hold(ctx context.Context, e *entry, r *taskrouter.Reservation) error {
	u.touchReservation(r)
	a, err := u.agent(ctx, r.WorkerSID)
	if err != nil || a == nil {
		return err
	}
	if c := a.channel(r.TaskChannelSID); c != nil {
		c.Count("", taskrouter.ReservationPending)
		c.LastReservedAt, c.UpdatedAt = u.at, u.at
		u.touchChannel(c)
	}
	a.LastReservedAt = u.at
	a.Version++
	u.touchAgent(a)
	if u.cfg().Workspace.MultiTaskEnabled {
		return nil
	}
	r.PreviousActivitySID = a.ActivitySID
	if q := u.cfg().Queues[e.Task.QueueSID]; q != nil && q.ReservationActivitySID != "" {
		u.setActivity(a, q.ReservationActivitySID)
	}
	return nil
}

// apply carries out what a transition says: capacity, Activities, legs and
// events. It returns the agents that may have become free.
func (u *Unit) apply(ctx context.Context, e *entry, hs []taskrouter.Happening) (freed []string, err error) {
	u.touchTask(e)
	for _, h := range hs {
		r := h.Reservation
		if r == nil {
			continue
		}
		u.touchReservation(r)
		if r.Status != taskrouter.ReservationAccepted {
			u.dropSupervisors(e, r)
		}
		a, err := u.agent(ctx, r.WorkerSID)
		if err != nil {
			return nil, err
		}
		if a == nil {
			continue
		}
		if c := a.channel(r.TaskChannelSID); c != nil {
			c.Count(h.From, r.Status)
			c.UpdatedAt = u.at
			u.touchChannel(c)
		}
		if r.Status.Open() {
			u.stirred(ctx, a.SID)
		} else {
			freed = append(freed, a.SID)
			u.dropLegs(e, r)
		}
	}
	if err := u.emit(ctx, e, hs); err != nil {
		return nil, err
	}
	for _, h := range hs {
		if h.Reservation == nil {
			continue
		}
		a, err := u.agent(ctx, h.Reservation.WorkerSID)
		if err != nil {
			return nil, err
		}
		if a != nil {
			u.activityAfter(a, h.Reservation)
		}
	}
	if e.Task.Status.Ended() {
		e.Task.RemoveAt = u.at.Add(u.d.opts.GracePeriod)
		u.lineUp(e, nil)
	}
	return freed, nil
}

// activityAfter moves an agent's Activity as the end of a Reservation demands.
func (u *Unit) activityAfter(a *Agent, r *taskrouter.Reservation) {
	single := !u.cfg().Workspace.MultiTaskEnabled
	switch r.Status {
	case taskrouter.ReservationAccepted:
		if q := u.cfg().Queues[r.QueueSID]; single && q != nil && q.AssignmentActivitySID != "" {
			u.setActivity(a, q.AssignmentActivitySID)
		}
	case taskrouter.ReservationTimeout:
		u.setActivity(a, u.cfg().Workspace.TimeoutActivitySID)
	case taskrouter.ReservationRejected, taskrouter.ReservationRescinded, taskrouter.ReservationCanceled:
		// Only out of the Activity the offer brought: an agent who went
		// elsewhere meanwhile stays there.
		q := u.cfg().Queues[r.QueueSID]
		if single && r.PreviousActivitySID != "" && q != nil && a.ActivitySID == q.ReservationActivitySID {
			u.setActivity(a, r.PreviousActivitySID)
		}
	case taskrouter.ReservationCompleted:
		if r.PostWorkActivitySID != "" {
			u.setActivity(a, r.PostWorkActivitySID)
		}
	case taskrouter.ReservationPending, taskrouter.ReservationWrapping:
	}
}

// cancelTask ends a Task that waits or is offered, and matches the agents this
// frees.
func (u *Unit) cancelTask(ctx context.Context, e *entry, reason string) error {
	hs, err := e.Cancel(reason, u.at)
	if err != nil {
		return err
	}
	freed, err := u.apply(ctx, e, hs)
	if err != nil {
		return err
	}
	if err := u.dismiss(ctx, e); err != nil { // who waits was not attended
		return err
	}
	return u.matchAgents(ctx, freed...)
}
