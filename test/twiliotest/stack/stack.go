package stack

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/store/storetest"
	"github.com/taskrouter/taskrouter/workspace"
)

// PublicURL is what URLs in bodies begin with; it is not where the server
// listens, so that tests notice when one is taken for the other.
const PublicURL = "https://router.example.com"

// Stack is a running API with two accounts.
type Stack struct {
	// URL is where the server listens.
	URL string
	// Account owns what tests make; Foreign owns nothing.
	Account, Foreign Credentials

	Store      *store.Store
	Dispatcher *dispatch.Dispatcher
	Service    *workspace.Service

	t testing.TB
}

// Credentials are an account's SID and token.
type Credentials struct{ SID, Token string }

// Start makes a Stack that ends with the test. The functions change the
// server's options before it starts.
func Start(t testing.TB, change ...func(*apiserver.Options)) *Stack {
	t.Helper()
	return StartOn(t, Ground{}, change...)
}

// Ground is what a Stack stands on.
type Ground struct {
	// DatabaseURL is an empty database; none is a database in memory.
	DatabaseURL string
	// Now is the clock of routing and of the API; nil is time.Now.
	Now func() time.Time
}

// StartOn is Start on a ground of the test's choice.
func StartOn(t testing.TB, g Ground, change ...func(*apiserver.Options)) *Stack {
	t.Helper()
	db := database(t, g.DatabaseURL)

	engine := rules.New(rules.Options{})
	s := &Stack{t: t, Store: db}
	s.Dispatcher = dispatch.New(db, engine, nil, zap.NewNop(), dispatch.Options{Now: g.Now})
	s.Service = workspace.New(s.Dispatcher, db, engine, zap.NewNop(), workspace.Options{
		Backends: []string{"fake"}, ValidateMenu: func(string) error { return nil },
	})
	sealer, err := workspace.NewSealer(workspace.NewSealingKey())
	require.NoError(t, err)
	accounts := workspace.NewAccounts(db, sealer, zap.NewNop(), workspace.AccountOptions{})
	s.Account, s.Foreign = newAccount(t, accounts), newAccount(t, accounts)

	opts := apiserver.Options{
		PublicURL: PublicURL, Authenticator: accounts, Dispatcher: s.Dispatcher,
		Configuration: s.Service, Reader: db, Evaluator: workspace.NewEvaluator(engine), Resender: db,
		Keys: accounts, Claims: db, Now: g.Now,
	}
	for _, fn := range change {
		fn(&opts)
	}
	api, err := apiserver.New(zap.NewNop(), opts)
	require.NoError(t, err)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// database opens an empty database, or makes one when there is none.
func database(t testing.TB, url string) *store.Store {
	t.Helper()
	if url == "" {
		return storetest.Fresh(t)
	}
	db, err := store.Open(t.Context(), store.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	return db
}

func newAccount(t testing.TB, accounts *workspace.Accounts) Credentials {
	t.Helper()
	sid, token, err := accounts.CreateAccount(t.Context(), "Acme")
	require.NoError(t, err)
	return Credentials{SID: sid, Token: token}
}

// Sweep does the background work that is due: bulk jobs and deadlines. A chunk
// of each job is done a round.
func (s *Stack) Sweep() {
	s.t.Helper()
	for range 10 {
		require.NoError(s.t, s.Dispatcher.Sweep(s.t.Context()))
	}
}

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends a request as an account. The form is the query of a GET or DELETE
// and the body of a POST. Headers are pairs of name and value.
func (s *Stack) Do(as Credentials, method, path string, form url.Values, headers ...string) Answer {
	s.t.Helper()
	var body io.Reader
	if method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if len(form) > 0 {
		path += "?" + form.Encode()
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.URL+path, body)
	require.NoError(s.t, err)
	r.SetBasicAuth(as.SID, as.Token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return s.Send(r)
}

// Send sends a request as it is. Redirects are not followed.
func (s *Stack) Send(r *http.Request) Answer {
	s.t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(s.t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: b}
}
