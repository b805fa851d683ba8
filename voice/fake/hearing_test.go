package fake_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

// Who hears whom with a third one in the room.
func TestThirdInTheRoom(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		emulate    voice.Flavour
		attributes string
		coach      bool
		// Who hears the third one, whether that one is bridged with anybody.
		caller, agent, bridged bool
	}{
		"muted":                          {attributes: `muted="true"`},
		"coach":                          {coach: true, agent: true, bridged: true},
		"coach and muted":                {coach: true, attributes: `muted="true"`},
		"neither":                        {caller: true, agent: true, bridged: true},
		"a platform that cannot whisper": {emulate: voice.FlavourRestcomm, coach: true, caller: true, agent: true, bridged: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, fake.Options{Emulate: row.emulate})
			s.doc("events", ``)
			caller := s.call(s.doc("waiting", `<Dial><Conference startConferenceOnEnter="false" waitUrl=""
				statusCallback="events" statusCallbackEvent="join leave">R</Conference></Dial>`))
			s.until(caller, func(c fake.CallSnapshot) bool { return c.Room == "R" })
			agent := s.call(s.doc("agent", `<Dial><Conference waitUrl="">R</Conference></Dial>`))
			s.until(agent, func(c fake.CallSnapshot) bool { return c.Bridged })
			attributes := row.attributes
			if row.coach {
				attributes += ` coach="` + agent + `"`
			}
			third := s.call(s.doc("third", `<Dial><Conference startConferenceOnEnter="false" waitUrl="" `+attributes+`>R</Conference></Dial>`))
			c := s.until(third, func(c fake.CallSnapshot) bool { return c.Room == "R" })
			require.Equal(t, []string{caller, agent}, c.Hears, "a third one hears everybody")
			require.Equal(t, row.bridged, c.Bridged)
			hears := func(sid, other string) bool {
				c, ok := s.Call(sid)
				require.True(t, ok)
				return slices.Contains(c.Hears, other)
			}
			require.Equal(t, row.caller, hears(caller, third))
			require.Equal(t, row.agent, hears(agent, third))
			require.True(t, hears(caller, agent))
			require.True(t, hears(agent, caller))
			coaching := row.coach && row.emulate != voice.FlavourRestcomm
			for _, p := range s.Rooms("R")[0].Participants {
				want := ""
				if p.CallSID == third && coaching {
					want = agent
				}
				require.Equal(t, want, p.Coaches)
			}
			if row.emulate == voice.FlavourRestcomm {
				return // nothing is reported about rooms
			}
			require.NoError(t, s.r.Wait(s.ctx, func(rs []voicetest.Received, _ []voice.Event) bool {
				return slices.ContainsFunc(rs, func(r voicetest.Received) bool {
					return r.Form.Get("StatusCallbackEvent") == "participant-join" && r.Form.Get("CallSid") == third &&
						(r.Form.Get("Coaching") == "true") == coaching
				})
			}))
			// Whoever whispers to somebody who has left is heard by nobody.
			require.NoError(t, s.Kick("R", agent))
			s.until(caller, func(c fake.CallSnapshot) bool { return !slices.Contains(c.Peers, agent) })
			require.Equal(t, row.caller, hears(caller, third))
		})
	}
}

// Who is to coach somebody who is not in the room does not get in.
func TestCoachOfNobody(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	coach := s.doc("coach", `<Dial><Conference coach="CA0">R</Conference></Dial><Say>alone</Say>`)
	s.untilHeard(s.call(coach), "alone")
	require.Empty(t, s.Rooms("R"), "no room comes of it")
	other := s.call(s.doc("other", `<Dial><Conference waitUrl="">R</Conference></Dial>`))
	s.until(other, func(c fake.CallSnapshot) bool { return c.Room == "R" })
	s.untilHeard(s.call(coach), "alone")
}
