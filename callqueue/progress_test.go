package callqueue_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

const (
	progress    = leg + "/progress/" + callSID + "/1"
	reservation = "WR00000000000000000000000000000001"
	app         = "https://app.example.com/"
)

// told is one request to a status callback.
type told struct {
	account, method, target string
	form                    url.Values
}

// receiver stands in for those who gave a status callback.
type receiver struct {
	mu sync.Mutex
	// got are the requests that began, in order.
	got []told
	// answer decides about a request; nil takes each.
	answer  func(ctx context.Context, n told) (int, error)
	dropped int
}

func (r *receiver) send(ctx context.Context, acct, method, target string, form url.Values) (int, error) {
	n := told{acct, method, target, form}
	r.mu.Lock()
	r.got = append(r.got, n)
	answer := r.answer
	r.mu.Unlock()
	if answer == nil {
		return http.StatusNoContent, nil
	}
	return answer(ctx, n)
}

func (r *receiver) requests() []told {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

func (r *receiver) lost() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dropped
}

func (r *receiver) options(clock voice.Clock) func(*callqueue.Options) {
	return func(o *callqueue.Options) {
		o.Send, o.Clock, o.Budget = r.send, clock, 20*time.Second
		o.Dropped = func(n int) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.dropped += n
		}
	}
}

func (r *receiver) until(t *testing.T, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, 30*time.Second, time.Millisecond)
}

// values are those of a parameter, request by request.
func (r *receiver) values(name string) []string {
	var out []string
	for _, n := range r.requests() {
		out = append(out, n.form.Get(name))
	}
	return out
}

func instructed(kind taskrouter.InstructionKind, params ...string) *taskrouter.Instruction {
	i := &taskrouter.Instruction{Kind: kind, Params: map[string]string{}}
	for n := 0; n < len(params); n += 2 {
		i.Params[params[n]] = params[n+1]
	}
	return i
}

// reserved gives the Task a Reservation with an instruction.
func (w *world) reserved(status taskrouter.ReservationStatus, i *taskrouter.Instruction) {
	w.reservations = append(w.reservations, &taskrouter.Reservation{
		SID: reservation, AccountSID: account, WorkspaceSID: workspace, TaskSID: firstTask, Status: status, Instruction: i,
	})
}

