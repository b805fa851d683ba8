package events

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"slices"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// answer is what one URL said. One that is not usable sends the request to the
// fallback; one that is, without an instruction, leaves the offer to the agent.
type answer struct {
	usable      bool
	instruction *taskrouter.Instruction
	code        int
}

// readAnswer understands the body of a 2xx answer.
func readAnswer(contentType string, body []byte) answer {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(body) == 0 {
		return answer{usable: true}
	}
	if !isJSON(contentType) {
		return answer{code: CodeNotJSON}
	}
	doc, ok := readObject(body)
	if !ok {
		return answer{code: CodeUnreadable}
	}
	if len(doc) == 0 {
		return answer{usable: true}
	}
	name, given := text(doc["instruction"])
	if !given || name == "" {
		return answer{usable: true, code: CodeNoInstruction}
	}
	kind, err := taskrouter.ParseInstructionKind(strings.TrimSpace(name))
	if err != nil || instructionKeys[kind] == nil {
		return answer{usable: true, code: taskrouter.CodeUnknownInstruction}
	}
	return answer{usable: true, instruction: &taskrouter.Instruction{Kind: kind, Params: params(kind, doc)}}
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		media, _, _ = strings.Cut(strings.ToLower(contentType), ";")
		media = strings.TrimSpace(media)
	}
	return media == "application/json" || media == "text/json" || strings.HasSuffix(media, "+json")
}

// readObject reads one JSON object and nothing behind it. Numbers keep their
// spelling.
func readObject(body []byte) (map[string]any, bool) {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var doc map[string]any
	if err := dec.Decode(&doc); err != nil || doc == nil {
		return nil, false
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, false
	}
	return doc, true
}

// instructionKeys lists the parameters each instruction knows; others are
// ignored. Supervise is missing because a callback may not ask for it.
var instructionKeys = map[taskrouter.InstructionKind][]string{
	taskrouter.InstructAccept: {},
	taskrouter.InstructReject: {"activity_sid"},
	taskrouter.InstructDequeue: {
		"to", "from", "post_work_activity_sid", "record", "timeout", "status_callback_url", "status_callback_events",
	},
	taskrouter.InstructCall:     {"to", "from", "url", "accept", "record", "timeout", "status_callback_url"},
	taskrouter.InstructRedirect: {"call_sid", "url", "accept"},
	taskrouter.InstructConference: {
		"to", "from", "post_work_activity_sid", "timeout",
		"status_callback", "status_callback_method", "status_callback_event", "status_callback_events",
		"record", "muted", "beep", "start_conference_on_enter", "end_conference_on_exit",
		"end_conference_on_customer_exit", "beep_on_customer_entrance", "wait_url", "wait_method", "early_media",
		"max_participants", "conference_status_callback", "conference_status_callback_method",
		"conference_status_callback_event", "conference_record", "conference_trim", "recording_channels",
		"recording_status_callback", "recording_status_callback_method", "conference_recording_status_callback",
		"conference_recording_status_callback_method", "region", "sip_auth_username", "sip_auth_password",
		"jitter_buffer_size",
	},
}

// params takes over what the instruction knows, as text.
func params(kind taskrouter.InstructionKind, doc map[string]any) map[string]string {
	out := map[string]string{}
	for _, key := range instructionKeys[kind] {
		if v, ok := text(doc[key]); ok {
			out[key] = v
		}
	}
	return out
}

// text is the text form of a value: booleans and numbers as spelled, lists of
// them separated by commas. Objects and null have none.
func text(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	case json.Number:
		return v.String(), true
	case []any:
		var parts []string
		for _, e := range v {
			if s, ok := text(e); ok {
				parts = append(parts, s)
			}
		}
		return strings.Join(slices.Clip(parts), ","), len(parts) > 0
	default:
		return "", false
	}
}
