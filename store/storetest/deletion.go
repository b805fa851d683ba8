package storetest

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
)

func testDeletes(t *testing.T, f *fixture) {
	ctx := t.Context()
	c, event := f.everything(1)
	task, worker, queue := c.Tasks[0].SID, c.Workers[0].SID, c.Queues[0].SID
	c.Reservations[0].TaskSID, c.Reservations[0].WorkerSID = task, worker
	c.Legs[0].TaskSID = task
	c.Join = []dispatch.Membership{{QueueSID: queue, WorkerSID: worker}, {QueueSID: f.queue.SID, WorkerSID: worker}}
	c.Classes = []*dispatch.DemandClass{{Key: "k", QueueSID: queue, Waiting: 1}}
	c.Notices = []dispatch.Notice{f.notice(task, 1, 1, true)}
	f.apply(c)

	f.apply(&dispatch.Changes{DeleteTasks: []string{task}})
	require.Nil(t, f.fetchTask(task))
	r, err := f.s.FetchReservation(ctx, f.account, f.ws, c.Reservations[0].SID)
	require.NoError(t, err)
	require.Nil(t, r)
	l, err := f.s.FetchLeg(ctx, c.Legs[0].Attempt)
	require.NoError(t, err)
	require.Nil(t, l)
	require.Equal(t, 1, f.countNotices(), "the durable run must still be told")
	e, err := f.s.FetchEvent(ctx, f.account, f.ws, event.SID)
	require.NoError(t, err)
	require.NotNil(t, e, "events stay")

	f.apply(&dispatch.Changes{DeleteQueues: []string{queue}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		queues, err := tx.QueuesOf(ctx, worker)
		require.NoError(t, err)
		require.Equal(t, []string{f.queue.SID}, queues)
		config, err := tx.Config(ctx)
		require.NoError(t, err)
		require.NotContains(t, config.Queues, queue)
	})
	f.apply(&dispatch.Changes{DeleteWorkers: []string{worker}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		queues, err := tx.QueuesOf(ctx, worker)
		require.NoError(t, err)
		require.Empty(t, queues)
	})
	channels, err := f.s.WorkerChannels(ctx, f.account, f.ws, worker)
	require.NoError(t, err)
	require.Empty(t, channels)

	ann := f.newAgent("Ann", 1)
	f.apply(changesOf(ann))
	f.apply(&dispatch.Changes{DeleteWorkerChannels: []string{ann.Channels[0].SID}})
	channels, err = f.s.WorkerChannels(ctx, f.account, f.ws, ann.SID)
	require.NoError(t, err)
	require.Equal(t, ann.Channels[1:], channels)

	f.apply(&dispatch.Changes{
		DeleteActivities: []string{c.Activities[0].SID}, DeleteChannels: []string{c.Channels[0].SID},
		DeleteWorkflows: []string{c.Workflows[0].SID}, DeleteCallQueues: []string{c.CallQueues[0].SID},
	})
	config, err := f.s.WorkspaceConfig(ctx, f.account, f.ws)
	require.NoError(t, err)
	require.NotContains(t, config.Activities, c.Activities[0].SID)
	require.NotContains(t, config.Channels, c.Channels[0].SID)
	require.NotContains(t, config.Workflows, c.Workflows[0].SID)
	require.NotContains(t, config.CallQueues, c.CallQueues[0].SID)
	require.Len(t, config.Activities, 2)
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		_, err := tx.WorkflowConfiguration(ctx, c.Workflows[0].SID, c.Workflows[0].ConfigVersion)
		requireKind(t, taskrouter.KindNotFound, err)
	})
	// What is gone is deleted again without complaint.
	f.apply(&dispatch.Changes{DeleteTasks: []string{task}, DeleteWorkers: []string{worker}})
}

func testDeleteWorkspace(t *testing.T, f *fixture) {
	ctx := t.Context()
	other := f.addWorkspace(f.account, "Other")
	c, _ := f.everything(1)
	c.Workspace.EventCallbackURL = "" // nobody waits for the events
	c.Join = []dispatch.Membership{{QueueSID: c.Queues[0].SID, WorkerSID: c.Workers[0].SID}}
	c.Jobs = []*dispatch.Job{{ID: "j", Kind: dispatch.JobDeleteWorkspace, CreatedAt: at(1)}}
	c.Classes = []*dispatch.DemandClass{{Key: "k", Waiting: 1}}
	c.Notices = []dispatch.Notice{f.notice(c.Tasks[0].SID, 1, 1, true)}
	f.apply(c)
	f.apply(&dispatch.Changes{DeleteWorkspace: true})

	require.Nil(t, f.fetchWorkspace())
	requireKind(t, taskrouter.KindNotFound, f.tryApply(&dispatch.Changes{}))
	events, err := f.s.EventsAfter(ctx, f.ws, 0, 10)
	require.NoError(t, err)
	require.Empty(t, events)
	require.Nil(t, f.fetchTask(c.Tasks[0].SID))
	jobs, err := f.s.JobWorkspaces(ctx, 10)
	require.NoError(t, err)
	require.Empty(t, jobs)
	require.Equal(t, 1, f.countNotices())
	config, err := f.s.WorkspaceConfig(ctx, f.account, f.ws)
	require.NoError(t, err)
	require.Nil(t, config)
	require.NoError(t, f.s.InWorkspace(ctx, other, func(context.Context, dispatch.Tx) error { return nil }))
}

