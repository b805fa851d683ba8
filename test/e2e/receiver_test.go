package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
)

// receiver is a customer's application: it gets assignment callbacks and checks
// who sent them with the official library.
type receiver struct {
	server *httptest.Server

	mu      sync.Mutex
	answers map[string]answer
	got     []request
}

// answer is what a path answers with.
type answer struct {
	status int
	body   string
}

// request is a callback that came in.
type request struct {
	path    string
	form    url.Values
	genuine bool
}

// newReceiver starts an application that knows the account's token.
func newReceiver(t *testing.T, token string) *receiver {
	t.Helper()
	r := &receiver{answers: map[string]answer{}}
	validator := client.NewRequestValidator(token)
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if err := req.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		params := map[string]string{}
		for k := range req.PostForm {
			params[k] = req.PostForm.Get(k)
		}
		r.mu.Lock()
		r.got = append(r.got, request{
			path: req.URL.Path, form: req.PostForm,
			genuine: validator.Validate(r.server.URL+req.URL.RequestURI(), params, req.Header.Get("X-Twilio-Signature")),
		})
		a := r.answers[req.URL.Path]
		r.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	}))
	t.Cleanup(r.server.Close)
	return r
}

// on sets what a path answers from now on, and returns its URL.
func (r *receiver) on(path string, status int, body string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[path] = answer{status, body}
	return r.server.URL + path
}

// requests lists what a path has received.
func (r *receiver) requests(t *testing.T, path string) []request {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []request
	for _, g := range r.got {
		require.True(t, g.genuine, "a callback with a wrong signature: %s", g.path)
		if g.path == path {
			out = append(out, g)
		}
	}
	return out
}
