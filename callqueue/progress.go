package callqueue

import (
	"context"
	"maps"
	"net/http"
	"net/url"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// callbackNames are the parameters in which an instruction names a status
// callback.
type callbackNames struct{ url, method, events string }

// legCallbacks name the status callback of the agent's leg. An instruction
// without one has none.
var legCallbacks = map[taskrouter.InstructionKind]callbackNames{
	taskrouter.InstructDequeue:    {url: "status_callback_url", events: "status_callback_events"},
	taskrouter.InstructCall:       {url: "status_callback_url"},
	taskrouter.InstructConference: {url: "status_callback", method: "status_callback_method", events: "status_callback_event"},
}

// roomCallback names the status callback of the conference.
var roomCallback = callbackNames{
	url: "conference_status_callback", method: "conference_status_callback_method",
	events: "conference_status_callback_event",
}

// legEvents is what a notice about a leg is asked for by.
var legEvents = map[voice.LegState]string{
	voice.Dialing: "initiated", voice.Ringing: "ringing", voice.Answered: "answered", voice.Ended: "completed",
}

// roomEvents is what a notice about a room is asked for by. Who speaks is not
// among it: it would have to be reported for every room, whoever asks.
var roomEvents = map[string]string{
	"conference-start": "start", "conference-end": "end", "participant-join": "join", "participant-leave": "leave",
	"participant-mute": "mute", "participant-unmute": "mute", "participant-hold": "hold", "participant-unhold": "hold",
}

// roomEventsAsked is what the platform is asked to report about each room.
var roomEventsAsked = []string{"start", "end", "join", "leave", "mute", "hold"}

// asked is the destination an instruction names for an event, nil for none.
// otherwise are the events reported when it names none.
func (n callbackNames) asked(i *taskrouter.Instruction, event string, form url.Values, otherwise ...string) *destination {
	target := i.Param(n.url)
	if target == "" || !i.Asks(n.events, event, otherwise...) {
		return nil
	}
	return &destination{method: orElse(i.Param(n.method), http.MethodPost), url: target, form: form}
}

// HasStatusCallback reports whether an instruction names a status callback for
// the agent's leg, which has to be placed with LegProgress then.
func HasStatusCallback(i *taskrouter.Instruction) bool {
	return i != nil && i.Param(legCallbacks[i.Kind].url) != ""
}

// tellLeg passes a notice about an agent's leg on to the status callback of the
// instruction the leg was placed for. The platform has room for one address,
// which is ours.
func (h *Handler) tellLeg(a *agent, state voice.LegState) {
	event, caller := legEvents[state], a.http.PathValue("caller")
	if h.forward == nil || caller == "" || event == "" {
		return // nobody asked when the leg was placed
	}
	leg, form := a.leg, a.form
	h.forward.add(&forward{
		lane: leg.Attempt, account: leg.AccountSID, form: form,
		find: func(ctx context.Context) (*destination, error) {
			in, err := h.instructionOf(ctx, leg)
			if err != nil || in == nil {
				return nil, err
			}
			to := legCallbacks[in.Kind].asked(in, event, form, "completed")
			if to != nil && in.Kind == taskrouter.InstructDequeue {
				to.form = maps.Clone(form)
				to.form.Set("taskCallSid", caller)
			}
			return to, nil
		},
	})
}

// tellRoom passes a notice about the room of a caller on to the conference
// status callback of the agent's instruction.
func (h *Handler) tellRoom(in *inbound, call *taskrouter.Call) {
	event := roomEvents[in.form.Get("StatusCallbackEvent")]
	who := in.form.Get("CallSid")
	if h.forward == nil || event == "" || (event == "join" && who == call.CallSID) {
		return // the caller is there before anybody was asked to come
	}
	form := in.form
	h.forward.add(&forward{
		lane: "room " + call.Backend + " " + call.CallSID, account: call.AccountSID, form: form,
		find: func(ctx context.Context) (*destination, error) {
			i, err := h.instructionOfRoom(ctx, call, who)
			if err != nil || i == nil {
				return nil, err
			}
			return roomCallback.asked(i, event, form, "start", "end"), nil
		},
	})
}

// instructionOf is the instruction a leg was placed for, nil for none.
func (h *Handler) instructionOf(ctx context.Context, leg *taskrouter.Leg) (*taskrouter.Instruction, error) {
	rs, err := h.opt.Records.TaskReservations(ctx, leg.AccountSID, leg.WorkspaceSID, leg.TaskSID)
	if err != nil {
		return nil, err
	}
	for _, r := range rs {
		if r.SID == leg.ReservationSID && leg.ServesInstruction(r.Instruction) {
			return r.Instruction, nil
		}
	}
	return nil, nil
}

// instructionOfRoom is the conference instruction the room stands under: that
// of the agent the notice is about, else of the agent who talks, has just
// talked, or is being connected. Nil for none.
func (h *Handler) instructionOfRoom(ctx context.Context, call *taskrouter.Call, who string) (*taskrouter.Instruction, error) {
	if who != "" && who != call.CallSID {
		leg, err := h.opt.Records.LegByCallSID(ctx, call.Backend, who)
		if err != nil && taskrouter.KindOf(err) != taskrouter.KindNotFound {
			return nil, err
		}
		if leg != nil && leg.AccountSID == call.AccountSID {
			if i, err := h.instructionOf(ctx, leg); err != nil || i != nil {
				return i, err
			}
		}
	}
	if call.TaskSID == "" {
		return nil, nil
	}
	rs, err := h.opt.Records.TaskReservations(ctx, call.AccountSID, call.WorkspaceSID, call.TaskSID)
	if err != nil {
		return nil, err
	}
	var best *taskrouter.Instruction
	rank := 0
	for _, r := range rs { // the newest of equals
		if n := roomRank[r.Status]; n > 0 && n >= rank && r.Instruction != nil && r.Instruction.Kind == taskrouter.InstructConference {
			best, rank = r.Instruction, n
		}
	}
	return best, nil
}

// roomRank orders the Reservations whose instruction may speak for a room.
var roomRank = map[taskrouter.ReservationStatus]int{
	taskrouter.ReservationPending: 1, taskrouter.ReservationCompleted: 2, taskrouter.ReservationWrapping: 3,
	taskrouter.ReservationAccepted: 4,
}
