package apiserver

import (
	"context"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workspace"
)

// Every Worker is stored as a member of a queue whose expression reads what
// changes without an edit, such as activity_name. Clients must not see that:
// the expression is asked for each Worker that is shown or counted.

// asks is an expression over Workers.
type asks func(ctx context.Context, w workspace.WorkerFacts) (bool, error)

// all is satisfied by who satisfies each of some expressions; nil when there
// is none.
func all(expressions ...asks) asks {
	var set []asks
	for _, a := range expressions {
		if a != nil {
			set = append(set, a)
		}
	}
	if len(set) == 0 {
		return nil
	}
	return func(ctx context.Context, w workspace.WorkerFacts) (bool, error) {
		for _, a := range set {
			if ok, err := a(ctx, w); err != nil || !ok {
				return false, err
			}
		}
		return true, nil
	}
}

// liveMembership asks for members of any of some queues; nil when their stored
// members are exact.
func (s *Server) liveMembership(config *dispatch.Config, queues []string) asks {
	var ask []asks
	live := false
	for _, sid := range queues {
		if q := config.Queues[sid]; q != nil {
			admits, reads := s.opts.Evaluator.Membership(q)
			ask, live = append(ask, admits), live || reads
		}
	}
	if !live {
		return nil
	}
	return func(ctx context.Context, w workspace.WorkerFacts) (bool, error) {
		for _, a := range ask {
			if ok, err := a(ctx, w); err != nil || ok {
				return ok, err
			}
		}
		return false, nil
	}
}

// crowd reads Workers page by page and shows them to expressions. Their
// capacity is read for a page at once, when the first expression asks for it.
type crowd struct {
	reader      Reader
	account, ws string
	l           *lookups
	page        []*taskrouter.Worker
	channels    map[string][]*taskrouter.WorkerChannel
}

func (s *Server) crowd(c *gin.Context, l *lookups) *crowd {
	return &crowd{reader: s.opts.Reader, account: account(c), ws: workspaceSID(c), l: l}
}

// read fetches a page of Workers.
func (w *crowd) read(ctx context.Context, f taskrouter.WorkerFilter, p taskrouter.Page) ([]*taskrouter.Worker, error) {
	page, err := w.reader.ListWorkers(ctx, w.account, w.ws, f, p)
	w.page, w.channels = page, nil
	return page, err
}

// facts is a Worker of the page that was read last.
func (w *crowd) facts(k *taskrouter.Worker) workspace.WorkerFacts {
	return workspace.WorkerFacts{
		Worker: k, ActivityName: w.l.activity(k.ActivitySID),
		Channels: func(ctx context.Context) ([]*taskrouter.WorkerChannel, error) {
			if w.channels == nil {
				sids := make([]string, len(w.page))
				for i, k := range w.page {
					sids[i] = k.SID
				}
				channels, err := w.reader.ChannelsOf(ctx, w.account, w.ws, sids)
				if err != nil {
					return nil, err
				}
				w.channels = channels
			}
			return w.channels[k.SID], nil
		},
	}
}

// each shows all Workers of a filter to a function.
func (w *crowd) each(ctx context.Context, f taskrouter.WorkerFilter, fn func(workspace.WorkerFacts) error) error {
	for p := (taskrouter.Page{Size: wire.MaxPageSize}); ; {
		page, err := w.read(ctx, f, p)
		if err != nil {
			return err
		}
		for _, k := range page[:min(len(page), p.Size)] {
			if err := fn(w.facts(k)); err != nil {
				return err
			}
		}
		if len(page) <= p.Size {
			return w.l.err
		}
		p.After = f.Mark(page[p.Size-1])
	}
}

// selection resolves the names of a query for the statistics of Workers. A
// queue that does not exist selects nobody.
func (q *inquiry) selection() (taskrouter.WorkerSelection, error) {
	config := q.crowd.l.config
	queues, possible := choose(q.TaskQueueSID, q.TaskQueueName, func() []string { return queuesNamed(config, q.TaskQueueName) })
	if !possible {
		queues = []string{}
	}
	out := taskrouter.WorkerSelection{FriendlyName: q.FriendlyName, QueueSIDs: queues}
	ask := q.s.liveMembership(config, queues)
	if ask == nil {
		return out, nil
	}
	out = taskrouter.WorkerSelection{SIDs: []string{}}
	err := q.crowd.each(q.ctx, taskrouter.WorkerFilter{FriendlyName: q.FriendlyName, QueueSIDs: queues}, func(w workspace.WorkerFacts) error {
		ok, err := ask(q.ctx, w)
		if ok {
			out.SIDs = append(out.SIDs, w.SID)
		}
		return err
	})
	return out, err
}

// members counts the members of queues by Activity.
func (q *inquiry) members(queues []string) (map[string]map[string]int64, error) {
	out, err := q.s.opts.Reader.MemberCensus(q.ctx, q.account, q.ws, queues)
	if err != nil {
		return nil, err
	}
	live := map[string]asks{}
	for _, sid := range queues {
		if ask := q.s.liveMembership(q.crowd.l.config, []string{sid}); ask != nil {
			live[sid], out[sid] = ask, map[string]int64{}
		}
	}
	if len(live) == 0 {
		return out, nil
	}
	return out, q.crowd.each(q.ctx, taskrouter.WorkerFilter{}, func(w workspace.WorkerFacts) error {
		for sid, ask := range live {
			ok, err := ask(q.ctx, w)
			if err != nil {
				return err
			}
			if ok {
				out[sid][w.ActivitySID]++
			}
		}
		return nil
	})
}

// queuesOf keeps the queues of a Worker among those whose stored members may
// be everybody; nil when the stored members are exact.
func (s *Server) queuesOf(ctx context.Context, w *crowd, workerSID string) (func(*taskrouter.TaskQueue) (bool, error), error) {
	some := false
	for _, q := range w.l.config.Queues {
		_, live := s.opts.Evaluator.Membership(q)
		some = some || live
	}
	if workerSID == "" || !some {
		return nil, nil
	}
	worker, err := w.reader.FetchWorker(ctx, w.account, w.ws, workerSID)
	if err != nil {
		return nil, err
	}
	return func(q *taskrouter.TaskQueue) (bool, error) {
		if worker == nil {
			return false, nil
		}
		admits, live := s.opts.Evaluator.Membership(q)
		if !live {
			return true, nil // the stored members said so
		}
		if len(w.page) == 0 {
			w.page = []*taskrouter.Worker{worker}
		}
		return admits(ctx, w.facts(worker))
	}, nil
}
