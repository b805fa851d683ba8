package callqueue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

const leg = "/callqueue/leg/" + attempt

func TestAgentJoins(t *testing.T) {
	w := newWorld(twoSteps)
	joins(nil)(w)
	h := w.handler(voice.FlavourTwilio)
	first := post(t, h, leg+"/answer/2", legParams())
	require.Contains(t, first, waitingRoom)
	require.Equal(t, first, post(t, h, leg+"/answer/2", legParams()), "repeated")
	require.Equal(t, []int{2, 2}, w.reveals)
}

func TestAgentIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*world)
		path string
		form []string
		want string
	}{
		"caller left":       {set: func(w *world) { w.verdict.Reason = callqueue.ReasonCallerLeft }, want: "The caller has hung up."},
		"withdrawn":         {set: func(w *world) { w.verdict.Reason = callqueue.ReasonWithdrawn }, want: "no longer available"},
		"unknown":           {set: func(w *world) { w.verdict.Reason = callqueue.ReasonUnknown }, want: "no longer available"},
		"no verdict at all": {want: "no longer available"},
		"unknown attempt":   {path: "/callqueue/leg/WR9-9", want: "no longer available"},
		"older placement":   {set: func(w *world) { w.wanted = false; w.verdict.Join = firstTask }, want: "no longer available"},
		"of another back-end": {set: func(w *world) {
			w.legs[attempt].Backend = "other"
			w.verdict.Join = firstTask
		}, want: "no longer available"},
		"no such Reservation": {set: func(w *world) { w.fail = nil; w.legs = map[string]*taskrouter.Leg{} }, want: "no longer available"},
		"leg is over":         {set: func(w *world) { w.verdict.Join = firstTask }, form: []string{"CallStatus", "completed"}, want: "<Hangup/>"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(twoSteps)
			w.placeLeg(taskrouter.Leg{})
			if c.set != nil {
				c.set(w)
			}
			path := c.path
			if path == "" {
				path = leg
			}
			got := post(t, w.handler(voice.FlavourTwilio), path, legParams(c.form...))
			require.Contains(t, got, c.want)
			require.Contains(t, got, "<Hangup/>")
			require.NotContains(t, got, "Conference")
			require.NotEqual(t, taskrouter.TaskAssigned, w.status, "nothing was accepted")
		})
	}
}

func TestAgentWaitsForTheStore(t *testing.T) {
	w := newWorld(twoSteps)
	joins(nil)(w)
	w.fail = taskrouter.Unavailable(nil, "store")
	h := w.handler(voice.FlavourTwilio)
	require.Contains(t, post(t, h, leg+"/answer/1", legParams()), public+leg+"/answer/1?retry=1</Redirect>")
	w.fail = nil
	require.Contains(t, post(t, h, leg+"/answer/1?retry=1", legParams()), waitingRoom)
}

func TestLegStatus(t *testing.T) {
	answered := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		name    string
		flavour voice.Flavour
		leg     taskrouter.Leg
		status  string
		inspect voice.Leg
		broken  bool
		state   taskrouter.LegState
		cause   string
	}{
		{name: "initiated", status: "initiated", state: taskrouter.LegDialing},
		{name: "queued", status: "queued", state: taskrouter.LegDialing},
		{name: "ringing", status: "ringing", state: taskrouter.LegRinging},
		{name: "in-progress", status: "in-progress", state: taskrouter.LegAnswered},
		{name: "answered", flavour: voice.FlavourRestcomm, status: "answered", state: taskrouter.LegAnswered},
		{name: "completed", status: "completed", state: taskrouter.LegEnded, cause: "completed"},
		{name: "busy", status: "busy", state: taskrouter.LegEnded, cause: "busy"},
		{name: "no-answer", status: "no-answer", state: taskrouter.LegEnded, cause: "no-answer"},
		{name: "failed", status: "failed", state: taskrouter.LegEnded, cause: "failed"},
		{name: "canceled", status: "canceled", state: taskrouter.LegEnded, cause: "canceled"},
		{name: "nonsense", status: "nonsense"},
		{
			name: "restcomm, talked", flavour: voice.FlavourRestcomm, status: "completed",
			leg: taskrouter.Leg{AnsweredAt: answered}, state: taskrouter.LegEnded, cause: "completed",
		},
		{
			name: "restcomm, was busy", flavour: voice.FlavourRestcomm, status: "completed",
			leg: taskrouter.Leg{State: taskrouter.LegRinging}, inspect: voice.Leg{State: voice.Ended, Cause: voice.EndBusy},
			state: taskrouter.LegEnded, cause: "busy",
		},
		{
			name: "restcomm, cannot be asked", flavour: voice.FlavourRestcomm, status: "completed", broken: true,
			leg: taskrouter.Leg{State: taskrouter.LegRinging}, state: taskrouter.LegEnded, cause: "failed",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(twoSteps)
			w.placeLeg(c.leg)
			flavour := c.flavour
			if flavour == "" {
				flavour = voice.FlavourTwilio
			}
			h := w.handler(flavour, func(o *callqueue.Options) {
				o.Platforms[0].Backend = inspector{leg: c.inspect, broken: c.broken}
			})
			form := legParams("CallStatus", c.status, "CallbackSource", "call-progress-events")
			if flavour == voice.FlavourRestcomm {
				form.Set("ApiVersion", "2012-04-24")
			}
			notify(t, h, leg+"/status/1", form)
			if c.state == "" {
				require.Empty(t, w.facts)
				return
			}
			require.Equal(t, []dispatch.LegReport{{
				Attempt: attempt, Backend: "main", CallSID: legSID, State: c.state, Cause: c.cause,
			}}, w.facts)
			require.Equal(t, []int{1}, w.reveals)
		})
	}
}

