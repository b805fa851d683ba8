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

// toDial is a Task whose agent is to be rung.
func toDial() taskrouter.View {
	return withLeg(offer(task(taskrouter.TaskPending), "WR1"),
		taskrouter.LegView{Attempt: "WR1-1", State: taskrouter.LegWanted, Dial: true})
}

func TestAgentIsRungJoinedAndTheLegEnded(t *testing.T) {
	w := newWorld(t, toDial())
	w.together = true
	w.at(10*time.Second, func() {
		w.change(func(v *taskrouter.View) {
			v.Status = taskrouter.TaskAssigned
			v.Legs[0].State, v.Legs[0].Confirm = taskrouter.LegAnswered, true
		})
	})
	w.at(time.Minute, func() {
		w.change(func(v *taskrouter.View) {
			completed(v)
			v.Legs[0].HangUp = true
		})
	})
	w.run()
	require.Equal(t, []string{
		"begin WR1-1", "dial WR1-1", "reported WR1-1 placed ",
		"leg WR1-1", "joined WR1-1",
		"leg WR1-1", "hang up WR1-1", "hung up WR1-1",
	}, w.story(), "an ended Task keeps its run until its last leg is ended")
}

func TestPlacementFails(t *testing.T) {
	w := newWorld(t, toDial())
	w.place = func(string) activities.DialReport {
		return activities.DialReport{Outcome: activities.DialFailed, Cause: "busy"}
	}
	w.reported = func(v *taskrouter.View, r activities.DialReport) {
		*v = task(taskrouter.TaskCanceled)
	}
	w.run()
	require.Equal(t, 1, w.asked("reported WR1-1 failed busy"))
}

func TestPlacementLost(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		want string
	}{
		"media server lost":   {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil), "reported WR1-1 failed media server lost"},
		"worker process lost": {temporal.NewHeartbeatTimeoutError(), "reported WR1-1 unknown worker process lost"},
		"too slow":            {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil), "reported WR1-1 unknown worker process lost"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, toDial())
			w.env.OnActivity(calls.Dial, mock.Anything, mock.Anything).Return(activities.DialResult{}, row.err).Once()
			w.reported = func(v *taskrouter.View, _ activities.DialReport) { v.Legs = nil }
			w.completeAt(time.Minute)
			w.run()
			require.Equal(t, []string{row.want}, w.story())
		})
	}
}

func TestPlacementTheStoreCouldNotTake(t *testing.T) {
	w := newWorld(t, toDial())
	w.place = func(string) activities.DialReport {
		w.down = func() bool { return w.env.Now().Before(epoch.Add(30 * time.Second)) }
		return activities.DialReport{Outcome: activities.DialPlaced, CallSIDs: []string{"CA7"}}
	}
	var got []string
	w.reported = func(_ *taskrouter.View, r activities.DialReport) { got = r.CallSIDs }
	w.completeAt(5 * time.Minute)
	w.run()
	require.Equal(t, 1, w.asked("dial WR1-1"), "the phone rings once")
	require.Equal(t, []string{"CA7"}, got)
}

func TestLegWithdrawnBeforeItWasPlaced(t *testing.T) {
	v := toDial()
	v.Legs[0].HangUp = true
	w := newWorld(t, v)
	w.hungUp = func(v *taskrouter.View, _ string) { completed(v) }
	w.run()
	require.Zero(t, w.asked("dial"))
	require.Equal(t, 1, w.asked("hang up"))
}

func TestLegWithdrawnWhileItIsPlaced(t *testing.T) {
	w := newWorld(t, toDial())
	ended := make(chan struct{})
	w.place = func(string) activities.DialReport {
		w.change(func(v *taskrouter.View) { v.Legs[0].HangUp, v.Status = true, taskrouter.TaskCanceled })
		<-ended // the hang-up does not wait for the placement
		return activities.DialReport{Outcome: activities.DialFailed, Cause: "canceled"}
	}
	w.hungUp = func(*taskrouter.View, string) { close(ended) }
	w.run()
	require.Equal(t, 1, w.asked("hang up"))
	require.Equal(t, 1, w.asked("reported"))
}

