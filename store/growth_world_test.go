//go:build !race

package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// extent says how much there is of everything in a Workspace.
type extent struct {
	// tasks wait in classes demand classes, spread over queues queues; every
	// agent is in all of these.
	tasks, agents, classes, queues int
}

func (e extent) String() string {
	return fmt.Sprintf("%d tasks, %d classes, %d agents, %d queues", e.tasks, e.classes, e.agents, e.queues)
}

// short names a benchmark.
func (e extent) short() string {
	return fmt.Sprintf("tasks=%d,classes=%d,agents=%d,queues=%d", e.tasks, e.classes, e.agents, e.queues)
}

// experts is the level of agents who can take all that waits.
const experts = 1_000_000

// growth is a Workspace of some extent with a dispatcher. Half of the agents
// are experts, all of them busy but one: the opener, who comes and goes. The
// other half is free and can take nothing of what waits.
type growth struct {
	tb      testing.TB
	s       *Store
	d       *dispatch.Dispatcher
	rec     *recorder
	extent  extent
	account string
	ws      string
	channel string
	flow    string
	queues  []string
	// available and offline are Activities.
	available, offline string
	opener             string
	// some are a few SIDs of Tasks that waited from the beginning, and of
	// agents.
	some, crew []string
	steps      *stepper

	mu sync.Mutex
	at time.Time
}

func (g *growth) now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at = g.at.Add(time.Millisecond)
	return g.at
}

// sid is the n-th SID of its kind in the Workspace. They are spread as random
// ones are, and the same in each run.
func (g *growth) sid(prefix string, n int) string {
	// An odd factor: no two numbers meet.
	x := uint64(n+1) * 0x9e3779b97f4a7c15
	return fmt.Sprintf("%s%016x%016x", prefix, x, uint64(n))
}

