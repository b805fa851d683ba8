package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/privacy"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// runCommand runs the program with a standard input.
func runCommand(in string, args ...string) (string, error) {
	c := root()
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&bytes.Buffer{})
	c.SetIn(strings.NewReader(in))
	c.SetArgs(args)
	err := c.ExecuteContext(context.Background())
	return out.String(), err
}

func TestPurgeAndEraseCommands(t *testing.T) {
	const phone = "+15555550123"
	path := filepath.Join(t.TempDir(), "some.db")
	t.Setenv("TASKROUTER_DATABASE_URL", path)
	ws := taskrouter.NewSID(taskrouter.PrefixWorkspace)
	erase := []string{"erase", "--workspace", ws, "--attribute", "phone"}
	for _, args := range [][]string{{"purge"}, append(erase, "--value", phone)} {
		_, err := runCommand("", args...)
		require.ErrorContains(t, err, "open the database")
		require.NoFileExists(t, path)
	}
	st, err := store.Open(t.Context(), store.Options{URL: path})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	require.NoError(t, st.Migrate(t.Context()))
	account, long := taskrouter.NewSID(taskrouter.PrefixAccount), time.Now().Add(-1000*time.Hour).UTC().Truncate(time.Second)
	w := &taskrouter.Workspace{SID: ws, AccountSID: account, FriendlyName: "W", CreatedAt: long, UpdatedAt: long}
	require.NoError(t, st.CreateWorkspace(t.Context(), w, nil, nil, nil, nil, []taskrouter.Event{
		{SID: taskrouter.NewSID(taskrouter.PrefixEvent), AccountSID: account, WorkspaceSID: ws, Type: taskrouter.WorkspaceCreated, At: long},
		{
			SID: taskrouter.NewSID(taskrouter.PrefixEvent), AccountSID: account, WorkspaceSID: ws, Type: taskrouter.TaskCreated, At: long,
			TaskSID: "WT1", Data: map[string]string{"task_attributes": `{"phone":"` + phone + `"}`},
		},
		{SID: taskrouter.NewSID(taskrouter.PrefixEvent), AccountSID: account, WorkspaceSID: ws, Type: taskrouter.WorkspaceUpdated, At: time.Now()},
	}))
	require.NoError(t, st.InWorkspace(t.Context(), ws, func(ctx context.Context, tx dispatch.Tx) error {
		return tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Calls: []*taskrouter.Call{{
			AccountSID: account, WorkspaceSID: ws, Backend: "fake", CallSID: "CA1", State: taskrouter.CallEnded, EndedAt: long,
		}}})
	}))
	stored := func() string {
		events, err := st.EventsAfter(t.Context(), ws, 0, 10)
		require.NoError(t, err)
		text, err := json.Marshal(events)
		require.NoError(t, err)
		return string(text)
	}

	for _, wrong := range [][]string{erase, append(erase, "--value", "a", "--value-file", "b"), {"erase", "--value", "a"}, append(erase, "--value-file", "/nowhere"), {"purge", "--older-than", "0s"}} {
		_, err := runCommand("", wrong...)
		require.Error(t, err, wrong)
	}
	_, err = runCommand("\n", append(erase, "--value-file", "-")...)
	require.ErrorContains(t, err, "value")

	var erased privacy.Erased
	out, err := runCommand(phone+"\n", append(erase, "--value-file", "-", "--dry-run", "--json")...)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(out), &erased))
	require.Equal(t, []string{"WT1"}, erased.Tasks)
	require.Contains(t, stored(), phone)
	out, err = runCommand(phone+"\n", append(erase, "--value-file", "-")...)
	require.NoError(t, err)
	require.Contains(t, out, "WT1")
	require.NotContains(t, out, phone)
	require.NotContains(t, stored(), phone)

	var purged privacy.Purged
	for _, dry := range []bool{true, false} {
		out, err = runCommand("", "purge", "--older-than", "720h", "--workspace", ws, "--json", "--dry-run="+map[bool]string{true: "true", false: "false"}[dry])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal([]byte(out), &purged))
		require.Equal(t, privacy.Purged{Workspaces: 1, Calls: 1, Events: 2}, purged)
		require.Equal(t, dry, strings.Contains(stored(), "WT1"))
	}
	out, err = runCommand("", "purge")
	require.NoError(t, err)
	require.Contains(t, out, "removed, from before")
}
