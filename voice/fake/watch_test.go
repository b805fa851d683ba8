package fake_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
)

// watch collects what a watcher is told, until done says that it was enough.
func watch(s *stage, done func(fake.CallSnapshot) bool) (told func() []fake.CallSnapshot) {
	enough := errors.New("enough")
	var all []fake.CallSnapshot
	ended := make(chan error, 1)
	began := make(chan struct{})
	go func() {
		close(began)
		ended <- s.Watch(s.ctx, func(c fake.CallSnapshot) error {
			all = append(all, c)
			if done(c) {
				return enough
			}
			return nil
		})
	}()
	<-began
	return func() []fake.CallSnapshot {
		s.t.Helper()
		require.ErrorIs(s.t, <-ended, enough)
		return all
	}
}

func TestWatchersSeeCallsChange(t *testing.T) {
	s := newStage(t, fake.Options{KeepEnded: 1})
	room := s.doc("room", `<Dial><Conference waitUrl="">desk</Conference></Dial>`)
	menu := s.doc("menu", `<Gather numDigits="1" timeout="60" action="`+room+`"><Say>Press 1.</Say></Gather>`)

	over := s.call("") // no document: over before anybody watches
	s.until(over, func(c fake.CallSnapshot) bool { return !c.Live() })
	caller := s.call(menu)
	told := watch(s, func(c fake.CallSnapshot) bool { return c.CallSID == caller && c.Listening })()
	for _, c := range told {
		require.NotEqual(t, over, c.CallSID, "it is over")
		require.Empty(t, c.Transcript)
	}

	wait := watch(s, func(c fake.CallSnapshot) bool { return c.CallSID == caller && c.Room == "desk" })
	require.NoError(t, s.Press(caller, "1"))
	wait()

	agent := s.Originate(fake.Outgoing{From: "+15550100", To: "client:alice", URL: room})[0]
	watch(s, func(c fake.CallSnapshot) bool { return c.CallSID == agent && c.State == voice.Ringing.String() })()
	wait = watch(s, func(c fake.CallSnapshot) bool { return c.CallSID == agent && c.Bridged && c.Peers[0] == caller })
	require.NoError(t, s.Answer(agent))
	wait()

	wait = watch(s, func(c fake.CallSnapshot) bool { return c.CallSID == caller && !c.Live() })
	require.NoError(t, s.HangUp(caller))
	wait()
}

// TestWatchersKeepUp lets more calls come and go than are remembered, one after
// the other, beside one that stays.
func TestWatchersKeepUp(t *testing.T) {
	s := newStage(t, fake.Options{KeepEnded: 2})
	room := s.doc("room", `<Dial><Conference waitUrl="">desk</Conference></Dial>`)
	seen := make(chan fake.CallSnapshot)
	go func() {
		_ = s.Watch(s.ctx, func(c fake.CallSnapshot) error {
			select {
			case seen <- c:
				return nil
			case <-s.ctx.Done():
				return s.ctx.Err()
			}
		})
	}()
	until := func(sid string, holds func(fake.CallSnapshot) bool) {
		t.Helper()
		for {
			select {
			case c := <-seen:
				if c.CallSID == sid && holds(c) {
					return
				}
			case <-s.ctx.Done():
				t.Fatal("not told")
			}
		}
	}
	stays := s.call(room)
	until(stays, func(c fake.CallSnapshot) bool { return c.Room == "desk" })
	for range 10 {
		sid := s.call(room)
		until(sid, func(c fake.CallSnapshot) bool { return c.Bridged && slices.Equal(c.Peers, []string{stays}) })
		require.NoError(t, s.HangUp(sid))
		until(sid, func(c fake.CallSnapshot) bool { return !c.Live() })
	}
	require.NoError(t, s.HangUp(stays))
	until(stays, func(c fake.CallSnapshot) bool { return !c.Live() })
}

func TestWatchingEnds(t *testing.T) {
	s := newStage(t, fake.Options{})
	gone, leave := context.WithCancel(t.Context())
	leave()
	require.ErrorIs(t, s.Watch(gone, func(fake.CallSnapshot) error { return nil }), context.Canceled)
	s.Close()
	require.NoError(t, s.Watch(t.Context(), func(fake.CallSnapshot) error { return nil }))
}
