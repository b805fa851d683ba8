package apiserver

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/admission"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// retryAfter is how many seconds a client is asked to wait when the server is
// overloaded or a dependency is down.
const retryAfter = 2

// refusal is an error that has its body already.
type refusal struct{ body wire.Error }

func (r refusal) Error() string { return r.body.Message }

// adapt turns a handler into gin's form: it writes the body or the error.
func (s *Server) adapt(r route) gin.HandlerFunc {
	handle := func(c *gin.Context) (any, error) { return r.handle(s, c) }
	switch {
	case r.sheds:
		handle = s.shedding(r)
	case r.kind() != admission.Write:
		handle = s.reading(r)
	}
	if r.creates() {
		return s.once(r, handle)
	}
	return func(c *gin.Context) {
		body, err := handle(c)
		s.respond(c, r.status, body, err)
	}
}

// respond writes what a handler returned.
func (s *Server) respond(c *gin.Context, status int, body any, err error) {
	switch {
	case err != nil:
		s.fail(c, err)
	case body == nil:
		c.Status(status)
		c.Writer.WriteHeaderNow()
	default:
		c.PureJSON(status, body)
	}
}

// fail writes an error and ends the request. What clients must not see is
// logged here, once.
func (s *Server) fail(c *gin.Context, err error) {
	body := s.errorBody(c, err)
	switch body.Status {
	case http.StatusUnauthorized:
		c.Header("WWW-Authenticate", `Basic realm="Task Router API"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		c.Header("Retry-After", strconv.Itoa(s.refusedFor(err)))
	case http.StatusInternalServerError:
		s.log.Error("request failed", zapErr(err), logging.RequestID(c.GetString(keyRequestID)), logging.Route(c.FullPath()))
	}
	if cause := errors.Unwrap(err); body.Status == http.StatusServiceUnavailable && cause != nil {
		s.log.Warn("dependency unavailable", zapErr(err), logging.RequestID(c.GetString(keyRequestID)), logging.Route(c.FullPath()))
	}
	c.Set(keyErrorCode, body.Code)
	c.Abort()
	c.PureJSON(body.Status, body)
}

func (s *Server) errorBody(c *gin.Context, err error) wire.Error {
	var ready refusal
	var overload *admission.Refusal
	switch {
	case errors.As(err, &overload):
		return wire.FromError(overload.Public)
	case errors.As(err, &ready):
		return ready.body
	case taskrouter.KindOf(err) == taskrouter.KindNotFound:
		return wire.NotFound(c.Request.URL.Path)
	case taskrouter.KindOf(err) == taskrouter.KindInternal && errors.Is(err, context.DeadlineExceeded):
		return wire.FromError(unavailable("The request took too long"))
	default:
		return wire.FromError(err)
	}
}

func (s *Server) noRoute(c *gin.Context) { s.fail(c, refusal{wire.NotFound(c.Request.URL.Path)}) }

func (s *Server) noMethod(c *gin.Context) {
	s.fail(c, refusal{wire.MethodNotAllowed(c.Request.Method)})
}

// methodNotAllowed refuses a method on a path that has others.
func (s *Server) methodNotAllowed(served []string) gin.HandlerFunc {
	allow := strings.Join(served, ", ")
	return func(c *gin.Context) {
		c.Header("Allow", allow)
		s.noMethod(c)
	}
}

func unavailable(message string) error {
	return taskrouter.Errorf(taskrouter.KindUnavailable, "%s", message)
}

func notFound() error { return taskrouter.NotFoundf("not found") }

func zapErr(err error) zap.Field { return logging.Err(err) }
