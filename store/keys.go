package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/taskrouter"
)

type keyRow struct {
	bun.BaseModel `bun:"table:api_keys,alias:api_keys"`

	SID          string `bun:"sid,pk"`
	AccountSID   string `bun:"account_sid"`
	FriendlyName string `bun:"friendly_name"`
	SecretHash   []byte `bun:"secret_hash"`
	CreatedAt    int64  `bun:"created_at"`
	UpdatedAt    int64  `bun:"updated_at"`
}

func fromKey(k *taskrouter.Key) *keyRow {
	return &keyRow{
		SID: k.SID, AccountSID: k.AccountSID, FriendlyName: k.FriendlyName, SecretHash: k.SecretHash,
		CreatedAt: micros(k.CreatedAt), UpdatedAt: micros(k.UpdatedAt),
	}
}

func (r *keyRow) domain() *taskrouter.Key {
	return &taskrouter.Key{
		SID: r.SID, AccountSID: r.AccountSID, FriendlyName: r.FriendlyName, SecretHash: r.SecretHash,
		CreatedAt: instant(r.CreatedAt), UpdatedAt: instant(r.UpdatedAt),
	}
}

// CreateKey adds an API key.
func (s *Store) CreateKey(ctx context.Context, k *taskrouter.Key) error {
	_, err := s.write.NewInsert().Model(fromKey(k)).Returning("").Exec(ctx)
	return classify(err, "create a key")
}

// FetchKey returns an API key, or nil. It serves authentication, which learns
// the account from it: not scoped.
func (s *Store) FetchKey(ctx context.Context, sid string) (*taskrouter.Key, error) {
	return fetch(ctx, s.read, "read a key", (*keyRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("sid = ?", sid)
	})
}

// ListKeys pages through the API keys of an account.
func (s *Store) ListKeys(ctx context.Context, accountSID string, p taskrouter.Page) ([]*taskrouter.Key, error) {
	sc := func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("?TableAlias.account_sid = ?", accountSID) }
	return list(ctx, s.read, "list keys", (*keyRow).domain, sc, byCreation, p, everything)
}

// RenameKey stores a key's name; false when the account has no such key.
func (s *Store) RenameKey(ctx context.Context, k *taskrouter.Key) (bool, error) {
	n, err := s.exec(ctx, s.write, "update a key",
		"UPDATE api_keys SET friendly_name = ?, updated_at = ? WHERE account_sid = ? AND sid = ?",
		k.FriendlyName, micros(k.UpdatedAt), k.AccountSID, k.SID)
	return n > 0, err
}

// DeleteKey removes an API key; false when the account has no such key.
func (s *Store) DeleteKey(ctx context.Context, accountSID, sid string) (bool, error) {
	n, err := s.exec(ctx, s.write, "delete a key", "DELETE FROM api_keys WHERE account_sid = ? AND sid = ?", accountSID, sid)
	return n > 0, err
}
