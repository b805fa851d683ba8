package dispatch_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// audit is a Workspace read row by row and judged from the rules alone: it
// knows nothing of memberships, demand classes or counters but that they must
// say what the rows say.
type audit struct {
	t       tester
	now     time.Time
	config  *dispatch.Config
	tasks   map[string]*taskrouter.Task
	agents  []*dispatch.Agent
	open    map[string][]*taskrouter.Reservation // by Task
	classes map[string]*dispatch.DemandClass     // those some agent can see
	seen    map[string]map[string]bool           // class keys by agent
	busy    bool                                 // a bulk job is not finished
	engine  *rules.Engine
	routes  map[string]*rules.Routing
	// lowered are agents whose capacity was set below what they hold.
	lowered map[string]bool
}

// auditEngine compiles with a cache of its own.
var auditEngine = rules.New(rules.Options{})

func (b *bench) audit() *audit {
	b.t.Helper()
	a := &audit{
		t: b.t, now: b.clock.now(), tasks: map[string]*taskrouter.Task{}, open: map[string][]*taskrouter.Reservation{},
		classes: map[string]*dispatch.DemandClass{}, seen: map[string]map[string]bool{}, engine: auditEngine,
		routes: map[string]*rules.Routing{}, lowered: map[string]bool{},
	}
	for after := ""; ; {
		page, err := b.db.ListTasks(b.ctx, b.account, b.ws, taskrouter.TaskFilter{}, taskrouter.Page{Size: 500, After: after})
		require.NoError(b.t, err)
		for _, t := range page {
			a.tasks[t.SID], after = t, t.SID
		}
		if len(page) <= 500 {
			break
		}
	}
	b.peek(func(ctx context.Context, tx dispatch.Tx) {
		var err error
		a.config, err = tx.Config(ctx)
		require.NoError(b.t, err)
		a.agents, err = tx.AllAgents(ctx, "", 10000)
		require.NoError(b.t, err)
		rs, err := tx.OpenReservations(ctx, keys(a.tasks)...)
		require.NoError(b.t, err)
		for _, r := range rs {
			a.open[r.TaskSID] = append(a.open[r.TaskSID], r)
		}
		for _, g := range a.agents {
			keys, err := tx.ClassKeys(ctx, g.SID)
			require.NoError(b.t, err)
			cs, err := tx.Classes(ctx, keys...)
			require.NoError(b.t, err)
			a.seen[g.SID] = map[string]bool{}
			for _, c := range cs {
				a.classes[c.Key] = c
				a.seen[g.SID][c.Key] = true
			}
		}
		j, err := tx.Job(ctx)
		require.NoError(b.t, err)
		a.busy = j != nil
		for _, t := range a.tasks {
			if t.Route.Direct == taskrouter.DirectNone && !t.Status.Ended() {
				a.loadRoute(ctx, tx, t)
			}
		}
	})
	return a
}

