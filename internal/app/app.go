package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	sdkclient "go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/events"
	"github.com/taskrouter/taskrouter/internal/codec"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/health"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/internal/telemetry"
	"github.com/taskrouter/taskrouter/internal/tracing"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/workflows"
	"github.com/taskrouter/taskrouter/workspace"
)

// Options says what a process is.
type Options struct {
	Config *config.Config
	// API serves REST and webhooks; Work runs durable tasks and the sweeper.
	API, Work bool
	// Dev serves /dev/calls and keeps the telephone in memory.
	Dev bool
	// Migrate brings the database up to date first.
	Migrate bool
	// Version is the build, shown to Temporal.
	Version string
	// Crash is called at named points between durable steps; nil for none.
	Crash func(point string)
	// Tunables override the durable runs' timings; the zero value keeps them.
	Tunables workflows.Tunables
	Log      *zap.Logger
	// spans takes the traces instead of the configured endpoint; for tests.
	spans sdktrace.SpanExporter
}

// App is a built process. New wires, Start serves, Stop drains.
type App struct {
	opts     Options
	log      *zap.Logger
	store    *store.Store
	sdk      sdkclient.Client
	runs     *workflows.Client
	dispatch *dispatch.Dispatcher

	// Accounts and Workspaces are what set-up commands need.
	Accounts   *workspace.Accounts
	Workspaces *workspace.Service

	listener net.Listener
	server   *http.Server
	public   string
	voices   *voices
	assigner assigner
	sender   sender
	waker    *waker
	backlog  atomic.Int64

	metrics *telemetry.Metrics
	// tracing is nil when it is off.
	tracing *tracing.Tracing
	health  *health.Monitor
	// operators serves metrics and health on a port of its own; nil for none.
	operators   *http.Server
	operatorsAt net.Listener
	// serving is set while durable work is taken from Temporal, migrated once
	// the database was seen to be up to date.
	serving, migrated atomic.Bool
	// callbacks are those of the worker process while it serves.
	callbacks atomic.Pointer[activities.Callbacks]
	// unmigrated is set once the database was seen to be too old; it counts
	// until migrated is set.
	unmigrated atomic.Bool

	stop   context.CancelFunc
	loops  sync.WaitGroup
	undo   []cleanup
	closed sync.Once
}

// cleanup is a named step of stopping; they run in reverse order.
type cleanup struct {
	name string
	fn   func(ctx context.Context) error
}

func (a *App) onStop(name string, fn func(ctx context.Context) error) {
	a.undo = append(a.undo, cleanup{name, fn})
}

