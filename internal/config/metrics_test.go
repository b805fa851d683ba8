package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/config"
)

// TestMetricsAddress: operators ask on a port of their own, or on none.
func TestMetricsAddress(t *testing.T) {
	for listen, problem := range map[string]string{
		"":               "",
		"0.0.0.0:9464":   "",
		"127.0.0.1:0":    "",
		"9464":           `metrics.listen: "9464" must be host:port`,
		"127.0.0.1:8080": "metrics.listen: must not be the address of the API",
	} {
		c, err := config.Load(config.Sources{File: "testdata/good_full.yaml"})
		require.NoError(t, err)
		c.Listen, c.Metrics.Listen = "127.0.0.1:8080", listen
		if problem == "" {
			require.NoError(t, c.Verify(), listen)
			continue
		}
		require.ErrorContains(t, c.Verify(), problem)
	}
}
