package voicetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
)

// patience bounds every wait of the suite.
const patience = 20 * time.Second

// Harness is one back-end under test, joined to a fake telephone network whose
// webhooks reach the receiver.
type Harness struct {
	Backend  voice.Backend
	Network  *fake.Network
	Receiver *Receiver
	// CanHold tells that Hold is supported.
	CanHold bool
}

// Run checks that a back-end keeps the promises of voice.Backend. The harness is
// made anew for every case.
func Run(t *testing.T, newHarness func(t *testing.T) *Harness) {
	t.Helper()
	cases := []struct {
		name string
		run  func(t *testing.T, h *Harness)
	}{
		{"dial joins the waiting caller", dialJoins},
		{"a repeated dial rings nobody", dialRepeated},
		{"concurrent dials of one attempt ring once", dialConcurrent},
		{"causes of an end", endCauses},
		{"hang up in every state", hangups},
		{"hang up an attempt", hangupAttempt},
		{"one of several devices", severalDevices},
		{"redirect a live leg", redirects},
		{"redirect a leg that is gone", redirectGone},
		{"inspect", inspects},
		{"live legs", liveLegs},
		{"mute and hold", muteAndHold},
		{"progress arrives as events", progress},
		{"record a leg", recordsLeg},
		{"the poller finds what callbacks lost", pollerFinds},
		{"point a number at us", configuresNumber},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, newHarness(t))
		})
	}
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// waitingCaller places a call that waits in a room.
func (h *Harness) waitingCaller(ctx context.Context, t *testing.T, room string) string {
	t.Helper()
	sid := h.Network.PlaceCall("+15550001", "+15550100", h.Receiver.URL("/caller/"+room), h.Receiver.URL("/number"))
	_, err := h.Network.WaitCall(ctx, sid, func(c fake.CallSnapshot) bool { return c.Room == room })
	require.NoError(t, err)
	return sid
}

func (h *Harness) waitState(ctx context.Context, t *testing.T, sid string, s voice.LegState) fake.CallSnapshot {
	t.Helper()
	c, err := h.Network.WaitCall(ctx, sid, func(c fake.CallSnapshot) bool { return c.State == s.String() })
	require.NoError(t, err, "call is %s, want %s", c.State, s)
	return c
}

// waitBridged waits until a leg talks to another one.
func (h *Harness) waitBridged(ctx context.Context, t *testing.T, sid string) {
	t.Helper()
	_, err := h.Network.WaitCall(ctx, sid, func(c fake.CallSnapshot) bool { return c.Bridged })
	require.NoError(t, err)
}

// legsTo lists the legs that were placed towards a target.
func (h *Harness) legsTo(to string) []fake.CallSnapshot {
	return slices.DeleteFunc(h.Network.Calls(), func(c fake.CallSnapshot) bool { return c.To != to })
}

func dialJoins(t *testing.T, h *Harness) {
	ctx := testContext(t)
	h.Network.Auto("client:*", fake.Behaviour{Do: fake.PhoneAnswer})
	caller := h.waitingCaller(ctx, t, "WTjoin")
	before, err := h.Backend.Participants(ctx, "WTjoin")
	require.NoError(t, err)
	require.Equal(t, []string{caller}, before)

	res, err := h.Backend.Dial(ctx, h.Receiver.DialRequest("WR1-1", "client:alice", "WTjoin"))
	require.NoError(t, err)
	require.Equal(t, voice.OutcomePlaced, res.Outcome)
	require.Len(t, res.CallSIDs, 1)
	h.waitBridged(ctx, t, caller)
	in, err := h.Backend.Participants(ctx, "WTjoin")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{caller, res.CallSIDs[0]}, in)

	require.NoError(t, h.Network.HangUp(caller))
	h.waitState(ctx, t, res.CallSIDs[0], voice.Ended)
	in, err = h.Backend.Participants(ctx, "WTjoin")
	require.NoError(t, err)
	require.Empty(t, in)
	none, err := h.Backend.Participants(ctx, "WTnever")
	require.NoError(t, err)
	require.Empty(t, none)
}

func dialRepeated(t *testing.T, h *Harness) {
	ctx := testContext(t)
	req := h.Receiver.DialRequest("WR2-1", "client:bob", "WTrep")
	first, err := h.Backend.Dial(ctx, req)
	require.NoError(t, err)
	again, err := h.Backend.Dial(ctx, req)
	require.NoError(t, err)
	require.Equal(t, first.CallSIDs, again.CallSIDs)
	require.Equal(t, voice.OutcomeRepeated, again.Outcome)
	require.Len(t, h.legsTo("client:bob"), 1)

	other, err := h.Backend.Dial(ctx, h.Receiver.DialRequest("WR2-2", "client:bob", "WTrep"))
	require.NoError(t, err)
	require.NotEqual(t, first.CallSIDs, other.CallSIDs)
}

