package audit

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
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
	// entered is set once the Task was seen to enter its target.
	entered bool
	// paused is set after an offer was withdrawn: a failed one is followed by a
	// pause whose end no event tells.
	paused bool
	// unsettled is set when something changed that a bulk job makes up for.
	unsettled bool
	seq       int64 // of the first event: breaks ties
	class     *class
}

// line is the Tasks that wait in a queue, by class.
type line struct {
	order   taskrouter.QueueOrder
	classes map[string]*class
}

// class is waiting Tasks that no agent can tell apart: what their targets demand
// and the values the demand reads are the same. The first one in line is first.
type class struct {
	key   string
	line  *line
	tasks []*taskState
	// like is one of the places, and document what its demand reads.
	like     place
	document rules.Document
	// program is the demand; nil when there is none or it is beyond judgement.
	program *rules.Program
	obscure bool
}

// ahead compares two places by the order of their queue; zero when events do
// not tell.
func ahead(order taskrouter.QueueOrder, a, b *place) int {
	if order == taskrouter.LIFO {
		return b.start.Compare(a.start)
	}
	return cmp.Or(cmp.Compare(b.priority, a.priority), a.start.Compare(b.start))
}

func (c *class) find(t *taskState) (int, bool) {
	return slices.BinarySearchFunc(c.tasks, t, func(x, y *taskState) int {
		return cmp.Or(ahead(c.line.order, &x.place, &y.place), cmp.Compare(x.place.seq, y.place.seq))
	})
}

// leaveLine takes a Task out before its place changes.
func (l *replay) leaveLine(t *taskState) {
	c := t.place.class
	if c == nil {
		return
	}
	t.place.class = nil
	if i, ok := c.find(t); ok {
		c.tasks = slices.Delete(c.tasks, i, i+1)
	}
	if len(c.tasks) == 0 {
		delete(c.line.classes, c.key)
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
		n = &line{order: q.TaskOrder, classes: map[string]*class{}}
		l.lines[p.queue] = n
	}
	c := l.classOf(p, taskrouter.Attributes(e.Data["task_attributes"]))
	if have := n.classes[c.key]; have != nil {
		c = have
	} else {
		c.line, n.classes[c.key] = n, c
	}
	i, _ := c.find(t)
	c.tasks = slices.Insert(c.tasks, i, t)
	p.class = c
}

// classOf makes the class of a place: what tells it from others, and what it
// takes to judge an agent.
func (l *replay) classOf(p *place, attributes taskrouter.Attributes) *class {
	c := &class{like: *p}
	values := ""
	if p.expression != "" {
		var read bool
		c.program = l.program(p.expression)
		c.document, read = document(attributes)
		c.obscure = c.program == nil || !read
		if !c.obscure {
			values = string(attributes)
			fields := c.program.TaskFields()
			if !slices.Contains(fields, rules.WholeDocument) {
				values = c.document.DemandKey(fields)
			}
			// What was erased nobody can judge by.
			c.obscure = attributes.Redacted() && len(fields) > 0
		}
	}
	c.key = strings.Join([]string{
		p.channel, p.workflow, p.only, p.known, strconv.FormatBool(p.entered), strconv.FormatBool(c.obscure), p.expression, values,
	}, "\x00")
	return c
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
}

// unsettle marks the Tasks for which a bulk job may still be at work.
func (l *replay) unsettle(e *taskrouter.Event) {
	mark := func(n *line) {
		for _, c := range n.classes {
			for _, t := range c.tasks {
				t.place.unsettled = true
			}
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
	if n == nil || q == nil || direct(e) {
		return nil
	}
	var mine place
	mine.update(e)
	agent, readable := agentOf(e)
	var passed *taskState
	doubt, asked := false, 0
	for _, c := range n.classes {
		if c.like.channel != mine.channel || ahead(n.order, &c.tasks[0].place, &mine) >= 0 {
			continue
		}
		if asked++; asked > linePatience {
			doubt = true
			break
		}
		fits, err := l.fits(ctx, c, &agent, readable)
		if err != nil {
			return err
		}
		first, sure := l.firstAhead(c, &mine, t, e.WorkerSID)
		if first == nil || fits == no {
			continue
		}
		if fits != yes || !sure || !unchangedSince(q.CreatedAt, q.UpdatedAt, e.At) {
			doubt = true
			continue
		}
		if passed == nil || cmp.Or(ahead(n.order, &first.place, &passed.place), cmp.Compare(first.place.seq, passed.place.seq)) < 0 {
			passed = first
		}
	}
	switch {
	case passed != nil:
		l.in.find(OutOfTurn, subjects(e.WorkerSID, t.sid, passed.sid, e.QueueSID), known([]Evidence{passed.last, evidence(e)}),
			"agent %s got task %s although task %s was ahead of it in queue %s and fits", e.WorkerSID, t.sid, passed.sid, e.QueueSID)
	case doubt:
		l.in.undecidable(OutOfTurn)
	}
	return nil
}

// firstAhead is the first Task of a class that is ahead of a place and surely
// could be offered; without one that is sure, any that is ahead.
func (l *replay) firstAhead(c *class, mine *place, got *taskState, worker string) (first *taskState, sure bool) {
	for _, t := range c.tasks {
		if ahead(c.line.order, &t.place, mine) >= 0 {
			break
		}
		if t == got {
			continue
		}
		named := t.place.only == "" && t.place.known != "" && l.renamedSince(worker, t.last.Seq)
		if !t.doubted && t.place.entered && !t.place.paused && !t.place.unsettled && !named {
			return t, true
		}
		first = t
	}
	return first, false
}

// agentOf is the agent of an offer as expressions saw them then; false when the
// event does not tell.
func agentOf(e *taskrouter.Event) (rules.WorkerFacts, bool) {
	attributes, read := document(taskrouter.Attributes(e.Data["worker_attributes"]))
	return rules.WorkerFacts{
		SID: e.WorkerSID, FriendlyName: e.Data["worker_name"], Attributes: attributes,
		ActivitySID: e.Data["worker_activity_sid"], ActivityName: e.Data["worker_activity_name"],
	}, read
}

// fits asks whether the agent of an offer could have taken the Tasks of a class
// of the same queue at that moment.
func (l *replay) fits(ctx context.Context, c *class, agent *rules.WorkerFacts, readable bool) (verdict, error) {
	p := &c.like
	if p.only != "" {
		if p.only == agent.SID {
			return yes, nil
		}
		return no, nil
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
	case p.known != agent.SID:
		return no, nil
	}
	if p.expression == "" {
		return v, nil
	}
	if c.obscure || !readable {
		return unknown, nil
	}
	fits, err := evaluate(ctx, c.program, rules.Input{Task: &c.document, Worker: agent})
	if err != nil || !fits {
		return no, err
	}
	return v, nil
}

func (l *replay) renamedSince(worker string, seq int64) bool {
	a := l.agents[worker]
	return a == nil || a.rewritten > seq
}

// program is an expression that the events of an offer are enough to evaluate;
// nil when it reads how much an agent carried, or today's language has left it
// behind.
func (l *replay) program(text string) *rules.Program {
	p, err := l.in.engine.Compile(rules.PlaceTargetExpression, text)
	if err != nil || p.Live() {
		return nil
	}
	return p
}

// document reads attributes as events carry them; false when it cannot.
func document(a taskrouter.Attributes) (rules.Document, bool) {
	d, err := rules.ParseDocument(a)
	return d, err == nil
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
