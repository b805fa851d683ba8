package workspace_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func (r *accountRows) CreateKey(_ context.Context, k *taskrouter.Key) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys[k.SID] = *k
	return r.down
}

func (r *accountRows) FetchKey(_ context.Context, sid string) (*taskrouter.Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if k, ok := r.keys[sid]; ok && r.down == nil {
		return &k, nil
	}
	return nil, r.down
}

func (r *accountRows) ListKeys(_ context.Context, account string, _ taskrouter.Page) ([]*taskrouter.Key, error) {
	var out []*taskrouter.Key
	for _, k := range r.keys {
		if k.AccountSID == account {
			out = append(out, &k)
		}
	}
	return out, r.down
}

func (r *accountRows) owned(account, sid string) bool { return r.keys[sid].AccountSID == account }

func (r *accountRows) RenameKey(_ context.Context, k *taskrouter.Key) (bool, error) {
	found := r.owned(k.AccountSID, k.SID)
	r.keys[k.SID] = *k
	return found, r.down
}

func (r *accountRows) DeleteKey(_ context.Context, account, sid string) (bool, error) {
	found := r.owned(account, sid)
	if found {
		delete(r.keys, sid)
	}
	return found, r.down
}

func TestKeysAuthenticateTheirAccount(t *testing.T) {
	b := newAccountBench(t)
	ctx := t.Context()
	sid, token, err := b.here.CreateAccount(ctx, "Acme")
	require.NoError(t, err)
	other, _, err := b.here.CreateAccount(ctx, "Other")
	require.NoError(t, err)
	key, secret, err := b.here.CreateKey(ctx, sid, "CI")
	require.NoError(t, err)
	foreign, foreignSecret, err := b.here.CreateKey(ctx, other, "")
	require.NoError(t, err)

	require.True(t, taskrouter.IsSID(taskrouter.PrefixKey, key.SID))
	require.Regexp(t, `^[0-9A-Za-z]{32}$`, secret)
	require.NotContains(t, string(b.rows.keys[key.SID].SecretHash), secret)
	for _, e := range b.logs.All() {
		for _, v := range e.ContextMap() {
			require.NotEqual(t, secret, v)
		}
	}
	for name, c := range map[string]struct{ user, secret, account string }{
		"key":                     {key.SID, secret, sid},
		"key of another account":  {foreign.SID, foreignSecret, other},
		"secret of another key":   {key.SID, foreignSecret, ""},
		"the account's token":     {key.SID, token, ""},
		"the account with secret": {sid, secret, ""},
		"no secret":               {key.SID, "", ""},
		"part of the secret":      {key.SID, secret[:31], ""},
		"the digest":              {key.SID, string(key.SecretHash), ""},
		"unknown":                 {taskrouter.NewSID(taskrouter.PrefixKey), secret, ""},
		"malformed":               {"SK1", secret, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := b.there.Authenticate(ctx, c.user, c.secret)
			require.Equal(t, c.account, got)
			if c.account == "" {
				require.Equal(t, taskrouter.KindUnauthorized, taskrouter.KindOf(err))
				require.Equal(t, "Authenticate", err.Error(), "every refusal reads the same")
				return
			}
			require.NoError(t, err)
		})
	}
	_, err = b.here.SigningTokens(ctx, key.SID)
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err), "keys sign nothing")
}

// TestKeysAreRemembered shows that a request with a key costs no query, and for
// how long a revoked key still works.
func TestKeysAreRemembered(t *testing.T) {
	b := newAccountBench(t)
	ctx := t.Context()
	sid, _, err := b.here.CreateAccount(ctx, "Acme")
	require.NoError(t, err)
	key, secret, err := b.here.CreateKey(ctx, sid, "CI")
	require.NoError(t, err)
	works := func(a *workspace.Accounts) bool {
		_, err := a.Authenticate(ctx, key.SID, secret)
		return err == nil
	}
	b.rows.reads = 0
	for range 100 {
		require.True(t, works(b.there))
		_, err = b.there.Authenticate(ctx, key.SID, "wrong")
		require.Error(t, err)
	}
	require.Equal(t, 1, b.rows.reads)

	require.True(t, works(b.here))
	require.NoError(t, b.here.RevokeKey(ctx, sid, key.SID))
	require.False(t, works(b.here), "at once where it was revoked")
	b.now = b.now.Add(10*time.Second - 1)
	require.True(t, works(b.there), "remembered")
	b.now = b.now.Add(1)
	require.False(t, works(b.there), "elsewhere after ten seconds at the latest")
}

func TestKeysAreManagedByTheirAccount(t *testing.T) {
	b := newAccountBench(t)
	ctx := t.Context()
	sid, _, err := b.here.CreateAccount(ctx, "Acme")
	require.NoError(t, err)
	other, _, err := b.here.CreateAccount(ctx, "Other")
	require.NoError(t, err)
	key, secret, err := b.here.CreateKey(ctx, sid, "CI")
	require.NoError(t, err)

	name := "Deployment"
	for what, do := range map[string]func(account, sid string) error{
		"fetch":  func(account, sid string) error { _, err := b.here.FetchKey(ctx, account, sid); return err },
		"rename": func(account, sid string) error { _, err := b.here.RenameKey(ctx, account, sid, &name); return err },
		"leave":  func(account, sid string) error { _, err := b.here.RenameKey(ctx, account, sid, nil); return err },
		"revoke": func(account, sid string) error { return b.here.RevokeKey(ctx, account, sid) },
	} {
		for _, who := range [][2]string{{other, key.SID}, {sid, taskrouter.NewSID(taskrouter.PrefixKey)}, {sid, "SK1"}, {sid, sid}} {
			require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(do(who[0], who[1])), what)
		}
	}
	require.Equal(t, "CI", b.rows.keys[key.SID].FriendlyName)
	b.now = b.now.Add(time.Minute)
	renamed, err := b.here.RenameKey(ctx, sid, key.SID, &name)
	require.NoError(t, err)
	require.Equal(t, name, renamed.FriendlyName)
	require.True(t, renamed.UpdatedAt.After(renamed.CreatedAt))
	same, err := b.here.RenameKey(ctx, sid, key.SID, nil)
	require.NoError(t, err)
	require.Equal(t, name, same.FriendlyName)
	_, err = b.there.Authenticate(ctx, key.SID, secret)
	require.NoError(t, err, "a new name changes nothing else")

	all, err := b.here.ListKeys(ctx, sid, taskrouter.Page{Size: 10})
	require.NoError(t, err)
	require.True(t, slices.ContainsFunc(all, func(k *taskrouter.Key) bool { return k.SID == key.SID }))

	for _, bad := range []string{strings.Repeat("a", 65), "a\x00", "\xff"} {
		_, _, err = b.here.CreateKey(ctx, sid, bad)
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
		_, err = b.here.RenameKey(ctx, sid, key.SID, &bad)
		require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
	}
	_, err = b.here.ListKeys(ctx, taskrouter.NewSID(taskrouter.PrefixAccount), taskrouter.Page{Size: 10})
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err))
	_, _, err = b.here.CreateKey(ctx, taskrouter.NewSID(taskrouter.PrefixAccount), "")
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err))
}