// inspector is a back-end that can only be asked.
type inspector struct {
	voice.Backend
	leg    voice.Leg
	broken bool
}

func (i inspector) Inspect(context.Context, string) (voice.Leg, error) {
	if i.broken {
		return voice.Leg{}, errors.New("no answer")
	}
	return i.leg, nil
}

func TestRestcommEndWithoutAPlatformToAsk(t *testing.T) {
	for cause, l := range map[string]taskrouter.Leg{
		"completed": {AnsweredAt: time.Unix(1, 0)}, "failed": {State: taskrouter.LegRinging},
	} {
		w := newWorld(twoSteps)
		w.placeLeg(l)
		form := legParams("CallStatus", "completed", "ApiVersion", "2012-04-24")
		notify(t, w.handler(voice.FlavourRestcomm), leg+"/status", form)
		require.Equal(t, cause, w.facts[0].Cause)
	}
}

func TestEndOfALegNobodyWants(t *testing.T) {
	w := newWorld(twoSteps)
	w.placeLeg(taskrouter.Leg{})
	w.wanted = false
	notify(t, w.handler(voice.FlavourTwilio), leg+"/status/1", legParams("CallStatus", "completed"))
	require.Empty(t, w.facts, "the attempt may have a better leg")
}

func TestStatusOfUnknownLegs(t *testing.T) {
	w := newWorld(twoSteps)
	notify(t, w.handler(voice.FlavourTwilio), "/callqueue/leg/WR9-9/status", legParams("CallStatus", "completed"))
	require.Zero(t, w.writes)
}

func TestLegEnded(t *testing.T) {
	for dialStatus, cause := range map[string]string{
		"answered": "completed", "completed": "completed", "": "completed", "null": "completed", "failed": "failed", "busy": "busy",
	} {
		w := newWorld(twoSteps)
		w.placeLeg(taskrouter.Leg{})
		got := post(t, w.handler(voice.FlavourTwilio), leg+"/ended", legParams("DialCallStatus", dialStatus))
		require.Contains(t, got, "<Hangup/>")
		require.Equal(t, taskrouter.LegEnded, w.facts[0].State, dialStatus)
		require.Equal(t, cause, w.facts[0].Cause, dialStatus)
	}
}

func TestConference(t *testing.T) {
	room := "/callqueue/conference/" + account + "/" + callSID
	waiting := taskrouter.Call{State: taskrouter.CallWaiting, TaskSID: firstTask, Room: firstTask}
	for _, c := range []struct {
		name   string
		call   *taskrouter.Call
		leg    taskrouter.Leg
		form   []string
		joined bool
		ended  bool
	}{
		{name: "agent enters", call: &waiting, form: []string{"StatusCallbackEvent", "participant-join", "CallSid", legSID}, joined: true},
		{name: "agent of an older Task enters", call: &waiting, leg: taskrouter.Leg{TaskSID: nextTask}, form: []string{"StatusCallbackEvent", "participant-join", "CallSid", legSID}},
		{name: "agent enters after the end", call: &taskrouter.Call{State: taskrouter.CallEnded, TaskSID: firstTask}, form: []string{"StatusCallbackEvent", "participant-join", "CallSid", legSID}},
		{name: "stranger enters", call: &waiting, form: []string{"StatusCallbackEvent", "participant-join", "CallSid", "CAstranger"}},
		{name: "unknown call", form: []string{"StatusCallbackEvent", "participant-join", "CallSid", legSID}},
		{name: "caller enters", call: &waiting, form: []string{"StatusCallbackEvent", "participant-join", "CallSid", callSID}},
		{name: "agent leaves", call: &waiting, form: []string{"StatusCallbackEvent", "participant-leave", "CallSid", legSID}},
		{name: "caller leaves a closed room", call: &waiting, form: []string{"StatusCallbackEvent", "participant-leave", "CallSid", callSID, "ParticipantCallStatus", "in-progress"}},
		{name: "caller leaves, nobody says why", call: &waiting, form: []string{"StatusCallbackEvent", "participant-leave", "CallSid", callSID}},
		{name: "caller hangs up, status", call: &waiting, form: []string{"StatusCallbackEvent", "participant-leave", "CallSid", callSID, "ParticipantCallStatus", "completed"}, ended: true},
		{name: "caller hangs up, reason", call: &waiting, form: []string{"StatusCallbackEvent", "participant-leave", "CallSid", callSID, "ReasonParticipantLeft", "participant_hung_up"}, ended: true},
		{name: "room ends", call: &waiting, form: []string{"StatusCallbackEvent", "conference-end"}},
		{name: "speech", call: &waiting, form: []string{"StatusCallbackEvent", "participant-speech-start", "CallSid", legSID}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(twoSteps)
			w.placeLeg(c.leg)
			if c.call != nil {
				w.placeCall(*c.call)
			}
			h := w.handler(voice.FlavourTwilio)
			form := with(map[string][]string{"ConferenceSid": {"CF1"}, "FriendlyName": {firstTask}}, c.form...)
			notify(t, h, room, form)
			require.Equal(t, c.joined, len(w.joined) == 1)
			require.Equal(t, c.ended, len(w.ended) == 1)
		})
	}
}

