package apiserver_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// TestDescriptionIsServed reads the description and its page as a browser does:
// without credentials, and without anything from elsewhere.
func TestDescriptionIsServed(t *testing.T) {
	s := stack.Start(t)
	get := func(path, contentType string) stack.Answer {
		t.Helper()
		a := s.Do(stack.Credentials{}, "GET", path, nil)
		require.Equal(t, 200, a.Status, path)
		require.Equal(t, contentType, a.Header.Get("Content-Type"), path)
		require.Equal(t, "nosniff", a.Header.Get("X-Content-Type-Options"), path)
		return a
	}
	var served struct {
		OpenAPI string                    `json:"openapi"`
		Servers []struct{ URL string }    `json:"servers"`
		Paths   map[string]map[string]any `json:"paths"`
	}
	a := get("/openapi.json", "application/json; charset=utf-8")
	require.NoError(t, json.Unmarshal(a.Body, &served))
	require.Equal(t, "3.1.1", served.OpenAPI)
	require.Equal(t, stack.PublicURL, served.Servers[0].URL)
	require.Contains(t, served.Paths["/v1/Workspaces/{WorkspaceSid}/Tasks"], "post")

	page := get("/docs", "text/html; charset=utf-8")
	policy := page.Header.Get("Content-Security-Policy")
	require.Contains(t, policy, "default-src 'none'")
	require.NotContains(t, policy, "unsafe")
	require.NotContains(t, string(page.Body), "://", "everything comes from this server")
	require.NotRegexp(t, `(?i)<script>|<style|\son\w+=|style=`, string(page.Body), "the policy forbids what stands in the page itself")
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(page.Body), -1) {
		switch {
		case strings.HasSuffix(m[1], ".js"):
			script := string(get("/"+m[1], "text/javascript; charset=utf-8").Body)
			require.NotRegexp(t, `innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(`, script, "text goes in as text")
		case strings.HasSuffix(m[1], ".css"):
			require.NotContains(t, string(get("/"+m[1], "text/css; charset=utf-8").Body), "url(")
		}
	}
	for _, path := range []string{"/docs/none.js", "/docs/..", "/docs/index.html/x", "/docs/%2e%2e%2fpage.go"} {
		require.Equal(t, 404, s.Do(stack.Credentials{}, "GET", path, nil).Status, path)
	}
}
