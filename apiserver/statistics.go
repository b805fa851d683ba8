package apiserver

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// Statistics counts what happened and what there is. Its reads never wait for
// routing, nor does routing for them. What is not known counts as nothing.
type Statistics interface {
	// Counters and WaitSplits have an entry for each subject asked for.
	Counters(ctx context.Context, account, ws string, q taskrouter.CountQuery) (map[string]*taskrouter.Counters, error)
	WaitSplits(ctx context.Context, account, ws string, q taskrouter.CountQuery, thresholds []int64) (map[string]map[int64]taskrouter.WaitSplit, error)
	// WorkerCounters adds up those of all selected Workers.
	WorkerCounters(ctx context.Context, account, ws string, w taskrouter.WorkerSelection, window taskrouter.Window, channel string) (*taskrouter.Counters, error)
	// ActivityDurations and the counts of Workers are by Activity.
	ActivityDurations(ctx context.Context, account, ws string, w taskrouter.WorkerSelection, window taskrouter.Window) (map[string]taskrouter.Durations, error)
	WorkerCensus(ctx context.Context, account, ws string, w taskrouter.WorkerSelection) (map[string]int64, error)
	// MemberCensus and TaskCensus have an entry for each queue asked for.
	MemberCensus(ctx context.Context, account, ws string, queues []string) (map[string]map[string]int64, error)
	TaskCensus(ctx context.Context, account, ws string, q taskrouter.TaskCensusQuery) (map[string]*taskrouter.TaskCensus, error)
}

// inquiry is one request for statistics: its parameters and where it asks.
type inquiry struct {
	wire.StatisticsQuery
	s           *Server
	ctx         context.Context //nolint:containedctx // lives as long as its request
	account, ws string
	channelSID  string
	activities  []*taskrouter.Activity
	crowd       *crowd
	of          wire.StatisticsOf
}

// inquire reads the parameters of a request for statistics and resolves what
// they name.
func (s *Server) inquire(c *gin.Context, parse func(url.Values) (wire.StatisticsQuery, error)) (*inquiry, error) {
	in, err := parseQuery(c, parse)
	if err != nil {
		return nil, err
	}
	q := s.newInquiry(c)
	q.StatisticsQuery = in
	if in.TaskChannel != "" {
		channel := channelAt(configuration(c), in.TaskChannel)
		if channel == nil {
			return nil, taskrouter.Invalidf("TaskChannel does not exist in the Workspace")
		}
		q.channelSID = channel.SID
	}
	return q, nil
}

func (s *Server) newInquiry(c *gin.Context) *inquiry {
	config := configuration(c)
	q := &inquiry{s: s, ctx: c.Request.Context(), account: account(c), ws: workspaceSID(c), crowd: s.crowd(c, s.lookups(c))}
	for _, a := range config.Activities {
		q.activities = append(q.activities, a)
	}
	slices.SortFunc(q.activities, func(a, b *taskrouter.Activity) int {
		if n := a.CreatedAt.Compare(b.CreatedAt); n != 0 {
			return n
		}
		return strings.Compare(a.SID, b.SID)
	})
	q.of = wire.NewStatisticsOf(config.Workspace, c.Request.URL.EscapedPath(), s.links)
	return q
}

// realTime and cumulative are the two kinds of parameters.
func (s *Server) realTime(c *gin.Context) (*inquiry, error) {
	return s.inquire(c, wire.ParseRealTimeStatistics)
}

func (s *Server) cumulative(c *gin.Context) (*inquiry, error) {
	return s.inquire(c, func(v url.Values) (wire.StatisticsQuery, error) { return wire.ParseStatistics(v, s.opts.Now()) })
}

// counted is what was counted of one subject.
type counted struct {
	counters *taskrouter.Counters
	splits   map[int64]taskrouter.WaitSplit
}

// count reads the counters of subjects, and the splits of their waits when the
// request asks for them.
func (q *inquiry) count(sids ...string) (map[string]counted, error) {
	in := taskrouter.CountQuery{Window: q.Window, SubjectSIDs: sids, ChannelSID: q.channelSID}
	counters, err := q.s.opts.Reader.Counters(q.ctx, q.account, q.ws, in)
	if err != nil {
		return nil, err
	}
	var splits map[string]map[int64]taskrouter.WaitSplit
	if len(q.Thresholds) > 0 {
		if splits, err = q.s.opts.Reader.WaitSplits(q.ctx, q.account, q.ws, in, q.Thresholds); err != nil {
			return nil, err
		}
	}
	out := make(map[string]counted, len(sids))
	for _, sid := range sids {
		out[sid] = counted{counters[sid], splits[sid]}
	}
	return out, nil
}

