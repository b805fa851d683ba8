package apiserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workspace"
)

// refusal checks that an answer is a complete error body.
func refusal(t *testing.T, a stack.Answer, status, code int) wire.Error {
	t.Helper()
	var e wire.Error
	require.NoError(t, json.Unmarshal(a.Body, &e), "%s", a.Body)
	require.Equal(t, [2]int{status, code}, [2]int{a.Status, e.Code}, e.Message)
	require.Equal(t, a.Status, e.Status)
	require.NotEmpty(t, e.Message)
	require.NotEmpty(t, e.MoreInfo)
	require.Equal(t, "application/json; charset=utf-8", a.Header.Get("Content-Type"))
	return e
}

func TestOperationsAreThePublicOnes(t *testing.T) {
	text, err := os.ReadFile("testdata/operations.txt")
	require.NoError(t, err)
	want := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Len(t, want, 61)
	var got []string
	for _, o := range apiserver.Operations() {
		line := o.Method + " " + strings.NewReplacer(":ws", "{}", ":sid", "{}", ":child", "{}").Replace(o.Path) + " " + o.ID
		if !strings.Contains(o.Path, "CallQueues") && strings.HasPrefix(o.Path, "/v1/") && !strings.Contains(o.Path, "Deliveries") &&
			!strings.HasSuffix(o.Path, "/Explain") && !strings.HasSuffix(o.Path, "/Evaluate") {
			got = append(got, line)
		}
		require.Empty(t, o.Unsupported, o.ID)
	}
	slices.Sort(want)
	slices.Sort(got)
	require.Equal(t, want, got)
}

func TestHealth(t *testing.T) {
	s := stack.Start(t)
	require.Equal(t, 200, s.Do(stack.Credentials{}, "GET", "/healthz", nil).Status)
	require.Equal(t, 200, s.Do(stack.Credentials{}, "GET", "/readyz", nil).Status)
	require.Equal(t, 404, s.Do(stack.Credentials{}, "GET", "/metrics", nil).Status, "only where it is asked for")

	saying := func(status int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	s = stack.Start(t, func(o *apiserver.Options) { o.Alive, o.Ready, o.Metrics = saying(299), saying(503), saying(298) })
	require.Equal(t, 299, s.Do(stack.Credentials{}, "GET", "/healthz", nil).Status)
	require.Equal(t, 503, s.Do(stack.Credentials{}, "GET", "/readyz", nil).Status)
	require.Equal(t, 298, s.Do(stack.Credentials{}, "GET", "/metrics", nil).Status)
}

// TestObserve: measured are patterns, never what a client wrote.
func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	s := stack.Start(t, func(o *apiserver.Options) {
		o.Observe = func(method, route string, status int, took time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			require.Positive(t, took)
			seen = append(seen, fmt.Sprint(method, " ", route, " ", status))
		}
	})
	s.Do(stack.Credentials{}, "GET", "/healthz", nil)
	s.Do(stack.Credentials{}, "GET", "/v1/Workspaces/WSsecret/Tasks", nil)
	s.Do(stack.Credentials{}, "GET", "/nowhere/secret", nil)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"GET /healthz 200", "GET /v1/Workspaces/:ws/Tasks 401", "GET  404"}, seen)
}

// TestTrace: followed are the API and the telephone, by pattern; the request
// goes on in the context that is given back.
func TestTrace(t *testing.T) {
	type key struct{}
	var mu sync.Mutex
	var seen []string
	var deep any
	s := stack.Start(t, func(o *apiserver.Options) {
		o.Trace = func(r *http.Request, method, route string) (context.Context, func(int)) {
			return context.WithValue(r.Context(), key{}, "trace"), func(status int) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, fmt.Sprint(method, " ", route, " ", status))
			}
		}
		o.Voice = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			deep = r.Context().Value(key{})
			w.WriteHeader(299)
		})
	})
	s.Do(stack.Credentials{}, "GET", "/healthz", nil)
	s.Do(stack.Credentials{}, "GET", "/v1/Workspaces/WSsecret/Tasks", nil)
	s.Do(stack.Credentials{}, "GET", "/v1/secret", nil)
	s.Do(stack.Credentials{}, "GET", "/secret", nil)
	s.Do(stack.Credentials{}, "POST", "/callqueue/secret", nil)
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, []string{"GET /v1/Workspaces/:ws/Tasks 401", "GET  401", "POST /callqueue/*path 299"}, seen)
	require.Equal(t, "trace", deep)
}