// What the platform reports about an agent's leg reaches who asked for it, as
// the platform said it.
func TestLegProgress(t *testing.T) {
	all := []string{"initiated", "ringing", "in-progress", "completed"}
	accepts := taskrouter.Leg{Purpose: taskrouter.LegAccepts, ReservationSID: reservation}
	foreign := taskrouter.Leg{Purpose: taskrouter.LegForeign, ReservationSID: reservation}
	for _, c := range []struct {
		name     string
		flavour  voice.Flavour
		leg      taskrouter.Leg
		in       *taskrouter.Instruction
		path     string
		unwanted bool
		notices  []string
		method   string
		want     []string
		caller   string
	}{
		{
			name: "dequeue", leg: accepts, notices: all, want: []string{"completed"}, caller: callSID,
			in: instructed(taskrouter.InstructDequeue, "status_callback_url", app),
		},
		{
			name: "dequeue, some events", leg: accepts, notices: all, want: []string{"ringing", "in-progress"}, caller: callSID,
			in: instructed(taskrouter.InstructDequeue, "status_callback_url", app, "status_callback_events", "ringing,answered"),
		},
		{
			name: "however it ended", leg: accepts, notices: []string{"busy", "no-answer", "failed", "canceled"}, caller: callSID,
			want: []string{"busy", "no-answer", "failed", "canceled"},
			in:   instructed(taskrouter.InstructDequeue, "status_callback_url", app),
		},
		{
			name: "an accepted Reservation's leg", notices: all, want: []string{"completed"}, caller: callSID,
			leg: taskrouter.Leg{Purpose: taskrouter.LegConnects, ReservationSID: reservation},
			in:  instructed(taskrouter.InstructDequeue, "status_callback_url", app),
		},
		{
			name: "call", leg: foreign, notices: all, want: []string{"completed"},
			in: instructed(taskrouter.InstructCall, "status_callback_url", app),
		},
		{
			name: "conference", leg: accepts, notices: all, want: all, method: http.MethodGet,
			in: instructed(taskrouter.InstructConference, "status_callback", app, "status_callback_method", "GET",
				"status_callback_event", "initiated,ringing,answered,completed"),
		},
		{
			name: "conference, no events named", leg: accepts, notices: all, want: []string{"completed"},
			in: instructed(taskrouter.InstructConference, "status_callback", app),
		},
		{
			name: "restcomm", flavour: voice.FlavourRestcomm, leg: accepts, notices: []string{"ringing", "answered", "completed"},
			want: []string{"answered", "completed"}, caller: callSID,
			in: instructed(taskrouter.InstructDequeue, "status_callback_url", app, "status_callback_events", "answered,completed"),
		},
		{
			name: "nobody asked when it was placed", leg: accepts, path: leg + "/status/1", notices: all,
			in: instructed(taskrouter.InstructDequeue, "status_callback_url", app),
		},
		{name: "no callback", leg: accepts, notices: all, in: instructed(taskrouter.InstructDequeue)},
		{name: "no instruction", leg: accepts, notices: all},
		{name: "words nobody knows", leg: accepts, notices: []string{"queued", "nonsense"}, in: instructed(taskrouter.InstructDequeue, "status_callback_url", app)},
		{
			name: "another instruction took its place", leg: foreign, notices: all,
			in: instructed(taskrouter.InstructDequeue, "status_callback_url", app),
		},
		{
			name: "leg of another Reservation", notices: all, leg: taskrouter.Leg{Purpose: taskrouter.LegAccepts, ReservationSID: "WR9"},
			in: instructed(taskrouter.InstructDequeue, "status_callback_url", app),
		},
		{
			name: "leg nobody wants", leg: accepts, notices: all, unwanted: true,
			in: instructed(taskrouter.InstructDequeue, "status_callback_url", app),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, r := newWorld(twoSteps), &receiver{}
			w.placeLeg(c.leg)
			w.reserved(taskrouter.ReservationPending, c.in)
			w.wanted = !c.unwanted
			flavour, path, method := voice.FlavourTwilio, progress, http.MethodPost
			if c.flavour != "" {
				flavour = c.flavour
			}
			if c.path != "" {
				path = c.path
			}
			if c.method != "" {
				method = c.method
			}
			h := w.handler(flavour, r.options(voice.SystemClock{}))
			for _, status := range c.notices {
				notify(t, h, path, legParams("CallStatus", status, "SequenceNumber", "7"))
			}
			require.NoError(t, h.Close(t.Context()))
			require.Equal(t, c.want, r.values("CallStatus"))
			for _, n := range r.requests() {
				want := legParams("CallStatus", n.form.Get("CallStatus"), "SequenceNumber", "7")
				if c.caller != "" {
					want.Set("taskCallSid", c.caller)
				}
				require.Equal(t, told{account, method, app, want}, n)
			}
			require.Zero(t, r.lost())
		})
	}
}

