package workflows

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// called is a Task with one offer whose callback is due.
func called() taskrouter.View {
	v := offer(task(taskrouter.TaskPending), "WR1")
	v.Offers[0].CallbackDue = true
	return v
}

func TestCallbackLeavesTheOfferToTheAgent(t *testing.T) {
	w := newWorld(t, called())
	w.completeAt(time.Minute)
	w.run()
	require.Equal(t, []string{"order WR1", "post WR1", "answered WR1 failed=false"}, w.story())
}

func TestCallbackInstructionIsApplied(t *testing.T) {
	w := newWorld(t, called())
	w.answer = func(string) activities.CallbackOutcome {
		return activities.CallbackOutcome{Instruction: &activities.Instruction{Kind: taskrouter.InstructAccept}}
	}
	w.answered = func(v *taskrouter.View, _ string, o activities.CallbackOutcome) {
		require.Equal(t, taskrouter.InstructAccept, o.Instruction.Kind)
		v.Status, v.Deadline = taskrouter.TaskAssigned, epoch.Add(time.Hour)
	}
	w.completeAt(time.Minute)
	w.run()
}

func TestCallbackThatFailedBacksOff(t *testing.T) {
	w := newWorld(t, called())
	w.answer = func(string) activities.CallbackOutcome { return activities.CallbackOutcome{Failed: true} }
	w.answered = func(v *taskrouter.View, _ string, o activities.CallbackOutcome) {
		require.True(t, o.Failed)
		v.Status, v.Offers = taskrouter.TaskPending, nil
		v.Deadline, v.DeadlineFor = epoch.Add(time.Second), "may be offered again"
	}
	w.due = func(v *taskrouter.View, _ time.Time) {
		*v = offer(task(taskrouter.TaskPending), "WR2")
	}
	w.completeAt(time.Minute)
	w.run()
	require.Equal(t, 1, w.asked("due 1s"))
}

// TestCallbackLost plays what can happen to the activity of runs before
// logicLocalCallback: the request may have been made, so it is never repeated.
func TestCallbackLost(t *testing.T) {
	for name, err := range map[string]error{
		"worker process lost": temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil),
		"no worker process":   temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil),
		"a fault of ours":     errors.New("boom"),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, called())
			w.input.LogicVersion = logicFirst
			w.env.OnActivity(callbacks.Assign, mock.Anything, mock.Anything).Return(activities.AssignResult{}, err).Once()
			w.completeAt(time.Minute)
			w.run()
			require.Equal(t, []string{"answered WR1 failed=true"}, w.story())
		})
	}
}

// TestCallbackTaken: a process took the order and said no more. It may have
// died with the answer, or the answer is on its way; after a while the store is
// told that there is none, and knows better when there was one.
func TestCallbackTaken(t *testing.T) {
	w := newWorld(t, called())
	w.taken["WR1"] = true
	w.answered = func(v *taskrouter.View, _ string, _ activities.CallbackOutcome) { v.Offers = nil }
	w.completeAt(time.Minute)
	w.run()
	require.Equal(t, []string{"order WR1", "answered WR1 failed=true"}, w.story())
	require.Contains(t, w.timers, timerOf(w, callbackAttempt), "not before the request can have ended")
}

// TestReceiverThatTakesItsTime: the run goes on without it, and what it says in
// the end is the store's.
func TestReceiverThatTakesItsTime(t *testing.T) {
	for name, row := range map[string]struct {
		after time.Duration // when the store has the answer
		log   []string
	}{
		// The store ignores it then: it has an answer.
		"answers in time": {after: 5 * time.Second, log: []string{"answered WR1 failed=true"}},
		"never answers":   {after: time.Hour, log: []string{"answered WR1 failed=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, called())
			w.env.OnActivity(callbacks.Ask, mock.Anything, mock.Anything).Return(activities.AssignResult{UnderWay: true}, nil).Once()
			w.at(row.after, func() { w.change(func(v *taskrouter.View) { v.Offers[0].CallbackDue = false }) })
			w.completeAt(2 * time.Hour)
			w.run()
			require.Equal(t, row.log, append([]string{}, w.story()...))
		})
	}
}

