package app

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/events"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/worker"
)

// workerRetry is the pause between attempts to reach Temporal.
const workerRetry = 2 * time.Second

// buildWorker checks that the worker process can be built; runWorkers builds it
// again each time Temporal has to be reached anew.
func (a *App) buildWorker() error {
	client, err := a.webhookClient(events.CallbackTimeout)
	if err != nil {
		return err
	}
	slow, err := a.webhookClient(events.DeliveryTimeout)
	if err != nil {
		return err
	}
	a.sender = sender{events.NewDeliverer(slow, a.signingToken, a.log), a.opts.Crash}
	a.assigner = assigner{events.NewAssigner(client, a.sign, a.log), a.opts.Crash}
	_, err = a.newProcess(a.newCallbacks(), nil)
	return err
}

// callBack makes assignment callbacks as soon as the offers are committed, while
// this process conducts durable runs.
func (a *App) callBack(ctx context.Context, v taskrouter.View) {
	if c := a.callbacks.Load(); c != nil {
		activities.Begin(ctx, c, v)
	}
}

func (a *App) newCallbacks() *activities.Callbacks {
	return &activities.Callbacks{
		Store: crashing{durable{a.dispatch}, a.opts.Crash}, Assigner: measuredAssigner{a.assigner, a.metrics},
		Limit: a.opts.Config.Worker.Concurrency, Log: logging.ForSDK(a.log),
	}
}

func (a *App) newProcess(callbacks *activities.Callbacks, fatal func(error)) (*worker.Process, error) {
	store := crashing{durable{a.dispatch}, a.opts.Crash}
	o := worker.Options{
		Routing: &activities.Routing{Store: store}, Records: &activities.Records{Store: store},
		Callbacks:   callbacks,
		Delivery:    &activities.Delivery{Store: a.store, Sender: measuredSender{a.sender, a.metrics}, Retries: a.opts.Config.Events.CallbackRetries},
		StopTimeout: a.opts.Config.Worker.DrainTimeout, MaxCallbacks: a.opts.Config.Worker.Concurrency,
		OnFatal: fatal, BuildID: a.opts.Config.Worker.BuildID,
	}
	for _, b := range a.voices.backends {
		o.Voice = append(o.Voice, worker.VoiceInstance{Name: b.Name(), Calls: &activities.Calls{Store: store, Phones: a.voices.phones[b.Name()]}})
	}
	return worker.New(a.sdk, o)
}

// runWorkers serves durable runs until ctx ends. Temporal may be down when the
// process starts, and may refuse it later: both are waited out.
func (a *App) runWorkers(ctx context.Context) {
	for ctx.Err() == nil {
		failed := make(chan error, 1)
		callbacks := a.newCallbacks()
		p, err := a.newProcess(callbacks, func(err error) {
			select {
			case failed <- err:
			default:
			}
		})
		if err == nil {
			err = p.Start()
		}
		if err == nil {
			a.log.Info("worker process serving", logging.Count(len(a.voices.backends)))
			a.nowServing(true)
			a.callbacks.Store(callbacks)
			a.warnSearchAttributes(ctx)
			select {
			case <-ctx.Done():
			case err = <-failed:
			}
			a.callbacks.Store(nil)
			a.nowServing(false)
			p.Stop()
		}
		if ctx.Err() != nil {
			return
		}
		a.log.Warn("worker process cannot serve; trying again", logging.Err(err), logging.Duration(workerRetry))
		select {
		case <-ctx.Done():
		case <-time.After(workerRetry):
		}
	}
}

// warnSearchAttributes says what operators will not be able to search for.
func (a *App) warnSearchAttributes(ctx context.Context) {
	missing, err := a.runs.VerifySearchAttributes(ctx)
	switch {
	case err != nil:
		a.log.Warn("search attributes could not be checked", logging.Err(err))
	case len(missing) > 0:
		a.log.Warn("search attributes are missing in the Temporal namespace; run `taskrouter migrate --search-attributes`", zap.Strings(logging.KeyReason, missing))
	}
}
