package voice

import (
	"context"
	"strings"
	"time"
)

// StatusEvents are the progress notices to ask for on a leg, in order.
func StatusEvents() []string { return []string{"initiated", "ringing", "answered", "completed"} }

// MarkupStatusEvents is the value of a statusCallbackEvent attribute in markup.
// Twilio separates events by blanks; Restcomm strips blanks and splits at
// commas, so a list with blanks matches nothing there.
func (f Flavour) MarkupStatusEvents(events ...string) string {
	if f == FlavourRestcomm {
		return strings.Join(events, ",")
	}
	return strings.Join(events, " ")
}

// FormStatusEvents is the StatusCallbackEvent field of a request that places a
// call: one field per event, except on Restcomm, which takes one field with
// commas.
func (f Flavour) FormStatusEvents(events ...string) []string {
	if f == FlavourRestcomm {
		return []string{strings.Join(events, ",")}
	}
	return events
}

// Callback is what a status callback's URL and our own records add to its form.
type Callback struct {
	Backend string
	// Attempt and Placement come from the path; zero on the callback of a number.
	Attempt   string
	Placement int
	// ReceivedAt dates notices without a timestamp.
	ReceivedAt time.Time
}

// StatusEvent turns a status or conference callback into a fact. It reports
// false when the callback says nothing about a leg. The event's Cause is empty
// when the notice says only that the leg is over: Settle finds the cause.
func StatusEvent(r Request, c Callback) (Event, bool) {
	e := Event{
		Backend: c.Backend, CallSID: r.CallSID, Attempt: c.Attempt, Placement: c.Placement,
		State: r.Status, Cause: r.Cause, At: r.Progress.Timestamp, Sequence: r.Progress.Sequence,
		SIPCode: r.Progress.SIPCode, Duration: r.Progress.Duration,
	}
	if e.At.IsZero() {
		e.At = c.ReceivedAt
	}
	if r.Conference.SID != "" {
		return roomEvent(e, r)
	}
	if !r.StatusKnown {
		return Event{}, false
	}
	// Restcomm's per-call callback says "completed" for every end whatever its
	// cause; only the callback of a number uses the real word.
	perCall := c.Attempt != "" || r.Progress.Source == "call-progress-events"
	if r.Flavour == FlavourRestcomm && perCall && e.Cause == EndCompleted {
		e.Cause = ""
	}
	return e, true
}

func roomEvent(e Event, r Request) (Event, bool) {
	joined := false
	switch r.Conference.Event {
	case "participant-join":
		joined = true
	case "participant-leave":
	default:
		return Event{}, false
	}
	e.State, e.Cause = Answered, ""
	e.Joined, e.Room = &joined, r.Conference.Room
	return e, true
}

// Settle completes an end whose cause the notice did not tell. A leg that was
// answered before has ended normally; otherwise the platform is asked. An event
// that needs nothing is returned as it is. When the platform cannot be asked the
// event comes back with its cause empty, together with the error.
func Settle(ctx context.Context, b Backend, e Event, known LegState) (Event, error) {
	if e.State != Ended || e.Cause != "" {
		return e, nil
	}
	if known == Answered {
		e.Cause = EndCompleted
		return e, nil
	}
	leg, err := b.Inspect(ctx, e.CallSID)
	if err != nil {
		return e, err
	}
	e.Cause = leg.Cause
	if leg.State != Ended || e.Cause == "" {
		// The notice is newer than the record the platform showed.
		e.Cause = EndCompleted
	}
	if e.Duration == 0 {
		e.Duration = leg.Duration
	}
	return e, nil
}