func dialConcurrent(t *testing.T, h *Harness) {
	ctx := testContext(t)
	req := h.Receiver.DialRequest("WR3-1", "client:carol", "WTconc")
	type answer struct {
		res voice.DialResult
		err error
	}
	answers := make(chan answer)
	for range 8 {
		go func() {
			res, err := h.Backend.Dial(ctx, req)
			answers <- answer{res, err}
		}()
	}
	var sids []string
	for range 8 {
		a := <-answers
		require.NoError(t, a.err)
		if sids == nil {
			sids = a.res.CallSIDs
		}
		require.Equal(t, sids, a.res.CallSIDs)
	}
	require.Len(t, h.legsTo("client:carol"), 1)
}

func endCauses(t *testing.T, h *Harness) {
	ctx := testContext(t)
	cases := []struct {
		to   string
		does fake.Behaviour
		want voice.EndCause
	}{
		{"client:busy", fake.Behaviour{Do: fake.PhoneBusy}, voice.EndBusy},
		{"client:reject", fake.Behaviour{Do: fake.PhoneReject}, voice.EndBusy},
		{"client:out", fake.Behaviour{Do: fake.PhoneNoAnswer}, voice.EndNoAnswer},
		{"client:fail", fake.Behaviour{Do: fake.PhoneFail}, voice.EndFailed},
	}
	for _, c := range cases {
		h.Network.Auto(c.to, c.does)
		req := h.Receiver.DialRequest("WRcause-"+string(c.does.Do), c.to, "WTcause")
		req.Timeout = time.Second
		res, err := h.Backend.Dial(ctx, req)
		require.NoError(t, err, c.to)
		h.waitState(ctx, t, res.CallSIDs[0], voice.Ended)
		leg, err := h.Backend.Inspect(ctx, res.CallSIDs[0])
		require.NoError(t, err)
		require.Equal(t, voice.Ended, leg.State, c.to)
		require.Equal(t, c.want, leg.Cause, c.to)
	}
}

func hangups(t *testing.T, h *Harness) {
	ctx := testContext(t)
	// Ringing: canceled.
	res, err := h.Backend.Dial(ctx, h.Receiver.DialRequest("WR4-1", "client:dave", "WThang"))
	require.NoError(t, err)
	h.waitState(ctx, t, res.CallSIDs[0], voice.Ringing)
	ref := voice.CallRef{CallSID: res.CallSIDs[0], Attempt: "WR4-1", State: voice.Ringing}
	require.NoError(t, h.Backend.Hangup(ctx, ref, voice.HangupCallerLeft))
	require.Equal(t, voice.EndCanceled, h.waitState(ctx, t, ref.CallSID, voice.Ended).Cause)
	require.NoError(t, h.Backend.Hangup(ctx, ref, voice.HangupCallerLeft), "a second time")

	// Answered, though we still believe it rings.
	h.Network.Auto("client:dave", fake.Behaviour{Do: fake.PhoneAnswer})
	h.waitingCaller(ctx, t, "WThang")
	res, err = h.Backend.Dial(ctx, h.Receiver.DialRequest("WR4-2", "client:dave", "WThang"))
	require.NoError(t, err)
	h.waitState(ctx, t, res.CallSIDs[0], voice.Answered)
	ref = voice.CallRef{CallSID: res.CallSIDs[0], State: voice.Ringing}
	require.NoError(t, h.Backend.Hangup(ctx, ref, voice.HangupNormal))
	require.Equal(t, voice.EndCompleted, h.waitState(ctx, t, ref.CallSID, voice.Ended).Cause)

	// Answered, and known to be.
	caller := h.waitingCaller(ctx, t, "WThang2")
	ref = voice.CallRef{CallSID: caller, State: voice.Answered}
	require.NoError(t, h.Backend.Hangup(ctx, ref, voice.HangupNormal))
	require.Equal(t, voice.EndCompleted, h.waitState(ctx, t, caller, voice.Ended).Cause)
	require.NoError(t, h.Backend.Hangup(ctx, ref, voice.HangupNormal), "a second time")

	unknown := voice.CallRef{CallSID: "CA00000000000000000000000000000000"}
	require.NoError(t, h.Backend.Hangup(ctx, unknown, voice.HangupNormal), "unknown")
	require.NoError(t, h.Backend.Hangup(ctx, voice.CallRef{}, voice.HangupNormal), "nothing")
}

