package voice_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

// station is a Backend of which only reading works.
type station struct {
	voice.Backend
	flavour    voice.Flavour
	live       []voice.Leg
	known      map[string]voice.Leg
	liveErr    error
	inspectErr error
	lists      chan struct{}
	inspected  int
}

func (s *station) Name() string           { return "b" }
func (s *station) Flavour() voice.Flavour { return s.flavour }
func (s *station) Live(context.Context) ([]voice.Leg, error) {
	if s.lists != nil {
		s.lists <- struct{}{}
	}
	return s.live, s.liveErr
}

func (s *station) Inspect(_ context.Context, sid string) (voice.Leg, error) {
	s.inspected++
	if s.inspectErr != nil {
		return voice.Leg{}, s.inspectErr
	}
	if l, ok := s.known[sid]; ok {
		return l, nil
	}
	return voice.Leg{CallSID: sid, State: voice.Ended, Cause: voice.EndLost}, nil
}

type fixedBook []voice.Leg

func (b fixedBook) LiveLegs(context.Context, string) ([]voice.Leg, error) { return b, nil }

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func newPoller(s *station, book fixedBook, clock voice.Clock) (*voice.Poller, *[]voice.Event) {
	var got []voice.Event
	p := voice.NewPoller(voice.PollerOptions{
		Backend: s, Book: book, Clock: clock,
		Sink: voice.SinkFunc(func(_ context.Context, e voice.Event) error { got = append(got, e); return nil }),
	})
	return p, &got
}

func TestPollerReportsDifferencesOnly(t *testing.T) {
	t.Parallel()
	old := noon.Add(-time.Minute)
	rows := []struct {
		name  string
		known voice.Leg
		live  []voice.Leg
		read  map[string]voice.Leg
		want  []voice.Event
		reads int
	}{
		{"same", voice.Leg{State: voice.Answered}, []voice.Leg{{State: voice.Answered}}, nil, nil, 0},
		{"list lags behind", voice.Leg{State: voice.Answered}, []voice.Leg{{State: voice.Ringing}}, nil, nil, 0},
		{
			"answered",
			voice.Leg{State: voice.Ringing, Attempt: "WR1-1"},
			[]voice.Leg{{State: voice.Answered}},
			nil,
			[]voice.Event{{State: voice.Answered, Attempt: "WR1-1"}},
			0,
		},
		{
			"ended",
			voice.Leg{State: voice.Ringing},
			nil,
			map[string]voice.Leg{"CA1": {State: voice.Ended, Cause: voice.EndBusy}},
			[]voice.Event{{State: voice.Ended, Cause: voice.EndBusy}},
			1,
		},
		{
			"unknown",
			voice.Leg{State: voice.Answered},
			nil, nil,
			[]voice.Event{{State: voice.Ended, Cause: voice.EndLost}},
			1,
		},
		{
			"absent but alive",
			voice.Leg{State: voice.Answered},
			nil,
			map[string]voice.Leg{"CA1": {State: voice.Answered}},
			nil, 1,
		},
		{"too young to be judged", voice.Leg{State: voice.Queued, CreatedAt: noon.Add(-2 * time.Second)}, nil, nil, nil, 0},
		{
			"calls of others",
			voice.Leg{State: voice.Answered},
			[]voice.Leg{{State: voice.Answered}, {CallSID: "CA9", State: voice.Ringing}},
			nil, nil, 0,
		},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			r.known.CallSID = "CA1"
			if r.known.CreatedAt.IsZero() {
				r.known.CreatedAt = old
			}
			for i := range r.live {
				if r.live[i].CallSID == "" {
					r.live[i].CallSID = "CA1"
				}
			}
			s := &station{live: r.live, known: r.read}
			p, got := newPoller(s, fixedBook{r.known}, voicetest.NewClock(noon))
			require.NoError(t, p.Poll(t.Context()))
			for i := range r.want {
				w := &r.want[i]
				w.Backend, w.CallSID, w.At, w.Sequence = "b", "CA1", noon, -1
			}
			require.Equal(t, r.want, *got)
			require.Equal(t, r.reads, s.inspected)
		})
	}
}

