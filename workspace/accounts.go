package workspace

import (
	"context"
	"crypto/rand"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// AccountStore keeps accounts and their API keys.
type AccountStore interface {
	KeyStore
	CreateAccount(ctx context.Context, a *taskrouter.Account) error
	// FetchAccount returns nil when the account is unknown.
	FetchAccount(ctx context.Context, sid string) (*taskrouter.Account, error)
	UpdateAccount(ctx context.Context, a *taskrouter.Account) error
}

// AccountOptions configure Accounts. Zero values take the defaults.
type AccountOptions struct {
	// CacheTTL is how long an account or a key is answered from memory, and
	// so how long a token or key withdrawn by another process still works
	// here; default 10 seconds.
	CacheTTL time.Duration
	// Now is the clock; default time.Now.
	Now func() time.Time
}

const defaultCacheTTL = 10 * time.Second

// Accounts creates and authenticates accounts and their API keys. The tokens of
// accounts are sealed at rest, not hashed, because webhooks are signed with
// them; of a key's secret only a digest is kept. Safe for concurrent use.
type Accounts struct {
	store  AccountStore
	sealer *Sealer
	log    *zap.Logger
	now    func() time.Time
	cache  *accountCache
}

// NewAccounts makes an Accounts.
func NewAccounts(store AccountStore, sealer *Sealer, log *zap.Logger, opts AccountOptions) *Accounts {
	if opts.CacheTTL <= 0 {
		opts.CacheTTL = defaultCacheTTL
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Accounts{
		store: store, sealer: sealer, log: log.Named("accounts"), now: opts.Now,
		cache: newAccountCache(opts.CacheTTL, opts.Now),
	}
}

// AccountUpdate changes an account; nil fields are left alone.
type AccountUpdate struct {
	FriendlyName *string
	// VerifyVoiceSignature asks for signed inbound voice webhooks.
	VerifyVoiceSignature *bool
}

// What a sealed token is for, together with its account: sealed values cannot
// be swapped between accounts or places.
const (
	purposePrimary   = "auth token"
	purposeSecondary = "secondary auth token"
)

func purpose(use, accountSID string) string { return use + "\x00" + accountSID }

// CreateAccount makes an account. The token is returned this once and cannot be
// read back. It is alphanumeric, which is all that official clients accept.
func (a *Accounts) CreateAccount(ctx context.Context, friendlyName string) (sid, token string, err error) {
	if err := checkFriendlyName(friendlyName); err != nil {
		return "", "", err
	}
	sid, token = taskrouter.NewSID(taskrouter.PrefixAccount), newToken()
	at := a.clock()
	row := &taskrouter.Account{
		SID: sid, FriendlyName: friendlyName,
		AuthTokenSealed: a.sealer.Seal(token, purpose(purposePrimary, sid)),
		CreatedAt:       at, UpdatedAt: at,
	}
	if err := a.store.CreateAccount(ctx, row); err != nil {
		return "", "", err
	}
	a.log.Info("account created", logging.AccountSID(sid))
	return sid, token, nil
}

// UpdateAccount changes an account's name or its demand for signed webhooks.
func (a *Accounts) UpdateAccount(ctx context.Context, sid string, n AccountUpdate) (*taskrouter.Account, error) {
	if err := checkSent(n.FriendlyName, checkFriendlyName); err != nil {
		return nil, err
	}
	return a.rewrite(ctx, sid, "account updated", func(row *taskrouter.Account) error {
		set(&row.FriendlyName, n.FriendlyName)
		set(&row.VerifyVoiceSignature, n.VerifyVoiceSignature)
		return nil
	})
}

// RotateToken starts a rotation: it returns a second token that is valid beside
// the first one until PromoteToken. Webhooks are signed with the first one
// meanwhile. A second token that exists already is replaced.
func (a *Accounts) RotateToken(ctx context.Context, sid string) (secondary string, err error) {
	token := newToken()
	_, err = a.rewrite(ctx, sid, "account token rotation started", func(row *taskrouter.Account) error {
		row.SecondaryTokenSealed = a.sealer.Seal(token, purpose(purposeSecondary, sid))
		return nil
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// PromoteToken ends a rotation: the second token becomes the only one. Without
// a second token it is an error of kind invalid.
func (a *Accounts) PromoteToken(ctx context.Context, sid string) error {
	_, err := a.rewrite(ctx, sid, "account token rotated", func(row *taskrouter.Account) error {
		if len(row.SecondaryTokenSealed) == 0 {
			return taskrouter.Invalidf("Account %s has no secondary token", sid)
		}
		token, err := a.open(row.SecondaryTokenSealed, purposeSecondary, sid)
		if err != nil {
			return err
		}
		row.AuthTokenSealed = a.sealer.Seal(token, purpose(purposePrimary, sid))
		row.SecondaryTokenSealed = nil
		return nil
	})
	return err
}

func (a *Accounts) rewrite(ctx context.Context, sid, message string, change func(*taskrouter.Account) error) (*taskrouter.Account, error) {
	row, err := a.fetch(ctx, sid)
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, taskrouter.NotFoundf("Account %s was not found", sid)
	}
	next := *row
	if err := change(&next); err != nil {
		return nil, err
	}
	next.UpdatedAt = a.clock()
	if err := a.store.UpdateAccount(ctx, &next); err != nil {
		return nil, err
	}
	a.cache.forget(sid)
	a.log.Info(message, logging.AccountSID(sid))
	return &next, nil
}

func (a *Accounts) fetch(ctx context.Context, sid string) (*taskrouter.Account, error) {
	if !taskrouter.IsSID(taskrouter.PrefixAccount, sid) {
		return nil, nil
	}
	return a.store.FetchAccount(ctx, sid)
}

func (a *Accounts) open(sealed []byte, use, sid string) (string, error) {
	token, err := a.sealer.Open(sealed, purpose(use, sid))
	if err != nil {
		return "", &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "open the token of account " + sid, Cause: err}
	}
	return token, nil
}

func (a *Accounts) clock() time.Time { return a.now().UTC().Truncate(time.Microsecond) }

const (
	tokenLength   = 32
	tokenAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newToken makes a random token of about 190 bits. Bytes beyond the largest
// multiple of the alphabet are thrown away, so that every character is equally
// likely.
func newToken() string {
	const limit = 256 - 256%len(tokenAlphabet)
	out := make([]byte, 0, tokenLength)
	var b [2 * tokenLength]byte
	for {
		_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
		for _, c := range b {
			if int(c) >= limit {
				continue
			}
			out = append(out, tokenAlphabet[int(c)%len(tokenAlphabet)])
			if len(out) == tokenLength {
				return string(out)
			}
		}
	}
}
