package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/voice"
)

// defaultCallbackWait is how long a lost reply may be made up for by a callback
// before the list of calls is asked.
const defaultCallbackWait = 3 * time.Second

// Options configure a Driver. Flavour, BaseURL, AccountSID, Token and Ledger are
// required.
type Options struct {
	// Name is the configured name of the back-end; the flavour when empty.
	Name    string
	Flavour voice.Flavour
	// BaseURL is https://api.twilio.com, or https://HOST/restcomm, or a clone's.
	BaseURL string
	// AccountSID owns the calls. User and Token authenticate; User defaults to
	// AccountSID and differs when an API key is used.
	AccountSID, User, Token string
	// Ledger remembers attempts.
	Ledger voice.Ledger
	// Client sends requests; it must not follow redirects. One without redirects
	// is made when nil.
	Client *http.Client
	// Timeout bounds one request: 15 s for Twilio, 25 s for Restcomm when zero.
	Timeout time.Duration
	// CallbackWait is how long Dial waits for a callback after a lost reply; 3 s.
	CallbackWait time.Duration
	Clock        voice.Clock
	Logger       *zap.Logger
}

// String hides the credentials.
func (o Options) String() string { return fmt.Sprintf("rest %s (%s)", o.Name, o.Flavour) }

// GoString hides the credentials.
func (o Options) GoString() string { return o.String() }

// Driver is a voice.Backend over REST. It is safe for concurrent use.
type Driver struct {
	opt     Options
	dialect dialect
	base    *url.URL

	mu sync.Mutex
	// dialling holds a channel per attempt being placed, closed when done.
	dialling map[string]chan struct{}
}

var (
	_ voice.Backend          = (*Driver)(nil)
	_ voice.NumberConfigurer = (*Driver)(nil)
)

