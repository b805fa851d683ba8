package events

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/taskrouter/taskrouter/wire"
)

func signs(_ context.Context, _, target string, form url.Values) (string, error) {
	return wire.Sign(target, form, testToken), nil
}

// Receivers get what the platform reported, signed, by the method they chose.
func TestNotices(t *testing.T) {
	for _, c := range []struct {
		method, path, query string
	}{
		{method: http.MethodPost, path: "/leg?keep=a%20b", query: "keep=a%20b"},
		{method: http.MethodGet, path: "/leg", query: "CallSid=CA1&CallStatus=ringing"},
		{method: http.MethodGet, path: "/leg?keep=a%20b#part", query: "keep=a%20b&CallSid=CA1&CallStatus=ringing"},
	} {
		var got *http.Request
		srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			got = r
		}))
		form := url.Values{"CallSid": {"CA1"}, "CallStatus": {"ringing"}}
		status, err := NewNotifier(http.DefaultClient, signs, zap.NewNop()).Send(t.Context(), "AC1", c.method, srv.URL+c.path, form)
		srv.Close()
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, c.method, got.Method)
		require.Equal(t, c.query, got.URL.RawQuery)
		require.Equal(t, "ringing", got.Form.Get("CallStatus"))
		require.True(t, wire.Validate(srv.URL+got.URL.RequestURI(), got.PostForm, testToken, got.Header.Get(wire.SignatureHeader)))
	}
}

// What cannot be signed is not sent, a redirect is an answer, and no log shows
// more of a URL than its host.
func TestNoticesThatFail(t *testing.T) {
	r := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, "http://127.0.0.1:1/elsewhere", http.StatusFound)
	})
	core, logs := observer.New(zap.DebugLevel)
	unsigned := errors.New("no token")
	sign := func(context.Context, string, string, url.Values) (string, error) { return "", unsigned }
	_, err := NewNotifier(http.DefaultClient, sign, zap.New(core)).Send(t.Context(), "AC1", http.MethodPost, r.URL, url.Values{})
	require.ErrorIs(t, err, unsigned)
	require.Zero(t, r.count())
	n := NewNotifier(http.DefaultClient, signs, zap.New(core))
	status, err := n.Send(t.Context(), "AC1", http.MethodPost, r.URL, url.Values{})
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, status)
	r.Close()
	status, err = n.Send(t.Context(), "AC1", http.MethodPost, r.URL+"/hook?token=s3cret", url.Values{"From": {"+15550999"}})
	require.Error(t, err)
	require.Zero(t, status)
	require.Equal(t, 3, logs.Len())
	for _, line := range logs.All() {
		for _, f := range line.Context {
			text := f.String
			if e, ok := f.Interface.(error); ok {
				text += e.Error()
			}
			for _, secret := range []string{"s3cret", "/hook", "+15550999", testToken} {
				require.NotContains(t, text, secret)
			}
		}
	}
}
