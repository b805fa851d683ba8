package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/config"
)

func TestVoicePlatformFlag(t *testing.T) {
	b, err := platformAt("http://AC1:secret@127.0.0.1:9/base")
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:9/base", b.BaseURL)
	require.Equal(t, "AC1", b.AccountSID)
	require.Equal(t, "secret", b.AuthToken.Reveal())
	require.Equal(t, config.FlavourTwilio, b.Flavour)
	for _, wrong := range []string{"", "127.0.0.1:9", "ftp://AC1:secret@host", "http://AC1@host", "http://host", "http://AC1:secret@%zz"} {
		_, err := platformAt(wrong)
		require.Error(t, err, wrong)
		require.NotContains(t, err.Error(), "secret")
	}
}
