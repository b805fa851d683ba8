package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/pgtest"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func databases(b *testing.B, run func(b *testing.B, s *store.Store)) {
	for name, url := range map[string]func(*testing.B) string{
		"memory":   func(*testing.B) string { return store.MemoryURL },
		"file":     func(b *testing.B) string { return filepath.Join(b.TempDir(), "bench.db") },
		"postgres": func(b *testing.B) string { return pgtest.Start(b) },
	} {
		b.Run(name, func(b *testing.B) {
			s, err := store.Open(b.Context(), store.Options{URL: url(b)})
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, s.Close()) })
			require.NoError(b, s.Migrate(b.Context()))
			run(b, s)
		})
	}
}

// crew is a Workspace with agents, the first hundred of which are in the small
// queue and all of which are in the large one.
type crew struct {
	account, ws  string
	channel      string
	small, large string
	agents       []*dispatch.Agent
	store        *store.Store
	now          time.Time
}

func newCrew(b *testing.B, s *store.Store, size int) *crew {
	c := &crew{
		account: taskrouter.NewSID("AC"), ws: taskrouter.NewSID("WS"), channel: taskrouter.NewSID("TC"),
		small: taskrouter.NewSID("WQ"), large: taskrouter.NewSID("WQ"), store: s, now: time.Now().UTC().Truncate(time.Microsecond),
	}
	require.NoError(b, s.CreateWorkspace(b.Context(), &taskrouter.Workspace{SID: c.ws, AccountSID: c.account}, nil, nil, nil, nil, nil))
	changes := &dispatch.Changes{}
	for i := range size {
		w := &taskrouter.Worker{
			SID: taskrouter.NewSID("WK"), AccountSID: c.account, WorkspaceSID: c.ws, FriendlyName: fmt.Sprint(i), Available: true,
			Attributes: `{"languages":["en","de"],"skill":7}`, LastReservedAt: c.now.Add(time.Duration(i) * time.Millisecond),
		}
		a := &dispatch.Agent{Worker: w}
		for _, tc := range []string{c.channel, "TCchat", "TCmail"} {
			a.Channels = append(a.Channels, &taskrouter.WorkerChannel{
				SID: taskrouter.NewSID("WC"), AccountSID: c.account, WorkspaceSID: c.ws, WorkerSID: w.SID, TaskChannelSID: tc,
				Available: true, ConfiguredCapacity: 1,
			})
		}
		c.agents = append(c.agents, a)
		changes.Workers, changes.WorkerChannels = append(changes.Workers, w), append(changes.WorkerChannels, a.Channels...)
		changes.Join = append(changes.Join, dispatch.Membership{QueueSID: c.large, WorkerSID: w.SID})
		if i >= size-100 {
			changes.Join = append(changes.Join, dispatch.Membership{QueueSID: c.small, WorkerSID: w.SID})
		}
	}
	c.apply(b, changes)
	return c
}

func (c *crew) apply(b *testing.B, changes *dispatch.Changes) {
	c.in(b, func(ctx context.Context, tx dispatch.Tx) {
		changes.Lock = tx.Lock()
		require.NoError(b, tx.Apply(ctx, changes))
	})
}

func (c *crew) in(b *testing.B, fn func(ctx context.Context, tx dispatch.Tx)) {
	require.NoError(b, c.store.InWorkspace(b.Context(), c.ws, func(ctx context.Context, tx dispatch.Tx) error {
		fn(ctx, tx)
		return nil
	}))
}

