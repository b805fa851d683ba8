package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// TestOffersDoNotWaitForTemporal: nobody reaches Temporal, and an agent hears of
// an offer, once, and the answer counts.
func TestOffersDoNotWaitForTemporal(t *testing.T) {
	asked := make(chan string, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.FormValue("ReservationSid")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"instruction":"accept"}`))
	}))
	t.Cleanup(receiver.Close)
	a := process(t, func(o *Options) { o.Config.Egress.AllowCIDRs = []string{"127.0.0.0/8"} })
	ctx := t.Context()
	account, _, err := a.Accounts.CreateAccount(ctx, "Acme")
	require.NoError(t, err)
	ws, err := a.Workspaces.CreateWorkspace(ctx, workspace.NewWorkspace{Account: account, FriendlyName: "Support"})
	require.NoError(t, err)
	queue, err := a.Workspaces.CreateQueue(ctx, workspace.NewQueue{Account: account, WorkspaceSID: ws.SID, FriendlyName: "Everybody"})
	require.NoError(t, err)
	_, err = a.Workspaces.CreateWorkflow(ctx, workspace.NewWorkflow{
		Account: account, WorkspaceSID: ws.SID, FriendlyName: "Main", AssignmentCallbackURL: receiver.URL,
		Configuration: fmt.Sprintf(`{"task_routing":{"default_filter":{"queue":%q}}}`, queue.SID),
	})
	require.NoError(t, err)
	var available string
	require.NoError(t, a.store.InWorkspace(ctx, ws.SID, func(ctx context.Context, tx dispatch.Tx) error {
		cfg, err := tx.Config(ctx)
		for _, x := range cfg.Activities {
			if x.Available {
				available = x.SID
			}
		}
		return err
	}))
	_, err = a.dispatch.CreateWorker(ctx, dispatch.NewWorker{AccountSID: account, WorkspaceSID: ws.SID, FriendlyName: "Ann", ActivitySID: available})
	require.NoError(t, err)

	// While the process takes no durable work, callbacks are left to who does.
	_, err = a.dispatch.CreateTask(ctx, dispatch.NewTask{AccountSID: account, WorkspaceSID: ws.SID, RoutingTarget: queue.SID})
	require.NoError(t, err)
	_, err = a.dispatch.CreateWorker(ctx, dispatch.NewWorker{AccountSID: account, WorkspaceSID: ws.SID, FriendlyName: "Bob", ActivitySID: available})
	require.NoError(t, err)
	require.Empty(t, asked)

	a.callbacks.Store(a.newCallbacks())
	task, err := a.dispatch.CreateTask(ctx, dispatch.NewTask{AccountSID: account, WorkspaceSID: ws.SID})
	require.NoError(t, err)
	sid := <-asked
	require.Eventually(t, func() bool {
		all, err := a.store.TaskReservations(ctx, account, ws.SID, task.SID)
		require.NoError(t, err)
		return len(all) == 1 && all[0].SID == sid && all[0].Status == taskrouter.ReservationAccepted
	}, 30*time.Second, time.Millisecond)
	require.Empty(t, asked)
}
