package config

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"unicode"
)

const hidden = "<secret>"

// Secret is text that must not be shown. Every way of printing or encoding it
// yields <secret>, or nothing when it is empty; Reveal is the only way to the
// text, so that a search for it finds each use.
type Secret struct{ text string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether the secret is empty.
func (s Secret) IsZero() bool { return s.text == "" }

// String hides the text.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return hidden
}

// Format hides the text from every verb of package fmt.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// GoString hides the text.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the text in JSON and every other textual encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML hides the text.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue hides the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// KeyBytes is the length of every encryption key.
const KeyBytes = 32

// Key decodes an encryption key: 32 bytes as 64 hexadecimal digits or as
// base64, standard or URL alphabet, padded or not. The error never quotes it.
func (s Secret) Key() ([]byte, error) {
	if b, err := hex.DecodeString(s.text); err == nil && len(b) == KeyBytes {
		return b, nil
	}
	for _, enc := range []*base64.Encoding{
		base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
	} {
		if b, err := enc.DecodeString(s.text); err == nil && len(b) == KeyBytes {
			return b, nil
		}
	}
	return nil, errors.New("must be 32 bytes in base64 or hexadecimal (make one with: openssl rand -base64 32)")
}

// Keys decodes a list of encryption keys, separated by commas or white space,
// each as Key reads it. The error never quotes one.
func (s Secret) Keys() ([][]byte, error) {
	var out [][]byte
	words := strings.FieldsFunc(s.text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	for i, word := range words {
		key, err := NewSecret(word).Key()
		if err != nil {
			return nil, fmt.Errorf("key %d %w", i+1, err)
		}
		if slices.ContainsFunc(out, func(k []byte) bool { return bytes.Equal(k, key) }) {
			return nil, fmt.Errorf("key %d is there twice", i+1)
		}
		out = append(out, key)
	}
	return out, nil
}
