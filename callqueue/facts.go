package callqueue

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// maxFact is the longest value taken over from a platform, in bytes.
const maxFact = 128

// geoNames maps the platform's names to those in a Task's attributes.
var geoNames = map[string]string{
	"FromCity": "from_city", "FromState": "from_state", "FromZip": "from_zip", "FromCountry": "from_country",
	"ToCity": "to_city", "ToState": "to_state", "ToZip": "to_zip", "ToCountry": "to_country",
}

// facts is what a Task learns about its call, under the names the voice enqueue
// verb uses, see https://www.twilio.com/docs/taskrouter/twiml-queue-calls
func facts(req voice.Request, backend string) (taskrouter.Attributes, error) {
	m := map[string]any{
		"call_sid": req.CallSID, "account_sid": clean(req.AccountSID), "from": clean(req.From), "to": clean(req.To),
		"caller": clean(orElse(req.Form.Get("Caller"), req.From)), "called": clean(orElse(req.Form.Get("Called"), req.To)),
		"direction": clean(orElse(string(req.Direction), string(voice.Inbound))), "api_version": clean(req.APIVersion),
		"voice_backend": backend,
	}
	for name, key := range geoNames {
		if v := clean(req.Geo[name]); v != "" {
			m[key] = v
		}
	}
	for key, v := range map[string]string{
		"call_status": req.Form.Get("CallStatus"), "caller_name": req.CallerName, "forwarded_from": req.ForwardedFrom,
	} {
		if v = clean(v); v != "" {
			m[key] = v
		}
	}
	return taskrouter.NoAttributes.Merge(m)
}

// taskAttributes is the document of a call's Task. What the platform says wins
// over what the menu collected, and that over what the menu always sets.
func taskAttributes(m *Menu, call *taskrouter.Call, last map[string]string) (map[string]any, error) {
	out := map[string]any{}
	maps.Copy(out, m.Attributes)
	collected, err := members(call.MenuFacts)
	if err != nil {
		return nil, err
	}
	maps.Copy(out, collected)
	for k, v := range last {
		out[k] = v
	}
	said, err := members(call.Facts)
	if err != nil {
		return nil, err
	}
	maps.Copy(out, said)
	return out, nil
}

func members(a taskrouter.Attributes) (map[string]any, error) {
	out := map[string]any{}
	if a == "" {
		return out, nil
	}
	dec := json.NewDecoder(bytes.NewReader([]byte(a)))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		return nil, &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "decode the facts of a call", Cause: err}
	}
	return out, nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// clean makes a value from outside safe to keep: valid UTF-8 without control
// characters, and short.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	for len(s) > maxFact {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
