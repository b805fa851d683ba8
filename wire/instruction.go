package wire

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Codes of faults in an instruction's parameters.
const (
	codeRejectActivity       = 40100
	codeCallTo               = 40110
	codeCallFrom             = 40111
	codeCallURL              = 40112
	codeRedirectURL          = 40120
	codeRedirectCallSID      = 40121
	codeDequeueActivity      = 40130
	codeDequeueTo            = 40131
	codeDequeueFrom          = 40132
	codeDequeueEvents        = 40134
	codeConferenceTo         = 40137
	codeConferenceActivity   = 40139
	codeConferenceFrom       = 40141
	codeSuperviseSupervisor  = 40147
	codeSuperviseFrom        = 40148
	codeDequeueCallbackURL   = 40157
	codeCallCallbackURL      = 40158
	codeConferenceCallback   = 40159
	maxInstructionTextLength = 4096
)

// requirement says where a parameter of an instruction must be given.
type requirement int

const (
	optional requirement = iota
	// requiredInForm: callbacks have a default for it, requests do not.
	requiredInForm
	required
)

// instructionParam is one parameter of an instruction.
type instructionParam struct {
	// form is its name in a request, key its name in a callback's document;
	// synonyms are accepted for either.
	form, key string
	synonyms  []string
	need      requirement
	// code is that of any fault in it; zero is the general one.
	code  int
	check check
}

// check is what a value must be, and the function that returns its canonical
// form.
type check struct {
	Parameter
	canonical func(string) (string, bool)
}

// instructionParams has one row a parameter of each instruction.
// https://www.twilio.com/docs/taskrouter/api/reservations
var instructionParams = map[taskrouter.InstructionKind][]instructionParam{
	taskrouter.InstructAccept: {},
	taskrouter.InstructReject: {
		{form: "WorkerActivitySid", key: "activity_sid", code: codeRejectActivity, check: aSID(taskrouter.PrefixActivity)},
	},
	taskrouter.InstructDequeue: {
		{form: "DequeueTo", key: "to", code: codeDequeueTo, check: anAddress()},
		{form: "DequeueFrom", key: "from", code: codeDequeueFrom, check: anAddress(), need: requiredInForm},
		{form: "DequeuePostWorkActivitySid", key: "post_work_activity_sid", code: codeDequeueActivity, check: aSID(taskrouter.PrefixActivity)},
		{form: "DequeueRecord", key: "record", check: aRecord()},
		{form: "DequeueTimeout", key: "timeout", check: between(1, maxDialTimeout)},
		{form: "DequeueStatusCallbackUrl", key: "status_callback_url", code: codeDequeueCallbackURL, check: aURL()},
		{
			form: "DequeueStatusCallbackEvent", key: "status_callback_events", code: codeDequeueEvents, check: someOf(callEvents...),
			synonyms: []string{"DequeueStatusCallbackEvents", "status_callback_event"},
		},
	},
	taskrouter.InstructCall: {
		{form: "CallTo", key: "to", code: codeCallTo, check: anAddress()},
		{form: "CallFrom", key: "from", code: codeCallFrom, check: anAddress(), need: required},
		{form: "CallUrl", key: "url", code: codeCallURL, check: aURL(), need: required},
		{form: "CallAccept", key: "accept", check: aFlag()},
		{form: "CallRecord", key: "record", check: aRecord()},
		{form: "CallTimeout", key: "timeout", check: between(1, maxDialTimeout)},
		{form: "CallStatusCallbackUrl", key: "status_callback_url", code: codeCallCallbackURL, check: aURL()},
	},
	taskrouter.InstructRedirect: {
		{form: "RedirectCallSid", key: "call_sid", code: codeRedirectCallSID, check: aSID("CA"), need: required},
		{form: "RedirectUrl", key: "url", code: codeRedirectURL, check: aURL(), need: required},
		{form: "RedirectAccept", key: "accept", check: aFlag()},
	},
	taskrouter.InstructConference: conferenceParams(),
	taskrouter.InstructSupervise: {
		{form: "Supervisor", key: "supervisor", code: codeSuperviseSupervisor, check: aSupervisor(), need: required},
		{form: "SupervisorMode", key: "supervisor_mode", check: aWord("monitor", "whisper", "barge")},
		{form: "From", key: "from", code: codeSuperviseFrom, check: anAddress()},
	},
}

