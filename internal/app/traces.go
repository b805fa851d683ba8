package app

import (
	"context"
	"net/http"
	"time"

	"github.com/taskrouter/taskrouter/internal/tracing"
)

// beginTracing comes before everything that has spans, so that it ends after.
func (a *App) beginTracing(ctx context.Context) (err error) {
	c := a.opts.Config.Tracing
	a.tracing, err = tracing.New(ctx, tracing.Options{
		Endpoint: c.Endpoint, Insecure: c.Insecure, SampleRatio: c.SampleRatio, Propagate: c.Propagate,
		Version: a.opts.Version, Exporter: a.opts.spans,
	}, a.log)
	if a.tracing != nil {
		a.onStop("send the last spans", a.tracing.Close)
	}
	return err
}

// webhookClient sends to URLs of users: guarded, and followed by traces.
func (a *App) webhookClient(timeout time.Duration) (*http.Client, error) {
	c, err := guarded(a.opts.Config.Egress.AllowCIDRs, timeout)
	if err == nil {
		c.Transport = a.tracing.Webhook(c.Transport)
	}
	return c, err
}

// platformClient sends to telephone platforms.
func (a *App) platformClient() *http.Client {
	return &http.Client{Transport: a.tracing.Platform(http.DefaultTransport)}
}
