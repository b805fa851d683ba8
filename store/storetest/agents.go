package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func testAgents(t *testing.T, f *fixture) {
	ann, ben := f.newAgent("Ann Ærø", 1), f.newAgent("ben", 2)
	ben.ActivitySID, ben.Available = f.offline.SID, false
	f.apply(changesOf(ann, ben))
	f.apply(&dispatch.Changes{Join: []dispatch.Membership{
		{QueueSID: f.queue.SID, WorkerSID: ann.SID},
		{QueueSID: f.queue.SID, WorkerSID: ben.SID},
		{QueueSID: f.queue2.SID, WorkerSID: ann.SID},
		{QueueSID: f.queue2.SID, WorkerSID: ann.SID},
	}})
	// Joining again changes nothing.
	f.apply(&dispatch.Changes{Join: []dispatch.Membership{{QueueSID: f.queue.SID, WorkerSID: ann.SID}}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		agents, err := tx.Agents(ctx, ann.SID, ben.SID, "WK0")
		require.NoError(t, err)
		require.ElementsMatch(t, []*dispatch.Agent{ann, ben}, agents)
		agents, err = tx.Agents(ctx)
		require.NoError(t, err)
		require.Empty(t, agents)

		a, err := tx.AgentNamed(ctx, "ANN ÆRØ")
		require.NoError(t, err)
		require.Equal(t, ann, a)
		a, err = tx.AgentNamed(ctx, "an")
		require.NoError(t, err)
		require.Nil(t, a)

		all, err := tx.AllAgents(ctx, "", 10)
		require.NoError(t, err)
		require.Len(t, all, 2)
		require.Less(t, all[0].SID, all[1].SID)
		next, err := tx.AllAgents(ctx, all[0].SID, 10)
		require.NoError(t, err)
		require.Equal(t, all[1:], next)
		one, err := tx.AllAgents(ctx, "", 1)
		require.NoError(t, err)
		require.Equal(t, all[:1], one)

		for _, m := range []struct {
			queue, worker string
			want          bool
		}{{f.queue.SID, ben.SID, true}, {f.queue2.SID, ben.SID, false}, {"WQ0", ben.SID, false}} {
			is, err := tx.IsMember(ctx, m.queue, m.worker)
			require.NoError(t, err)
			require.Equal(t, m.want, is)
		}
		queues, err := tx.QueuesOf(ctx, ann.SID)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{f.queue.SID, f.queue2.SID}, queues)
		queues, err = tx.QueuesOf(ctx, "WK0")
		require.NoError(t, err)
		require.Empty(t, queues)
		presence, err := tx.Presence(ctx, f.queue.SID)
		require.NoError(t, err)
		require.Equal(t, map[string]int{f.idle.SID: 1, f.offline.SID: 1}, presence)
		presence, err = tx.Presence(ctx, "WQ0")
		require.NoError(t, err)
		require.Empty(t, presence)
	})
	f.apply(&dispatch.Changes{Leave: []dispatch.Membership{{QueueSID: f.queue.SID, WorkerSID: ann.SID}, {QueueSID: f.queue2.SID, WorkerSID: ann.SID}}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		queues, err := tx.QueuesOf(ctx, ann.SID)
		require.NoError(t, err)
		require.Empty(t, queues)
		is, err := tx.IsMember(ctx, f.queue.SID, ben.SID)
		require.NoError(t, err)
		require.True(t, is)
	})
}

// candidates asks for a page and returns the names.
func (f *fixture) candidates(q dispatch.CandidateQuery) []string {
	f.t.Helper()
	if q.QueueSID == "" {
		q.QueueSID = f.queue.SID
	}
	if q.ChannelSID == "" {
		q.ChannelSID = f.voice.SID
	}
	var out []string
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		agents, err := tx.Candidates(ctx, q)
		require.NoError(f.t, err)
		for _, a := range agents {
			require.Len(f.t, a.Channels, 2)
			out = append(out, a.FriendlyName)
		}
	})
	return out
}

