package platform

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
)

// originate creates a call, after the checks the platform makes.
func (s *Server) originate(c call) answer {
	to, from, target := c.form.Get("To"), c.form.Get("From"), c.form.Get("Url")
	u, err := url.Parse(target)
	switch {
	case to == "":
		return s.refuse(http.StatusBadRequest, 21201, "No 'To' number is specified")
	case from == "":
		return s.refuse(http.StatusBadRequest, 21213, "No 'From' number is specified")
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return s.refuse(http.StatusBadRequest, 21205, "Url is not a valid URL")
	case !dialable(to):
		return s.refuse(http.StatusBadRequest, 21211, "The 'To' number is not valid")
	}
	timeout, _ := strconv.Atoi(c.form.Get("Timeout"))
	events := c.form["StatusCallbackEvent"]
	if s.restcomm && len(events) > 0 {
		events = strings.Split(events[0], ",")
	}
	out := fake.Outgoing{
		From: from, To: to, URL: target, Method: c.form.Get("Method"), FallbackURL: c.form.Get("FallbackUrl"),
		StatusURL: c.form.Get("StatusCallback"), StatusEvents: events, Timeout: time.Duration(timeout) * time.Second,
	}
	if !s.restcomm && c.form.Get("Record") == "true" {
		out.Record = true
		out.Recording = voice.Recording{
			Channels: c.form.Get("RecordingChannels"), StatusURL: c.form.Get("RecordingStatusCallback"),
			StatusMethod: c.form.Get("RecordingStatusCallbackMethod"),
		}
	}
	sids := s.net.Originate(out)
	if len(sids) == 0 {
		return s.refuse(http.StatusServiceUnavailable, 20503, "the network is closed")
	}
	status := http.StatusCreated
	if s.restcomm {
		status = http.StatusOK
	}
	if len(sids) == 1 {
		leg, _ := s.net.Leg(sids[0])
		return answer{status: status, value: s.callJSON(leg)}
	}
	calls := make([]any, len(sids))
	for i, sid := range sids {
		leg, _ := s.net.Leg(sid)
		calls[i] = s.callJSON(leg)
	}
	return answer{status: status, value: calls}
}

func dialable(to string) bool {
	if strings.HasPrefix(to, "client:") || strings.Contains(to, "@") {
		return true
	}
	return len(to) > 3 && strings.Trim(to, "+0123456789") == ""
}

func (s *Server) updateCall(c call) answer {
	sid := c.parts[1]
	before, ok := s.net.Leg(sid)
	if !ok {
		return s.unknownLeg()
	}
	var err error
	switch {
	case c.form.Get("Url") != "":
		err = s.net.Move(sid, c.form.Get("Url"), c.form.Get("Method"))
	case c.form.Get("Status") == "completed":
		err = s.net.Complete(sid)
	case c.form.Get("Status") == "canceled":
		err = s.net.Cancel(sid)
	default:
		return s.refuse(http.StatusBadRequest, 20001, "nothing to update")
	}
	switch {
	case errors.Is(err, fake.ErrUnknownCall):
		return s.unknownLeg()
	case err != nil && s.restcomm:
		return s.refuse(http.StatusGone, 0, "Call is already completed")
	case err != nil:
		return s.refuse(http.StatusBadRequest, 21220, "Call is not in-progress. Cannot redirect.")
	case s.restcomm:
		return answer{status: http.StatusOK, value: s.callJSON(before)}
	}
	after, _ := s.net.Leg(sid)
	return answer{status: http.StatusOK, value: s.callJSON(after)}
}

func (s *Server) unknownLeg() answer {
	if s.restcomm {
		return s.refuse(http.StatusNotAcceptable, 0, "Call not found")
	}
	return s.refuse(http.StatusNotFound, 20404, "The requested resource was not found")
}

func (s *Server) readCall(c call) answer {
	leg, ok := s.net.Leg(c.parts[1])
	if !ok {
		return s.unknownLeg()
	}
	return answer{status: http.StatusOK, value: s.callJSON(leg)}
}

func (s *Server) listCalls(c call) answer {
	var calls []any
	for _, leg := range s.net.Legs() {
		j := s.callJSON(leg)
		if fits(c.form, "To", j["to"]) && fits(c.form, "From", j["from"]) && fits(c.form, "Status", j["status"]) {
			calls = append(calls, j)
		}
	}
	return s.paged(c, "calls", calls)
}

func fits(form url.Values, name string, got any) bool {
	want := form.Get(name)
	return want == "" || want == got
}

// paged cuts one page out of a list.
func (s *Server) paged(c call, member string, all []any) answer {
	size, _ := strconv.Atoi(c.form.Get("PageSize"))
	if size <= 0 {
		size = 50
	}
	number, _ := strconv.Atoi(c.form.Get("Page"))
	from := min(len(all), number*size)
	to := min(len(all), from+size)
	rows := all[from:to]
	if rows == nil {
		rows = []any{}
	}
	value := map[string]any{
		member: rows, "page": number, "page_size": size, "next_page_uri": nil,
	}
	if to < len(all) {
		q := url.Values{}
		for k, v := range c.form {
			q[k] = v
		}
		q.Set("Page", strconv.Itoa(number+1))
		value["next_page_uri"] = c.raw.URL.Path + "?" + q.Encode()
	}
	if s.restcomm {
		value["num_pages"] = (len(all) + size - 1) / size
		value["total"] = strconv.Itoa(len(all))
	}
	return answer{status: http.StatusOK, value: value}
}

// callJSON is a call as the platform shows it.
func (s *Server) callJSON(l voice.Leg) map[string]any {
	j := map[string]any{
		"sid": l.CallSID, "account_sid": l.AccountSID, "to": l.To, "from": l.From,
		"status": statusWord(l), "direction": string(l.Direction), "api_version": s.version(),
		"date_created": l.CreatedAt.UTC().Format(time.RFC1123Z),
		"uri":          fmt.Sprintf("/%s/Accounts/%s/Calls/%s.json", s.version(), l.AccountSID, l.CallSID),
	}
	if l.ParentSID != "" {
		j["parent_call_sid"] = l.ParentSID
	} else {
		j["parent_call_sid"] = nil
	}
	seconds := int(l.Duration.Seconds())
	if !s.restcomm {
		j["duration"] = strconv.Itoa(seconds)
		j["start_time"] = nil
		return j
	}
	j["duration"] = seconds
	j["instance_id"], _, _ = strings.Cut(l.CallSID, "-")
	j["caller_name"] = "null"
	// A registered user is recorded by name only.
	j["to"] = strings.TrimPrefix(l.To, "client:")
	return j
}

func statusWord(l voice.Leg) string {
	switch l.State {
	case voice.Queued, voice.Dialing:
		return "queued"
	case voice.Ringing:
		return "ringing"
	case voice.Answered:
		return "in-progress"
	default:
		return string(l.Cause)
	}
}
