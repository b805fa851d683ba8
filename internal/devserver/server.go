package devserver

import (
	"context"
	"errors"
	"fmt"
	"sync"

	uiserver "github.com/temporalio/ui-server/v2/server"
	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	uioptions "github.com/temporalio/ui-server/v2/server/server_options"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"go.temporal.io/server/common/authorization"
	temporalconfig "go.temporal.io/server/common/config"
	temporallog "go.temporal.io/server/common/log"
	"go.temporal.io/server/temporal"
)

// Server is a Temporal server running in this process.
type Server struct {
	temporal  temporal.Server
	dynamic   *settings
	ui        *uiserver.Server
	uiDone    chan struct{}
	ports     ports
	namespace string
	stop      sync.Once
	stopErr   error
}

// Start starts a server and returns when it serves: the API answers, the
// namespace exists, its search attributes are registered and the UI is up.
// Canceling ctx while it starts stops it again; afterwards ctx has no effect.
func Start(ctx context.Context, o Options) (*Server, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	p, err := choosePorts(o)
	if err != nil {
		return nil, err
	}
	sql, err := openDatabase(o)
	if err != nil {
		return nil, err
	}
	dynamic := newSettings()
	engine, err := temporal.NewServer(
		temporal.WithConfig(serverConfig(p, sql)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(serviceHosts(p)),
		temporal.WithLogger(serverLogger(o.Logger)),
		temporal.WithDynamicConfigClient(dynamic),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*temporalconfig.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("build the Temporal server: %w", err)
	}
	if err := engine.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start the Temporal server: %w", err), engine.Stop())
	}
	s := &Server{temporal: engine, dynamic: dynamic, ports: p, namespace: o.Namespace}
	if p.ui > 0 {
		s.startUI(o)
	}
	if err := s.ready(ctx, o); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// HostPort is the address of Temporal's API, for client.Options.HostPort.
func (s *Server) HostPort() string { return hostPort(s.ports.frontend) }

// Namespace is the namespace that Start made sure of.
func (s *Server) Namespace() string { return s.namespace }

// UIURL is the address of the web UI; empty when there is none.
func (s *Server) UIURL() string {
	if s.ports.ui <= 0 {
		return ""
	}
	return "http://" + hostPort(s.ports.ui)
}

// Stop stops the server and returns when it has stopped. Further calls return
// what the first one did.
func (s *Server) Stop() error {
	s.stop.Do(func() {
		if s.ui != nil {
			s.ui.Stop()
			<-s.uiDone
		}
		if err := s.temporal.Stop(); err != nil {
			s.stopErr = fmt.Errorf("stop the Temporal server: %w", err)
		}
	})
	return s.stopErr
}

func (s *Server) startUI(o Options) {
	s.ui = uiserver.NewServer(uioptions.WithConfigProvider(&uiconfig.Config{
		Host:                host,
		Port:                s.ports.ui,
		TemporalGRPCAddress: s.HostPort(),
		DefaultNamespace:    o.Namespace,
		EnableUI:            true,
		HideLogs:            true,
		DisableNewsFetch:    true,
		Codec:               uiconfig.Codec{Endpoint: o.CodecEndpoint},
		// The UI is served over plain HTTP on the loopback interface.
		CORS: uiconfig.CORS{CookieInsecure: true},
	}))
	s.uiDone = make(chan struct{})
	go func() {
		defer close(s.uiDone)
		if err := s.ui.Start(); err != nil {
			o.Logger.Error("temporal ui stopped", zap.Error(err))
		}
	}()
}

// serverLogger passes on the server's errors only. Its warnings tell of
// services that miss each other while they start and stop one after another,
// which one process that holds them all does every time.
func serverLogger(zl *zap.Logger) temporallog.Logger {
	return temporallog.NewZapLogger(zl.Named("temporal").WithOptions(zap.IncreaseLevel(zapcore.ErrorLevel)))
}