func keys[V any](m map[string]V) []string {
	out := []string{}
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (a *audit) loadRoute(ctx context.Context, tx dispatch.Tx, t *taskrouter.Task) {
	key := fmt.Sprint(t.WorkflowSID, t.Route.ConfigVersion)
	if a.routes[key] != nil {
		return
	}
	text, err := tx.WorkflowConfiguration(ctx, t.WorkflowSID, t.Route.ConfigVersion)
	require.NoError(a.t, err)
	r, err := a.engine.ParseConfiguration(text)
	require.NoError(a.t, err)
	a.routes[key] = r
}

// requireHealthy checks every promise that holds after any command.
func requireHealthy(t tester, b *bench, lowered ...string) *audit {
	t.Helper()
	a := b.audit()
	a.t = t
	for _, sid := range lowered {
		a.lowered[sid] = true
	}
	a.checkStates()
	a.checkCounters()
	a.checkClasses()
	if !a.busy {
		a.checkNobodyWaitsInVain()
	}
	b.checkLog(t)
	return a
}

// checkLog demands that events are numbered without gaps from 1.
func (b *bench) checkLog(t tester) {
	t.Helper()
	for i, e := range b.eventsAfter(0) {
		require.Equal(t, int64(i+1), e.Seq, "the event log has a gap")
	}
}

// checkStates compares each Task's state with its Reservations.
func (a *audit) checkStates() {
	for sid, t := range a.tasks {
		n := map[taskrouter.ReservationStatus]int{}
		for _, r := range a.open[sid] {
			n[r.Status]++
		}
		pending, taken := n[taskrouter.ReservationPending], n[taskrouter.ReservationAccepted]+n[taskrouter.ReservationWrapping]
		switch t.Status {
		case taskrouter.TaskPending, taskrouter.TaskCompleted, taskrouter.TaskCanceled:
			require.Zero(a.t, pending+taken, "%s task %s with offers", t.Status, sid)
		case taskrouter.TaskReserved:
			require.Positive(a.t, pending, "reserved task without an offer")
			require.Zero(a.t, taken, "reserved task that is taken")
		case taskrouter.TaskAssigned:
			require.Equal(a.t, 1, n[taskrouter.ReservationAccepted], "assigned task")
			require.Zero(a.t, pending+n[taskrouter.ReservationWrapping])
		case taskrouter.TaskWrapping:
			require.Equal(a.t, 1, n[taskrouter.ReservationWrapping], "wrapping task")
			require.Zero(a.t, pending+n[taskrouter.ReservationAccepted])
		}
		if t.Status != taskrouter.TaskPending {
			require.Empty(a.t, t.DemandClass, "%s task in a waiting line", t.Status)
		}
	}
}

// checkCounters compares the channels' counters with the open Reservations,
// and both with the capacity.
func (a *audit) checkCounters() {
	type load struct{ pending, accepted, wrapping, forced int }
	have := map[string]*load{}
	for _, rs := range a.open {
		for _, r := range rs {
			k := r.WorkerSID + r.TaskChannelSID
			if have[k] == nil {
				have[k] = &load{}
			}
			switch r.Status {
			case taskrouter.ReservationPending:
				have[k].pending++
			case taskrouter.ReservationAccepted:
				have[k].accepted++
			default:
				have[k].wrapping++
			}
			if r.IgnoresCapacity {
				have[k].forced++
			}
		}
	}
	for _, g := range a.agents {
		open, forced := 0, 0
		for _, c := range g.Channels {
			l := have[g.SID+c.TaskChannelSID]
			if l == nil {
				l = &load{}
			}
			open += c.Used()
			forced += l.forced
			require.Equal(a.t, []int{l.pending, l.accepted, l.wrapping}, []int{c.Pending, c.Accepted, c.Wrapping},
				"counters of %s on %s", g.FriendlyName, c.TaskChannelName)
			if l.forced == 0 && !a.lowered[g.SID] {
				require.LessOrEqual(a.t, c.Used(), c.ConfiguredCapacity, "%s is over capacity on %s", g.FriendlyName, c.TaskChannelName)
			}
		}
		if !a.config.Workspace.MultiTaskEnabled && forced == 0 {
			require.LessOrEqual(a.t, open, 1, "%s works on several tasks", g.FriendlyName)
		}
	}
}

// checkClasses counts the waiting lines.
func (a *audit) checkClasses() {
	n := map[string]int{}
	for sid, t := range a.tasks {
		if t.DemandClass != "" {
			n[t.DemandClass]++
		} else if t.Status == taskrouter.TaskPending && t.OfferNotBefore.IsZero() {
			require.Fail(a.t, "pending task in no waiting line", sid)
		}
	}
	for key, c := range a.classes {
		require.Equal(a.t, n[key], c.Waiting, "waiting tasks of a demand class")
	}
	for _, g := range a.agents {
		for sid, t := range a.tasks {
			if t.DemandClass != "" && !a.busy && a.member(t.QueueSID, g) && t.Route.Direct != taskrouter.DirectWorker {
				require.True(a.t, a.seen[g.SID][t.DemandClass], "agent %s does not see the class of %s", g.FriendlyName, sid)
			}
		}
	}
}

// checkNobodyWaitsInVain is the promise that a free agent never sits beside a
// waiting Task.
func (a *audit) checkNobodyWaitsInVain() {
	for sid, t := range a.tasks {
		if t.Status != taskrouter.TaskPending || !t.OfferNotBefore.IsZero() {
			continue
		}
		for _, g := range a.agents {
			if a.free(t, g) && a.suits(t, g) {
				require.Fail(a.t, "a free agent sits beside a waiting task", "task %s (%s) agent %s", sid, t.Attributes, g.FriendlyName)
			}
		}
	}
}

// free reports whether an agent has room for a Task.
func (a *audit) free(t *taskrouter.Task, g *dispatch.Agent) bool {
	if !a.config.Activities[g.ActivitySID].Available {
		return false
	}
	room, open := false, 0
	for _, c := range g.Channels {
		open += c.Pending + c.Accepted + c.Wrapping
		if c.TaskChannelSID == t.TaskChannelSID {
			room = c.Available && c.Pending+c.Accepted+c.Wrapping < c.ConfiguredCapacity
		}
	}
	return room && (a.config.Workspace.MultiTaskEnabled || open == 0)
}

// suits reports whether queue, target and known worker allow an agent.
func (a *audit) suits(t *taskrouter.Task, g *dispatch.Agent) bool {
	if t.Route.Direct == taskrouter.DirectWorker {
		return t.RoutingTarget == g.SID
	}
	if !a.member(t.QueueSID, g) {
		return false
	}
	if t.Route.Direct == taskrouter.DirectQueue {
		return true
	}
	tg, ok := a.routes[fmt.Sprint(t.WorkflowSID, t.Route.ConfigVersion)].At(rules.Position{Filter: t.Route.Filter, Target: t.Route.Target})
	require.True(a.t, ok)
	doc, err := rules.ParseDocument(t.Attributes)
	require.NoError(a.t, err)
	if tg.KnownWorkerSID != nil {
		if v, _, _ := tg.KnownWorkerSID.Lookup(doc); v != g.SID {
			return false
		}
	}
	if tg.KnownWorkerName != nil {
		if v, _, _ := tg.KnownWorkerName.Lookup(doc); !strings.EqualFold(v, g.FriendlyName) {
			return false
		}
	}
	if tg.Expression == nil {
		return true
	}
	facts := a.facts(g)
	yes, err := tg.Expression.Eval(context.Background(), rules.Input{Task: &doc, Worker: &facts})
	return err == nil && yes
}

func (a *audit) member(queue string, g *dispatch.Agent) bool {
	q := a.config.Queues[queue]
	if q == nil || q.TargetWorkers == "" {
		return false
	}
	p, err := a.engine.Compile(rules.PlaceQueueWorkers, q.TargetWorkers)
	require.NoError(a.t, err)
	facts := a.facts(g)
	yes, err := p.Eval(context.Background(), rules.Input{Worker: &facts})
	return err == nil && yes
}

func (a *audit) facts(g *dispatch.Agent) rules.WorkerFacts {
	doc, err := rules.ParseDocument(g.Attributes)
	require.NoError(a.t, err)
	f := rules.WorkerFacts{
		SID: g.SID, FriendlyName: g.FriendlyName, ActivitySID: g.ActivitySID, Attributes: doc,
		ActivityName: a.config.Activities[g.ActivitySID].FriendlyName, Channels: map[string]rules.ChannelFacts{},
	}
	for _, c := range g.Channels {
		f.Channels[c.TaskChannelName] = rules.ChannelFacts{
			ConfiguredCapacity: c.ConfiguredCapacity, AssignedTasks: c.Accepted, Used: c.Used(), Available: c.Available,
		}
	}
	return f
}

// before reports whether an agent takes x before y.
func (a *audit) before(x, y *taskrouter.Task) bool {
	last := func(t *taskrouter.Task) bool { return a.config.Queues[t.QueueSID].TaskOrder == taskrouter.LIFO }
	if last(x) != last(y) {
		return last(x) == (a.config.Workspace.PrioritizeQueueOrder == taskrouter.LIFO)
	}
	if last(x) {
		return cmp.Or(y.VirtualStartTime.Compare(x.VirtualStartTime), y.CreatedAt.Compare(x.CreatedAt), cmp.Compare(y.SID, x.SID)) < 0
	}
	return cmp.Or(cmp.Compare(y.Priority, x.Priority), x.VirtualStartTime.Compare(y.VirtualStartTime),
		x.CreatedAt.Compare(y.CreatedAt), cmp.Compare(x.SID, y.SID)) < 0
}

// requireOrder checks who was served since an earlier audit: an agent who got
// a Task had none waiting that comes first.
func (a *audit) requireOrder(earlier *audit) {
	for _, rs := range a.open {
		for _, r := range rs {
			if !r.CreatedAt.Equal(a.now) || r.IgnoresCapacity || slices.ContainsFunc(earlier.open[r.TaskSID],
				func(o *taskrouter.Reservation) bool { return o.SID == r.SID }) {
				continue
			}
			got := a.tasks[r.TaskSID]
			i := slices.IndexFunc(a.agents, func(g *dispatch.Agent) bool { return g.SID == r.WorkerSID })
			for sid, t := range a.tasks {
				was := earlier.tasks[sid]
				waited := was != nil && was.Status == taskrouter.TaskPending && t.Status == taskrouter.TaskPending &&
					was.OfferNotBefore.IsZero() && t.OfferNotBefore.IsZero() && was.Version == t.Version
				if waited && t.TaskChannelSID == got.TaskChannelSID && a.suits(t, a.agents[i]) && a.before(t, got) {
					require.Fail(a.t, "served out of turn", "%s got %s (%s), but %s (%s) came first",
						a.agents[i].FriendlyName, got.SID, got.Attributes, sid, t.Attributes)
				}
			}
		}
	}
}
