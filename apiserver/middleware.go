package apiserver

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/admission"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// Keys of values kept with a request.
const (
	keyRequestID = "request-id"
	keyAccount   = "account"
	keyAPIKey    = "api-key"
	keyConfig    = "config"
	keyErrorCode = "error-code"
)

// requestID gives the request an id of ours: what a client sends could be
// anything and ends up in logs.
func (s *Server) requestID(c *gin.Context) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never returns an error
	id := "RQ" + hex.EncodeToString(b[:])
	c.Set(keyRequestID, id)
	c.Header("X-Request-Id", id)
	c.Header("Twilio-Request-Id", id)
}

// recovery turns a panic into the JSON error every client can read.
func (s *Server) recovery(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint,err113 // net/http panics with this very value
			panic(p)
		}
		s.log.Error("handler panicked", logging.Reason(fmt.Sprintf("%T", p)), zap.ByteString("stack", debug.Stack()),
			logging.RequestID(c.GetString(keyRequestID)), logging.Route(c.FullPath()))
		if !c.Writer.Written() {
			s.fail(c, refusal{wire.FromError(taskrouter.Errorf(taskrouter.KindInternal, "panic"))})
		}
	}()
	c.Next()
}

// limitBody refuses bodies that are too large, by their announced length or
// when they turn out to be.
func (s *Server) limitBody(c *gin.Context) {
	if c.Request.ContentLength > s.opts.BodyLimit {
		s.fail(c, tooLarge(s.opts.BodyLimit))
		return
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, s.opts.BodyLimit)
}

func tooLarge(limit int64) error {
	return taskrouter.Errorf(taskrouter.KindTooLarge, "The request body is larger than %d bytes", limit)
}

// accessLog writes one line a request, with the route's pattern and neither
// path, query nor body.
func (s *Server) accessLog(c *gin.Context) {
	start := time.Now()
	finished := false
	defer func() {
		status := c.Writer.Status()
		if !finished { // a panic is on its way to recovery
			status = http.StatusInternalServerError
		}
		elapsed := time.Since(start)
		if s.opts.Observe != nil {
			s.opts.Observe(method(c.Request.Method), c.FullPath(), status, elapsed)
		}
		logging.LogAccess(s.log, logging.Access{
			Method: method(c.Request.Method), Route: c.FullPath(), Status: status, Bytes: max(0, c.Writer.Size()),
			Elapsed: elapsed, RequestID: c.GetString(keyRequestID),
			AccountSID: c.GetString(keyAccount), APIKeySID: c.GetString(keyAPIKey), Code: c.GetInt(keyErrorCode),
		})
	}()
	c.Next()
	finished = true
}

// trace has the request followed. It stands before recovery, so that it sees
// the answer to a panic.
func (s *Server) trace(c *gin.Context) {
	if !isAPI(c.Request.URL.Path) && c.FullPath() != routeVoice {
		return
	}
	ctx, done := s.opts.Trace(c.Request, method(c.Request.Method), c.FullPath())
	defer func() { done(c.Writer.Status()) }()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

// method is the request's method if it is a usual one: it is free text.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodHead, http.MethodOptions:
		return m
	default:
		return "other"
	}
}

// limitTime ends the work of a request before its client gives up. It does not
// apply outside the API, where answers may be streams.
func (s *Server) limitTime(c *gin.Context) {
	if !isAPI(c.Request.URL.Path) {
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.opts.Timeout)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	// The context ends neither the reading of a body that trickles in nor the
	// writing of an answer nobody takes. Not every writer has deadlines; the
	// next request of the connection must not have this one's.
	connection, now := http.NewResponseController(c.Writer), time.Now()
	_ = connection.SetReadDeadline(now.Add(s.opts.Timeout + readGrace))
	_ = connection.SetWriteDeadline(now.Add(s.opts.Timeout + writeGrace))
	defer func() { _ = connection.SetWriteDeadline(time.Time{}) }()
	c.Next()
}

