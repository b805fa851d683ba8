package activities

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/taskrouter/taskrouter/taskrouter"
)

var attempt = AttemptInput{Subject: subject, Attempt: "WR1-1"}

func TestDialEndsOlderLegsFirst(t *testing.T) {
	s := &store{dial: DialOrder{
		Proceed: true, Leg: &taskrouter.Leg{Attempt: "WR1-1"}, Drain: []*taskrouter.Leg{{Attempt: "WR0-1"}, {Attempt: "WR0-2"}},
	}}
	p := &phones{report: DialReport{Outcome: DialPlaced, CallSIDs: []string{"CA1"}}, looks: 2}
	a := &Calls{Store: s, Phones: p}
	got, err := run[DialResult](t, a, a.Dial, attempt)
	require.NoError(t, err)
	require.Equal(t, []string{"WR0-1", "WR0-2"}, p.ended)
	require.Negative(t, p.looks, "it waited until the phone was free")
	require.Equal(t, []string{"begin WS1 WR1-1", "reported WS1 WR1-1"}, s.calls)
	require.Equal(t, DialReport{Attempt: "WR1-1", Outcome: DialPlaced, CallSIDs: []string{"CA1"}}, s.report)
	require.EqualValues(t, 5, got.View.Revision)
}

func TestDialDoesNotWaitForeverForAnOlderLeg(t *testing.T) {
	s := &store{dial: DialOrder{Proceed: true, Leg: &taskrouter.Leg{}, Drain: []*taskrouter.Leg{{Attempt: "WR0-1"}}}}
	p := &phones{report: DialReport{Outcome: DialPlaced}, looks: 1 << 20, hangUp: errors.New("503")}
	a := &Calls{Store: s, Phones: p}
	_, err := run[DialResult](t, a, a.Dial, attempt)
	require.NoError(t, err)
	require.Equal(t, 1, p.dialled)
}

func TestDial(t *testing.T) {
	proceed := DialOrder{Proceed: true, Leg: &taskrouter.Leg{}}
	failed := DialReport{Outcome: DialFailed, Cause: "busy"}
	for name, row := range map[string]struct {
		store   *store
		dialled int
		unsaved *DialReport
		gone    bool
	}{
		"failed":           {store: &store{dial: proceed}, dialled: 1},
		"not wanted":       {store: &store{}},
		"task gone":        {store: &store{err: errGone}, gone: true},
		"report not taken": {store: &store{dial: proceed, writeErr: errDown}, dialled: 1, unsaved: &DialReport{Attempt: "WR1-1", Outcome: DialFailed, Cause: "busy"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &phones{report: failed}
			a := &Calls{Store: row.store, Phones: p}
			got, err := run[DialResult](t, a, a.Dial, attempt)
			require.NoError(t, err)
			require.Equal(t, row.dialled, p.dialled)
			require.Equal(t, row.unsaved, got.Unsaved)
			require.Equal(t, row.gone, got.View != nil && got.View.Removed)
		})
	}
	t.Run("store down before anything was asked", func(t *testing.T) {
		p := &phones{}
		a := &Calls{Store: &store{err: errDown}, Phones: p}
		_, err := run[DialResult](t, a, a.Dial, attempt)
		requireStoreError(t, err)
		require.Zero(t, p.dialled)
	})
}

func TestConfirm(t *testing.T) {
	live := &taskrouter.Leg{Attempt: "WR1-1", State: taskrouter.LegAnswered}
	for name, row := range map[string]struct {
		store  *store
		joined bool
		view   bool
		gone   bool
	}{
		"joined after a look or two": {store: &store{leg: live}, joined: true, view: true},
		"join not taken":             {store: &store{leg: live, writeErr: errDown}, joined: true},
		"leg over":                   {store: &store{leg: &taskrouter.Leg{State: taskrouter.LegEnded}}},
		"leg unknown":                {store: &store{}},
		"task gone":                  {store: &store{err: errGone}, view: true, gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			a := &Calls{Store: row.store, Phones: &phones{looks: 1}}
			got, err := run[JoinResult](t, a, a.Confirm, attempt)
			require.NoError(t, err)
			require.Equal(t, row.joined, got.Joined)
			require.Equal(t, row.view, got.View != nil)
			require.Equal(t, row.gone, got.View != nil && got.View.Removed)
		})
	}
	t.Run("store down", func(t *testing.T) {
		a := &Calls{Store: &store{err: errDown}, Phones: &phones{}}
		_, err := run[JoinResult](t, a, a.Confirm, attempt)
		requireStoreError(t, err)
	})
}

func TestHangUp(t *testing.T) {
	live := &taskrouter.Leg{Attempt: "WR1-1", State: taskrouter.LegRinging}
	for name, row := range map[string]struct {
		store *store
		ended []string
		view  bool
	}{
		"ringing":                 {store: &store{leg: live}, ended: []string{"WR1-1"}, view: true},
		"over":                    {store: &store{leg: &taskrouter.Leg{State: taskrouter.LegEnded}}, view: true},
		"unknown":                 {store: &store{}, ended: []string{"WR1-1"}, view: true},
		"forgotten with its task": {store: &store{err: errGone}, ended: []string{"WR1-1"}, view: true},
		"end not taken":           {store: &store{leg: live, writeErr: errDown}, ended: []string{"WR1-1"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &phones{}
			a := &Calls{Store: row.store, Phones: p}
			got, err := run[HangUpResult](t, a, a.HangUp, attempt)
			require.NoError(t, err)
			require.Equal(t, row.ended, p.ended)
			require.Equal(t, row.view, got.View != nil)
		})
	}
	t.Run("platform refuses", func(t *testing.T) {
		a := &Calls{Store: &store{leg: live}, Phones: &phones{hangUp: errors.New("503 for +15551234567")}}
		_, err := run[HangUpResult](t, a, a.HangUp, attempt)
		var app *temporal.ApplicationError
		require.ErrorAs(t, err, &app)
		require.Equal(t, TypePhone, app.Type())
		require.NotContains(t, err.Error(), "+1555")
	})
}