// What happens in the room reaches who asked for it.
func TestRoomProgress(t *testing.T) {
	words := []string{
		"participant-join", "conference-start", "participant-mute", "participant-unmute", "participant-hold",
		"participant-unhold", "participant-speech-start", "participant-leave", "conference-end",
	}
	in := func(params ...string) *taskrouter.Instruction {
		return instructed(taskrouter.InstructConference, append([]string{"conference_status_callback", app}, params...)...)
	}
	everything := in("conference_status_callback_event", "start,end,join,leave,mute,hold,speaker", "conference_status_callback_method", "GET")
	other := instructed(taskrouter.InstructConference, "conference_status_callback", "https://other.example.com/")
	for _, c := range []struct {
		name   string
		who    string
		leg    taskrouter.Leg
		set    func(*world)
		method string
		want   []string
	}{
		{
			name: "all but who speaks", method: http.MethodGet, set: func(w *world) { w.reserved(taskrouter.ReservationAccepted, everything) },
			want: slices.DeleteFunc(slices.Clone(words), func(s string) bool { return s == "participant-speech-start" }),
		},
		{
			name: "start and end unless events are named", set: func(w *world) { w.reserved(taskrouter.ReservationAccepted, in()) },
			want: []string{"conference-start", "conference-end"},
		},
		{
			name: "the caller was there before", who: callSID, set: func(w *world) {
				w.reserved(taskrouter.ReservationAccepted, in("conference_status_callback_event", "join,leave"))
			}, want: []string{"participant-leave"},
		},
		{
			name: "being connected", want: []string{"conference-start", "conference-end"},
			set: func(w *world) { w.reserved(taskrouter.ReservationPending, in()) },
		},
		{
			name: "has just talked", want: []string{"conference-start", "conference-end"},
			set: func(w *world) {
				w.reserved(taskrouter.ReservationPending, other)
				w.reserved(taskrouter.ReservationCompleted, in())
				w.reserved(taskrouter.ReservationCanceled, other)
			},
		},
		{
			name: "the one that talks", want: []string{"conference-start", "conference-end"},
			set: func(w *world) {
				w.reserved(taskrouter.ReservationAccepted, in())
				w.reserved(taskrouter.ReservationWrapping, other)
				w.reserved(taskrouter.ReservationPending, other)
			},
		},
		{
			name: "the agent it is about", leg: taskrouter.Leg{Purpose: taskrouter.LegAccepts, ReservationSID: reservation},
			want: []string{"conference-start", "conference-end"},
			set: func(w *world) {
				w.reserved(taskrouter.ReservationTimeout, in())
				w.reserved(taskrouter.ReservationAccepted, other)
				w.reservations[1].SID = "WR9"
			},
		},
		{name: "rejected", set: func(w *world) { w.reserved(taskrouter.ReservationRejected, in()) }},
		{name: "no instruction", set: func(w *world) { w.reserved(taskrouter.ReservationAccepted, nil) }},
		{
			name: "another kind", set: func(w *world) {
				w.reserved(taskrouter.ReservationAccepted, instructed(taskrouter.InstructDequeue, "conference_status_callback", app))
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, r := newWorld(twoSteps), &receiver{}
			w.placeCall(taskrouter.Call{State: taskrouter.CallWaiting, TaskSID: firstTask, Room: firstTask})
			w.placeLeg(c.leg)
			c.set(w)
			h := w.handler(voice.FlavourTwilio, r.options(voice.SystemClock{}))
			who, method := legSID, http.MethodPost
			if c.who != "" {
				who = c.who
			}
			if c.method != "" {
				method = c.method
			}
			sent := map[string]url.Values{}
			for _, word := range words {
				form := url.Values{"ConferenceSid": {"CF1"}, "FriendlyName": {firstTask}, "StatusCallbackEvent": {word}, "CallSid": {who}}
				sent[word] = form
				notify(t, h, "/callqueue/conference/"+account+"/"+callSID, form)
			}
			require.NoError(t, h.Close(t.Context()))
			require.Equal(t, c.want, r.values("StatusCallbackEvent"))
			for _, n := range r.requests() {
				require.Equal(t, told{account, method, app, sent[n.form.Get("StatusCallbackEvent")]}, n)
			}
		})
	}
}

// forwarding is a world whose legs all ask for every event.
func forwarding(r *receiver, clock voice.Clock) (*world, *callqueue.Handler) {
	w := newWorld(twoSteps)
	w.placeLeg(taskrouter.Leg{Purpose: taskrouter.LegAccepts, ReservationSID: reservation})
	w.reserved(taskrouter.ReservationPending, instructed(taskrouter.InstructConference, "status_callback", app,
		"status_callback_event", "initiated,ringing,answered,completed"))
	return w, w.handler(voice.FlavourTwilio, r.options(clock))
}

// A failed request is repeated once, after a pause; meanwhile what came later
// on the leg waits its turn. What was refused is not repeated.
func TestProgressKeepsItsOrder(t *testing.T) {
	clock := voicetest.NewClock(time.Unix(1_800_000_000, 0))
	failures := []int{503, 204, 404, 0, 500, 204}
	r := &receiver{}
	r.answer = func(context.Context, told) (int, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		status := failures[0]
		failures = failures[1:]
		if status == 0 {
			return 0, fmt.Errorf("no answer")
		}
		return status, nil
	}
	_, h := forwarding(r, clock)
	for _, status := range []string{"initiated", "ringing", "in-progress", "completed"} {
		notify(t, h, progress, legParams("CallStatus", status))
	}
	r.until(t, func() bool { return clock.Waiting() == 1 })
	require.Equal(t, []string{"initiated"}, r.values("CallStatus"))
	clock.Advance(time.Second)
	r.until(t, func() bool { return clock.Waiting() == 1 && len(r.requests()) == 4 })
	clock.Advance(time.Second)
	r.until(t, func() bool { return len(r.requests()) == 6 })
	require.Equal(t, []string{"initiated", "initiated", "ringing", "in-progress", "in-progress", "completed"}, r.values("CallStatus"))
	require.NoError(t, h.Close(t.Context()))
	require.Zero(t, r.lost(), "what a receiver does not take was not dropped by us")
}

