package app

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/admission"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/telemetry"
)

// TestDoor: how many are let in follows the connections to the database unless
// it is set, and each account has its limits.
func TestDoor(t *testing.T) {
	door := func(change func(*config.Config)) *admission.Door {
		cfg := config.Default()
		cfg.Limits.AdmissionWait = time.Millisecond
		change(cfg)
		return (&App{opts: Options{Config: cfg}, metrics: telemetry.New("")}).newDoor()
	}
	fits := func(d *admission.Door, k admission.Kind) (n int) {
		for {
			if _, err := d.Enter(t.Context(), k, admission.Finish); err != nil {
				return n
			}
			n++
		}
	}
	d := door(func(*config.Config) {})
	require.Equal(t, []int{160, 80, 10}, []int{fits(d, admission.Write), fits(d, admission.Read), fits(d, admission.Query)})
	require.Equal(t, []int{4, 40}, []int{fits(d, admission.Explain), fits(d, admission.Authenticate)})
	d = door(func(c *config.Config) { c.Database.MaxConnections, c.Limits.Reads = 2, 5 })
	require.Equal(t, []int{16, 5, 1}, []int{fits(d, admission.Write), fits(d, admission.Read), fits(d, admission.Query)})

	d = door(func(c *config.Config) {
		c.Limits.Account.ConcurrentRequests = 1
		c.Limits.Accounts = []config.AccountLimit{{AccountSID: "AC1", ConcurrentRequests: config.NoLimit}, {AccountSID: "AC2", ConcurrentRequests: 2}}
	})
	for sid, want := range map[string]int{"AC1": 50, "AC2": 2, "AC3": 1} {
		n := 0
		for range 50 {
			if _, err := d.Account(sid); err == nil {
				n++
			}
		}
		require.Equal(t, want, n, sid)
	}
}
