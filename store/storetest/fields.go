package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// everything is one row of each kind in which no field is zero.
func (f *fixture) everything(seed int) (*dispatch.Changes, *taskrouter.Event) {
	c := &dispatch.Changes{
		Workspace:    filled[taskrouter.Workspace](seed),
		Activities:   []*taskrouter.Activity{filled[taskrouter.Activity](seed + 1)},
		Channels:     []*taskrouter.TaskChannel{filled[taskrouter.TaskChannel](seed + 2)},
		Queues:       []*taskrouter.TaskQueue{filled[taskrouter.TaskQueue](seed + 3)},
		Workflows:    []*taskrouter.Workflow{filled[taskrouter.Workflow](seed + 4)},
		CallQueues:   []*taskrouter.CallQueue{filled[taskrouter.CallQueue](seed + 5)},
		Workers:      []*taskrouter.Worker{filled[taskrouter.Worker](seed + 6)},
		Tasks:        written(filled[taskrouter.Task](seed + 7)),
		Reservations: []*taskrouter.Reservation{filled[taskrouter.Reservation](seed + 8)},
		Calls:        []*taskrouter.Call{filled[taskrouter.Call](seed + 9)},
		Legs:         []*taskrouter.Leg{filled[taskrouter.Leg](seed + 10)},
		Events:       []taskrouter.Event{*filled[taskrouter.Event](seed + 11)},
	}
	channel := filled[taskrouter.WorkerChannel](seed + 12)
	channel.WorkerSID = c.Workers[0].SID
	c.WorkerChannels = []*taskrouter.WorkerChannel{channel}

	c.Workspace.SID, c.Workspace.AccountSID, c.Workspace.Deleting = f.ws, f.account, true
	c.Workspace.CreatedAt = at(0)
	for _, place := range []struct{ account, workspace *string }{
		{&c.Activities[0].AccountSID, &c.Activities[0].WorkspaceSID},
		{&c.Channels[0].AccountSID, &c.Channels[0].WorkspaceSID},
		{&c.Queues[0].AccountSID, &c.Queues[0].WorkspaceSID},
		{&c.Workflows[0].AccountSID, &c.Workflows[0].WorkspaceSID},
		{&c.CallQueues[0].AccountSID, &c.CallQueues[0].WorkspaceSID},
		{&c.Workers[0].AccountSID, &c.Workers[0].WorkspaceSID},
		{&channel.AccountSID, &channel.WorkspaceSID},
		{&c.Tasks[0].AccountSID, &c.Tasks[0].WorkspaceSID},
		{&c.Reservations[0].AccountSID, &c.Reservations[0].WorkspaceSID},
		{&c.Calls[0].AccountSID, &c.Calls[0].WorkspaceSID},
		{&c.Legs[0].AccountSID, &c.Legs[0].WorkspaceSID},
		{&c.Events[0].AccountSID, &c.Events[0].WorkspaceSID},
	} {
		*place.account, *place.workspace = f.account, f.ws
	}
	c.Events[0].Seq = 2
	return c, &c.Events[0]
}

func testRoundTrips(t *testing.T, f *fixture) {
	ctx := t.Context()
	c, event := f.everything(1)
	f.apply(c)
	f.requireStored(ctx, c)
	e, err := f.s.FetchEvent(ctx, f.account, f.ws, event.SID)
	require.NoError(t, err)
	require.Equal(t, event, e)

	// A second version of each row replaces all that may change.
	d, _ := f.everything(101)
	d.Events = nil
	keep(d, c)
	f.apply(d)
	f.requireStored(ctx, d)
}

// keep gives the rows of d the identity of those of c.
func keep(d, c *dispatch.Changes) {
	d.Workspace.CreatedAt = c.Workspace.CreatedAt
	d.Activities[0].SID, d.Activities[0].CreatedAt = c.Activities[0].SID, c.Activities[0].CreatedAt
	d.Channels[0].SID, d.Channels[0].CreatedAt = c.Channels[0].SID, c.Channels[0].CreatedAt
	d.Queues[0].SID, d.Queues[0].CreatedAt = c.Queues[0].SID, c.Queues[0].CreatedAt
	d.Workflows[0].SID, d.Workflows[0].CreatedAt = c.Workflows[0].SID, c.Workflows[0].CreatedAt
	d.CallQueues[0].SID, d.CallQueues[0].CreatedAt = c.CallQueues[0].SID, c.CallQueues[0].CreatedAt
	d.Workers[0].SID, d.Workers[0].CreatedAt = c.Workers[0].SID, c.Workers[0].CreatedAt
	dc, cc := d.WorkerChannels[0], c.WorkerChannels[0]
	dc.SID, dc.WorkerSID, dc.TaskChannelSID, dc.CreatedAt = cc.SID, cc.WorkerSID, cc.TaskChannelSID, cc.CreatedAt
	d.Tasks[0].SID, d.Tasks[0].CreatedAt = c.Tasks[0].SID, c.Tasks[0].CreatedAt
	dr, cr := d.Reservations[0], c.Reservations[0]
	dr.SID, dr.TaskSID, dr.WorkerSID, dr.CreatedAt = cr.SID, cr.TaskSID, cr.WorkerSID, cr.CreatedAt
	d.Calls[0].Backend, d.Calls[0].CallSID, d.Calls[0].CreatedAt = c.Calls[0].Backend, c.Calls[0].CallSID, c.Calls[0].CreatedAt
	dl, cl := d.Legs[0], c.Legs[0]
	dl.Attempt, dl.TaskSID, dl.ReservationSID, dl.WorkerSID, dl.CreatedAt = cl.Attempt, cl.TaskSID, cl.ReservationSID, cl.WorkerSID, cl.CreatedAt
}