func hangupAttempt(t *testing.T, h *Harness) {
	ctx := testContext(t)
	req := h.Receiver.DialRequest("WR5-1", "client:erin", "WTatt")
	res, err := h.Backend.Dial(ctx, req)
	require.NoError(t, err)
	require.NoError(t, h.Backend.Hangup(ctx, voice.CallRef{Attempt: "WR5-1"}, voice.HangupCallerLeft))
	h.waitState(ctx, t, res.CallSIDs[0], voice.Ended)
	_, err = h.Backend.Dial(ctx, req)
	require.ErrorIs(t, err, voice.ErrCallGone)

	// Abandoned before it was placed: nobody is called.
	require.NoError(t, h.Backend.Hangup(ctx, voice.CallRef{Attempt: "WR5-2"}, voice.HangupCallerLeft))
	_, err = h.Backend.Dial(ctx, h.Receiver.DialRequest("WR5-2", "client:frank", "WTatt"))
	require.ErrorIs(t, err, voice.ErrCallGone)
	require.Empty(t, h.legsTo("client:frank"))
}

func severalDevices(t *testing.T, h *Harness) {
	ctx := testContext(t)
	h.Network.Devices("client:gina", 3)
	res, err := h.Backend.Dial(ctx, h.Receiver.DialRequest("WR6-1", "client:gina", "WTdev"))
	require.NoError(t, err)
	require.Len(t, res.CallSIDs, 3)
	for _, sid := range res.CallSIDs {
		h.waitState(ctx, t, sid, voice.Ringing)
	}
	h.waitingCaller(ctx, t, "WTdev")
	require.NoError(t, h.Network.Answer(res.CallSIDs[1]))
	ledger := NewLedger()
	_, err = ledger.Save(ctx, voice.Attempt{
		Backend: h.Backend.Name(), ID: "WR6-1", State: voice.AttemptPlaced, CallSIDs: res.CallSIDs,
	})
	require.NoError(t, err)
	require.NoError(t, voice.HangupOthers(ctx, h.Backend, ledger, "WR6-1", res.CallSIDs[1]))
	require.Equal(t, voice.EndCanceled, h.waitState(ctx, t, res.CallSIDs[0], voice.Ended).Cause)
	require.Equal(t, voice.EndCanceled, h.waitState(ctx, t, res.CallSIDs[2], voice.Ended).Cause)
	h.waitBridged(ctx, t, res.CallSIDs[1])
}

func redirects(t *testing.T, h *Harness) {
	ctx := testContext(t)
	caller := h.waitingCaller(ctx, t, "WTred")
	to := h.Receiver.Serve("moved", `<Response><Say>you were moved</Say><Pause length="600"/></Response>`)
	require.NoError(t, h.Backend.Redirect(ctx, voice.CallRef{CallSID: caller}, to))
	c, err := h.Network.WaitCall(ctx, caller, func(c fake.CallSnapshot) bool { return c.Heard("you were moved") })
	require.NoError(t, err)
	require.Empty(t, c.Room)
	require.True(t, c.Live())
}

func redirectGone(t *testing.T, h *Harness) {
	ctx := testContext(t)
	caller := h.waitingCaller(ctx, t, "WTgone")
	require.NoError(t, h.Network.HangUp(caller))
	h.waitState(ctx, t, caller, voice.Ended)
	to := h.Receiver.Serve("late", `<Response><Say>too late</Say></Response>`)
	for _, sid := range []string{caller, "CA00000000000000000000000000000000", ""} {
		err := h.Backend.Redirect(ctx, voice.CallRef{CallSID: sid}, to)
		require.ErrorIs(t, err, voice.ErrCallGone)
		require.Equal(t, voice.ClassGone, voice.Verdict(err))
	}
}

func inspects(t *testing.T, h *Harness) {
	ctx := testContext(t)
	for _, sid := range []string{"CA00000000000000000000000000000000", ""} {
		leg, err := h.Backend.Inspect(ctx, sid)
		require.NoError(t, err)
		require.Equal(t, voice.Ended, leg.State)
		require.Equal(t, voice.EndLost, leg.Cause)
	}
	caller := h.waitingCaller(ctx, t, "WTins")
	leg, err := h.Backend.Inspect(ctx, caller)
	require.NoError(t, err)
	require.Equal(t, voice.Answered, leg.State)
	require.Equal(t, voice.Inbound, leg.Direction)
	require.Equal(t, "+15550001", leg.From)
	require.WithinDuration(t, time.Now(), leg.CreatedAt, time.Minute)
}

