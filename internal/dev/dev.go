package dev

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/app"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/devserver"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/workflows"
	"github.com/taskrouter/taskrouter/workspace"
)

// DefaultListen is where the API of a development system listens.
const DefaultListen = "127.0.0.1:8080"

// DefaultDataDir is where it keeps its state.
const DefaultDataDir = "taskrouter-data"

// Options says what Start starts.
type Options struct {
	// Listen is the address of the API; port 0 picks a free one.
	Listen string
	// DataDir keeps the state; ignored when Ephemeral.
	DataDir   string
	Ephemeral bool
	// NoUI leaves out the Temporal UI.
	NoUI bool
	// TemporalPort and UIPort are 0 for free ones.
	TemporalPort, UIPort int
	// Database replaces the embedded SQLite, for tests on PostgreSQL.
	Database string
	// TemporalAddress uses a Temporal server that runs already.
	TemporalAddress string
	// Namespace is the Temporal namespace; empty means default. Two systems
	// must not share one: each would be handed the other's durable runs.
	Namespace string
	// Voice replaces the telephone in memory by these back-ends.
	Voice []config.VoiceBackend
	// Change may alter the configuration before it is used.
	Change   func(*config.Config)
	Tunables workflows.Tunables
	Crash    func(point string)
	Version  string
	Log      *zap.Logger
}

// System is a running development system.
type System struct {
	App      *app.App
	Temporal *devserver.Server
	// AccountSID and AuthToken are the credentials of the demo account.
	AccountSID, AuthToken string
	// FirstStart is set when the account was created by this start.
	FirstStart                bool
	WorkspaceSID, WorkflowSID string
	TemporalAddress           string
	Namespace                 string
	UIURL                     string
}

// Start starts everything and returns when all of it is ready.
func Start(ctx context.Context, o Options) (sys *System, err error) {
	s := &System{TemporalAddress: o.TemporalAddress, Namespace: cmp.Or(o.Namespace, "default")}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	cfg, err := configuration(o)
	if err != nil {
		return nil, err
	}
	if s.TemporalAddress == "" {
		if err := s.startTemporal(ctx, o); err != nil {
			return nil, err
		}
	}
	cfg.Temporal.Address, cfg.Temporal.Namespace = s.TemporalAddress, s.Namespace
	if o.Change != nil {
		o.Change(cfg)
	}
	tunables := o.Tunables
	if tunables == (workflows.Tunables{}) {
		tunables = workflows.DefaultTunables()
	}
	tunables.Searchable = true
	if s.App, err = app.New(ctx, app.Options{
		Config: cfg, API: true, Work: true, Dev: IsLoopback(cfg.Listen), Migrate: true, Version: o.Version, Crash: o.Crash, Tunables: tunables, Log: o.Log,
	}); err != nil {
		return nil, err
	}
	if err := s.seed(ctx, cfg); err != nil {
		return nil, err
	}
	return s, s.App.Start(ctx)
}

func (s *System) startTemporal(ctx context.Context, o Options) error {
	opts := devserver.Options{
		FrontendPort: o.TemporalPort, UIPort: o.UIPort, Namespace: s.Namespace,
		SearchAttributes: workflows.SearchAttributes(), Logger: o.Log.Named("temporal-server"),
	}
	if !o.Ephemeral {
		opts.DataDir = filepath.Join(o.DataDir, "temporal")
	}
	if o.NoUI {
		opts.UIPort = -1
	}
	srv, err := devserver.Start(ctx, opts)
	if err != nil {
		return fmt.Errorf("start Temporal: %w", err)
	}
	s.Temporal, s.TemporalAddress, s.UIURL = srv, srv.HostPort(), srv.UIURL()
	return nil
}

// configuration fills in the embedded defaults.
func configuration(o Options) (*config.Config, error) {
	cfg := config.Default()
	cfg.Listen = o.Listen
	if cfg.Listen == "" {
		cfg.Listen = DefaultListen
	}
	cfg.PublicURL = ""
	cfg.Metrics.Listen = "" // they are served beside the API
	cfg.Voice.Insecure = true
	cfg.Egress.AllowCIDRs = []string{"127.0.0.0/8", "::1/128"}
	cfg.Voice.Backends = o.Voice
	if len(cfg.Voice.Backends) == 0 {
		cfg.Voice.Backends = []config.VoiceBackend{{Name: "fake", Flavour: config.FlavourFake}}
	}
	key := workspace.NewSealingKey()
	database := store.MemoryURL
	if !o.Ephemeral {
		if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		var err error
		if key, err = keep(filepath.Join(o.DataDir, "sealing.key"), key); err != nil {
			return nil, err
		}
		database = filepath.Join(o.DataDir, "taskrouter.db")
	}
	if o.Database != "" {
		database = o.Database
	}
	cfg.Secrets.SealingKey = config.NewSecret(key)
	cfg.Database.URL = config.NewSecret(database)
	return cfg, nil
}

// keep reads a small secret file, or creates it with the given text. It is
// complete before it appears under its name: a process killed half-way must
// not leave an empty key behind.
func keep(path, text string) (string, error) {
	b, err := os.ReadFile(path)
	if err == nil {
		return string(b), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return "", err
	}
	return text, os.Rename(tmp.Name(), path)
}

// seed makes the demo account and Workspace on the first start and finds them
// again on later ones.
func (s *System) seed(ctx context.Context, _ *config.Config) error {
	account, created, err := s.App.FirstAccount(ctx, "Demo")
	if err != nil {
		return err
	}
	s.AccountSID, s.FirstStart = account, created
	tokens, err := s.App.Accounts.SigningTokens(ctx, account)
	if err != nil {
		return err
	}
	s.AuthToken = tokens[0]
	demo, err := s.App.Workspaces.SeedDemo(ctx, account)
	if err != nil {
		return fmt.Errorf("seed the demo workspace: %w", err)
	}
	if demo != nil {
		s.WorkspaceSID, s.WorkflowSID = demo.WorkspaceSID, demo.WorkflowSID
		return nil
	}
	s.WorkspaceSID, s.WorkflowSID, err = s.App.FirstWorkflow(ctx, account)
	return err
}

// Stop drains and stops everything, in reverse order.
func (s *System) Stop(ctx context.Context) error {
	var errs []error
	if s.App != nil {
		errs = append(errs, s.App.Stop(ctx))
	}
	if s.Temporal != nil {
		errs = append(errs, s.Temporal.Stop())
	}
	return errors.Join(errs...)
}

// StopTimeout is how long a stop may take before the process gives up waiting.
const StopTimeout = 30 * time.Second

// IsLoopback reports whether an address can be reached from this machine only.
func IsLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
