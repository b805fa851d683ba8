package apiserver

import (
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

func (s *Server) listTasks(c *gin.Context) (any, error) {
	in, err := parseQuery(c, wire.ParseTaskList)
	if err != nil {
		return nil, err
	}
	possible := resolveTaskNames(configuration(c), &in)
	ctx, l := c.Request.Context(), s.lookups(c)
	listed := listing[*taskrouter.Task, wire.Task]{
		key: "tasks", prefix: taskrouter.PrefixTask,
		mark:   in.Mark,
		render: s.renderTask(l),
		fetch: func(p taskrouter.Page) ([]*taskrouter.Task, error) {
			if !possible {
				return nil, nil
			}
			return s.opts.Reader.ListTasks(ctx, account(c), workspaceSID(c), in.TaskFilter, p)
		},
	}
	if in.EvaluateTaskAttributes != "" {
		satisfies, err := s.opts.Evaluator.TaskFilter(in.EvaluateTaskAttributes)
		if err != nil {
			return nil, err
		}
		listed.keep = withContext(ctx, satisfies)
	}
	return l.rendered(list(s, c, listed))
}

// resolveTaskNames puts the SIDs of named Workflows and queues into the
// filter. It reports false when nothing can match.
func resolveTaskNames(config *dispatch.Config, in *wire.TaskList) bool {
	workflows, okWorkflow := choose(strings.Join(in.WorkflowSIDs, ""), in.WorkflowName, func() []string {
		return named(config.Workflows, in.WorkflowName, func(w *taskrouter.Workflow) string { return w.FriendlyName })
	})
	queues, okQueue := choose(strings.Join(in.QueueSIDs, ""), in.TaskQueueName, func() []string { return queuesNamed(config, in.TaskQueueName) })
	in.WorkflowSIDs, in.QueueSIDs = workflows, queues
	return okWorkflow && okQueue && !in.Nothing
}

func (s *Server) renderTask(l *lookups) func(*taskrouter.Task) wire.Task {
	now := s.opts.Now()
	return func(t *taskrouter.Task) wire.Task { return wire.FromTask(t, l.task(t), s.links, now) }
}

// task reads the Task of the path.
func (s *Server) task(c *gin.Context) (*taskrouter.Task, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixTask)
	if err != nil {
		return nil, err
	}
	return found(s.opts.Reader.FetchTask(c.Request.Context(), account(c), workspaceSID(c), sid))
}

func (s *Server) answerTask(c *gin.Context, t *taskrouter.Task) (any, error) {
	l := s.lookups(c)
	tagged(c, t.Version)
	return l.rendered(s.renderTask(l)(t), nil)
}

func (s *Server) createTask(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseTaskCreate)
	if err != nil {
		return nil, err
	}
	t, err := s.opts.Dispatcher.CreateTask(c.Request.Context(), dispatch.NewTask{
		ClaimedSID: claimedSID(c),
		AccountSID: account(c), WorkspaceSID: workspaceSID(c), Actor: actor(c),
		Attributes: in.Attributes, WorkflowSID: in.WorkflowSID, Priority: in.Priority, Timeout: in.Timeout,
		Channel: in.TaskChannel, VirtualStartTime: in.VirtualStartTime, RoutingTarget: in.RoutingTarget,
		IgnoreCapacity: in.IgnoreCapacity, QueueSID: in.TaskQueueSID,
	})
	if err != nil {
		return nil, err
	}
	return s.answerTask(c, t)
}

func (s *Server) fetchTask(c *gin.Context) (any, error) {
	t, err := s.task(c)
	if err != nil {
		return nil, err
	}
	return s.answerTask(c, t)
}

func (s *Server) updateTask(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseTaskUpdate)
	if err != nil {
		return nil, refused(c, err, func() (int64, error) {
			t, err := s.task(c)
			if err != nil {
				return 0, err
			}
			return t.Version, nil
		})
	}
	sid, err := pathSID(c, "sid", taskrouter.PrefixTask)
	if err != nil {
		return nil, err
	}
	t, err := s.opts.Dispatcher.UpdateTask(c.Request.Context(), dispatch.TaskUpdate{
		Subject: subject(c, sid), Attributes: in.Attributes, Status: in.Status, Reason: in.Reason,
		Priority: in.Priority, Channel: in.TaskChannel, VirtualStartTime: in.VirtualStartTime,
	})
	if err != nil {
		return nil, err
	}
	return s.answerTask(c, t)
}

func (s *Server) deleteTask(c *gin.Context) (any, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixTask)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Dispatcher.DeleteTask(c.Request.Context(), subject(c, sid))
}
