package fake_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

// stage is a network whose documents are set by the test and whose clock stands
// still.
type stage struct {
	*fake.Network
	t     *testing.T
	ctx   context.Context
	r     *voicetest.Receiver
	clock *voicetest.Clock
}

func newStage(t *testing.T, o fake.Options) *stage {
	t.Helper()
	r := voicetest.NewReceiver("fake", "http://router.test", nil)
	clock := voicetest.NewClock(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	o.Fetcher, o.Clock = fake.HandlerFetcher(r), clock
	n := fake.NewNetwork(o)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(func() { cancel(); n.Close() })
	return &stage{Network: n, t: t, ctx: ctx, r: r, clock: clock}
}

// doc sets a document; its address is /doc/{name}.
func (s *stage) doc(name, verbs string) string {
	return s.r.Serve(name, "<Response>"+verbs+"</Response>")
}

func (s *stage) call(voiceURL string) string {
	return s.PlaceCall("+15550001", "+15550100", voiceURL, s.r.URL("/number"))
}

func (s *stage) until(sid string, holds func(fake.CallSnapshot) bool) fake.CallSnapshot {
	s.t.Helper()
	c, err := s.WaitCall(s.ctx, sid, holds)
	require.NoError(s.t, err, "%+v", c)
	return c
}

func (s *stage) untilHeard(sid, text string) fake.CallSnapshot {
	s.t.Helper()
	return s.until(sid, func(c fake.CallSnapshot) bool { return c.Heard(text) })
}

func (s *stage) untilOver(sid string) fake.CallSnapshot {
	s.t.Helper()
	return s.until(sid, func(c fake.CallSnapshot) bool { return !c.Live() })
}

// child waits for the leg a Dial started towards a target.
func (s *stage) child(to, state string) fake.CallSnapshot {
	s.t.Helper()
	var got fake.CallSnapshot
	require.NoError(s.t, s.Wait(s.ctx, func(calls []fake.CallSnapshot) bool {
		i := slices.IndexFunc(calls, func(c fake.CallSnapshot) bool { return c.To == to && c.State == state })
		if i >= 0 {
			got = calls[i]
		}
		return i >= 0
	}))
	return got
}

// pass moves the clock once the network waits for it.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.clock.Waiting() > 0 }, 30*time.Second, time.Millisecond)
	s.clock.Advance(d)
}

// request waits for a request to a document.
func (s *stage) request(doc string, nth int) voicetest.Received {
	s.t.Helper()
	var got voicetest.Received
	require.NoError(s.t, s.r.Wait(s.ctx, func(requests []voicetest.Received, _ []voice.Event) bool {
		n := 0
		for _, r := range requests {
			if r.Path == "/doc/"+doc {
				if n++; n == nth {
					got = r
					return true
				}
			}
		}
		return false
	}))
	return got
}

func TestMenu(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	entry := s.doc("entry", `<Gather numDigits="1" timeout="5" action="department"><Say>press 1 or 2</Say></Gather>
		<Redirect>entry</Redirect>`)
	s.doc("department", `<Gather numDigits="4" finishOnKey="#" timeout="5" action="code"><Say>your code</Say></Gather>`)
	s.doc("code", `<Say>thank you</Say>`)

	sid := s.call(entry)
	c := s.until(sid, func(c fake.CallSnapshot) bool { return c.Listening })
	require.Equal(t, "answered", c.State)
	s.untilHeard(sid, "press 1 or 2")
	require.Equal(t, "ringing", s.request("entry", 1).Form.Get("CallStatus"))

	// Silence leads back to the entry.
	s.pass(5 * time.Second)
	require.Equal(t, "in-progress", s.request("entry", 2).Form.Get("CallStatus"))
	s.until(sid, func(c fake.CallSnapshot) bool { return c.Listening })
	require.Error(t, s.Press(sid, "x"))
	require.NoError(t, s.Press(sid, "2"))
	require.Equal(t, "2", s.request("department", 1).Form.Get("Digits"))

	s.until(sid, func(c fake.CallSnapshot) bool { return c.Listening && c.Prompt == "your code" })
	require.NoError(t, s.Press(sid, "4"))
	require.NoError(t, s.Press(sid, "2#9"))
	r := s.request("code", 1)
	require.Equal(t, "42", r.Form.Get("Digits"))
	require.Equal(t, "#", r.Form.Get("FinishedOnKey"))
	c = s.untilOver(sid)
	require.Equal(t, voice.EndCompleted, c.Cause)
	require.Equal(t, voice.BySystem, c.EndedBy)
	require.True(t, c.Heard("thank you"))
	require.ErrorIs(t, s.Press(sid, "1"), fake.ErrNotListening)
	require.ErrorIs(t, s.Press("CA0", "1"), fake.ErrUnknownCall)
}