func (f *fixture) joinAll(queue string, agents ...*dispatch.Agent) {
	c := changesOf(agents...)
	for _, a := range agents {
		c.Join = append(c.Join, dispatch.Membership{QueueSID: queue, WorkerSID: a.SID})
	}
	f.apply(c)
}

func testCandidates(t *testing.T, f *fixture) {
	a, b, c, stranger := f.newAgent("a", 30), f.newAgent("b", 10), f.newAgent("c", 20), f.newAgent("stranger", 1)
	// On the voice channel alone the order is another one.
	a.Channels[0].LastReservedAt, b.Channels[0].LastReservedAt, c.Channels[0].LastReservedAt = at(1), at(3), at(2)
	f.joinAll(f.queue.SID, a, b, c)
	f.joinAll(f.queue2.SID, stranger)

	require.Equal(t, []string{"b", "c", "a"}, f.candidates(dispatch.CandidateQuery{}))
	require.Equal(t, []string{"a", "c", "b"}, f.candidates(dispatch.CandidateQuery{ByChannel: true}))
	require.Equal(t, []string{"stranger"}, f.candidates(dispatch.CandidateQuery{QueueSID: f.queue2.SID}))
	require.Empty(t, f.candidates(dispatch.CandidateQuery{ChannelSID: "TC0"}))

	// Pages.
	require.Equal(t, []string{"b"}, f.candidates(dispatch.CandidateQuery{Limit: 1}))
	require.Equal(t, []string{"c", "a"}, f.candidates(dispatch.CandidateQuery{AfterIdle: b.LastReservedAt, AfterSID: b.SID, Limit: 5}))
	require.Equal(t, []string{"b"}, f.candidates(dispatch.CandidateQuery{ByChannel: true, AfterIdle: c.Channels[0].LastReservedAt, AfterSID: c.SID, Limit: 5}))

	// Ties go to the smaller SID.
	c.LastReservedAt = b.LastReservedAt
	f.apply(&dispatch.Changes{Workers: []*taskrouter.Worker{c.Worker}})
	want := []string{"b", "c", "a"}
	if c.SID < b.SID {
		want = []string{"c", "b", "a"}
	}
	require.Equal(t, want, f.candidates(dispatch.CandidateQuery{}))
	require.Equal(t, want[1:], f.candidates(dispatch.CandidateQuery{AfterIdle: b.LastReservedAt, AfterSID: map[string]string{"b": b.SID, "c": c.SID}[want[0]]}))

	// Room: a channel written without its Worker, full and free again.
	b.Channels[0].Pending = 1
	f.apply(&dispatch.Changes{WorkerChannels: b.Channels[:1]})
	require.Equal(t, []string{"c", "a"}, f.candidates(dispatch.CandidateQuery{}))
	require.Len(t, f.candidates(dispatch.CandidateQuery{ChannelSID: f.chat.SID}), 3)
	b.Channels[0].Pending, b.Channels[0].Accepted = 0, 1
	f.apply(&dispatch.Changes{WorkerChannels: b.Channels[:1]})
	require.NotContains(t, f.candidates(dispatch.CandidateQuery{}), "b")
	b.Channels[0].Accepted, b.Channels[0].Wrapping = 0, 1
	f.apply(&dispatch.Changes{WorkerChannels: b.Channels[:1]})
	require.NotContains(t, f.candidates(dispatch.CandidateQuery{}), "b")
	b.Channels[0].ConfiguredCapacity = 2
	f.apply(&dispatch.Changes{WorkerChannels: b.Channels[:1]})
	require.Contains(t, f.candidates(dispatch.CandidateQuery{}), "b")
	b.Channels[0].Wrapping, b.Channels[0].Available = 0, false
	f.apply(&dispatch.Changes{WorkerChannels: b.Channels[:1]})
	require.NotContains(t, f.candidates(dispatch.CandidateQuery{}), "b")
	b.Channels[0].Available = true
	f.apply(&dispatch.Changes{WorkerChannels: b.Channels[:1]})

	// The Worker's Activity and idle time reach all of its channels, whether
	// they are written together or not.
	a.Available, a.ActivitySID = false, f.offline.SID
	f.apply(&dispatch.Changes{Workers: []*taskrouter.Worker{a.Worker}, WorkerChannels: a.Channels[1:]})
	require.NotContains(t, f.candidates(dispatch.CandidateQuery{}), "a")
	require.NotContains(t, f.candidates(dispatch.CandidateQuery{ChannelSID: f.chat.SID}), "a")
	a.Available, a.LastReservedAt = true, at(0)
	f.apply(&dispatch.Changes{Workers: []*taskrouter.Worker{a.Worker}})
	require.Equal(t, "a", f.candidates(dispatch.CandidateQuery{})[0])
	require.Equal(t, "a", f.candidates(dispatch.CandidateQuery{ChannelSID: f.chat.SID})[0])

	// A channel that is added later knows its Worker.
	late := f.newAgent("late", -5)
	added := late.Channels[0]
	late.Channels = late.Channels[1:]
	f.joinAll(f.queue.SID, late)
	f.apply(&dispatch.Changes{WorkerChannels: []*taskrouter.WorkerChannel{added}})
	require.Equal(t, "late", f.candidates(dispatch.CandidateQuery{})[0])

	// Single tasking: an open Reservation anywhere excludes.
	offer := f.newOffer("WT1", c.SID)
	f.apply(&dispatch.Changes{Reservations: []*taskrouter.Reservation{offer}})
	require.NotContains(t, f.candidates(dispatch.CandidateQuery{SingleTasking: true}), "c")
	require.Contains(t, f.candidates(dispatch.CandidateQuery{}), "c")
	offer.Status = taskrouter.ReservationRejected
	f.apply(&dispatch.Changes{Reservations: []*taskrouter.Reservation{offer}})
	require.Contains(t, f.candidates(dispatch.CandidateQuery{SingleTasking: true}), "c")
}