func TestCredentials(t *testing.T) {
	s := stack.Start(t)
	for name, as := range map[string]stack.Credentials{
		"none":            {},
		"no token":        {SID: s.Account.SID},
		"wrong token":     {SID: s.Account.SID, Token: "x"},
		"foreign token":   {SID: s.Account.SID, Token: s.Foreign.Token},
		"unknown account": {SID: taskrouter.NewSID("AC"), Token: s.Account.Token},
		"no SID":          {SID: "admin", Token: "admin"},
	} {
		for _, path := range []string{"/v1/Workspaces", "/v1/Nothing", "/v1/Workspaces/x"} {
			a := s.Do(as, "GET", path, nil)
			e := refusal(t, a, 401, 20003)
			require.NotContains(t, e.Message, as.SID+"x", name)
			require.Equal(t, `Basic realm="Task Router API"`, a.Header.Get("WWW-Authenticate"))
		}
	}
	r, err := http.NewRequest(http.MethodGet, s.URL+"/v1/Workspaces", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer abc")
	refusal(t, s.Send(r), 401, 20003)
}

func TestRequestIDs(t *testing.T) {
	s := stack.Start(t)
	a := s.Do(s.Account, "GET", "/v1/Workspaces", nil, "X-Request-Id", "mine")
	id := a.Header.Get("X-Request-Id")
	require.Regexp(t, "^RQ[0-9a-f]{32}$", id)
	require.Equal(t, id, a.Header.Get("Twilio-Request-Id"))
	require.NotEqual(t, id, s.Do(s.Account, "GET", "/v1/Workspaces", nil).Header.Get("X-Request-Id"))
}

func TestMethodsAndPaths(t *testing.T) {
	s, w := workspaceOf(t)
	for _, tc := range []struct {
		method, path string
		status, code int
	}{
		{"PUT", w, 405, 20004},
		{"PATCH", w + "/Tasks", 405, 20004},
		{"DELETE", w + "/Tasks", 405, 20004},
		{"POST", w + "/Events", 405, 20004},
		{"DELETE", w + "/Events/" + taskrouter.NewSID("EV"), 405, 20004},
		{"POST", w + "/Workers/Statistics", 405, 20004},
		{"GET", w + "/TaskQueues/RealTimeStatistics", 405, 20004},
		{"GET", w + "/workers", 404, 20404},
		{"GET", "/v1/Accounts", 404, 20404},
		{"GET", "/v2/Workspaces", 404, 20404},
		{"GET", "/", 404, 20404},
		{"POST", w + "/Statistics", 405, 20004},
		{"POST", w + "/TaskQueues/RealTimeStatistics", 400, 20001},
	} {
		t.Run(tc.method+" "+strings.ReplaceAll(tc.path, w, "~"), func(t *testing.T) {
			refusal(t, s.Do(s.Account, tc.method, tc.path, nil), tc.status, tc.code)
		})
	}
	for _, path := range []string{w, w + "/Tasks", "/v1/Workspaces", w + "/Activities"} {
		require.Equal(t, 200, s.Do(s.Account, "GET", path+"/", nil).Status, "a trailing slash is ignored")
	}
	missing := w + "/Tasks/" + taskrouter.NewSID("WT")
	require.Equal(t, "The requested resource "+missing+" was not found", refusal(t, s.Do(s.Account, "GET", missing, nil), 404, 20404).Message)
}

// TestUnknownAndMalformedSIDs walks the table with SIDs of nothing and with
// text that is no SID.
func TestUnknownAndMalformedSIDs(t *testing.T) {
	f := furnished(t)
	for _, o := range apiserver.Operations() {
		if !strings.Contains(o.Path, ":sid") {
			continue
		}
		for name, sid := range map[string]string{
			"unknown": "XX" + strings.Repeat("0", 32), "short": "WT1", "odd": "a%20b%00%ff", "other kind": taskrouter.NewSID("AC"),
		} {
			t.Run(o.ID+"/"+name, func(t *testing.T) {
				replaced := strings.NewReplacer(":sid", sid, ":child", sid).Replace(o.Path)
				refusal(t, f.Do(f.Account, o.Method, f.path(replaced), url.Values{"Priority": {"x"}, "FriendlyName": {""}}), 404, 20404)
			})
		}
		refusal(t, f.Do(f.Account, o.Method, strings.NewReplacer(":ws", "WS1", ":sid", "x", ":child", "y").Replace(o.Path), nil), 404, 20404)
	}
}

func TestOverload(t *testing.T) {
	over := true
	s, w := workspaceOf(t, func(o *apiserver.Options) { o.Overloaded = func() bool { return over } })
	a := s.Do(s.Account, "POST", w+"/Tasks", url.Values{})
	refusal(t, a, 503, 20503)
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	require.Equal(t, 200, s.Do(s.Account, "GET", w+"/Tasks", nil).Status)
	over = false
	refusal(t, s.Do(s.Account, "POST", w+"/Tasks", url.Values{}), 400, 20001)
}

func TestBodies(t *testing.T) {
	s, w := workspaceOf(t, func(o *apiserver.Options) { o.BodyLimit = 1000 })
	send := func(body, contentType string, chunked bool) stack.Answer {
		r, err := http.NewRequest(http.MethodPost, s.URL+w+"/Activities", strings.NewReader(body))
		require.NoError(t, err)
		if chunked {
			r.ContentLength = -1
		}
		r.SetBasicAuth(s.Account.SID, s.Account.Token)
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		return s.Send(r)
	}
	const form = "application/x-www-form-urlencoded"
	require.Equal(t, 201, send("FriendlyName=A", form+"; charset=utf-8", false).Status)
	require.Equal(t, 201, send("FriendlyName=B", "", false).Status)
	refusal(t, send(strings.Repeat("x", 1001), form, false), 413, 20413)
	refusal(t, send(strings.Repeat("x", 1001), form, true), 413, 20413)
	refusal(t, send(`{"FriendlyName":"A"}`, "application/json", false), 400, 20001)
	refusal(t, send("FriendlyName=%zz", form, false), 400, 20001)
	refusal(t, send("FriendlyName=A;B=C", form, false), 400, 20001)
	refusal(t, send("", form, false), 400, 20001)
	refusal(t, s.Do(s.Account, "GET", w+"/Activities?PageSize=%zz", nil), 400, 20001)
}

func TestMountedHandlers(t *testing.T) {
	echo := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(name + r.Method + r.URL.Path)) })
	}
	s := stack.Start(t, func(o *apiserver.Options) { o.Voice, o.Codec, o.Dev = echo("voice "), echo("codec "), echo("dev ") })
	require.Equal(t, "voice POST/callqueue/call/", string(s.Do(stack.Credentials{}, "POST", "/callqueue/call/", nil).Body))
	require.Equal(t, "codec POST/codec/decode", string(s.Do(stack.Credentials{}, "POST", "/codec/decode", nil).Body))
	require.Equal(t, "codec OPTIONS/codec/decode", string(s.Do(stack.Credentials{}, "OPTIONS", "/codec/decode", nil).Body))
	require.Equal(t, "dev GET/dev/x", string(s.Do(stack.Credentials{}, "GET", "/dev/x", nil).Body))
	plain := stack.Start(t)
	refusal(t, plain.Do(plain.Account, "GET", "/dev/x", nil), 404, 20404)
	refusal(t, plain.Do(plain.Account, "POST", "/callqueue/x", nil), 404, 20404)
	refusal(t, plain.Do(plain.Account, "POST", "/codec/decode", nil), 404, 20404)
}

