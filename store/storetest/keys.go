package storetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func testKeys(t *testing.T, f *fixture) {
	ctx := t.Context()
	a, b, foreign := filled[taskrouter.Key](1), filled[taskrouter.Key](2), filled[taskrouter.Key](3)
	a.AccountSID, b.AccountSID, foreign.AccountSID = f.account, f.account, "AC0"
	a.SecretHash = []byte{0, 1, 0xff, '\''}
	a.CreatedAt, b.CreatedAt = at(1), at(2)
	for _, k := range []*taskrouter.Key{b, a, foreign} {
		require.NoError(t, f.s.CreateKey(ctx, k))
	}
	requireKind(t, taskrouter.KindConflict, f.s.CreateKey(ctx, a))

	for _, want := range []*taskrouter.Key{a, b, foreign} {
		got, err := f.s.FetchKey(ctx, want.SID)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	got, err := f.s.FetchKey(ctx, "SK0")
	require.NoError(t, err)
	require.Nil(t, got)

	sid := func(k *taskrouter.Key) string { return k.SID }
	all, err := f.s.ListKeys(ctx, f.account, wide)
	require.NoError(t, err)
	require.Equal(t, []string{a.SID, b.SID}, sids(all, sid))
	all, err = f.s.ListKeys(ctx, f.account, taskrouter.Page{Size: 5, After: a.SID})
	require.NoError(t, err)
	require.Equal(t, []string{b.SID}, sids(all, sid))
	_, err = f.s.ListKeys(ctx, f.account, taskrouter.Page{Size: 5, After: foreign.SID})
	requireKind(t, taskrouter.KindInvalid, err)

	stolen := *foreign
	stolen.AccountSID, stolen.FriendlyName = f.account, "Mine"
	found, err := f.s.RenameKey(ctx, &stolen)
	require.NoError(t, err)
	require.False(t, found)
	found, err = f.s.DeleteKey(ctx, f.account, foreign.SID)
	require.NoError(t, err)
	require.False(t, found)
	got, err = f.s.FetchKey(ctx, foreign.SID)
	require.NoError(t, err)
	require.Equal(t, foreign, got)

	a.FriendlyName, a.UpdatedAt = "Renamed", at(9)
	found, err = f.s.RenameKey(ctx, a)
	require.NoError(t, err)
	require.True(t, found)
	got, err = f.s.FetchKey(ctx, a.SID)
	require.NoError(t, err)
	require.Equal(t, a, got)
	for _, want := range []bool{true, false} {
		found, err = f.s.DeleteKey(ctx, f.account, a.SID)
		require.NoError(t, err)
		require.Equal(t, want, found)
	}
	got, err = f.s.FetchKey(ctx, a.SID)
	require.NoError(t, err)
	require.Nil(t, got)
}
