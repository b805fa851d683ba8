package workflows

import (
	"slices"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// takeNotices takes in everything that has arrived. Doubled, late and reordered
// notices are harmless: each names the revision it speaks of.
func (r *taskRun) takeNotices() {
	for {
		v, ok := notices().take(r.news)
		if !ok {
			return
		}
		if v.Revision > r.view.Revision || unknown(v) {
			r.adopt(v)
		}
	}
}

// unknown reports whether the store has no Task for this view any more. Such a
// view has no status and is final whatever its revision.
func unknown(v View) bool { return v.Removed && v.Status == "" }

// adopt makes a view of the store the current one unless a newer one is known.
func (r *taskRun) adopt(v View) {
	switch {
	case unknown(v):
		r.bury()
	case v.Revision >= r.view.Revision && !r.buried:
		r.view = v
	}
}

// adoptPart is adopt for the answer to a call about a part of the Task, a
// Reservation or a leg. That the part is unknown does not prove that the Task
// is, so the store is asked about the Task itself.
func (r *taskRun) adoptPart(v View) {
	if unknown(v) {
		r.doubt = !r.view.Ended()
		return
	}
	r.adopt(v)
}

// bury ends a Task the store has forgotten. Its legs may still ring, and only
// the run remembers them.
func (r *taskRun) bury() {
	if r.buried {
		return
	}
	r.buried = true
	r.view.Removed, r.view.Offers = true, nil
	var open []activities.Leg
	for _, l := range r.view.Legs {
		if l.State == taskrouter.LegEnded ||
			l.State == taskrouter.LegWanted && !slices.Contains(r.started, workKey(workDial, l.Attempt)) {
			continue
		}
		l.Dial, l.Confirm, l.HangUp = false, false, true
		open = append(open, l)
	}
	r.view.Legs = open
}

// tellCancellation turns the cancellation of the run into the end of the Task.
// The run itself goes on until the store says that the Task has ended.
func (r *taskRun) tellCancellation() {
	if !r.canceled || r.told || r.view.Ended() {
		return
	}
	r.told = true
	r.log.Info("run canceled from outside", logging.KeyTaskSID, r.view.TaskSID)
	r.store("cancel", storeCall{records.CancelFromOutside, r.subject(), "canceled from outside"}, r.adopt)
}
