package callqueue_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
)

// journey is a telephone network whose platform talks to a Handler, signed.
type journey struct {
	*world
	t    *testing.T
	net  *fake.Network
	urls callqueue.URLs
}

func newJourney(t *testing.T, flavour voice.Flavour) *journey {
	w := newWorld(twoSteps)
	j := &journey{world: w, t: t, urls: callqueue.URLs{Public: public}}
	w.requireSignature = true
	secret := ""
	if flavour == voice.FlavourRestcomm {
		secret = "s3/cret"
		j.urls.Secret = secret
	}
	var h http.Handler = w.handler(flavour, func(o *callqueue.Options) {
		o.Budget = 10 * time.Second // the machine may be busy
		o.Platforms[0].Secret = secret
	})
	j.net = fake.NewNetwork(fake.Options{
		Name: "main", Emulate: flavour, Fetcher: fake.HandlerFetcher(h),
		Sign: func(u string, form url.Values) string { return sign(u, form, token) },
	})
	t.Cleanup(j.net.Close)
	return j
}

func (j *journey) await(sid string, holds func(fake.CallSnapshot) bool) fake.CallSnapshot {
	j.t.Helper()
	ctx, cancel := context.WithTimeout(j.t.Context(), 20*time.Second)
	defer cancel()
	call, err := j.net.WaitCall(ctx, sid, holds)
	require.NoError(j.t, err, "state %s, room %q, %d lines heard", call.State, call.Room, len(call.Transcript))
	return call
}

// call brings a caller into the waiting room.
func (j *journey) call() string {
	sid := j.net.PlaceCall(callerNo, number, j.urls.Entry(), j.urls.Status())
	asked := func(text string) func(fake.CallSnapshot) bool {
		return func(c fake.CallSnapshot) bool { return c.Listening && c.Heard(text) }
	}
	j.await(sid, asked("Press 1 for Support, 2 for Sales"))
	require.NoError(j.t, j.net.Press(sid, "1"))
	j.await(sid, asked("1 for English, 2 for Japanese"))
	require.NoError(j.t, j.net.Press(sid, "2"))
	j.await(sid, func(c fake.CallSnapshot) bool { return c.Room == firstTask && c.Heard("Please hold") })
	return sid
}

// ring calls the agent, who answers once the leg is in the books.
func (j *journey) ring() string {
	sid := j.net.Originate(fake.Outgoing{
		From: number, To: "client:alice", URL: first(j.urls.LegAnswer(attempt)), StatusURL: first(j.urls.LegStatus(attempt)),
		StatusEvents: voice.StatusEvents(),
	})[0]
	j.mu.Lock()
	j.placeLeg(taskrouter.Leg{})
	j.legs[attempt].CallSIDs = []string{sid}
	j.verdict.Join = firstTask
	j.mu.Unlock()
	j.answer(sid)
	return sid
}

func (j *journey) answer(sid string) {
	j.await(sid, func(c fake.CallSnapshot) bool { return c.State == voice.Ringing.String() })
	require.NoError(j.t, j.net.Answer(sid))
}

// first is the address of the first placement.
func first(u string) string { return strings.ReplaceAll(u, voice.PlacementMark, "1") }

func over(c fake.CallSnapshot) bool { return !c.Live() }

func (j *journey) eventually(holds func() bool) {
	j.t.Helper()
	require.Eventually(j.t, func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return holds()
	}, time.Minute, 5*time.Millisecond)
}

func TestJourney(t *testing.T) {
	for _, flavour := range []voice.Flavour{voice.FlavourTwilio, voice.FlavourRestcomm, voice.FlavourFake} {
		t.Run(string(flavour)+"/agent hangs up", func(t *testing.T) {
			j := newJourney(t, flavour)
			caller := j.call()
			j.eventually(func() bool { return attributesOf(t, j.tasks[0])["language"] == "japanese" })
			agent := j.ring()
			j.await(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
			require.NoError(t, j.net.HangUp(agent))
			end := j.await(caller, over)
			require.True(t, end.Heard("Thank you for calling."))
			require.Equal(t, voice.BySystem, end.EndedBy)
			j.eventually(func() bool {
				return len(j.ended) == 1 && j.ended[0] == callqueue.CauseCompleted && j.legEnded()
			})
		})
		t.Run(string(flavour)+"/caller hangs up", func(t *testing.T) {
			j := newJourney(t, flavour)
			caller := j.call()
			agent := j.ring()
			j.await(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
			require.NoError(t, j.net.HangUp(caller))
			j.await(agent, over)
			j.eventually(func() bool { return len(j.ended) == 1 && j.ended[0] == callqueue.CauseHangup && j.legEnded() })
		})
		t.Run(string(flavour)+"/caller gives up", func(t *testing.T) {
			j := newJourney(t, flavour)
			caller := j.call()
			require.NoError(t, j.net.HangUp(caller))
			j.eventually(func() bool { return len(j.ended) == 1 && j.ended[0] == callqueue.CauseHangup })
		})
		t.Run(string(flavour)+"/agent is late", func(t *testing.T) {
			j := newJourney(t, flavour)
			j.call()
			agent := j.net.Originate(fake.Outgoing{To: "client:alice", URL: first(j.urls.LegAnswer(attempt))})[0]
			j.answer(agent)
			require.True(t, j.await(agent, over).Heard("This call is no longer available."))
		})
	}
}

func (j *journey) legEnded() bool {
	for _, f := range j.facts {
		if f.State == taskrouter.LegEnded && f.Cause == "completed" {
			return true
		}
	}
	return false
}

// A platform that reports on rooms confirms the join without being asked.
func TestJoinIsSeen(t *testing.T) {
	j := newJourney(t, voice.FlavourTwilio)
	j.call()
	j.ring()
	j.eventually(func() bool { return len(j.joined) == 1 && j.joined[0] == attempt })
}

// Where the platform records nothing it places, our document asks for it.
func TestRecordedJourney(t *testing.T) {
	j := newJourney(t, voice.FlavourRestcomm)
	j.verdict.Instruction = instructed(taskrouter.InstructDequeue, "record", "record-from-answer")
	caller := j.call()
	agent := j.ring()
	j.await(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	recorded := j.net.Recordings()
	require.Len(t, recorded, 1)
	require.Equal(t, []string{fake.RecordedDial, agent}, []string{recorded[0].Source, recorded[0].CallSID})
	require.NoError(t, j.net.HangUp(agent))
	j.await(caller, over)
	j.eventually(func() bool { return !j.net.Recordings()[0].EndedAt.IsZero() })
}
