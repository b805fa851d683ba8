package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"

	sdkclient "go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/events"
	"github.com/taskrouter/taskrouter/internal/codec"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workflows"
)

// connectTemporal makes a client that connects when it is first used: requests
// are served while Temporal is down.
func (a *App) connectTemporal(cfg *config.Config) error {
	o := sdkclient.Options{
		HostPort: cfg.Temporal.Address, Namespace: cfg.Temporal.Namespace,
		Logger: logging.ForSDK(a.log.Named("temporal")),
	}
	var err error
	if o.Interceptors, err = a.tracing.Runs(); err != nil {
		return err
	}
	if a.metrics != nil {
		o.MetricsHandler = a.metrics.Temporal()
	}
	seal, err := newCodec(cfg)
	if err != nil {
		return err
	}
	// Also without keys: a payload that needs one is then given back, not lost.
	o.DataConverter, o.FailureConverter = seal.DataConverter(), seal.FailureConverter()
	tlsCfg, err := temporalTLS(cfg.Temporal.TLS)
	if err != nil {
		return err
	}
	o.ConnectionOptions.TLS = tlsCfg
	if onThisMachine(cfg.Temporal.Address) {
		// Three hundredths of the processor time of a Task, to spare a network
		// that is not there.
		o.ConnectionOptions.GrpcCompression = &sdkclient.GrpcCompressionNone{}
	}
	if !cfg.Temporal.APIKey.IsZero() {
		o.Credentials = sdkclient.NewAPIKeyStaticCredentials(cfg.Temporal.APIKey.Reveal())
	}
	if a.sdk, err = sdkclient.NewLazyClient(o); err != nil {
		return fmt.Errorf("temporal client: %w", err)
	}
	a.onStop("close the temporal client", func(context.Context) error { a.sdk.Close(); return nil })
	tunables := a.opts.Tunables
	if tunables == (workflows.Tunables{}) {
		tunables = workflows.DefaultTunables()
	}
	a.runs = workflows.NewClient(a.sdk, workflows.ClientOptions{
		Namespace: cfg.Temporal.Namespace, Eager: a.opts.API && a.opts.Work && cfg.Worker.BuildID == "", Tunables: tunables,
	})
	return nil
}

// onThisMachine reports whether a host:port is this machine's own.
func onThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// newCodec makes what encrypts the payloads that Temporal stores.
func newCodec(cfg *config.Config) (*codec.Codec, error) {
	keys, err := cfg.Temporal.EncryptionKeys.Keys()
	if err != nil {
		return nil, fmt.Errorf("temporal.encryption_keys: %w", err)
	}
	return codec.New(keys...)
}

func temporalTLS(c config.TemporalTLS) (*tls.Config, error) {
	if !c.Enabled {
		return nil, nil
	}
	t := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("temporal.tls.ca_file: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("temporal.tls.ca_file: no certificate in %s", c.CAFile)
		}
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("temporal.tls.cert_file: %w", err)
		}
		t.Certificates = []tls.Certificate{pair}
	}
	return t, nil
}

// sign makes webhook signatures with the account's own token.
func (a *App) sign(ctx context.Context, account, target string, form url.Values) (string, error) {
	token, err := a.signingToken(ctx, account)
	if err != nil {
		return "", err
	}
	return wire.Sign(target, form, token), nil
}

// signingToken is the token webhooks of an account are signed with.
func (a *App) signingToken(ctx context.Context, account string) (string, error) {
	tokens, err := a.Accounts.SigningTokens(ctx, account)
	if err != nil {
		return "", err
	}
	return tokens[0], nil
}

func validateSignature(target string, form url.Values, token, signature string) bool {
	return wire.Validate(target, form, token, signature)
}

// assigner lets activities use the callback sender.
type assigner struct {
	*events.Assigner
	crash func(string)
}

// Assign implements activities.Assigner.
func (s assigner) Assign(ctx context.Context, o activities.CallbackOrder) activities.CallbackOutcome {
	out := s.Assigner.Assign(ctx, events.CallbackOrder{
		URL: o.URL, FallbackURL: o.FallbackURL, Task: o.Task, Worker: o.Worker, Reservation: o.Reservation,
		ChannelName: o.ChannelName, FromDefault: o.FromDefault,
	})
	s.crash(CrashAfterCallbackSent)
	return activities.CallbackOutcome{Failed: out.Failed, Instruction: activities.FromInstruction(out.Instruction), LogCode: out.LogCode}
}

// crashingRouter has a crash point between the acceptance by an agent's leg and
// the reply to the platform.
type crashingRouter struct {
	*dispatch.Dispatcher
	crash func(string)
}

// LegDocument implements callqueue.Router.
func (r crashingRouter) LegDocument(ctx context.Context, attempt, callSID string) (dispatch.LegVerdict, error) {
	v, err := r.Dispatcher.LegDocument(ctx, attempt, callSID)
	r.crash(CrashAfterLegDocument)
	return v, err
}

var _ callqueue.Router = crashingRouter{}

// running tells the reconciler whether a Task has a durable run.
func (a *App) running(ctx context.Context, t dispatch.TaskRef) (bool, error) {
	return a.runs.Running(ctx, t.TaskSID)
}

// RegisterSearchAttributes adds the search attributes of durable runs to the
// configured namespace. It needs operator rights there.
func RegisterSearchAttributes(ctx context.Context, cfg *config.Config, log *zap.Logger) error {
	a := &App{log: log, opts: Options{Log: log}}
	if err := a.connectTemporal(cfg); err != nil {
		return err
	}
	defer a.sdk.Close()
	return a.runs.RegisterSearchAttributes(ctx)
}

// ConnectRuns connects to the durable runs, for tools that only ask about them.
// The caller calls disconnect in the end. Whether Temporal answers shows with
// the first question.
func ConnectRuns(cfg *config.Config, log *zap.Logger) (runs *workflows.Client, disconnect func(), err error) {
	a := &App{log: log, opts: Options{Log: log}}
	if err := a.connectTemporal(cfg); err != nil {
		return nil, nil, err
	}
	return a.runs, a.sdk.Close, nil
}
