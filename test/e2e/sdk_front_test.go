package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/twilioclient"
)

// frontPath is where the front serves the system: production often shares a
// host name with something else.
const frontPath = "/routing"

// front is the proxy before a system, as in production. It notes which
// operations were answered well, and what no client library could read.
type front struct {
	url string

	mu     sync.Mutex
	served map[string]bool
	faults []string
}

// startBehindFront starts a system that is reached through a front only: every
// URL it hands out leads there. Its client library does too.
func startBehindFront(t *testing.T, database string) (*system, *front) {
	t.Helper()
	listen := freeAddress(t)
	f := &front{served: map[string]bool{}}
	target, err := url.Parse("http://" + listen)
	require.NoError(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: f.note(operationOf()),
	}
	server := httptest.NewServer(http.StripPrefix(frontPath, proxy))
	t.Cleanup(server.Close)
	f.url = server.URL + frontPath
	s := startSystem(t, database, func(o *dev.Options) {
		o.Listen = listen
		o.Change = func(c *config.Config) { c.PublicURL = f.url }
	})
	require.Equal(t, f.url, s.web.url)
	client, err := twilioclient.New(twilioclient.Options{BaseURL: f.url, AccountSID: s.AccountSID, Secret: s.AuthToken})
	require.NoError(t, err)
	s.rest = client.TaskrouterV1
	return s, f
}

// operationOf tells the operation a request asks for, by the table that is
// served.
func operationOf() func(*http.Request) string {
	mux, ids := http.NewServeMux(), map[string]string{}
	for _, o := range apiserver.Operations() {
		parts := strings.Split(o.Path, "/")
		for i, p := range parts {
			if name, ok := strings.CutPrefix(p, ":"); ok {
				parts[i] = "{" + name + "}"
			}
		}
		pattern := o.Method + " " + strings.Join(parts, "/")
		ids[pattern] = o.ID
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	return func(r *http.Request) string {
		_, pattern := mux.Handler(r)
		return ids[pattern]
	}
}

// note looks at an answer of the API.
func (f *front) note(operation func(*http.Request) string) func(*http.Response) error {
	return func(r *http.Response) error {
		id := operation(r.Request)
		if id == "" {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		if err := r.Body.Close(); err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		f.mu.Lock()
		defer f.mu.Unlock()
		if what := unreadable(r, body); what != "" {
			f.faults = append(f.faults, fmt.Sprintf("%s %d: %s: %s", id, r.StatusCode, what, body))
		}
		if r.StatusCode < 300 {
			f.served[id] = true
		}
		return nil
	}
}

// unreadable tells what a client library cannot read about an answer.
func unreadable(r *http.Response, body []byte) string {
	deleted := r.Request.Method == http.MethodDelete && r.StatusCode < 300
	switch {
	case deleted && (r.StatusCode != http.StatusNoContent || len(body) > 0):
		return "a deletion has no answer but its status"
	case deleted:
		return ""
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		return "no JSON"
	case r.StatusCode >= 300:
		var e struct {
			Code, Status int
			Message      string
			MoreInfo     string `json:"more_info"`
		}
		if err := json.Unmarshal(body, &e); err != nil || e.Code == 0 || e.Status != r.StatusCode || e.Message == "" || e.MoreInfo == "" {
			return "no error of the API"
		}
	case !json.Valid(body):
		return "no JSON"
	}
	return ""
}

// verbs begin the names of the official library's methods. What else it has
// are other ways to ask for the same.
var verbs = regexp.MustCompile(`^(Create|Fetch|Update|Delete|List)`)

// libraryOperations names the operations of the official library.
func libraryOperations() []string {
	var out []string
	library := reflect.TypeFor[*api.ApiService]()
	for i := range library.NumMethod() {
		if name := library.Method(i).Name; verbs.MatchString(name) && !strings.HasSuffix(name, "WithMetadata") {
			out = append(out, name)
		}
	}
	return out
}

// keyOperations are those of API keys, which stand elsewhere in the library.
var keyOperations = []string{"CreateNewKey", "FetchKey", "UpdateKey", "DeleteKey", "ListKey"}

// complete makes sure that every operation was carried out, and that all that
// was answered could be read.
func (f *front) complete(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Empty(t, f.faults)
	all := libraryOperations()
	require.Len(t, all, 61)
	missing := slices.DeleteFunc(append(all, keyOperations...), func(id string) bool { return f.served[id] })
	require.Empty(t, missing, "operations nobody asked for, or that never succeeded")
}
