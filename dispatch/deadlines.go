package dispatch

import (
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// What a deadline is for, in words for operators. The durable run shows them
// on its timer and tells routing deadlines by their name.
const (
	ForTTL        = "time to live ends"
	ForTarget     = "target times out"
	ForOffer      = "reservation expires"
	ForBackoff    = "next offer may be made"
	ForLimit      = "limit on assigned tasks"
	ForWrapUp     = "wrap-up ends"
	ForLeg        = "report about the agent's phone is overdue"
	ForReEvaluate = "routing starts again"
)

// deadline is the earliest instant at which the store has something to do for
// a Task, and what.
func (u *Unit) deadline(e *entry) (due time.Time, what string) {
	consider := func(at time.Time, w string) {
		if !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due, what = at, w
		}
	}
	t := e.Task
	switch t.Status {
	case taskrouter.TaskPending, taskrouter.TaskReserved:
		consider(t.ExpiresAt(), ForTTL)
		if !t.Route.Due {
			consider(t.Route.Deadline, ForTarget)
		}
		if t.Status == taskrouter.TaskPending {
			consider(t.OfferNotBefore, ForBackoff)
		}
	case taskrouter.TaskAssigned, taskrouter.TaskWrapping:
		consider(t.AssignedAt.Add(u.d.opts.AssignedLimit), ForLimit)
		if t.Status == taskrouter.TaskWrapping && t.WrapUp > 0 {
			consider(t.WrappingAt.Add(t.WrapUp), ForWrapUp)
		}
	case taskrouter.TaskCompleted, taskrouter.TaskCanceled:
	}
	for _, r := range e.Open {
		if r.Status == taskrouter.ReservationPending {
			consider(r.Deadline, ForOffer)
		}
	}
	for _, l := range e.legs {
		if l.State != taskrouter.LegEnded {
			consider(l.Deadline, ForLeg)
		}
	}
	return due, what
}
