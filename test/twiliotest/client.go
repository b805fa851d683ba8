package twiliotest

import (
	twilio "github.com/twilio/twilio-go"

	"github.com/taskrouter/taskrouter/twilioclient"
)

// Client returns the official client library, pointed at a server under test.
// It panics when baseURL is no URL, or when credentials are missing.
func Client(baseURL, account, token string) *twilio.RestClient {
	c, err := twilioclient.New(twilioclient.Options{BaseURL: baseURL, AccountSID: account, Secret: token})
	if err != nil {
		panic(err)
	}
	return c
}
