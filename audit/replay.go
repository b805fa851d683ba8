package audit

import (
	"context"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// replay lives through the event log of a Workspace. It keeps the open Tasks,
// the agents, and the last Tasks that ended; whatever else an event speaks of
// is looked up in the log itself.
type replay struct {
	in   *inspection
	book *book

	// begun is set when the log was read from its first event on, broken when
	// numbers were missing on the way.
	begun, broken bool
	seq           int64
	first         time.Time

	tasks  map[string]*taskState
	agents map[string]*agentState
	lines  map[string]*line
	caps   map[seat]capacity
	flows  map[string]flow

	ended map[string]*taskState
	order []string // SIDs of ended Tasks, the oldest first
	// burst is the Task that the event before offered, if it did.
	burst string
}

// agentState is an agent as the log tells of them.
type agentState struct {
	whole     bool
	activity  string
	rewritten int64 // the last change of attributes or name
	held      map[string]*offer
	last      Evidence
}

func (in *inspection) replayLog(ctx context.Context) error {
	l := &replay{in: in, book: newBook()}
	in.log = l
	l.forget()
	l.ended, l.flows = map[string]*taskState{}, map[string]flow{}
	last, err := in.m.EventSeq(ctx)
	if err != nil {
		return err
	}
	start := int64(0)
	if !in.o.Since.IsZero() {
		if start, err = in.m.FirstSeqSince(ctx, in.o.Since); err != nil {
			return err
		}
		if start == 0 { // nothing as young as that
			start = last + 1
		}
		start--
	}
	l.begun, l.seq = start == 0, start
	if err := l.assess(ctx); err != nil {
		return err
	}
	progress := Progress{WorkspaceSID: in.ws.SID, Workspace: in.r.Totals.Workspaces, LastSeq: last}
	for {
		page, err := in.m.Events(ctx, l.seq, "", pageSize)
		if err != nil {
			return err
		}
		for _, e := range page {
			if err := l.take(ctx, e, start); err != nil {
				return err
			}
		}
		progress.Seq, progress.Findings = l.seq, len(in.r.Findings)
		in.o.Progress(progress)
		if len(page) < pageSize {
			break
		}
	}
	if l.seq < last {
		in.find(LogGap, []string{in.ws.SID}, nil, "the log ends at %d, but %d was given out", l.seq, last)
		l.broken = true
		l.forget()
	}
	return nil
}

// forget drops what was known: after a gap everything starts anew.
func (l *replay) forget() {
	l.tasks, l.agents, l.lines, l.burst = map[string]*taskState{}, map[string]*agentState{}, map[string]*line{}, ""
}

// take reads one event.
func (l *replay) take(ctx context.Context, e *taskrouter.Event, start int64) error {
	l.in.r.Totals.Events++
	if l.first.IsZero() {
		l.first = e.At
	}
	if e.Seq != l.seq+1 {
		if err := l.gap(ctx, e, l.seq == start); err != nil {
			return err
		}
	}
	l.seq = e.Seq
	if e.WorkerSID != "" {
		l.ofAgent(e)
	}
	if !l.book.ofTask(e) {
		l.unsettle(e)
		l.burst = ""
		return nil
	}
	err := l.ofTask(ctx, e)
	l.burst = ""
	if e.Type == taskrouter.ReservationWasCreated {
		l.burst = e.TaskSID
	}
	return err
}

// gap handles missing numbers. What is missing at the beginning was removed for
// its age, unless the Workspace is younger than that; since removal goes by the
// clock and not by number, the edge may be ragged. A purge is noted.
func (l *replay) gap(ctx context.Context, e *taskrouter.Event, atStart bool) error {
	old := func() bool {
		r := l.in.o.Retention
		return r == 0 || e.Seq-1 <= l.in.cut || !l.in.ws.CreatedAt.After(l.in.now.Add(-r))
	}
	switch {
	case atStart && !l.begun:
	case atStart && old():
		l.begun = false
	case !l.begun && !l.broken && l.in.o.Since.IsZero() && e.At.Sub(l.first) < raggedEdge:
	default:
		l.in.find(LogGap, []string{l.in.ws.SID, e.SID}, []Evidence{evidence(e)}, "events %d to %d are missing", l.seq+1, e.Seq-1)
		l.broken = true
	}
	l.forget()
	l.seq = e.Seq - 1
	return l.assess(ctx)
}

// state finds a Task, among those that are open, those that ended lately, or by
// reading what the log says of it.
func (l *replay) state(ctx context.Context, sid string, before int64) (*taskState, error) {
	if t := l.tasks[sid]; t != nil {
		return t, nil
	}
	if t := l.ended[sid]; t != nil {
		return t, nil
	}
	t := newTaskState(sid)
	if l.broken {
		return t, nil
	}
	events, err := l.in.m.EventsOfTask(ctx, sid, before)
	if err != nil {
		return nil, err
	}
	for i, e := range events {
		if l.book.ofTask(e) {
			burst := i > 0 && events[i-1].Type == taskrouter.ReservationWasCreated && events[i-1].Seq == e.Seq-1
			l.book.apply(t, e, burst) // what was wrong was said when it was read
		}
	}
	for _, o := range t.offers {
		if a := l.agent(o.worker); a != nil && !t.ended {
			a.held[o.sid] = o
		}
	}
	return t, nil
}

func (l *replay) ofTask(ctx context.Context, e *taskrouter.Event) error {
	t, err := l.state(ctx, e.TaskSID, e.Seq)
	if err != nil {
		return err
	}
	if t.status == "" && e.Type != taskrouter.TaskCreated && l.begun && !l.broken {
		l.in.find(IllegalOrder, []string{t.sid}, []Evidence{evidence(e)}, "task %s begins with %s", t.sid, e.Type)
		t.doubted = true
	}
	if e.Type == taskrouter.TaskCreated {
		l.in.r.Totals.Tasks++
	}
	l.leaveLine(t)
	before, took, releasing := t.last, t.took, t.offers[e.ReservationSID]
	if e.Type == taskrouter.ReservationWasCreated {
		l.in.r.Totals.Reservations++
		if err := l.judgeOffer(ctx, t, e); err != nil {
			return err
		}
	}
	if f := l.book.apply(t, e, l.burst == t.sid); f != nil && !t.doubted {
		shown := []Evidence{before, evidence(e)}
		if f.kind == AcceptedTwice {
			shown = []Evidence{took, evidence(e)}
		}
		l.in.find(f.kind, subjects(t.sid, e.ReservationSID, e.WorkerSID), known(shown), "%s", f.text)
		t.doubted = true
	}
	// A log that begins within a Task may know its end before its offers are
	// said to have ended: nobody holds them any more.
	t.ended = t.ended || t.status.Ended()
	l.hold(t, e, releasing)
	if t.ended {
		l.retire(t)
		return nil
	}
	l.tasks[t.sid] = t
	l.joinLine(t, e)
	return nil
}

// hold keeps the agents' hands in step with a Task's offers.
func (l *replay) hold(t *taskState, e *taskrouter.Event, released *offer) {
	if o := t.offers[e.ReservationSID]; o != nil {
		if a := l.agent(o.worker); a != nil {
			a.held[o.sid] = o
		}
	} else if released != nil {
		if a := l.agents[released.worker]; a != nil {
			delete(a.held, released.sid)
		}
	}
	if !t.ended {
		return
	}
	for _, o := range t.offers {
		if a := l.agents[o.worker]; a != nil {
			delete(a.held, o.sid)
		}
	}
}

func (l *replay) agent(sid string) *agentState {
	if sid == "" {
		return nil
	}
	a := l.agents[sid]
	if a == nil {
		a = &agentState{held: map[string]*offer{}}
		l.agents[sid] = a
	}
	return a
}

// retire moves a Task that ended out of the way.
func (l *replay) retire(t *taskState) {
	delete(l.tasks, t.sid)
	t.offers, t.place = nil, place{}
	if l.ended[t.sid] == nil {
		l.order = append(l.order, t.sid)
	}
	l.ended[t.sid] = t
	if len(l.order) > endedKept {
		delete(l.ended, l.order[0])
		l.order = l.order[1:]
	}
}

// ofAgent keeps track of an agent.
func (l *replay) ofAgent(e *taskrouter.Event) {
	if !strings.HasPrefix(string(e.Type), "worker.") {
		return
	}
	a := l.agent(e.WorkerSID)
	a.last = evidence(e)
	switch e.Type {
	case taskrouter.WorkerCreated, taskrouter.WorkerActivityUpdate:
		a.whole = a.whole || e.Type == taskrouter.WorkerCreated
		a.activity = e.Data["worker_activity_sid"]
	case taskrouter.WorkerAttributesUpdate:
		a.rewritten = e.Seq
	case taskrouter.WorkerCapacityUpdate:
		l.resize(e)
	case taskrouter.WorkerDeleted:
		if len(a.held) > 0 {
			l.in.find(IllegalOrder, []string{e.WorkerSID}, []Evidence{evidence(e)},
				"agent %s is deleted with %d open reservations", e.WorkerSID, len(a.held))
		}
		delete(l.agents, e.WorkerSID)
	default:
	}
}

// subjects leaves out what is not there.
func subjects(sids ...string) []string {
	out := sids[:0:0]
	for _, s := range sids {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// known leaves out events nobody saw.
func known(in []Evidence) []Evidence {
	out := in[:0:0]
	for _, e := range in {
		if e.Seq > 0 {
			out = append(out, e)
		}
	}
	return out
}
