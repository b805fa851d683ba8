package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func TestTaskIsAcceptedAndCompleted(t *testing.T) {
	v := offer(task(taskrouter.TaskPending), "WR1")
	v.Deadline, v.DeadlineFor = epoch.Add(2*time.Minute), "WR1 expires"
	w := newWorld(t, v)
	w.at(5*time.Second, func() {
		w.change(func(v *taskrouter.View) {
			v.Status, v.Deadline, v.DeadlineFor = taskrouter.TaskAssigned, epoch.Add(24*time.Hour), "assigned for too long"
		})
	})
	w.completeAt(time.Minute)
	w.run()
	require.Empty(t, w.story(), "a Task answered in time needs no store call")
	require.Len(t, w.timers, 1, "the deadline that moved away must not be armed")
	require.Zero(t, w.canceledTimers)
}

func TestRejectedTaskIsOfferedAgain(t *testing.T) {
	v := offer(task(taskrouter.TaskPending), "WR1")
	v.Deadline = epoch.Add(2 * time.Minute)
	w := newWorld(t, v)
	w.at(time.Second, func() {
		w.change(func(v *taskrouter.View) { *v = offer(task(taskrouter.TaskPending), "WR2") })
	})
	w.at(2*time.Second, func() {
		state, err := w.env.QueryWorkflow(QueryState)
		require.NoError(t, err)
		var s State
		require.NoError(t, state.Get(&s))
		require.Equal(t, "WR2", s.View.Offers[0].ReservationSID)
		require.Empty(t, s.InFlight)
	})
	w.completeAt(3 * time.Second)
	w.run()
}

func TestReservationTimesOut(t *testing.T) {
	v := offer(task(taskrouter.TaskPending), "WR1")
	v.Deadline, v.DeadlineFor = epoch.Add(2*time.Minute), "WR1 expires"
	w := newWorld(t, v)
	w.due = func(v *taskrouter.View, _ time.Time) {
		v.Status, v.Offers, v.Deadline = taskrouter.TaskPending, nil, time.Time{}
	}
	w.completeAt(time.Hour)
	w.run()
	require.Equal(t, []string{"due 2m0s"}, w.story())
	require.Equal(t, []string{"Due"}, w.localNames())
}

func TestTargetTimeoutRoutes(t *testing.T) {
	v := task(taskrouter.TaskPending)
	v.Deadline, v.DeadlineFor = epoch.Add(30*time.Second), DeadlineForTarget
	w := newWorld(t, v)
	w.due = func(v *taskrouter.View, _ time.Time) {
		v.QueueSID, v.QueueName, v.Deadline = "WQ2", "Everyone", epoch.Add(time.Hour)
		v.DeadlineFor = "time to live ends"
		v.Decision = taskrouter.RouteDecision{Filter: taskrouter.FilterDefault, QueueName: "Everyone", Cause: "timeout"}
		if v.Revision > 1 {
			v.Status, v.Reason = taskrouter.TaskCanceled, taskrouter.ReasonTTL
		}
	}
	w.run()
	require.Equal(t, []string{"due 30s", "due 1h0m0s"}, w.story())
	require.Equal(t, []string{"Route", "Due"}, w.localNames(), "a routing step is told apart in the history")
}

func TestWrapUpCompletesByItself(t *testing.T) {
	v := task(taskrouter.TaskWrapping)
	v.Deadline, v.DeadlineFor = epoch.Add(30*time.Second), "wrap-up ends"
	w := newWorld(t, v)
	w.due = func(v *taskrouter.View, _ time.Time) { completed(v) }
	w.run()
}

func TestTaskCanceledByAPI(t *testing.T) {
	w := newWorld(t, task(taskrouter.TaskPending))
	w.at(time.Second, func() {
		w.change(func(v *taskrouter.View) { v.Status = taskrouter.TaskCanceled })
	})
	w.run()
	require.Empty(t, w.story())
}

func TestDeadlinePassedBeforeTheRunStarted(t *testing.T) {
	v := task(taskrouter.TaskPending)
	v.Deadline = epoch.Add(-time.Hour)
	w := newWorld(t, v)
	w.due = func(v *taskrouter.View, _ time.Time) { v.Status = taskrouter.TaskCanceled }
	w.run()
	require.Empty(t, w.timers)
	require.Equal(t, []string{"due -1h0m0s"}, w.story())
}

