package workspace

import (
	"context"
	"unicode/utf8"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// KeyStore keeps API keys.
type KeyStore interface {
	CreateKey(ctx context.Context, k *taskrouter.Key) error
	// FetchKey returns a key of any account, nil when it is unknown.
	FetchKey(ctx context.Context, sid string) (*taskrouter.Key, error)
	ListKeys(ctx context.Context, accountSID string, page taskrouter.Page) ([]*taskrouter.Key, error)
	// RenameKey and DeleteKey report false when the account has no such key.
	RenameKey(ctx context.Context, k *taskrouter.Key) (bool, error)
	DeleteKey(ctx context.Context, accountSID, sid string) (bool, error)
}

// CreateKey makes an API key of an account. The secret is returned this once
// and is not stored. It is alphanumeric, which is all that official clients
// accept. An empty name is allowed.
func (a *Accounts) CreateKey(ctx context.Context, accountSID, friendlyName string) (k *taskrouter.Key, secret string, err error) {
	if err := checkKeyName(friendlyName); err != nil {
		return nil, "", err
	}
	account, err := a.fetch(ctx, accountSID)
	if err != nil {
		return nil, "", err
	}
	if account == nil {
		return nil, "", taskrouter.NotFoundf("Account %s was not found", accountSID)
	}
	secret = newToken()
	at := a.clock()
	k = &taskrouter.Key{
		SID: taskrouter.NewSID(taskrouter.PrefixKey), AccountSID: accountSID, FriendlyName: friendlyName,
		SecretHash: digest(secret), CreatedAt: at, UpdatedAt: at,
	}
	if err := a.store.CreateKey(ctx, k); err != nil {
		return nil, "", err
	}
	a.log.Info("api key created", logging.AccountSID(accountSID), logging.APIKeySID(k.SID))
	return k, secret, nil
}

// FetchKey returns a key of an account; an unknown one is KindNotFound.
func (a *Accounts) FetchKey(ctx context.Context, accountSID, sid string) (*taskrouter.Key, error) {
	if !taskrouter.IsSID(taskrouter.PrefixKey, sid) {
		return nil, keyNotFound(sid)
	}
	k, err := a.store.FetchKey(ctx, sid)
	if err == nil && (k == nil || k.AccountSID != accountSID) {
		err = keyNotFound(sid)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// ListKeys pages through the keys of an account in the order they were made; an
// unknown account is KindNotFound.
func (a *Accounts) ListKeys(ctx context.Context, accountSID string, page taskrouter.Page) ([]*taskrouter.Key, error) {
	account, err := a.fetch(ctx, accountSID)
	if err != nil {
		return nil, err
	}
	if account == nil {
		return nil, taskrouter.NotFoundf("Account %s was not found", accountSID)
	}
	return a.store.ListKeys(ctx, accountSID, page)
}

// RenameKey changes a key's name; nil leaves it alone.
func (a *Accounts) RenameKey(ctx context.Context, accountSID, sid string, name *string) (*taskrouter.Key, error) {
	if err := checkSent(name, checkKeyName); err != nil {
		return nil, err
	}
	k, err := a.FetchKey(ctx, accountSID, sid)
	if err != nil || name == nil || *name == k.FriendlyName {
		return k, err
	}
	k.FriendlyName, k.UpdatedAt = *name, a.clock()
	found, err := a.store.RenameKey(ctx, k)
	if err == nil && !found {
		err = keyNotFound(sid)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// RevokeKey removes a key. It stops to work here at once, and within the
// cache's time in every other process.
func (a *Accounts) RevokeKey(ctx context.Context, accountSID, sid string) error {
	found, err := a.store.DeleteKey(ctx, accountSID, sid)
	if err != nil {
		return err
	}
	if !found {
		return keyNotFound(sid)
	}
	a.cache.forget(sid)
	a.log.Info("api key revoked", logging.AccountSID(accountSID), logging.APIKeySID(sid))
	return nil
}

func keyNotFound(sid string) error { return taskrouter.NotFoundf("Key %s was not found", sid) }

func checkKeyName(name string) error {
	if utf8.RuneCountInString(name) > taskrouter.MaxFriendlyNameLength {
		return taskrouter.Invalidf("FriendlyName must be at most %d characters", taskrouter.MaxFriendlyNameLength)
	}
	return checkText("FriendlyName", name)
}
