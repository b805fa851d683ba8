package store_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// past is a Workspace with a history.
type past struct {
	s              *store.Store
	account, ws    string
	queue, channel string
	window         taskrouter.Window
}

// eventsOfTask are the ten events of a Task that was taken and completed.
var eventsOfTask = []taskrouter.EventType{
	taskrouter.TaskCreated, taskrouter.WorkflowEntered, taskrouter.WorkflowTargetMatched, taskrouter.TaskQueueEntered, taskrouter.ReservationWasCreated,
	taskrouter.ReservationWasAccepted, taskrouter.ReservationWrapup, taskrouter.TaskWrapup, taskrouter.ReservationWasCompleted, taskrouter.TaskWasCompleted,
}

// newPast writes a tenth as many Tasks as events, the events spread over a
// time. Waits are of a few hundred different lengths, agents a hundred.
func newPast(tb testing.TB, s *store.Store, events int, over time.Duration) *past {
	tb.Helper()
	p := &past{s: s, account: taskrouter.NewSID("AC"), ws: taskrouter.NewSID("WS"), queue: taskrouter.NewSID("WQ"), channel: taskrouter.NewSID("TC")}
	end := time.Date(2026, 3, 31, 17, 31, 29, 0, time.UTC)
	p.window = taskrouter.Window{Start: end.Add(-over), End: end}
	require.NoError(tb, s.CreateWorkspace(tb.Context(), &taskrouter.Workspace{SID: p.ws, AccountSID: p.account}, nil, nil, nil, nil, nil))
	workflow := taskrouter.NewSID("WW")
	workers := make([]string, 100)
	for i := range workers {
		workers[i] = taskrouter.NewSID("WK")
	}
	tasks := events / len(eventsOfTask)
	const chunk = 200
	for from := 0; from < tasks; from += chunk {
		require.NoError(tb, s.InWorkspace(tb.Context(), p.ws, func(ctx context.Context, tx dispatch.Tx) error {
			c := &dispatch.Changes{Lock: tx.Lock()}
			for i := from; i < min(from+chunk, tasks); i++ {
				at := p.window.Start.Add(time.Duration(int64(over) / int64(tasks) * int64(i)))
				task := &taskrouter.Task{
					SID: taskrouter.NewSID("WT"), AccountSID: p.account, WorkspaceSID: p.ws, Status: taskrouter.TaskCompleted, Attributes: "{}",
					QueueSID: p.queue, WorkflowSID: workflow, TaskChannelSID: p.channel, CreatedAt: at, UpdatedAt: at,
				}
				c.Tasks = append(c.Tasks, dispatch.TaskWrite{Task: task})
				for _, typ := range eventsOfTask {
					c.Lock.EventSeq++
					c.Events = append(c.Events, taskrouter.Event{
						SID: taskrouter.NewSID("EV"), AccountSID: p.account, WorkspaceSID: p.ws, Seq: c.Lock.EventSeq, Type: typ, At: at, TaskSID: task.SID,
						QueueSID: p.queue, WorkflowSID: workflow, TaskChannelSID: p.channel, WorkerSID: workers[i%len(workers)],
						Data: map[string]string{"task_age": strconv.Itoa(i * 7 % 300), "task_age_in_queue": strconv.Itoa(i * 3 % 100)},
					})
				}
			}
			return tx.Apply(ctx, c)
		}))
	}
	return p
}

// fold does the upkeep a worker process does every few minutes.
func (p *past) fold(tb testing.TB) {
	tb.Helper()
	for n := 1; n > 0; {
		var err error
		n, err = p.s.FoldStatistics(tb.Context(), p.window.End, 5000)
		require.NoError(tb, err)
	}
}

// questions are what a client may ask about the whole time.
func (p *past) questions() map[string]func(context.Context) error {
	in := taskrouter.CountQuery{Window: p.window, SubjectSIDs: []string{p.ws}}
	queue := in
	queue.SubjectSIDs = []string{p.queue}
	oneChannel := queue
	oneChannel.ChannelSID = p.channel
	recent := in
	recent.Window.Start = recent.Window.End.Add(-15 * time.Minute)
	count := func(in taskrouter.CountQuery) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := p.s.Counters(ctx, p.account, p.ws, in)
			return err
		}
	}
	return map[string]func(context.Context) error{
		"workspace": count(in), "queue": count(queue), "channel of a queue": count(oneChannel), "last quarter of an hour": count(recent),
		"workers": func(ctx context.Context) error {
			_, err := p.s.WorkerCounters(ctx, p.account, p.ws, taskrouter.WorkerSelection{}, p.window, "")
			return err
		},
		"split": func(ctx context.Context) error {
			_, err := p.s.WaitSplits(ctx, p.account, p.ws, in, []int64{10, 30, 60})
			return err
		},
	}
}

func opened(tb testing.TB, url string) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), store.Options{URL: url})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Close()) })
	require.NoError(tb, s.Migrate(tb.Context()))
	return s
}

