package dispatch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/matching"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// candidatePage is how many free members of a queue are read at once while
// walking them in idle order. The first page is short: mostly the agent who is
// idle for longest fits.
const (
	firstCandidates = 2
	candidatePage   = 32
)

// matchTask offers a pending Task to the agents that fit, or puts it into the
// waiting line. Agents whom an offer of it has just freed first take what stands
// before it.
func (u *Unit) matchTask(ctx context.Context, e *entry) error {
	if len(u.freed) > 0 && e.Task.Status == taskrouter.TaskPending {
		if err := u.matchEach(ctx, u.freed, e); err != nil {
			return err
		}
	}
	return u.offerTask(ctx, e, "task")
}

// offerTask is matchTask; trigger says in the record what made it run.
func (u *Unit) offerTask(ctx context.Context, e *entry, trigger string) error {
	t := e.Task
	if t.Status != taskrouter.TaskPending {
		return nil
	}
	if t.OfferNotBefore.After(u.at) {
		u.lineUp(e, nil)
		return nil
	}
	if !t.OfferNotBefore.IsZero() {
		t.OfferNotBefore = time.Time{}
		u.touchTask(e)
	}
	n, err := u.need(ctx, e)
	if err != nil || n == nil {
		return err
	}
	n.joinsLine = trigger == "task" && !u.wrote && len(u.dirtyAgents) == 0 && len(u.dirtyRows) == 0
	candidates, failed := u.candidates(ctx, e, n)
	plan := matching.Assign(&n.demand, candidates)
	if err := failed(); err != nil {
		return err
	}
	if len(plan.Chosen) == 0 {
		u.lineUp(e, n.class(u, t))
		return nil
	}
	return u.reserve(ctx, e, n, plan, trigger)
}

// need is what a Task in its target asks for.
type need struct {
	target   rules.Target
	demand   matching.Demand
	channel  *taskrouter.TaskChannel
	queue    *taskrouter.TaskQueue
	program  *rules.Program // live queue expression, evaluated per candidate
	doc      rules.Document
	known    string // SID or lower-case name of the only agent wanted
	isKnown  bool
	agents   map[string]*Agent
	failures int
	// joinsLine is set when a Task is matched and no agent was touched before
	// in this command: then a waiting Task of the same class proves that
	// nobody who is free fits.
	joinsLine bool
}

// need prepares matching for a Task; nil when its target is gone, in which case
// it waits for its time to live.
func (u *Unit) need(ctx context.Context, e *entry) (*need, error) {
	t := e.Task
	tg, ok, err := u.target(ctx, e)
	if err != nil {
		return nil, err
	}
	if !ok {
		u.d.log.Error("routing target is gone; the task waits", logging.TaskSID(t.SID), logging.WorkflowSID(t.WorkflowSID))
		return nil, nil
	}
	return u.needIn(ctx, t, tg)
}

// needIn is what a Task would ask for in a target.
func (u *Unit) needIn(ctx context.Context, t *taskrouter.Task, tg rules.Target) (*need, error) {
	doc, err := u.d.documents.get(t.Attributes)
	if err != nil {
		return nil, err
	}
	n := &need{target: tg, doc: doc, channel: u.cfg().Channels[t.TaskChannelSID], queue: u.cfg().Queues[t.QueueSID], agents: map[string]*Agent{}}
	n.demand.Want = 1
	n.demand.SingleTasking = !u.cfg().Workspace.MultiTaskEnabled
	if n.queue != nil && t.Route.Direct != taskrouter.DirectWorker {
		n.demand.Want = n.queue.MaxReservedWorkers
		if p := u.queueProgram(n.queue); p != nil && p.Live() {
			n.program = p
		}
	}
	n.demand.IgnoreCapacity = t.IgnoresCapacity()
	n.known, n.isKnown = knownValue(tg, doc)
	n.demand.Rule = func(sid string) matching.Reason { return u.rule(ctx, t.SID, n, n.agents[sid]) }
	if tg.OrderBy != nil {
		n.demand.Compare = func(a, b string) int {
			return tg.OrderBy.Compare(u.facts(n.agents[a]), u.facts(n.agents[b]))
		}
	}
	return n, nil
}

