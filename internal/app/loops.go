package app

import (
	"context"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/privacy"
)

// How often the background loops run.
const (
	sweepInterval     = time.Second
	backlogInterval   = time.Second
	deliveryInterval  = 2 * time.Second
	reconcileInterval = 5 * time.Minute
	retentionInterval = 10 * time.Minute
	retentionBatch    = 5000
	purgeInterval     = time.Hour
	// quickInterval tells the loops whose rounds are short from those that may
	// walk through everything.
	quickInterval = 2 * time.Second
)

// loop runs fn at an interval until the process stops. A failed round is
// logged; the next one tries again.
func (a *App) loop(ctx context.Context, name string, every time.Duration, fn func(ctx context.Context) error) {
	round := func(fn func() error) error { return fn() }
	if every <= quickInterval {
		round = a.health.Watch(name, loopPatience).Round
	}
	a.loops.Add(1)
	go func() {
		defer a.loops.Done()
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if err := round(func() error { return fn(ctx) }); err != nil && ctx.Err() == nil {
				a.log.Warn("background round failed", zap.String(logging.KeyJob, name), logging.Err(err))
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
}

// forget removes what is older than the retention: events, statistics, ended
// calls, the record of dialled legs, and idempotency tokens after their day.
func (a *App) forget(ctx context.Context) error {
	kept := a.opts.Config.Routing.EventRetention
	for _, old := range []struct {
		remove func(ctx context.Context, before time.Time, limit int) (int, error)
		age    time.Duration
	}{
		{a.store.DeleteEventsBefore, kept},
		{a.store.DeleteCallsBefore, kept},
		{a.store.DeleteDialAttemptsBefore, kept},
		{a.store.DeleteStatisticsBefore, kept},
		{a.store.DeleteClaimsBefore, apiserver.ClaimLifetime},
	} {
		before := time.Now().Add(-old.age)
		if err := inBatches(ctx, before, old.remove); err != nil {
			return err
		}
	}
	return nil
}

// purge removes what belongs to Tasks that ended long ago, when that is wanted.
func (a *App) purge(ctx context.Context) error {
	age := a.opts.Config.Retention.FinishedTasks
	if age == 0 {
		return nil
	}
	// Processes that were started together do not all begin at once.
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(rand.N(purgeInterval / 10)):
	}
	out, err := privacy.Purge(ctx, a.store, privacy.PurgeOptions{Before: time.Now().Add(-age)})
	if !out.Empty() {
		a.log.Info("rows that belonged to finished tasks removed", logging.Count(out.Tasks+out.Calls+out.Events))
	}
	return err
}

// fold keeps questions about long windows quick.
func (a *App) fold(ctx context.Context) error {
	return inBatches(ctx, time.Now(), a.store.FoldStatistics)
}

// inBatches does work on what is older than an instant until less than a batch
// is left.
func inBatches(ctx context.Context, before time.Time, work func(context.Context, time.Time, int) (int, error)) error {
	for {
		n, err := work(ctx, before, retentionBatch)
		if err != nil || n < retentionBatch {
			return err
		}
	}
}

// startWork begins what a worker process does besides running durable tasks.
func (a *App) startWork(ctx context.Context) {
	a.loop(ctx, "sweep", sweepInterval, a.dispatch.Sweep)
	a.loop(ctx, "reconcile", reconcileInterval, func(ctx context.Context) error {
		return a.dispatch.Reconcile(ctx, a.running)
	})
	a.loop(ctx, "deliveries", deliveryInterval, a.waker.sweep)
	a.loop(ctx, "retention", retentionInterval, a.forget)
	a.loop(ctx, "purge", purgeInterval, a.purge)
	a.loop(ctx, "statistics", retentionInterval, a.fold)
	a.voices.poll(ctx, &a.loops)
	a.loops.Add(1)
	go func() {
		defer a.loops.Done()
		a.runWorkers(ctx)
	}()
}
