package dispatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// A Workspace has room for so many Workers and no more, until one leaves.
func TestWorkersOfAWorkspaceAreLimited(t *testing.T) {
	b := newBench(t, options(dispatch.Options{MaxWorkers: 2}))
	ann := b.worker("Ann", "{}")
	b.worker("Ben", "{}")
	create := func() error {
		_, err := b.d.CreateWorker(b.ctx, dispatch.NewWorker{AccountSID: b.account, WorkspaceSID: b.ws, FriendlyName: "Cy"})
		return err
	}
	err := create()
	requireKind(t, taskrouter.KindInvalid, err)
	require.ErrorContains(t, err, "at most 2 Workers")
	require.NoError(t, b.d.DeleteWorker(b.ctx, b.subject(ann)))
	require.NoError(t, create())
}
