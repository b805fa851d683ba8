package voicetest

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/taskrouter/taskrouter/voice"
)

// Received is one webhook request.
type Received struct {
	Path    string
	Form    url.Values
	Header  http.Header
	Request voice.Request
}

// Receiver stands in for the router: it answers the platform's webhooks with
// small documents and turns status callbacks into events. Its addresses are
//
//	/caller/{room}                     a caller waits in the room
//	/leg/{attempt}/{placement}/{room}  an agent's leg enters and starts the room
//	/status/{attempt}/{placement}      progress of an agent's leg
//	/number                            a caller's leg is over
//	/doc/{name}                        the document set with Serve
type Receiver struct {
	backend string
	base    string
	ledger  voice.Ledger

	mu       sync.Mutex
	docs     map[string]string
	requests []Received
	events   []voice.Event
	changed  chan struct{}
}

// NewReceiver makes a receiver for a back-end of this name, reachable under base.
// A nil ledger wants every leg.
func NewReceiver(backend, base string, ledger voice.Ledger) *Receiver {
	return &Receiver{
		backend: backend, base: base, ledger: ledger, docs: map[string]string{}, changed: make(chan struct{}),
	}
}

// SetBase sets the address the receiver is reachable under, without a slash at
// the end.
func (r *Receiver) SetBase(base string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.base = base
}

// URL makes an absolute address of a path.
func (r *Receiver) URL(path string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.base + path
}

// Serve sets the document at /doc/{name} and returns its address.
func (r *Receiver) Serve(name, markup string) string {
	r.mu.Lock()
	r.docs[name] = markup
	r.mu.Unlock()
	return r.URL("/doc/" + name)
}

// Requests lists what was received, oldest first.
func (r *Receiver) Requests() []Received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.requests)
}

// Events lists the facts received, oldest first.
func (r *Receiver) Events() []voice.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Wait returns when the predicate holds for what was received.
func (r *Receiver) Wait(ctx context.Context, holds func(requests []Received, events []voice.Event) bool) error {
	for {
		r.mu.Lock()
		requests, events, changed := slices.Clone(r.requests), slices.Clone(r.events), r.changed
		r.mu.Unlock()
		if holds(requests, events) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// DialRequest makes the request that brings an agent's leg into a room.
func (r *Receiver) DialRequest(attempt, to, room string) voice.DialRequest {
	return voice.DialRequest{
		Attempt: attempt, To: to, From: "+15550100",
		AnswerURL: r.URL("/leg/" + attempt + "/" + voice.PlacementMark + "/" + room),
		StatusURL: r.URL("/status/" + attempt + "/" + voice.PlacementMark),
		Timeout:   20 * time.Second,
	}
}

// ServeHTTP answers a webhook.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if err := req.ParseForm(); err != nil {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	parsed, err := voice.ParseRequest(req.Form)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	parts := strings.Split(strings.Trim(req.URL.Path, "/"), "/")
	doc := r.reply(req.Context(), parts, parsed)
	r.record(Received{Path: req.URL.Path, Form: req.Form, Header: req.Header, Request: parsed}, parts)
	if doc == "" {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprint(w, xml.Header+doc)
}

func (r *Receiver) reply(ctx context.Context, parts []string, req voice.Request) string {
	switch {
	case parts[0] == "caller" && len(parts) == 2:
		return conferenceDocument(parts[1], `startConferenceOnEnter="false" endConferenceOnExit="true" beep="false" waitUrl=""`)
	case parts[0] == "leg" && len(parts) == 4:
		if !r.wanted(ctx, parts[1], parts[2], req.CallSID) {
			return `<Response><Say>not needed</Say><Hangup/></Response>`
		}
		return conferenceDocument(parts[3], `startConferenceOnEnter="true" endConferenceOnExit="true" beep="false" waitUrl=""`)
	case parts[0] == "status" && len(parts) == 3:
		r.wanted(ctx, parts[1], parts[2], req.CallSID)
		return `<Response/>`
	case parts[0] == "number":
		return `<Response/>`
	case parts[0] == "doc" && len(parts) == 2:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.docs[parts[1]]
	}
	return ""
}

func conferenceDocument(room, attrs string) string {
	return "<Response><Dial><Conference " + attrs + ">" + room + "</Conference></Dial></Response>"
}

func (r *Receiver) wanted(ctx context.Context, attempt, placement, callSID string) bool {
	if r.ledger == nil {
		return true
	}
	n, err := strconv.Atoi(placement)
	if err != nil {
		return false
	}
	wanted, err := r.ledger.Reveal(ctx, r.backend, attempt, n, callSID)
	return err == nil && wanted
}

func (r *Receiver) record(rec Received, parts []string) {
	c := voice.Callback{Backend: r.backend, ReceivedAt: time.Now()}
	isStatus := parts[0] == "number"
	if parts[0] == "status" && len(parts) == 3 {
		isStatus = true
		c.Attempt = parts[1]
		c.Placement, _ = strconv.Atoi(parts[2])
	}
	e, ok := voice.StatusEvent(rec.Request, c)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, rec)
	if isStatus && ok {
		r.events = append(r.events, e)
	}
	close(r.changed)
	r.changed = make(chan struct{})
}