// callEvents are the reports on a call's progress that can be asked for.
var callEvents = []string{"initiated", "ringing", "answered", "completed"}

// maxDialTimeout is the longest time a phone rings, in seconds.
const maxDialTimeout = 999

func conferenceParams() []instructionParam {
	method := aWord("GET", "POST")
	return []instructionParam{
		{form: "To", key: "to", code: codeConferenceTo, check: anAddress()},
		{form: "From", key: "from", code: codeConferenceFrom, check: anAddress()},
		{form: "PostWorkActivitySid", key: "post_work_activity_sid", code: codeConferenceActivity, check: aSID(taskrouter.PrefixActivity)},
		{form: "Timeout", key: "timeout", check: between(1, maxDialTimeout)},
		{form: "StatusCallback", key: "status_callback", synonyms: []string{"status_callback_url"}, code: codeConferenceCallback, check: aURL()},
		{form: "StatusCallbackMethod", key: "status_callback_method", check: method},
		{
			form: "StatusCallbackEvent", key: "status_callback_event", check: someOf(callEvents...),
			synonyms: []string{"status_callback_events"},
		},
		{form: "Record", key: "record", check: aText()},
		{form: "Muted", key: "muted", check: aFlag()},
		{form: "Beep", key: "beep", check: aWord("true", "false", "onEnter", "onExit")},
		{form: "StartConferenceOnEnter", key: "start_conference_on_enter", check: aFlag()},
		{form: "EndConferenceOnExit", key: "end_conference_on_exit", check: aFlag()},
		{form: "EndConferenceOnCustomerExit", key: "end_conference_on_customer_exit", check: aFlag()},
		{form: "BeepOnCustomerEntrance", key: "beep_on_customer_entrance", check: aFlag()},
		{form: "WaitUrl", key: "wait_url", check: aURL()},
		{form: "WaitMethod", key: "wait_method", check: method},
		{form: "EarlyMedia", key: "early_media", check: aFlag()},
		{form: "MaxParticipants", key: "max_participants", check: between(2, 250)},
		{form: "ConferenceStatusCallback", key: "conference_status_callback", check: aURL()},
		{form: "ConferenceStatusCallbackMethod", key: "conference_status_callback_method", check: method},
		{
			form: "ConferenceStatusCallbackEvent", key: "conference_status_callback_event",
			synonyms: []string{"conference_status_callback_events"},
			check:    someOf("start", "end", "join", "leave", "mute", "hold", "speaker"),
		},
		{form: "ConferenceRecord", key: "conference_record", check: aWord("true", "false", "record-from-start", "do-not-record")},
		{form: "ConferenceTrim", key: "conference_trim", check: aWord("trim-silence", "do-not-trim")},
		{form: "RecordingChannels", key: "recording_channels", check: aWord("mono", "dual")},
		{form: "RecordingStatusCallback", key: "recording_status_callback", check: aURL()},
		{form: "RecordingStatusCallbackMethod", key: "recording_status_callback_method", check: method},
		{form: "ConferenceRecordingStatusCallback", key: "conference_recording_status_callback", check: aURL()},
		{form: "ConferenceRecordingStatusCallbackMethod", key: "conference_recording_status_callback_method", check: method},
		{form: "Region", key: "region", check: aWord("us1", "us2", "ie1", "de1", "sg1", "br1", "au1", "jp1")},
		{form: "SipAuthUsername", key: "sip_auth_username", check: aText()},
		{form: "SipAuthPassword", key: "sip_auth_password", check: aText()},
		{form: "JitterBufferSize", key: "jitter_buffer_size", check: aWord("small", "medium", "large", "off")},
		{form: "Transcribe", key: "transcribe", check: aFlag()},
		{form: "TranscriptionConfiguration", key: "transcription_configuration", check: aText()},
	}
}

// names lists where a parameter may stand, the first one is its own name.
func (p *instructionParam) names(own string) []string { return append([]string{own}, p.synonyms...) }