// knownValue reads the SID or name of the known worker, if the target has one.
func knownValue(tg rules.Target, doc rules.Document) (string, bool) {
	switch {
	case tg.KnownWorkerSID != nil:
		v, _, _ := tg.KnownWorkerSID.Lookup(doc)
		return v, true
	case tg.KnownWorkerName != nil:
		v, _, _ := tg.KnownWorkerName.Lookup(doc)
		return strings.ToLower(v), true
	default:
		return "", false
	}
}

// rule decides what only expressions know about an agent.
func (u *Unit) rule(ctx context.Context, taskSID string, n *need, a *Agent) matching.Reason {
	facts := u.facts(a)
	return u.ruleOn(ctx, taskSID, n, a, &facts)
}

// ruleOn is rule with the facts of the agent, for an agent who is asked often.
func (u *Unit) ruleOn(ctx context.Context, taskSID string, n *need, a *Agent, facts *rules.WorkerFacts) matching.Reason {
	if n.isKnown && !n.isKnownAgent(a) {
		return matching.NotKnownWorker
	}
	if n.program != nil {
		if ok, err := n.program.Eval(ctx, rules.Input{Worker: facts}); err != nil || !ok {
			return matching.NotMember
		}
	}
	if n.target.Expression == nil {
		return matching.Fits
	}
	ok, err := n.target.Expression.Eval(ctx, rules.Input{Task: &n.doc, Worker: facts})
	if err != nil {
		if n.failures++; n.failures == 1 && !u.quiet {
			u.d.log.Warn("target expression failed and does not match",
				logging.TaskSID(taskSID), logging.WorkerSID(a.SID), logging.Err(err))
		}
		return matching.RuleFailed
	}
	if !ok {
		return matching.RuleSaysNo
	}
	return matching.Fits
}

func (n *need) isKnownAgent(a *Agent) bool {
	if n.target.KnownWorkerSID != nil {
		return n.known == a.SID
	}
	return n.known != "" && n.known == strings.ToLower(a.FriendlyName)
}

// candidates yields the agents that may be considered, longest idle first.
// The returned function tells whether reading them failed.
func (u *Unit) candidates(ctx context.Context, e *entry, n *need) (iter.Seq[*matching.Candidate], func() error) {
	var failure error
	t := e.Task
	yieldAgent := func(a *Agent, yield func(*matching.Candidate) bool) bool {
		n.agents[a.SID] = a
		return yield(u.candidate(a, t, n))
	}
	seq := func(yield func(*matching.Candidate) bool) {
		if sid, ok := n.only(t); ok {
			failure = u.onlyCandidate(ctx, e, n, sid, func(a *Agent) { yieldAgent(a, yield) })
			return
		}
		if n.queue == nil || n.queue.TargetWorkers == "" {
			return
		}
		if u.workersMoved { // index reads must see what this unit changed
			if failure = u.flush(ctx); failure != nil {
				return
			}
		}
		q := CandidateQuery{
			QueueSID: n.queue.SID, ChannelSID: t.TaskChannelSID, SingleTasking: n.demand.SingleTasking,
			ByChannel: n.channel != nil && n.channel.OptimizedRouting, Limit: firstCandidates,
		}
		switch {
		case n.demand.Compare != nil:
			q.Limit = 0
		case n.demand.Want > firstCandidates:
			q.Limit = candidatePage
		}
		for {
			as, err := u.tx.Candidates(ctx, q)
			if err != nil {
				failure = err
				return
			}
			for _, a := range u.know(as) {
				if !yieldAgent(a, yield) {
					return
				}
			}
			if q.Limit == 0 || len(as) < q.Limit {
				return
			}
			if n.joinsLine {
				n.joinsLine = false // asked once: the answer does not change
				var waits bool
				if waits, failure = u.classWaits(ctx, t, n); failure != nil || waits {
					return
				}
			}
			last := as[len(as)-1]
			q.Limit = candidatePage
			q.AfterSID, q.AfterIdle = last.SID, last.LastReservedAt
			if wc := last.channel(t.TaskChannelSID); q.ByChannel && wc != nil {
				q.AfterIdle = wc.LastReservedAt
			}
		}
	}
	return seq, func() error { return failure }
}