// newGrowth fills an empty database. Rows are written as commands write them,
// many in one transaction.
func newGrowth(tb testing.TB, url string, e extent) *growth {
	tb.Helper()
	ctx := context.Background()
	s, err := Open(ctx, Options{URL: url})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	require.NoError(tb, s.Migrate(ctx))
	g := &growth{tb: tb, s: s, rec: &recorder{}, extent: e, at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	g.account, g.ws, g.channel, g.flow = g.sid("AC", 0), g.sid("WS", 0), g.sid("TC", 0), g.sid("WW", 0)
	g.available, g.offline = g.sid("WA", 0), g.sid("WA", 1)
	g.configure(ctx)
	g.hire(ctx)
	g.pile(ctx)
	// All events were sent.
	_, err = s.write.DB.ExecContext(ctx, "UPDATE deliveries SET cursor_seq = (SELECT MAX(seq) FROM events)")
	require.NoError(tb, err)
	g.survey(ctx)
	g.d = dispatch.New(s, rules.New(rules.Options{}), nil, zap.NewNop(), dispatch.Options{Now: g.now})
	s.write = s.write.WithQueryHook(g.rec)
	s.read = s.read.WithQueryHook(g.rec)
	s.sent = g.rec.add
	return g
}

// survey does what PostgreSQL does by itself within a minute.
func (g *growth) survey(ctx context.Context) {
	g.tb.Helper()
	if g.s.dialect.surveys {
		_, err := g.s.write.DB.ExecContext(ctx, "ANALYZE")
		require.NoError(g.tb, err)
	}
}

func (g *growth) configure(ctx context.Context) {
	at := g.now()
	activity := func(sid, name string, available bool) *taskrouter.Activity {
		return &taskrouter.Activity{SID: sid, AccountSID: g.account, WorkspaceSID: g.ws, FriendlyName: name, Available: available, CreatedAt: at, UpdatedAt: at}
	}
	var queues []*taskrouter.TaskQueue
	var filters []string
	for i := range g.extent.queues {
		q := g.sid("WQ", i)
		g.queues = append(g.queues, q)
		queues = append(queues, &taskrouter.TaskQueue{
			SID: q, AccountSID: g.account, WorkspaceSID: g.ws, FriendlyName: fmt.Sprint("Line ", i), TargetWorkers: fmt.Sprintf("level > %d", -i-1),
			MaxReservedWorkers: 1, TaskOrder: taskrouter.FIFO, ExpressionVersion: 1, CreatedAt: at, UpdatedAt: at,
		})
		filters = append(filters, fmt.Sprintf(
			`{"filter_friendly_name":"%d","expression":"line == %d","targets":[{"queue":%q,"expression":"worker.level >= task.level"}]}`, i, i, q))
	}
	require.NoError(g.tb, g.s.CreateWorkspace(ctx, &taskrouter.Workspace{
		SID: g.ws, AccountSID: g.account, FriendlyName: "Growth", EventCallbackURL: "https://example.com/events", DefaultActivitySID: g.offline, TimeoutActivitySID: g.offline,
		MultiTaskEnabled: true, PrioritizeQueueOrder: taskrouter.FIFO, CreatedAt: at, UpdatedAt: at,
	}, []*taskrouter.Activity{activity(g.available, "Available", true), activity(g.offline, "Offline", false)},
		[]*taskrouter.TaskChannel{{SID: g.channel, AccountSID: g.account, WorkspaceSID: g.ws, FriendlyName: "Default", UniqueName: "default", CreatedAt: at, UpdatedAt: at}},
		queues, []*taskrouter.Workflow{{
			SID: g.flow, AccountSID: g.account, WorkspaceSID: g.ws, FriendlyName: "Main", ConfigVersion: 1, TaskReservationTimeout: time.Hour,
			Configuration: `{"task_routing":{"filters":[` + strings.Join(filters, ",") + `]}}`, CreatedAt: at, UpdatedAt: at,
		}}, []taskrouter.Event{{SID: g.sid("EV", -1), AccountSID: g.account, WorkspaceSID: g.ws, Type: taskrouter.WorkspaceCreated, At: at}}))
}

// apply writes in a transaction of its own.
func (g *growth) apply(ctx context.Context, fill func(c *dispatch.Changes)) {
	g.tb.Helper()
	require.NoError(g.tb, g.s.InWorkspace(ctx, g.ws, func(ctx context.Context, tx dispatch.Tx) error {
		c := &dispatch.Changes{Lock: tx.Lock()}
		fill(c)
		return tx.Apply(ctx, c)
	}))
}

// hire makes the agents; number 0 is the opener. Whoever is busy holds a
// Reservation of a Task that is not part of the pile.
func (g *growth) hire(ctx context.Context) {
	g.apply(ctx, func(c *dispatch.Changes) {
		for i := range g.extent.agents {
			at := g.now()
			w := &taskrouter.Worker{
				SID: g.sid("WK", i), AccountSID: g.account, WorkspaceSID: g.ws, FriendlyName: fmt.Sprint("Agent ", i), ActivitySID: g.available, Available: true,
				Attributes: `{"level":0,"team":"support"}`, DateStatusChanged: at, LastReservedAt: at, CreatedAt: at, UpdatedAt: at,
			}
			wc := &taskrouter.WorkerChannel{
				SID: g.sid("WC", i), AccountSID: g.account, WorkspaceSID: g.ws, WorkerSID: w.SID, TaskChannelSID: g.channel, TaskChannelName: "default",
				Available: true, ConfiguredCapacity: 1, LastReservedAt: at, CreatedAt: at, UpdatedAt: at,
			}
			if i%2 == 0 {
				w.Attributes = taskrouter.Attributes(fmt.Sprintf(`{"level":%d,"team":"support"}`, experts))
			}
			switch {
			case i == 0:
				w.ActivitySID, w.Available = g.offline, false
				g.opener = w.SID
			case i%2 == 0:
				wc.Accepted = 1
				t := g.task(experts+i, at)
				t.Status, t.DemandClass, t.AssignedAt = taskrouter.TaskAssigned, "", at
				c.Tasks = append(c.Tasks, dispatch.TaskWrite{Task: t, Deadline: at.Add(24 * time.Hour)})
				c.Reservations = append(c.Reservations, &taskrouter.Reservation{
					SID: g.sid("WR", i), AccountSID: g.account, WorkspaceSID: g.ws, TaskSID: t.SID, WorkerSID: w.SID, WorkerName: w.FriendlyName,
					Status: taskrouter.ReservationAccepted, TaskChannelSID: g.channel, QueueSID: t.QueueSID, WorkflowSID: g.flow,
					Decision: `{"order":"longest idle"}`, AcceptedAt: at, CreatedAt: at, UpdatedAt: at,
				})
			}
			c.Workers, c.WorkerChannels = append(c.Workers, w), append(c.WorkerChannels, wc)
			for _, q := range g.queues {
				c.Join = append(c.Join, dispatch.Membership{QueueSID: q, WorkerSID: w.SID})
			}
			if len(g.crew) < 4 {
				g.crew = append(g.crew, w.SID)
			}
		}
	})
}

// task is one that waits. Those of one class differ only in age and priority.
func (g *growth) task(n int, at time.Time) *taskrouter.Task {
	class := n % g.extent.classes
	return &taskrouter.Task{
		SID: g.sid("WT", n), AccountSID: g.account, WorkspaceSID: g.ws, Status: taskrouter.TaskPending,
		Attributes: taskrouter.Attributes(fmt.Sprintf(`{"line":%d,"level":%d,"caller":"+15550100"}`, class%g.extent.queues, class+1)),
		Priority:   int64(n % 7), Timeout: 24 * time.Hour, VirtualStartTime: at, TaskChannelSID: g.channel, WorkflowSID: g.flow,
		QueueSID: g.queues[class%g.extent.queues], QueueEnteredAt: at, DemandClass: g.class(class),
		Route:   taskrouter.Route{ConfigVersion: 1, Filter: class % g.extent.queues, EnteredAt: at},
		Version: 1, Revision: 1, CreatedAt: at, UpdatedAt: at,
	}
}

func (g *growth) class(n int) string { return fmt.Sprintf("class%027d", n) }

// pile makes the Tasks that wait, with two events each.
func (g *growth) pile(ctx context.Context) {
	const chunk = 5000
	for from := 0; from < g.extent.tasks; from += chunk {
		g.apply(ctx, func(c *dispatch.Changes) {
			if c.Lock.NextDue.IsZero() {
				c.Lock.NextDue = g.at.Add(24 * time.Hour)
			}
			for i := from; i < min(from+chunk, g.extent.tasks); i++ {
				at := g.now()
				t := g.task(i, at)
				c.Tasks = append(c.Tasks, dispatch.TaskWrite{Task: t, Deadline: at.Add(24 * time.Hour)})
				c.Classes = append(c.Classes, &dispatch.DemandClass{
					Key: t.DemandClass, WorkspaceSID: g.ws, QueueSID: t.QueueSID, ChannelSID: g.channel, WorkflowSID: g.flow,
					ConfigVersion: 1, Filter: t.Route.Filter, Sample: t.Attributes, Waiting: 1,
				})
				for range 2 {
					c.Lock.EventSeq++
					c.Events = append(c.Events, taskrouter.Event{
						SID: g.sid("EV", int(c.Lock.EventSeq)), AccountSID: g.account, WorkspaceSID: g.ws, Seq: c.Lock.EventSeq, Type: taskrouter.TaskUpdated, At: at,
						TaskSID: t.SID, WorkerSID: g.crew[i%len(g.crew)], QueueSID: t.QueueSID, WorkflowSID: g.flow, TaskChannelSID: g.channel,
						Data: map[string]string{"task_sid": t.SID},
					})
				}
				if len(g.some) < 50 {
					g.some = append(g.some, t.SID)
				}
			}
		})
	}
}
