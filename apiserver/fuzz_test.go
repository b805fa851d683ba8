package apiserver_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// FuzzRequests sends any parameters to any operation of a server with a
// database: no answer is a fault of ours, and each one is JSON or nothing.
func FuzzRequests(f *testing.F) {
	for i := range apiserver.Operations() {
		f.Add(uint8(i), "PageSize=1&FriendlyName=x&Attributes={}&Priority=1", "")
	}
	f.Add(uint8(1), `FriendlyName=%ff&Attributes={"a":"\u0000"}`, `"1"`)
	f.Add(uint8(13), "EvaluateTaskAttributes=a.b+IN+['x']&Ordering=Priority:desc&VirtualStartTime=2026-01-01&Timeout=1&TaskChannel=voice", "*")
	f.Add(uint8(36), `Minutes=1&SplitByWaitTime=1,2&Configuration={"task_routing":{"default_filter":{"queue":null}}}`, "W/1")
	f.Add(uint8(50), "Instruction=conference&To=sip:a@b&Menu={}&PhoneNumbers=1", "-1")

	all := furnishedOn(f, stack.Ground{})
	all.deliver()
	ops := apiserver.Operations()
	paths := make([]string, len(ops))
	for i, o := range ops {
		paths[i] = all.path(o.Path)
	}
	f.Fuzz(func(t *testing.T, n uint8, form, tag string) {
		o, path := ops[int(n)%len(ops)], paths[int(n)%len(ops)]
		u, err := url.Parse(all.URL + path)
		require.NoError(t, err)
		r := &http.Request{Method: o.Method, URL: u, Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}}
		switch o.Method {
		case http.MethodGet:
			u.RawQuery = escaped(form)
		case http.MethodDelete:
			return // little would be left to ask for
		default:
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form)), int64(len(form))
		}
		r.SetBasicAuth(all.Account.SID, all.Account.Token)
		if tag = escaped(tag); tag != "" {
			r.Header.Set("If-Match", tag)
		}
		client := http.Client{Timeout: 10 * time.Second}
		res, err := client.Do(r.WithContext(t.Context()))
		require.NoError(t, err)
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NotEqual(t, 500, res.StatusCode, "%s %s: %s", o.Method, path, body)
		require.True(t, len(body) == 0 || json.Valid(body), "%s", body)
	})
}

// escaped keeps what an HTTP client sends as it is, and escapes the rest.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == '#' {
			b.WriteString(url.QueryEscape(s[i : i+1]))
		} else {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
