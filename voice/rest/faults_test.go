package rest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/voicetest/platform"
)

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

const target = "client:alice"

func (b *bench) rung() (n int) {
	for _, c := range b.Network.Calls() {
		if c.To == target {
			n++
		}
	}
	return n
}

// Whatever the platform does to the request, the agent's phone rings once and
// the leg that rings is the one Dial returns.
func TestRingsOnce(t *testing.T) {
	t.Parallel()
	op := platform.OpOriginate
	rows := []struct {
		name      string
		faults    []platform.Fault
		callbacks fake.CallbackFaults
		outcome   voice.Outcome
		placement int
		requests  int
		only      voice.Flavour
	}{
		{name: "nothing wrong", outcome: voice.OutcomePlaced, placement: 1, requests: 1},
		{
			name: "reply lost, callback tells", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults: []platform.Fault{{Op: op, Kind: platform.DropReply}},
		},
		{
			name: "reply and callbacks lost, list tells", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults: []platform.Fault{{Op: op, Kind: platform.DropReply}}, callbacks: fake.CallbackFaults{Suppress: true},
		},
		{
			name: "reply and callbacks lost, list fails once", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults: []platform.Fault{
				{Op: op, Kind: platform.DropReply}, {Op: platform.OpList, Kind: platform.Answer, Status: 503},
			},
			callbacks: fake.CallbackFaults{Suppress: true},
		},
		{
			name: "request lost", outcome: voice.OutcomePlaced, placement: 2, requests: 2,
			faults: []platform.Fault{{Op: op, Kind: platform.DropRequest}},
		},
		{
			name: "request lost twice", outcome: voice.OutcomePlaced, placement: 3, requests: 3,
			faults: []platform.Fault{{Op: op, Kind: platform.DropRequest, Times: 2}},
		},
		{
			name: "500 with nothing done", outcome: voice.OutcomePlaced, placement: 2, requests: 2,
			faults: []platform.Fault{{Op: op, Kind: platform.Answer, Status: 500}},
		},
		{
			name: "503 after the work", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults: []platform.Fault{{Op: op, Kind: platform.AnswerAfter, Status: 503, Text: "overload"}},
		},
		{
			name: "500 with text after the work", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults:    []platform.Fault{{Op: op, Kind: platform.AnswerAfter, Status: 500, Text: "ask timed out"}},
			callbacks: fake.CallbackFaults{Suppress: true}, only: voice.FlavourRestcomm,
		},
		{
			name: "429 then created", outcome: voice.OutcomePlaced, placement: 1, requests: 2,
			faults: []platform.Fault{{Op: op, Kind: platform.Answer, Status: 429, Code: 20429, RetryAfter: 1}},
		},
		{
			name: "array", outcome: voice.OutcomePlaced, placement: 1, requests: 1,
			faults: []platform.Fault{{Op: op, Kind: platform.Array}},
		},
		{
			name: "unreadable reply", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults: []platform.Fault{{Op: op, Kind: platform.Garble}},
		},
		{
			name: "reply too late", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults: []platform.Fault{{Op: op, Kind: platform.LateReply, DelayMS: 10_000}},
		},
		{
			name: "callbacks doubled", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults: []platform.Fault{{Op: op, Kind: platform.DropReply}}, callbacks: fake.CallbackFaults{Duplicate: true},
		},
		{
			name: "callbacks late", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults:    []platform.Fault{{Op: op, Kind: platform.DropReply}},
			callbacks: fake.CallbackFaults{Delay: 5 * time.Second},
		},
		{
			name: "callbacks out of order", outcome: voice.OutcomeAdopted, placement: 1, requests: 1,
			faults: []platform.Fault{{Op: op, Kind: platform.DropReply}}, callbacks: fake.CallbackFaults{Reorder: true},
		},
	}
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		for _, row := range rows {
			if row.only != "" && row.only != f {
				continue
			}
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, f)
				b.options.Timeout = 2 * time.Second
				b.driver = b.newDriver(t)
				b.Network.SetCallbackFaults(row.callbacks)
				b.platform.Script(row.faults...)
				ctx := testContext(t)
				res, err := b.driver.Dial(ctx, b.Receiver.DialRequest("WR1-1", target, "WT1"))
				require.NoError(t, err)
				require.Equal(t, row.outcome, res.Outcome)
				require.Equal(t, row.placement, res.Placement)
				require.Len(t, res.CallSIDs, 1)
				require.Len(t, b.platform.Requests(op), row.requests)
				require.Equal(t, 1, b.rung())

				// The leg that rings is the one the router knows.
				_, err = b.Network.WaitCall(ctx, res.CallSIDs[0], func(c fake.CallSnapshot) bool { return c.State == "ringing" })
				require.NoError(t, err)
				require.NoError(t, b.Network.Answer(res.CallSIDs[0]))
				_, err = b.Network.WaitCall(ctx, res.CallSIDs[0], func(c fake.CallSnapshot) bool { return c.Room == "WT1" })
				require.NoError(t, err)

				// And a repeat, even after a restart, rings nobody.
				again, err := b.newDriver(t).Dial(ctx, b.Receiver.DialRequest("WR1-1", target, "WT1"))
				require.NoError(t, err)
				require.Equal(t, res.CallSIDs, again.CallSIDs)
				require.Equal(t, 1, b.rung())
			})
		}
	})
}