func TestCrossOrigin(t *testing.T) {
	s := stack.Start(t, func(o *apiserver.Options) { o.AllowedOrigins = []string{"https://app.example.com"} })
	const header = "Access-Control-Allow-Origin"
	a := s.Do(s.Account, "GET", "/v1/Workspaces", nil, "Origin", "https://app.example.com")
	require.Equal(t, "https://app.example.com", a.Header.Get(header))
	require.Empty(t, s.Do(s.Account, "GET", "/v1/Workspaces", nil, "Origin", "https://evil.example.com").Header.Get(header))
	a = s.Do(stack.Credentials{}, "OPTIONS", "/v1/Workspaces", nil, "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST")
	require.Equal(t, 204, a.Status)
	require.Contains(t, a.Header.Get("Access-Control-Allow-Headers"), "If-Match")
}

// brokenReader fails as a store does.
type brokenReader struct {
	apiserver.Reader
	err error
}

func (b *brokenReader) ListWorkspaces(context.Context, string, string, taskrouter.Page) ([]*taskrouter.Workspace, error) {
	if b.err == nil {
		panic("SELECT secret")
	}
	return nil, b.err
}

func TestFaultsOfOurs(t *testing.T) {
	reader := &brokenReader{}
	s := stack.Start(t, func(o *apiserver.Options) {
		reader.Reader = o.Reader
		o.Reader = reader
	})
	for _, tc := range []struct {
		name         string
		err          error
		status, code int
	}{
		{"panic", nil, 500, 20500},
		{"unknown", errors.New("SELECT secret"), 500, 20500},
		{"unavailable", taskrouter.Unavailable(errors.New("SELECT secret"), "The store is not reachable"), 503, 20503},
		{"slow", context.DeadlineExceeded, 503, 20503},
		{"conflict", taskrouter.Errorf(taskrouter.KindConflict, "again"), 409, 20409},
		{"busy", taskrouter.Errorf(taskrouter.KindCapacity, "slower"), 429, 20429},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reader.err = tc.err
			a := s.Do(s.Account, "GET", "/v1/Workspaces", nil)
			require.NotContains(t, refusal(t, a, tc.status, tc.code).Message, "secret")
			require.Equal(t, tc.status == 503 || tc.status == 429, a.Header.Get("Retry-After") != "")
		})
	}
}

