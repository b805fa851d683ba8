package codec_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/internal/codec"
)

func keyOf(b byte) []byte { return bytes.Repeat([]byte{b}, codec.KeySize) }

func codecOf(t require.TestingT, keys ...byte) *codec.Codec {
	var raw [][]byte
	for _, k := range keys {
		raw = append(raw, keyOf(k))
	}
	c, err := codec.New(raw...)
	require.NoError(t, err)
	return c
}

// letter is what the tests write.
type letter struct {
	Phone string `json:"phone"`
	Pages int    `json:"pages"`
}

var mail = letter{Phone: "+15555550123", Pages: 3}

func encode(t require.TestingT, c *codec.Codec, v any) *commonpb.Payload {
	p, err := c.DataConverter().ToPayload(v)
	require.NoError(t, err)
	return p
}

func decode(c *codec.Codec, p *commonpb.Payload) (out letter, err error) {
	err = c.DataConverter().FromPayload(p, &out)
	return out, err
}

func TestRoundTrip(t *testing.T) {
	c := codecOf(t, 1)
	p := encode(t, c, mail)
	require.Equal(t, codec.Encoding, string(p.GetMetadata()[converter.MetadataEncoding]))
	require.NotContains(t, p.String(), mail.Phone)
	require.NotEqual(t, p.GetData(), encode(t, c, mail).GetData(), "equal values do not look alike")
	got, err := decode(c, p)
	require.NoError(t, err)
	require.Equal(t, mail, got)
	require.Contains(t, c.DataConverter().ToString(p), mail.Phone)
}

// Any payload comes back as it was, metadata included.
func TestEveryPayloadComesBack(t *testing.T) {
	c := codecOf(t, 1)
	rapid.Check(t, func(t *rapid.T) {
		in := &commonpb.Payload{Data: rapid.SliceOf(rapid.Byte()).Draw(t, "data"), Metadata: map[string][]byte{}}
		for k, v := range rapid.MapOfN(rapid.StringN(0, 10, 40), rapid.SliceOf(rapid.Byte()), 0, 4).Draw(t, "metadata") {
			in.Metadata[k] = v
		}
		sealed, err := c.Encode([]*commonpb.Payload{in, in})
		require.NoError(t, err)
		out, err := c.Decode(sealed)
		require.NoError(t, err)
		require.Len(t, out, 2)
		for _, p := range out {
			require.True(t, proto.Equal(in, p))
		}
	})
}

func TestKeysAreReplaced(t *testing.T) {
	old, both, young := codecOf(t, 1), codecOf(t, 2, 1), codecOf(t, 2)
	before, after := encode(t, old, mail), encode(t, both, mail)
	for _, c := range []*codec.Codec{both, young} {
		got, err := decode(c, after)
		require.NoError(t, err)
		require.Equal(t, mail, got)
	}
	got, err := decode(both, before)
	require.NoError(t, err)
	require.Equal(t, mail, got)

	var missing *codec.MissingKeyError
	_, err = decode(young, before)
	require.ErrorAs(t, err, &missing)
	require.Equal(t, string(before.GetMetadata()[codec.FieldKeyID]), missing.KeyID)
	require.ErrorContains(t, err, missing.KeyID)
	require.ErrorContains(t, err, "temporal.encryption_keys")
	_, err = decode(codecOf(t), before)
	require.ErrorAs(t, err, &missing, "a process without keys says the same")
}

// What was written before there was a key, and what is written without one, is
// readable for all.
func TestPlainPayloadsAreRead(t *testing.T) {
	plain, err := converter.GetDefaultDataConverter().ToPayload(mail)
	require.NoError(t, err)
	for _, c := range []*codec.Codec{codecOf(t), codecOf(t, 1)} {
		got, err := decode(c, plain)
		require.NoError(t, err)
		require.Equal(t, mail, got)
	}
	require.True(t, proto.Equal(plain, encode(t, codecOf(t), mail)), "without a key nothing changes")
}

func TestDamagedPayloadsAreRefused(t *testing.T) {
	c := codecOf(t, 1)
	var missing *codec.MissingKeyError
	for name, harm := range map[string]func(p *commonpb.Payload){
		"changed":    func(p *commonpb.Payload) { p.Data[len(p.Data)-1] ^= 1 },
		"cut":        func(p *commonpb.Payload) { p.Data = p.Data[:len(p.Data)-1] },
		"very short": func(p *commonpb.Payload) { p.Data = p.Data[:3] },
	} {
		p := encode(t, c, mail)
		harm(p)
		_, err := decode(c, p)
		require.Error(t, err, name)
		require.NotErrorAs(t, err, &missing, name)
	}
	for _, raw := range [][]byte{nil, keyOf(1)[:16], append(keyOf(1), 1)} {
		_, err := codec.New(raw)
		require.Error(t, err)
	}
}

func TestFailures(t *testing.T) {
	err := temporal.NewApplicationError("cannot call +15555550123", "TypeVoice", mail)
	c := codecOf(t, 1)
	f := c.FailureConverter().ErrorToFailure(err)
	require.NotContains(t, f.String(), mail.Phone)
	back := c.FailureConverter().FailureToError(f)
	require.ErrorContains(t, back, "cannot call +15555550123")
	var app *temporal.ApplicationError
	require.ErrorAs(t, back, &app)
	require.Equal(t, "TypeVoice", app.Type())
	var got letter
	require.NoError(t, app.Details(&got))
	require.Equal(t, mail, got)

	require.Contains(t, codecOf(t).FailureConverter().ErrorToFailure(err).GetMessage(), mail.Phone, "readable without keys, as before")
}
