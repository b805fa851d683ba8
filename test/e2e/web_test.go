package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// web speaks plain HTTP to a system.
type web struct{ url, account, token string }

// reply is what a request was answered with.
type reply struct {
	status int
	header http.Header
	body   string
}

// decode reads a JSON body.
func (r reply) decode(t *testing.T, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.body), into), r.body)
}

// post sends a form, with the account's credentials.
func (w web) post(t *testing.T, path string, form url.Values) reply {
	t.Helper()
	return w.send(t, http.MethodPost, path, form, true)
}

// get reads a path.
func (w web) get(t *testing.T, path string) reply {
	t.Helper()
	return w.send(t, http.MethodGet, path, nil, true)
}

// webhook sends a form the way a telephone platform does: with no credentials.
func (w web) webhook(t *testing.T, path string, form url.Values) reply {
	t.Helper()
	r := w.send(t, http.MethodPost, path, form, false)
	require.Less(t, r.status, 400, "%s: %s", path, r.body)
	return r
}

func (w web) send(t *testing.T, method, path string, form url.Values, authorized bool) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, w.url+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if authorized {
		req.SetBasicAuth(w.account, w.token)
	}
	c := http.Client{Timeout: 20 * time.Second}
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return reply{status: resp.StatusCode, header: resp.Header, body: string(body)}
}
