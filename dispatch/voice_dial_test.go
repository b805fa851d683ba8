package dispatch_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// The process that placed a leg was lost before it could say what came of it:
// another one goes on, a bounded number of times.
func TestPlacementGoesOnAfterALostProcess(t *testing.T) {
	begin := func(p *phones, attempt string) bool {
		o, err := p.d.BeginDial(p.ctx, p.ws, attempt)
		require.NoError(t, err)
		return o.Proceed
	}
	for name, row := range map[string]struct {
		between func(p *phones, attempt string)
		again   bool
	}{
		"nothing is known": {func(*phones, string) {}, true},
		"outcome reported unknown": {func(p *phones, attempt string) {
			_, err := p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: attempt, Outcome: dispatch.DialUnknown})
			require.NoError(t, err)
		}, true},
		"a notice told": {func(p *phones, attempt string) { p.fact(attempt, "CAa", taskrouter.LegRinging, "") }, false},
		"a late reply told": {func(p *phones, attempt string) {
			_, err := p.d.DialReported(p.ctx, p.ws, dispatch.DialReport{Attempt: attempt, CallSIDs: []string{"CAa"}, Outcome: dispatch.DialPlaced})
			require.NoError(t, err)
		}, false},
		"the agent answered": {func(p *phones, attempt string) { p.document(attempt, "CAa") }, false},
		"the caller left":    {func(p *phones, _ string) { p.hangUp("CA1") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPhones(t)
			p.agentWithPhone("ann")
			attempt := p.legs(p.ring("CA1"))[0].Attempt
			require.True(t, begin(p, attempt))
			row.between(p, attempt)
			require.Equal(t, row.again, begin(p, attempt))
		})
	}
	t.Run("not for ever", func(t *testing.T) {
		p := newPhones(t)
		p.agentWithPhone("ann")
		attempt := p.legs(p.ring("CA1"))[0].Attempt
		for range 3 {
			require.True(t, begin(p, attempt))
		}
		require.False(t, begin(p, attempt))
		require.Equal(t, 3, p.leg(attempt).Placements)
	})
}
