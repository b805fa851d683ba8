package workspace

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// credentials is what one account or API key authenticates with, in memory.
type credentials struct {
	// account is who requests act for.
	account string
	// digests are those of the secrets that open the door: a key's, or an
	// account's primary token and, while one is being rotated, the secondary.
	digests [][]byte
	// tokens are an account's, which it signs with; a key has none.
	tokens           []string
	requireSignature bool
	loaded           time.Time
}

// digest makes all secrets equally long and keeps them out of comparisons. The
// secrets are random and longer than anybody can try, so that one fast hash is
// as good as a slow one.
func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// matches compares without telling by its duration how much of a secret is
// right, or which one it was.
func (c *credentials) matches(secret string) bool {
	given := digest(secret)
	ok := 0
	for _, want := range c.digests {
		ok |= subtle.ConstantTimeCompare(given, want)
	}
	return ok == 1
}

// Authenticate checks an account's SID and token, or an API key's SID and
// secret, and returns the SID of the account. Whatever is wrong, the error is
// the same, of kind unauthorized.
func (a *Accounts) Authenticate(ctx context.Context, sid, secret string) (string, error) {
	c, err := a.credentials(ctx, sid)
	if err != nil {
		return "", err
	}
	if !c.matches(secret) && a.cache.stale(c) {
		// The secret may be newer than what is remembered here.
		a.cache.forget(sid)
		if c, err = a.credentials(ctx, sid); err != nil {
			return "", err
		}
	}
	if !c.matches(secret) {
		return "", taskrouter.Errorf(taskrouter.KindUnauthorized, "Authenticate")
	}
	return c.account, nil
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

// credentials returns those of an account or a key, from memory when they are
// fresh. Who is unknown has none and is not remembered.
func (a *Accounts) credentials(ctx context.Context, sid string) (*credentials, error) {
	if c := a.cache.get(sid); c != nil {
		return c, nil
	}
	// Before the read: what is revoked during it must not be remembered longer.
	loaded := a.now()
	load := a.accountCredentials
	if taskrouter.IsSID(taskrouter.PrefixKey, sid) {
		load = a.keyCredentials
	}
	c, err := load(ctx, sid)
	if err != nil {
		return nil, err
	}
	if c.loaded = loaded; len(c.digests) > 0 {
		a.cache.put(sid, c)
	}
	return c, nil
}

func (a *Accounts) accountCredentials(ctx context.Context, sid string) (*credentials, error) {
	row, err := a.fetch(ctx, sid)
	if err != nil || row == nil {
		return &credentials{}, err
	}
	c := &credentials{account: sid, requireSignature: row.VerifyVoiceSignature}
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
	for _, t := range c.tokens {
		c.digests = append(c.digests, digest(t))
	}
	return c, nil
}

func (a *Accounts) keyCredentials(ctx context.Context, sid string) (*credentials, error) {
	k, err := a.store.FetchKey(ctx, sid)
	if err != nil || k == nil {
		return &credentials{}, err
	}
	return &credentials{account: k.AccountSID, digests: [][]byte{k.SecretHash}}, nil
}

// accountCache remembers the credentials of existing accounts and keys for a
// short time, so that a request costs neither a query nor a decryption.
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
	return len(e.digests) > 0 && c.now().Sub(e.loaded) >= minReloadInterval
}