func liveLegs(t *testing.T, h *Harness) {
	ctx := testContext(t)
	live, err := h.Backend.Live(ctx)
	require.NoError(t, err)
	require.Empty(t, live)
	over := h.waitingCaller(ctx, t, "WTl1")
	talking := h.waitingCaller(ctx, t, "WTl2")
	require.NoError(t, h.Network.HangUp(over))
	h.waitState(ctx, t, over, voice.Ended)
	res, err := h.Backend.Dial(ctx, h.Receiver.DialRequest("WR7-1", "client:henry", "WTl2"))
	require.NoError(t, err)
	h.waitState(ctx, t, res.CallSIDs[0], voice.Ringing)

	live, err = h.Backend.Live(ctx)
	require.NoError(t, err)
	states := map[string]voice.LegState{}
	for _, l := range live {
		states[l.CallSID] = l.State
	}
	require.Equal(t, map[string]voice.LegState{talking: voice.Answered, res.CallSIDs[0]: voice.Ringing}, states)
}

func muteAndHold(t *testing.T, h *Harness) {
	ctx := testContext(t)
	caller := h.waitingCaller(ctx, t, "WTmute")
	ref := voice.CallRef{CallSID: caller}
	require.NoError(t, h.Backend.Mute(ctx, ref, "WTmute", true))
	c, _ := h.Network.Call(caller)
	require.True(t, c.Muted)
	require.NoError(t, h.Backend.Mute(ctx, ref, "WTmute", false))
	c, _ = h.Network.Call(caller)
	require.False(t, c.Muted)

	err := h.Backend.Hold(ctx, ref, "WTmute", true)
	if !h.CanHold {
		require.ErrorIs(t, err, voice.ErrUnsupported)
		return
	}
	require.NoError(t, err)
	c, _ = h.Network.Call(caller)
	require.True(t, c.Held)
	require.ErrorIs(t, h.Backend.Hold(ctx, ref, "WTnone", true), voice.ErrCallGone)
}

func progress(t *testing.T, h *Harness) {
	ctx := testContext(t)
	h.Network.Auto("client:ivy", fake.Behaviour{Do: fake.PhoneAnswer})
	h.waitingCaller(ctx, t, "WTprog")
	res, err := h.Backend.Dial(ctx, h.Receiver.DialRequest("WR8-1", "client:ivy", "WTprog"))
	require.NoError(t, err)
	h.waitBridged(ctx, t, res.CallSIDs[0])
	require.NoError(t, h.Network.HangUp(res.CallSIDs[0]))
	var states []voice.LegState
	err = h.Receiver.Wait(ctx, func(_ []Received, events []voice.Event) bool {
		states = states[:0]
		for _, e := range events {
			if e.Attempt != "WR8-1" {
				continue
			}
			states = append(states, e.State)
			if e.State == voice.Ended {
				return true
			}
		}
		return false
	})
	require.NoError(t, err)
	require.Equal(t, []voice.LegState{voice.Dialing, voice.Ringing, voice.Answered, voice.Ended}, states)

	// The caller's end is told through the number.
	err = h.Receiver.Wait(ctx, func(_ []Received, events []voice.Event) bool {
		return slices.ContainsFunc(events, func(e voice.Event) bool {
			return e.Attempt == "" && e.State == voice.Ended && e.Cause == voice.EndCompleted
		})
	})
	require.NoError(t, err)

	// A busy agent: the cause is found even where the notice does not tell.
	h.Network.Auto("client:ivy", fake.Behaviour{Do: fake.PhoneBusy})
	_, err = h.Backend.Dial(ctx, h.Receiver.DialRequest("WR8-2", "client:ivy", "WTprog"))
	require.NoError(t, err)
	var end voice.Event
	err = h.Receiver.Wait(ctx, func(_ []Received, events []voice.Event) bool {
		i := slices.IndexFunc(events, func(e voice.Event) bool { return e.Attempt == "WR8-2" && e.State == voice.Ended })
		if i >= 0 {
			end = events[i]
		}
		return i >= 0
	})
	require.NoError(t, err)
	end, err = voice.Settle(ctx, h.Backend, end, voice.Ringing)
	require.NoError(t, err)
	require.Equal(t, voice.EndBusy, end.Cause)
}

