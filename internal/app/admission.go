package app

import (
	"github.com/taskrouter/taskrouter/internal/admission"
	"github.com/taskrouter/taskrouter/internal/config"
)

// How many requests are in work at a time for each connection to the database.
// Most of a changing one's time passes in the line of its Workspace, where up to
// 32 share a transaction. Reading takes one connection of so many at most, for
// it may take long; the others are for what is short: changes, and callers'
// webhooks, which are not counted.
const (
	writesPerConnection = 8
	readsPerConnection  = 4
	asksPerConnection   = 2
	connectionsPerQuery = 2
)

// newDoor makes the entrance of the API.
func (a *App) newDoor() *admission.Door {
	cfg := a.opts.Config
	n := cfg.Database.MaxConnections
	o := admission.Options{
		Writes: cfg.Limits.Writes, Reads: cfg.Limits.Reads, Authentications: asksPerConnection * n,
		Queries: max(1, n/connectionsPerQuery), Patience: cfg.Limits.AdmissionWait, Everybody: accountLimits(cfg.Limits.Account),
		Accounts: map[string]admission.Limits{}, CountWaiting: a.store.CountWaiting,
	}
	if o.Writes == 0 {
		o.Writes = writesPerConnection * n
	}
	if o.Reads == 0 {
		o.Reads = readsPerConnection * n
	}
	for _, x := range cfg.Limits.Accounts {
		o.Accounts[x.AccountSID] = accountLimits(cfg.Limits.Of(x.AccountSID))
	}
	d := admission.New(o)
	a.metrics.WatchAdmission(d)
	return d
}

func accountLimits(l config.AccountLimits) admission.Limits {
	return admission.Limits{PerSecond: l.RequestsPerSecond, Concurrent: l.ConcurrentRequests, Waiting: l.WaitingTasks}
}
