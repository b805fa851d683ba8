package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/taskrouter/taskrouter/voice/fake"
)

// devCalls plays the people on the telephone of a development process over
// REST: no authentication, because it listens on loopback and rings nobody.
//
//	GET  /dev/calls                      every call, what was heard, who hears whom
//	GET  /dev/calls/changes              each live call and then each change, a line of JSON each, until the client leaves
//	POST /dev/calls                      From, To: a caller dials
//	GET  /dev/calls/{sid}
//	POST /dev/calls/{sid}/press          Digits
//	POST /dev/calls/{sid}/answer|reject|busy|no-answer|hangup
//	POST /dev/phones                     Pattern, Do (answer, reject, busy, no-answer, manual): what phones do by themselves
type devCalls struct {
	net *fake.Backend
	url string
	// closing ends the streams, which a server that stops would wait for.
	closing context.Context
}

// newDevCalls makes the handler; stop ends its streams.
func (a *App) newDevCalls() (h http.Handler, stop func()) {
	closing, stop := context.WithCancel(context.Background())
	d := &devCalls{net: a.voices.fake, url: a.public, closing: closing}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dev/calls", d.list)
	mux.HandleFunc("POST /dev/calls", d.place)
	mux.HandleFunc("GET /dev/calls/changes", d.changes)
	mux.HandleFunc("GET /dev/calls/{sid}", d.show)
	mux.HandleFunc("POST /dev/calls/{sid}/{action}", d.act)
	mux.HandleFunc("POST /dev/phones", d.phones)
	return mux, stop
}

func (d *devCalls) list(w http.ResponseWriter, _ *http.Request) {
	calls := d.net.Calls()
	if calls == nil {
		calls = []fake.CallSnapshot{}
	}
	answer(w, http.StatusOK, map[string]any{"calls": calls})
}

// changes streams what happens, for programs that play many people at a time.
func (d *devCalls) changes(w http.ResponseWriter, r *http.Request) {
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	defer context.AfterFunc(d.closing, stop)()
	w.Header().Set("Content-Type", "application/x-ndjson")
	connection, encoder := http.NewResponseController(w), json.NewEncoder(w)
	if err := connection.Flush(); err != nil {
		return
	}
	_ = d.net.Watch(ctx, func(c fake.CallSnapshot) error {
		if err := encoder.Encode(c); err != nil {
			return err
		}
		return connection.Flush()
	})
}

func (d *devCalls) place(w http.ResponseWriter, r *http.Request) {
	from, to := r.FormValue("From"), r.FormValue("To")
	if from == "" || to == "" {
		refuse(w, http.StatusBadRequest, "From and To are required")
		return
	}
	if strings.HasPrefix(from, " ") || strings.HasPrefix(to, " ") {
		refuse(w, http.StatusBadRequest, "a number begins with a space: send its + as %2B, with curl by --data-urlencode")
		return
	}
	sid := d.net.PlaceCall(from, to, d.url+"/callqueue/callback", d.url+"/callqueue/status")
	d.showCall(w, http.StatusCreated, sid)
}

func (d *devCalls) show(w http.ResponseWriter, r *http.Request) {
	d.showCall(w, http.StatusOK, r.PathValue("sid"))
}

func (d *devCalls) showCall(w http.ResponseWriter, status int, sid string) {
	c, ok := d.net.Call(sid)
	if !ok {
		refuse(w, http.StatusNotFound, "no such call")
		return
	}
	answer(w, status, c)
}

func (d *devCalls) act(w http.ResponseWriter, r *http.Request) {
	sid := r.PathValue("sid")
	var err error
	switch r.PathValue("action") {
	case "press":
		err = d.net.Press(sid, r.FormValue("Digits"))
	case "answer":
		err = d.net.Answer(sid)
	case "reject":
		err = d.net.Reject(sid)
	case "busy":
		err = d.net.Busy(sid)
	case "no-answer":
		err = d.net.NoAnswer(sid)
	case "hangup":
		err = d.net.HangUp(sid)
	default:
		refuse(w, http.StatusNotFound, "unknown action: press, answer, reject, busy, no-answer or hangup")
		return
	}
	switch {
	case errors.Is(err, fake.ErrUnknownCall):
		refuse(w, http.StatusNotFound, "no such call")
	case err != nil:
		refuse(w, http.StatusConflict, err.Error())
	default:
		d.showCall(w, http.StatusOK, sid)
	}
}

func (d *devCalls) phones(w http.ResponseWriter, r *http.Request) {
	do := fake.Action(r.FormValue("Do"))
	switch do {
	case fake.PhoneManual, fake.PhoneAnswer, fake.PhoneReject, fake.PhoneBusy, fake.PhoneNoAnswer, fake.PhoneFail:
	default:
		refuse(w, http.StatusBadRequest, "Do must be manual, answer, reject, busy, no-answer or fail")
		return
	}
	pattern := r.FormValue("Pattern")
	if pattern == "" {
		pattern = "*"
	}
	d.net.Auto(pattern, fake.Behaviour{Do: do})
	answer(w, http.StatusOK, map[string]any{"pattern": pattern, "do": do})
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"status": status, "message": message})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