// testCandidatesOfLargeQueue covers the other way of looking for candidates.
func testCandidatesOfLargeQueue(t *testing.T, f *fixture) {
	const n = 700
	var members, others []*dispatch.Agent
	for i := range n {
		members = append(members, f.newAgent(fmt.Sprintf("m%03d", i), n-i))
		others = append(others, f.newAgent(fmt.Sprintf("o%03d", i), n-i))
	}
	members[10].Channels[0].Accepted = 1
	members[11].Available = false
	f.joinAll(f.queue.SID, members...)
	f.joinAll(f.queue2.SID, others...)

	first := f.candidates(dispatch.CandidateQuery{Limit: 3})
	require.Equal(t, []string{"m699", "m698", "m697"}, first)
	all := f.candidates(dispatch.CandidateQuery{})
	require.Len(t, all, n-2)
	require.NotContains(t, all, "m010")
	require.NotContains(t, all, "m011")

	// Page by page, the same list.
	var paged []string
	q := dispatch.CandidateQuery{QueueSID: f.queue.SID, ChannelSID: f.voice.SID, Limit: 100}
	for {
		var page []*dispatch.Agent
		f.in(func(ctx context.Context, tx dispatch.Tx) {
			var err error
			page, err = tx.Candidates(ctx, q)
			require.NoError(t, err)
		})
		if len(page) == 0 {
			break
		}
		paged = append(paged, sids(page, func(a *dispatch.Agent) string { return a.FriendlyName })...)
		last := page[len(page)-1]
		q.AfterIdle, q.AfterSID = last.LastReservedAt, last.SID
	}
	require.Equal(t, all, paged)

	// Almost all leave: the queue is small again, at once.
	leave := &dispatch.Changes{}
	for _, a := range members[2:] {
		leave.Leave = append(leave.Leave, dispatch.Membership{QueueSID: f.queue.SID, WorkerSID: a.SID})
	}
	f.apply(leave)
	require.Equal(t, []string{"m001", "m000"}, f.candidates(dispatch.CandidateQuery{Limit: 50}))
}