// New checks the options and makes a Driver. It sends nothing.
func New(o Options) (*Driver, error) {
	dl, ok := dialects[o.Flavour]
	if !ok {
		return nil, fmt.Errorf("rest: unknown flavour %q", o.Flavour)
	}
	base, err := url.Parse(strings.TrimRight(o.BaseURL, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.User != nil ||
		base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("rest: base URL must be http(s)://host[/path] without credentials, query or fragment")
	}
	if o.AccountSID == "" || o.Token == "" {
		return nil, errors.New("rest: account SID and token are required")
	}
	if o.Ledger == nil {
		return nil, errors.New("rest: a ledger is required")
	}
	if o.Name == "" {
		o.Name = string(o.Flavour)
	}
	if o.User == "" {
		o.User = o.AccountSID
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	client := *o.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	o.Client = &client
	if o.Timeout <= 0 {
		o.Timeout = dl.timeout
	}
	if o.CallbackWait <= 0 {
		o.CallbackWait = defaultCallbackWait
	}
	if o.Clock == nil {
		o.Clock = voice.SystemClock{}
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	return &Driver{opt: o, dialect: dl, base: base, dialling: map[string]chan struct{}{}}, nil
}

// Name is the configured name.
func (d *Driver) Name() string { return d.opt.Name }

// Flavour is the dialect spoken.
func (d *Driver) Flavour() voice.Flavour { return d.dialect.flavour }

// Hangup ends a leg, or every leg of an attempt.
func (d *Driver) Hangup(ctx context.Context, call voice.CallRef, _ voice.HangupCause) error {
	if call.CallSID == "" && call.Attempt == "" {
		return nil // nothing is named, so nothing is live
	}
	if call.CallSID == "" {
		return d.abandon(ctx, call)
	}
	if call.State == voice.Ended {
		return nil
	}
	if call.State == voice.Answered {
		_, err := d.end(ctx, call.CallSID, "completed")
		return err
	}
	over, err := d.end(ctx, call.CallSID, "canceled")
	if err != nil || over {
		return err
	}
	// Canceling has no effect on a leg that was answered in the meantime, and the
	// reply may show the leg as it was before.
	leg, err := d.Inspect(ctx, call.CallSID)
	if err != nil || leg.State == voice.Ended {
		return err
	}
	_, err = d.end(ctx, call.CallSID, "completed")
	return err
}

// end asks for a final status. over tells that the leg had already ended.
func (d *Driver) end(ctx context.Context, callSID, status string) (over bool, err error) {
	_, err = d.do(ctx, opEnd, http.MethodPost, d.dialect.item(callSID, "Calls"), url.Values{"Status": {status}})
	if voice.Verdict(err) == voice.ClassGone {
		return true, nil
	}
	return false, err
}

// abandon gives an attempt up: it cannot be placed any more, and its legs end.
func (d *Driver) abandon(ctx context.Context, call voice.CallRef) error {
	a := voice.Attempt{Backend: d.opt.Name, ID: call.Attempt, State: voice.AttemptAbandoned, StartedAt: d.opt.Clock.Now()}
	stored, created, err := d.opt.Ledger.Begin(ctx, a)
	if err != nil {
		return &voice.Error{Class: voice.ClassRetryable, Op: "abandon", Cause: err}
	}
	if !created {
		stored.State = voice.AttemptAbandoned
		if stored, err = d.opt.Ledger.Save(ctx, stored); err != nil {
			return &voice.Error{Class: voice.ClassRetryable, Op: "abandon", Cause: err}
		}
	}
	return d.hangupAll(ctx, stored.CallSIDs)
}

func (d *Driver) hangupAll(ctx context.Context, sids []string) error {
	var errs []error
	for _, sid := range sids {
		errs = append(errs, d.Hangup(ctx, voice.CallRef{CallSID: sid}, voice.HangupCallerLeft))
	}
	return errors.Join(errs...)
}

// Redirect makes a live leg run the document at target.
func (d *Driver) Redirect(ctx context.Context, call voice.CallRef, target string) error {
	if call.CallSID == "" {
		return &voice.Error{Class: voice.ClassGone, Op: opRedirect.name}
	}
	form := url.Values{"Url": {target}, "Method": {http.MethodPost}}
	if d.dialect.unmutes && call.Muted {
		form.Set(d.dialect.muteField, "true")
	}
	_, err := d.do(ctx, opRedirect, http.MethodPost, d.dialect.item(call.CallSID, "Calls"), form)
	return err
}

// Inspect reads one leg.
func (d *Driver) Inspect(ctx context.Context, callSID string) (voice.Leg, error) {
	if callSID == "" {
		return voice.Leg{State: voice.Ended, Cause: voice.EndLost}, nil
	}
	r, err := d.do(ctx, opRead, http.MethodGet, d.dialect.item(callSID, "Calls"), nil)
	if voice.Verdict(err) == voice.ClassGone {
		return voice.Leg{CallSID: callSID, State: voice.Ended, Cause: voice.EndLost}, nil
	}
	if err != nil {
		return voice.Leg{}, err
	}
	calls, err := decodeCalls(r.body)
	if err != nil {
		return voice.Leg{}, &voice.Error{Class: voice.ClassFatal, Op: opRead.name, Status: r.status, Cause: errNoCall}
	}
	return calls[0].leg(), nil
}

// Live lists the legs that are not over.
func (d *Driver) Live(ctx context.Context) ([]voice.Leg, error) {
	seen := map[string]int{}
	var live []voice.Leg
	for _, status := range d.dialect.liveStatuses {
		err := d.list(ctx, opList, d.dialect.collection("Calls"), url.Values{"Status": {status}}, func(p page, _ reply) bool {
			for _, c := range p.Calls {
				l := c.leg()
				if l.State == voice.Ended || l.CallSID == "" {
					continue
				}
				if i, ok := seen[l.CallSID]; ok {
					live[i] = l // it moved on between two requests
					continue
				}
				seen[l.CallSID] = len(live)
				live = append(live, l)
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return live, nil
}
