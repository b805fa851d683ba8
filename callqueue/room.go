package callqueue

import (
	"context"
	"errors"
	"strings"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// ended answers the caller who has left the waiting room: because the
// conversation is over, or because a join failed and the caller waits on.
func (h *Handler) ended(ctx context.Context, in *inbound) (document, error) {
	c, err := h.caller(ctx, in)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return document{hangup()}, nil
	}
	if over, err := h.hungUp(ctx, c); over || err != nil {
		return document{hangup()}, err
	}
	call, err := h.opt.Router.Call(ctx, c.ref)
	if err != nil {
		return nil, err
	}
	switch {
	case call == nil:
		return document{hangup()}, nil
	case call.State == taskrouter.CallInMenu:
		return h.current(ctx, c, call)
	case call.State == taskrouter.CallEnded:
		return c.render.goodbye(c.menu), nil
	}
	view, err := h.opt.Router.View(ctx, call.WorkspaceSID, call.TaskSID)
	if err != nil && taskrouter.KindOf(err) != taskrouter.KindNotFound {
		return nil, err
	}
	if err == nil && !view.Removed && (view.Status == taskrouter.TaskPending || view.Status == taskrouter.TaskReserved) {
		return c.render.waitAgain(c.ref.AccountSID, c.ref.CallSID, roomOf(call)), nil
	}
	if err := h.callEnded(ctx, c.ref, CauseCompleted); err != nil {
		return nil, err
	}
	return c.render.goodbye(c.menu), nil
}

// roomOf is the room the caller waits in, and where agents are sent: it stays
// the same when a failed join replaces the Task.
func roomOf(call *taskrouter.Call) string { return orElse(call.Room, call.TaskSID) }

// status hears that a caller's leg is over.
func (h *Handler) status(ctx context.Context, in *inbound) error {
	c, err := h.caller(ctx, in)
	if err != nil || c == nil {
		return err
	}
	_, err = h.hungUp(ctx, c)
	return err
}

// waiter names the caller of a request whose parameters say nothing about one:
// rooms are not legs. The path does.
func (h *Handler) waiter(ctx context.Context, in *inbound) (dispatch.CallRef, *taskrouter.Call, error) {
	ref := dispatch.CallRef{
		AccountSID: in.http.PathValue("account"), Backend: in.platform.Name, CallSID: in.http.PathValue("call"),
	}
	if err := h.genuine(ctx, in, ref.AccountSID); err != nil {
		return ref, nil, err
	}
	call, err := h.opt.Router.Call(ctx, ref)
	return ref, call, err
}

// wait is what the waiting caller hears. It is never withheld because of us:
// music needs no store.
func (h *Handler) wait(ctx context.Context, in *inbound) (document, error) {
	self := in.render.urls.wait(in.http.PathValue("account"), in.http.PathValue("call"))
	menu, music := &Menu{}, ""
	_, call, err := h.waiter(ctx, in)
	if err == nil && call != nil {
		var queue *taskrouter.CallQueue
		if queue, err = h.queueOf(ctx, in.platform.Name, call.AccountSID, call.To); err == nil && queue != nil {
			menu, music = h.menuOf(queue), queue.HoldMusicURL
		}
	}
	if errors.Is(err, errForbidden) {
		return nil, err
	}
	return in.render.hold(menu, music, self), nil
}

// conference hears what happens in the room of a caller.
func (h *Handler) conference(ctx context.Context, in *inbound) error {
	ref, call, err := h.waiter(ctx, in)
	if err != nil || call == nil {
		return err
	}
	h.tellRoom(in, call)
	return h.roomFact(ctx, in, ref, call)
}

// roomFact takes in who enters and leaves the room.
func (h *Handler) roomFact(ctx context.Context, in *inbound, ref dispatch.CallRef, call *taskrouter.Call) error {
	if !in.form.Has("CallSid") {
		return nil // about the room, not about anybody in it
	}
	req, err := in.call()
	if err != nil {
		return err
	}
	e, ok := voice.StatusEvent(req, voice.Callback{Backend: ref.Backend, ReceivedAt: h.opt.Now()})
	if !ok || e.Joined == nil {
		return nil
	}
	if e.CallSID == ref.CallSID {
		if !*e.Joined && leftForGood(in) {
			return h.callEnded(ctx, ref, CauseHangup)
		}
		return nil
	}
	if !*e.Joined || call.State != taskrouter.CallWaiting {
		return nil
	}
	leg, err := h.opt.Records.LegByCallSID(ctx, ref.Backend, e.CallSID)
	if err != nil || leg == nil || leg.AccountSID != ref.AccountSID || leg.TaskSID != call.TaskSID {
		return err
	}
	_, err = h.opt.Router.JoinSeen(ctx, leg.WorkspaceSID, leg.Attempt)
	return err
}

// leftForGood tells a caller who hung up from one who leaves the room because
// it was closed: that one may wait on.
func leftForGood(in *inbound) bool {
	for _, field := range []string{"ParticipantCallStatus", "CallStatus"} {
		if state, _, known := voice.ParseCallStatus(in.form.Get(field)); known {
			return state == voice.Ended
		}
	}
	reason := strings.ReplaceAll(strings.ToLower(in.form.Get("ReasonParticipantLeft")), "-", "_")
	return strings.Contains(reason, "hung_up")
}
