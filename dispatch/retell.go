package dispatch

import (
	"context"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// retell fills in which filter and target a Task just read stands in, so that
// later events and views name them as the routing step itself did.
func (u *Unit) retell(ctx context.Context, e *entry) error {
	t := e.Task
	if u.cfg() == nil || t.Route.Direct != taskrouter.DirectNone {
		return nil
	}
	r, err := u.routing(ctx, t.WorkflowSID, t.Route.ConfigVersion)
	if err != nil {
		if taskrouter.KindOf(err) == taskrouter.KindUnavailable {
			return err
		}
		return nil // without the names; routing itself reports what is broken
	}
	at := rules.Position{Filter: t.Route.Filter, Target: t.Route.Target}
	e.scene.filterName, e.scene.filterExpression = r.FilterAt(at)
	if target, ok := r.At(at); ok {
		e.scene.targetName = target.Name
		if target.Expression != nil {
			e.scene.targetExpression = target.Expression.Source()
		}
	}
	return nil
}
