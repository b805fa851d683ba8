package callqueue

import (
	"context"
	"strconv"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// agent is a request about an agent's leg.
type agent struct {
	*inbound
	req voice.Request
	leg *taskrouter.Leg
}

// agent finds the leg of an attempt and checks that the request is genuine. The
// leg is nil when there is no such attempt on this platform.
func (h *Handler) agent(ctx context.Context, in *inbound) (*agent, error) {
	req, err := in.call()
	if err != nil {
		return nil, err
	}
	leg, err := h.opt.Records.FetchLeg(ctx, in.http.PathValue("attempt"))
	if err != nil && taskrouter.KindOf(err) != taskrouter.KindNotFound {
		return nil, err
	}
	if leg == nil || leg.Backend != in.platform.Name {
		return &agent{inbound: in, req: req}, h.genuine(ctx, in, "")
	}
	return &agent{inbound: in, req: req, leg: leg}, h.genuine(ctx, in, leg.AccountSID)
}

// placement is the number of the request that placed the leg; 0 when the path
// does not tell.
func (a *agent) placement() int {
	n, err := strconv.Atoi(a.http.PathValue("placement"))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// reveal tells the ledger which leg an attempt got, and reports whether that
// leg is wanted.
func (h *Handler) reveal(ctx context.Context, a *agent) (bool, error) {
	if h.opt.Ledger == nil {
		return true, nil
	}
	return h.opt.Ledger.Reveal(ctx, a.platform.Name, a.leg.Attempt, a.placement(), a.req.CallSID)
}

// legAnswered is asked when an agent answers. The Reservation is accepted
// before the agent learns where to go; whoever is not wanted any more hears why
// and is let go.
func (h *Handler) legAnswered(ctx context.Context, in *inbound) (document, error) {
	a, err := h.agent(ctx, in)
	if err != nil {
		return nil, err
	}
	if a.leg == nil {
		return in.render.refused(ReasonUnknown), nil
	}
	if a.req.StatusKnown && a.req.Status == voice.Ended {
		return document{hangup()}, h.legFact(ctx, a, taskrouter.LegEnded, string(a.req.Cause))
	}
	wanted, err := h.reveal(ctx, a)
	if err != nil {
		return nil, err
	}
	if !wanted {
		return in.render.refused(ReasonWithdrawn), nil
	}
	verdict, err := h.opt.Router.LegDocument(ctx, a.leg.Attempt, a.req.CallSID)
	switch {
	case err != nil && permanent(err):
		h.log.Warn("agent's leg refused", logging.TaskSID(a.leg.TaskSID),
			logging.ReservationSID(a.leg.ReservationSID), logging.Err(err))
		return in.render.refused(ReasonUnknown), nil
	case err != nil:
		return nil, err
	case verdict.Join != "" && verdict.Leg != nil && verdict.Leg.Purpose == taskrouter.LegSupervises:
		return in.render.supervise(verdict), nil
	case verdict.Join != "":
		return in.render.join(verdict.Join, a.leg.Attempt, verdict.Instruction), nil
	case verdict.Reason == "" && verdict.Leg != nil && verdict.Leg.Purpose == taskrouter.LegForeign && verdict.Leg.URL != "":
		return document{redirect(verdict.Leg.URL)}, nil // the customer's own markup
	default:
		return in.render.refused(verdict.Reason), nil
	}
}

// legStatus hears of the progress of an agent's leg.
func (h *Handler) legStatus(ctx context.Context, in *inbound) error {
	a, err := h.agent(ctx, in)
	if err != nil || a.leg == nil {
		return err
	}
	e, ok := voice.StatusEvent(a.req, voice.Callback{
		Backend: in.platform.Name, Attempt: a.leg.Attempt, Placement: a.placement(), ReceivedAt: h.opt.Now(),
	})
	if !ok || e.Joined != nil {
		return nil
	}
	wanted, err := h.reveal(ctx, a)
	if err != nil {
		return err
	}
	if wanted {
		h.tellLeg(a, e.State)
	}
	if !wanted && e.State == voice.Ended {
		return nil // the end of a leg nobody counts on says nothing about the attempt
	}
	if b := in.platform.Backend; b != nil {
		if e, err = voice.Settle(ctx, b, e, knownState(a.leg)); err != nil {
			h.log.Warn("cause of a leg's end is not known", logging.Backend(in.platform.Name),
				logging.ReservationSID(a.leg.ReservationSID), logging.Err(err))
		}
	}
	if e.State == voice.Ended && e.Cause == "" && !a.leg.AnsweredAt.IsZero() {
		e.Cause = voice.EndCompleted
	}
	return h.legFact(ctx, a, legState(e.State), string(e.Cause))
}

// legEnded is asked when an agent has left the room: there is nothing more to
// say, the leg ends with this document.
func (h *Handler) legEnded(ctx context.Context, in *inbound) (document, error) {
	a, err := h.agent(ctx, in)
	if err != nil || a.leg == nil {
		return document{hangup()}, err
	}
	cause := voice.EndCompleted
	if _, c, known := voice.ParseCallStatus(a.req.Dial.Status); known && c != "" {
		cause = c
	}
	return document{hangup()}, h.legFact(ctx, a, taskrouter.LegEnded, string(cause))
}

// legFact stores a fact. An end always has a cause: a platform that does not
// tell has failed.
func (h *Handler) legFact(ctx context.Context, a *agent, state taskrouter.LegState, cause string) error {
	if state == taskrouter.LegEnded && cause == "" {
		cause = string(voice.EndFailed)
	}
	err := h.opt.Router.LegFact(ctx, dispatch.LegReport{
		Attempt: a.leg.Attempt, Backend: a.platform.Name, CallSID: a.req.CallSID, State: state, Cause: cause,
	})
	if err != nil && taskrouter.KindOf(err) == taskrouter.KindNotFound {
		return nil
	}
	return err
}

// legState translates a platform's state.
func legState(s voice.LegState) taskrouter.LegState {
	switch s {
	case voice.Ringing:
		return taskrouter.LegRinging
	case voice.Answered:
		return taskrouter.LegAnswered
	case voice.Ended:
		return taskrouter.LegEnded
	default:
		return taskrouter.LegDialing
	}
}

// knownState is how far the store knows a leg has come.
func knownState(l *taskrouter.Leg) voice.LegState {
	switch {
	case !l.AnsweredAt.IsZero() || l.State == taskrouter.LegAnswered || l.State == taskrouter.LegJoined:
		return voice.Answered
	case l.State == taskrouter.LegRinging:
		return voice.Ringing
	default:
		return voice.Dialing
	}
}
