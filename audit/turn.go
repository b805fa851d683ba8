package audit

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// place is where a Task waits and what it waits for, in the words of its own
// events.
type place struct {
	queue, channel, workflow string
	priority                 int64
	start                    time.Time // whole seconds: events say no more
	// only is the agent a Task names itself.
	only string
	// known is the agent its target names; expression the target's demand.
	known, expression string
	attributes        taskrouter.Attributes
	// entered is set once the Task was seen to enter its target.
	entered bool
	// paused is set after an offer was withdrawn: a failed one is followed by a
	// pause whose end no event tells.
	paused bool
	// unsettled is set when something changed that a bulk job makes up for.
	unsettled bool
	seq       int64 // of the first event: breaks ties
	inLine    bool
}

// line is the Tasks that wait in a queue, the first one first.
type line struct {
	order taskrouter.QueueOrder
	tasks []*taskState
}

// ahead compares two places by the order of their queue; zero when events do
// not tell.
func ahead(order taskrouter.QueueOrder, a, b *place) int {
	if order == taskrouter.LIFO {
		return b.start.Compare(a.start)
	}
	return cmp.Or(cmp.Compare(b.priority, a.priority), a.start.Compare(b.start))
}

func (n *line) find(t *taskState) (int, bool) {
	return slices.BinarySearchFunc(n.tasks, t, func(x, y *taskState) int {
		return cmp.Or(ahead(n.order, &x.place, &y.place), cmp.Compare(x.place.seq, y.place.seq))
	})
}

// leaveLine takes a Task out before its place changes.
func (l *replay) leaveLine(t *taskState) {
	if !t.place.inLine {
		return
	}
	t.place.inLine = false
	n := l.lines[t.place.queue]
	if i, ok := n.find(t); ok {
		n.tasks = slices.Delete(n.tasks, i, i+1)
	}
}

// joinLine notes what an event says of a Task's place, and puts it there when
// it waits.
func (l *replay) joinLine(t *taskState, e *taskrouter.Event) {
	p := &t.place
	p.update(e)
	if p.seq == 0 {
		p.seq = e.Seq
	}
	if t.status != taskrouter.TaskPending || t.falling || p.queue == "" || !t.whole {
		return
	}
	q := l.in.queues[p.queue]
	if q == nil { // deleted since: nobody knows its order
		return
	}
	n := l.lines[p.queue]
	if n == nil {
		n = &line{order: q.TaskOrder}
		l.lines[p.queue] = n
	}
	i, _ := n.find(t)
	n.tasks = slices.Insert(n.tasks, i, t)
	p.inLine = true
}

func (p *place) update(e *taskrouter.Event) {
	d := e.Data
	p.channel = d["task_channel_sid"]
	p.workflow = cmp.Or(d["workflow_sid"], p.workflow)
	p.queue = cmp.Or(d["task_queue_sid"], p.queue)
	p.priority, _ = strconv.ParseInt(d["task_priority"], 10, 64)
	p.start, _ = time.Parse(time.RFC3339, d["task_virtual_start_time"])
	p.only = ""
	if direct(e) {
		p.only = d["task_routing_target"]
	}
	switch e.Type {
	case taskrouter.WorkflowTargetMatched:
		p.entered, p.unsettled = true, false
		p.expression, p.known = d["workflow_filter_target_expression"], d["known_worker_sid"]
	case taskrouter.TaskQueueEntered:
		p.unsettled = false
	case taskrouter.ReservationWasCreated:
		p.paused, p.unsettled = false, false
	case taskrouter.ReservationWasCanceled:
		p.paused = true
	default:
	}
	p.attributes = ""
	if p.expression != "" {
		p.attributes = taskrouter.Attributes(d["task_attributes"])
	}
}

// unsettle marks the Tasks for which a bulk job may still be at work.
func (l *replay) unsettle(e *taskrouter.Event) {
	mark := func(n *line) {
		for _, t := range n.tasks {
			t.place.unsettled = true
		}
	}
	switch e.Type {
	case taskrouter.WorkspaceUpdated, taskrouter.ActivityUpdated, taskrouter.TaskChannelCreated:
		for _, n := range l.lines {
			mark(n)
		}
	case taskrouter.TaskQueueExpressionUpdated, taskrouter.TaskQueueCreated:
		if n := l.lines[e.QueueSID]; n != nil {
			mark(n)
		}
	default:
	}
}

// verdict is what can be said about a question of the past.
type verdict int

const (
	no verdict = iota
	yes
	unknown
)