// only names the one agent a Task may go to, if its target says so.
func (n *need) only(t *taskrouter.Task) (string, bool) {
	if t.Route.Direct == taskrouter.DirectWorker {
		return t.RoutingTarget, true
	}
	if n.isKnown {
		return n.known, true
	}
	return "", false
}

func (u *Unit) onlyCandidate(ctx context.Context, e *entry, n *need, ref string, found func(*Agent)) error {
	if ref == "" {
		return nil
	}
	a, err := u.agentByRef(ctx, ref, n.target.KnownWorkerName != nil)
	if err != nil || a == nil {
		return err
	}
	if e.Task.Route.Direct != taskrouter.DirectWorker {
		member, err := u.tx.IsMember(ctx, e.Task.QueueSID, a.SID)
		if err != nil || !member {
			return err
		}
	}
	found(a)
	return nil
}

// agentByRef finds a Worker by SID, or by friendly name without case.
func (u *Unit) agentByRef(ctx context.Context, ref string, byName bool) (*Agent, error) {
	if !byName {
		if !taskrouter.IsSID(taskrouter.PrefixWorker, ref) {
			return nil, nil
		}
		return u.agent(ctx, ref)
	}
	a, err := u.tx.AgentNamed(ctx, ref)
	if err != nil || a == nil {
		return nil, err
	}
	return u.know([]*Agent{a})[0], nil
}

func (a *Agent) channel(sid string) *taskrouter.WorkerChannel {
	for _, c := range a.Channels {
		if c.TaskChannelSID == sid {
			return c
		}
	}
	return nil
}

func (a *Agent) open() int {
	n := 0
	for _, c := range a.Channels {
		n += c.Used()
	}
	return n
}

func (u *Unit) candidate(a *Agent, t *taskrouter.Task, n *need) *matching.Candidate {
	c := &matching.Candidate{WorkerSID: a.SID, IdleSince: a.LastReservedAt, ActivityAvailable: a.Available, Open: a.open()}
	if wc := a.channel(t.TaskChannelSID); wc != nil {
		c.ChannelAvailable, c.Used, c.Capacity = wc.Available, wc.Used(), wc.ConfiguredCapacity
		if n.channel != nil && n.channel.OptimizedRouting {
			c.IdleSince = wc.LastReservedAt
		}
	}
	return c
}

// facts is an agent as expressions see it.
func (u *Unit) facts(a *Agent) rules.WorkerFacts {
	doc, err := u.d.documents.get(a.Attributes)
	if err != nil {
		u.d.log.Error("stored attributes do not parse", logging.WorkerSID(a.SID))
	}
	f := rules.WorkerFacts{SID: a.SID, FriendlyName: a.FriendlyName, ActivitySID: a.ActivitySID, Attributes: doc, Channels: make(map[string]rules.ChannelFacts, len(a.Channels))}
	if act := u.cfg().Activities[a.ActivitySID]; act != nil {
		f.ActivityName = act.FriendlyName
	}
	for _, c := range a.Channels {
		f.Channels[c.TaskChannelName] = rules.ChannelFacts{ConfiguredCapacity: c.ConfiguredCapacity, AssignedTasks: c.Accepted, Used: c.Used(), Available: c.Available}
	}
	return f
}

