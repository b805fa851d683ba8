package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/config"
)

func TestKeysOfASecret(t *testing.T) {
	const a, b = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	for text, n := range map[string]int{"": 0, a: 1, a + "," + b: 2, a + "\n" + b + "\n": 2, " " + a + " , \t" + b: 2} {
		keys, err := config.NewSecret(text).Keys()
		require.NoError(t, err, text)
		require.Len(t, keys, n, text)
	}
	_, err := config.NewSecret(a + "," + a).Keys()
	require.EqualError(t, err, "key 2 is there twice")
	_, err = config.NewSecret(a + ",hunter2").Keys()
	require.ErrorContains(t, err, "key 2 must be 32 bytes")
	require.NotContains(t, err.Error(), "hunter2")
}
