package dispatch

import (
	"context"
	"encoding/json"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// CallStarted stores an inbound call once and returns its current row.
func (d *Dispatcher) CallStarted(ctx context.Context, in CallFacts) (*taskrouter.Call, error) {
	// A number may have been bound to another Workspace since the first
	// webhook of the call: it stays where it came in.
	if known, err := d.store.WorkspaceOfCall(ctx, in.CallRef); err != nil {
		return nil, err
	} else if known != "" {
		in.WorkspaceSID = known
	}
	var out taskrouter.Call
	err := d.inWorkspace(ctx, place{workspace: in.WorkspaceSID, lane: laneCalls}, in.AccountSID, func(ctx context.Context, u *Unit) error {
		if err := u.load(ctx); err != nil {
			return err
		}
		c, err := u.call(ctx, in.CallRef)
		if err != nil {
			return err
		}
		if c == nil {
			c = &taskrouter.Call{
				AccountSID: in.AccountSID, Backend: in.Backend, CallSID: in.CallSID, WorkspaceSID: in.WorkspaceSID,
				CallQueueSID: in.CallQueueSID, From: in.From, To: in.To, State: taskrouter.CallInMenu,
				MenuStep: in.FirstStep, MenuFacts: taskrouter.NoAttributes, Facts: in.Facts, CreatedAt: u.at,
			}
			u.touchCall(c)
		}
		out = *c
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// withCall runs a command on a known call; the result is nil when it is unknown.
func (d *Dispatcher) withCall(ctx context.Context, ref CallRef, fn func(ctx context.Context, u *Unit, c *taskrouter.Call) error) (*taskrouter.Call, error) {
	ws, err := d.store.WorkspaceOfCall(ctx, ref)
	if err != nil || ws == "" {
		return nil, err
	}
	var out *taskrouter.Call
	err = d.inWorkspace(ctx, place{workspace: ws, lane: laneCalls}, ref.AccountSID, func(ctx context.Context, u *Unit) error {
		out = nil // what an earlier try found went with its transaction
		if err := u.load(ctx); err != nil {
			return err
		}
		c, err := u.call(ctx, ref)
		if err != nil || c == nil {
			return err
		}
		if err := fn(ctx, u, c); err != nil {
			return err
		}
		copied := *c
		out = &copied
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Call reads a caller's leg; nil when unknown.
func (d *Dispatcher) Call(ctx context.Context, ref CallRef) (*taskrouter.Call, error) {
	return d.withCall(ctx, ref, func(context.Context, *Unit, *taskrouter.Call) error { return nil })
}

// MoveMenu moves a call to another menu step, or counts a failed try. A webhook
// that speaks of an earlier step changes nothing.
func (d *Dispatcher) MoveMenu(ctx context.Context, in MenuMove) (*taskrouter.Call, error) {
	return d.withCall(ctx, in.CallRef, func(_ context.Context, u *Unit, c *taskrouter.Call) error {
		if c.State != taskrouter.CallInMenu || c.MenuStep != in.From {
			return nil
		}
		if in.To == "" {
			c.MenuTries++
			u.touchCall(c)
			return nil
		}
		facts, err := c.MenuFacts.Merge(anyMap(in.Facts))
		if err != nil {
			return err
		}
		c.MenuFacts, c.MenuStep, c.MenuTries = facts, in.To, 0
		u.touchCall(c)
		return nil
	})
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// CreateCallTask ends the menu with the call's Task, once however often it is
// asked for. A call that has ended gets none.
func (d *Dispatcher) CreateCallTask(ctx context.Context, in CallTask) (*taskrouter.Call, error) {
	return d.withCall(ctx, in.CallRef, func(ctx context.Context, u *Unit, c *taskrouter.Call) error {
		if c.State != taskrouter.CallInMenu || c.TaskSID != "" || (in.Step != "" && c.MenuStep != in.Step) {
			return nil
		}
		q := u.cfg().CallQueues[c.CallQueueSID]
		if q == nil {
			return taskrouter.NotFoundf("CallQueue %s does not exist", c.CallQueueSID)
		}
		attributes, facts, err := callAttributes(c, in)
		if err != nil {
			return err
		}
		channel := in.Channel
		if channel == "" {
			channel = taskrouter.ChannelVoice
			if u.cfg().channel(channel) == nil {
				channel = taskrouter.ChannelDefault
			}
		}
		c.MenuFacts, c.State = facts, taskrouter.CallWaiting
		c.TaskSID = taskrouter.NewSID(taskrouter.PrefixTask)
		c.Room = c.TaskSID
		u.calls[in.CallRef] = c
		if _, err := u.createTask(ctx, NewTask{
			AccountSID: c.AccountSID, WorkspaceSID: c.WorkspaceSID, SID: c.TaskSID, Attributes: attributes,
			WorkflowSID: q.WorkflowSID, Priority: in.Priority, Channel: channel, CallSID: c.CallSID, WrapUp: q.WrapUp,
		}); err != nil {
			return err
		}
		u.touchCall(c)
		return nil
	})
}

// callAttributes merges what the platform said, what the menu collected and
// what the CallQueue adds, in this order.
func callAttributes(c *taskrouter.Call, in CallTask) (attributes, facts taskrouter.Attributes, err error) {
	if facts, err = c.MenuFacts.Merge(anyMap(in.Facts)); err != nil {
		return "", "", err
	}
	chosen := map[string]any{}
	if err := json.Unmarshal([]byte(facts), &chosen); err != nil {
		return "", "", &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "stored menu facts do not parse", Cause: err}
	}
	if attributes, err = c.Facts.Merge(chosen); err != nil {
		return "", "", err
	}
	if attributes, err = attributes.Merge(in.Attributes); err != nil {
		return "", "", err
	}
	attributes, err = taskrouter.ParseAttributes(string(attributes))
	return attributes, facts, err
}

// CallEnded takes in the end of a caller's leg: a waiting Task is canceled, a
// conversation is over. It may be reported any number of times.
func (d *Dispatcher) CallEnded(ctx context.Context, ref CallRef, cause string) error {
	_, err := d.withCall(ctx, ref, func(ctx context.Context, u *Unit, c *taskrouter.Call) error {
		if c.State == taskrouter.CallEnded {
			return nil
		}
		c.State, c.EndCause, c.EndedAt = taskrouter.CallEnded, cause, u.at
		u.touchCall(c)
		if c.TaskSID == "" {
			return nil
		}
		e, err := u.entry(ctx, c.TaskSID)
		if err != nil || e == nil {
			return err
		}
		return u.callerLeft(ctx, e, cause)
	})
	return err
}

// callerLeft is what the end of the caller's leg means for the Task.
func (u *Unit) callerLeft(ctx context.Context, e *entry, cause string) error {
	switch e.Task.Status {
	case taskrouter.TaskPending, taskrouter.TaskReserved:
		for _, l := range e.legs {
			u.hangUp(e, l)
		}
		reason := taskrouter.ReasonHangup
		if cause == causeLost {
			reason = taskrouter.ReasonMediaLost
		}
		return u.cancelTask(ctx, e, reason)
	case taskrouter.TaskAssigned:
		reason := taskrouter.ReasonHangupEarly
		for _, l := range e.legs {
			if l.State == taskrouter.LegEnded || l.Purpose == taskrouter.LegSupervises {
				continue // supervisors leave with the Reservation
			}
			if l.State == taskrouter.LegJoined {
				// The room ends by itself; the agent's leg gets a moment to.
				reason = ""
				l.Deadline = u.at.Add(roomPatience)
				u.touchLeg(e, l)
				continue
			}
			u.hangUp(e, l)
		}
		return u.conversationOver(ctx, e, reason)
	case taskrouter.TaskWrapping, taskrouter.TaskCompleted, taskrouter.TaskCanceled:
	}
	return nil
}

// roomPatience is how long an agent's leg may outlive the caller's before it
// is ended by request.
const roomPatience = 5 * time.Second

// LegDocument answers an agent's leg that was picked up. A leg that accepts
// does so in this transaction; one whose caller left or whose offer is over is
// told to hang up. Asking twice gives the same answer.
func (d *Dispatcher) LegDocument(ctx context.Context, attempt, callSID string) (LegVerdict, error) {
	unknown := LegVerdict{Reason: "unknown"}
	out := unknown
	ws, err := d.store.WorkspaceOfLeg(ctx, attempt)
	if err != nil || ws == "" {
		return out, err
	}
	err = d.run(ctx, place{workspace: ws, lane: laneCalls}, func(ctx context.Context, u *Unit) error {
		out = unknown // what an earlier try found went with its transaction
		if err := u.load(ctx); err != nil {
			return err
		}
		e, l, err := u.legEntry(ctx, attempt)
		if err != nil || l == nil {
			return err
		}
		out, err = u.answerLeg(ctx, e, l, callSID)
		return err
	})
	return out, err
}

func (u *Unit) answerLeg(ctx context.Context, e *entry, l *taskrouter.Leg, callSID string) (LegVerdict, error) {
	refuse := func(why string) (LegVerdict, error) { return LegVerdict{Reason: why, Leg: l, Task: e.Task}, nil }
	u.revealCall(e, l, callSID)
	if l.CallSID != "" && callSID != "" && l.CallSID != callSID {
		return refuse("withdrawn") // another device of the agent answered first
	}
	if l.State == taskrouter.LegEnded || l.HangUp {
		return refuse("withdrawn")
	}
	call, err := u.callOf(ctx, e.Task)
	if err != nil {
		return LegVerdict{}, err
	}
	if call == nil || call.State == taskrouter.CallEnded {
		u.hangUp(e, l)
		return refuse("caller left")
	}
	r := e.reservation(l.ReservationSID)
	if l.Purpose == taskrouter.LegSupervises {
		return u.answerSupervisor(e, r, l, call, callSID), nil
	}
	if r == nil || (r.Status != taskrouter.ReservationPending && r.Status != taskrouter.ReservationAccepted) {
		u.hangUp(e, l)
		return refuse("withdrawn")
	}
	if r.Status == taskrouter.ReservationPending {
		if err := u.acceptOffer(ctx, e, r); err != nil {
			return LegVerdict{}, err
		}
	}
	if l.State != taskrouter.LegJoined {
		if l.State != taskrouter.LegAnswered || l.CallSID == "" {
			l.AnsweredAt = u.at
		}
		l.State, l.CallSID = taskrouter.LegAnswered, callSID
		l.Deadline = l.AnsweredAt.Add(taskrouter.JoinTimeout)
		u.touchLeg(e, l)
	}
	attributes, err := e.Task.Attributes.Merge(map[string]any{"worker_call_sid": callSID})
	if err == nil && attributes != e.Task.Attributes { // a repeat changes nothing
		e.Task.Attributes = attributes
		e.Task.Version++
		u.touchTask(e)
		u.Emit(taskrouter.TaskUpdated, u.scene(e))
	}
	leg, task := *l, *e.Task
	return LegVerdict{Join: call.Room, Leg: &leg, Task: &task, Instruction: r.Instruction}, nil
}

// RoomJoined takes in the news that a call entered the room of a Task. The
// join is confirmed when it is the agent's leg: the caller is there already.
func (d *Dispatcher) RoomJoined(ctx context.Context, attempt, callSID string) error {
	return d.LegFact(ctx, LegReport{Attempt: attempt, CallSID: callSID, State: taskrouter.LegJoined})
}

// BackendLost takes in the loss of a media server: every call on it is over.
func (d *Dispatcher) BackendLost(ctx context.Context, calls []CallRef) error {
	for _, ref := range calls {
		if err := d.CallEnded(ctx, ref, causeLost); err != nil {
			return err
		}
	}
	return nil
}
