package apiserver_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// TestAccessLog shows that a request leaves one line, which tells the route
// and neither what was in the path nor what was sent.
func TestAccessLog(t *testing.T) {
	var opts apiserver.Options
	reader := &brokenReader{}
	s := stack.Start(t, func(o *apiserver.Options) {
		reader.Reader, o.Reader = o.Reader, reader
		o.BodyLimit = 500
		opts = *o
	})
	core, logs := observer.New(zap.DebugLevel)
	api, err := apiserver.New(zap.New(core), opts)
	require.NoError(t, err)
	send := func(method, target, body string) {
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth(s.Account.SID, s.Account.Token)
		api.ServeHTTP(httptest.NewRecorder(), r)
	}
	const secret = "5550100"
	form := url.Values{"FriendlyName": {"+1" + secret}, "Attributes": {`{"phone":"` + secret + `"}`}}.Encode()
	for _, tc := range []struct {
		method, target, body string
		route                string
		status               int64
	}{
		{"POST", "/v1/Workspaces", form, "/v1/Workspaces", 201},
		{"GET", "/v1/Workspaces/WS" + secret + "?FriendlyName=" + secret, "", "/v1/Workspaces/:ws", 404},
		{"GET", "/v1/" + secret, "", "none", 404},
		{secret, "/v1/Workspaces", "", "none", 405},
		{"POST", "/v1/Workspaces", strings.Repeat(secret, 100), "/v1/Workspaces", 413},
		{"GET", "/v1/Workspaces?FriendlyName=" + secret, "", "/v1/Workspaces", 500},
	} {
		logs.TakeAll()
		send(tc.method, tc.target, tc.body)
		lines := logs.FilterMessage("request").All()
		require.Len(t, lines, 1, tc.target)
		fields := lines[0].ContextMap()
		require.Equal(t, tc.route, fields["route"])
		require.Equal(t, tc.status, fields["status"])
		for _, line := range logs.All() {
			require.NotContains(t, line.Message, secret)
			for key, value := range line.ContextMap() {
				if key == "stack" { // code, not data
					continue
				}
				require.NotContains(t, fmt.Sprint(value), secret, key)
				require.NotContains(t, fmt.Sprint(value), s.Account.Token, key)
			}
		}
	}
}
