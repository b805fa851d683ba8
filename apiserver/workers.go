package apiserver

import (
	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

func (s *Server) listWorkers(c *gin.Context) (any, error) {
	in, err := parseQuery(c, wire.ParseWorkerList)
	if err != nil {
		return nil, err
	}
	filter, possible := workerFilter(configuration(c), in)
	ctx, l := c.Request.Context(), s.lookups(c)
	crowd := s.crowd(c, l)
	listed := listing[*taskrouter.Worker, wire.Worker]{
		key: "workers", prefix: taskrouter.PrefixWorker,
		mark:   filter.Mark,
		render: s.renderWorker(l),
		fetch: func(p taskrouter.Page) ([]*taskrouter.Worker, error) {
			if !possible {
				return nil, nil
			}
			return crowd.read(ctx, filter, p)
		},
	}
	var satisfies asks
	if in.TargetWorkersExpression != "" {
		if satisfies, err = s.opts.Evaluator.WorkerFilter(in.TargetWorkersExpression); err != nil {
			return nil, err
		}
	}
	if keep := all(satisfies, s.liveMembership(configuration(c), filter.QueueSIDs)); keep != nil {
		listed.keep = func(w *taskrouter.Worker) (bool, error) { return keep(ctx, crowd.facts(w)) }
	}
	return l.rendered(list(s, c, listed))
}

// workerFilter resolves the names of a list's query. The second result is
// false when a name is nobody's, so that nothing can match.
func workerFilter(config *dispatch.Config, in wire.WorkerList) (taskrouter.WorkerFilter, bool) {
	activities, okActivity := choose(in.ActivitySID, in.ActivityName, func() []string {
		return named(config.Activities, in.ActivityName, func(a *taskrouter.Activity) string { return a.FriendlyName })
	})
	queues, okQueue := choose(in.TaskQueueSID, in.TaskQueueName, func() []string { return queuesNamed(config, in.TaskQueueName) })
	return taskrouter.WorkerFilter{
		ActivitySIDs: activities, QueueSIDs: queues,
		Available: in.Available, FriendlyName: in.FriendlyName, ByDateStatusChanged: in.ByDateStatusChanged,
	}, okActivity && okQueue
}

func queuesNamed(config *dispatch.Config, name string) []string {
	return named(config.Queues, name, func(q *taskrouter.TaskQueue) string { return q.FriendlyName })
}

func (s *Server) renderWorker(l *lookups) func(*taskrouter.Worker) wire.Worker {
	return func(w *taskrouter.Worker) wire.Worker { return wire.FromWorker(w, l.activity(w.ActivitySID), s.links) }
}

// worker reads the Worker of the path.
func (s *Server) worker(c *gin.Context) (*taskrouter.Worker, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixWorker)
	if err != nil {
		return nil, err
	}
	return found(s.opts.Reader.FetchWorker(c.Request.Context(), account(c), workspaceSID(c), sid))
}

func (s *Server) workerVersion(c *gin.Context) func() (int64, error) {
	return func() (int64, error) {
		w, err := s.worker(c)
		if err != nil {
			return 0, err
		}
		return w.Version, nil
	}
}

func (s *Server) answerWorker(c *gin.Context, w *taskrouter.Worker) (any, error) {
	l := s.lookups(c)
	tagged(c, w.Version)
	return l.rendered(s.renderWorker(l)(w), nil)
}

func (s *Server) createWorker(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseWorkerCreate)
	if err != nil {
		return nil, err
	}
	w, err := s.opts.Dispatcher.CreateWorker(c.Request.Context(), dispatch.NewWorker{
		ClaimedSID: claimedSID(c),
		AccountSID: account(c), WorkspaceSID: workspaceSID(c), Actor: actor(c),
		FriendlyName: in.FriendlyName, ActivitySID: in.ActivitySID, Attributes: in.Attributes,
	})
	if err != nil {
		return nil, err
	}
	return s.answerWorker(c, w)
}

func (s *Server) fetchWorker(c *gin.Context) (any, error) {
	w, err := s.worker(c)
	if err != nil {
		return nil, err
	}
	return s.answerWorker(c, w)
}

func (s *Server) updateWorker(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseWorkerUpdate)
	if err != nil {
		return nil, refused(c, err, s.workerVersion(c))
	}
	sid, err := pathSID(c, "sid", taskrouter.PrefixWorker)
	if err != nil {
		return nil, err
	}
	w, err := s.opts.Dispatcher.UpdateWorker(c.Request.Context(), dispatch.WorkerUpdate{
		Subject: subject(c, sid), FriendlyName: in.FriendlyName, ActivitySID: in.ActivitySID,
		Attributes: in.Attributes, RejectPendingReservations: in.RejectPendingReservations,
	})
	if err != nil {
		return nil, err
	}
	return s.answerWorker(c, w)
}

func (s *Server) deleteWorker(c *gin.Context) (any, error) {
	sid, err := pathSID(c, "sid", taskrouter.PrefixWorker)
	if err != nil {
		return nil, err
	}
	return nil, s.opts.Dispatcher.DeleteWorker(c.Request.Context(), subject(c, sid))
}

func (s *Server) updateWorkerChannel(c *gin.Context) (any, error) {
	in, err := parseForm(c, wire.ParseWorkerChannelUpdate)
	if err != nil {
		return nil, refused(c, err, func() (int64, error) { return exists(s.workerChannel(c)) })
	}
	worker, err := pathSID(c, "sid", taskrouter.PrefixWorker)
	if err != nil {
		return nil, err
	}
	key, err := pathKey(c, "child")
	if err != nil {
		return nil, err
	}
	return rendered(s.renderWorkerChannel)(s.opts.Dispatcher.UpdateChannel(c.Request.Context(), dispatch.ChannelUpdate{
		Subject: subject(c, key), WorkerSID: worker, Capacity: in.Capacity, Available: in.Available,
	}))
}