// A store that cannot be read is asked once more.
func TestProgressReadsAgain(t *testing.T) {
	for _, recovers := range []bool{true, false} {
		clock := voicetest.NewClock(time.Unix(1_800_000_000, 0))
		r := &receiver{}
		w, h := forwarding(r, clock)
		w.failReads = true
		notify(t, h, progress, legParams("CallStatus", "ringing"))
		r.until(t, func() bool { return clock.Waiting() == 1 })
		w.mu.Lock()
		w.failReads = !recovers
		w.mu.Unlock()
		clock.Advance(time.Second)
		if recovers {
			r.until(t, func() bool { return len(r.requests()) == 1 })
		} else {
			r.until(t, func() bool { return r.lost() == 1 })
		}
		require.NoError(t, h.Close(t.Context()))
	}
}

// Receivers that do not answer hold up neither the platform nor other accounts,
// and what waits for them is bounded.
func TestProgressIsBounded(t *testing.T) {
	const legs, ofAccount = 100, 512
	const slow, quick = "AC00000000000000000000000000000002", account
	r, release := &receiver{}, make(chan struct{})
	r.answer = func(_ context.Context, n told) (int, error) {
		if n.account == slow {
			<-release
		}
		return http.StatusOK, nil
	}
	w, h := forwarding(r, voice.SystemClock{})
	for n := range legs {
		l := *w.legs[attempt]
		l.Attempt, l.AccountSID, l.CallSIDs = fmt.Sprint("WR2-", n), slow, nil
		w.legs[l.Attempt] = &l
	}
	theirs := *w.reservations[0]
	theirs.AccountSID = slow
	w.reservations = append(w.reservations, &theirs)
	tell := func(n int) {
		notify(t, h, fmt.Sprintf("/callqueue/leg/WR2-%d/progress/%s/1", n%legs, callSID), legParams("CallStatus", "ringing", "SequenceNumber", fmt.Sprint(n)))
	}
	for n := range ofAccount + 88 {
		tell(n)
	}
	require.Equal(t, 88, r.lost(), "the newest")
	notify(t, h, progress, legParams("CallStatus", "ringing"))
	r.until(t, func() bool { return slices.ContainsFunc(r.requests(), func(n told) bool { return n.account == quick }) })
	require.Less(t, len(r.requests()), 32, "some senders are left for others")
	close(release)
	require.NoError(t, h.Close(t.Context()))
	require.Len(t, r.requests(), ofAccount+1)
	last := map[string]int{}
	for _, n := range r.requests() {
		if n.account != slow {
			continue
		}
		seq := 0
		_, err := fmt.Sscan(n.form.Get("SequenceNumber"), &seq)
		require.NoError(t, err)
		lane := fmt.Sprint(seq % legs)
		require.Greater(t, seq, last[lane]-1, "in the order of the leg")
		last[lane] = seq
	}
	require.Equal(t, 88, r.lost())
}

// A process that stops sends what waits, without pauses, but not for ever.
func TestProgressAtTheEnd(t *testing.T) {
	t.Run("a repeat does not wait", func(t *testing.T) {
		clock := voicetest.NewClock(time.Unix(1_800_000_000, 0))
		r := &receiver{answer: func(context.Context, told) (int, error) { return 500, nil }}
		_, h := forwarding(r, clock)
		notify(t, h, progress, legParams("CallStatus", "ringing"))
		r.until(t, func() bool { return clock.Waiting() == 1 })
		require.NoError(t, h.Close(t.Context()))
		require.Len(t, r.requests(), 2)
		require.NoError(t, h.Close(t.Context()), "again")
		notify(t, h, progress, legParams("CallStatus", "completed"))
		require.Equal(t, 1, r.lost(), "too late")
	})
	hangs := func(ctx context.Context, _ told) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	t.Run("time is up", func(t *testing.T) {
		clock := voicetest.NewClock(time.Unix(1_800_000_000, 0))
		r := &receiver{answer: hangs}
		_, h := forwarding(r, clock)
		for _, status := range []string{"initiated", "ringing", "completed"} {
			notify(t, h, progress, legParams("CallStatus", status))
		}
		r.until(t, func() bool { return len(r.requests()) == 1 })
		closed := make(chan error, 1)
		go func() { closed <- h.Close(t.Context()) }()
		r.until(t, func() bool { return clock.Waiting() == 1 })
		clock.Advance(5 * time.Second)
		require.NoError(t, <-closed)
		require.Equal(t, 3, r.lost())
		require.NoError(t, h.Close(t.Context()), "again")
	})
	t.Run("nobody waits longer", func(t *testing.T) {
		r := &receiver{answer: hangs}
		_, h := forwarding(r, voicetest.NewClock(time.Unix(1_800_000_000, 0)))
		notify(t, h, progress, legParams("CallStatus", "ringing"))
		r.until(t, func() bool { return len(r.requests()) == 1 })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, h.Close(ctx))
		require.Equal(t, 1, r.lost())
	})
}
