package dispatch

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func workerNotFound(ws, sid string) error {
	return taskrouter.NotFoundf("The requested resource /v1/Workspaces/%s/Workers/%s was not found", ws, sid)
}

// CreateWorker adds an agent with a channel for each TaskChannel and gives it
// the Tasks that wait for somebody like it.
func (d *Dispatcher) CreateWorker(ctx context.Context, in NewWorker) (*taskrouter.Worker, error) {
	var out taskrouter.Worker
	err := d.InWorkspace(ctx, in.AccountSID, in.WorkspaceSID, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		u.As(in.Actor)
		if err := u.checkName(ctx, in.FriendlyName, ""); err != nil {
			return err
		}
		if n, err := u.tx.CountWorkers(ctx); err != nil {
			return err
		} else if n >= u.d.opts.MaxWorkers {
			return taskrouter.Invalidf("A Workspace has at most %d Workers", u.d.opts.MaxWorkers)
		}
		activity := in.ActivitySID
		if activity == "" {
			activity = u.cfg().Workspace.DefaultActivitySID
		}
		act := u.cfg().Activities[activity]
		if act == nil {
			return taskrouter.Invalidf("ActivitySid %s does not exist in this Workspace", activity)
		}
		attributes := in.Attributes
		if attributes == "" {
			attributes = taskrouter.NoAttributes
		}
		if _, err := u.d.documents.get(attributes); err != nil {
			return err
		}
		sid, err := u.MintSID(ctx, taskrouter.PrefixWorker, in.ClaimedSID)
		if err != nil {
			return err
		}
		a := &Agent{Worker: &taskrouter.Worker{
			SID: sid, AccountSID: u.lock().AccountSID, WorkspaceSID: in.WorkspaceSID,
			FriendlyName: in.FriendlyName, ActivitySID: act.SID, Available: act.Available, Attributes: attributes,
			DateStatusChanged: u.at, LastReservedAt: u.at, CreatedAt: u.at, UpdatedAt: u.at,
		}}
		for _, c := range sorted(u.cfg().Channels) {
			u.addChannel(a, c)
		}
		u.agents[a.SID] = a
		u.touchAgent(a)
		u.Emit(taskrouter.WorkerCreated, taskrouter.Scene{Worker: a.Worker, Activity: act})
		if err := u.reviseMembership(ctx, a); err != nil {
			return err
		}
		if err := u.changed(ctx, WorkerAdded, nil, a.SID); err != nil {
			return err
		}
		out = *a.Worker
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// addChannel gives an agent its capacity on a TaskChannel.
func (u *Unit) addChannel(a *Agent, c *taskrouter.TaskChannel) {
	capacity := 1
	if u.d.opts.DefaultCapacity != nil {
		capacity = *u.d.opts.DefaultCapacity
	}
	wc := &taskrouter.WorkerChannel{
		SID: taskrouter.NewSID(taskrouter.PrefixWorkerChannel), AccountSID: a.AccountSID, WorkspaceSID: a.WorkspaceSID,
		WorkerSID: a.SID, TaskChannelSID: c.SID, TaskChannelName: c.UniqueName, Available: true,
		ConfiguredCapacity: capacity, LastReservedAt: a.CreatedAt, CreatedAt: u.at, UpdatedAt: u.at,
	}
	a.Channels = append(a.Channels, wc)
	u.touchChannel(wc)
}

func (u *Unit) checkName(ctx context.Context, name, own string) error {
	if strings.TrimSpace(name) == "" {
		return taskrouter.Invalidf("FriendlyName must not be empty")
	}
	if utf8.RuneCountInString(name) > taskrouter.MaxFriendlyNameLength {
		return taskrouter.Invalidf("FriendlyName must be at most %d characters", taskrouter.MaxFriendlyNameLength)
	}
	have, err := u.tx.AgentNamed(ctx, name)
	if err != nil {
		return err
	}
	if have != nil && have.SID != own {
		return taskrouter.Invalidf("Worker with FriendlyName '%s' already exists in this Workspace", name)
	}
	return nil
}

// UpdateWorker changes an agent and matches what the change makes possible.
func (d *Dispatcher) UpdateWorker(ctx context.Context, in WorkerUpdate) (*taskrouter.Worker, error) {
	var out taskrouter.Worker
	err := d.InWorkspace(ctx, in.AccountSID, in.WorkspaceSID, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		u.As(in.Actor)
		a, err := u.agent(ctx, in.SID)
		if err != nil {
			return err
		}
		if a == nil {
			return workerNotFound(in.WorkspaceSID, in.SID)
		}
		if err := checkMatch(in.IfMatch, a.Version); err != nil {
			return err
		}
		if err := u.checkWorkerUpdate(ctx, a, in); err != nil {
			return err
		}
		if err := u.changeWorker(ctx, a, in); err != nil {
			return err
		}
		out = *a.Worker
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

func (u *Unit) checkWorkerUpdate(ctx context.Context, a *Agent, in WorkerUpdate) error {
	if in.FriendlyName != nil && *in.FriendlyName != a.FriendlyName {
		if err := u.checkName(ctx, *in.FriendlyName, a.SID); err != nil {
			return err
		}
	}
	if in.Attributes != nil {
		if _, err := u.d.documents.get(*in.Attributes); err != nil {
			return err
		}
	}
	available := a.Available
	if in.ActivitySID != nil {
		act := u.cfg().Activities[*in.ActivitySID]
		if act == nil {
			return taskrouter.Invalidf("ActivitySid %s does not exist in this Workspace", *in.ActivitySID)
		}
		available = act.Available
	}
	if in.RejectPendingReservations && (in.ActivitySID == nil || available) {
		return taskrouter.Invalidf("RejectPendingReservations is only valid together with an ActivitySid that is not available")
	}
	return nil
}

func (u *Unit) changeWorker(ctx context.Context, a *Agent, in WorkerUpdate) error {
	renamed := in.FriendlyName != nil && *in.FriendlyName != a.FriendlyName
	rewritten := in.Attributes != nil && *in.Attributes != a.Attributes
	moved := in.ActivitySID != nil && *in.ActivitySID != a.ActivitySID
	if !renamed && !rewritten && !moved && !in.RejectPendingReservations {
		return nil
	}
	if renamed {
		a.FriendlyName = *in.FriendlyName
	}
	if rewritten {
		a.Attributes = *in.Attributes
	}
	if renamed || rewritten {
		a.Version++
		a.EligibilityVersion++
		a.UpdatedAt = u.at
		u.touchAgent(a)
		u.Emit(taskrouter.WorkerAttributesUpdate, taskrouter.Scene{Worker: a.Worker, Activity: u.cfg().Activities[a.ActivitySID]})
	}
	if moved {
		u.setActivity(a, *in.ActivitySID)
	}
	if renamed || rewritten || moved {
		if err := u.reviseMembership(ctx, a); err != nil {
			return err
		}
	}
	if in.RejectPendingReservations {
		if err := u.rejectPending(ctx, a); err != nil {
			return err
		}
	}
	why := WorkerRewritten
	if moved {
		why = WorkerMoved
	}
	return u.changed(ctx, why, nil, a.SID)
}

// rejectPending rejects every offer an agent has not answered.
func (u *Unit) rejectPending(ctx context.Context, a *Agent) error {
	rs, err := u.tx.OpenReservationsOf(ctx, a.SID)
	if err != nil {
		return err
	}
	for _, r := range rs {
		if r.Status != taskrouter.ReservationPending {
			continue
		}
		e, err := u.entry(ctx, r.TaskSID)
		if err != nil {
			return err
		}
		if e == nil || e.reservation(r.SID) == nil {
			continue
		}
		// The agent stays in the Activity it was just moved to.
		e.reservation(r.SID).PreviousActivitySID = ""
		hs, err := e.EndOffer(r.SID, taskrouter.ReservationRejected, "", u.at)
		if err != nil {
			return err
		}
		if err := u.applyAndMatch(ctx, e, hs); err != nil {
			return err
		}
	}
	return nil
}

// DeleteWorker removes an agent that holds no Reservation. Tasks that only this
// agent may take are canceled.
func (d *Dispatcher) DeleteWorker(ctx context.Context, in Subject) error {
	return d.InWorkspace(ctx, in.AccountSID, in.WorkspaceSID, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		u.As(in.Actor)
		a, err := u.agent(ctx, in.SID)
		if err != nil {
			return err
		}
		if a == nil {
			return workerNotFound(in.WorkspaceSID, in.SID)
		}
		if err := checkMatch(in.IfMatch, a.Version); err != nil {
			return err
		}
		rs, err := u.tx.OpenReservationsOf(ctx, a.SID)
		if err != nil {
			return err
		}
		if len(rs) > 0 {
			return taskrouter.Invalidf("Worker %s cannot be deleted while it holds reservations", a.SID)
		}
		if err := u.cancelTargeted(ctx, a); err != nil {
			return err
		}
		u.Emit(taskrouter.WorkerDeleted, taskrouter.Scene{Worker: a.Worker, Activity: u.cfg().Activities[a.ActivitySID]})
		delete(u.agents, a.SID)
		delete(u.dirtyAgents, a.SID)
		for _, c := range a.Channels {
			delete(u.dirtyRows, c.SID)
		}
		u.changes.DeleteWorkers = append(u.changes.DeleteWorkers, a.SID)
		u.pending = true
		return nil
	})
}

// cancelTargeted ends the waiting Tasks that name an agent about to go.
func (u *Unit) cancelTargeted(ctx context.Context, a *Agent) error {
	keys, err := u.tx.ClassKeys(ctx, a.SID)
	if err != nil {
		return err
	}
	classes, err := u.classRules(ctx, keys)
	if err != nil {
		return err
	}
	for _, c := range classes {
		for c.WorkerSID == a.SID && c.IgnoreMembership {
			ts, err := u.tx.Heads(ctx, []string{c.Key}, nil)
			if err != nil {
				return err
			}
			if len(ts) == 0 {
				break
			}
			if err := u.adopt(ctx, ts); err != nil {
				return err
			}
			e := u.tasks[ts[0].SID]
			u.Emit(taskrouter.ReservationFailed, u.scene(e))
			if err := u.cancelTask(ctx, e, taskrouter.ReasonRoutingTarget); err != nil {
				return err
			}
			if err := u.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// UpdateChannel changes an agent's capacity or switch on one channel.
func (d *Dispatcher) UpdateChannel(ctx context.Context, in ChannelUpdate) (*taskrouter.WorkerChannel, error) {
	var out taskrouter.WorkerChannel
	err := d.InWorkspace(ctx, in.AccountSID, in.WorkspaceSID, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		u.As(in.Actor)
		a, err := u.agent(ctx, in.WorkerSID)
		if err != nil {
			return err
		}
		var c *taskrouter.WorkerChannel
		if a != nil {
			for _, x := range a.Channels {
				if x.SID == in.SID || x.TaskChannelSID == in.SID || x.TaskChannelName == in.SID {
					c = x
				}
			}
		}
		if c == nil {
			return taskrouter.NotFoundf("The requested resource /v1/Workspaces/%s/Workers/%s/Channels/%s was not found", in.WorkspaceSID, in.WorkerSID, in.SID)
		}
		if in.Capacity != nil && *in.Capacity < 0 {
			return taskrouter.Invalidf("Capacity must be 0 or more")
		}
		if err := u.changeChannel(ctx, a, c, in); err != nil {
			return err
		}
		out = *c
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

func (u *Unit) changeChannel(ctx context.Context, a *Agent, c *taskrouter.WorkerChannel, in ChannelUpdate) error {
	before := c.ConfiguredCapacity
	resized := in.Capacity != nil && *in.Capacity != before
	switched := in.Available != nil && *in.Available != c.Available
	if !resized && !switched {
		return nil
	}
	if resized {
		c.ConfiguredCapacity = *in.Capacity
	}
	if switched {
		c.Available = *in.Available
	}
	c.UpdatedAt = u.at
	a.Version++
	a.UpdatedAt = u.at
	u.touchChannel(c)
	u.touchAgent(a)
	s := taskrouter.Scene{Worker: a.Worker, Activity: u.cfg().Activities[a.ActivitySID], WorkerChannel: c, PreviousCapacity: &before}
	if resized {
		u.Emit(taskrouter.WorkerCapacityUpdate, s)
	}
	if switched {
		u.Emit(taskrouter.WorkerChannelAvailabilityUpdate, s)
	}
	why := ChannelSwitched
	if resized {
		why = CapacityChanged
	}
	return u.changed(ctx, why, nil, a.SID)
}
