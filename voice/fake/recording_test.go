package fake_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

// recorded waits for a request to a document with this parameter.
func (s *stage) recorded(doc, name, value string) voicetest.Received {
	s.t.Helper()
	var got voicetest.Received
	require.NoError(s.t, s.r.Wait(s.ctx, func(rs []voicetest.Received, _ []voice.Event) bool {
		i := slices.IndexFunc(rs, func(r voicetest.Received) bool { return r.Path == "/doc/"+doc && r.Form.Get(name) == value })
		if i >= 0 {
			got = rs[i]
		}
		return i >= 0
	}))
	return got
}

// A leg is recorded from its answer to its end, and the end is reported.
func TestLegRecording(t *testing.T) {
	t.Parallel()
	for _, flavour := range []voice.Flavour{voice.FlavourTwilio, voice.FlavourRestcomm} {
		s := newStage(t, fake.Options{Emulate: flavour})
		doc := s.doc("agent", `<Pause length="600"/>`)
		sid := s.Originate(fake.Outgoing{
			From: "+15550100", To: "client:alice", URL: doc, StatusURL: s.doc("status", "<Pause/>"), StatusEvents: voice.StatusEvents(),
			Record: true, Recording: voice.Recording{Channels: "dual", StatusURL: s.doc("recorded", "<Pause/>"), StatusMethod: http.MethodGet},
		})[0]
		s.until(sid, func(c fake.CallSnapshot) bool { return c.State == voice.Ringing.String() })
		require.Empty(t, s.Recordings(), "nobody has answered")
		s.clock.Advance(10 * time.Second)
		require.NoError(t, s.Answer(sid))
		answered := s.clock.Now()
		running := s.Recordings()
		require.Len(t, running, 1)
		require.True(t, running[0].EndedAt.IsZero())
		s.clock.Advance(90 * time.Second)
		require.NoError(t, s.HangUp(sid))
		want := fake.Recording{
			SID: running[0].SID, Source: fake.RecordedLeg, CallSID: sid, Channels: 2,
			StartedAt: answered, EndedAt: answered.Add(90 * time.Second),
		}
		require.Equal(t, []fake.Recording{want}, s.Recordings())
		end := s.recorded("status", "CallStatus", "completed").Form
		require.Equal(t, want.SID, end.Get("RecordingSid"))
		require.Equal(t, "90", end.Get("RecordingDuration"))
		require.NotEmpty(t, end.Get("RecordingUrl"))
		if flavour == voice.FlavourRestcomm {
			continue // it reports no recordings
		}
		got := s.recorded("recorded", "RecordingSid", want.SID).Form
		require.Equal(t, []string{"completed", "90", "2", sid, end.Get("RecordingUrl")}, []string{
			got.Get("RecordingStatus"), got.Get("RecordingDuration"), got.Get("RecordingChannels"), got.Get("CallSid"), got.Get("RecordingUrl"),
		})
	}
}

// Nobody answered: there is nothing to record.
func TestNoRecordingWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.Auto("*", fake.Behaviour{Do: fake.PhoneBusy})
	sid := s.Originate(fake.Outgoing{To: "client:alice", URL: s.doc("agent", "<Pause/>"), Record: true})[0]
	s.untilOver(sid)
	require.Empty(t, s.Recordings())
}

// A room is recorded once, from the moment it has started, on behalf of the
// first who asks.
func TestRoomRecording(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.doc("recorded", "<Pause/>")
	s.doc("other", "<Pause/>")
	caller := s.call(s.doc("waiting", `<Dial><Conference startConferenceOnEnter="false" endConferenceOnExit="true" waitUrl="">R</Conference></Dial>`))
	s.until(caller, func(c fake.CallSnapshot) bool { return c.Room == "R" })
	late := s.call(s.doc("silent", `<Dial><Conference startConferenceOnEnter="false" waitUrl="" record="record-from-start"
		recordingStatusCallback="recorded">R</Conference></Dial>`))
	s.until(late, func(c fake.CallSnapshot) bool { return c.Room == "R" })
	require.Empty(t, s.Recordings(), "the room has not started")
	s.clock.Advance(time.Minute)
	started := s.clock.Now()
	agent := s.call(s.doc("agent", `<Dial><Conference record="record-from-start" recordingStatusCallback="other">R</Conference></Dial>`))
	s.until(agent, func(c fake.CallSnapshot) bool { return c.Bridged })
	s.clock.Advance(time.Minute)
	require.NoError(t, s.HangUp(caller))
	got := s.Recordings()
	require.Len(t, got, 1)
	require.Equal(t, fake.Recording{
		SID: got[0].SID, Source: fake.RecordedRoom, Room: "R", ConferenceSID: s.Rooms("R")[0].SID, Channels: 1,
		StartedAt: started, EndedAt: started.Add(time.Minute),
	}, got[0])
}

// A Dial that records says so to its action.
func TestDialRecording(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{Emulate: voice.FlavourRestcomm})
	sid := s.call(s.doc("agent", `<Dial action="over" record="true"><Conference waitUrl="">R</Conference></Dial>`))
	s.doc("over", `<Pause length="600"/>`)
	s.until(sid, func(c fake.CallSnapshot) bool { return c.Room == "R" })
	s.clock.Advance(7 * time.Second)
	require.NoError(t, s.Kick("R", sid))
	over := s.request("over", 1).Form
	got := s.Recordings()
	require.Len(t, got, 1)
	require.Equal(t, []string{fake.RecordedDial, sid}, []string{got[0].Source, got[0].CallSID})
	require.Equal(t, 7*time.Second, got[0].EndedAt.Sub(got[0].StartedAt))
	require.Equal(t, got[0].SID, over.Get("RecordingSid"))
	require.NotEmpty(t, over.Get("PublicRecordingUrl"))
}

// Changes of a participant are reported by the event they were asked for.
func TestMuteAndHoldCallbacks(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.doc("events", "<Pause/>")
	sid := s.call(s.doc("c", `<Dial><Conference statusCallback="events" statusCallbackEvent="mute hold">R</Conference></Dial>`))
	s.until(sid, func(c fake.CallSnapshot) bool { return c.Room == "R" })
	for _, on := range []bool{true, false} {
		require.NoError(t, s.SetMuted("R", sid, on))
		require.NoError(t, s.SetHeld("R", sid, on))
	}
	for _, word := range []string{"participant-mute", "participant-unmute", "participant-hold", "participant-unhold"} {
		require.Equal(t, sid, s.recorded("events", "StatusCallbackEvent", word).Form.Get("CallSid"))
	}
}
