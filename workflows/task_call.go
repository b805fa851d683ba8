package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// causeLost is the cause of a placement whose worker process was lost.
const causeLost = "worker process lost"

// tendLegs begins what is to be done about agents' legs. Ending a leg does not
// wait for its placement: the platform is told not to place it any more.
func (r *taskRun) tendLegs() {
	for i := range r.view.Legs {
		l := r.view.Legs[i]
		if l.Dial && !l.HangUp && r.begin(workKey(workDial, l.Attempt)) {
			r.dial(l)
		}
		if l.Confirm && r.begin(workKey(workConfirm, l.Attempt)) {
			r.confirm(l)
		}
		if l.HangUp && r.begin(workKey(workHangUp, l.Attempt)) {
			r.hangUp(l)
		}
	}
}

// leg returns what the current view says about an attempt; the zero Leg when it
// says nothing.
func (r *taskRun) leg(attempt string) activities.Leg {
	for i := range r.view.Legs {
		if r.view.Legs[i].Attempt == attempt {
			return r.view.Legs[i]
		}
	}
	return activities.Leg{}
}

func (r *taskRun) attempt(l activities.Leg) activities.AttemptInput {
	return activities.AttemptInput{Subject: r.subject(), Attempt: l.Attempt}
}

// dial rings the agent. Whatever becomes of it, the store gets a report.
func (r *taskRun) dial(l activities.Leg) {
	key := workKey(workDial, l.Attempt)
	ctx := workflow.WithActivityOptions(r.ctx, r.tunables.dial(voiceInstance(l), "ring the agent for "+l.Attempt))
	r.do(key, workflow.ExecuteActivity(ctx, calls.Dial, r.attempt(l)), func(f workflow.Future) {
		var res activities.DialResult
		err := f.Get(r.ctx, &res)
		switch {
		case nothingDone(err):
			r.again(key, storePause, func() {
				if now := r.leg(l.Attempt); now.Dial && !now.HangUp {
					r.dial(now)
				}
			})
		case neverStarted(err):
			r.dialReported(activities.DialReport{
				Attempt: l.Attempt, Outcome: activities.DialFailed, Cause: taskrouter.ReasonMediaLost,
			})
		case err != nil:
			r.log.Warn("placement lost", logging.KeyReservationSID, l.ReservationSID, logging.KeyError, err)
			r.dialReported(activities.DialReport{Attempt: l.Attempt, Outcome: activities.DialUnknown, Cause: causeLost})
		case res.Unsaved != nil:
			r.dialReported(*res.Unsaved)
		case res.View != nil:
			r.adoptPart(*res.View)
		}
	})
}

func (r *taskRun) dialReported(report activities.DialReport) {
	in := activities.DialReportInput{Subject: r.subject(), Report: report}
	summary := "placement of " + report.Attempt + ": " + string(report.Outcome)
	r.store(workKey(workDial, report.Attempt), storeCall{records.DialReported, in, summary}, r.adoptPart)
}

// confirm looks for both parties in the room. A join nobody saw needs no
// report: its deadline is the store's.
func (r *taskRun) confirm(l activities.Leg) {
	key := workKey(workConfirm, l.Attempt)
	ctx := workflow.WithActivityOptions(r.ctx, r.tunables.confirm(voiceInstance(l), "both in the room for "+l.Attempt))
	r.do(key, workflow.ExecuteActivity(ctx, calls.Confirm, r.attempt(l)), func(f workflow.Future) {
		var res activities.JoinResult
		err := f.Get(r.ctx, &res)
		switch {
		case nothingDone(err):
			r.again(key, storePause, func() {
				if now := r.leg(l.Attempt); now.Confirm {
					r.confirm(now)
				}
			})
		case err != nil:
			r.log.Warn("join not confirmed", logging.KeyReservationSID, l.ReservationSID, logging.KeyError, err)
		case res.View != nil:
			r.adoptPart(*res.View)
		case res.Joined:
			r.store(key, storeCall{records.JoinSeen, r.attempt(l), "joined " + l.Attempt}, r.adoptPart)
		}
	})
}

// hangUp ends a leg. When the platform cannot be reached for long, or its
// instance is gone and the leg with it, the leg counts as ended.
func (r *taskRun) hangUp(l activities.Leg) {
	key := workKey(workHangUp, l.Attempt)
	ctx := workflow.WithActivityOptions(r.ctx, r.tunables.hangUp(voiceInstance(l), "end "+l.Attempt))
	r.do(key, workflow.ExecuteActivity(ctx, calls.HangUp, r.attempt(l)), func(f workflow.Future) {
		var res activities.HangUpResult
		err := f.Get(r.ctx, &res)
		switch {
		case nothingDone(err):
			r.again(key, storePause, func() {
				if now := r.leg(l.Attempt); now.HangUp {
					r.hangUp(now)
				}
			})
		case res.View != nil:
			r.adoptPart(*res.View)
		default:
			if err != nil {
				r.log.Warn("hang-up given up", logging.KeyReservationSID, l.ReservationSID, logging.KeyError, err)
			}
			r.store(key, storeCall{records.LegHungUp, r.attempt(l), "ended " + l.Attempt}, r.adoptPart)
		}
	})
}
