package callqueue

import (
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// supervise puts a supervisor into the caller's room, which neither opens nor
// closes with them and does not announce them. The caller must never hear a
// whisper: where only everybody can be spoken to, the supervisor is let go.
// https://www.twilio.com/docs/voice/twiml/conference
func (r renderer) supervise(v dispatch.LegVerdict) document {
	c := element{name: "Conference", text: v.Join}.
		with("startConferenceOnEnter", "false").
		with("endConferenceOnExit", "false").
		with("beep", r.beep("false"))
	switch v.Leg.Mode {
	case taskrouter.SuperviseBarge:
	case taskrouter.SuperviseWhisper:
		if v.Coach == "" || !r.flavour.Whispers() {
			return r.refused(ReasonWithdrawn)
		}
		c = c.with("coach", v.Coach)
	case taskrouter.SuperviseMonitor:
		c = c.with("muted", "true")
	default: // of a later release: who may speak is not known
		return r.refused(ReasonUnknown)
	}
	return document{dialRoom(r.urls.legEnded(v.Leg.Attempt), "", c)}
}