func TestGivesUpAfterThreePlacements(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		b := newBench(t, f)
		b.platform.Script(platform.Fault{Op: platform.OpOriginate, Kind: platform.DropRequest, Times: 10})
		req := b.Receiver.DialRequest("WR1-1", target, "WT1")
		_, err := b.driver.Dial(testContext(t), req)
		require.Equal(t, voice.ClassUnknownOutcome, voice.Verdict(err))
		require.Len(t, b.platform.Requests(platform.OpOriginate), 3)
		b.platform.Heal()
		_, err = b.driver.Dial(testContext(t), req)
		require.Equal(t, voice.ClassAttemptFatal, voice.Verdict(err), "the attempt is used up")
		require.Zero(t, b.rung())
	})
}

func TestPersistentRateLimitPlacesNothing(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		b := newBench(t, f)
		b.platform.Script(platform.Fault{Op: platform.OpOriginate, Kind: platform.Answer, Status: 429, Times: 3})
		req := b.Receiver.DialRequest("WR1-1", target, "WT1")
		_, err := b.driver.Dial(testContext(t), req)
		require.Equal(t, voice.ClassRetryable, voice.Verdict(err))
		res, err := b.driver.Dial(testContext(t), req)
		require.NoError(t, err)
		require.Equal(t, 1, res.Placement)
		require.Equal(t, 1, b.rung())
	})
}

func TestLongRetryAfterIsHandedBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, voice.FlavourTwilio)
	b.platform.Script(platform.Fault{Op: platform.OpOriginate, Kind: platform.Answer, Status: 429, RetryAfter: 120})
	_, err := b.driver.Dial(testContext(t), b.Receiver.DialRequest("WR1-1", target, "WT1"))
	var e *voice.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, 2*time.Minute, e.RetryAfter)
	require.Len(t, b.platform.Requests(platform.OpOriginate), 1)
}

// A process that died between writing the attempt down and hearing the answer.
func TestResumesAfterCrash(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		t.Run("before sending", func(t *testing.T) {
			t.Parallel()
			b := newBench(t, f)
			ctx := testContext(t)
			b.begin(ctx, t)
			res, err := b.driver.Dial(ctx, b.Receiver.DialRequest("WR1-1", target, "WT1"))
			require.NoError(t, err)
			require.Equal(t, 2, res.Placement)
			require.Equal(t, 1, b.rung())
		})
		t.Run("after sending", func(t *testing.T) {
			t.Parallel()
			b := newBench(t, f)
			ctx := testContext(t)
			b.begin(ctx, t)
			sids := b.Network.Originate(fake.Outgoing{
				From: "+15550100", To: target, URL: b.Receiver.URL("/leg/WR1-1/1/WT1"),
			})
			res, err := b.driver.Dial(ctx, b.Receiver.DialRequest("WR1-1", target, "WT1"))
			require.NoError(t, err)
			require.Equal(t, sids, res.CallSIDs)
			require.Equal(t, voice.OutcomeAdopted, res.Outcome)
			require.Equal(t, 1, b.rung())
		})
	})
}