// TestRunDoesNotWaitForAnAnswerNobodyNeeds: the Task is over before the receiver
// has said anything.
func TestRunDoesNotWaitForAnAnswerNobodyNeeds(t *testing.T) {
	w := newWorld(t, called())
	w.env.OnActivity(callbacks.Ask, mock.Anything, mock.Anything).Return(activities.AssignResult{UnderWay: true}, nil).Once()
	w.completeAt(time.Second)
	w.run()
	require.Empty(t, w.story())
	require.WithinDuration(t, epoch.Add(time.Second), w.env.Now(), time.Second)
}

// TestSlowReceiversDoNotKeepAHistoryFromEnding: offer after offer is declined
// before its receiver has answered.
func TestSlowReceiversDoNotKeepAHistoryFromEnding(t *testing.T) {
	w := newWorld(t, called())
	w.env.OnActivity(callbacks.Ask, mock.Anything, mock.Anything).Return(activities.AssignResult{UnderWay: true}, nil)
	for i := range 5 {
		w.at(time.Duration(i+1)*time.Second, func() {
			w.change(func(v *taskrouter.View) {
				v.Offers = nil
				*v = offer(*v, sid(i, 0))
				v.Offers[0].CallbackDue = true
			})
		})
	}
	w.at(6*time.Second, func() {
		w.env.SetContinueAsNewSuggested(true)
		w.change(func(v *taskrouter.View) { v.Status, v.Offers = taskrouter.TaskPending, nil })
	})
	w.env.ExecuteWorkflow(Task, w.input)
	in := continued(t, w.env.GetWorkflowError())
	require.Empty(t, in.Started)
	require.WithinDuration(t, epoch.Add(6*time.Second), w.env.Now(), time.Second, "no timer was waited for")
	require.GreaterOrEqual(t, w.canceledTimers, 5, "the last one goes with the run")
}

// timerOf names a timer of the given length; empty when there is none.
func timerOf(w *world, d time.Duration) string {
	for id, length := range w.timers {
		if length == d {
			return id
		}
	}
	return ""
}

func TestCallbackAnswerTheStoreCouldNotTake(t *testing.T) {
	w := newWorld(t, called())
	w.answer = func(string) activities.CallbackOutcome {
		w.down = func() bool { return w.env.Now().Before(epoch.Add(30 * time.Second)) }
		return activities.CallbackOutcome{Instruction: &activities.Instruction{Kind: taskrouter.InstructReject}}
	}
	var got *activities.Instruction
	w.answered = func(v *taskrouter.View, _ string, o activities.CallbackOutcome) { got = o.Instruction }
	w.completeAt(5 * time.Minute)
	w.run()
	require.Equal(t, 1, w.asked("post"), "the receiver is not asked twice")
	require.Equal(t, taskrouter.InstructReject, got.Kind, "its answer is kept until the store is back")
}

func TestCallbacksOfSeveralOffersRunSideBySide(t *testing.T) {
	v := called()
	for _, sid := range []string{"WR2", "WR3"} {
		v = offer(v, sid)
		v.Offers[len(v.Offers)-1].CallbackDue = true
	}
	w := newWorld(t, v)
	arrived, release := make(chan string, 3), make(chan struct{})
	w.answer = func(sid string) activities.CallbackOutcome {
		arrived <- sid
		if len(arrived) == cap(arrived) {
			close(release)
		}
		<-release // only passes when all three are in flight
		return activities.CallbackOutcome{}
	}
	w.completeAt(time.Minute)
	w.run()
	require.Equal(t, 3, w.asked("post"))
}

func TestCallbackDueIsMadeOnceHoweverOftenItIsAskedFor(t *testing.T) {
	w := newWorld(t, called())
	w.answered = func(v *taskrouter.View, _ string, _ activities.CallbackOutcome) {
		v.Offers[0].CallbackDue = true // the store still says so
	}
	for d := time.Second; d < 5*time.Second; d += time.Second {
		w.at(d, func() { w.change(func(v *taskrouter.View) { v.Priority++ }) })
	}
	w.completeAt(time.Minute)
	w.run()
	require.Equal(t, 1, w.asked("post"))
}

func TestOfferAnsweredWhileItsCallbackIsUnderWay(t *testing.T) {
	w := newWorld(t, called())
	w.answer = func(string) activities.CallbackOutcome {
		w.change(completed)
		return activities.CallbackOutcome{}
	}
	w.run()
	require.Equal(t, 1, w.asked("answered"), "the store decides what a late answer is worth")
}