func TestOnlyAnEarlierDeadlineMovesTheTimer(t *testing.T) {
	v := task(taskrouter.TaskPending)
	v.Deadline = epoch.Add(10 * time.Minute)
	w := newWorld(t, v)
	move := func(at, deadline time.Duration) {
		w.at(at, func() { w.change(func(v *taskrouter.View) { v.Deadline = epoch.Add(deadline) }) })
	}
	move(time.Minute, 20*time.Minute)  // later: the old timer stays
	move(2*time.Minute, 5*time.Minute) // earlier than the armed one
	move(3*time.Minute, 30*time.Minute)
	w.due = func(v *taskrouter.View, _ time.Time) { v.Status = taskrouter.TaskCanceled }
	w.run()
	require.Equal(t, []string{"due 30m0s"}, w.story(), "a timer of a deadline that moved away asks for nothing")
	require.Len(t, w.timers, 3)
	require.Equal(t, 1, w.canceledTimers)
}

func TestDeadlineThatDoesNotMoveIsTriedMoreAndMoreSlowly(t *testing.T) {
	v := task(taskrouter.TaskPending)
	v.Deadline = epoch.Add(time.Second)
	w := newWorld(t, v)
	w.completeAt(5 * time.Minute)
	w.run()
	require.InDelta(t, 13, w.asked("due"), 3, "1, 2, 4, 8, 16, 30, 30 … seconds apart")
}

func TestNoticesDoubledLateAndReordered(t *testing.T) {
	v := task(taskrouter.TaskPending)
	w := newWorld(t, v)
	w.at(time.Second, func() {
		first := w.alter(func(v *taskrouter.View) { *v = offer(*v, "WR1"); v.Offers[0].CallbackDue = true })
		second := w.alter(func(v *taskrouter.View) { *v = task(taskrouter.TaskPending); v.Priority = 9 })
		w.send(second)
		w.send(first)
		w.send(second)
		w.send(first)
	})
	w.at(2*time.Second, func() {
		state, err := w.env.QueryWorkflow(QueryState)
		require.NoError(t, err)
		var s State
		require.NoError(t, state.Get(&s))
		require.EqualValues(t, 3, s.View.Revision)
		require.EqualValues(t, 9, s.View.Priority)
	})
	w.completeAt(3 * time.Second)
	w.run()
	require.Zero(t, w.asked("post"), "an offer that was over before its notice came is not called for")
}

func TestRemovedTaskEndsTheRun(t *testing.T) {
	t.Run("by notice", func(t *testing.T) {
		w := newWorld(t, offer(task(taskrouter.TaskPending), "WR1"))
		w.at(time.Second, func() { w.send(taskrouter.View{TaskSID: "WT1", Removed: true}) })
		w.run()
	})
	t.Run("found missing", func(t *testing.T) {
		v := task(taskrouter.TaskPending)
		v.Deadline = epoch.Add(time.Minute)
		w := newWorld(t, v)
		w.at(time.Second, func() { w.forget() })
		w.run()
		require.Equal(t, 1, w.asked("due"))
	})
	t.Run("with a phone still ringing", func(t *testing.T) {
		v := withLeg(offer(task(taskrouter.TaskPending), "WR1"),
			taskrouter.LegView{Attempt: "WR1-1", State: taskrouter.LegRinging})
		w := newWorld(t, v)
		w.at(time.Second, func() {
			w.forget()
			w.send(taskrouter.View{TaskSID: "WT1", Removed: true})
		})
		w.run()
		require.Equal(t, 1, w.asked("hang up WR1-1"))
	})
}

func TestCancellationFromOutsideCancelsTheTask(t *testing.T) {
	w := newWorld(t, task(taskrouter.TaskPending))
	w.canceled = func(v *taskrouter.View) { v.Status = taskrouter.TaskCanceled }
	w.at(time.Minute, w.env.CancelWorkflow)
	w.run()
	require.Equal(t, []string{"cancel"}, w.story())
}

func TestCancellationFromOutsideNeverEndsAnOpenTask(t *testing.T) {
	v := task(taskrouter.TaskWrapping)
	v.Deadline = epoch.Add(time.Hour)
	w := newWorld(t, v)
	w.due = func(v *taskrouter.View, _ time.Time) { completed(v) }
	w.at(time.Minute, w.env.CancelWorkflow)
	w.run()
	require.Equal(t, []string{"cancel", "due 1h0m0s"}, w.story(), "the run goes on, timers included")
}

