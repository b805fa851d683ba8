package platform

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
)

// maxControlBody bounds a control request.
const maxControlBody = 1 << 20

// Phone is the body of POST /control/phones: what phones fitting the pattern do.
// A positive Devices registers the pattern, taken literally, on so many phones.
type Phone struct {
	Pattern       string      `json:"pattern"`
	Do            fake.Action `json:"do"`
	AfterMS       int         `json:"after_ms,omitempty"`
	HangUpAfterMS int         `json:"hang_up_after_ms,omitempty"`
	Devices       int         `json:"devices,omitempty"`
}

// NewCall is the body of POST /control/calls.
type NewCall struct {
	From        string            `json:"from"`
	To          string            `json:"to"`
	VoiceURL    string            `json:"voice_url,omitempty"`
	StatusURL   string            `json:"status_url,omitempty"`
	FallbackURL string            `json:"fallback_url,omitempty"`
	CallerName  string            `json:"caller_name,omitempty"`
	Geo         map[string]string `json:"geo,omitempty"`
}

// Misbehaviour is the body of POST /control/faults.
type Misbehaviour struct {
	REST []Fault `json:"rest,omitempty"`
	// Callbacks replaces the faults of status callbacks when present.
	Callbacks *CallbackFaults `json:"callbacks,omitempty"`
}

// CallbackFaults is fake.CallbackFaults with its delay in milliseconds.
type CallbackFaults struct {
	Suppress  bool     `json:"suppress,omitempty"`
	Duplicate bool     `json:"duplicate,omitempty"`
	Reorder   bool     `json:"reorder,omitempty"`
	DelayMS   int      `json:"delay_ms,omitempty"`
	Events    []string `json:"events,omitempty"`
}

// NewNumber is the body of POST /control/numbers.
type NewNumber struct {
	PhoneNumber string `json:"phone_number"`
	VoiceURL    string `json:"voice_url,omitempty"`
	StatusURL   string `json:"status_url,omitempty"`
	FallbackURL string `json:"fallback_url,omitempty"`
}

// control registers the routes that play the people on the phones:
//
//	POST   /control/calls                  a caller calls; {"call_sid": …}
//	GET    /control/calls?to=&from=&sid=&state=&room=&bridged=&heard=&count=&timeout=
//	                                       the calls that fit; with a timeout (such
//	                                       as 5s) waits until count (1) of them do
//	POST   /control/calls/{sid}/{action}   press?digits=, answer, reject, busy,
//	                                       no-answer, fail, hangup, vanish
//	POST   /control/phones                 what phones do by themselves
//	POST   /control/numbers                a number of the account; {"sid": …}
//	POST   /control/faults                 scripts faults; GET lists, DELETE heals
//	GET    /control/requests?op=           the REST requests received
//	GET    /control/account                {"account_sid", "token", "base_path"}
func (s *Server) control() {
	s.mux.HandleFunc("POST /control/calls", s.controlPlace)
	s.mux.HandleFunc("GET /control/calls", s.controlCalls)
	s.mux.HandleFunc("POST /control/calls/{sid}/{action}", s.controlAct)
	s.mux.HandleFunc("POST /control/phones", s.controlPhones)
	s.mux.HandleFunc("POST /control/numbers", s.controlNumbers)
	s.mux.HandleFunc("POST /control/faults", s.controlFaults)
	s.mux.HandleFunc("GET /control/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.write(w, answer{status: http.StatusOK, value: s.Pending()})
	})
	s.mux.HandleFunc("DELETE /control/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.Heal()
		w.WriteHeader(http.StatusNoContent)
	})
	s.mux.HandleFunc("GET /control/requests", func(w http.ResponseWriter, r *http.Request) {
		s.write(w, answer{status: http.StatusOK, value: s.Requests(r.URL.Query().Get("op"))})
	})
	s.mux.HandleFunc("GET /control/account", func(w http.ResponseWriter, _ *http.Request) {
		s.write(w, answer{status: http.StatusOK, value: map[string]string{
			"account_sid": s.net.AccountSID(), "token": s.token, "base_path": s.BasePath(),
		}})
	})
}

// body reads a control request, answering a bad one itself.
func body(w http.ResponseWriter, r *http.Request, into any) bool {
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return false
	}
	return true
}

