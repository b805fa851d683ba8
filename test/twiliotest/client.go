package twiliotest

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	twilio "github.com/twilio/twilio-go"
	"github.com/twilio/twilio-go/client"
)

// Client returns the official client library, pointed at a server of ours. The
// library has no setting for the address of the service, so its transport
// rewrites scheme and host of every request, those of following pages too:
//
//	base := &client.Client{
//		Credentials: client.NewCredentials(account, token),
//		HTTPClient:  &http.Client{Transport: rewriting},
//	}
//	base.SetAccountSid(account)
//	twilio.NewRestClientWithParams(twilio.ClientParams{Client: base})
//
// It panics when baseURL is no URL.
func Client(baseURL, account, token string) *twilio.RestClient {
	target, err := url.Parse(baseURL)
	if err != nil || target.Host == "" {
		panic(fmt.Sprintf("twiliotest: %q is no base URL", baseURL))
	}
	base := &client.Client{
		Credentials: client.NewCredentials(account, token),
		HTTPClient: &http.Client{
			Timeout:   10 * time.Second,
			Transport: rewrite{target: target, next: http.DefaultTransport},
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse // as the library does by default
			},
		},
	}
	base.SetAccountSid(account)
	return twilio.NewRestClientWithParams(twilio.ClientParams{Client: base})
}

// rewrite sends every request to one server.
type rewrite struct {
	target *url.URL
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t rewrite) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = t.target.Scheme, t.target.Host, t.target.Host
	return t.next.RoundTrip(r)
}
