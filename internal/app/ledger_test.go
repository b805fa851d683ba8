package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/voicetest"
)

// The ledger in the database behaves as every voice back-end expects, on both
// databases.
func TestLedger(t *testing.T) {
	for name, url := range map[string]func(t *testing.T) string{
		"sqlite":   func(*testing.T) string { return store.MemoryURL },
		"postgres": func(t *testing.T) string { return pgtest.Start(t) },
	} {
		t.Run(name, func(t *testing.T) {
			voicetest.RunLedger(t, func(t *testing.T) voice.Ledger { return ledger{openStore(t, url(t))} })
		})
	}
}

func openStore(t *testing.T, url string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{URL: url})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	require.NoError(t, st.Migrate(t.Context()))
	return st
}

func TestOldDialAttemptsAreRemoved(t *testing.T) {
	st := openStore(t, store.MemoryURL)
	l := ledger{st}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for id, age := range map[string]time.Duration{"old": 48 * time.Hour, "new": time.Hour} {
		_, created, err := l.Begin(t.Context(), voice.Attempt{Backend: "b", ID: id, State: voice.AttemptPlacing, StartedAt: now.Add(-age)})
		require.NoError(t, err)
		require.True(t, created)
		_, err = l.Reveal(t.Context(), "b", id, 0, "CA-"+id)
		require.NoError(t, err)
	}
	n, err := st.DeleteDialAttemptsBefore(t.Context(), now.Add(-24*time.Hour), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, known, err := l.Attempt(t.Context(), "b", "old")
	require.NoError(t, err)
	require.False(t, known)
	owner, err := l.Owner(t.Context(), "b", "CA-old")
	require.NoError(t, err)
	require.Empty(t, owner)
	owner, err = l.Owner(t.Context(), "b", "CA-new")
	require.NoError(t, err)
	require.Equal(t, "new", owner)
}