func (s *Server) controlPlace(w http.ResponseWriter, r *http.Request) {
	var c NewCall
	if !body(w, r, &c) {
		return
	}
	sid := s.net.PlaceCallWith(fake.Inbound{
		From: c.From, To: c.To, VoiceURL: c.VoiceURL, StatusURL: c.StatusURL, FallbackURL: c.FallbackURL,
		CallerName: c.CallerName, Geo: c.Geo,
	})
	s.write(w, answer{status: http.StatusCreated, value: map[string]string{"call_sid": sid}})
}

func (s *Server) controlCalls(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	count, _ := strconv.Atoi(q.Get("count"))
	count = max(1, count)
	var fitting []fake.CallSnapshot
	enough := func(calls []fake.CallSnapshot) bool {
		fitting = []fake.CallSnapshot{}
		for _, c := range calls {
			if fitsQuery(c, q) {
				fitting = append(fitting, c)
			}
		}
		return len(fitting) >= count
	}
	status := http.StatusOK
	if q.Get("timeout") == "" {
		enough(s.net.Calls())
	} else {
		d, err := time.ParseDuration(q.Get("timeout"))
		if err != nil {
			http.Error(w, "timeout must be a duration such as 5s", http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), d)
		defer cancel()
		if s.net.Wait(ctx, enough) != nil {
			status = http.StatusRequestTimeout
		}
	}
	s.write(w, answer{status: status, value: fitting})
}

func fitsQuery(c fake.CallSnapshot, q url.Values) bool {
	bridged, err := strconv.ParseBool(q.Get("bridged"))
	return fits(q, "to", c.To) && fits(q, "from", c.From) && fits(q, "sid", c.CallSID) &&
		fits(q, "state", c.State) && fits(q, "room", c.Room) &&
		(err != nil || bridged == c.Bridged) && (q.Get("heard") == "" || c.Heard(q.Get("heard")))
}

func (s *Server) controlAct(w http.ResponseWriter, r *http.Request) {
	sid := r.PathValue("sid")
	act, ok := map[string]func(string) error{
		"press":  func(sid string) error { return s.net.Press(sid, r.URL.Query().Get("digits")) },
		"answer": s.net.Answer, "reject": s.net.Reject, "busy": s.net.Busy, "no-answer": s.net.NoAnswer,
		"fail": s.net.Fail, "hangup": s.net.HangUp, "vanish": s.net.Vanish,
	}[r.PathValue("action")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	err := act(sid)
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
	case errors.Is(err, fake.ErrUnknownCall):
		http.Error(w, err.Error(), http.StatusNotFound)
	default:
		http.Error(w, err.Error(), http.StatusConflict)
	}
}

func (s *Server) controlPhones(w http.ResponseWriter, r *http.Request) {
	var p Phone
	if !body(w, r, &p) {
		return
	}
	if p.Devices > 0 {
		s.net.Devices(p.Pattern, p.Devices)
	}
	if p.Do != "" {
		s.net.Auto(p.Pattern, fake.Behaviour{
			Do: p.Do, After: time.Duration(p.AfterMS) * time.Millisecond,
			HangUpAfter: time.Duration(p.HangUpAfterMS) * time.Millisecond,
		})
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) controlNumbers(w http.ResponseWriter, r *http.Request) {
	var n NewNumber
	if !body(w, r, &n) {
		return
	}
	sid := s.net.AddNumber(voice.Number{
		PhoneNumber: n.PhoneNumber, VoiceURL: n.VoiceURL, StatusURL: n.StatusURL, FallbackURL: n.FallbackURL,
	})
	s.write(w, answer{status: http.StatusCreated, value: map[string]string{"sid": sid}})
}

func (s *Server) controlFaults(w http.ResponseWriter, r *http.Request) {
	var m Misbehaviour
	if !body(w, r, &m) {
		return
	}
	s.Script(m.REST...)
	if c := m.Callbacks; c != nil {
		s.net.SetCallbackFaults(fake.CallbackFaults{
			Suppress: c.Suppress, Duplicate: c.Duplicate, Reorder: c.Reorder,
			Delay: time.Duration(c.DelayMS) * time.Millisecond, Events: c.Events,
		})
	}
	w.WriteHeader(http.StatusNoContent)
}
