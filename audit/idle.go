package audit

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// bench is the agents who could take something now, and the questions already
// asked about them.
type bench struct {
	in       *inspection
	free     []*freeAgent
	members  map[string][]*freeAgent // of a queue
	routes   map[route]*rules.Routing
	verdicts map[question]string
}

// freeAgent is an agent with room somewhere.
type freeAgent struct {
	*store.StoredWorker
	facts rules.WorkerFacts
	room  map[string]bool // by channel
}

type route struct {
	workflow string
	version  int64
}

// question is whether somebody on the bench fits a Task. Two Tasks with the
// same question have the same answer.
type question struct {
	queue, channel, workflow string
	version                  int64
	filter, target           int
	direct                   taskrouter.Direct
	only                     string
	attributes               taskrouter.Attributes
}

// newBench finds the free agents: in an available Activity, with room on a
// channel that is switched on, and without any work in a Workspace that takes
// one Task at a time.
func (in *inspection) newBench() *bench {
	b := &bench{in: in, members: map[string][]*freeAgent{}, routes: map[route]*rules.Routing{}, verdicts: map[question]string{}}
	if in.jobs > 0 {
		in.r.Totals.Excepted[IdleBesideWaiting]++
		return b
	}
	for _, w := range in.workers {
		a := in.activities[w.ActivitySID]
		if a == nil || !a.Available {
			continue
		}
		doc, err := rules.ParseDocument(w.Attributes)
		if err != nil {
			in.undecidable(IdleBesideWaiting)
			continue
		}
		f := &freeAgent{StoredWorker: w, room: map[string]bool{}, facts: rules.WorkerFacts{
			SID: w.SID, FriendlyName: w.FriendlyName, ActivitySID: a.SID, ActivityName: a.FriendlyName,
			Attributes: doc, Channels: map[string]rules.ChannelFacts{},
		}}
		open := 0
		for _, c := range w.Channels {
			open += c.Used()
			if c.HasRoom() {
				f.room[c.TaskChannelSID] = true
			}
			f.facts.Channels[c.TaskChannelName] = rules.ChannelFacts{
				ConfiguredCapacity: c.ConfiguredCapacity, AssignedTasks: c.Accepted, Used: c.Used(), Available: c.Available,
			}
		}
		if len(f.room) > 0 && (in.ws.MultiTaskEnabled || open == 0) {
			b.free = append(b.free, f)
		}
	}
	slices.SortFunc(b.free, func(x, y *freeAgent) int { return cmp.Compare(x.SID, y.SID) })
	return b
}

// examine reports a Task that waits although somebody free fits.
func (b *bench) examine(ctx context.Context, t *store.StoredTask) error {
	in := b.in
	if t.Status != taskrouter.TaskPending || len(b.free) == 0 {
		return nil
	}
	if !t.OfferNotBefore.IsZero() && !in.now.After(t.OfferNotBefore.Add(in.o.Lag)) {
		in.r.Totals.Excepted[IdleBesideWaiting]++
		return nil
	}
	sid, err := b.whoFits(ctx, t)
	if errors.Is(err, errUndecidable) {
		in.undecidable(IdleBesideWaiting)
		return nil
	}
	if err != nil || sid == "" {
		return err
	}
	events := []Evidence(nil)
	if s := in.log.tasks[t.SID]; s != nil {
		events = append(events, s.last)
	}
	if a := in.log.agents[sid]; a != nil {
		events = append(events, a.last)
	}
	in.find(IdleBesideWaiting, []string{t.SID, sid, t.QueueSID}, known(events), "task %s waits while agent %s is free and fits", t.SID, sid)
	return nil
}

// errUndecidable is a Task whose target cannot be read any more.
var errUndecidable = errors.New("undecidable")

