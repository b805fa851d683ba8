package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	sdkclient "go.temporal.io/sdk/client"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/events"
	"github.com/taskrouter/taskrouter/internal/health"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/internal/telemetry"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// loopPatience is how long one round of a quick loop may take before the
// process counts as stuck. A round has many steps with time limits of their
// own, so that an outage of the database or of Temporal does not get this far.
const loopPatience = 15 * time.Minute

// Why a process is not ready.
var (
	errNotServing  = errors.New("no durable work is taken from Temporal")
	errLongBacklog = errors.New("more notices are unsent than limits.max_backlog")
)

// watch makes the answers about the process's health, and the port on which
// operators ask.
func (a *App) watch() error {
	cfg := a.opts.Config
	a.health = health.New(a.log, a.checks()...)
	a.metrics.WatchBacklogs(a.store, a.log)
	if cfg.Metrics.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", cfg.Metrics.Listen)
	if err != nil {
		return fmt.Errorf("metrics.listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	mux.Handle("GET /healthz", a.health.AliveHandler())
	mux.Handle("GET /readyz", a.health.ReadyHandler())
	a.operators = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	a.operatorsAt = l
	a.onStop("close the operators' port", func(context.Context) error { return errors.Join(a.operators.Close(), closed(l.Close())) })
	return nil
}

// closed drops the complaint that somebody else closed a listener first.
func closed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serveOperators begins to answer on the operators' port.
func (a *App) serveOperators() {
	if a.operators == nil {
		return
	}
	go func() {
		if err := a.operators.Serve(a.operatorsAt); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			a.log.Error("operators' port stopped", logging.Err(err))
		}
	}()
	a.log.Info("serving metrics", logging.Address(a.operatorsAt.Addr().String()))
}

// checks are what the process depends on. One that serves requests does so
// without Temporal; one that only does durable work cannot.
func (a *App) checks() []health.Check {
	list := []health.Check{
		{Name: "database", Probe: a.store.Ping},
		{Name: "schema", Probe: a.schemaFits},
		{Name: "temporal", Probe: a.temporalAnswers, Optional: a.opts.API},
	}
	if a.opts.API {
		// New work is refused meanwhile, request by request. All processes see the
		// same backlog: were they unready, reads, agents' answers and callers
		// would find none of them.
		list = append(list, health.Check{Name: "backlog", Optional: true, Probe: func(context.Context) error {
			if a.overloaded() {
				return errLongBacklog
			}
			return nil
		}})
	}
	if a.opts.Work {
		list = append(list, health.Check{Name: "worker", Optional: a.opts.API, Probe: func(context.Context) error {
			if !a.serving.Load() {
				return errNotServing
			}
			return nil
		}})
	}
	return list
}

func (a *App) overloaded() bool {
	return a.backlog.Load() > int64(a.opts.Config.Limits.MaxBacklog)
}

func (a *App) temporalAnswers(ctx context.Context) error {
	_, err := a.sdk.CheckHealth(ctx, &sdkclient.CheckHealthRequest{})
	return err
}

// nowServing notes whether this process takes durable work.
func (a *App) nowServing(yes bool) {
	a.serving.Store(yes)
	a.metrics.Serving(yes)
}

// measuredSender counts the requests to event callback URLs.
type measuredSender struct {
	activities.EventSender
	metrics *telemetry.Metrics
}

// SendEvent implements activities.EventSender.
func (s measuredSender) SendEvent(ctx context.Context, url string, e *taskrouter.Event) (activities.EventReceipt, error) {
	since := time.Now()
	r, err := s.EventSender.SendEvent(ctx, url, e)
	outcome := telemetry.Unreachable
	switch {
	case err != nil || r.Fault == taskrouter.FaultSignature:
		outcome = telemetry.Unsent
	case r.Delivered:
		outcome = telemetry.Delivered
	case r.Status != 0:
		outcome = telemetry.Refused
	}
	s.metrics.EventSent(outcome, time.Since(since))
	return r, err
}

// measuredNotifier counts the requests to status callbacks.
type measuredNotifier struct {
	*events.Notifier
	metrics *telemetry.Metrics
}

// Send is a callqueue.Send.
func (s measuredNotifier) Send(ctx context.Context, accountSID, method, target string, form url.Values) (int, error) {
	status, err := s.Notifier.Send(ctx, accountSID, method, target, form)
	outcome := telemetry.Refused
	switch {
	case err != nil:
		outcome = telemetry.Unreachable
	case status >= 200 && status <= 299:
		outcome = telemetry.Delivered
	}
	s.metrics.StatusCallbacks(outcome, 1)
	return status, err
}

// measuredAssigner counts assignment callbacks.
type measuredAssigner struct {
	activities.Assigner
	metrics *telemetry.Metrics
}

// Assign implements activities.Assigner.
func (s measuredAssigner) Assign(ctx context.Context, o activities.CallbackOrder) activities.CallbackOutcome {
	since := time.Now()
	out := s.Assigner.Assign(ctx, o)
	outcome := telemetry.Instructed
	switch {
	case out.Failed:
		outcome = telemetry.AssignmentFailed
	case out.Instruction == nil:
		outcome = telemetry.LeftOpen
	}
	s.metrics.Assigned(outcome, time.Since(since))
	return out
}