func TestJoinNobodySawIsLeftToItsDeadline(t *testing.T) {
	v := withLeg(task(taskrouter.TaskAssigned),
		taskrouter.LegView{Attempt: "WR1-1", State: taskrouter.LegAnswered, Confirm: true})
	v.Deadline, v.DeadlineFor = epoch.Add(10*time.Second), "join is confirmed"
	w := newWorld(t, v)
	w.env.OnActivity(calls.Confirm, mock.Anything, mock.Anything).Return(activities.JoinResult{}, nil).Once()
	w.due = func(v *taskrouter.View, _ time.Time) {
		completed(v)
		v.Legs[0].Confirm, v.Legs[0].HangUp = false, true
	}
	w.run()
	require.Equal(t, []string{"due 10s", "leg WR1-1", "hang up WR1-1", "hung up WR1-1"}, w.story())
}

// TestEndedTaskDoesNotWaitForItsJoin: an agent who left at once was perhaps
// never seen in the room.
func TestEndedTaskDoesNotWaitForItsJoin(t *testing.T) {
	w := newWorld(t, withLeg(task(taskrouter.TaskAssigned),
		taskrouter.LegView{Attempt: "WR1-1", State: taskrouter.LegAnswered, Confirm: true}))
	w.env.OnActivity(calls.Confirm, mock.Anything, mock.Anything).After(10*time.Second).Return(activities.JoinResult{}, nil).Maybe()
	w.completeAt(time.Second)
	w.run()
	require.Equal(t, epoch.Add(time.Second), w.env.Now().UTC().Truncate(time.Second))
}

func TestJoinTheStoreCouldNotTake(t *testing.T) {
	v := withLeg(task(taskrouter.TaskAssigned),
		taskrouter.LegView{Attempt: "WR1-1", State: taskrouter.LegAnswered, Confirm: true})
	w := newWorld(t, v)
	w.env.OnActivity(calls.Confirm, mock.Anything, mock.Anything).Return(activities.JoinResult{Joined: true}, nil).Once()
	w.completeAt(time.Minute)
	w.run()
	require.Equal(t, []string{"joined WR1-1"}, w.story())
}

// TestHangUpIsNeverLeftUndone: an instance that is gone took the leg with it,
// and a platform that refuses for long must not keep the run open.
func TestHangUpIsNeverLeftUndone(t *testing.T) {
	ending := withLeg(task(taskrouter.TaskCompleted),
		taskrouter.LegView{Attempt: "WR1-1", State: taskrouter.LegJoined, HangUp: true})
	t.Run("refused at first", func(t *testing.T) {
		w := newWorld(t, ending)
		w.hangUpErr = errors.New("503")
		w.at(3*time.Second, func() { w.hangUpErr = nil })
		w.run()
		require.Greater(t, w.asked("hang up"), 1)
		require.Equal(t, 1, w.asked("hung up"))
	})
	t.Run("refused for good", func(t *testing.T) {
		w := newWorld(t, ending)
		w.hangUpErr = errors.New("503")
		w.run()
		require.Equal(t, DefaultTunables().HangUpTries, w.asked("hang up"))
		require.Equal(t, 1, w.asked("hung up"))
	})
	t.Run("instance gone", func(t *testing.T) {
		w := newWorld(t, ending)
		w.env.OnActivity(calls.HangUp, mock.Anything, mock.Anything).
			Return(activities.HangUpResult{}, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil)).Once()
		w.run()
		require.Equal(t, []string{"hung up WR1-1"}, w.story())
	})
}

func TestCallActivitiesGoToTheirInstance(t *testing.T) {
	w := newWorld(t, toDial())
	var queue string
	w.place = func(string) activities.DialReport { return activities.DialReport{Outcome: activities.DialPlaced} }
	w.env.SetOnActivityStartedListener(recordQueue(&queue))
	w.completeAt(time.Minute)
	w.run()
	require.Equal(t, "voice/one", queue)
	require.Equal(t, "voice/gateway", VoiceQueue(voiceInstance(activities.Leg{Backend: "gateway"})))
}
