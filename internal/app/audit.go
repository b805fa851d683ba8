package app

import (
	"context"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/rules"
)

// Audit checks the promises on what this process works on, with the runs it
// talks to, while it works. It compiles with an engine of its own.
func (a *App) Audit(ctx context.Context, o audit.Options) (*audit.Report, error) {
	o.Runs, o.Retention = a.runs, a.opts.Config.Routing.EventRetention
	return audit.Run(ctx, a.store, rules.New(rules.Options{}), o)
}
