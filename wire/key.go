package wire

import (
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Key is the JSON of an API key. Like everything of the account API its dates
// are in the form of RFC 2822.
type Key struct {
	SID          string `json:"sid"`
	FriendlyName string `json:"friendly_name"`
	DateCreated  string `json:"date_created"`
	DateUpdated  string `json:"date_updated"`
}

// NewKey is the JSON of an API key that was just made: the only one that shows
// the secret.
type NewKey struct {
	Key
	Secret string `json:"secret"`
}

// FromKey renders an API key.
func FromKey(k *taskrouter.Key) Key {
	return Key{
		SID: k.SID, FriendlyName: k.FriendlyName,
		DateCreated: mailDate(k.CreatedAt), DateUpdated: mailDate(k.UpdatedAt),
	}
}

// FromNewKey renders an API key with its secret.
func FromNewKey(k *taskrouter.Key, secret string) NewKey {
	return NewKey{Key: FromKey(k), Secret: secret}
}

// mailDate is a time in the form of RFC 2822.
func mailDate(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }

// ParseKey reads the form of a new API key or of a change to one: its name,
// which may be empty; nil when it was not sent.
func ParseKey(form url.Values) (*string, error) { return parseKey(bind(form)) }

func parseKey(b *binder) (*string, error) {
	b.note(Parameter{Name: "FriendlyName", MaxLength: taskrouter.MaxFriendlyNameLength})
	name := b.text("FriendlyName")
	if name != nil && utf8.RuneCountInString(*name) > taskrouter.MaxFriendlyNameLength {
		b.fail(0, "FriendlyName must be at most %d characters", taskrouter.MaxFriendlyNameLength)
	}
	return name, b.fault()
}
