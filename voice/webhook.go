package voice

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// maxCallSID is the longest id a platform may give a leg.
const maxCallSID = 70

// Request is what a platform tells us when it asks for a document or reports on
// a leg, with the differences between the platforms removed.
type Request struct {
	// Flavour is recognised by ApiVersion.
	Flavour    Flavour
	CallSID    string
	AccountSID string
	ParentSID  string
	From, To   string
	APIVersion string
	Direction  Direction
	// Status is the canonical state, Cause its cause when Ended. StatusKnown is
	// false when the platform sent no state or a word nobody knows.
	Status      LegState
	Cause       EndCause
	StatusKnown bool
	// CallerName and ForwardedFrom are empty when unknown.
	CallerName, ForwardedFrom string
	// Geo holds FromCity, FromState, FromZip, FromCountry and their To twins,
	// those that were sent.
	Geo map[string]string
	// Digits are the keys of a Gather; HasDigits tells an absent field from an
	// empty one.
	Digits        string
	HasDigits     bool
	FinishedOnKey string
	SpeechResult  string
	// CallToken may be handed back when dialling, to show the caller's number.
	CallToken, StirVerstat string
	// Queue and Dial are set on the action request of those verbs.
	Queue QueueOutcome
	Dial  DialOutcome
	// Progress is set on status callbacks.
	Progress Progress
	// Conference is set on conference callbacks.
	Conference ConferenceNotice
	// SIPHeaders are the custom headers of the INVITE, without their prefix.
	SIPHeaders map[string]string
	// Form is everything that was sent.
	Form url.Values
}

// QueueOutcome tells how an Enqueue ended, or how it stands in a wait document.
type QueueOutcome struct {
	SID, Result string
	// Time is how long the call has been in the queue.
	Time time.Duration
	// Position counts from 1; zero when not sent.
	Position int
}

// DialOutcome tells how a Dial ended.
type DialOutcome struct {
	// Status is the platform's word, empty when this is no Dial action.
	Status   string
	CallSID  string
	Duration time.Duration
	// Bridged is nil when the platform does not tell.
	Bridged *bool
}

// Progress is the part of a status callback about the leg.
type Progress struct {
	// Source is "call-progress-events" on per-call callbacks.
	Source string
	// Sequence is -1 when not sent.
	Sequence  int
	Timestamp time.Time
	Duration  time.Duration
	SIPCode   int
	ErrorCode int

	RecordingURL, RecordingSID string
}

// ConferenceNotice is the part of a conference callback about the room.
type ConferenceNotice struct {
	// Event is the platform's word, such as "participant-join".
	Event string
	SID   string
	// Room is the name the room was given in markup.
	Room string
}

// callStatuses maps every platform's word to the canonical state.
var callStatuses = map[string]struct {
	state LegState
	cause EndCause
}{
	"queued":          {Queued, ""},
	"initiated":       {Dialing, ""},
	"ringing":         {Ringing, ""},
	"wait-for-answer": {Ringing, ""},
	"in-progress":     {Answered, ""},
	"answered":        {Answered, ""},
	"completed":       {Ended, EndCompleted},
	"busy":            {Ended, EndBusy},
	"no-answer":       {Ended, EndNoAnswer},
	"failed":          {Ended, EndFailed},
	"not-found":       {Ended, EndFailed},
	"canceled":        {Ended, EndCanceled},
	"cancelled":       {Ended, EndCanceled},
}

// ParseCallStatus maps a platform's word for the state of a leg, in any case
// and with blanks, underscores or hyphens, to the canonical state.
func ParseCallStatus(word string) (LegState, EndCause, bool) {
	w := strings.ToLower(strings.TrimSpace(word))
	w = strings.NewReplacer("_", "-", " ", "-").Replace(w)
	s, ok := callStatuses[w]
	return s.state, s.cause, ok
}

var geoFields = []string{
	"FromCity", "FromState", "FromZip", "FromCountry", "ToCity", "ToState", "ToZip", "ToCountry",
}

