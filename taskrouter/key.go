package taskrouter

import "time"

// Key lets a program act for an account without its auth token. It can be
// revoked alone, and it cannot sign webhooks.
type Key struct {
	SID, AccountSID, FriendlyName string
	// SecretHash is a digest of the secret, which nobody reads back.
	SecretHash           []byte
	CreatedAt, UpdatedAt time.Time
}
