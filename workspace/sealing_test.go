package workspace_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/workspace"
)

func TestSealerKeepsSecrets(t *testing.T) {
	s, err := workspace.NewSealer(workspace.NewSealingKey())
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		secret, purpose := rapid.String().Draw(t, "secret"), rapid.String().Draw(t, "purpose")
		sealed := s.Seal(secret, purpose)
		back, err := s.Open(sealed, purpose)
		require.NoError(t, err)
		require.Equal(t, secret, back)
		_, err = s.Open(sealed, purpose+"x")
		require.Error(t, err, "another purpose")

		at := rapid.IntRange(0, len(sealed)-1).Draw(t, "damage at")
		sealed[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, err = s.Open(sealed, purpose)
		require.Error(t, err, "damaged")
		_, err = s.Open(sealed[:at], purpose)
		require.Error(t, err, "cut off")
	})
}

func TestSealerNeverRepeatsItself(t *testing.T) {
	s, err := workspace.NewSealer(workspace.NewSealingKey())
	require.NoError(t, err)
	first, second := s.Seal("token", "p"), s.Seal("token", "p")
	require.NotEqual(t, first, second)
	require.NotContains(t, string(s.Seal("a rather long secret", "p")), "secret")
}

func TestSealerOpensWithOlderKeys(t *testing.T) {
	older, newer := workspace.NewSealingKey(), workspace.NewSealingKey()
	before, err := workspace.NewSealer(older)
	require.NoError(t, err)
	during, err := workspace.NewSealer(newer, older)
	require.NoError(t, err)
	after, err := workspace.NewSealer(newer)
	require.NoError(t, err)

	old := before.Seal("token", "p")
	got, err := during.Open(old, "p")
	require.NoError(t, err)
	require.Equal(t, "token", got)
	_, err = after.Open(old, "p")
	require.Error(t, err)
	got, err = after.Open(during.Seal("token", "p"), "p")
	require.NoError(t, err, "the first key seals")
	require.Equal(t, "token", got)
}

func TestSealingKeyForms(t *testing.T) {
	raw := []byte(strings.Repeat("\xfb\xef", 16))
	reference, err := workspace.NewSealer(hex.EncodeToString(raw))
	require.NoError(t, err)
	sealed := reference.Seal("token", "p")
	for name, key := range map[string]string{
		"hexadecimal":  strings.ToUpper(hex.EncodeToString(raw)),
		"base64":       base64.StdEncoding.EncodeToString(raw),
		"unpadded":     base64.RawStdEncoding.EncodeToString(raw),
		"URL alphabet": base64.URLEncoding.EncodeToString(raw),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := workspace.NewSealer(key)
			require.NoError(t, err)
			got, err := s.Open(sealed, "p")
			require.NoError(t, err)
			require.Equal(t, "token", got)
		})
	}
	for name, key := range map[string]string{
		"empty":     "",
		"too short": hex.EncodeToString(raw[:16]),
		"too long":  base64.StdEncoding.EncodeToString(append(raw, 1)),
		"not text":  "correct horse battery staple",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := workspace.NewSealer(key)
			require.ErrorContains(t, err, "32 bytes")
			if key != "" {
				require.NotContains(t, err.Error(), key)
			}
		})
	}
}