// The timeout of a Gather runs from the last key.
func TestGatherTimeoutRestartsWithEachKey(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	entry := s.doc("entry", `<Gather timeout="5" action="digits"/>`)
	s.doc("digits", `<Pause length="600"/>`)
	sid := s.call(entry)
	for _, key := range []string{"1", "2", "3"} {
		s.until(sid, func(c fake.CallSnapshot) bool { return c.Listening })
		s.pass(4 * time.Second)
		require.NoError(t, s.Press(sid, key))
	}
	s.pass(4 * time.Second)
	s.pass(time.Second)
	require.Equal(t, "123", s.request("digits", 1).Form.Get("Digits"))
}

func TestGatherWithoutAction(t *testing.T) {
	t.Parallel()
	for flavour, repeats := range map[voice.Flavour]bool{voice.FlavourTwilio: true, voice.FlavourRestcomm: false} {
		s := newStage(t, fake.Options{Emulate: flavour})
		sid := s.call(s.doc("entry", `<Gather numDigits="1"/><Say>next</Say><Pause length="600"/>`))
		s.until(sid, func(c fake.CallSnapshot) bool { return c.Listening })
		require.NoError(t, s.Press(sid, "7"))
		if repeats {
			require.Equal(t, "7", s.request("entry", 2).Form.Get("Digits"))
		} else {
			s.untilHeard(sid, "next")
		}
	}
}

func TestReject(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	c := s.untilOver(s.call(s.doc("busy", `<Reject reason="busy"/>`)))
	require.Equal(t, voice.EndBusy, c.Cause)
	require.True(t, c.AnsweredAt.IsZero())
}

func TestFallback(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	sid := s.PlaceCallWith(fake.Inbound{
		From: "+15550001", To: "+15550100", VoiceURL: s.r.URL("/doc/missing"), FallbackURL: s.doc("sorry", `<Say>sorry</Say>`),
	})
	s.untilOver(sid)
	r := s.request("sorry", 1)
	require.Equal(t, "11200", r.Form.Get("ErrorCode"))
	require.Equal(t, s.r.URL("/doc/missing"), r.Form.Get("ErrorUrl"))

	sid = s.PlaceCallWith(fake.Inbound{VoiceURL: s.r.Serve("broken", `<Response><Say>unclosed</Response>`), FallbackURL: s.r.URL("/doc/sorry")})
	s.untilOver(sid)
	require.Equal(t, "12100", s.request("sorry", 2).Form.Get("ErrorCode"))

	// Without a fallback the call fails.
	require.Equal(t, voice.EndFailed, s.untilOver(s.call(s.r.URL("/doc/missing"))).Cause)
}

func TestMarkupThatRunsInCircles(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.untilOver(s.call(s.doc("round", `<Redirect>round</Redirect>`)))
}

func TestRingTimeout(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	sid := s.Originate(fake.Outgoing{
		From: "+15550100", To: "client:alice", URL: s.r.URL("/doc/x"), Timeout: 20 * time.Second,
	})[0]
	s.until(sid, func(c fake.CallSnapshot) bool { return c.State == "ringing" })
	s.pass(19 * time.Second)
	c, _ := s.Call(sid)
	require.Equal(t, "ringing", c.State)
	s.pass(time.Second)
	require.Equal(t, voice.EndNoAnswer, s.untilOver(sid).Cause)
}