// recordsLeg: a leg is recorded where the flavour says so, and whoever is named
// hears from the platform when it is done.
func recordsLeg(t *testing.T, h *Harness) {
	ctx := testContext(t)
	h.Network.Auto("client:kate", fake.Behaviour{Do: fake.PhoneAnswer})
	caller := h.waitingCaller(ctx, t, "WTrec")
	req := h.Receiver.DialRequest("WR10-1", "client:kate", "WTrec")
	req.Record = true
	req.Recording = voice.Recording{Channels: "dual", StatusURL: h.Receiver.URL("/recorded"), StatusMethod: "GET"}
	res, err := h.Backend.Dial(ctx, req)
	require.NoError(t, err)
	h.waitBridged(ctx, t, caller)
	got := h.Network.Recordings()
	if !h.Backend.Flavour().RecordsLegs() {
		require.Empty(t, got)
		return
	}
	require.Len(t, got, 1)
	require.Equal(t, []string{fake.RecordedLeg, res.CallSIDs[0]}, []string{got[0].Source, got[0].CallSID})
	require.Equal(t, 2, got[0].Channels)
	require.NoError(t, h.Network.HangUp(caller))
	err = h.Receiver.Wait(ctx, func(requests []Received, _ []voice.Event) bool {
		return slices.ContainsFunc(requests, func(r Received) bool {
			return r.Path == "/recorded" && r.Form.Get("RecordingSid") == got[0].SID && r.Form.Get("RecordingStatus") == "completed"
		})
	})
	require.NoError(t, err)
}

func pollerFinds(t *testing.T, h *Harness) {
	ctx := testContext(t)
	h.Network.SetCallbackFaults(fake.CallbackFaults{Suppress: true})
	h.Network.Auto("client:jack", fake.Behaviour{Do: fake.PhoneAnswer})
	caller := h.waitingCaller(ctx, t, "WTpoll")
	res, err := h.Backend.Dial(ctx, h.Receiver.DialRequest("WR9-1", "client:jack", "WTpoll"))
	require.NoError(t, err)
	worker := res.CallSIDs[0]
	h.waitBridged(ctx, t, worker)

	old := time.Now().Add(-time.Minute)
	book := legBook{
		{CallSID: caller, State: voice.Answered, CreatedAt: old},
		{CallSID: worker, Attempt: "WR9-1", State: voice.Ringing, CreatedAt: old},
	}
	var got []voice.Event
	p := voice.NewPoller(voice.PollerOptions{
		Backend: h.Backend, Book: &book,
		Sink: voice.SinkFunc(func(_ context.Context, e voice.Event) error { got = append(got, e); return nil }),
	})
	require.NoError(t, p.Poll(ctx))
	require.Len(t, got, 1)
	require.Equal(t, worker, got[0].CallSID)
	require.Equal(t, "WR9-1", got[0].Attempt)
	require.Equal(t, voice.Answered, got[0].State)

	book[1].State = voice.Answered
	require.NoError(t, h.Network.HangUp(caller))
	h.waitState(ctx, t, worker, voice.Ended)
	got = nil
	require.NoError(t, p.Poll(ctx))
	require.Len(t, got, 2)
	for _, e := range got {
		require.Equal(t, voice.Ended, e.State)
		require.Equal(t, voice.EndCompleted, e.Cause)
	}
	require.Empty(t, h.Receiver.Events())
}

// legBook is a voice.LegBook with fixed contents.
type legBook []voice.Leg

func (b *legBook) LiveLegs(context.Context, string) ([]voice.Leg, error) { return *b, nil }

func configuresNumber(t *testing.T, h *Harness) {
	ctx := testContext(t)
	nc, ok := h.Backend.(voice.NumberConfigurer)
	require.True(t, ok)
	h.Network.AddNumber(voice.Number{PhoneNumber: "+15550111"})
	n, err := nc.ConfigureNumber(ctx, voice.Number{
		PhoneNumber: "+15550111", VoiceURL: h.Receiver.URL("/caller/WTnum"), StatusURL: h.Receiver.URL("/number"),
	})
	require.NoError(t, err)
	require.NotEmpty(t, n.SID)
	sid := h.Network.PlaceCall("+15550001", "+15550111", "", "")
	_, err = h.Network.WaitCall(ctx, sid, func(c fake.CallSnapshot) bool { return c.Room == "WTnum" })
	require.NoError(t, err)
}
