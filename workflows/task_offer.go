package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/internal/logging"
)

// makeCallbacks begins the assignment callback of each offer that asks for one.
// Several run side by side.
func (r *taskRun) makeCallbacks() {
	for i := range r.view.Offers {
		o := &r.view.Offers[i]
		if o.CallbackDue && r.begin(workKey(workCallback, o.ReservationSID)) {
			r.callback(o.ReservationSID)
		}
	}
}

// callback makes the request. Whatever becomes of it, the store learns of an
// outcome: a lost worker process counts as a failed callback, because the
// request may have been made and must not be made twice.
func (r *taskRun) callback(reservation string) {
	key := workKey(workCallback, reservation)
	r.do(key, r.ask(reservation), func(f workflow.Future) {
		var res activities.AssignResult
		err := f.Get(r.ctx, &res)
		switch {
		case nothingDone(err):
			r.again(key, storePause, func() {
				if r.callbackDue(reservation) {
					r.callback(reservation)
				}
			})
		case err != nil:
			r.log.Warn("assignment callback lost", logging.KeyReservationSID, reservation, logging.KeyError, err)
			r.callbackAnswered(reservation, activities.CallbackOutcome{Failed: true})
		case res.UnderWay:
			r.awaitAnswer(reservation)
		case res.Unsaved != nil:
			r.callbackAnswered(reservation, *res.Unsaved)
		case res.View != nil:
			r.adoptPart(*res.View)
		}
	})
}

// ask puts the request in flight. As a local activity it spares a round trip to
// Temporal and back, which is what most of an offer's latency was.
func (r *taskRun) ask(reservation string) workflow.Future {
	in := activities.AssignInput{Subject: r.subject(), ReservationSID: reservation}
	summary := "assignment callback for " + reservation
	if r.logicVersion < logicLocalCallback {
		return workflow.ExecuteActivity(workflow.WithActivityOptions(r.ctx, r.tunables.callback(summary)), callbacks.Assign, in)
	}
	return workflow.ExecuteLocalActivity(workflow.WithLocalActivityOptions(r.ctx, storeWrite(summary)), callbacks.Ask, in)
}

// awaitAnswer gives a worker process time to store the answer of a receiver
// that is slow. When it has not by then, it was lost together with the answer:
// the store takes this failure for what it is, and ignores it otherwise.
func (r *taskRun) awaitAnswer(reservation string) {
	ctx, cancel := workflow.WithCancel(r.ctx)
	timer := workflow.NewTimerWithOptions(ctx, callbackAttempt,
		workflow.TimerOptions{Summary: short("answer of the callback for " + reservation)})
	r.work = append(r.work, work{
		key: workKey(workAnswer, reservation), future: timer, cancel: cancel,
		done: func(workflow.Future) {
			r.callbackAnswered(reservation, activities.CallbackOutcome{Failed: true})
		},
	})
}

func (r *taskRun) callbackAnswered(reservation string, o activities.CallbackOutcome) {
	in := activities.AnswerInput{Subject: r.subject(), ReservationSID: reservation, Outcome: o}
	summary := "callback answered for " + reservation
	if o.Failed {
		summary = "callback failed for " + reservation
	}
	r.store(workKey(workCallback, reservation), storeCall{records.CallbackAnswered, in, summary}, r.adoptPart)
}

func (r *taskRun) callbackDue(reservation string) bool {
	for i := range r.view.Offers {
		if o := &r.view.Offers[i]; o.ReservationSID == reservation {
			return o.CallbackDue
		}
	}
	return false
}