func (b *bench) begin(ctx context.Context, t *testing.T) {
	t.Helper()
	now := time.Now()
	_, created, err := b.ledger.Begin(ctx, voice.Attempt{
		Backend: "pstn", ID: "WR1-1", State: voice.AttemptPlacing, To: target, From: "+15550100",
		Placement: 1, StartedAt: now, SentAt: now,
	})
	require.NoError(t, err)
	require.True(t, created)
}

// Legs that were there before, and legs of other attempts, are not adopted.
func TestAdoptsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		b := newBench(t, f)
		ctx := testContext(t)
		other, err := b.driver.Dial(ctx, b.Receiver.DialRequest("WR0-1", target, "WT0"))
		require.NoError(t, err)
		b.platform.Script(platform.Fault{Op: platform.OpOriginate, Kind: platform.DropRequest})
		res, err := b.driver.Dial(ctx, b.Receiver.DialRequest("WR1-1", target, "WT1"))
		require.NoError(t, err)
		require.NotEqual(t, other.CallSIDs, res.CallSIDs)
		require.Equal(t, 2, res.Placement)
	})
}

// A leg of a placement that was given up hears the hang-up document.
func TestLateLegOfAnOldPlacement(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		b := newBench(t, f)
		ctx := testContext(t)
		b.platform.Script(platform.Fault{Op: platform.OpOriginate, Kind: platform.DropRequest})
		res, err := b.driver.Dial(ctx, b.Receiver.DialRequest("WR1-1", target, "WT1"))
		require.NoError(t, err)
		require.Equal(t, 2, res.Placement)
		late := b.Network.Originate(fake.Outgoing{
			From: "+15550100", To: target, URL: b.Receiver.URL("/leg/WR1-1/1/WT1"),
		})[0]
		_, err = b.Network.WaitCall(ctx, late, func(c fake.CallSnapshot) bool { return c.State == "ringing" })
		require.NoError(t, err)
		require.NoError(t, b.Network.Answer(late))
		c, err := b.Network.WaitCall(ctx, late, func(c fake.CallSnapshot) bool { return !c.Live() })
		require.NoError(t, err)
		require.True(t, c.Heard("not needed"))
	})
}

// The caller leaves while the request is on its way.
func TestAbandonedWhilePlacing(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		b := newBench(t, f)
		ctx := testContext(t)
		b.platform.Script(platform.Fault{Op: platform.OpOriginate, Kind: platform.LateReply, DelayMS: 500})
		failed := make(chan error, 1)
		go func() {
			_, err := b.driver.Dial(ctx, b.Receiver.DialRequest("WR1-1", target, "WT1"))
			failed <- err
		}()
		require.NoError(t, b.Network.Wait(ctx, func([]fake.CallSnapshot) bool { return b.rung() == 1 }))
		require.NoError(t, b.driver.Hangup(ctx, voice.CallRef{Attempt: "WR1-1"}, voice.HangupCallerLeft))
		require.ErrorIs(t, <-failed, voice.ErrCallGone)
		require.NoError(t, b.Network.Wait(ctx, func(calls []fake.CallSnapshot) bool { return !calls[0].Live() }))
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t, voice.FlavourTwilio)
	_, err := b.driver.Dial(testContext(t), b.Receiver.DialRequest("WR1-1", "not a number", "WT1"))
	require.Equal(t, voice.ClassAttemptFatal, voice.Verdict(err))
	require.NotContains(t, err.Error(), "not a number")
	_, err = b.driver.Dial(testContext(t), b.Receiver.DialRequest("WR1-1", "not a number", "WT1"))
	require.Equal(t, voice.ClassAttemptFatal, voice.Verdict(err), "remembered")
	require.Len(t, b.platform.Requests(platform.OpOriginate), 1)

	b.options.Token = "wrong"
	_, err = b.newDriver(t).Live(testContext(t))
	require.Equal(t, voice.ClassFatal, voice.Verdict(err))
	require.NotContains(t, err.Error(), "wrong")
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	b := newBench(t, voice.FlavourTwilio)
	b.platform.Script(platform.Fault{Op: platform.OpRead, Kind: platform.Answer, Status: http.StatusFound})
	_, err := b.driver.Inspect(testContext(t), "CA1")
	require.Equal(t, voice.ClassFatal, voice.Verdict(err))
}

