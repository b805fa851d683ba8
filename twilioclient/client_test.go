package twilioclient_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/twilioclient"
)

const (
	account   = "AC00000000000000000000000000000001"
	key       = "SK00000000000000000000000000000001"
	workspace = "WS00000000000000000000000000000001"
)

// service answers as a server would and remembers what it was asked.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func newService(t *testing.T, answer http.HandlerFunc) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, secret, _ := r.BasicAuth()
		s.mu.Lock()
		s.asked = append(s.asked, fmt.Sprint(r.Method, " ", r.Host, r.URL.EscapedPath(), " ", user, ":", secret))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// host is where the service listens, without the scheme.
func (s *service) host() string { return strings.TrimPrefix(s.URL, "http://") }

func (s *service) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

func found(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"sid":"` + workspace + `"}`))
}

func TestAddressAndCredentials(t *testing.T) {
	// What chooses a data centre of Twilio chooses nothing here.
	t.Setenv("TWILIO_REGION", "ie1")
	t.Setenv("TWILIO_EDGE", "dublin")
	for name, test := range map[string]struct {
		path, key, wantPath, wantUser string
	}{
		"account":        {"", "", "/v1", account},
		"key":            {"", key, "/v1", key},
		"trailing slash": {"/", "", "/v1", account},
		"path":           {"/routing/eu", "", "/routing/eu/v1", account},
		"path and slash": {"/routing/", key, "/routing/v1", key},
		"escaped path":   {"/a%2Fb", "", "/a%2Fb/v1", account},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t, found)
			c, err := twilioclient.New(twilioclient.Options{BaseURL: s.URL + test.path, AccountSID: account, KeySID: test.key, Secret: "secret"})
			require.NoError(t, err)
			ws, err := c.TaskrouterV1.FetchWorkspace(workspace)
			require.NoError(t, err)
			require.Equal(t, workspace, *ws.Sid)
			require.Equal(t, []string{"GET " + s.host() + test.wantPath + "/Workspaces/" + workspace + " " + test.wantUser + ":secret"}, s.requests())
			require.Equal(t, account, c.Client.AccountSid())
		})
	}
}

// TestPages follows the address of the next page, whatever the server believes
// its own address is.
func TestPages(t *testing.T) {
	for _, public := range []string{"https://router.example.com", "https://router.example.com/routing", "http://127.0.0.1:1/elsewhere"} {
		t.Run(public, func(t *testing.T) {
			s := newService(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				next := "null"
				if r.URL.Query().Get("PageToken") == "" {
					next = `"` + public + `/v1/Workspaces?PageSize=50&Page=1&PageToken=PA1"`
				}
				_, _ = fmt.Fprintf(w, `{"workspaces":[{"sid":%q}],"meta":{"key":"workspaces","next_page_url":%s}}`, workspace, next)
			})
			c, err := twilioclient.New(twilioclient.Options{BaseURL: s.URL + "/routing", AccountSID: account, Secret: "secret"})
			require.NoError(t, err)
			list, err := c.TaskrouterV1.ListWorkspace(&api.ListWorkspaceParams{})
			require.NoError(t, err)
			require.Len(t, list, 2)
			asked := "GET " + s.host() + "/routing/v1/Workspaces " + account + ":secret"
			require.Equal(t, []string{asked, asked}, s.requests())
		})
	}
}

// TestNamesInPaths: a name cannot leave its place in the path.
func TestNamesInPaths(t *testing.T) {
	s := newService(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	c, err := twilioclient.New(twilioclient.Options{BaseURL: s.URL, AccountSID: account, Secret: "secret"})
	require.NoError(t, err)
	require.NoError(t, c.TaskrouterV1.DeleteTaskChannel(workspace, ".."))
	require.Equal(t, []string{"DELETE " + s.host() + "/v1/Workspaces/" + workspace + "/TaskChannels/.. " + account + ":secret"}, s.requests())
}

func TestTimeout(t *testing.T) {
	over := make(chan struct{})
	s := newService(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})
	defer close(over)
	c, err := twilioclient.New(twilioclient.Options{BaseURL: s.URL, AccountSID: account, Secret: "secret", Timeout: 20 * time.Millisecond})
	require.NoError(t, err)
	_, err = c.TaskrouterV1.FetchWorkspace(workspace)
	// Which of the transport and the client notices first is a race, and
	// changes the words; both say that it was the time.
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// TestRedirects are not followed: credentials stay with the server.
func TestRedirects(t *testing.T) {
	s := newService(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://elsewhere.example.com/v1/Workspaces", http.StatusFound)
	})
	c, err := twilioclient.New(twilioclient.Options{BaseURL: s.URL, AccountSID: account, Secret: "secret"})
	require.NoError(t, err)
	_, err = c.TaskrouterV1.FetchWorkspace(workspace)
	require.Error(t, err)
	require.Len(t, s.requests(), 1)
}

func TestMistakes(t *testing.T) {
	for name, o := range map[string]twilioclient.Options{
		"no address":     {AccountSID: account, Secret: "secret"},
		"no scheme":      {BaseURL: "router.example.com", AccountSID: account, Secret: "secret"},
		"another scheme": {BaseURL: "ftp://router.example.com", AccountSID: account, Secret: "secret"},
		"a password":     {BaseURL: "https://u:swordfish@router.example.com", AccountSID: account, Secret: "secret"},
		"a query":        {BaseURL: "https://router.example.com?x=1", AccountSID: account, Secret: "secret"},
		"no account":     {BaseURL: "https://router.example.com", KeySID: key, Secret: "secret"},
		"no secret":      {BaseURL: "https://router.example.com", AccountSID: account},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := twilioclient.New(o)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "swordfish")
		})
	}
}