// class names the group of waiting Tasks this one belongs to: same queue,
// channel and target, same values in everything the target reads.
func (n *need) class(u *Unit, t *taskrouter.Task) *DemandClass {
	c := &DemandClass{
		WorkspaceSID: t.WorkspaceSID, QueueSID: t.QueueSID, ChannelSID: t.TaskChannelSID, WorkflowSID: t.WorkflowSID,
		ConfigVersion: t.Route.ConfigVersion, Filter: t.Route.Filter, Target: t.Route.Target, Sample: t.Attributes,
	}
	parts := []string{c.WorkspaceSID, c.QueueSID, c.ChannelSID}
	switch t.Route.Direct {
	case taskrouter.DirectWorker:
		c.WorkerSID, c.IgnoreMembership = t.RoutingTarget, true
		c.Filter, c.Target, c.Sample = taskrouter.FilterBypassed, 0, taskrouter.NoAttributes
		parts = append(parts, "worker", c.WorkerSID)
	case taskrouter.DirectQueue:
		c.Filter, c.Target, c.Sample = taskrouter.FilterBypassed, 0, taskrouter.NoAttributes
		parts = append(parts, "queue")
	case taskrouter.DirectNone:
		parts = append(parts, c.WorkflowSID, strconv.FormatInt(c.ConfigVersion, 10), strconv.Itoa(c.Filter), strconv.Itoa(c.Target))
		if n.isKnown {
			parts = append(parts, "known", n.known)
		}
		if p := n.target.Expression; p != nil {
			fields := p.TaskFields()
			if slices.Contains(fields, "*") {
				parts = append(parts, string(t.Attributes))
			} else {
				parts = append(parts, n.doc.DemandKey(fields))
			}
		} else if !n.isKnown {
			c.Sample = taskrouter.NoAttributes
		}
	}
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	c.Key = hex.EncodeToString(sum[:16])
	return c
}

// classWaits reports whether a Task waits that wants what this one wants. It
// spares a walk along all who are free when many are and none of them fits.
func (u *Unit) classWaits(ctx context.Context, t *taskrouter.Task, n *need) (bool, error) {
	heads, err := u.tx.Heads(ctx, []string{n.class(u, t).Key}, nil)
	return len(heads) > 0, err
}

// presence counts the members of a queue for skip_if.
func (u *Unit) presence(ctx context.Context, queueSID string) (*rules.QueueFacts, error) {
	if u.workersMoved {
		if err := u.flush(ctx); err != nil {
			return nil, err
		}
	}
	counts, err := u.presenceCounts(ctx, queueSID)
	if err != nil {
		return nil, err
	}
	f := &rules.QueueFacts{ByActivity: counts}
	for sid, n := range counts {
		if a := u.cfg().Activities[sid]; a != nil && a.Available {
			f.Available += n
		} else {
			f.Unavailable += n
		}
	}
	return f, nil
}

// presenceCounts counts by Activity; a live membership expression has to be
// asked for each Worker.
func (u *Unit) presenceCounts(ctx context.Context, queueSID string) (map[string]int, error) {
	q := u.cfg().Queues[queueSID]
	if q == nil {
		return map[string]int{}, nil
	}
	p := u.queueProgram(q)
	if p == nil || !p.Live() {
		return u.tx.Presence(ctx, queueSID)
	}
	counts := map[string]int{}
	for after := ""; ; {
		as, err := u.tx.AllAgents(ctx, after, u.d.opts.ChunkSize)
		if err != nil {
			return nil, err
		}
		for _, a := range as {
			f := u.facts(a)
			if ok, err := p.Eval(ctx, rules.Input{Worker: &f}); err == nil && ok {
				counts[a.ActivitySID]++
			}
		}
		if len(as) < u.d.opts.ChunkSize {
			return counts, nil
		}
		after = as[len(as)-1].SID
	}
}

func encodeRecord(r matching.Record) string {
	b, err := json.Marshal(r)
	if err != nil {
		return "{}" // a record of strings and numbers always encodes
	}
	return string(b)
}
