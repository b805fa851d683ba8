package privacy

import (
	"context"
	"fmt"
	"time"

	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Steps of a purge.
const (
	// purgedTasks and purgedRows are how much one step removes. Tasks go under
	// the lock of their Workspace.
	purgedTasks = 100
	purgedRows  = 1000
	// workspacePage is how many Workspaces are listed at a time.
	workspacePage = 200
)

// settledAge is how old a request, or a call to an agent, must be before what
// was remembered of it may go, whatever is asked for: idempotency tokens hold
// for a day, and a platform may report a call late.
const settledAge = 24 * time.Hour

// PurgeOptions say what is old enough to go.
type PurgeOptions struct {
	// AccountSID and WorkspaceSID restrict; empty ones do not. A Workspace that
	// does not exist in the account is an error of kind notFound.
	AccountSID, WorkspaceSID string
	// Before is when a Task must have ended, or an event have happened.
	Before time.Time
	// DryRun counts and removes nothing.
	DryRun bool
	// Now is the clock; nil is the machine's.
	Now func() time.Time
	// Progress is called after each step, from the goroutine of Purge.
	Progress func(Purged)
}

// Purged counts what was removed, or what would be.
type Purged struct {
	Workspaces int `json:"workspaces"`
	// Tasks went with their Reservations and agents' legs.
	Tasks int `json:"tasks"`
	// Calls are callers' legs.
	Calls int `json:"calls"`
	// Events went with the log of their deliveries.
	Events int `json:"events"`
	// Claims are remembered requests, DialAttempts remembered calls to agents,
	// apart from those that went with their Task.
	Claims       int `json:"claims"`
	DialAttempts int `json:"dial_attempts"`
}

// Empty reports that there was nothing to remove.
func (p Purged) Empty() bool {
	return p.Tasks+p.Calls+p.Events+p.Claims+p.DialAttempts == 0
}

// Purge removes what belongs to Tasks that ended before a time: their rows,
// their calls, and the events up to that time, each Workspace's from the
// beginning of its log. Tasks that have not ended stay, with their calls and
// legs; so do statistics, agents, and events that are still to be sent. An error
// means that it was not finished; what it counts until then is gone.
func Purge(ctx context.Context, st *store.Store, o PurgeOptions) (Purged, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &purge{st: st, o: o, scope: store.PurgeScope{AccountSID: o.AccountSID, WorkspaceSID: o.WorkspaceSID}, settled: o.Before}
	if latest := o.Now().Add(-settledAge); p.settled.After(latest) {
		p.settled = latest
	}
	err := p.run(ctx)
	return p.out, err
}

type purge struct {
	st    *store.Store
	o     PurgeOptions
	scope store.PurgeScope
	// settled is Before, or a day ago if that is earlier.
	settled time.Time
	out     Purged
}

func (p *purge) run(ctx context.Context) error {
	err := eachWorkspace(ctx, p.st, p.scope, func(ws *taskrouter.Workspace) error {
		p.out.Workspaces++
		if p.o.DryRun {
			return nil
		}
		return p.workspace(ctx, ws.SID)
	})
	if err != nil {
		return err
	}
	if p.o.DryRun {
		n, err := p.st.CountPurgeable(ctx, p.scope, p.o.Before, p.settled)
		p.out.Tasks, p.out.Calls, p.out.Events, p.out.Claims, p.out.DialAttempts = n.Tasks, n.Calls, n.Events, n.Claims, n.DialAttempts
		return err
	}
	if err := p.batches(ctx, &p.out.Calls, purgedRows, func(n int) (int, error) {
		return p.st.PurgeCalls(ctx, p.scope, p.o.Before, n)
	}); err != nil {
		return err
	}
	if err := p.batches(ctx, &p.out.Claims, purgedRows, func(n int) (int, error) {
		return p.st.PurgeClaims(ctx, p.scope, p.settled, n)
	}); err != nil {
		return err
	}
	if p.scope != (store.PurgeScope{}) { // they do not tell whose they are
		return nil
	}
	return p.batches(ctx, &p.out.DialAttempts, purgedRows, func(n int) (int, error) {
		return p.st.DeleteDialAttemptsBefore(ctx, p.settled, n)
	})
}

// workspace removes what belongs to one Workspace alone.
func (p *purge) workspace(ctx context.Context, ws string) error {
	err := p.batches(ctx, &p.out.Tasks, purgedTasks, func(n int) (int, error) {
		return p.st.PurgeTasks(ctx, ws, p.o.Before, p.settled, n)
	})
	if err == nil {
		err = p.batches(ctx, &p.out.Events, purgedRows, func(n int) (int, error) {
			return p.st.PurgeEvents(ctx, ws, p.o.Before, p.o.Now(), n)
		})
	}
	switch {
	case err == nil, taskrouter.KindOf(err) == taskrouter.KindNotFound: // it was deleted meanwhile
		return nil
	default:
		return fmt.Errorf("workspace %s: %w", ws, err)
	}
}

// batches removes until there is nothing left that is old enough.
func (p *purge) batches(ctx context.Context, sum *int, size int, remove func(limit int) (int, error)) error {
	for {
		n, err := remove(size)
		*sum += n
		if n > 0 && p.o.Progress != nil {
			p.o.Progress(p.out)
		}
		if err != nil {
			return err
		}
		if n == 0 || ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// eachWorkspace visits the Workspaces of a scope, also those that are being
// deleted. None where one was named is an error.
func eachWorkspace(ctx context.Context, st *store.Store, s store.PurgeScope, visit func(ws *taskrouter.Workspace) error) error {
	for after := ""; ; {
		page, err := st.WorkspaceAccounts(ctx, s.AccountSID, s.WorkspaceSID, after, workspacePage)
		if err != nil {
			return err
		}
		for _, ws := range page {
			if err := visit(ws); err != nil {
				return err
			}
			after = ws.SID
		}
		switch {
		case len(page) == 0 && after == "" && s.WorkspaceSID != "":
			return taskrouter.NotFoundf("Workspace %s was not found", s.WorkspaceSID)
		case len(page) < workspacePage:
			return nil
		}
	}
}
