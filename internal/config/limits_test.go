package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/config"
)

// TestAccountLimits: an account's own limits win; what it does not say holds as
// for everybody.
func TestAccountLimits(t *testing.T) {
	c, err := config.Load(config.Sources{File: "testdata/good_full.yaml"})
	require.NoError(t, err)
	require.Equal(t, config.AccountLimits{RequestsPerSecond: 100, ConcurrentRequests: 50, WaitingTasks: 1000}, c.Limits.Of("AC1"))
	require.Equal(t, config.AccountLimits{RequestsPerSecond: 500, ConcurrentRequests: 50},
		c.Limits.Of("AC00000000000000000000000000000001"))
	require.Zero(t, config.Default().Limits.Of("AC1"), "nobody is limited unless told so")

	c, err = config.Load(config.Sources{Environ: []string{
		"TASKROUTER_LIMITS_ACCOUNT_WAITING_TASKS=7",
		`TASKROUTER_LIMITS_ACCOUNTS=[{"account_sid": "AC2", "waiting_tasks": 9}]`,
	}})
	require.NoError(t, err)
	require.Equal(t, []int{7, 9}, []int{c.Limits.Of("AC1").WaitingTasks, c.Limits.Of("AC2").WaitingTasks})
}