// BenchmarkOffer writes what one command writes that creates a Task and offers
// it: a transaction of its own, committed to the disk.
func BenchmarkOffer(b *testing.B) {
	databases(b, func(b *testing.B, s *store.Store) {
		c := newCrew(b, s, 200)
		for i := 0; b.Loop(); i++ {
			a := c.agents[i%len(c.agents)]
			task := &taskrouter.Task{
				SID: taskrouter.NewSID("WT"), AccountSID: c.account, WorkspaceSID: c.ws, Status: taskrouter.TaskReserved,
				Attributes: `{"language":"en","caller":"+15550100","topic":"billing"}`, CreatedAt: c.now, QueueSID: c.large,
			}
			a.LastReservedAt = a.LastReservedAt.Add(time.Hour)
			a.Channels[0].Pending = 1 - a.Channels[0].Pending
			c.in(b, func(ctx context.Context, tx dispatch.Tx) {
				changes := &dispatch.Changes{
					Lock: tx.Lock(), Tasks: []dispatch.TaskWrite{{Task: task, Deadline: c.now}},
					Reservations: []*taskrouter.Reservation{{
						SID: taskrouter.NewSID("WR"), AccountSID: c.account, WorkspaceSID: c.ws, TaskSID: task.SID, WorkerSID: a.SID, Status: taskrouter.ReservationPending,
					}},
					Workers: []*taskrouter.Worker{a.Worker}, WorkerChannels: a.Channels[:1],
					Notices: []dispatch.Notice{{TaskRef: dispatch.TaskRef{AccountSID: c.account, WorkspaceSID: c.ws, TaskSID: task.SID}, Revision: 1, First: true}},
				}
				for range 4 {
					changes.Lock.EventSeq++
					changes.Events = append(changes.Events, taskrouter.Event{
						SID: taskrouter.NewSID("EV"), AccountSID: c.account, WorkspaceSID: c.ws, Seq: changes.Lock.EventSeq, At: c.now, TaskSID: task.SID,
						Data: map[string]string{"task_sid": task.SID, "task_attributes": string(task.Attributes), "workspace_sid": c.ws},
					})
				}
				require.NoError(b, tx.Apply(ctx, changes))
			})
		}
	})
}

// BenchmarkCandidates looks for the first page of free agents among ten
// thousand.
func BenchmarkCandidates(b *testing.B) {
	databases(b, func(b *testing.B, s *store.Store) {
		c := newCrew(b, s, 10_000)
		look := func(queue string, want int) func(b *testing.B) {
			return func(b *testing.B) {
				c.in(b, func(ctx context.Context, tx dispatch.Tx) {
					for b.Loop() {
						found, err := tx.Candidates(ctx, dispatch.CandidateQuery{QueueSID: queue, ChannelSID: c.channel, Limit: 50})
						require.NoError(b, err)
						require.Len(b, found, want)
					}
				})
			}
		}
		b.Run("all free, large queue", look(c.large, 50))
		b.Run("all free, small queue", look(c.small, 50))
		busy := &dispatch.Changes{}
		for _, a := range c.agents {
			a.Channels[0].Accepted = 1
			busy.WorkerChannels = append(busy.WorkerChannels, a.Channels[0])
		}
		c.apply(b, busy)
		b.Run("all busy, large queue", look(c.large, 0))
		b.Run("all busy, small queue", look(c.small, 0))
	})
}

// BenchmarkHeads asks for the first Task of one class while a hundred thousand
// wait.
func BenchmarkHeads(b *testing.B) {
	databases(b, func(b *testing.B, s *store.Store) {
		c := newCrew(b, s, 100)
		changes := &dispatch.Changes{}
		for i := range 100_000 {
			changes.Tasks = append(changes.Tasks, dispatch.TaskWrite{Task: &taskrouter.Task{
				SID: taskrouter.NewSID("WT"), AccountSID: c.account, WorkspaceSID: c.ws, QueueSID: c.large, Priority: int64(i % 7),
				DemandClass: fmt.Sprint("class", i%10), CreatedAt: c.now.Add(time.Duration(i) * time.Second),
			}})
		}
		for i := range 10 {
			changes.Classes = append(changes.Classes, &dispatch.DemandClass{Key: fmt.Sprint("class", i), QueueSID: c.large, Waiting: 10_000})
		}
		c.apply(b, changes)
		b.Run("fifo", func(b *testing.B) {
			c.in(b, func(ctx context.Context, tx dispatch.Tx) {
				for b.Loop() {
					found, err := tx.Heads(ctx, []string{"class3"}, nil)
					require.NoError(b, err)
					require.Len(b, found, 1)
				}
			})
		})
		b.Run("classes of an agent", func(b *testing.B) {
			c.in(b, func(ctx context.Context, tx dispatch.Tx) {
				for b.Loop() {
					found, err := tx.ClassKeys(ctx, c.agents[0].SID)
					require.NoError(b, err)
					require.Len(b, found, 10)
				}
			})
		})
	})
}
