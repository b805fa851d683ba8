package apiserver

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workspace"
)

func (s *Server) listTaskQueues(c *gin.Context) (any, error) {
	in, err := parseQuery(c, wire.ParseTaskQueueList)
	if err != nil {
		return nil, err
	}
	ctx, l := c.Request.Context(), s.lookups(c)
	listed := listing[*taskrouter.TaskQueue, wire.TaskQueue]{
		key: "task_queues", prefix: taskrouter.PrefixTaskQueue,
		mark:   in.Mark,
		render: s.renderTaskQueue(l),
		fetch: func(p taskrouter.Page) ([]*taskrouter.TaskQueue, error) {
			return s.opts.Reader.ListQueues(ctx, account(c), workspaceSID(c), in.QueueFilter, p)
		},
	}
	if in.EvaluateWorkerAttributes != nil {
		accepts, err := s.opts.Evaluator.QueueFilter(*in.EvaluateWorkerAttributes)
		if err != nil {
			return nil, err
		}
		listed.keep = withContext(ctx, accepts)
	}
	if admits, err := s.queuesOf(ctx, s.crowd(c, l), in.WorkerSID); err != nil {
		return nil, err
	} else if admits != nil {
		listed.keep = andAlso(admits, listed.keep)
	}
	return l.rendered(list(s, c, listed))
}

// andAlso keeps what two filters keep; the second one may be nil.
func andAlso[T any](first, second func(T) (bool, error)) func(T) (bool, error) {
	return func(item T) (bool, error) {
		ok, err := first(item)
		if err != nil || !ok || second == nil {
			return ok, err
		}
		return second(item)
	}
}

// withContext binds a filter to the context of a request.
func withContext[T any](ctx context.Context, keep func(context.Context, T) (bool, error)) func(T) (bool, error) {
	return func(item T) (bool, error) { return keep(ctx, item) }
}

func (s *Server) renderTaskQueue(l *lookups) func(*taskrouter.TaskQueue) wire.TaskQueue {
	return func(q *taskrouter.TaskQueue) wire.TaskQueue {
		return wire.FromTaskQueue(q, wire.QueueNames{
			ReservationActivity: l.activity(q.ReservationActivitySID),
			AssignmentActivity:  l.activity(q.AssignmentActivitySID),
		}, s.links)
	}
}

// pathQueue reads the TaskQueue of the path.
func pathQueue(c *gin.Context) (*taskrouter.TaskQueue, error) {
	return atRest(c, taskrouter.PrefixTaskQueue, configuration(c).Queues)
}

func (s *Server) answerTaskQueue(c *gin.Context, q *taskrouter.TaskQueue, err error) (any, error) {
	l := s.lookups(c)
	return l.rendered(rendered(s.renderTaskQueue(l))(q, err))
}

func (s *Server) createTaskQueue(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseTaskQueueCreate)
	if err != nil {
		return nil, err
	}
	q, err := s.opts.Configuration.CreateQueue(c.Request.Context(), workspace.NewQueue{
		ClaimedSID: claimedSID(c),
		Account:    account(c), WorkspaceSID: workspaceSID(c), Actor: actor(c), FriendlyName: value(in.FriendlyName),
		TargetWorkers: in.TargetWorkers, MaxReservedWorkers: in.MaxReservedWorkers, TaskOrder: value(in.TaskOrder),
		ReservationActivitySID: in.ReservationActivitySID, AssignmentActivitySID: in.AssignmentActivitySID,
	})
	return s.answerTaskQueue(c, q, err)
}

func (s *Server) fetchTaskQueue(c *gin.Context) (any, error) {
	q, err := pathQueue(c)
	return s.answerTaskQueue(c, q, err)
}

func (s *Server) updateTaskQueue(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseTaskQueueUpdate)
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathQueue(c)) })
	}
	q, err := s.opts.Configuration.UpdateQueue(c.Request.Context(), workspace.QueueUpdate{
		Subject: subject(c, c.Param("sid")), FriendlyName: in.FriendlyName,
		TargetWorkers: in.TargetWorkers, MaxReservedWorkers: in.MaxReservedWorkers, TaskOrder: in.TaskOrder,
		ReservationActivitySID: in.ReservationActivitySID, AssignmentActivitySID: in.AssignmentActivitySID,
	})
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(pathQueue(c)) })
	}
	return s.answerTaskQueue(c, q, nil)
}

func (s *Server) deleteTaskQueue(c *gin.Context) (any, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixTaskQueue)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Configuration.DeleteQueue(c.Request.Context(), subject(c, sid))
}
