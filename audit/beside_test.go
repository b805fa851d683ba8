package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/audit"
)

// What is under way while the audit reads is no fault.
func TestBesideARunningSystem(t *testing.T) {
	for _, kind := range []string{"sqlite", "postgres"} {
		t.Run(kind, func(t *testing.T) {
			c := newChance(newWorld(t, openDatabase(t, kind), inChunks(true)))
			worked := make(chan struct{})
			go func() {
				defer close(worked)
				for _, s := range tapeOf(7, 150) {
					c.do(s)
				}
			}()
			// Nobody sweeps between a step of the clock and the next command.
			patient := func(o *audit.Options) { o.Lag = time.Hour }
			for n, last := 0, false; !last; n++ {
				select {
				case <-worked:
					last = true
					require.Positive(t, n)
				default:
				}
				c.requireHealthy(patient)
			}
		})
	}
}
