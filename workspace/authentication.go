package workspace

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// credentials is what one account authenticates and signs with, in memory.
type credentials struct {
	// tokens holds the primary token and, while one is being rotated, the
	// secondary.
	tokens           []string
	requireSignature bool
	loaded           time.Time
}

// matches compares without telling by its duration how much of a token is
// right, or which one it was. Hashing first makes the lengths equal.
func (c *credentials) matches(token string) bool {
	given := sha256.Sum256([]byte(token))
	ok := 0
	for _, t := range c.tokens {
		want := sha256.Sum256([]byte(t))
		ok |= subtle.ConstantTimeCompare(given[:], want[:])
	}
	return ok == 1
}

// Authenticate checks an account's SID and token and returns the account's SID.
// Whatever is wrong, the error is the same, of kind unauthorized.
func (a *Accounts) Authenticate(ctx context.Context, sid, token string) (string, error) {
	c, err := a.credentials(ctx, sid)
	if err != nil {
		return "", err
	}
	if !c.matches(token) && a.cache.stale(c) {
		// The token may be newer than what is remembered here.
		a.cache.forget(sid)
		if c, err = a.credentials(ctx, sid); err != nil {
			return "", err
		}
	}
	if !c.matches(token) {
		return "", taskrouter.Errorf(taskrouter.KindUnauthorized, "Authenticate")
	}
	return sid, nil
}

// SigningTokens returns the tokens of an account: the first one signs outbound
// webhooks, any of them may have signed an inbound one. An unknown account is
// KindNotFound.
func (a *Accounts) SigningTokens(ctx context.Context, accountSID string) ([]string, error) {
	c, err := a.known(ctx, accountSID)
	if err != nil {
		return nil, err
	}
	return append([]string(nil), c.tokens...), nil
}

// RequireSignature reports whether the account asks for signed inbound voice
// webhooks. An unknown account is KindNotFound.
func (a *Accounts) RequireSignature(ctx context.Context, accountSID string) (bool, error) {
	c, err := a.known(ctx, accountSID)
	if err != nil {
		return false, err
	}
	return c.requireSignature, nil
}

func (a *Accounts) known(ctx context.Context, sid string) (*credentials, error) {
	c, err := a.credentials(ctx, sid)
	if err != nil {
		return nil, err
	}
	if len(c.tokens) == 0 {
		return nil, taskrouter.NotFoundf("Account %s was not found", sid)
	}
	return c, nil
}

// credentials returns an account's credentials, from memory when they are
// fresh. An unknown account has none and is not remembered.
func (a *Accounts) credentials(ctx context.Context, sid string) (*credentials, error) {
	if c := a.cache.get(sid); c != nil {
		return c, nil
	}
	loaded := a.now()
	row, err := a.fetch(ctx, sid)
	if err != nil || row == nil {
		return &credentials{loaded: loaded}, err
	}
	c := &credentials{requireSignature: row.VerifyVoiceSignature, loaded: loaded}
	token, err := a.open(row.AuthTokenSealed, purposePrimary, sid)
	if err != nil {
		return nil, err
	}
	c.tokens = append(c.tokens, token)
	if len(row.SecondaryTokenSealed) > 0 {
		if token, err = a.open(row.SecondaryTokenSealed, purposeSecondary, sid); err != nil {
			return nil, err
		}
		c.tokens = append(c.tokens, token)
	}
	a.cache.put(sid, c)
	return c, nil
}

// accountCache remembers the credentials of existing accounts for a short time,
// so that a request costs neither a query nor a decryption.
type accountCache struct {
	ttl time.Duration
	now func() time.Time

	mu      sync.Mutex
	entries map[string]*credentials
}

const (
	// maxCachedAccounts bounds the cache; beyond it all of it is dropped.
	maxCachedAccounts = 10000
	// minReloadInterval bounds how often wrong tokens reach the store.
	minReloadInterval = time.Second
)

func newAccountCache(ttl time.Duration, now func() time.Time) *accountCache {
	return &accountCache{ttl: ttl, now: now, entries: map[string]*credentials{}}
}

func (c *accountCache) get(sid string) *credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[sid]
	if e == nil || c.now().Sub(e.loaded) >= c.ttl {
		return nil
	}
	return e
}

func (c *accountCache) put(sid string, e *credentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxCachedAccounts {
		clear(c.entries)
	}
	c.entries[sid] = e
}

func (c *accountCache) forget(sid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, sid)
}

// stale reports whether remembered credentials are old enough to be read again
// because of a token they do not know.
func (c *accountCache) stale(e *credentials) bool {
	return len(e.tokens) > 0 && c.now().Sub(e.loaded) >= minReloadInterval
}
