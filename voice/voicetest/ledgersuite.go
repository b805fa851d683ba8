package voicetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
)

// RunLedger checks that a ledger keeps the promises of voice.Ledger. The ledger
// is made anew for every case; it must accept back-ends and attempts of any name.
func RunLedger(t *testing.T, newLedger func(t *testing.T) voice.Ledger) {
	t.Helper()
	cases := []struct {
		name string
		run  func(t *testing.T, l voice.Ledger)
	}{
		{"begin once", ledgerBegins},
		{"states that stay", ledgerKeeps},
		{"reveal", ledgerReveals},
		{"back-ends apart", ledgerSeparates},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, newLedger(t))
		})
	}
}

func placing(id string) voice.Attempt {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	return voice.Attempt{
		Backend: "b", ID: id, State: voice.AttemptPlacing, To: "client:alice", From: "+15550100",
		Placement: 1, StartedAt: at, SentAt: at,
	}
}

func begin(t *testing.T, l voice.Ledger, a voice.Attempt) voice.Attempt {
	t.Helper()
	stored, created, err := l.Begin(testContext(t), a)
	require.NoError(t, err)
	require.True(t, created)
	return stored
}

func save(t *testing.T, l voice.Ledger, a voice.Attempt) voice.Attempt {
	t.Helper()
	stored, err := l.Save(testContext(t), a)
	require.NoError(t, err)
	return stored
}

func ledgerBegins(t *testing.T, l voice.Ledger) {
	ctx := testContext(t)
	_, found, err := l.Attempt(ctx, "b", "WR1-1")
	require.NoError(t, err)
	require.False(t, found)
	first := begin(t, l, placing("WR1-1"))
	other := placing("WR1-1")
	other.Placement = 2
	stored, created, err := l.Begin(ctx, other)
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, first.Placement, stored.Placement)
	require.Equal(t, voice.AttemptPlacing, stored.State)
	require.True(t, first.StartedAt.Equal(stored.StartedAt))
	require.True(t, first.SentAt.Equal(stored.SentAt))
	require.Equal(t, "client:alice", stored.To)
	require.Equal(t, "+15550100", stored.From)
}

func ledgerKeeps(t *testing.T, l voice.Ledger) {
	a := begin(t, l, placing("WR1-1"))
	a.State, a.Failure = voice.AttemptFailed, voice.ClassRetryable
	a = save(t, l, a)
	require.Equal(t, voice.ClassRetryable, a.Failure)
	a.State, a.Placement, a.Failure = voice.AttemptPlacing, 2, voice.ClassNone
	a = save(t, l, a)
	require.Equal(t, voice.AttemptPlacing, a.State, "a failed attempt may be placed again")
	require.Equal(t, 2, a.Placement)
	a.State, a.CallSIDs = voice.AttemptPlaced, []string{"CA1"}
	a = save(t, l, a)
	a.State, a.CallSIDs = voice.AttemptUnknown, []string{"CA2"}
	a = save(t, l, a)
	require.Equal(t, voice.AttemptPlaced, a.State, "placed stays")
	require.ElementsMatch(t, []string{"CA1", "CA2"}, a.CallSIDs, "legs are added")
	a.State = voice.AttemptAbandoned
	save(t, l, a)
	a.State = voice.AttemptPlaced
	require.Equal(t, voice.AttemptAbandoned, save(t, l, a).State, "abandoned is final")
	stored, found, err := l.Attempt(testContext(t), "b", "WR1-1")
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, voice.AttemptAbandoned, stored.State)
}

func ledgerReveals(t *testing.T, l voice.Ledger) {
	ctx := testContext(t)
	reveal := func(placement int, sid string) bool {
		wanted, err := l.Reveal(ctx, "b", "WR1-1", placement, sid)
		require.NoError(t, err)
		return wanted
	}
	require.False(t, reveal(1, "CA0"), "an attempt nobody made")
	a := begin(t, l, placing("WR1-1"))
	require.True(t, reveal(1, "CA1"))
	require.True(t, reveal(1, "CA1"), "again")
	require.True(t, reveal(0, "CA1"), "placement not known")
	owner, err := l.Owner(ctx, "b", "CA1")
	require.NoError(t, err)
	require.Equal(t, "WR1-1", owner)
	a, _, err = l.Attempt(ctx, "b", a.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"CA1"}, a.CallSIDs)

	a.Placement = 2
	a = save(t, l, a)
	require.False(t, reveal(1, "CA2"), "an old placement")
	require.True(t, reveal(2, "CA3"))
	a.State = voice.AttemptAbandoned
	save(t, l, a)
	require.False(t, reveal(2, "CA3"), "abandoned")
	owner, err = l.Owner(ctx, "b", "CA9")
	require.NoError(t, err)
	require.Empty(t, owner)
}

func ledgerSeparates(t *testing.T, l voice.Ledger) {
	ctx := testContext(t)
	a := begin(t, l, placing("WR1-1"))
	a.CallSIDs = []string{"CA1"}
	save(t, l, a)
	_, found, err := l.Attempt(ctx, "other", "WR1-1")
	require.NoError(t, err)
	require.False(t, found)
	owner, err := l.Owner(ctx, "other", "CA1")
	require.NoError(t, err)
	require.Empty(t, owner)
}
