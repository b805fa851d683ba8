package storetest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// claim is what a request at a time asks for.
func (f *fixture) claim(key, fingerprint string, now time.Time) *taskrouter.Claim {
	return &taskrouter.Claim{
		AccountSID: f.account, Key: key, Fingerprint: fingerprint, ResourceSID: f.sid("WT"),
		CreatedAt: now, HeldUntil: now.Add(10 * time.Second),
	}
}

// takeClaim takes a claim of which none stands that is a day old.
func (f *fixture) takeClaim(c *taskrouter.Claim) (*taskrouter.Claim, bool) {
	f.t.Helper()
	got, taken, err := f.s.TakeClaim(f.t.Context(), c, c.CreatedAt.Add(-24*time.Hour))
	require.NoError(f.t, err)
	return got, taken
}

func testClaims(t *testing.T, f *fixture) {
	ctx := t.Context()
	first := f.claim("k", "x", at(0))
	got, taken := f.takeClaim(first)
	require.True(t, taken)
	require.Equal(t, first, got)

	// Another key and another account are other claims.
	_, taken = f.takeClaim(f.claim("l", "x", at(0)))
	require.True(t, taken)
	foreign := f.claim("k", "x", at(0))
	foreign.AccountSID = "AC0"
	_, taken = f.takeClaim(foreign)
	require.True(t, taken)

	// Held by another request; different parameters.
	second := f.claim("k", "x", at(0).Add(5*time.Second))
	got, taken = f.takeClaim(second)
	require.False(t, taken)
	require.Equal(t, first, got)
	got, taken = f.takeClaim(f.claim("k", "y", at(0).Add(time.Hour)))
	require.False(t, taken)
	require.Equal(t, first, got)

	// Given up for lost; given back.
	late := f.claim("k", "x", first.HeldUntil)
	got, taken = f.takeClaim(late)
	require.True(t, taken)
	require.Equal(t, first.ResourceSID, got.ResourceSID, "the SID stays")
	require.Equal(t, late.HeldUntil, got.HeldUntil)
	require.Equal(t, first.CreatedAt, got.CreatedAt)
	_, taken = f.takeClaim(f.claim("k", "x", late.CreatedAt.Add(time.Second)))
	require.False(t, taken)
	require.NoError(t, f.s.ReleaseClaim(ctx, got))
	_, taken = f.takeClaim(f.claim("k", "x", late.CreatedAt.Add(time.Second)))
	require.True(t, taken)

	// Answered: the first answer stays and is not taken over.
	answer := taskrouter.ClaimAnswer{Status: 201, ETag: `"0"`, Body: `{"a":"'\u0000"}` + "\n"}
	require.NoError(t, f.s.AnswerClaim(ctx, first, answer))
	require.NoError(t, f.s.AnswerClaim(ctx, first, taskrouter.ClaimAnswer{Status: 200}))
	require.NoError(t, f.s.ReleaseClaim(ctx, first))
	got, taken = f.takeClaim(f.claim("k", "x", at(0).Add(23*time.Hour)))
	require.False(t, taken)
	require.Equal(t, &answer, got.Answer)

	// Forgotten after a day, whether it was swept or not.
	next := f.claim("k", "y", at(0).Add(25*time.Hour))
	got, taken = f.takeClaim(next)
	require.True(t, taken)
	require.Equal(t, next, got)
	require.NoError(t, f.s.DropClaim(ctx, next))
	_, taken = f.takeClaim(f.claim("k", "z", at(0).Add(25*time.Hour)))
	require.True(t, taken)

	n, err := f.s.DeleteClaimsBefore(ctx, at(0).Add(time.Hour), 1)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = f.s.DeleteClaimsBefore(ctx, at(0).Add(time.Hour), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, taken = f.takeClaim(f.claim("k", "z", at(0).Add(25*time.Hour)))
	require.False(t, taken, "the newer one is left")
}

// testClaimsAreUsedOnce creates for a claim in a transaction.
func testClaimsAreUsedOnce(t *testing.T, f *fixture) {
	ctx := t.Context()
	c := f.claim("k", "x", at(0))
	f.takeClaim(c)
	unused := func() (err error) {
		require.NoError(t, f.s.InWorkspace(ctx, f.ws, func(ctx context.Context, tx dispatch.Tx) error {
			err = tx.ClaimUnused(ctx, c.ResourceSID)
			return nil
		}))
		return err
	}
	done := func(c *taskrouter.Claim) bool {
		done, err := f.s.ClaimDone(ctx, c)
		require.NoError(t, err)
		return done
	}
	requireKind(t, taskrouter.KindConflict, f.s.InWorkspace(ctx, f.ws, func(ctx context.Context, tx dispatch.Tx) error {
		return tx.ClaimUnused(ctx, "WT0")
	}))
	require.NoError(t, unused())
	require.False(t, done(c))
	// A transaction that is rolled back leaves the claim open.
	rollback := taskrouter.Invalidf("no")
	require.ErrorIs(t, f.s.InWorkspace(ctx, f.ws, func(ctx context.Context, tx dispatch.Tx) error {
		require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Claims: []string{c.ResourceSID}}))
		requireKind(t, taskrouter.KindConflict, tx.ClaimUnused(ctx, c.ResourceSID))
		return rollback
	}), rollback)
	require.NoError(t, unused())

	f.apply(&dispatch.Changes{Claims: []string{c.ResourceSID}})
	requireKind(t, taskrouter.KindConflict, unused())
	require.True(t, done(c))
	require.NoError(t, f.s.DropClaim(ctx, c))
	require.True(t, done(c), "what was done is not forgotten")

	// A Workspace takes the claim of its SID along.
	w := f.claim("w", "x", at(0))
	w.ResourceSID = taskrouter.NewSID(taskrouter.PrefixWorkspace)
	f.takeClaim(w)
	row := &taskrouter.Workspace{SID: w.ResourceSID, AccountSID: f.account}
	require.NoError(t, f.s.CreateWorkspace(ctx, row, nil, nil, nil, nil, nil))
	require.True(t, done(w))
	requireKind(t, taskrouter.KindConflict, f.s.CreateWorkspace(ctx, row, nil, nil, nil, nil, nil))
}

// testClaimsAreTakenOnce lets many requests want one claim at the same time.
func testClaimsAreTakenOnce(t *testing.T, f *fixture) {
	var taken atomic.Int32
	var wg sync.WaitGroup
	wanted := make([]*taskrouter.Claim, 16)
	for i := range wanted {
		wanted[i] = f.claim("k", "x", at(0))
	}
	for _, c := range wanted {
		wg.Go(func() {
			_, mine, err := f.s.TakeClaim(t.Context(), c, at(0).Add(-time.Hour))
			if err != nil {
				t.Errorf("take: %v", err)
			}
			if mine {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	require.Equal(t, int32(1), taken.Load())
}
