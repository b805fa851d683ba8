package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/internal/logging"
)

const workDue = "due"

// alarm is the one timer of a run.
type alarm struct {
	at     time.Time
	future workflow.Future
	cancel workflow.CancelFunc
}

// dueState is how applying deadlines went.
type dueState struct {
	// rung is the instant the last alarm was set for: it has come, whatever
	// the clock of a worker process says.
	rung time.Time
	// A deadline that stays where it is although it was applied is tried
	// again with growing pauses, not before hold.
	stuck int
	hold  time.Time
}

// applyDeadline tells the store that the earliest deadline has passed, when it
// has. The answer is the Task's new view: with the next routing decision, a
// withdrawn offer, or the Task's end. It is also how the store is asked whether
// there still is such a Task.
func (r *taskRun) applyDeadline() {
	at := r.view.Deadline
	if r.view.Ended() || r.running(workDue) || !r.doubt && !r.passed(at) {
		return
	}
	call := storeCall{records.Due, activities.DueInput{Subject: r.subject(), Carried: at}, r.view.DeadlineFor}
	switch {
	case r.doubt:
		r.doubt = false
		call.input = activities.DueInput{Subject: r.subject()}
		call.summary = "is there still such a task?"
	case routing(r.view.DeadlineFor):
		call.activity = routes.Route
	}
	r.store(workDue, call, func(v View) {
		r.adopt(v)
		r.checkProgress(at)
	})
}

// passed reports whether a deadline is to be applied now.
func (r *taskRun) passed(at time.Time) bool {
	now := later(workflow.Now(r.ctx), r.due.rung)
	return !at.IsZero() && !at.After(now) && !r.due.hold.After(now)
}

// checkProgress makes a run slow down whose deadline the store does not move.
func (r *taskRun) checkProgress(applied time.Time) {
	if r.view.Ended() || !r.view.Deadline.Equal(applied) || !r.passed(applied) {
		r.due.stuck, r.due.hold = 0, time.Time{}
		return
	}
	pause := min(time.Second<<min(r.due.stuck, 5), storeMaxWait)
	r.due.stuck++
	r.due.hold = workflow.Now(r.ctx).Add(pause)
	r.log.Warn("deadline not moved", logging.KeyTaskSID, r.view.TaskSID, logging.KeyReason, r.view.DeadlineFor)
}

// setAlarm arms the timer for the earliest deadline. A timer that rings earlier
// is left alone, which spares two events on the common path.
func (r *taskRun) setAlarm() {
	if r.view.Ended() || r.view.Deadline.IsZero() || r.running(workDue) {
		return
	}
	at := later(r.view.Deadline, r.due.hold)
	if r.alarm.future != nil {
		if !at.Before(r.alarm.at) {
			return
		}
		r.alarm.cancel()
	}
	ctx, cancel := workflow.WithCancel(r.ctx)
	timer := workflow.NewTimerWithOptions(ctx, at.Sub(workflow.Now(r.ctx)),
		workflow.TimerOptions{Summary: short(r.view.DeadlineFor)})
	r.alarm = alarm{at: at, future: timer, cancel: cancel}
}

// ring takes note that the alarm went off.
func (r *taskRun) ring() {
	r.due.rung = later(r.due.rung, r.alarm.at)
	r.alarm = alarm{}
}