// median is the middle of several measurements of one question.
func median(tb testing.TB, times int, ask func(context.Context) error) time.Duration {
	tb.Helper()
	taken := make([]time.Duration, times)
	for i := range taken {
		start := time.Now()
		require.NoError(tb, ask(tb.Context()))
		taken[i] = time.Since(start)
	}
	slices.Sort(taken)
	return taken[times/2]
}

// TestCountersDoNotGrow asks the same question of a short and of a long
// history. The bound is far above what is measured (about 1), so that a busy
// machine does not fail it; reading the events would take forty times as
// long.
func TestCountersDoNotGrow(t *testing.T) {
	for name, url := range map[string]func() string{
		"sqlite": func() string { return store.MemoryURL }, "postgres": func() string { return pgtest.Start(t) },
	} {
		for _, over := range []time.Duration{15 * time.Minute, 30 * 24 * time.Hour} {
			t.Run(fmt.Sprint(name, " ", over), func(t *testing.T) {
				s := opened(t, url())
				long, short := newPast(t, s, 4_000, over), newPast(t, s, 100, over)
				long.fold(t)
				few, many := short.questions(), long.questions()
				for _, q := range []string{"workspace", "queue", "channel of a queue", "last quarter of an hour", "workers", "split"} {
					median(t, 5, many[q]) // warm
					var a, b time.Duration
					// A machine that was busy with something else is asked again.
					for try := 0; try < 5 && (try == 0 || b >= 10*a+20*time.Millisecond); try++ {
						a, b = median(t, 9, few[q]), median(t, 9, many[q])
					}
					require.Less(t, b, 10*a+20*time.Millisecond, "%s: %s of 100 events, %s of 4000", q, a, b)
				}
			})
		}
	}
}

// BenchmarkStatistics answers questions about a month with a thousand events
// and with a million. The claim is that the larger takes less than three times
// as long.
func BenchmarkStatistics(b *testing.B) {
	for name, url := range map[string]func(*testing.B) string{
		"sqlite": func(b *testing.B) string { return b.TempDir() + "/statistics.db" }, "postgres": func(b *testing.B) string { return pgtest.Start(b) },
	} {
		b.Run(name, func(b *testing.B) {
			for _, events := range []int{1_000, 1_000_000} {
				p := newPast(b, opened(b, url(b)), events, 30*24*time.Hour)
				p.fold(b)
				for q, ask := range p.questions() {
					b.Run(fmt.Sprintf("%s/%d", q, events), func(b *testing.B) {
						for b.Loop() {
							require.NoError(b, ask(b.Context()))
						}
					})
				}
			}
		})
	}
}

// BenchmarkCounting writes the events of one offer, of types that are counted
// and of types that are not: the difference is the price of statistics.
func BenchmarkCounting(b *testing.B) {
	types := map[string][]taskrouter.EventType{
		"counted":     eventsOfTask[:5],
		"not counted": {taskrouter.TaskUpdated, taskrouter.TaskUpdated, taskrouter.TaskUpdated, taskrouter.TaskUpdated, taskrouter.TaskUpdated},
	}
	databases(b, func(b *testing.B, s *store.Store) {
		c := newCrew(b, s, 200)
		start := time.Now()
		for name, list := range types {
			b.Run(name, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					a := c.agents[i%len(c.agents)]
					at := start.Add(time.Duration(i) * 10 * time.Millisecond)
					task := &taskrouter.Task{
						SID: taskrouter.NewSID("WT"), AccountSID: c.account, WorkspaceSID: c.ws, Status: taskrouter.TaskReserved,
						Attributes: `{"language":"en"}`, CreatedAt: at, QueueSID: c.large,
					}
					a.LastReservedAt = a.LastReservedAt.Add(time.Hour)
					c.in(b, func(ctx context.Context, tx dispatch.Tx) {
						changes := &dispatch.Changes{
							Lock: tx.Lock(), Tasks: []dispatch.TaskWrite{{Task: task, Deadline: at}}, Workers: []*taskrouter.Worker{a.Worker},
							WorkerChannels: a.Channels[:1],
						}
						for _, typ := range list {
							changes.Lock.EventSeq++
							changes.Events = append(changes.Events, taskrouter.Event{
								SID: taskrouter.NewSID("EV"), AccountSID: c.account, WorkspaceSID: c.ws, Seq: changes.Lock.EventSeq, At: at, Type: typ,
								TaskSID: task.SID, WorkerSID: a.SID, QueueSID: c.large, WorkflowSID: "WW00000000000000000000000000000001", TaskChannelSID: c.channel,
								Data: map[string]string{"task_sid": task.SID, "task_attributes": string(task.Attributes), "workspace_sid": c.ws},
							})
						}
						require.NoError(b, tx.Apply(ctx, changes))
					})
				}
			})
		}
	})
}
