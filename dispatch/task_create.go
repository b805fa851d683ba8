package dispatch

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// earliestStart is the oldest virtual start time a Task may have.
var earliestStart = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)

// CreateTask routes and stores a Task in one transaction. The answer shows it
// as it entered its first target, even when an agent was reserved at once.
// When no filter takes it nothing is stored and the error is invalid.
func (d *Dispatcher) CreateTask(ctx context.Context, in NewTask) (*taskrouter.Task, error) {
	var entered taskrouter.Task
	err := d.inWorkspace(ctx, place{workspace: in.WorkspaceSID, lane: laneNew}, in.AccountSID, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		u.As(in.Actor)
		if in.ClaimedSID != "" {
			sid, err := u.MintSID(ctx, taskrouter.PrefixTask, in.ClaimedSID)
			if err != nil {
				return err
			}
			in.SID = sid
		}
		t, err := u.createTask(ctx, in)
		if err != nil {
			return err
		}
		entered = *t
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &entered, nil
}

// createTask validates, stores and routes; it returns the Task as it entered.
// Agents who just became free first take what stands before it in line.
func (u *Unit) createTask(ctx context.Context, in NewTask, freed ...string) (*taskrouter.Task, error) {
	if u.cfg().Workspace.Deleting {
		return nil, workspaceNotFound(in.WorkspaceSID)
	}
	t, err := u.newTask(in)
	if err != nil {
		return nil, err
	}
	doc, err := u.d.documents.get(t.Attributes)
	if err != nil {
		return nil, err
	}
	r, err := u.routing(ctx, t.WorkflowSID, t.Route.ConfigVersion)
	if err != nil {
		return nil, err
	}
	if t.Route.Direct == taskrouter.DirectWorker {
		if t.QueueSID == "" {
			t.QueueSID = r.DefaultQueue()
		}
		a, err := u.agent(ctx, t.RoutingTarget)
		if err != nil {
			return nil, err
		}
		if a == nil {
			return nil, taskrouter.Invalidf("RoutingTarget %s is not a Worker of this Workspace", t.RoutingTarget)
		}
	}
	decision := rules.Decision{}
	if t.Route.Direct == taskrouter.DirectNone {
		decision = r.Enter(ctx, 0, rules.CauseInitial, doc)
		if decision.Err != nil {
			return nil, taskrouter.Unavailable(decision.Err, "routing was interrupted")
		}
		if decision.End {
			return nil, taskrouter.Invalidf("No filter of Workflow %s matches the Task and it has no default filter", t.WorkflowSID)
		}
	}

	e := &entry{Offers: taskrouter.Offers{Task: t}, created: true}
	u.tasks[t.SID] = e
	u.order = append(u.order, t.SID)
	queue := t.QueueSID
	t.QueueSID = ""
	u.Emit(taskrouter.TaskCreated, u.scene(e))
	u.Emit(taskrouter.WorkflowEntered, u.scene(e))
	u.touchTask(e)
	u.freed = freed // they take what stands before it, wherever it ends up
	defer func() { u.freed = nil }()
	if t.Route.Direct != taskrouter.DirectNone {
		return u.enterDirectly(ctx, e, queue)
	}
	// Enter separately from follow: the answer shows the Task at this point.
	u.reportErrors(e, decision)
	if err := u.enter(ctx, e, decision, causeCreated); err != nil {
		return nil, err
	}
	entered := *t
	skip, err := u.matchOrSkip(ctx, e)
	if err != nil {
		return nil, err
	}
	if skip {
		if decision, err = u.next(ctx, e, rules.CauseSkip); err != nil {
			return nil, err
		}
		if err := u.follow(ctx, e, decision, causeSkip); err != nil {
			return nil, err
		}
	}
	return &entered, nil
}

// enterDirectly puts a Task that bypasses the filters into its queue.
func (u *Unit) enterDirectly(ctx context.Context, e *entry, queue string) (*taskrouter.Task, error) {
	t := e.Task
	t.QueueSID, t.QueueEnteredAt = queue, u.at
	t.Route.Filter, t.Route.EnteredAt = taskrouter.FilterBypassed, u.at
	e.scene.cause = causeCreated
	u.Emit(taskrouter.WorkflowTargetMatched, u.scene(e))
	if queue != "" {
		u.Emit(taskrouter.TaskQueueEntered, u.scene(e))
	}
	entered := *t
	return &entered, u.matchTask(ctx, e)
}

// newTask checks what was asked for and fills in the defaults.
func (u *Unit) newTask(in NewTask) (*taskrouter.Task, error) {
	t := &taskrouter.Task{
		SID: in.SID, AccountSID: u.lock().AccountSID, WorkspaceSID: u.b.workspaceSID, Status: taskrouter.TaskPending,
		Attributes: in.Attributes, Priority: in.Priority, Timeout: in.Timeout, VirtualStartTime: in.VirtualStartTime,
		RoutingTarget: in.RoutingTarget, CallSID: in.CallSID, WrapUp: in.WrapUp, CreatedAt: u.at, UpdatedAt: u.at,
	}
	if t.SID == "" {
		t.SID = taskrouter.NewSID(taskrouter.PrefixTask)
	}
	if t.Attributes == "" {
		t.Attributes = taskrouter.NoAttributes
	}
	if t.Timeout == 0 {
		t.Timeout = taskrouter.DefaultTaskTimeout
	}
	if t.Timeout < time.Second || t.Timeout > taskrouter.MaxTaskTimeout {
		return nil, taskrouter.Invalidf("Timeout must be between 1 and %d seconds", int(taskrouter.MaxTaskTimeout/time.Second))
	}
	if err := validPriority(t.Priority); err != nil {
		return nil, err
	}
	if t.VirtualStartTime.IsZero() {
		t.VirtualStartTime = u.at
	} else if err := u.validStart(t.VirtualStartTime); err != nil {
		return nil, err
	}
	c, err := u.channelFor(in.Channel)
	if err != nil {
		return nil, err
	}
	t.TaskChannelSID = c.SID
	if err := u.chooseWorkflow(t, in); err != nil {
		return nil, err
	}
	return t, u.direct(t, in)
}

// channelFor is the TaskChannel of a new Task, by SID or unique name; the one
// called default when none is named.
func (u *Unit) channelFor(ref string) (*taskrouter.TaskChannel, error) {
	if ref == "" {
		ref = taskrouter.ChannelDefault
	}
	c := u.cfg().channel(ref)
	if c == nil {
		return nil, taskrouter.Invalidf("TaskChannel %s does not exist in this Workspace", ref)
	}
	return c, nil
}

func validPriority(p int64) error {
	if p < 0 || p > taskrouter.MaxPriority {
		return taskrouter.Invalidf("Priority must be between 0 and %d", taskrouter.MaxPriority)
	}
	return nil
}

func (u *Unit) validStart(at time.Time) error {
	if at.After(u.at) || at.Before(earliestStart) {
		return taskrouter.Invalidf("VirtualStartTime must not be in the future or before 1900")
	}
	return nil
}

// chooseWorkflow finds the Workflow of a new Task: the one named, the one
// targeted, or the only one there is.
func (u *Unit) chooseWorkflow(t *taskrouter.Task, in NewTask) error {
	sid := in.WorkflowSID
	if taskrouter.IsSID(taskrouter.PrefixWorkflow, in.RoutingTarget) {
		if sid != "" && sid != in.RoutingTarget {
			return taskrouter.Invalidf("RoutingTarget and WorkflowSid name different Workflows")
		}
		sid = in.RoutingTarget
	}
	w := u.cfg().Workflows[sid]
	switch {
	case sid == "" && u.cfg().sole == nil:
		return taskrouter.Invalidf("WorkflowSid field is required")
	case sid == "":
		w = u.cfg().sole
	case w == nil:
		return taskrouter.Invalidf("WorkflowSid %s does not exist in this Workspace", sid)
	}
	t.WorkflowSID, t.Route.ConfigVersion = w.SID, w.ConfigVersion
	return nil
}

// direct works out whether a new Task bypasses the filters.
func (u *Unit) direct(t *taskrouter.Task, in NewTask) error {
	if in.QueueSID != "" && u.cfg().Queues[in.QueueSID] == nil {
		return taskrouter.Invalidf("TaskQueueSid %s does not exist in this Workspace", in.QueueSID)
	}
	target := in.RoutingTarget
	switch {
	case taskrouter.IsSID(taskrouter.PrefixWorker, target):
		t.Route.Direct, t.QueueSID = taskrouter.DirectWorker, in.QueueSID
		ignore := in.IgnoreCapacity == nil || *in.IgnoreCapacity
		t.IgnoreCapacity = &ignore
		return nil
	case taskrouter.IsSID(taskrouter.PrefixTaskQueue, target):
		if u.cfg().Queues[target] == nil {
			return taskrouter.Invalidf("RoutingTarget %s does not exist in this Workspace", target)
		}
		t.Route.Direct, t.QueueSID = taskrouter.DirectQueue, target
	case in.QueueSID != "":
		t.Route.Direct, t.QueueSID = taskrouter.DirectQueue, in.QueueSID
	case target != "" && !taskrouter.IsSID(taskrouter.PrefixWorkflow, target):
		return taskrouter.Invalidf("RoutingTarget must be the SID of a Worker, a TaskQueue or a Workflow")
	}
	if in.IgnoreCapacity != nil && *in.IgnoreCapacity {
		return taskrouter.Invalidf("IgnoreCapacity is only valid when RoutingTarget is a Worker")
	}
	t.IgnoreCapacity = in.IgnoreCapacity
	return nil
}
