package app

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/rest"
	"github.com/taskrouter/taskrouter/wire"

	"go.uber.org/zap"
)

// voices are the telephone back-ends of the process.
type voices struct {
	backends  []voice.Backend
	platforms []callqueue.Platform
	phones    map[string]*phones
	pollers   []*voice.Poller
	fake      *fake.Backend
	log       *zap.Logger
}

// twilioAPI is where a back-end of flavour twilio is unless configured.
const twilioAPI = "https://api.twilio.com"

func (a *App) newVoices(cfg *config.Config) (*voices, error) {
	v := &voices{phones: map[string]*phones{}, log: a.log.Named("voice")}
	for i, b := range cfg.Voice.Backends {
		backend, p, err := a.newBackend(v, b)
		if err != nil {
			return nil, fmt.Errorf("voice.backends[%d]: %w", i, err)
		}
		p.Default = i == 0
		v.add(a, backend, p, b.WebhookSecret.Reveal())
	}
	return v, nil
}

func (a *App) newBackend(v *voices, b config.VoiceBackend) (voice.Backend, callqueue.Platform, error) {
	p := callqueue.Platform{Name: b.Name, Flavour: voice.Flavour(b.Flavour), AccountSID: b.AccountSID, Secret: b.WebhookSecret.Reveal()}
	if !b.AuthToken.IsZero() {
		p.AuthTokens = []string{b.AuthToken.Reveal()}
	}
	if b.Flavour == config.FlavourFake {
		if a.opts.API != a.opts.Work {
			return nil, p, fmt.Errorf("the fake telephone lives in one process: use it with dev or all, not with api and worker apart")
		}
		o := fake.Options{Name: b.Name, AccountSID: b.AccountSID, Ledger: ledger{a.store}, Fetcher: &http.Client{Timeout: 15 * time.Second}}
		if !b.AuthToken.IsZero() {
			token := b.AuthToken.Reveal()
			o.Sign = func(target string, form url.Values) string { return wire.Sign(target, form, token) }
		}
		f := fake.New(o)
		v.fake = f
		p.AccountSID = f.AccountSID()
		p.Backend = f
		return f, p, nil
	}
	base := b.BaseURL
	if base == "" {
		base = twilioAPI
	}
	d, err := rest.New(rest.Options{
		Name: b.Name, Flavour: voice.Flavour(b.Flavour), BaseURL: base, AccountSID: b.AccountSID,
		Token: b.AuthToken.Reveal(), Ledger: ledger{a.store}, Client: a.platformClient(), Logger: v.log,
	})
	p.Backend = d
	return d, p, err
}

func (v *voices) add(a *App, b voice.Backend, p callqueue.Platform, secret string) {
	v.backends = append(v.backends, b)
	v.platforms = append(v.platforms, p)
	v.phones[b.Name()] = &phones{
		backend: b, urls: callqueue.URLs{Public: a.public, Secret: secret}, rooms: a.dispatch, crash: a.opts.Crash, log: v.log,
	}
	v.pollers = append(v.pollers, voice.NewPoller(voice.PollerOptions{
		Backend: b, Book: linesOpen{a.store}, Logger: v.log,
		Sink: &callqueue.Sink{Router: a.dispatch, Records: a.store, AccountOf: a.accountOfCall},
	}))
}

// accountOfCall finds whose call a platform speaks of.
func (a *App) accountOfCall(ctx context.Context, backend, callSID string) (string, error) {
	calls, err := a.store.LiveCalls(ctx, backend)
	if err != nil {
		return "", err
	}
	for _, c := range calls {
		if c.CallSID == callSID {
			return c.AccountSID, nil
		}
	}
	return "", nil
}

// able says what the configured platforms can do.
func able(backends []config.VoiceBackend) func(backend string, a dispatch.Ability) bool {
	flavours := map[string]voice.Flavour{}
	for _, b := range backends {
		flavours[b.Name] = voice.Flavour(b.Flavour)
	}
	return func(backend string, a dispatch.Ability) bool {
		switch a {
		case dispatch.AbilityRecordLeg:
			return flavours[backend].RecordsLegs()
		case dispatch.AbilityWhisper:
			return flavours[backend].Whispers()
		}
		return true
	}
}

func (v *voices) names() []string {
	var out []string
	for _, b := range v.backends {
		out = append(out, b.Name())
	}
	return out
}

// poll runs one poller a back-end account.
func (v *voices) poll(ctx context.Context, wg *sync.WaitGroup) {
	for _, p := range v.pollers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			p.Run(ctx)
		}()
	}
}

func (v *voices) close() {
	if v.fake != nil {
		v.fake.Close()
	}
}

// PointNumbers tells the platforms where the calls of the configured numbers
// go. A number that cannot be set is reported and does not stop the process.
func (a *App) PointNumbers(ctx context.Context) {
	for i, b := range a.opts.Config.Voice.Backends {
		c, ok := a.voices.backends[i].(voice.NumberConfigurer)
		if !ok {
			continue
		}
		urls := callqueue.URLs{Public: a.public, Secret: b.WebhookSecret.Reveal()}
		for _, n := range b.Numbers {
			if _, err := c.ConfigureNumber(ctx, urls.Number(n)); err != nil {
				a.log.Warn("phone number not pointed at this router", logging.Backend(b.Name), logging.Err(err))
			}
		}
	}
}
