package apiserver

import (
	"mime"
	"slices"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

func (s *Server) workspaceRealTimeStatistics(c *gin.Context) (any, error) {
	q, err := s.realTime(c)
	if err != nil {
		return nil, err
	}
	now, err := q.workspaceRealTime()
	return wire.WorkspaceRealTimeStatistics{StatisticsOf: q.of, WorkspaceRealTime: now}, err
}

func (s *Server) workspaceCumulativeStatistics(c *gin.Context) (any, error) {
	q, err := s.cumulative(c)
	if err != nil {
		return nil, err
	}
	n, err := q.workspaceCumulative()
	return wire.WorkspaceCumulativeStatistics{StatisticsOf: q.of, WorkspaceCumulative: n}, err
}

func (s *Server) workspaceStatistics(c *gin.Context) (any, error) {
	q, err := s.cumulative(c)
	if err != nil {
		return nil, err
	}
	return both(q.of, q.workspaceRealTime, q.workspaceCumulative)
}

// ofWorkflow is an inquiry about the Workflow of the path.
func ofWorkflow(c *gin.Context, inquire func(*gin.Context) (*inquiry, error)) (*inquiry, error) {
	w, err := atRest(c, taskrouter.PrefixWorkflow, configuration(c).Workflows)
	if err != nil {
		return nil, err
	}
	q, err := inquire(c)
	if err == nil {
		q.of.WorkflowSID = w.SID
	}
	return q, err
}

func (s *Server) workflowRealTimeStatistics(c *gin.Context) (any, error) {
	q, err := ofWorkflow(c, s.realTime)
	if err != nil {
		return nil, err
	}
	now, err := q.tasks(q.of.WorkflowSID)
	return wire.WorkflowRealTimeStatistics{StatisticsOf: q.of, TaskCounts: now}, err
}

func (s *Server) workflowCumulativeStatistics(c *gin.Context) (any, error) {
	q, err := ofWorkflow(c, s.cumulative)
	if err != nil {
		return nil, err
	}
	n, err := q.workflowCumulative(q.of.WorkflowSID)
	return wire.WorkflowCumulativeStatistics{StatisticsOf: q.of, WorkflowCumulative: n}, err
}

func (s *Server) workflowStatistics(c *gin.Context) (any, error) {
	q, err := ofWorkflow(c, s.cumulative)
	if err != nil {
		return nil, err
	}
	sid := q.of.WorkflowSID
	return both(q.of, func() (wire.TaskCounts, error) { return q.tasks(sid) },
		func() (wire.WorkflowCumulative, error) { return q.workflowCumulative(sid) })
}

// ofQueue is an inquiry about the TaskQueue of the path.
func ofQueue(c *gin.Context, inquire func(*gin.Context) (*inquiry, error)) (*inquiry, error) {
	w, err := pathQueue(c)
	if err != nil {
		return nil, err
	}
	q, err := inquire(c)
	if err == nil {
		q.of.TaskQueueSID = w.SID
	}
	return q, err
}

func (s *Server) queueRealTimeStatistics(c *gin.Context) (any, error) {
	q, err := ofQueue(c, s.realTime)
	if err != nil {
		return nil, err
	}
	now, err := q.queueRealTime(q.of.TaskQueueSID)
	return wire.TaskQueueRealTimeStatistics{StatisticsOf: q.of, QueueRealTime: now[q.of.TaskQueueSID]}, err
}

func (s *Server) queueCumulativeStatistics(c *gin.Context) (any, error) {
	q, err := ofQueue(c, s.cumulative)
	if err != nil {
		return nil, err
	}
	n, err := q.queueCumulative(q.of.TaskQueueSID)
	return wire.TaskQueueCumulativeStatistics{StatisticsOf: q.of, QueueCumulative: n[q.of.TaskQueueSID]}, err
}

func (s *Server) queueStatistics(c *gin.Context) (any, error) {
	q, err := ofQueue(c, s.cumulative)
	if err != nil {
		return nil, err
	}
	sid := q.of.TaskQueueSID
	return both(q.of, only(q.queueRealTime, sid), only(q.queueCumulative, sid))
}

// only reads the statistics of one TaskQueue.
func only[T any](read func(...string) (map[string]T, error), sid string) func() (T, error) {
	return func() (T, error) {
		all, err := read(sid)
		return all[sid], err
	}
}

// listQueueStatistics reads what a page needs at once, not queue by queue.
func (s *Server) listQueueStatistics(c *gin.Context) (any, error) {
	q, err := s.cumulative(c)
	if err != nil {
		return nil, err
	}
	var now map[string]wire.QueueRealTime
	var window map[string]wire.QueueCumulative
	return list(s, c, listing[*taskrouter.TaskQueue, wire.Combined]{
		key: "task_queues_statistics", prefix: taskrouter.PrefixTaskQueue,
		mark: taskrouter.QueueFilter{}.Mark,
		fetch: func(p taskrouter.Page) ([]*taskrouter.TaskQueue, error) {
			page, err := s.opts.Reader.ListQueues(q.ctx, q.account, q.ws, taskrouter.QueueFilter{FriendlyName: q.FriendlyName}, p)
			if err != nil {
				return nil, err
			}
			sids := make([]string, len(page))
			for i, w := range page {
				sids[i] = w.SID
			}
			if now, err = q.queueRealTime(sids...); err != nil {
				return nil, err
			}
			window, err = q.queueCumulative(sids...)
			return page, err
		},
		render: func(w *taskrouter.TaskQueue) wire.Combined {
			of := q.of
			of.TaskQueueSID, of.URL = w.SID, ""
			return wire.Combined{StatisticsOf: of, RealTime: now[w.SID], Cumulative: window[w.SID]}
		},
	})
}

func (s *Server) bulkQueueStatistics(c *gin.Context) (any, error) {
	if !s.bulk.allow(account(c), s.opts.Now()) {
		return nil, taskrouter.Errorf(taskrouter.KindCapacity, "At most %d bulk requests a second", bulkPerSecond)
	}
	body, err := jsonBody(c)
	if err != nil {
		return nil, err
	}
	sids, err := wire.ParseBulkQueues(body)
	if err != nil {
		return nil, err
	}
	q := s.newInquiry(c)
	now, err := q.queueRealTime(sids...)
	if err != nil {
		return nil, err
	}
	out := wire.BulkRealTimeStatistics{StatisticsOf: q.of, TaskQueueResponseCount: len(sids)}
	for _, sid := range sids {
		out.TaskQueueData = append(out.TaskQueueData, wire.BulkQueueData{TaskQueueSID: sid, QueueCounts: now[sid].QueueCounts})
	}
	return out, nil
}

// jsonBody reads the body of the one operation that takes JSON.
func jsonBody(c *gin.Context) ([]byte, error) {
	body, err := readBody(c)
	if err != nil {
		return nil, err
	}
	if t := c.GetHeader("Content-Type"); t != "" {
		if media, _, err := mime.ParseMediaType(t); err != nil || media != "application/json" {
			return nil, taskrouter.Invalidf("Content-Type must be application/json")
		}
	}
	return body, nil
}

// bulkPerSecond is how many bulk requests of an account are answered a second,
// as in the public API. bulkAccounts bounds the accounts remembered.
const (
	bulkPerSecond = 5
	bulkAccounts  = 4096
)

// rateLimit lets an account in bulkPerSecond times in any second.
type rateLimit struct {
	mu     sync.Mutex
	recent map[string][]time.Time
}

func (r *rateLimit) allow(account string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.recent == nil || len(r.recent) >= bulkAccounts && r.recent[account] == nil {
		r.recent = map[string][]time.Time{}
	}
	kept := slices.DeleteFunc(r.recent[account], func(t time.Time) bool { return now.Sub(t) >= time.Second })
	allowed := len(kept) < bulkPerSecond
	if allowed {
		kept = append(kept, now)
	}
	r.recent[account] = kept
	return allowed
}

func (s *Server) workersRealTimeStatistics(c *gin.Context) (any, error) {
	q, err := s.realTime(c)
	if err != nil {
		return nil, err
	}
	now, err := q.workers(taskrouter.WorkerSelection{})
	return wire.WorkersRealTimeStatistics{StatisticsOf: q.of, WorkersRealTime: now}, err
}

func (s *Server) workersCumulativeStatistics(c *gin.Context) (any, error) {
	q, err := s.cumulative(c)
	if err != nil {
		return nil, err
	}
	n, err := q.workerCumulative(taskrouter.WorkerSelection{})
	return wire.WorkersCumulativeStatistics{StatisticsOf: q.of, WorkerCumulative: n}, err
}

func (s *Server) workersStatistics(c *gin.Context) (any, error) {
	q, err := s.cumulative(c)
	if err != nil {
		return nil, err
	}
	who, err := q.selection()
	if err != nil {
		return nil, err
	}
	return both(q.of, func() (wire.WorkersRealTime, error) { return q.workers(who) },
		func() (wire.WorkerCumulative, error) { return q.workerCumulative(who) })
}

func (s *Server) workerStatistics(c *gin.Context) (any, error) {
	w, err := s.worker(c)
	if err != nil {
		return nil, err
	}
	q, err := s.cumulative(c)
	if err != nil {
		return nil, err
	}
	q.of.WorkerSID = w.SID
	n, err := q.workerCumulative(taskrouter.WorkerSelection{SID: w.SID})
	return wire.Combined{StatisticsOf: q.of, Cumulative: n}, err
}
