package workspace_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// accountRows is an AccountStore in memory that counts its reads.
type accountRows struct {
	mu    sync.Mutex
	rows  map[string]taskrouter.Account
	keys  map[string]taskrouter.Key
	reads int
	down  error
}

func (r *accountRows) CreateAccount(_ context.Context, a *taskrouter.Account) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[a.SID] = *a
	return r.down
}

func (r *accountRows) UpdateAccount(_ context.Context, a *taskrouter.Account) error {
	return r.CreateAccount(context.Background(), a)
}

func (r *accountRows) FetchAccount(_ context.Context, sid string) (*taskrouter.Account, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads++
	if a, ok := r.rows[sid]; ok && r.down == nil {
		return &a, nil
	}
	return nil, r.down
}

// accountBench is two processes over one store, with a clock to turn.
type accountBench struct {
	here, there *workspace.Accounts
	rows        *accountRows
	now         time.Time
	logs        *observer.ObservedLogs
}

func newAccountBench(t *testing.T) *accountBench {
	t.Helper()
	b := &accountBench{rows: &accountRows{rows: map[string]taskrouter.Account{}, keys: map[string]taskrouter.Key{}}, now: time.Unix(1_700_000_000, 0)}
	core, logs := observer.New(zapcore.DebugLevel)
	b.logs = logs
	key := workspace.NewSealingKey()
	make1 := func() *workspace.Accounts {
		sealer, err := workspace.NewSealer(key)
		require.NoError(t, err)
		return workspace.NewAccounts(b.rows, sealer, zap.New(core), workspace.AccountOptions{Now: func() time.Time { return b.now }})
	}
	b.here, b.there = make1(), make1()
	return b
}

func TestAccountTokenIsAlphanumericAndShownOnce(t *testing.T) {
	b := newAccountBench(t)
	sid, token, err := b.here.CreateAccount(t.Context(), "Acme")
	require.NoError(t, err)
	require.True(t, taskrouter.IsSID(taskrouter.PrefixAccount, sid))
	require.Regexp(t, `^[0-9A-Za-z]{32}$`, token)
	row := b.rows.rows[sid]
	require.NotContains(t, string(row.AuthTokenSealed), token)
	for _, e := range b.logs.All() {
		for _, v := range e.ContextMap() {
			require.NotEqual(t, token, v)
		}
	}
	_, other, err := b.here.CreateAccount(t.Context(), "Acme")
	require.NoError(t, err)
	require.NotEqual(t, token, other)

	_, _, err = b.here.CreateAccount(t.Context(), " ")
	require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
}

func TestAuthenticate(t *testing.T) {
	b := newAccountBench(t)
	sid, token, err := b.here.CreateAccount(t.Context(), "Acme")
	require.NoError(t, err)
	other, otherToken, err := b.here.CreateAccount(t.Context(), "Other")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		sid, token string
		ok         bool
	}{
		"right":                   {sid, token, true},
		"the other":               {other, otherToken, true},
		"token of another":        {sid, otherToken, false},
		"no token":                {sid, "", false},
		"shorter":                 {sid, token[:31], false},
		"longer":                  {sid, token + "0", false},
		"unknown account":         {taskrouter.NewSID(taskrouter.PrefixAccount), token, false},
		"malformed account":       {"AC1", token, false},
		"no account":              {"", "", false},
		"another kind of account": {taskrouter.NewSID(taskrouter.PrefixWorkspace), token, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := b.here.Authenticate(t.Context(), c.sid, c.token)
			if c.ok {
				require.NoError(t, err)
				require.Equal(t, c.sid, got)
				return
			}
			require.Equal(t, taskrouter.KindUnauthorized, taskrouter.KindOf(err))
			require.Equal(t, "Authenticate", err.Error(), "every refusal reads the same")
		})
	}
}

