package app

import (
	"context"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// FirstAccount finds the oldest account, or creates one.
func (a *App) FirstAccount(ctx context.Context, name string) (sid string, created bool, err error) {
	all, err := a.store.ListAccounts(ctx)
	if err != nil {
		return "", false, err
	}
	if len(all) > 0 {
		return all[0].SID, false, nil
	}
	sid, _, err = a.Accounts.CreateAccount(ctx, name)
	return sid, true, err
}

// FirstWorkflow finds the oldest Workflow of an account's oldest Workspace;
// empty when there is none.
func (a *App) FirstWorkflow(ctx context.Context, account string) (workspaceSID, workflowSID string, err error) {
	one := taskrouter.Page{Size: 1}
	ws, err := a.store.ListWorkspaces(ctx, account, "", one)
	if err != nil || len(ws) == 0 {
		return "", "", err
	}
	wf, err := a.store.ListWorkflows(ctx, account, ws[0].SID, "", one)
	if err != nil || len(wf) == 0 {
		return ws[0].SID, "", err
	}
	return ws[0].SID, wf[0].SID, nil
}