// collectInstruction checks the parameters of an instruction. read returns the
// values given under any of the names, and own is the name faults are told by.
func collectInstruction(
	kind taskrouter.InstructionKind, need requirement,
	own func(*instructionParam) string, read func(names []string) ([]string, error),
) (*taskrouter.Instruction, error) {
	in := &taskrouter.Instruction{Kind: kind, Params: map[string]string{}}
	for i := range instructionParams[kind] {
		p := &instructionParams[kind][i]
		name := own(p)
		values, err := read(p.names(name))
		if err != nil {
			return in, taskrouter.InvalidCode(p.code, "%s %s", name, err.Error())
		}
		value := strings.Join(values, ",")
		if strings.TrimSpace(value) == "" {
			if p.need >= need && p.need != optional {
				return in, taskrouter.InvalidCode(p.code, "%s is required for the %s instruction", name, kind)
			}
			continue
		}
		canonical, ok := p.check.canonical(value)
		if !ok || len(value) > maxInstructionTextLength || !storable(value) {
			return in, taskrouter.InvalidCode(p.code, "%s is not valid for the %s instruction", name, kind)
		}
		in.Params[p.key] = canonical
	}
	return in, nil
}

func aText() check {
	return check{canonical: func(s string) (string, bool) { return s, true }}
}

func aFlag() check {
	return check{Parameter{Kind: KindBoolean}, func(s string) (string, bool) {
		return strconv.FormatBool(taskrouter.ParseBool(s)), true
	}}
}

func aURL() check {
	return check{Parameter{Kind: KindAddress}, func(s string) (string, bool) { return s, isWebURL(s) }}
}

func aSID(prefix taskrouter.Prefix) check {
	return check{Parameter{Kind: KindSID, Prefixes: []taskrouter.Prefix{prefix}}, func(s string) (string, bool) {
		return s, taskrouter.IsSID(prefix, s)
	}}
}

func aWord(words ...string) check {
	return check{Parameter{Words: words}, func(s string) (string, bool) {
		for _, w := range words {
			if strings.EqualFold(w, strings.TrimSpace(s)) {
				return w, true
			}
		}
		return "", false
	}}
}

// aRecord is a recording mode; a plain boolean is accepted as well.
func aRecord() check {
	mode, flag := aWord("record-from-answer", "do-not-record"), aWord("true", "false")
	return check{mode.Parameter, func(s string) (string, bool) {
		if m, ok := mode.canonical(s); ok {
			return m, true
		}
		on, ok := flag.canonical(s)
		return map[string]string{"true": "record-from-answer", "false": "do-not-record"}[on], ok
	}}
}

// someOf is a list of words separated by commas or blanks.
func someOf(words ...string) check {
	word := aWord(words...)
	return check{Parameter{Many: true, Words: words}, func(s string) (string, bool) {
		var out []string
		for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
			w, ok := word.canonical(part)
			if !ok {
				return "", false
			}
			out = append(out, w)
		}
		return strings.Join(out, ","), len(out) > 0
	}}
}

func between(lo, hi int) check {
	return check{Parameter{Kind: KindInteger, Min: int64(lo), Max: int64(hi)}, func(s string) (string, bool) {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		return strconv.Itoa(n), err == nil && n >= lo && n <= hi
	}}
}

func anAddress() check { return check{Parameter{Kind: KindDialled}, isAddress} }

// aSupervisor is a Worker or an address.
func aSupervisor() check {
	return check{Parameter{Kind: KindDialled}, func(s string) (string, bool) {
		if taskrouter.IsSID(taskrouter.PrefixWorker, s) {
			return s, true
		}
		return isAddress(s)
	}}
}

// phoneNumber is an E.164 number, a short code or an extension.
var phoneNumber = regexp.MustCompile(`^\+?[0-9]{2,15}$`)

// isAddress is something that can be dialled: client:name, a SIP URI or a
// number, which may be written with punctuation.
func isAddress(s string) (string, bool) {
	s = strings.TrimSpace(s)
	lower := strings.ToLower(s)
	if strings.ContainsAny(s, " \t\r\n<>\"") && !strings.HasPrefix(s, "+") {
		return "", false
	}
	switch {
	case strings.HasPrefix(lower, "client:"):
		return s, len(s) > len("client:")
	case strings.HasPrefix(lower, "sip:"), strings.HasPrefix(lower, "sips:"):
		user, host, ok := strings.Cut(s[strings.IndexByte(s, ':')+1:], "@")
		return s, ok && user != "" && host != ""
	default:
		number := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(s)
		return number, phoneNumber.MatchString(number)
	}
}
