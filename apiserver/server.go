package apiserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/admission"
	"github.com/taskrouter/taskrouter/wire"
)

// Options are the collaborators and settings of a Server.
type Options struct {
	// PublicURL is the address clients reach the server at; all URLs in
	// bodies begin with it.
	PublicURL string

	Authenticator Authenticator
	Dispatcher    Dispatcher
	Configuration Configuration
	Reader        Reader
	Evaluator     Evaluator
	Resender      Resender
	Keys          Keys
	Claims        Claims

	// Voice serves /callqueue/*; it does its own authentication.
	Voice http.Handler
	// Codec serves /codec/*, with an authentication of its own; nil for none.
	Codec http.Handler
	// Dev serves /dev/* of the development server.
	Dev http.Handler

	// Overloaded reports that the backlog is too long for new Tasks.
	Overloaded func() bool
	// Admission bounds how much of the API is in work at a time, and holds
	// accounts to their limits; nil has the defaults and limits no account. It
	// does not apply outside the API.
	Admission *admission.Door
	// Refused is told of each request that is not let in; nil tells nobody.
	Refused func(reason admission.Reason)
	// Alive and Ready answer /healthz and /readyz; nil says that all is well.
	Alive, Ready http.Handler
	// Metrics serves /metrics; nil for none. It has no authentication.
	Metrics http.Handler
	// Observe is told of each answer: the route's pattern, empty when none
	// matched, never the path. Nil measures nothing.
	Observe func(method, route string, status int, took time.Duration)
	// Trace begins to follow a request to the API or to Voice, by its route's
	// pattern. The request goes on in the context it returns; done is called with
	// the status of the answer. Nil follows nothing.
	Trace func(r *http.Request, method, route string) (ctx context.Context, done func(status int))

	// BodyLimit is the largest request body in bytes; 0 is DefaultBodyLimit.
	BodyLimit int64
	// Timeout ends a request that takes too long; 0 is DefaultTimeout.
	Timeout time.Duration
	// AllowedOrigins may call the API from a browser; "*" is any.
	AllowedOrigins []string
	// TrustedProxies are the addresses or networks whose X-Forwarded-For is
	// believed; none by default.
	TrustedProxies []string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Defaults of Options.
const (
	// DefaultBodyLimit lets the largest routing configuration through,
	// percent-encoded.
	DefaultBodyLimit = 4 << 20
	// DefaultTimeout is below the 10 s after which a client library gives up.
	DefaultTimeout = 8 * time.Second
)

// Server is the HTTP handler of the API. It is safe for concurrent use.
type Server struct {
	opts   Options
	links  wire.Links
	log    *zap.Logger
	engine *gin.Engine
	bulk   rateLimit
}

// New makes a Server. It fails when a collaborator or the public URL is
// missing.
func New(log *zap.Logger, opts Options) (*Server, error) {
	if opts.Authenticator == nil || opts.Dispatcher == nil || opts.Configuration == nil || opts.Reader == nil || opts.Evaluator == nil || opts.Resender == nil ||
		opts.Keys == nil || opts.Claims == nil {
		return nil, errors.New("apiserver: a collaborator is missing")
	}
	if !strings.HasPrefix(opts.PublicURL, "http://") && !strings.HasPrefix(opts.PublicURL, "https://") {
		return nil, errors.New("apiserver: the public URL must be absolute")
	}
	if opts.BodyLimit <= 0 {
		opts.BodyLimit = DefaultBodyLimit
	}
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Admission == nil {
		opts.Admission = admission.New(admission.Options{})
	}
	if opts.Refused == nil {
		opts.Refused = func(admission.Reason) {}
	}
	s := &Server{opts: opts, links: wire.NewLinks(opts.PublicURL), log: log.Named("apiserver")}
	engine, err := s.newEngine()
	if err != nil {
		return nil, err
	}
	s.engine = engine
	return s, nil
}

// ServeHTTP answers a request. A trailing slash is ignored without a redirect,
// which client libraries do not follow.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.Path; isAPI(p) && strings.HasSuffix(p, "/") {
		u := *r.URL
		u.Path, u.RawPath = strings.TrimRight(p, "/"), strings.TrimRight(u.RawPath, "/")
		clone := *r
		clone.URL = &u
		r = &clone
	}
	s.engine.ServeHTTP(w, r)
}

func (s *Server) newEngine() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.HandleMethodNotAllowed = true
	if err := e.SetTrustedProxies(s.opts.TrustedProxies); err != nil {
		return nil, err
	}
	if s.opts.Trace != nil {
		e.Use(s.trace)
	}
	e.Use(s.requestID, s.recovery, s.accessLog, s.limitBody, s.limitTime)
	if len(s.opts.AllowedOrigins) > 0 {
		e.Use(s.crossOrigin)
	}
	e.NoRoute(s.authenticateAPI, s.noRoute)
	e.NoMethod(s.authenticateAPI, s.noMethod)
	e.GET("/healthz", health(s.opts.Alive))
	e.GET("/readyz", health(s.opts.Ready))
	if s.opts.Metrics != nil {
		e.GET("/metrics", gin.WrapH(s.opts.Metrics))
	}
	s.mountDescription(e)
	if s.opts.Voice != nil {
		e.Any(routeVoice, gin.WrapH(s.opts.Voice))
	}
	if s.opts.Codec != nil {
		e.Any("/codec/*path", gin.WrapH(s.opts.Codec))
	}
	if s.opts.Dev != nil {
		e.Any("/dev/*path", gin.WrapH(s.opts.Dev))
	}
	s.mount(e)
	return e, nil
}

// routeVoice is the pattern of everything Options.Voice serves.
const routeVoice = "/callqueue/*path"

// health answers with h, or that all is well when there is none.
func health(h http.Handler) gin.HandlerFunc {
	if h == nil {
		return func(c *gin.Context) { c.PureJSON(http.StatusOK, gin.H{"status": "ok"}) }
	}
	return gin.WrapH(h)
}
