package durability

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
)

// receiver is an application that takes callbacks, and fails as it is told.
type receiver struct {
	*httptest.Server
	// name of the form's field that tells callbacks apart.
	field  string
	answer func(form url.Values) string

	mu   sync.Mutex
	mood string // what is wrong; empty for nothing
	// changed is closed when the mood changes.
	changed chan struct{}
	// asked counts the requests, answered those that were answered well.
	asked, answered map[string]int
}

func newReceiver(t *testing.T, field string, answer func(form url.Values) string) *receiver {
	t.Helper()
	r := &receiver{field: field, answer: answer, changed: make(chan struct{}), asked: map[string]int{}, answered: map[string]int{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.is("")
		r.Close()
	})
	return r
}

// is changes the mood.
func (r *receiver) is(mood string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mood = mood
	close(r.changed)
	r.changed = make(chan struct{})
}

// ServeHTTP takes a callback. What it does not answer well it did not hear.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if err := req.ParseForm(); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key := req.PostForm.Get(r.field)
	r.mu.Lock()
	mood, changed := r.mood, r.changed
	r.asked[key]++
	if mood == "" {
		r.answered[key]++
	}
	r.mu.Unlock()
	switch mood {
	case "":
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, r.answer(req.PostForm))
	case faultRefuse:
		w.WriteHeader(http.StatusInternalServerError)
	case faultHang:
		select {
		case <-changed:
		case <-req.Context().Done():
		}
		panic(http.ErrAbortHandler)
	case faultCut:
		panic(http.ErrAbortHandler)
	}
}

// seen is how often each callback came, and how often it was answered well.
func (r *receiver) seen() (asked, answered map[string]int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.asked), maps.Clone(r.answered)
}

// instruction is what the application does with an offer. It depends on the
// Reservation alone: mostly it takes the offer, now and then it declines, or
// leaves it to the agent.
func instruction(form url.Values) string {
	sid := form.Get("ReservationSid")
	switch last := sid[max(0, len(sid)-1):]; {
	case last < "9": // nine of sixteen
		return `{"instruction":"accept"}`
	case last < "b":
		return `{"instruction":"reject"}`
	default:
		return `{}`
	}
}

// nothing is the answer to an event.
func nothing(url.Values) string { return "" }
