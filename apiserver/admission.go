package apiserver

import (
	"errors"
	"math"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/admission"
)

// admit lets a request in: within the limits of its account, unless it moves on
// what has begun, and when there is room for one of its kind. The rest of the
// chain runs inside.
func (s *Server) admit(r route) gin.HandlerFunc {
	kind, class := r.kind(), r.class()
	return func(c *gin.Context) {
		if class != admission.Finish { // an account's import must not stop its agents
			done, err := s.opts.Admission.Account(account(c))
			if err != nil {
				s.fail(c, err)
				return
			}
			defer done()
		}
		leave, err := s.opts.Admission.Enter(c.Request.Context(), kind, class)
		if err != nil {
			s.fail(c, err)
			return
		}
		defer leave()
		c.Next()
	}
}

// kind is the gate of an operation.
func (r route) kind() admission.Kind {
	switch r.operation {
	case "FetchTaskExplanation", "FetchWorkerExplanation", "EvaluateWorkflow", "EvaluateWorkflowConfiguration":
		return admission.Explain
	case "CreateTaskQueueBulkRealTimeStatistics": // a question that does not fit into a query
		return admission.Read
	}
	if r.method == http.MethodGet {
		return admission.Read
	}
	return admission.Write
}

// class says which of the requests that wait is let in first: agents get rid of
// their work before more of it comes.
func (r route) class() admission.Class {
	if r.sheds {
		return admission.Begin
	}
	switch r.operation {
	case "UpdateTask", "DeleteTask", "UpdateTaskReservation", "UpdateWorkerReservation", "UpdateWorker", "UpdateWorkerChannel":
		return admission.Finish
	default:
		return admission.Change
	}
}

// reading is the handler of an operation that reads: while it does, it keeps
// one of the few connections that reading may take. The others are for changes,
// and for callers.
func (s *Server) reading(r route) func(c *gin.Context) (any, error) {
	return func(c *gin.Context) (any, error) {
		leave, err := s.opts.Admission.Enter(c.Request.Context(), admission.Query, admission.Change)
		if err != nil {
			return nil, err
		}
		defer leave()
		return r.handle(s, c)
	}
}

// shedding is the handler of an operation that makes new work: it is refused
// while durable runs are too far behind, and while too much of the account's
// work waits.
func (s *Server) shedding(r route) func(c *gin.Context) (any, error) {
	return func(c *gin.Context) (any, error) {
		if s.opts.Overloaded != nil && s.opts.Overloaded() {
			return nil, admission.Overload(admission.Backlog, "The backlog is too long; try again later")
		}
		done, err := s.opts.Admission.Create(c.Request.Context(), account(c))
		if err != nil {
			return nil, err
		}
		created := false
		defer func() { done(created) }()
		body, err := r.handle(s, c)
		created = err == nil
		return body, err
	}
}

// refusedFor counts a request that was not let in, and says in how many seconds
// the client should ask again.
func (s *Server) refusedFor(err error) int {
	var overload *admission.Refusal
	switch {
	case errors.As(err, &overload):
		s.opts.Refused(overload.Reason)
		if overload.After > 0 {
			return int(math.Ceil(float64(overload.After) / float64(time.Second)))
		}
	case errors.Is(err, dispatch.ErrOverloaded):
		s.opts.Refused(admission.LongQueue)
	}
	return retryAfter
}