// requireStored reads every row of c back, through requests and under the
// lock.
func (f *fixture) requireStored(ctx context.Context, c *dispatch.Changes) {
	t := f.t
	t.Helper()
	require.Equal(t, c.Workspace, f.fetchWorkspace())
	activity, err := f.s.FetchActivity(ctx, f.account, f.ws, c.Activities[0].SID)
	require.NoError(t, err)
	require.Equal(t, c.Activities[0], activity)
	for _, name := range []string{c.Channels[0].SID, c.Channels[0].UniqueName} {
		channel, err := f.s.FetchTaskChannel(ctx, f.account, f.ws, name)
		require.NoError(t, err)
		require.Equal(t, c.Channels[0], channel)
	}
	queue, err := f.s.FetchQueue(ctx, f.account, f.ws, c.Queues[0].SID)
	require.NoError(t, err)
	require.Equal(t, c.Queues[0], queue)
	workflow, err := f.s.FetchWorkflow(ctx, f.account, f.ws, c.Workflows[0].SID)
	require.NoError(t, err)
	require.Equal(t, c.Workflows[0], workflow)
	callQueue, err := f.s.FetchCallQueue(ctx, f.account, f.ws, c.CallQueues[0].SID)
	require.NoError(t, err)
	require.Equal(t, c.CallQueues[0], callQueue)
	worker, err := f.s.FetchWorker(ctx, f.account, f.ws, c.Workers[0].SID)
	require.NoError(t, err)
	require.Equal(t, c.Workers[0], worker)
	wc := c.WorkerChannels[0]
	for _, name := range []string{wc.SID, wc.TaskChannelSID, wc.TaskChannelName} {
		got, err := f.s.FetchWorkerChannel(ctx, f.account, f.ws, wc.WorkerSID, name)
		require.NoError(t, err)
		require.Equal(t, wc, got)
	}
	channels, err := f.s.WorkerChannels(ctx, f.account, f.ws, wc.WorkerSID)
	require.NoError(t, err)
	require.Equal(t, c.WorkerChannels, channels)
	require.Equal(t, c.Tasks[0].Task, f.fetchTask(c.Tasks[0].SID))
	reservation, err := f.s.FetchReservation(ctx, f.account, f.ws, c.Reservations[0].SID)
	require.NoError(t, err)
	require.Equal(t, c.Reservations[0], reservation)
	leg, err := f.s.FetchLeg(ctx, c.Legs[0].Attempt)
	require.NoError(t, err)
	require.Equal(t, c.Legs[0], leg)
	ref := dispatch.CallRef{AccountSID: f.account, Backend: c.Calls[0].Backend, CallSID: c.Calls[0].CallSID}
	call, err := f.s.CallByRef(ctx, ref)
	require.NoError(t, err)
	require.Equal(t, c.Calls[0], call)

	f.in(func(ctx context.Context, tx dispatch.Tx) {
		tasks, err := tx.Tasks(ctx, c.Tasks[0].SID, "WT0")
		require.NoError(t, err)
		require.Equal(t, []*taskrouter.Task{c.Tasks[0].Task}, tasks)
		agents, err := tx.Agents(ctx, c.Workers[0].SID, "WK0")
		require.NoError(t, err)
		require.Equal(t, []*dispatch.Agent{{Worker: c.Workers[0], Channels: c.WorkerChannels}}, agents)
		r, err := tx.Reservation(ctx, c.Reservations[0].SID)
		require.NoError(t, err)
		require.Equal(t, c.Reservations[0], r)
		l, err := tx.Leg(ctx, c.Legs[0].Attempt)
		require.NoError(t, err)
		require.Equal(t, c.Legs[0], l)
		for _, account := range []string{f.account, ""} {
			ref.AccountSID = account
			got, err := tx.Call(ctx, ref)
			require.NoError(t, err)
			require.Equal(t, c.Calls[0], got)
		}
		config, err := tx.Config(ctx)
		require.NoError(t, err)
		require.Equal(t, c.Workspace, config.Workspace)
		require.Equal(t, c.Activities[0], config.Activities[c.Activities[0].SID])
		require.Equal(t, c.Channels[0], config.Channels[c.Channels[0].SID])
		require.Equal(t, c.Queues[0], config.Queues[c.Queues[0].SID])
		require.Equal(t, c.Workflows[0], config.Workflows[c.Workflows[0].SID])
		require.Equal(t, c.CallQueues[0], config.CallQueues[c.CallQueues[0].SID])
	})
}

func testUpserts(t *testing.T, f *fixture) {
	task := f.newTask()
	f.apply(&dispatch.Changes{Tasks: written(task)})
	changed := *task
	changed.CreatedAt, changed.AccountSID, changed.Priority = at(999), "AC0", 7
	f.apply(&dispatch.Changes{Tasks: written(&changed)})
	got := f.fetchTask(task.SID)
	require.Equal(t, int64(7), got.Priority)
	require.Equal(t, task.CreatedAt, got.CreatedAt)

	// The last of several versions of one row counts.
	second, third := *task, *task
	second.Priority, third.Priority = 2, 3
	f.apply(&dispatch.Changes{Tasks: written(&second, &third)})
	require.Equal(t, int64(3), f.fetchTask(task.SID).Priority)

	plain := f.newTask()
	no := false
	plain.IgnoreCapacity = &no
	f.apply(&dispatch.Changes{Tasks: written(plain, task)})
	require.Equal(t, &no, f.fetchTask(plain.SID).IgnoreCapacity)
	require.Nil(t, f.fetchTask(task.SID).IgnoreCapacity)
	require.True(t, f.fetchTask(task.SID).AssignedAt.IsZero())
}