// ParseRequest reads the form of a voice request, an action request or a status
// callback. A form without a usable CallSid is invalid; parameters nobody knows
// stay in Form.
func ParseRequest(form url.Values) (Request, error) {
	get := func(name string) string { return textOrEmpty(form.Get(name)) }
	r := Request{
		CallSID: get("CallSid"), AccountSID: get("AccountSid"), ParentSID: get("ParentCallSid"),
		From: get("From"), To: get("To"), APIVersion: get("ApiVersion"),
		Direction:  Direction(get("Direction")),
		CallerName: get("CallerName"), ForwardedFrom: get("ForwardedFrom"),
		Digits: form.Get("Digits"), HasDigits: form.Has("Digits"),
		FinishedOnKey: form.Get("FinishedOnKey"), SpeechResult: get("SpeechResult"),
		CallToken: get("CallToken"), StirVerstat: get("StirVerstat"),
		Form: form,
	}
	if r.CallSID == "" || len(r.CallSID) > maxCallSID || strings.ContainsFunc(r.CallSID, unprintable) {
		return Request{}, taskrouter.Invalidf("CallSid is missing or malformed")
	}
	r.Flavour = DetectFlavour(form)
	r.Status, r.Cause, r.StatusKnown = ParseCallStatus(form.Get("CallStatus"))
	for _, name := range geoFields {
		if v := get(name); v != "" {
			if r.Geo == nil {
				r.Geo = map[string]string{}
			}
			r.Geo[name] = v
		}
	}
	for name := range form {
		if h, ok := strings.CutPrefix(name, "SipHeader_"); ok {
			if r.SIPHeaders == nil {
				r.SIPHeaders = map[string]string{}
			}
			r.SIPHeaders[h] = form.Get(name)
		}
	}
	r.Queue = QueueOutcome{
		SID: get("QueueSid"), Result: get("QueueResult"), Time: seconds(get("QueueTime")),
		Position: number(get("QueuePosition"), 0),
	}
	r.Dial = DialOutcome{
		Status: get("DialCallStatus"), CallSID: get("DialCallSid"), Duration: seconds(get("DialCallDuration")),
	}
	if b, err := strconv.ParseBool(get("DialBridged")); err == nil {
		r.Dial.Bridged = &b
	}
	r.Progress = Progress{
		Source: get("CallbackSource"), Sequence: number(get("SequenceNumber"), -1),
		Duration: seconds(get("CallDuration")), SIPCode: number(get("SipResponseCode"), 0),
		ErrorCode: number(get("ErrorCode"), 0), RecordingURL: get("RecordingUrl"), RecordingSID: get("RecordingSid"),
	}
	r.Progress.Timestamp, _ = ParseTime(get("Timestamp"))
	if sid := get("ConferenceSid"); sid != "" {
		r.Conference = ConferenceNotice{Event: get("StatusCallbackEvent"), SID: sid, Room: get("FriendlyName")}
	}
	return r, nil
}

// DetectFlavour recognises the platform by what it sends. It answers Twilio for
// anything that does not look like Restcomm, as most clones imitate Twilio.
func DetectFlavour(form url.Values) Flavour {
	if form.Get("ApiVersion") == "2012-04-24" || form.Has("InstanceId") {
		return FlavourRestcomm
	}
	return FlavourTwilio
}

// textOrEmpty maps the text "null", which Restcomm sends for what it does not
// know, to nothing.
func textOrEmpty(s string) string {
	if s == "null" {
		return ""
	}
	return s
}

func unprintable(r rune) bool { return r <= ' ' || r > '~' }

func number(s string, otherwise int) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return otherwise
	}
	return n
}

func seconds(s string) time.Duration {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n < 0 || n > 1e9 {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

// timeLayouts are the spellings of RFC 2822 and ISO 8601 seen from platforms.
var timeLayouts = []string{
	time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 -0700", time.RFC1123, "Mon, 2 Jan 2006 15:04:05 MST",
	time.RFC3339Nano, "2006-01-02T15:04:05.000-0700", "2006-01-02 15:04:05.0", "2006-01-02 15:04:05",
}

// ParseTime reads a time as platforms write it.
func ParseTime(s string) (time.Time, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