func TestSink(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		name   string
		event  voice.Event
		facts  []dispatch.LegReport
		ended  []string
		joined []string
	}{
		{
			name: "agent rings", event: voice.Event{Attempt: attempt, CallSID: legSID, State: voice.Ringing},
			facts: []dispatch.LegReport{{Attempt: attempt, Backend: "main", CallSID: legSID, State: taskrouter.LegRinging}},
		},
		{
			name: "agent's leg is over", event: voice.Event{Attempt: attempt, CallSID: legSID, State: voice.Ended, Cause: voice.EndLost},
			facts: []dispatch.LegReport{{Attempt: attempt, Backend: "main", CallSID: legSID, State: taskrouter.LegEnded, Cause: "lost"}},
		},
		{
			name: "agent's leg is over, nobody says why", event: voice.Event{Attempt: attempt, CallSID: legSID, State: voice.Ended},
			facts: []dispatch.LegReport{{Attempt: attempt, Backend: "main", CallSID: legSID, State: taskrouter.LegEnded, Cause: "failed"}},
		},
		{name: "agent joined", event: voice.Event{Attempt: attempt, CallSID: legSID, State: voice.Answered, Joined: &yes}, joined: []string{attempt}},
		{name: "unknown agent joined", event: voice.Event{Attempt: "WR9-9", CallSID: legSID, State: voice.Answered, Joined: &yes}},
		{name: "agent left the room", event: voice.Event{Attempt: attempt, CallSID: legSID, State: voice.Answered, Joined: &no}},
		{name: "caller still there", event: voice.Event{CallSID: callSID, State: voice.Answered}},
		{name: "caller left", event: voice.Event{CallSID: callSID, State: voice.Ended, Cause: voice.EndCompleted}, ended: []string{"hangup"}},
		{name: "caller lost", event: voice.Event{CallSID: callSID, State: voice.Ended, Cause: voice.EndLost}, ended: []string{"lost"}},
		{name: "unknown caller left", event: voice.Event{CallSID: "CAother", State: voice.Ended}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(twoSteps)
			w.placeCall(taskrouter.Call{State: taskrouter.CallWaiting, TaskSID: firstTask})
			w.placeLeg(taskrouter.Leg{})
			c.event.Backend = "main"
			s := &callqueue.Sink{Router: w, Records: w, AccountOf: func(_ context.Context, _, sid string) (string, error) {
				if sid == callSID {
					return account, nil
				}
				return "", nil
			}}
			require.NoError(t, s.VoiceEvent(t.Context(), c.event))
			require.NoError(t, s.VoiceEvent(t.Context(), c.event), "again")
			require.Equal(t, c.ended, w.ended)
			if len(c.facts) > 0 {
				require.Equal(t, c.facts, w.facts[:1])
			} else {
				require.Empty(t, w.facts)
			}
			if len(c.joined) > 0 {
				require.Equal(t, c.joined, w.joined[:1])
			} else {
				require.Empty(t, w.joined)
			}
		})
	}
}

func TestSinkOffersAgainWhatWasNotStored(t *testing.T) {
	w := newWorld(twoSteps)
	w.fail = taskrouter.Unavailable(nil, "store")
	s := &callqueue.Sink{Router: w, Records: w}
	for _, e := range []voice.Event{
		{Backend: "main", CallSID: callSID, State: voice.Ended},
		{Backend: "main", CallSID: legSID, Attempt: attempt, State: voice.Ringing},
	} {
		require.Error(t, s.VoiceEvent(t.Context(), e))
	}
	w.fail = nil
	require.NoError(t, s.VoiceEvent(t.Context(), voice.Event{Backend: "main", CallSID: callSID, State: voice.Ended}), "a call nobody knows")
}