func (q *inquiry) workspaceCumulative() (wire.WorkspaceCumulative, error) {
	all, err := q.count(q.ws)
	if err != nil {
		return wire.WorkspaceCumulative{}, err
	}
	return wire.FromWorkspaceCounters(all[q.ws].counters, q.Window, all[q.ws].splits), nil
}

func (q *inquiry) workspaceRealTime() (wire.WorkspaceRealTime, error) {
	tasks, err := q.tasks("")
	if err != nil {
		return wire.WorkspaceRealTime{}, err
	}
	workers, err := q.workers(taskrouter.WorkerSelection{})
	return wire.WorkspaceRealTime{TaskCounts: tasks, WorkersRealTime: workers}, err
}

func (q *inquiry) workflowCumulative(sid string) (wire.WorkflowCumulative, error) {
	all, err := q.count(sid)
	if err != nil {
		return wire.WorkflowCumulative{}, err
	}
	return wire.FromWorkflowCounters(all[sid].counters, q.Window, all[sid].splits), nil
}

// tasks counts the Tasks there are, of one Workflow or of all.
func (q *inquiry) tasks(workflow string) (wire.TaskCounts, error) {
	all, err := q.s.opts.Reader.TaskCensus(q.ctx, q.account, q.ws, taskrouter.TaskCensusQuery{WorkflowSID: workflow, ChannelSID: q.channelSID})
	if err != nil {
		return wire.TaskCounts{}, err
	}
	return wire.FromTaskCensus(all[""], q.s.opts.Now()), nil
}

func (q *inquiry) queueCumulative(sids ...string) (map[string]wire.QueueCumulative, error) {
	all, err := q.count(sids...)
	if err != nil {
		return nil, err
	}
	out := make(map[string]wire.QueueCumulative, len(sids))
	for sid, n := range all {
		out[sid] = wire.FromQueueCounters(n.counters, q.Window, n.splits)
	}
	return out, nil
}

// queueRealTime counts the Tasks and members of TaskQueues.
func (q *inquiry) queueRealTime(sids ...string) (map[string]wire.QueueRealTime, error) {
	tasks, err := q.s.opts.Reader.TaskCensus(q.ctx, q.account, q.ws, taskrouter.TaskCensusQuery{QueueSIDs: sids, ChannelSID: q.channelSID})
	if err != nil {
		return nil, err
	}
	members, err := q.members(sids)
	if err != nil {
		return nil, err
	}
	now := q.s.opts.Now()
	out := make(map[string]wire.QueueRealTime, len(sids))
	for _, sid := range sids {
		out[sid] = wire.FromQueueRealTime(wire.FromQueueCensus(tasks[sid], q.activities, members[sid], now), tasks[sid], now)
	}
	return out, nil
}

func (q *inquiry) workers(w taskrouter.WorkerSelection) (wire.WorkersRealTime, error) {
	found, err := q.s.opts.Reader.WorkerCensus(q.ctx, q.account, q.ws, w)
	if err != nil {
		return wire.WorkersRealTime{}, err
	}
	return wire.FromWorkerCensus(q.activities, found), nil
}

func (q *inquiry) workerCumulative(w taskrouter.WorkerSelection) (wire.WorkerCumulative, error) {
	counters, err := q.s.opts.Reader.WorkerCounters(q.ctx, q.account, q.ws, w, q.Window, q.channelSID)
	if err != nil {
		return wire.WorkerCumulative{}, err
	}
	spent, err := q.s.opts.Reader.ActivityDurations(q.ctx, q.account, q.ws, w, q.Window)
	if err != nil {
		return wire.WorkerCumulative{}, err
	}
	return wire.FromWorkerCounters(counters, q.Window, wire.FromActivityDurations(q.activities, spent)), nil
}

// both makes a body of the two kinds of statistics.
func both[R, C any](of wire.StatisticsOf, realTime func() (R, error), cumulative func() (C, error)) (any, error) {
	now, err := realTime()
	if err != nil {
		return nil, err
	}
	window, err := cumulative()
	if err != nil {
		return nil, err
	}
	return wire.Combined{StatisticsOf: of, RealTime: now, Cumulative: window}, nil
}