func TestPhonesByPattern(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.Auto("*", fake.Behaviour{Do: fake.PhoneBusy})
	s.Auto("client:a*", fake.Behaviour{Do: fake.PhoneAnswer, After: 3 * time.Second, HangUpAfter: 10 * time.Second})
	out := fake.Outgoing{From: "+15550100", URL: s.doc("talk", `<Pause length="600"/>`)}
	out.To = "+15550007"
	require.Equal(t, voice.EndBusy, s.untilOver(s.Originate(out)[0]).Cause)
	out.To = "client:alice?x=1"
	sid := s.Originate(out)[0]
	s.until(sid, func(c fake.CallSnapshot) bool { return c.State == "ringing" })
	s.pass(3 * time.Second)
	s.until(sid, func(c fake.CallSnapshot) bool { return c.State == "answered" })
	s.request("talk", 1)
	require.Eventually(t, func() bool { return s.clock.Waiting() == 2 }, 30*time.Second, time.Millisecond)
	s.pass(10 * time.Second)
	c := s.untilOver(sid)
	require.Equal(t, voice.EndCompleted, c.Cause)
	require.Equal(t, voice.ByRemote, c.EndedBy)
}

func TestConferenceFlags(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.doc("music", `<Play>tune.wav</Play>`)
	s.doc("ended", `<Say>goodbye</Say>`)
	waiting := s.doc("waiting", `<Dial action="ended"><Conference startConferenceOnEnter="false"
		endConferenceOnExit="true" waitUrl="music">R</Conference></Dial>`)
	agent := s.doc("agent", `<Dial action="ended"><Conference startConferenceOnEnter="true" waitUrl="">R</Conference></Dial>`)

	caller := s.call(waiting)
	c := s.untilHeard(caller, "http://router.test/doc/tune.wav")
	require.Equal(t, "R", c.Room)
	require.False(t, c.RoomStarted)
	require.False(t, c.Bridged)
	// The wait document is asked for again after a while.
	s.pass(30 * time.Second)
	s.request("music", 2)

	worker := s.call(agent)
	c = s.until(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	require.Equal(t, []string{worker}, c.Peers)
	require.Empty(t, c.Prompt)

	// The agent leaves, the room goes on; the agent's own action runs.
	require.NoError(t, s.Kick("R", worker))
	s.untilHeard(worker, "goodbye")
	c = s.until(caller, func(c fake.CallSnapshot) bool { return !c.Bridged })
	require.Equal(t, "R", c.Room)

	// A second agent; the caller leaves and takes the room along.
	worker = s.call(agent)
	s.until(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	require.NoError(t, s.HangUp(caller))
	s.untilHeard(worker, "goodbye")
	over := s.Rooms("R")
	require.Len(t, over, 1)
	require.True(t, over[0].Over)
	// A caller who hung up still reports the end of the Dial.
	require.NoError(t, s.r.Wait(s.ctx, func(rs []voicetest.Received, _ []voice.Event) bool {
		return slices.ContainsFunc(rs, func(r voicetest.Received) bool {
			return r.Path == "/doc/ended" && r.Form.Get("CallSid") == caller &&
				r.Form.Get("CallStatus") == "completed" && r.Form.Get("DialCallStatus") == "answered"
		})
	}))
}

func TestConferenceCallbacks(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.doc("events", ``)
	sid := s.call(s.doc("c", `<Dial><Conference statusCallback="events" statusCallbackEvent="start end join leave">R</Conference></Dial>`))
	s.until(sid, func(c fake.CallSnapshot) bool { return c.Room == "R" })
	require.NoError(t, s.HangUp(sid))
	seen := func(want string) {
		require.NoError(t, s.r.Wait(s.ctx, func(rs []voicetest.Received, _ []voice.Event) bool {
			return slices.ContainsFunc(rs, func(r voicetest.Received) bool {
				return r.Form.Get("StatusCallbackEvent") == want && r.Form.Get("FriendlyName") == "R" && r.Form.Get("CallSid") == sid
			})
		}), want)
	}
	seen("participant-join")
	seen("participant-leave")
}

func TestMaxParticipants(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	room := s.doc("c", `<Dial><Conference maxParticipants="1">R</Conference></Dial><Say>full</Say>`)
	first := s.call(room)
	s.until(first, func(c fake.CallSnapshot) bool { return c.Room == "R" })
	s.untilHeard(s.call(room), "full")
}

func TestDialPhones(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.doc("done", `<Say>over</Say><Pause length="600"/>`)
	dial := s.doc("dial", `<Dial action="done" timeout="10" callerId="+15550100"><Client>alice</Client><Number>+15550007</Number></Dial>`)

	// The first to answer talks, the other stops ringing.
	caller := s.call(dial)
	alice := s.child("client:alice", "ringing")
	other := s.child("+15550007", "ringing")
	require.Equal(t, caller, alice.ParentSID)
	require.Equal(t, voice.OutboundDial, alice.Direction)
	require.Equal(t, "+15550100", alice.From)
	require.NoError(t, s.Answer(alice.CallSID))
	c := s.until(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	require.Equal(t, []string{alice.CallSID}, c.Peers)
	require.Equal(t, voice.EndCanceled, s.untilOver(other.CallSID).Cause)
	s.clock.Advance(7 * time.Second)
	require.NoError(t, s.HangUp(alice.CallSID))
	r := s.request("done", 1)
	require.Equal(t, "completed", r.Form.Get("DialCallStatus"))
	require.Equal(t, alice.CallSID, r.Form.Get("DialCallSid"))
	require.Equal(t, "7", r.Form.Get("DialCallDuration"))
	require.True(t, *r.Request.Dial.Bridged)
	s.untilHeard(caller, "over")

	// Nobody answers.
	s.call(dial)
	s.child("client:alice", "ringing")
	s.child("+15550007", "ringing")
	require.Eventually(t, func() bool { return s.clock.Waiting() >= 4 }, 30*time.Second, time.Millisecond)
	s.clock.Advance(10 * time.Second)
	require.Equal(t, "no-answer", s.request("done", 2).Form.Get("DialCallStatus"))

	// Everybody is busy.
	s.Auto("*", fake.Behaviour{Do: fake.PhoneBusy})
	s.call(dial)
	require.Equal(t, "busy", s.request("done", 3).Form.Get("DialCallStatus"))
}

func TestDialEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	caller := s.call(s.doc("dial", `<Dial><Sip>sip:bob@example.com</Sip></Dial>`))
	ringing := s.child("sip:bob@example.com", "ringing")
	require.NoError(t, s.HangUp(caller))
	require.Equal(t, voice.EndCanceled, s.untilOver(ringing.CallSID).Cause)

	caller = s.call(s.r.URL("/doc/dial"))
	ringing = s.child("sip:bob@example.com", "ringing")
	require.NoError(t, s.Answer(ringing.CallSID))
	s.until(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	require.NoError(t, s.HangUp(caller))
	require.Equal(t, voice.EndCompleted, s.untilOver(ringing.CallSID).Cause)
}

// The private document of a dialled party may refuse the call.
func TestWhisper(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.Auto("client:*", fake.Behaviour{Do: fake.PhoneAnswer})
	s.doc("private", `<Gather numDigits="1" action="choice"><Say>1 to accept</Say></Gather><Hangup/>`)
	s.doc("choice", ``)
	s.doc("done", `<Pause length="600"/>`)
	caller := s.call(s.doc("dial", `<Dial action="done"><Client url="private">alice</Client></Dial>`))
	alice := s.child("client:alice", "answered")
	s.until(alice.CallSID, func(c fake.CallSnapshot) bool { return c.Listening && c.Prompt == "1 to accept" })
	c, _ := s.Call(caller)
	require.False(t, c.Bridged)
	require.NoError(t, s.Press(alice.CallSID, "1"))
	s.until(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	require.NoError(t, s.HangUp(alice.CallSID))
	require.Equal(t, "completed", s.request("done", 1).Form.Get("DialCallStatus"))

	s.doc("private", `<Hangup/>`)
	s.call(s.r.URL("/doc/dial"))
	require.Equal(t, "no-answer", s.request("done", 2).Form.Get("DialCallStatus"))
}

func TestQueue(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.doc("hold", `<Gather numDigits="1" timeout="5" action="left"><Say>please wait</Say></Gather>`)
	s.doc("left", `<Leave/>`)
	s.doc("after", `<Say>after</Say><Pause length="600"/>`)
	enqueue := s.doc("enqueue", `<Enqueue action="after" waitUrl="hold">WT1</Enqueue>`)
	dequeue := s.doc("dequeue", `<Dial timeout="10"><Queue>WT1</Queue></Dial>`)

	caller := s.call(enqueue)
	c := s.until(caller, func(c fake.CallSnapshot) bool { return c.Listening })
	require.Equal(t, "WT1", c.Queue)
	require.Equal(t, "1", s.request("hold", 1).Form.Get("QueuePosition"))
	agent := s.call(dequeue)
	c = s.until(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	require.Equal(t, []string{agent}, c.Peers)
	require.NoError(t, s.HangUp(agent))
	require.Equal(t, "bridged", s.request("after", 1).Form.Get("QueueResult"))
	s.untilHeard(caller, "after")

	// Leaving by key.
	caller = s.call(enqueue)
	s.until(caller, func(c fake.CallSnapshot) bool { return c.Listening })
	require.NoError(t, s.Press(caller, "1"))
	require.Equal(t, "leave", s.request("after", 2).Form.Get("QueueResult"))

	// Hanging up.
	caller = s.call(enqueue)
	s.until(caller, func(c fake.CallSnapshot) bool { return c.Listening })
	require.NoError(t, s.HangUp(caller))
	require.Equal(t, "hangup", s.request("after", 3).Form.Get("QueueResult"))

	// Taken out by a redirect.
	caller = s.call(enqueue)
	s.until(caller, func(c fake.CallSnapshot) bool { return c.Listening })
	require.NoError(t, s.Move(caller, s.doc("moved", `<Say>moved</Say>`), ""))
	s.untilHeard(caller, "moved")
	require.Equal(t, "redirected", s.request("after", 4).Form.Get("QueueResult"))

	// An agent who waits for a call.
	agent = s.call(dequeue)
	s.until(agent, func(c fake.CallSnapshot) bool { return c.State == "answered" })
	caller = s.call(enqueue)
	s.until(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
}

func TestRequestsAreSigned(t *testing.T) {
	t.Parallel()
	sign := func(u string, form url.Values) string { return u + "|" + form.Get("CallSid") }
	s := newStage(t, fake.Options{Sign: sign})
	sid := s.call(s.doc("entry", `<Gather numDigits="1" method="GET" action="get?own=1"/>`))
	s.doc("get", ``)
	require.Equal(t, s.r.URL("/doc/entry")+"|"+sid, s.request("entry", 1).Header.Get("X-Twilio-Signature"))
	s.until(sid, func(c fake.CallSnapshot) bool { return c.Listening })
	require.NoError(t, s.Press(sid, "1"))
	got := s.request("get", 1)
	require.Equal(t, "1", got.Form.Get("own"), "our own query survives")
	require.Contains(t, got.Header.Get("X-Twilio-Signature"), "own=1")
	require.True(t, strings.HasSuffix(got.Header.Get("X-Twilio-Signature"), "|"), "the form of a GET is in the URL")
}

func TestRestcommParameters(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{Emulate: voice.FlavourRestcomm})
	sid := s.call(s.doc("entry", `<Gather numDigits="1" method="GET" action="get?own=1"/>`))
	s.doc("get", ``)
	r := s.request("entry", 1)
	require.Regexp(t, `^ID[0-9a-f]{32}-CA[0-9a-f]{32}$`, sid)
	require.Equal(t, "2012-04-24", r.Form.Get("ApiVersion"))
	require.Equal(t, "null", r.Form.Get("CallerName"))
	require.Empty(t, r.Request.CallerName)
	require.Equal(t, voice.FlavourRestcomm, r.Request.Flavour)
	s.until(sid, func(c fake.CallSnapshot) bool { return c.Listening })
	require.NoError(t, s.Press(sid, "1"))
	require.Empty(t, s.request("get", 1).Form.Get("own"), "GET replaces our query")

	// Its numbers report every state, in the real word.
	var states []voice.LegState
	require.NoError(t, s.r.Wait(s.ctx, func(_ []voicetest.Received, events []voice.Event) bool {
		states = states[:0]
		for _, e := range events {
			states = append(states, e.State)
		}
		return len(events) == 3
	}))
	require.Equal(t, []voice.LegState{voice.Ringing, voice.Answered, voice.Ended}, states)
}

func TestVanishedLeg(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	sid := s.call(s.doc("x", `<Say>hello</Say><Pause length="600"/>`))
	s.until(sid, func(c fake.CallSnapshot) bool { return c.State == "answered" })
	require.NoError(t, s.Vanish(sid))
	_, ok := s.Call(sid)
	require.False(t, ok)
	require.Empty(t, s.r.Events())
}

func TestEndedCallsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{KeepEnded: 10})
	live := s.call(s.doc("x", `<Pause length="600"/>`))
	for range 50 {
		require.NoError(t, s.HangUp(s.call(s.r.URL("/doc/x"))))
	}
	require.LessOrEqual(t, len(s.Calls()), 21)
	_, ok := s.Call(live)
	require.True(t, ok)
}

// Close returns when nothing runs any more, whatever a leg was doing.
func TestClose(t *testing.T) {
	t.Parallel()
	blocked := make(chan struct{})
	fetched := make(chan struct{}, 1)
	hang := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fetched <- struct{}{}
		<-r.Context().Done()
		close(blocked)
	})
	n := fake.NewNetwork(fake.Options{Fetcher: fake.HandlerFetcher(hang)})
	n.PlaceCall("+15550001", "+15550100", "http://router.test/", "http://router.test/")
	<-fetched
	n.Originate(fake.Outgoing{From: "+15550100", To: "client:alice", URL: "http://router.test/"})
	n.Close()
	<-blocked
	n.Close()
	for _, c := range n.Calls() {
		require.False(t, c.Live())
	}
	require.Empty(t, n.Originate(fake.Outgoing{To: "client:bob"}))
	sid := n.PlaceCall("+15550001", "+15550100", "http://router.test/", "")
	c, _ := n.Call(sid)
	require.False(t, c.Live())
}

// A wait document cannot take a caller out of a conference.
func TestLeaveInAConference(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	s.doc("music", `<Say>hold on</Say><Leave/>`)
	caller := s.call(s.doc("c", `<Dial><Conference startConferenceOnEnter="false" waitUrl="music">R</Conference></Dial>`))
	s.untilHeard(caller, "hold on")
	other := s.call(s.doc("d", `<Dial><Conference waitUrl="">R</Conference></Dial>`))
	s.until(other, func(c fake.CallSnapshot) bool { return c.Bridged })
}

// A redirect ordered while the last document comes to its end is not lost.
func TestMoveAtTheEndOfADocument(t *testing.T) {
	t.Parallel()
	s := newStage(t, fake.Options{})
	moved := s.doc("moved", `<Say>moved</Say><Pause length="600"/>`)
	entry := s.doc("entry", `<Dial><Conference waitUrl="">R</Conference></Dial>`)
	for range 200 {
		sid := s.call(entry)
		s.until(sid, func(c fake.CallSnapshot) bool { return c.Room == "R" })
		require.NoError(t, s.Move(sid, moved, ""))
		s.untilHeard(sid, "moved")
	}
}
