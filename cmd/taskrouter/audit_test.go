package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func runAuditCommand(args ...string) (out string, status int) {
	c := root()
	var b bytes.Buffer
	c.SetOut(&b)
	c.SetErr(&bytes.Buffer{})
	c.SetArgs(append([]string{"audit"}, args...))
	if err := c.ExecuteContext(context.Background()); err != nil {
		status = exitStatus(err)
	}
	return b.String(), status
}

func TestAuditCommand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.db")
	t.Setenv("TASKROUTER_DATABASE_URL", path)
	_, status := runAuditCommand()
	require.Equal(t, 2, status, "there is no database")
	require.NoFileExists(t, path)

	st, err := store.Open(t.Context(), store.Options{URL: path})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	_, status = runAuditCommand()
	require.Equal(t, 2, status, "it has no tables")
	require.NoError(t, st.Migrate(t.Context()))

	account := taskrouter.NewSID(taskrouter.PrefixAccount)
	w := &taskrouter.Workspace{SID: taskrouter.NewSID(taskrouter.PrefixWorkspace), AccountSID: account, FriendlyName: "W", CreatedAt: time.Now(), UpdatedAt: time.Now()}
	created := taskrouter.NewEvent(taskrouter.WorkspaceCreated, time.Now(), taskrouter.Actor{}, taskrouter.Scene{Workspace: w})
	require.NoError(t, st.CreateWorkspace(t.Context(), w, nil, nil, nil, nil, []taskrouter.Event{created}))
	out, status := runAuditCommand()
	require.Zero(t, status, out)
	require.Contains(t, out, "1 workspaces")
	require.Contains(t, out, "not asked about")

	door, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = door.Close() })
	_, err = door.Exec(`UPDATE workspace_locks SET event_seq = 7`)
	require.NoError(t, err)
	out, status = runAuditCommand("--json", "--since", "24h", "--account", account)
	require.Equal(t, 1, status)
	var r audit.Report
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.Len(t, r.Findings, 1)
	require.Equal(t, audit.LogGap, r.Findings[0].Kind)
	out, status = runAuditCommand("--account", taskrouter.NewSID(taskrouter.PrefixAccount))
	require.Zero(t, status, out)

	for _, wrong := range [][]string{{"--since", "soon"}, {"--nonsense"}, {"more"}, {"--temporal", "--temporal-tls-enabled", "--temporal-tls-ca-file", "/nowhere"}} {
		_, status = runAuditCommand(wrong...)
		require.Equal(t, 2, status, wrong)
	}
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	at, err := parseSince("24h", now)
	require.NoError(t, err)
	require.Equal(t, now.Add(-24*time.Hour), at)
	at, err = parseSince("2025-12-24T18:00:00Z", now)
	require.NoError(t, err)
	require.Equal(t, time.Date(2025, 12, 24, 18, 0, 0, 0, time.UTC), at)
	at, err = parseSince("", now)
	require.NoError(t, err)
	require.True(t, at.IsZero())
	_, err = parseSince("-5m", now)
	require.Error(t, err)
	require.Equal(t, 1, exitStatus(errors.New("any")))
}
