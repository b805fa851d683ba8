package workspace

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// Sizes of a sealed value: format, key id, nonce, ciphertext.
const (
	sealFormat  = 1
	keyIDSize   = 8
	sealKeySize = 32
)

// errSeal is the cause of every value that cannot be opened.
var errSeal = errors.New("the value was sealed with another key or is damaged")

// Sealer encrypts the secrets that must be read back, with AES-256-GCM under
// the installation's key. Each sealed value names its key, so that a key can be
// replaced: the first key seals, all of them open. Safe for concurrent use.
type Sealer struct {
	keys []sealingKey
}

type sealingKey struct {
	id   [keyIDSize]byte
	aead cipher.AEAD
}

// NewSealer makes a Sealer from keys as configured: 32 bytes each, in base64
// (either alphabet, padded or not) or hexadecimal. The errors never repeat a
// key.
func NewSealer(current string, older ...string) (*Sealer, error) {
	s := &Sealer{}
	for i, text := range append([]string{current}, older...) {
		raw, err := decodeKey(text)
		if err != nil {
			return nil, fmt.Errorf("sealing key %d: %w", i+1, err)
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return nil, fmt.Errorf("sealing key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("sealing key %d: %w", i+1, err)
		}
		k := sealingKey{aead: aead}
		// The id is one-way and says nothing about the key.
		sum := sha256.Sum256(append([]byte("taskrouter sealing key id\x00"), raw...))
		copy(k.id[:], sum[:])
		s.keys = append(s.keys, k)
	}
	return s, nil
}

// NewSealingKey makes a random key in the form NewSealer takes.
func NewSealingKey() string {
	var b [sealKeySize]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	return base64.StdEncoding.EncodeToString(b[:])
}

func decodeKey(text string) ([]byte, error) {
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == sealKeySize {
		return raw, nil
	}
	for _, enc := range []*base64.Encoding{
		base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding,
	} {
		if raw, err := enc.DecodeString(text); err == nil && len(raw) == sealKeySize {
			return raw, nil
		}
	}
	return nil, fmt.Errorf("must be %d bytes in base64 or hexadecimal", sealKeySize)
}

// Seal encrypts a secret for one use. The purpose is authenticated with it: a
// value copied to another place does not open there.
func (s *Sealer) Seal(secret, purpose string) []byte {
	k := s.keys[0]
	out := make([]byte, 0, 1+keyIDSize+k.aead.NonceSize()+len(secret)+k.aead.Overhead())
	out = append(out, sealFormat)
	out = append(out, k.id[:]...)
	nonce := make([]byte, k.aead.NonceSize())
	_, _ = rand.Read(nonce) // crypto/rand.Read never returns an error
	out = append(out, nonce...)
	return k.aead.Seal(out, nonce, []byte(secret), []byte(purpose))
}

// Open decrypts what Seal made for the same purpose.
func (s *Sealer) Open(sealed []byte, purpose string) (string, error) {
	if len(sealed) < 1+keyIDSize || sealed[0] != sealFormat {
		return "", errSeal
	}
	id, rest := sealed[1:1+keyIDSize], sealed[1+keyIDSize:]
	for _, k := range s.keys {
		n := k.aead.NonceSize()
		if !bytes.Equal(id, k.id[:]) || len(rest) < n {
			continue
		}
		plain, err := k.aead.Open(nil, rest[:n], rest[n:], []byte(purpose))
		if err != nil {
			return "", errSeal
		}
		return string(plain), nil
	}
	return "", errSeal
}
