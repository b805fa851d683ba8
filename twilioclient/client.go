package twilioclient

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	twilio "github.com/twilio/twilio-go"
	"github.com/twilio/twilio-go/client"
)

// DefaultTimeout is how long a request may take when Options do not say: what
// the library itself allows.
const DefaultTimeout = 10 * time.Second

// Options say where the server is and who asks.
type Options struct {
	// BaseURL is where clients reach the server, for instance
	// https://router.example.com:8443/routing. It may have a port and a path.
	BaseURL string
	// AccountSID is the account, AC and 32 hexadecimal digits.
	AccountSID string
	// KeySID is the API key, SK and 32 hexadecimal digits, that the requests are
	// signed in with. Empty means the account itself.
	KeySID string
	// Secret is the secret of the API key, or the token of the account.
	Secret string
	// Timeout bounds a request with its answer. 0 means DefaultTimeout; a
	// negative one means none.
	Timeout time.Duration
	// Transport carries the requests; nil means http.DefaultTransport.
	Transport http.RoundTripper
}

// New returns the official client, pointed at a server. All it sends goes to
// that server, whatever product is asked for, so that credentials reach nobody
// else: use a second client for the services of Twilio.
//
// It fails when the base URL is not absolute, or when credentials are missing.
func New(o Options) (*twilio.RestClient, error) {
	if o.AccountSID == "" || o.Secret == "" {
		return nil, errors.New("twilioclient: the SID of the account and a secret are needed")
	}
	transport, err := Transport(o.BaseURL, o.Transport)
	if err != nil {
		return nil, err
	}
	base := &client.Client{
		Credentials: client.NewCredentials(cmp.Or(o.KeySID, o.AccountSID), o.Secret),
		HTTPClient: &http.Client{
			Transport: transport,
			Timeout:   max(cmp.Or(o.Timeout, DefaultTimeout), 0),
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse // as the library does by default
			},
		},
	}
	base.SetAccountSid(o.AccountSID)
	return twilio.NewRestClientWithParams(twilio.ClientParams{Client: base}), nil
}

// Transport sends every request to the server at baseURL, those of following
// pages too, whatever address they were made for. It is for programs that set
// up the library's client themselves; next is nil for http.DefaultTransport.
//
// It fails when the base URL is not absolute.
func Transport(baseURL string, next http.RoundTripper) (http.RoundTripper, error) {
	u, err := url.Parse(baseURL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		// What is wrong is not shown: the URL may have a password in it.
		return nil, errors.New("twilioclient: the base URL must begin with http:// or https:// and name a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("twilioclient: the base URL %s has more than scheme, host and path", u.Redacted())
	case next == nil:
		next = http.DefaultTransport
	}
	u.Path, u.RawPath = strings.TrimSuffix(u.Path, "/"), strings.TrimSuffix(u.RawPath, "/")
	return rebase{base: u, next: next}, nil
}

// rebase is a transport to one server.
type rebase struct {
	base *url.URL
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t rebase) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	u := r.URL
	u.Scheme, u.Host, r.Host = t.base.Scheme, t.base.Host, ""
	if u.RawPath != "" || t.base.RawPath != "" {
		u.RawPath = t.base.EscapedPath() + resource(u.EscapedPath())
	}
	// Joined by hand: a name that is a dot or two must not become another path.
	u.Path = t.base.Path + resource(u.Path)
	return t.next.RoundTrip(r)
}

// resource is a path from the version of the API on. What is before it, in the
// address of a following page, is the path the server believes it is reached
// at.
func resource(path string) string {
	for _, version := range []string{"/v1/", "/2010-04-01/"} {
		if i := strings.LastIndex(path, version); i >= 0 {
			return path[i:]
		}
	}
	return path
}