func TestStoreGoneForAMinute(t *testing.T) {
	v := offer(task(taskrouter.TaskPending), "WR1")
	v.Offers[0].CallbackDue = true
	v.Deadline, v.DeadlineFor = epoch.Add(2*time.Second), "WR1 expires"
	v = withLeg(v, taskrouter.LegView{Attempt: "WR1-1", State: taskrouter.LegWanted, Dial: true})
	w := newWorld(t, v)
	w.down = func() bool { return w.env.Now().Before(epoch.Add(time.Minute)) }
	w.due = func(v *taskrouter.View, _ time.Time) { v.Deadline = time.Time{} }
	w.completeAt(5 * time.Minute)
	w.run()
	require.Equal(t, 1, w.asked("post WR1"), "the request is made once, after the store is back")
	require.Equal(t, 1, w.asked("answered WR1 failed=false"))
	require.Equal(t, 1, w.asked("dial WR1-1"))
	require.Equal(t, 1, w.asked("reported WR1-1 placed"))
	require.Greater(t, w.asked("due"), 2)
}

func TestThousandRejectionsOfTenReservations(t *testing.T) {
	const rounds, offers, perRun = 1000, 10, 50
	v := task(taskrouter.TaskPending)
	in := TaskInput{LogicVersion: LogicVersion, Tunables: DefaultTunables(), View: FromView(v)}
	posts := 0
	for done := 0; done < rounds; done += perRun {
		w := newWorld(t, in.View.Domain())
		w.input = in
		step := time.Duration(0)
		for n := range perRun {
			step += time.Second
			w.at(step, func() {
				w.change(func(v *taskrouter.View) {
					for i := range offers {
						*v = offer(*v, sid(done+n, i))
					}
					v.Offers[0].CallbackDue = true
				})
			})
			for range offers {
				step += time.Second
				w.at(step, func() {
					w.change(func(v *taskrouter.View) { v.Offers = v.Offers[1:] })
				})
			}
		}
		w.at(step+time.Second, func() {
			w.env.SetContinueAsNewSuggested(true)
			w.change(func(v *taskrouter.View) { v.Status = taskrouter.TaskPending })
		})
		w.env.ExecuteWorkflow(Task, w.input)
		in = continued(t, w.env.GetWorkflowError())
		require.Empty(t, in.Started, "what is over must not be carried along")
		require.Equal(t, taskrouter.TaskPending, in.View.Status)
		posts += w.asked("post")
	}
	require.Equal(t, rounds, posts)
	require.EqualValues(t, 1+rounds*(offers+2)+rounds/perRun, in.View.Revision, "offers, rejections and answers")
}

func sid(round, i int) string { return "WR" + time.Duration(round*100+i).String() }

func TestContinuesAsNewOnlyWhenNothingIsPending(t *testing.T) {
	v := offer(task(taskrouter.TaskPending), "WR1")
	v.Offers[0].CallbackDue = true
	w := newWorld(t, v)
	w.env.SetContinueAsNewSuggested(true)
	w.env.ExecuteWorkflow(Task, w.input)
	in := continued(t, w.env.GetWorkflowError())
	require.Equal(t, 1, w.asked("answered WR1"), "the callback was awaited first")
	require.Equal(t, []string{"callback/WR1"}, in.Started, "and is not made again")
}

func TestEndedTaskNeedsNoMoreThanItsStart(t *testing.T) {
	w := newWorld(t, task(taskrouter.TaskCanceled))
	w.run()
	require.Empty(t, w.story())
	require.Empty(t, w.timers)
}

func TestUnknownLogicVersionBlocksTheRun(t *testing.T) {
	w := newWorld(t, task(taskrouter.TaskPending))
	w.input.LogicVersion = LogicVersion + 1
	w.env.ExecuteWorkflow(Task, w.input)
	require.ErrorContains(t, w.env.GetWorkflowError(), "not known to this release")
}

// TestUnknownPartDoesNotEndTheRun: a leg the store does not know is no proof
// that the Task is gone.
func TestUnknownPartDoesNotEndTheRun(t *testing.T) {
	v := withLeg(task(taskrouter.TaskAssigned), taskrouter.LegView{Attempt: "WR1-1", State: taskrouter.LegRinging, HangUp: true})
	w := newWorld(t, v)
	w.env.OnActivity(calls.HangUp, mock.Anything, mock.Anything).
		Return(activities.HangUpResult{View: &View{Removed: true}}, nil).Once()
	w.due = func(v *taskrouter.View, _ time.Time) { v.Legs = nil }
	over := false
	w.at(time.Minute, func() {
		over = true
		w.change(completed)
	})
	w.run()
	require.True(t, over)
	require.Equal(t, 1, w.asked("due"), "the store is asked about the Task")
}
