package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/app"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// How long a running process may take to learn of a change, and how often to ask.
const (
	patience = time.Minute
	tick     = 100 * time.Millisecond
)

// desk runs commands against one database, beside a process that serves it.
type desk struct {
	t       *testing.T
	serving *workspace.Accounts
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	key, url := workspace.NewSealingKey(), "sqlite:"+filepath.Join(t.TempDir(), "router.db")
	t.Setenv("TASKROUTER_SECRETS_SEALING_KEY", key)
	t.Setenv("TASKROUTER_DATABASE_URL", url)
	d := &desk{t: t}
	d.run("migrate")
	cfg, err := config.Load(config.Sources{Environ: []string{"TASKROUTER_SECRETS_SEALING_KEY=" + key, "TASKROUTER_DATABASE_URL=" + url}})
	require.NoError(t, err)
	st, err := app.OpenStore(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	sealer, err := workspace.NewSealer(key)
	require.NoError(t, err)
	d.serving = workspace.NewAccounts(st, sealer, zap.NewNop(), workspace.AccountOptions{CacheTTL: 2 * time.Second})
	return d
}

// try runs a command as the shell does and returns its standard output.
func (d *desk) try(args ...string) (string, error) {
	d.t.Helper()
	var out bytes.Buffer
	c := root()
	c.SetOut(&out)
	c.SetArgs(args)
	err := c.ExecuteContext(d.t.Context())
	return out.String(), err
}

func (d *desk) run(args ...string) string {
	d.t.Helper()
	out, err := d.try(args...)
	require.NoError(d.t, err)
	return out
}

// asked runs a command with --json.
func (d *desk) asked(args ...string) map[string]string {
	d.t.Helper()
	var v map[string]string
	require.NoError(d.t, json.Unmarshal([]byte(d.run(append(args, "--json")...)), &v))
	return v
}

// serves reports whether a request with credentials gets through.
func (d *desk) serves(user, password string) bool {
	d.t.Helper()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if _, err := d.serving.Authenticate(r.Context(), user, password); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/v1/Workspaces", nil)
	r.SetBasicAuth(user, password)
	handler.ServeHTTP(w, r)
	return w.Code == http.StatusOK
}

func TestTokenRotationOnTheCommandLine(t *testing.T) {
	d := newDesk(t)
	made := d.asked("account", "create", "--name", "Acme")
	sid, first := made["account_sid"], made["auth_token"]
	require.True(t, d.serves(sid, first))

	_, err := d.try("account", "token", "promote", "--account", sid)
	require.ErrorContains(t, err, "no secondary token")
	second := d.asked("account", "token", "rotate", "--account", sid)["secondary_auth_token"]
	require.NotEqual(t, first, second)
	require.True(t, d.serves(sid, first))
	require.Eventually(t, func() bool { return d.serves(sid, second) }, patience, tick, "learned of within a second or so")
	require.True(t, d.serves(sid, first), "both work in between")

	require.Contains(t, d.run("account", "token", "promote", "--account", sid), "up to 10 seconds")
	require.True(t, d.serves(sid, second), "never an interruption for who has the new one")
	require.Eventually(t, func() bool { return !d.serves(sid, first) }, patience, tick)
	require.True(t, d.serves(sid, second))

	_, err = d.try("account", "token", "rotate", "--account", taskrouter.NewSID(taskrouter.PrefixAccount))
	require.ErrorContains(t, err, "was not found")
	_, err = d.try("account", "token", "rotate")
	require.ErrorContains(t, err, `"account" not set`)
}

func TestKeysOnTheCommandLine(t *testing.T) {
	d := newDesk(t)
	sid := d.asked("account", "create")["account_sid"]
	other := d.asked("account", "create")["account_sid"]
	key := d.asked("key", "create", "--account", sid, "--name", "CI")
	require.Equal(t, "CI", key["friendly_name"])
	require.True(t, d.serves(key["sid"], key["secret"]))
	require.Contains(t, d.run("key", "create", "--account", other), "not shown again")

	listed := d.run("key", "list", "--account", sid)
	require.Contains(t, listed, key["sid"])
	require.Contains(t, listed, "CI")
	require.NotContains(t, listed, key["secret"])
	require.Len(t, strings.Split(strings.TrimSpace(listed), "\n"), 1, "those of the account only")
	require.Equal(t, key["sid"], d.asked("key", "list", "--account", sid)["sid"])

	_, err := d.try("key", "revoke", key["sid"], "--account", other)
	require.ErrorContains(t, err, "was not found")
	require.True(t, d.serves(key["sid"], key["secret"]))
	require.Contains(t, d.run("key", "revoke", key["sid"], "--account", sid), "is revoked")
	require.Eventually(t, func() bool { return !d.serves(key["sid"], key["secret"]) }, patience, tick, "a process that is running forgets it")
	require.Empty(t, d.run("key", "list", "--account", sid))
	_, err = d.try("key", "list", "--account", taskrouter.NewSID(taskrouter.PrefixAccount))
	require.ErrorContains(t, err, "was not found", "an unknown account is not one without keys")
	_, err = d.try("key", "lst")
	require.ErrorContains(t, err, `unknown command "lst"`)
	t.Setenv("TASKROUTER_SECRETS_SEALING_KEY", "")
	_, err = d.try("key", "list", "--account", sid)
	require.ErrorContains(t, err, "secrets.sealing_key: is required")
}
