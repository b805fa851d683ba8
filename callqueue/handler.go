package callqueue

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

// Limits of a reply.
const (
	// DefaultBudget is how long the store may take for one webhook. Platforms
	// wait 6 s or longer; a caller should not hear silence for so long.
	DefaultBudget = 1800 * time.Millisecond
	// maxRetries is how often a caller is asked to wait for us before we give
	// up: more than a minute in all.
	maxRetries = 20
)

// Options configure a Handler. Router, Records, Accounts and Platforms are
// required.
type Options struct {
	Router   Router
	Records  Records
	Accounts Accounts
	// Ledger learns of legs whose placement was not confirmed; it may be nil.
	Ledger Revealer
	// Validate checks the signature of a URL and the form of its body, in
	// constant time and whatever way the port is written; wire.Validate does.
	// Without it every request that must be signed is refused.
	Validate func(rawURL string, form url.Values, token, signature string) bool
	// PublicURL is the URL platforms reach this process by, with no path of
	// ours.
	PublicURL string
	Platforms []Platform
	// Send reaches the status callbacks of instructions. Without it their URLs
	// hear nothing.
	Send Send
	// Dropped counts notices that were not passed on; it may be nil.
	Dropped func(n int)
	// Clock is what passing on waits by; it defaults to the system's.
	Clock voice.Clock
	// Budget defaults to DefaultBudget.
	Budget time.Duration
	// Now defaults to time.Now.
	Now func() time.Time
	// Logger defaults to none.
	Logger *zap.Logger
}

// Handler serves every webhook of the telephone platforms, below Prefix. It is
// safe for concurrent use.
type Handler struct {
	opt    Options
	public string
	log    *zap.Logger
	mux    *http.ServeMux
	tune   func() []byte
	// forward is nil without Options.Send.
	forward *forwarder
}

// New makes a Handler.
func New(o Options) *Handler {
	if o.Budget <= 0 {
		o.Budget = DefaultBudget
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	h := &Handler{
		opt: o, public: strings.TrimRight(o.PublicURL, "/"), log: o.Logger.Named("callqueue"),
		mux: http.NewServeMux(), tune: sync.OnceValue(tune),
	}
	if o.Send != nil {
		if o.Clock == nil {
			o.Clock = voice.SystemClock{}
		}
		h.forward = newForwarder(o.Send, o.Clock, o.Dropped, h.log)
	}
	for path, serve := range h.routes() {
		h.mux.Handle(Prefix+path, serve)
		h.mux.Handle(Prefix+"/s/{secret}"+path, serve)
	}
	return h
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Close goes on passing notices to status callbacks for a bounded time, at most
// as long as ctx lasts. Nothing must be served any more.
func (h *Handler) Close(ctx context.Context) error {
	if h.forward != nil {
		h.forward.close(ctx)
	}
	return nil
}

// routes is every path below Prefix. Platforms use POST unless told otherwise.
func (h *Handler) routes() map[string]http.Handler {
	return map[string]http.Handler{
		"/callback":                         h.documents(h.entry),
		"/menu/{step}":                      h.documents(h.menu),
		"/menu/{step}/{try}":                h.documents(h.menu),
		"/wait/{account}/{call}":            h.documents(h.wait),
		"/ended":                            h.documents(h.ended),
		"/status":                           h.notices(h.status),
		"/conference/{account}/{call}":      h.notices(h.conference),
		"/leg/{attempt}":                    h.documents(h.legAnswered),
		"/leg/{attempt}/answer":             h.documents(h.legAnswered),
		"/leg/{attempt}/answer/{placement}": h.documents(h.legAnswered),
		"/leg/{attempt}/status":             h.notices(h.legStatus),
		"/leg/{attempt}/status/{placement}": h.notices(h.legStatus),
		"/leg/{attempt}/ended":              h.documents(h.legEnded),

		"/leg/{attempt}/progress/{caller}/{placement}": h.notices(h.legStatus),
		"/fallback":  http.HandlerFunc(h.fallback),
		"/music.wav": http.HandlerFunc(h.music),
	}
}

// documents serves a webhook whose reply the platform runs.
func (h *Handler) documents(answer func(context.Context, *inbound) (document, error)) http.Handler {
	return h.webhook(func(ctx context.Context, w http.ResponseWriter, in *inbound) error {
		doc, err := answer(ctx, in)
		if err == nil {
			writeDocument(w, http.StatusOK, doc)
			return nil
		}
		return h.salvage(w, in, err)
	})
}

// notices serves a webhook whose reply nobody reads.
func (h *Handler) notices(take func(context.Context, *inbound) error) http.Handler {
	return h.webhook(func(ctx context.Context, w http.ResponseWriter, in *inbound) error {
		err := take(ctx, in)
		var refused *refusal
		switch {
		case err == nil:
			w.WriteHeader(http.StatusNoContent)
		case errors.As(err, &refused):
			return err
		case permanent(err):
			// What the notice is about is gone: it has nothing to tell.
			h.log.Info("voice notice without subject", logging.Backend(in.platform.Name),
				logging.Route(in.http.Pattern), logging.Err(err))
			w.WriteHeader(http.StatusNoContent)
		default:
			h.log.Warn("voice notice not stored", logging.Backend(in.platform.Name),
				logging.Route(in.http.Pattern), logging.Err(err))
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return nil
	})
}

// webhook does what every webhook has in common: method, parameters, sender and
// time limit.
func (h *Handler) webhook(serve func(context.Context, http.ResponseWriter, *inbound) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost && r.Method != http.MethodGet {
			w.Header().Set("Allow", "GET, POST")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), h.opt.Budget)
		defer cancel()
		in, err := h.receive(r)
		if err == nil {
			err = serve(ctx, w, in)
		}
		var refused *refusal
		if errors.As(err, &refused) {
			http.Error(w, refused.text, refused.status)
		}
	})
}

