package platform

import (
	"net/http"
	"strconv"
	"time"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
)

// FaultKind is what goes wrong with one request.
type FaultKind string

// The faults.
const (
	// DropRequest closes the connection without having done anything.
	DropRequest FaultKind = "drop-request"
	// DropReply does the work, then closes the connection.
	DropReply FaultKind = "drop-reply"
	// Answer replies with Status, Code and Text and does nothing.
	Answer FaultKind = "answer"
	// AnswerAfter does the work, then replies with Status, Code and Text.
	AnswerAfter FaultKind = "answer-after"
	// LateReply does the work and replies after Delay.
	LateReply FaultKind = "late-reply"
	// Array wraps a created call in an array.
	Array FaultKind = "array"
	// Garble does the work and replies 2xx with a body nobody can read.
	Garble FaultKind = "garble"
)

// Fault is scripted for the next matching requests.
type Fault struct {
	// Op is the operation it waits for; empty is any.
	Op   string    `json:"op,omitempty"`
	Kind FaultKind `json:"kind"`
	// Times is how many requests it hits; 0 counts as 1.
	Times int    `json:"times,omitempty"`
	Code  int    `json:"code,omitempty"`
	Text  string `json:"text,omitempty"`
	// Status is the HTTP status of Answer and AnswerAfter.
	Status int `json:"status,omitempty"`
	// RetryAfter is sent in seconds when positive.
	RetryAfter int `json:"retry_after,omitempty"`
	// DelayMS is how long LateReply waits, in milliseconds.
	DelayMS int `json:"delay_ms,omitempty"`
}

// Script adds faults. Each request meets the first that fits.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range faults {
		f.Times = max(1, f.Times)
		s.faults = append(s.faults, f)
	}
}

// Pending lists the faults that have not happened yet.
func (s *Server) Pending() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Fault{}, s.faults...)
}

// Heal removes every fault, those of status callbacks included.
func (s *Server) Heal() {
	s.mu.Lock()
	s.faults = nil
	s.mu.Unlock()
	s.net.SetCallbackFaults(fake.CallbackFaults{})
}

func (s *Server) takeFault(op string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults {
		f := s.faults[i]
		if f.Op != "" && f.Op != op {
			continue
		}
		if s.faults[i].Times--; s.faults[i].Times == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return f, true
	}
	return Fault{}, false
}

// misbehave serves a request with a fault. Aborting the handler closes the
// connection without a reply.
func (s *Server) misbehave(w http.ResponseWriter, c call, f Fault) {
	scripted := answer{status: f.Status, text: f.Text}
	if f.Code != 0 {
		scripted = s.refuse(f.Status, f.Code, f.Text)
	}
	if f.RetryAfter > 0 {
		scripted.header = map[string]string{"Retry-After": strconv.Itoa(f.RetryAfter)}
	}
	switch f.Kind {
	case DropRequest:
		panic(http.ErrAbortHandler)
	case Answer:
		s.write(w, scripted)
		return
	default: // the others first do the work
	}
	done := s.serve(c)
	switch f.Kind {
	case DropReply:
		panic(http.ErrAbortHandler)
	case AnswerAfter:
		done = scripted
	case LateReply:
		delay := time.Duration(f.DelayMS) * time.Millisecond
		if voice.Pause(c.raw.Context(), voice.SystemClock{}, delay) != nil {
			panic(http.ErrAbortHandler)
		}
	case Array:
		if done.value != nil {
			done.value = []any{done.value}
		}
	case Garble:
		done = answer{status: done.status, text: "<html>created</html>"}
	default: // answered above
	}
	s.write(w, done)
}