// judgeTurn demands that no Task waited that the agent could have taken and
// that comes before the one they got, in the same queue and on the same
// channel. That the agent belongs to the queue and has room is shown by the
// offer itself.
func (l *replay) judgeTurn(ctx context.Context, t *taskState, e *taskrouter.Event) error {
	n, q := l.lines[e.QueueSID], l.in.queues[e.QueueSID]
	if n == nil || q == nil || direct(e) || len(n.tasks) == 0 {
		return nil
	}
	var mine place
	mine.update(e)
	doubt := false
	for i, other := range n.tasks {
		if ahead(n.order, &other.place, &mine) >= 0 {
			break
		}
		if i >= linePatience {
			doubt = true
			break
		}
		if other == t || other.place.channel != mine.channel {
			continue
		}
		v, err := l.couldTake(ctx, other, e)
		if err != nil {
			return err
		}
		if v == yes && unchangedSince(q.CreatedAt, q.UpdatedAt, e.At) {
			l.in.find(OutOfTurn, subjects(e.WorkerSID, t.sid, other.sid, e.QueueSID), known([]Evidence{other.last, evidence(e)}),
				"agent %s got task %s although task %s was ahead of it in queue %s and fits", e.WorkerSID, t.sid, other.sid, e.QueueSID)
			return nil
		}
		doubt = doubt || v != no
	}
	if doubt {
		l.in.undecidable(OutOfTurn)
	}
	return nil
}

// couldTake asks whether the agent of an offer could have taken another Task of
// the same queue at that moment.
func (l *replay) couldTake(ctx context.Context, t *taskState, e *taskrouter.Event) (verdict, error) {
	p := &t.place
	switch {
	case p.only != "" && p.only != e.WorkerSID:
		return no, nil
	case t.doubted || !p.entered || p.paused || p.unsettled:
		return unknown, nil
	case p.only != "":
		return yes, nil
	}
	f, err := l.flow(ctx, p.workflow)
	if err != nil {
		return no, err
	}
	v := yes
	switch {
	case f.lost:
		v = unknown
	case !f.names:
	case p.known == "":
		v = unknown // the target may name somebody who is not there
	case p.known != e.WorkerSID:
		return no, nil
	case l.renamedSince(e.WorkerSID, t.last.Seq):
		v = unknown
	}
	if p.expression == "" {
		return v, nil
	}
	program, err := l.in.engine.Compile(rules.PlaceTargetExpression, p.expression)
	if err != nil || program.Live() {
		return unknown, nil //nolint:nilerr // today's language may have left yesterday's behind
	}
	task, err := rules.ParseDocument(p.attributes)
	if err != nil {
		return unknown, nil //nolint:nilerr // an event that cannot be read accuses nobody
	}
	attributes, err := rules.ParseDocument(taskrouter.Attributes(e.Data["worker_attributes"]))
	if err != nil {
		return unknown, nil //nolint:nilerr // as above
	}
	fits, err := program.Eval(ctx, rules.Input{Task: &task, Worker: &rules.WorkerFacts{
		SID: e.WorkerSID, FriendlyName: e.Data["worker_name"], Attributes: attributes,
		ActivitySID: e.Data["worker_activity_sid"], ActivityName: e.Data["worker_activity_name"],
	}})
	switch {
	case taskrouter.KindOf(err) == taskrouter.KindUnavailable && err != nil:
		return no, err
	case err != nil || !fits:
		return no, nil
	}
	return v, nil
}

func (l *replay) renamedSince(worker string, seq int64) bool {
	a := l.agents[worker]
	return a == nil || a.rewritten > seq
}

// flow is what all versions of a Workflow's configuration have in common.
type flow struct {
	// lost is set when one cannot be read any more, names when a target names
	// its agent.
	lost, names bool
}

// flow reads the configurations a Workflow ever had, once.
func (l *replay) flow(ctx context.Context, sid string) (flow, error) {
	if f, ok := l.flows[sid]; ok {
		return f, nil
	}
	versions, err := l.in.m.ConfigVersions(ctx, sid)
	if err != nil {
		return flow{}, err
	}
	f := flow{lost: len(versions) == 0}
	for _, v := range versions {
		text, err := l.in.m.Configuration(ctx, sid, v)
		if err != nil {
			return flow{}, err
		}
		r, err := l.in.engine.ParseConfiguration(text)
		if err != nil {
			f.lost = true
			continue
		}
		f.names = f.names || namesAgents(r)
	}
	l.flows[sid] = f
	return f, nil
}

// namesAgents reports whether a target of a configuration names its agent.
func namesAgents(r *rules.Routing) bool {
	for filter := 0; ; filter++ {
		for target := 0; ; target++ {
			tg, ok := r.At(rules.Position{Filter: filter, Target: target})
			if !ok && target == 0 {
				tg, _ = r.At(rules.Position{Filter: rules.DefaultFilter})
				return tg.KnownWorkerSID != nil || tg.KnownWorkerName != nil
			}
			if !ok {
				break
			}
			if tg.KnownWorkerSID != nil || tg.KnownWorkerName != nil {
				return true
			}
		}
	}
}
