package workspace_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func TestDemoRoutesBySkill(t *testing.T) {
	b := newBench(t)
	b.account = b.newAccount()
	demo, err := b.SeedDemo(b.ctx, b.account)
	require.NoError(t, err)
	require.NotNil(t, demo)
	b.ws = demo.WorkspaceSID
	b.sweep()
	holder, err := b.db.CallQueueByNumber(b.ctx, "", "fake", workspace.DemoPhoneNumber)
	require.NoError(t, err)
	require.Equal(t, demo.CallQueueSID, holder.SID)
	require.NotEmpty(t, holder.Menu)

	again, err := b.SeedDemo(b.ctx, b.account)
	require.NoError(t, err)
	require.Nil(t, again, "an account with a Workspace is left alone")

	agents, err := b.db.ListWorkers(b.ctx, b.account, b.ws, taskrouter.WorkerFilter{}, taskrouter.Page{Size: 10})
	require.NoError(t, err)
	names := map[string]string{}
	for _, a := range agents {
		names[a.SID] = a.FriendlyName
		require.True(t, a.Available)
	}
	require.Len(t, names, 4)
	for _, c := range []struct{ attributes, agent string }{
		{`{"department":"support","language":"ja"}`, "Chiyo"}, // the higher level
		{`{"department":"support","language":"ja"}`, "Daichi"},
		{`{"department":"support","language":"en"}`, "Alice"},
		{`{"department":"sales","language":"en"}`, "Bob"},
	} {
		k, err := b.d.CreateTask(b.ctx, dispatch.NewTask{
			AccountSID: b.account, WorkspaceSID: b.ws, WorkflowSID: demo.WorkflowSID, Attributes: taskrouter.Attributes(c.attributes),
		})
		require.NoError(t, err)
		offers := b.offers(k.SID)
		require.Len(t, offers, 1, c.attributes)
		require.Equal(t, c.agent, names[offers[0]], c.attributes)
	}
}