func TestAuthenticateRemembersForAWhile(t *testing.T) {
	b := newAccountBench(t)
	sid, token, err := b.here.CreateAccount(t.Context(), "Acme")
	require.NoError(t, err)
	for range 100 {
		_, err := b.here.Authenticate(t.Context(), sid, token)
		require.NoError(t, err)
		_, err = b.here.Authenticate(t.Context(), sid, "wrong")
		require.Error(t, err)
	}
	require.Equal(t, 1, b.rows.reads, "neither right nor wrong tokens reach the store")
	b.now = b.now.Add(10 * time.Second)
	_, err = b.here.Authenticate(t.Context(), sid, token)
	require.NoError(t, err)
	require.Equal(t, 2, b.rows.reads)
}

func TestAuthenticateReportsAStoreThatIsDown(t *testing.T) {
	b := newAccountBench(t)
	sid, token, err := b.here.CreateAccount(t.Context(), "Acme")
	require.NoError(t, err)
	b.rows.down = taskrouter.Unavailable(errors.New("refused"), "The database cannot be reached")
	_, err = b.here.Authenticate(t.Context(), sid, token)
	require.Equal(t, taskrouter.KindUnavailable, taskrouter.KindOf(err), "not a reason to say the token is wrong")
}

func TestTokenRotation(t *testing.T) {
	b := newAccountBench(t)
	ctx := t.Context()
	sid, first, err := b.here.CreateAccount(ctx, "Acme")
	require.NoError(t, err)
	works := func(a *workspace.Accounts, token string) bool {
		_, err := a.Authenticate(ctx, sid, token)
		return err == nil
	}
	require.True(t, works(b.there, first))
	require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(b.here.PromoteToken(ctx, sid)), "nothing to promote")

	second, err := b.here.RotateToken(ctx, sid)
	require.NoError(t, err)
	require.True(t, works(b.here, first))
	require.True(t, works(b.here, second))
	b.now = b.now.Add(time.Second)
	require.True(t, works(b.there, second), "another process learns of a new token when it is used")
	tokens, err := b.here.SigningTokens(ctx, sid)
	require.NoError(t, err)
	require.Equal(t, []string{first, second}, tokens, "the first one signs")

	require.NoError(t, b.here.PromoteToken(ctx, sid))
	require.False(t, works(b.here, first))
	require.True(t, works(b.here, second))
	b.now = b.now.Add(10 * time.Second)
	require.False(t, works(b.there, first), "another process forgets within the cache's time")
	tokens, err = b.there.SigningTokens(ctx, sid)
	require.NoError(t, err)
	require.Equal(t, []string{second}, tokens)

	_, err = b.here.RotateToken(ctx, taskrouter.NewSID(taskrouter.PrefixAccount))
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err))
}

func TestRequireSignature(t *testing.T) {
	b := newAccountBench(t)
	ctx := t.Context()
	sid, _, err := b.here.CreateAccount(ctx, "Acme")
	require.NoError(t, err)
	required, err := b.here.RequireSignature(ctx, sid)
	require.NoError(t, err)
	require.False(t, required)
	yes, name := true, "Acme Ltd"
	a, err := b.here.UpdateAccount(ctx, sid, workspace.AccountUpdate{VerifyVoiceSignature: &yes, FriendlyName: &name})
	require.NoError(t, err)
	require.Equal(t, name, a.FriendlyName)
	required, err = b.here.RequireSignature(ctx, sid)
	require.NoError(t, err)
	require.True(t, required)

	unknown := taskrouter.NewSID(taskrouter.PrefixAccount)
	_, err = b.here.RequireSignature(ctx, unknown)
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err))
	_, err = b.here.SigningTokens(ctx, unknown)
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err))
}

func TestSealedTokensDoNotMoveBetweenAccounts(t *testing.T) {
	b := newAccountBench(t)
	one, token, err := b.here.CreateAccount(t.Context(), "One")
	require.NoError(t, err)
	two, _, err := b.here.CreateAccount(t.Context(), "Two")
	require.NoError(t, err)
	row := b.rows.rows[two]
	row.AuthTokenSealed = b.rows.rows[one].AuthTokenSealed
	b.rows.rows[two] = row
	_, err = b.here.Authenticate(t.Context(), two, token)
	require.Equal(t, taskrouter.KindInternal, taskrouter.KindOf(err))
}
