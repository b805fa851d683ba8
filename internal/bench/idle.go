package bench

import (
	"context"
	"fmt"
	"time"
)

// quiet is how long the server is left alone before something is measured that is
// to meet no load: a run that is over leaves work behind, such as its visibility.
const quiet = 40 * time.Millisecond

// settle leaves the server alone.
func settle(ctx context.Context) {
	select {
	case <-time.After(quiet):
	case <-ctx.Done():
	}
}

// idle does one Task at a time, and between them empty runs. It does so in
// rounds, which show how much of a figure is chance.
func (b *bench) idle(ctx context.Context) error {
	w, err := b.journeys(ctx, Idle, 1)
	if err != nil {
		return err
	}
	b.measure(ctx, "idle, warming up", warmUp, 1, w.one)
	result, all := &IdleResult{}, newTally()
	var empty, queued samples
	for round := range b.opt.Rounds {
		n := (b.opt.IdleTasks*(round+1))/b.opt.Rounds - b.opt.IdleTasks*round/b.opt.Rounds
		e, q := &samples{}, &samples{}
		var broken error
		run, t := b.measure(ctx, fmt.Sprintf("round %d, idle", round+1), n, 1, func(ctx context.Context, t *tally) {
			settle(ctx)
			w.one(ctx, t)
			t.ends.Wait()
			if b.floor != nil && broken == nil {
				broken = b.empties(ctx, e, q)
			}
		})
		if broken != nil {
			return broken
		}
		all.take(t)
		empty.all, queued.all = append(empty.all, e.all...), append(queued.all, q.all...)
		result.Asked, result.Done, result.Failed = result.Asked+run.Asked, result.Done+run.Done, result.Failed+run.Failed
		result.Repeated, result.Refused, result.Problems = result.Repeated+run.Repeated, result.Refused+run.Refused, append(result.Problems, run.Problems...)
		if offer := run.Stages[StageOffer]; offer.Count > 0 && len(e.all) > 0 {
			result.Ratios = append(result.Ratios, offer.P50/e.spread().P50)
			result.RatiosQueued = append(result.RatiosQueued, offer.P50/q.spread().P50)
		}
	}
	// No throughput, and nothing about processor and memory: the empty runs are
	// in these.
	result.Concurrency, result.Stages = 1, all.spreads()
	if b.floor != nil {
		e, q := empty.spread(), queued.spread()
		result.Empty, result.EmptyQueued = &e, &q
	}
	b.report.Idle = result
	return nil
}

// empties adds how soon an empty run is reached, started as the router's are,
// and not eagerly.
func (b *bench) empties(ctx context.Context, eager, queued *samples) error {
	for into, how := range map[*samples]bool{eager: b.opt.Eager, queued: false} {
		settle(ctx)
		d, err := b.floor.first(ctx, how)
		if err != nil {
			return err
		}
		into.add(d)
	}
	return nil
}