func (h *Handler) receive(r *http.Request) (*inbound, error) {
	form, body, err := readForm(r)
	if err != nil {
		return nil, err
	}
	p := h.platform(r.PathValue("secret"), form)
	if p == nil {
		h.log.Warn("voice webhook refused", logging.Reason("unknown platform"), logging.Route(r.Pattern))
		return nil, errForbidden
	}
	return &inbound{
		http: r, platform: p, form: form, body: body,
		render: renderer{dialect: dialectOf(p.Flavour), urls: URLs{Public: h.public, Secret: p.Secret}},
	}, nil
}

// salvage answers a document request that failed: the party is asked to wait
// while we may recover, and is let go in a friendly way when we cannot.
func (h *Handler) salvage(w http.ResponseWriter, in *inbound, err error) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return err
	}
	fields := []zap.Field{logging.Backend(in.platform.Name), logging.Route(in.http.Pattern), logging.Err(err)}
	switch {
	case permanent(err):
		h.log.Error("call cannot be served", fields...)
		writeDocument(w, http.StatusOK, in.render.apology())
	case in.retries() >= maxRetries:
		h.log.Error("call given up", fields...)
		w.Header().Set("Retry-After", "2")
		writeDocument(w, http.StatusServiceUnavailable, in.render.apology())
	default:
		h.log.Warn("call has to wait", fields...)
		writeDocument(w, http.StatusOK, in.render.retry(in.again(h.public)))
	}
	return nil
}

// permanent reports whether repeating the request would fail again.
func permanent(err error) bool {
	switch taskrouter.KindOf(err) {
	case taskrouter.KindInternal, taskrouter.KindConflict, taskrouter.KindUnavailable, taskrouter.KindCapacity:
		return false
	default:
		return true
	}
}

// fallback needs nothing but this process: it is asked when all else failed.
func (h *Handler) fallback(w http.ResponseWriter, _ *http.Request) {
	writeDocument(w, http.StatusOK, document{say(textUnavailable, "", ""), hangup()})
}

func writeDocument(w http.ResponseWriter, status int, d document) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(d.encode())
}