func TestNewNeedsItsCollaborators(t *testing.T) {
	_, err := apiserver.New(zap.NewNop(), apiserver.Options{PublicURL: "https://a.example"})
	require.Error(t, err)
	s := stack.Start(t)
	for change, ok := range map[string]bool{"router.example.com": false, "https://router.example.com": true} {
		_, err := apiserver.New(zap.NewNop(), apiserver.Options{
			PublicURL: change, Authenticator: anybody{}, Dispatcher: s.Dispatcher, Configuration: s.Service, Reader: s.Store, Evaluator: workspace.Evaluator{}, Resender: s.Store, Keys: noKeys{}, Claims: s.Store,
		})
		require.Equal(t, ok, err == nil, change)
	}
	_, err = apiserver.New(zap.NewNop(), apiserver.Options{
		PublicURL: "https://a.example", Authenticator: anybody{}, Dispatcher: s.Dispatcher, Configuration: s.Service, Reader: s.Store,
		Evaluator: workspace.Evaluator{}, Resender: s.Store, Keys: noKeys{}, Claims: s.Store, TrustedProxies: []string{"not a network"},
	})
	require.Error(t, err)
}

type anybody struct{}

// noKeys is for servers nobody asks for keys.
type noKeys struct{ apiserver.Keys }

func (anybody) Authenticate(context.Context, string, string) (string, error) { return "AC", nil }

// TestServesWithoutAListener shows that a Server is a plain handler.
func TestServesWithoutAListener(t *testing.T) {
	s := stack.Start(t)
	api, err := apiserver.New(zap.NewNop(), apiserver.Options{
		PublicURL: "https://a.example", Authenticator: anybody{}, Dispatcher: s.Dispatcher, Configuration: s.Service, Reader: s.Store, Evaluator: workspace.Evaluator{}, Resender: s.Store, Keys: noKeys{}, Claims: s.Store,
	})
	require.NoError(t, err)
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	require.Equal(t, 200, w.Code)
}
