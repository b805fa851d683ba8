package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// flexString reads a JSON string, number or boolean, and null as empty. The
// platforms disagree about which of them a field is.
type flexString string

// UnmarshalJSON takes any scalar.
func (s *flexString) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0 || bytes.Equal(b, []byte("null")) || bytes.Equal(b, []byte(`"null"`)):
		*s = ""
	case b[0] == '"':
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		*s = flexString(text)
	case b[0] == '{' || b[0] == '[':
		*s = ""
	default:
		*s = flexString(b)
	}
	return nil
}

// callBody is a call as either platform shows it.
type callBody struct {
	SID         flexString `json:"sid"`
	AccountSID  flexString `json:"account_sid"`
	ParentSID   flexString `json:"parent_call_sid"`
	To          flexString `json:"to"`
	From        flexString `json:"from"`
	Status      flexString `json:"status"`
	Direction   flexString `json:"direction"`
	DateCreated flexString `json:"date_created"`
	StartTime   flexString `json:"start_time"`
	Duration    flexString `json:"duration"`
}

// leg converts a call. A state nobody knows reads as queued, so that it never
// ends a leg by mistake.
func (c callBody) leg() voice.Leg {
	l := voice.Leg{
		CallSID: string(c.SID), AccountSID: string(c.AccountSID), ParentSID: string(c.ParentSID),
		From: string(c.From), To: string(c.To), Direction: voice.Direction(c.Direction),
	}
	l.State, l.Cause, _ = voice.ParseCallStatus(string(c.Status))
	var ok bool
	if l.CreatedAt, ok = voice.ParseTime(string(c.DateCreated)); !ok {
		l.CreatedAt, _ = voice.ParseTime(string(c.StartTime))
	}
	if l.State == voice.Ended {
		if n, err := strconv.ParseFloat(string(c.Duration), 64); err == nil && n > 0 && n < 1e9 {
			l.Duration = time.Duration(n * float64(time.Second))
		}
	}
	return l
}

var errNoCall = errors.New("the reply names no call")

// decodeCalls reads one call, an array of calls, or an array in an object with
// the member "calls".
func decodeCalls(body []byte) ([]callBody, error) {
	body = bytes.TrimSpace(body)
	var calls []callBody
	if len(body) > 0 && body[0] == '[' {
		if err := json.Unmarshal(body, &calls); err != nil {
			return nil, err
		}
	} else {
		var one struct {
			callBody
			Calls []callBody `json:"calls"`
		}
		if err := json.Unmarshal(body, &one); err != nil {
			return nil, err
		}
		calls = one.Calls
		if len(calls) == 0 {
			calls = []callBody{one.callBody}
		}
	}
	if len(calls) == 0 {
		return nil, errNoCall
	}
	for _, c := range calls {
		if c.SID == "" {
			return nil, errNoCall
		}
	}
	return calls, nil
}

// page is one page of any list.
type page struct {
	Calls        []callBody   `json:"calls"`
	Conferences  []roomBody   `json:"conferences"`
	Participants []memberBody `json:"participants"`
	Numbers      []numberBody `json:"incoming_phone_numbers"`
	// Restcomm spells it this way.
	NumbersCamel []numberBody `json:"incomingPhoneNumbers"`
	NextPageURI  flexString   `json:"next_page_uri"`
}

type roomBody struct {
	SID          flexString `json:"sid"`
	FriendlyName flexString `json:"friendly_name"`
	Status       flexString `json:"status"`
}

type memberBody struct {
	// CallSID is Twilio's field; Restcomm shows the leg's record, with SID.
	CallSID flexString `json:"call_sid"`
	SID     flexString `json:"sid"`
}

type numberBody struct {
	SID                 flexString `json:"sid"`
	PhoneNumber         flexString `json:"phone_number"`
	VoiceApplicationSID flexString `json:"voice_application_sid"`
}

// decodePage reads a page. A bare array is taken for a list of calls,
// participants or whatever was asked for.
func decodePage(body []byte) (page, error) {
	var p page
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '[' {
		err := errors.Join(
			json.Unmarshal(body, &p.Calls), json.Unmarshal(body, &p.Conferences),
			json.Unmarshal(body, &p.Participants), json.Unmarshal(body, &p.Numbers),
		)
		return p, err
	}
	err := json.Unmarshal(body, &p)
	p.Numbers = append(p.Numbers, p.NumbersCamel...)
	return p, err
}