func TestRedirectIsNotRepeated(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		b := newBench(t, f)
		ctx := testContext(t)
		sid := b.Network.PlaceCall("+15550001", "+15550100", b.Receiver.URL("/caller/WT1"), "")
		_, err := b.Network.WaitCall(ctx, sid, func(c fake.CallSnapshot) bool { return c.Room == "WT1" })
		require.NoError(t, err)
		b.platform.Script(platform.Fault{Op: platform.OpUpdate, Kind: platform.DropReply})
		to := b.Receiver.Serve("x", `<Response><Pause length="600"/></Response>`)
		err = b.driver.Redirect(ctx, voice.CallRef{CallSID: sid}, to)
		require.Equal(t, voice.ClassUnknownOutcome, voice.Verdict(err))
		require.Len(t, b.platform.Requests(platform.OpUpdate), 1)
	})
}

// Ending a leg may be repeated, and is, when the connection breaks.
func TestHangupSurvivesALostReply(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		b := newBench(t, f)
		ctx := testContext(t)
		res, err := b.driver.Dial(ctx, b.Receiver.DialRequest("WR1-1", target, "WT1"))
		require.NoError(t, err)
		b.platform.Script(platform.Fault{Op: platform.OpUpdate, Kind: platform.DropReply})
		ref := voice.CallRef{CallSID: res.CallSIDs[0], State: voice.Ringing}
		require.NoError(t, b.driver.Hangup(ctx, ref, voice.HangupCallerLeft))
		c, _ := b.Network.Call(ref.CallSID)
		require.False(t, c.Live())
	})
}

// Restcomm unmutes a leg with every update that does not repeat it.
func TestMutedLegStaysMuted(t *testing.T) {
	t.Parallel()
	b := newBench(t, voice.FlavourRestcomm)
	ctx := testContext(t)
	sid := b.Network.PlaceCall("+15550001", "+15550100", b.Receiver.URL("/caller/WT1"), "")
	_, err := b.Network.WaitCall(ctx, sid, func(c fake.CallSnapshot) bool { return c.Room == "WT1" })
	require.NoError(t, err)
	to := b.Receiver.Serve("x", `<Response><Pause length="600"/></Response>`)
	require.NoError(t, b.driver.Redirect(ctx, voice.CallRef{CallSID: sid, Muted: true}, to))
	require.Equal(t, "true", b.platform.Requests(platform.OpUpdate)[0].Form.Get("Mute"))
}

func TestManyCallsArePaged(t *testing.T) {
	t.Parallel()
	eachFlavour(t, func(t *testing.T, f voice.Flavour) {
		b := newBench(t, f)
		for range 1203 {
			b.Network.Originate(fake.Outgoing{From: "+15550100", To: target, URL: b.Receiver.URL("/leg/x/1/y")})
		}
		ctx := testContext(t)
		require.NoError(t, b.Network.Wait(ctx, func(calls []fake.CallSnapshot) bool {
			return calls[len(calls)-1].State == "ringing"
		}))
		live, err := b.driver.Live(ctx)
		require.NoError(t, err)
		require.Len(t, live, 1203)
	})
}