// whoFits names a free agent who fits a Task; empty when there is none.
func (b *bench) whoFits(ctx context.Context, t *store.StoredTask) (string, error) {
	q := question{queue: t.QueueSID, channel: t.TaskChannelSID, direct: t.Route.Direct, only: t.RoutingTarget}
	var tg rules.Target
	if t.Route.Direct == taskrouter.DirectNone {
		r, err := b.routing(ctx, route{t.WorkflowSID, t.Route.ConfigVersion})
		if err != nil {
			return "", err
		}
		var ok bool
		if tg, ok = r.At(rules.Position{Filter: t.Route.Filter, Target: t.Route.Target}); !ok {
			return "", errUndecidable
		}
		q.only = ""
		q.workflow, q.version, q.filter, q.target = t.WorkflowSID, t.Route.ConfigVersion, t.Route.Filter, t.Route.Target
		if tg.Expression != nil || tg.KnownWorkerSID != nil || tg.KnownWorkerName != nil {
			q.attributes = t.Attributes
		}
	}
	if sid, asked := b.verdicts[q]; asked {
		return sid, nil
	}
	sid, err := b.ask(ctx, t, tg)
	if err != nil {
		return "", err
	}
	if len(b.verdicts) >= verdictsKept {
		clear(b.verdicts)
	}
	b.verdicts[q] = sid
	return sid, nil
}

func (b *bench) ask(ctx context.Context, t *store.StoredTask, tg rules.Target) (string, error) {
	if t.Route.Direct == taskrouter.DirectWorker {
		for _, f := range b.free {
			if f.SID == t.RoutingTarget && f.room[t.TaskChannelSID] {
				return f.SID, nil
			}
		}
		return "", nil
	}
	members, err := b.membersOf(ctx, t.QueueSID)
	if err != nil {
		return "", err
	}
	doc, err := rules.ParseDocument(t.Attributes)
	if err != nil {
		return "", errUndecidable
	}
	for _, f := range members {
		if !f.room[t.TaskChannelSID] || !isKnown(tg, doc, f) {
			continue
		}
		fits, err := evaluate(ctx, tg.Expression, rules.Input{Task: &doc, Worker: &f.facts})
		if err != nil {
			return "", err
		}
		if fits {
			return f.SID, nil
		}
	}
	return "", nil
}

// isKnown reports whether an agent is the one a target names, if it names one.
func isKnown(tg rules.Target, doc rules.Document, f *freeAgent) bool {
	if tg.KnownWorkerSID != nil {
		v, found, _ := tg.KnownWorkerSID.Lookup(doc)
		return found && v == f.SID
	}
	if tg.KnownWorkerName != nil {
		v, found, _ := tg.KnownWorkerName.Lookup(doc)
		// Not folding: two names are one when their lower-case texts are.
		want, name := strings.ToLower(v), strings.ToLower(f.FriendlyName)
		return found && want != "" && want == name
	}
	return true
}

// evaluate runs an expression; one that has no value admits nobody, and one
// that is not there everybody.
func evaluate(ctx context.Context, p *rules.Program, in rules.Input) (bool, error) {
	if p == nil {
		return true, nil
	}
	ok, err := p.Eval(ctx, in)
	if err != nil && taskrouter.KindOf(err) == taskrouter.KindUnavailable {
		return false, err
	}
	return err == nil && ok, nil
}

// membersOf are the free agents a queue admits.
func (b *bench) membersOf(ctx context.Context, queue string) ([]*freeAgent, error) {
	if m, asked := b.members[queue]; asked {
		return m, nil
	}
	q := b.in.queues[queue]
	if q == nil || q.TargetWorkers == "" {
		return nil, nil
	}
	p, err := b.in.engine.Compile(rules.PlaceQueueWorkers, q.TargetWorkers)
	if err != nil {
		return nil, errUndecidable
	}
	found := []*freeAgent{}
	for _, f := range b.free {
		ok, err := evaluate(ctx, p, rules.Input{Worker: &f.facts})
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, f)
		}
	}
	b.members[queue] = found
	return found, nil
}

// routing is the configuration a Task entered with.
func (b *bench) routing(ctx context.Context, at route) (*rules.Routing, error) {
	if r, read := b.routes[at]; read {
		if r == nil {
			return nil, errUndecidable
		}
		return r, nil
	}
	text, err := b.in.m.Configuration(ctx, at.workflow, at.version)
	if err != nil {
		return nil, err
	}
	r, err := b.in.engine.ParseConfiguration(text)
	if err != nil {
		r = nil
	}
	b.routes[at] = r
	if r == nil {
		return nil, errUndecidable
	}
	return r, nil
}