const (
	// readGrace keeps the connection's deadline behind the context's: the server
	// gives a request up whose connection cannot be read.
	readGrace = 2 * time.Second
	// writeGrace is for the answer to a request that took all of its time.
	writeGrace = 10 * time.Second
)

// crossOrigin lets browsers of the configured origins call the API.
func (s *Server) crossOrigin(c *gin.Context) {
	origin := c.GetHeader("Origin")
	if origin == "" || (!slices.Contains(s.opts.AllowedOrigins, origin) && !slices.Contains(s.opts.AllowedOrigins, "*")) {
		return
	}
	c.Header("Access-Control-Allow-Origin", origin)
	c.Writer.Header().Add("Vary", "Origin")
	c.Header("Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id, Twilio-Request-Id, "+headerReplayed)
	if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
		c.Header("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
		c.Header("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, If-Match, "+headerIdempotencyKey+", "+headerIdempotencyToken)
		c.Header("Access-Control-Max-Age", "600")
		c.AbortWithStatus(http.StatusNoContent)
	}
}

// authenticate demands an account's SID and token, or those of an API key.
func (s *Server) authenticate(c *gin.Context) {
	user, password, ok := c.Request.BasicAuth()
	if !ok || user == "" || password == "" {
		s.fail(c, unauthorized())
		return
	}
	account, err := s.account(c, user, password)
	switch {
	case taskrouter.KindOf(err) == taskrouter.KindUnauthorized && err != nil:
		s.fail(c, unauthorized())
	case err != nil:
		s.fail(c, err)
	default:
		c.Set(keyAccount, account)
		if user != account {
			c.Set(keyAPIKey, user)
		}
	}
}

// account finds out who asks. What is not in memory is looked up, so that not
// everybody who knows no password may do so at the same time.
func (s *Server) account(c *gin.Context, user, password string) (string, error) {
	leave, err := s.opts.Admission.Enter(c.Request.Context(), admission.Authenticate, admission.Change)
	if err != nil {
		return "", err
	}
	defer leave()
	return s.opts.Authenticator.Authenticate(c.Request.Context(), user, password)
}

// authenticateAPI is authenticate for paths of the API that lead nowhere.
func (s *Server) authenticateAPI(c *gin.Context) {
	if isAPI(c.Request.URL.Path) {
		s.authenticate(c)
	}
}

func unauthorized() error {
	return taskrouter.Errorf(taskrouter.KindUnauthorized, "Authentication failed: an account SID and its auth token, or an API key SID and its secret, are required")
}

// workspaceScope demands that the path's Workspace exists in the account.
func (s *Server) workspaceScope(c *gin.Context) {
	if err := s.readConfiguration(c); err != nil {
		s.fail(c, err)
	}
}

// readConfiguration keeps what is at rest in the path's Workspace with the
// request.
func (s *Server) readConfiguration(c *gin.Context) error {
	sid := c.Param("ws")
	if !taskrouter.IsSID(taskrouter.PrefixWorkspace, sid) {
		return notFound()
	}
	config, err := s.opts.Reader.WorkspaceConfig(c.Request.Context(), c.GetString(keyAccount), sid)
	if err != nil {
		return err
	}
	if config == nil || config.Workspace.Deleting || config.Workspace.AccountSID != c.GetString(keyAccount) {
		return notFound()
	}
	c.Set(keyConfig, config)
	return nil
}

// accountScope demands that the path's account authenticated, with its token:
// API keys do not manage API keys (https://www.twilio.com/docs/iam/api-keys).
func (s *Server) accountScope(c *gin.Context) {
	if c.Param("account") != account(c) || c.GetString(keyAPIKey) != "" {
		s.fail(c, unauthorized())
	}
}

// configuration is what was at rest in the path's Workspace when the request
// began.
func configuration(c *gin.Context) *dispatch.Config {
	config, _ := c.MustGet(keyConfig).(*dispatch.Config)
	return config
}