// New builds the graph. It opens the database and binds the listener, so that
// port 0 works and mistakes show at once; Temporal may be down.
func New(ctx context.Context, o Options) (app *App, err error) {
	if o.Crash == nil {
		o.Crash = func(string) {}
	}
	a := &App{opts: o, log: o.Log, metrics: telemetry.New(o.Version)}
	defer func() {
		if err != nil {
			_ = a.cleanUp(context.WithoutCancel(ctx))
		}
	}()
	cfg := o.Config
	if err = a.beginTracing(ctx); err != nil {
		return nil, err
	}
	if a.store, err = OpenStore(ctx, cfg); err != nil {
		return nil, err
	}
	a.onStop("close the database", func(context.Context) error { return a.store.Close() })
	if o.Migrate {
		if err = a.store.Migrate(ctx); err != nil {
			return nil, fmt.Errorf("migrate the database: %w", err)
		}
	}
	if a.Accounts, err = NewAccounts(a.store, cfg, o.Log); err != nil {
		return nil, err
	}
	if err = a.watch(); err != nil {
		return nil, err
	}
	if o.API {
		if a.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
	}
	a.public = strings.TrimSuffix(cfg.PublicURL, "/")
	if a.public == "" && a.listener != nil {
		a.public = "http://" + a.listener.Addr().String()
	}
	if err = a.connectTemporal(cfg); err != nil {
		return nil, err
	}
	engine := rules.New(rules.Options{})
	a.waker = newWaker(a.store, a.runs, o.Log)
	routing := routingOptions(cfg)
	routing.Crash, routing.OnCommit, routing.Observer, routing.Tracer = o.Crash, a.waker.note, a.metrics, a.tracing.Dispatch()
	if o.Work {
		routing.OnWork = a.callBack
	}
	a.dispatch = dispatch.New(a.store, engine, notifier{a.runs}, o.Log, routing)
	a.onStop("settle notices", a.dispatch.Close)
	if a.voices, err = a.newVoices(cfg); err != nil {
		return nil, err
	}
	a.onStop("close telephones", func(context.Context) error { a.voices.close(); return nil })
	a.Workspaces = workspace.New(a.dispatch, a.store, engine, o.Log, workspace.Options{
		ValidateMenu: callqueue.ValidateMenu, Backends: a.voices.names(),
	})
	if o.API {
		if err = a.buildServer(engine); err != nil {
			return nil, err
		}
	}
	if o.Work {
		if err = a.buildWorker(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// buildServer makes the REST surface with the voice webhooks beside it.
func (a *App) buildServer(engine *rules.Engine) error {
	cfg := a.opts.Config
	client, err := a.webhookClient(events.NoticeTimeout)
	if err != nil {
		return err
	}
	webhooks := callqueue.New(callqueue.Options{
		Router: crashingRouter{a.dispatch, a.opts.Crash}, Records: a.store, Accounts: a.Accounts, Ledger: ledger{a.store},
		Validate: validateSignature, PublicURL: a.public, Platforms: a.voices.platforms, Logger: a.log,
		Send:    measuredNotifier{events.NewNotifier(client, a.sign, a.log), a.metrics}.Send,
		Dropped: func(n int) { a.metrics.StatusCallbacks(telemetry.Dropped, n) },
	})
	a.onStop("settle status callbacks", webhooks.Close)
	o := apiserver.Options{
		PublicURL: a.public, Authenticator: a.Accounts, Dispatcher: a.dispatch, Configuration: a.Workspaces,
		Reader: a.store, Evaluator: workspace.NewEvaluator(engine), Voice: a.tracing.Webhooks(webhooks),
		Resender: resender{a.store, a.waker.note}, Keys: a.Accounts, Claims: a.store,
		Overloaded: a.overloaded, Alive: a.health.AliveHandler(), Ready: a.health.ReadyHandler(), Observe: a.metrics.HTTPRequest,
		BodyLimit: cfg.Limits.BodyBytes, Timeout: cfg.Limits.RequestTimeout,
		Admission: a.newDoor(), Refused: a.metrics.RequestRefused,
	}
	if a.tracing != nil {
		o.Trace = a.tracing.Request
	}
	if a.opts.Dev {
		o.Metrics = a.metrics.Handler()
	}
	endStreams := func() {}
	if a.opts.Dev && a.voices.fake != nil {
		o.Dev, endStreams = a.newDevCalls()
	}
	if !cfg.Codec.Token.IsZero() {
		seal, err := newCodec(cfg)
		if err != nil {
			return err
		}
		o.Codec = seal.Handler(codec.HandlerOptions{
			Token: cfg.Codec.Token.Reveal(), Origin: cfg.Codec.UIOrigin, BodyLimit: cfg.Limits.BodyBytes,
		})
	}
	handler, err := apiserver.New(a.log, o)
	if err != nil {
		return err
	}
	a.server = &http.Server{Handler: a.fitting(handler), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	a.server.RegisterOnShutdown(endStreams)
	return nil
}

// URL is where clients reach the process; empty when it serves no API.
func (a *App) URL() string { return a.public }

// Start serves and begins the background loops. It returns at once.
func (a *App) Start(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.stop = cancel
	a.serveOperators()
	a.lookAtSchema(ctx)
	a.loops.Go(func() {
		if a.awaitSchema(run) {
			a.startLoops(run)
		}
	})
	if a.server != nil {
		go func() {
			if err := a.server.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
				a.log.Error("api server stopped", logging.Err(err))
			}
		}()
		a.log.Info("serving", logging.Address(a.listener.Addr().String()))
	}
	return nil
}

// startLoops begins what is done in the background.
func (a *App) startLoops(ctx context.Context) {
	if a.opts.Work {
		a.startWork(ctx)
	}
	a.loops.Go(func() { a.waker.run(ctx) })
	a.loop(ctx, "backlog", backlogInterval, func(ctx context.Context) error {
		n, err := a.dispatch.Backlog(ctx)
		a.backlog.Store(int64(n))
		return err
	})
}

// Stop drains: no new requests, running ones finish, activities finish, then
// everything is closed. It may be called more than once.
func (a *App) Stop(ctx context.Context) error {
	var errs []error
	a.closed.Do(func() {
		a.health.Drain()
		if a.server != nil {
			errs = append(errs, a.server.Shutdown(ctx))
		}
		if a.stop != nil {
			a.stop()
		}
		a.loops.Wait()
		errs = append(errs, a.cleanUp(ctx))
	})
	return errors.Join(errs...)
}

func (a *App) cleanUp(ctx context.Context) error {
	var errs []error
	for i := len(a.undo) - 1; i >= 0; i-- {
		if err := a.undo[i].fn(ctx); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.undo[i].name, err))
		}
	}
	a.undo = nil
	if a.server == nil && a.listener != nil {
		_ = a.listener.Close()
	}
	return errors.Join(errs...)
}

// OpenStore opens the configured database.
func OpenStore(ctx context.Context, cfg *config.Config) (*store.Store, error) {
	_, target := cfg.Database.Kind()
	st, err := store.Open(ctx, store.Options{URL: target, MaxConns: cfg.Database.MaxConnections})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return st, nil
}

// NewAccounts makes the account service over a store.
func NewAccounts(st *store.Store, cfg *config.Config, log *zap.Logger) (*workspace.Accounts, error) {
	var older []string
	if !cfg.Secrets.PreviousKey.IsZero() {
		older = append(older, cfg.Secrets.PreviousKey.Reveal())
	}
	sealer, err := workspace.NewSealer(cfg.Secrets.SealingKey.Reveal(), older...)
	if err != nil {
		return nil, fmt.Errorf("secrets.sealing_key: %w", err)
	}
	return workspace.NewAccounts(st, sealer, log, workspace.AccountOptions{}), nil
}

var _ voice.LegBook = linesOpen{}
