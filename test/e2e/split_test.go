package e2e

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/workspace"
)

// TestProcessesApart runs the router as production does: PostgreSQL, a Temporal
// server, the API and a worker process, each on its own.
func TestProcessesApart(t *testing.T) {
	t.Parallel()
	database := pgtest.Start(t)
	file := filepath.Join(t.TempDir(), "temporal.env")
	server := start(t, nil, "devtemporal", "--env-file", file)
	temporal := server.environment(t, file)
	listen := freeAddress(t)
	env := []string{
		"TASKROUTER_DATABASE_URL=" + database, "TASKROUTER_TEMPORAL_ADDRESS=" + temporal["TEMPORAL_ADDRESS"],
		"TASKROUTER_TEMPORAL_NAMESPACE=" + temporal["TEMPORAL_NAMESPACE"], "TASKROUTER_LISTEN=" + listen,
		"TASKROUTER_PUBLIC_URL=http://" + listen, "TASKROUTER_SECRETS_SEALING_KEY=" + workspace.NewSealingKey(),
		"TASKROUTER_EGRESS_ALLOW_CIDRS=127.0.0.0/8", "TASKROUTER_LOGGING_LEVEL=info",
		"TASKROUTER_METRICS_LISTEN=127.0.0.1:0",
	}
	require.Contains(t, run(t, env, "taskrouter", "migrate", "--search-attributes"), "search attributes are registered")
	require.Contains(t, run(t, env, "taskrouter", "config", "check"), "configuration is valid")
	var account struct {
		SID   string `json:"account_sid"`
		Token string `json:"auth_token"`
	}
	require.NoError(t, json.Unmarshal([]byte(run(t, env, "taskrouter", "account", "create", "--json")), &account))

	server2 := start(t, env, "taskrouter", "api")
	worker := start(t, env, "taskrouter", "worker")
	s := &system{System: &dev.System{AccountSID: account.SID, AuthToken: account.Token, Namespace: temporal["TEMPORAL_NAMESPACE"]}, database: "apart"}
	s.connect(t, "http://"+listen, account.SID, account.Token)
	s.temporal = dialTemporal(t, temporal["TEMPORAL_ADDRESS"], s.Namespace)
	until(t, "the API is ready", func() bool {
		conn, err := net.Dial("tcp", listen)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return s.web.get(t, "/readyz").status == http.StatusOK
	})
	app := newReceiver(t, s.AuthToken)
	c := newCenter(t, s, plan{agents: []agentPlan{alice}, callback: app.on("/assignment", http.StatusOK, `{"instruction":"accept"}`), noPhone: true})
	task := c.newTask(t, supportTask)
	c.becomes(t, task, "assigned")
	c.finish(t, task, "completed")
	s.runEnds(t, task)
	require.Len(t, app.requests(t, "/assignment"), 1)
	c.idle(t, alice)

	server2.terminate(t)
	worker.terminate(t)
	server.terminate(t)
}

// freeAddress is one nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}
