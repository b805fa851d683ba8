package workflows

import (
	"slices"
	"time"

	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/workflow"

	"github.com/taskrouter/taskrouter/activities"
)

// Task is the durable run of one Task, from its creation to its end.
//
// It returns when the Task has reached an end and nothing is left to be done
// for it, never before and never with an error: a failing store or platform
// only makes it wait.
func Task(ctx workflow.Context, in TaskInput) error {
	knownLogic(in.LogicVersion)
	r := newTaskRun(ctx, in)
	if err := r.handlers(); err != nil {
		return err
	}
	return r.run()
}

// taskRun is a run under way.
type taskRun struct {
	// outer ends when somebody cancels the run from outside; ctx never does.
	outer, ctx workflow.Context
	log        log.Logger
	news       workflow.ReceiveChannel

	logicVersion int
	tunables     Tunables
	view         View
	// started holds the keys of everything that was begun; what the view asks
	// for is begun once.
	started []string
	// work is what is in flight.
	work  []work
	alarm alarm
	// due is how applying deadlines went.
	due dueState
	// canceled: somebody canceled the run; told: the store knows.
	canceled, told bool
	// buried: the store does not know the Task any more; doubt: perhaps.
	buried, doubt bool
	shown         Shown
	details       string
}

func newTaskRun(ctx workflow.Context, in TaskInput) *taskRun {
	inner, _ := workflow.NewDisconnectedContext(ctx)
	return &taskRun{
		outer: ctx, ctx: inner, log: workflow.GetLogger(ctx), news: notices().channel(ctx),
		logicVersion: in.LogicVersion, tunables: in.Tunables, view: in.View,
		started: slices.Clone(in.Started), shown: in.Shown,
	}
}

// handlers answers questions about the run.
func (r *taskRun) handlers() error {
	return workflow.SetQueryHandler(r.ctx, QueryState, func() (State, error) {
		s := State{View: r.view}
		for _, w := range r.work {
			s.InFlight = append(s.InFlight, w.key)
		}
		return s, nil
	})
}

// run is the journey: do what the view asks for, show where the Task is, wait.
func (r *taskRun) run() error {
	r.takeNotices()
	for {
		r.forget()
		r.tellCancellation()
		r.makeCallbacks()
		r.tendLegs()
		r.applyDeadline()
		r.show()
		if r.view.Ended() && r.settled() {
			return nil
		}
		if r.full() {
			return workflow.NewContinueAsNewError(r.ctx, Task, r.next())
		}
		r.setAlarm()
		r.wait()
	}
}

// full reports whether the history has grown long enough to start a new one,
// at a moment when nothing would be lost by it.
func (r *taskRun) full() bool {
	return workflow.GetInfo(r.ctx).GetContinueAsNewSuggested() &&
		len(r.work) == 0 && r.news.Len() == 0 && (r.outer.Err() == nil || r.told)
}

// next is the input of the run that continues this one.
func (r *taskRun) next() TaskInput {
	return TaskInput{
		LogicVersion: r.logicVersion, Tunables: r.tunables, View: r.view, Started: r.started, Shown: r.shown,
	}
}

// wait sleeps until there is news, something in flight is done, or the alarm
// rings, and then takes in all of it.
func (r *taskRun) wait() {
	s := workflow.NewSelector(r.ctx)
	s.AddReceive(r.news, func(workflow.ReceiveChannel, bool) { r.takeNotices() })
	if !r.canceled {
		s.AddReceive(r.outer.Done(), func(workflow.ReceiveChannel, bool) { r.canceled = true })
	}
	if r.alarm.future != nil {
		s.AddFuture(r.alarm.future, func(workflow.Future) { r.ring() })
	}
	for _, w := range r.work {
		s.AddFuture(w.future, func(f workflow.Future) {
			r.drop(w.key)
			w.done(f)
		})
	}
	// A channel that is closed stays ready for ever, so the news that the run
	// was canceled ends the round.
	before := r.canceled
	s.Select(r.ctx)
	for r.canceled == before && s.HasPending() {
		s.Select(r.ctx)
	}
}

// subject names the Task for a store call.
func (r *taskRun) subject() activities.Subject {
	return activities.Subject{WorkspaceSID: r.view.WorkspaceSID, TaskSID: r.view.TaskSID, Revision: r.view.Revision}
}

// later returns the later of two instants.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