func TestPollerOnAnUnreachablePlatform(t *testing.T) {
	t.Parallel()
	clock := voicetest.NewClock(noon)
	s := &station{liveErr: errors.New("down")}
	p, got := newPoller(s, fixedBook{{CallSID: "CA1", State: voice.Answered}}, clock)
	for range 10 {
		require.Error(t, p.Poll(t.Context()))
		clock.Advance(time.Minute)
	}
	require.Empty(t, *got, "its calls may well go on")

	// Absent from the list and unreadable for two minutes: lost.
	s.liveErr, s.inspectErr = nil, errors.New("down")
	require.Error(t, p.Poll(t.Context()))
	clock.Advance(time.Minute)
	require.Error(t, p.Poll(t.Context()))
	require.Empty(t, *got)
	clock.Advance(time.Minute)
	require.NoError(t, p.Poll(t.Context()))
	require.Len(t, *got, 1)
	require.Equal(t, voice.EndLost, (*got)[0].Cause)
}

func TestPollerAsksNothingWhileNothingIsOpen(t *testing.T) {
	t.Parallel()
	s := &station{liveErr: errors.New("must not be called")}
	p, _ := newPoller(s, nil, voicetest.NewClock(noon))
	require.NoError(t, p.Poll(t.Context()))
}

func TestPollerInterval(t *testing.T) {
	t.Parallel()
	for flavour, interval := range map[voice.Flavour]time.Duration{
		voice.FlavourRestcomm: 15 * time.Second, voice.FlavourTwilio: 30 * time.Second,
	} {
		clock := voicetest.NewClock(noon)
		s := &station{flavour: flavour, lists: make(chan struct{})}
		p, _ := newPoller(s, fixedBook{{CallSID: "CA1", CreatedAt: noon}}, clock)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); p.Run(ctx) }()
		<-s.lists // at once: what was said while nobody listened is lost
		for _, pause := range []time.Duration{6 * time.Second, interval, interval} {
			require.Eventually(t, func() bool { return clock.Waiting() == 1 }, 30*time.Second, time.Millisecond)
			clock.Advance(pause - time.Millisecond)
			require.Equal(t, 1, clock.Waiting(), "not yet")
			clock.Advance(time.Millisecond)
			<-s.lists
		}
		cancel()
		<-done
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	s := &station{known: map[string]voice.Leg{
		"CA1": {State: voice.Ended, Cause: voice.EndBusy}, "CA2": {State: voice.Answered},
	}}
	over := func(sid string, c voice.EndCause) voice.Event {
		return voice.Event{CallSID: sid, State: voice.Ended, Cause: c}
	}
	rows := []struct {
		name  string
		event voice.Event
		known voice.LegState
		want  voice.EndCause
		reads int
	}{
		{"told", over("CA1", voice.EndNoAnswer), voice.Ringing, voice.EndNoAnswer, 0},
		{"answered before", over("CA1", ""), voice.Answered, voice.EndCompleted, 0},
		{"asked", over("CA1", ""), voice.Ringing, voice.EndBusy, 1},
		{"record older than the notice", over("CA2", ""), voice.Ringing, voice.EndCompleted, 1},
		{"unknown to the platform", over("CA3", ""), voice.Ringing, voice.EndLost, 1},
	}
	for _, r := range rows {
		s.inspected = 0
		e, err := voice.Settle(t.Context(), s, r.event, r.known)
		require.NoError(t, err, r.name)
		require.Equal(t, r.want, e.Cause, r.name)
		require.Equal(t, r.reads, s.inspected, r.name)
	}
	s.inspectErr = errors.New("down")
	e, err := voice.Settle(t.Context(), s, over("CA1", ""), voice.Ringing)
	require.Error(t, err)
	require.Equal(t, voice.Ended, e.State)
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	require.Equal(t, voice.ClassNone, voice.Verdict(nil))
	require.Equal(t, voice.ClassUnknownOutcome, voice.Verdict(errors.New("anything else")))
	require.Equal(t, voice.ClassGone, voice.Verdict(voice.ErrCallGone))
	require.Equal(t, voice.ClassUnsupported, voice.Verdict(voice.ErrUnsupported))
	require.Equal(t, voice.ClassFatal, voice.Verdict(voice.ErrNumberOverridden))
	for c := voice.ClassNone; c <= voice.ClassUnknownOutcome; c++ {
		err := &voice.Error{Class: c, Op: "x", Status: 400, Code: 21211, Detail: "+15550001 is invalid"}
		require.Equal(t, c, voice.Verdict(err))
		require.Equal(t, c == voice.ClassGone, errors.Is(err, voice.ErrCallGone))
		require.Equal(t, c == voice.ClassUnsupported, errors.Is(err, voice.ErrUnsupported))
		require.Contains(t, err.Error(), c.String())
		require.NotContains(t, err.Error(), "15550001")
	}
}