func testConfiguration(t *testing.T, f *fixture) {
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		config, err := tx.Config(ctx)
		require.NoError(t, err)
		require.Equal(t, f.workspace, config.Workspace)
		require.Equal(t, map[string]*taskrouter.TaskQueue{f.queue.SID: f.queue, f.queue2.SID: f.queue2}, config.Queues)
		require.Equal(t, map[string]*taskrouter.Activity{f.idle.SID: f.idle, f.offline.SID: f.offline}, config.Activities)
		require.Equal(t, map[string]*taskrouter.TaskChannel{f.voice.SID: f.voice, f.chat.SID: f.chat}, config.Channels)
		require.Equal(t, map[string]*taskrouter.Workflow{f.workflow.SID: f.workflow}, config.Workflows)
		require.Empty(t, config.CallQueues)
		require.Equal(t, tx.Lock().ConfigRevision, config.Revision)
	})
	// Old texts of a configuration stay.
	old := f.workflow.Configuration
	changed := *f.workflow
	changed.Configuration, changed.ConfigVersion = `{"task_routing":{"filters":[]}}`, 2
	f.apply(&dispatch.Changes{Workflows: []*taskrouter.Workflow{&changed}})
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		for version, want := range map[int64]string{1: old, 2: changed.Configuration} {
			text, err := tx.WorkflowConfiguration(ctx, f.workflow.SID, version)
			require.NoError(t, err)
			require.Equal(t, want, text)
		}
		_, err := tx.WorkflowConfiguration(ctx, f.workflow.SID, 3)
		requireKind(t, taskrouter.KindNotFound, err)
	})
}

func testConfigurationCache(t *testing.T, f *fixture) {
	ctx := t.Context()
	name := func() string {
		var inside string
		f.in(func(ctx context.Context, tx dispatch.Tx) {
			c, err := tx.Config(ctx)
			require.NoError(t, err)
			inside = c.Queues[f.queue.SID].FriendlyName
		})
		c, err := f.s.WorkspaceConfig(ctx, f.account, f.ws)
		require.NoError(t, err)
		require.Equal(t, inside, c.Queues[f.queue.SID].FriendlyName)
		return inside
	}
	rename := func(to string, fail error) {
		err := f.s.InWorkspace(ctx, f.ws, func(ctx context.Context, tx dispatch.Tx) error {
			before := tx.Lock().ConfigRevision
			q := *f.queue
			q.FriendlyName = to
			// The caller forgets the revision.
			require.NoError(t, tx.Apply(ctx, &dispatch.Changes{Lock: tx.Lock(), Queues: []*taskrouter.TaskQueue{&q}}))
			require.Equal(t, before+1, tx.Lock().ConfigRevision)
			c, err := tx.Config(ctx)
			require.NoError(t, err)
			require.Equal(t, to, c.Queues[f.queue.SID].FriendlyName, "reads see what was written")
			require.Equal(t, before+1, c.Revision)
			return fail
		})
		require.ErrorIs(t, err, fail)
	}
	require.Equal(t, "Sales", name())
	rename("Never", context.DeadlineExceeded)
	require.Equal(t, "Sales", name(), "what was not committed is not remembered")
	rename("Sales 2", nil)
	require.Equal(t, "Sales 2", name())
	rename("Never", context.DeadlineExceeded)
	rename("Sales 3", nil)
	require.Equal(t, "Sales 3", name())
}

// testLargeChanges writes more rows than fit one statement, and more text than
// fits one batch.
func testLargeChanges(t *testing.T, f *fixture) {
	const n = 1203
	c := &dispatch.Changes{}
	padding := taskrouter.Attributes(fmt.Sprintf(`{"x":"%04000d"}`, 1))
	for i := range n {
		task := f.newTask()
		task.Attributes = padding
		c.Tasks = append(c.Tasks, dispatch.TaskWrite{Task: task})
		c.Events = append(c.Events, f.event(i, nil))
	}
	f.apply(c)
	var found int
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		var err error
		found, err = tx.CountTasks(ctx, "", "", "")
		require.NoError(t, err)
	})
	require.Equal(t, n, found)
	events, err := f.s.EventsAfter(t.Context(), f.ws, 0, 2*n)
	require.NoError(t, err)
	require.Len(t, events, n+1)
	d := &dispatch.Changes{}
	for _, task := range c.Tasks {
		d.DeleteTasks = append(d.DeleteTasks, task.SID)
	}
	f.apply(d)
	require.Nil(t, f.fetchTask(c.Tasks[n-1].SID))
}

// A Task that was deleted while a leg is up keeps its row for the transaction
// that ends the leg, and is gone for every reader. One that only ended stays
// readable.
func testDeletedTasks(t *testing.T, f *fixture) {
	ended, deleted := f.newTask(), f.newTask()
	for _, task := range []*taskrouter.Task{ended, deleted} {
		task.Status, task.EndedAt = taskrouter.TaskCanceled, at(10)
	}
	ended.RemoveAt, deleted.RemoveAt = at(310), at(10)
	f.apply(&dispatch.Changes{Tasks: written(ended, deleted)})
	require.NotNil(t, f.fetchTask(ended.SID))
	require.Nil(t, f.fetchTask(deleted.SID))
	all, err := f.s.ListTasks(t.Context(), f.account, f.ws, taskrouter.TaskFilter{}, wide)
	require.NoError(t, err)
	require.Equal(t, []string{ended.SID}, sids(all, taskSID))
	f.in(func(ctx context.Context, tx dispatch.Tx) {
		rows, err := tx.Tasks(ctx, deleted.SID)
		require.NoError(t, err)
		require.Len(t, rows, 1)
	})
}
