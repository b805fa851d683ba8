package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// KeySize is the length of a key in bytes.
const KeySize = 32

// What the metadata of an encrypted payload says: that it is one, and the id of
// its key.
const (
	Encoding   = "binary/encrypted"
	FieldKeyID = "encryption-key-id"
)

// errDamaged is the cause of every payload that its key does not open.
var errDamaged = errors.New("the payload is damaged")

// MissingKeyError is a payload that was encrypted with a key this process does
// not have.
type MissingKeyError struct{ KeyID string }

func (e *MissingKeyError) Error() string {
	return fmt.Sprintf("the payload was encrypted with key %q, which is not among temporal.encryption_keys", e.KeyID)
}

// Codec encrypts payloads with AES-256-GCM. Each encrypted payload names its
// key, so that keys can be replaced: the first key encrypts, all of them
// decrypt. Without any key payloads are written as they are. Payloads that are
// not encrypted are read as they are, so that histories from before a key was
// configured stay readable. Safe for concurrent use.
type Codec struct{ keys []key }

type key struct {
	id   string
	aead cipher.AEAD
}

var _ converter.PayloadCodec = (*Codec)(nil)

// New makes a Codec from keys of KeySize bytes, the one to encrypt with first.
func New(keys ...[]byte) (*Codec, error) {
	c := &Codec{}
	for i, raw := range keys {
		if len(raw) != KeySize {
			return nil, fmt.Errorf("encryption key %d has %d bytes, want %d", i+1, len(raw), KeySize)
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return nil, fmt.Errorf("encryption key %d: %w", i+1, err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("encryption key %d: %w", i+1, err)
		}
		c.keys = append(c.keys, key{id: keyID(raw), aead: aead})
	}
	return c, nil
}

// keyID names a key. It is one-way and says nothing about the key.
func keyID(raw []byte) string {
	sum := sha256.Sum256(append([]byte("taskrouter payload key id\x00"), raw...))
	return hex.EncodeToString(sum[:8])
}

// Encrypts reports whether there is a key to encrypt with.
func (c *Codec) Encrypts() bool { return len(c.keys) > 0 }

// Encode encrypts payloads, each with its metadata.
func (c *Codec) Encode(in []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if !c.Encrypts() {
		return in, nil
	}
	k := c.keys[0]
	out := make([]*commonpb.Payload, len(in))
	for i, p := range in {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		sealed := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(plain)+k.aead.Overhead())
		_, _ = rand.Read(sealed) // crypto/rand.Read never returns an error
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{converter.MetadataEncoding: []byte(Encoding), FieldKeyID: []byte(k.id)},
			Data:     k.aead.Seal(sealed, sealed, plain, []byte(Encoding)),
		}
	}
	return out, nil
}

// Decode decrypts those payloads that are encrypted. A payload whose key is not
// here is a MissingKeyError.
func (c *Codec) Decode(in []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(in))
	for i, p := range in {
		if string(p.GetMetadata()[converter.MetadataEncoding]) != Encoding {
			out[i] = p
			continue
		}
		plain, err := c.open(string(p.GetMetadata()[FieldKeyID]), p.GetData())
		if err != nil {
			return nil, err
		}
		out[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, out[i]); err != nil {
			return nil, fmt.Errorf("decrypt a payload: %w", err)
		}
	}
	return out, nil
}

func (c *Codec) open(id string, sealed []byte) ([]byte, error) {
	for _, k := range c.keys {
		if k.id != id {
			continue
		}
		n := k.aead.NonceSize()
		if len(sealed) < n {
			return nil, errDamaged
		}
		plain, err := k.aead.Open(nil, sealed[:n], sealed[n:], []byte(Encoding))
		if err != nil {
			return nil, errDamaged
		}
		return plain, nil
	}
	return nil, &MissingKeyError{KeyID: id}
}
