package workspace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func TestActivityLife(t *testing.T) {
	b := newBench(t)
	a, err := b.CreateActivity(b.ctx, workspace.NewActivity{Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Lunch", Actor: b.api()})
	require.NoError(t, err)
	require.False(t, a.Available)
	stored, err := b.db.FetchActivity(b.ctx, b.account, b.ws, a.SID)
	require.NoError(t, err)
	require.Equal(t, a, stored)

	b.pass(time.Second)
	same, err := b.UpdateActivity(b.ctx, workspace.ActivityUpdate{Subject: b.subject(a.SID), FriendlyName: ptr("Lunch")})
	require.NoError(t, err)
	require.Equal(t, a.UpdatedAt, same.UpdatedAt)
	renamed, err := b.UpdateActivity(b.ctx, workspace.ActivityUpdate{Subject: b.subject(a.SID), FriendlyName: ptr("Break")})
	require.NoError(t, err)
	require.Equal(t, "Break", renamed.FriendlyName)
	require.Equal(t, b.now(), renamed.UpdatedAt)
	require.NoError(t, b.DeleteActivity(b.ctx, b.subject(a.SID)))
	require.Equal(t, []taskrouter.EventType{
		taskrouter.WorkspaceCreated, taskrouter.ActivityCreated, taskrouter.ActivityUpdated, taskrouter.ActivityDeleted,
	}, b.events())
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(b.DeleteActivity(b.ctx, b.subject(a.SID))))
}

func TestActivityRenameMatchesAgain(t *testing.T) {
	b := newBench(t)
	q, err := b.CreateQueue(b.ctx, workspace.NewQueue{
		Account: b.account, WorkspaceSID: b.ws, FriendlyName: "At desk", TargetWorkers: ptr("activity_name == 'Desk'"),
	})
	require.NoError(t, err)
	f := b.workflow(leadTo(q.SID))
	away := b.worker("Ann", b.activity("Unavailable"), "{}")
	ben := b.worker("Ben", b.activity("Available"), "{}")
	k := b.task(f.SID)
	require.Empty(t, b.offers(k.SID))
	_, err = b.UpdateActivity(b.ctx, workspace.ActivityUpdate{Subject: b.subject(away.ActivitySID), FriendlyName: ptr("Desk")})
	require.NoError(t, err)
	b.sweep()
	require.Empty(t, b.offers(k.SID))
	_, err = b.UpdateActivity(b.ctx, workspace.ActivityUpdate{Subject: b.subject(ben.ActivitySID), FriendlyName: ptr("Desk")})
	require.NoError(t, err)
	b.sweep()
	require.Equal(t, []string{ben.SID}, b.offers(k.SID))
}

func TestActivityInUseStays(t *testing.T) {
	b := newBench(t)
	lunch, err := b.CreateActivity(b.ctx, workspace.NewActivity{Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Lunch"})
	require.NoError(t, err)
	busy, err := b.CreateActivity(b.ctx, workspace.NewActivity{Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Busy"})
	require.NoError(t, err)
	b.worker("Ann", lunch.SID, "{}")
	_, err = b.CreateQueue(b.ctx, workspace.NewQueue{
		Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Q", AssignmentActivitySID: &busy.SID,
	})
	require.NoError(t, err)
	for sid, text := range map[string]string{
		b.activity("Offline"): "default Activity",
		lunch.SID:             "current Activity",
		busy.SID:              "TaskQueue",
	} {
		requireInvalid(t, b.DeleteActivity(b.ctx, b.subject(sid)), text)
	}
	_, err = b.UpdateWorkspace(b.ctx, workspace.WorkspaceUpdate{Subject: b.subject(b.ws), DefaultActivitySID: &busy.SID})
	require.NoError(t, err)
	requireInvalid(t, b.DeleteActivity(b.ctx, b.subject(b.activity("Offline"))), "timeout Activity")
}

func TestActivityLimit(t *testing.T) {
	b := newBench(t)
	for i := 3; i < 6; i++ {
		_, err := b.CreateActivity(b.ctx, workspace.NewActivity{Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Same name"})
		require.NoError(t, err, "names may repeat")
	}
	_, err := b.CreateActivity(b.ctx, workspace.NewActivity{Account: b.account, WorkspaceSID: b.ws, FriendlyName: "One more"})
	requireInvalid(t, err, "at most 6")
}

func TestTaskChannelLife(t *testing.T) {
	b := newBench(t)
	ann := b.worker("Ann", "", "{}")
	c, err := b.CreateTaskChannel(b.ctx, workspace.NewTaskChannel{
		Account: b.account, WorkspaceSID: b.ws, FriendlyName: "E-mail", UniqueName: "email_$1", Actor: b.api(),
	})
	require.NoError(t, err)
	channels := func() int {
		rows, err := b.db.WorkerChannels(b.ctx, b.account, b.ws, ann.SID)
		require.NoError(t, err)
		return len(rows)
	}
	b.sweep()
	require.Equal(t, 6, channels(), "every Worker gets the new channel")

	byName, err := b.UpdateTaskChannel(b.ctx, workspace.TaskChannelUpdate{Subject: b.subject("email_$1"), OptimizedRouting: ptr(true)})
	require.NoError(t, err)
	require.True(t, byName.OptimizedRouting)
	again, err := b.UpdateTaskChannel(b.ctx, workspace.TaskChannelUpdate{Subject: b.subject(c.SID), FriendlyName: ptr("E-mail")})
	require.NoError(t, err)
	require.Equal(t, byName, again)

	require.NoError(t, b.DeleteTaskChannel(b.ctx, b.subject("email_$1")))
	b.sweep()
	require.Equal(t, 5, channels())
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(b.DeleteTaskChannel(b.ctx, b.subject(c.SID))))
	var types []taskrouter.EventType
	for _, e := range b.events() {
		if strings.HasPrefix(string(e), "task-channel.") {
			types = append(types, e)
		}
	}
	require.Equal(t, []taskrouter.EventType{taskrouter.TaskChannelCreated, taskrouter.TaskChannelUpdated, taskrouter.TaskChannelDeleted}, types)
}

func TestTaskChannelValidation(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct{ friendly, unique, text string }{
		"no name":        {"", "email", "FriendlyName"},
		"no unique name": {"E-mail", "", "UniqueName"},
		"hyphen":         {"E-mail", "e-mail", "UniqueName"},
		"space":          {"E-mail", "e mail", "UniqueName"},
		"digit first":    {"E-mail", "1mail", "UniqueName"},
		"dot":            {"E-mail", "e.mail", "UniqueName"},
		"not ASCII":      {"E-mail", "émail", "UniqueName"},
		"line end":       {"E-mail", "email\n", "UniqueName"},
		"too long":       {"E-mail", strings.Repeat("a", 65), "UniqueName"},
		"like a SID":     {"E-mail", taskrouter.NewSID(taskrouter.PrefixTaskChannel), "UniqueName"},
		"taken":          {"E-mail", "voice", "already used"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.CreateTaskChannel(b.ctx, workspace.NewTaskChannel{
				Account: b.account, WorkspaceSID: b.ws, FriendlyName: c.friendly, UniqueName: c.unique,
			})
			requireInvalid(t, err, c.text)
		})
	}
	requireInvalid(t, b.DeleteTaskChannel(b.ctx, b.subject("default")), "default")
	b.workflow(leadTo(b.queue("Q").SID))
	_, err := b.d.CreateTask(b.ctx, dispatch.NewTask{AccountSID: b.account, WorkspaceSID: b.ws, Channel: "voice", Attributes: taskrouter.NoAttributes})
	require.NoError(t, err)
	requireInvalid(t, b.DeleteTaskChannel(b.ctx, b.subject("voice")), "1 Tasks")
}

func TestQueueLife(t *testing.T) {
	b := newBench(t)
	ann := b.worker("Ann", "", `{"skills":["tax"]}`)
	ben := b.worker("Ben", "", `{"skills":["law"]}`)
	members := func(q *taskrouter.TaskQueue) []string {
		b.sweep()
		rows, err := b.db.ListWorkers(b.ctx, b.account, b.ws, taskrouter.WorkerFilter{QueueSIDs: []string{q.SID}}, taskrouter.Page{Size: 10})
		require.NoError(t, err)
		sids := []string{}
		for _, w := range rows {
			sids = append(sids, w.SID)
		}
		return sids
	}
	q := b.queue("Q")
	require.Equal(t, "1==1", q.TargetWorkers)
	require.Equal(t, 1, q.MaxReservedWorkers)
	require.Equal(t, taskrouter.FIFO, q.TaskOrder)
	require.ElementsMatch(t, []string{ann.SID, ben.SID}, members(q))

	update := func(n workspace.QueueUpdate) *taskrouter.TaskQueue {
		t.Helper()
		n.Subject = b.subject(q.SID)
		b.pass(time.Second)
		got, err := b.UpdateQueue(b.ctx, n)
		require.NoError(t, err)
		stored, err := b.db.FetchQueue(b.ctx, b.account, b.ws, q.SID)
		require.NoError(t, err)
		require.Equal(t, got, stored)
		return got
	}
	got := update(workspace.QueueUpdate{TargetWorkers: ptr("skills HAS 'tax'")})
	require.Equal(t, q.ExpressionVersion+1, got.ExpressionVersion)
	require.Equal(t, []string{ann.SID}, members(q))
	update(workspace.QueueUpdate{TargetWorkers: ptr(`"law" in worker.skills && true`)})
	require.Equal(t, []string{ben.SID}, members(q), "CEL")
	got = update(workspace.QueueUpdate{TargetWorkers: ptr("  ")})
	require.Empty(t, got.TargetWorkers)
	require.Empty(t, members(q), "an empty expression admits nobody")

	last := update(workspace.QueueUpdate{TaskOrder: ptr("lifo"), MaxReservedWorkers: ptr(int64(50)), FriendlyName: ptr("Renamed")})
	require.Equal(t, got.ExpressionVersion, last.ExpressionVersion)
	require.Equal(t, taskrouter.LIFO, last.TaskOrder)
	require.Equal(t, 50, last.MaxReservedWorkers)
	again := update(workspace.QueueUpdate{TaskOrder: ptr("LIFO"), TargetWorkers: ptr("")})
	require.Equal(t, last, again)

	require.NoError(t, b.DeleteQueue(b.ctx, b.subject(q.SID)))
	var types []taskrouter.EventType
	for _, e := range b.events() {
		if strings.HasPrefix(string(e), "task-queue.") {
			types = append(types, e)
		}
	}
	require.Equal(t, []taskrouter.EventType{
		taskrouter.TaskQueueCreated, taskrouter.TaskQueueExpressionUpdated, taskrouter.TaskQueueExpressionUpdated,
		taskrouter.TaskQueueExpressionUpdated, taskrouter.TaskQueueDeleted,
	}, types)
}

func TestQueueValidation(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q")
	unknown := taskrouter.NewSID(taskrouter.PrefixActivity)
	for name, c := range map[string]struct {
		n    workspace.QueueUpdate
		text string
	}{
		"blank name":           {workspace.QueueUpdate{FriendlyName: ptr(" ")}, "FriendlyName"},
		"long name":            {workspace.QueueUpdate{FriendlyName: ptr(strings.Repeat("x", 65))}, "FriendlyName"},
		"not an expression":    {workspace.QueueUpdate{TargetWorkers: ptr("skills HAS")}, "xpression"},
		"hyphen":               {workspace.QueueUpdate{TargetWorkers: ptr("first-name == 'a'")}, "-"},
		"bare name":            {workspace.QueueUpdate{TargetWorkers: ptr("skills")}, "xpression"},
		"NUL":                  {workspace.QueueUpdate{TargetWorkers: ptr("a == '\x00'")}, "TargetWorkers"},
		"nobody reserved":      {workspace.QueueUpdate{MaxReservedWorkers: ptr(int64(0))}, "MaxReservedWorkers"},
		"too many reserved":    {workspace.QueueUpdate{MaxReservedWorkers: ptr(int64(51))}, "MaxReservedWorkers"},
		"absurdly many":        {workspace.QueueUpdate{MaxReservedWorkers: ptr(int64(1) << 40)}, "MaxReservedWorkers"},
		"unknown order":        {workspace.QueueUpdate{TaskOrder: ptr("RANDOM")}, "TaskOrder"},
		"malformed Activity":   {workspace.QueueUpdate{ReservationActivitySID: ptr("WA12")}, "ReservationActivitySid"},
		"empty Activity":       {workspace.QueueUpdate{ReservationActivitySID: ptr("")}, "ReservationActivitySid"},
		"unknown Activity":     {workspace.QueueUpdate{AssignmentActivitySID: &unknown}, "AssignmentActivitySid"},
		"SID of another thing": {workspace.QueueUpdate{AssignmentActivitySID: &b.ws}, "AssignmentActivitySid"},
	} {
		t.Run(name, func(t *testing.T) {
			c.n.Subject = b.subject(q.SID)
			_, err := b.UpdateQueue(b.ctx, c.n)
			requireInvalid(t, err, c.text)

			n := workspace.NewQueue{
				Account: b.account, WorkspaceSID: b.ws, FriendlyName: "New", TargetWorkers: c.n.TargetWorkers,
				MaxReservedWorkers: c.n.MaxReservedWorkers, ReservationActivitySID: c.n.ReservationActivitySID,
				AssignmentActivitySID: c.n.AssignmentActivitySID,
			}
			if c.n.FriendlyName != nil {
				n.FriendlyName = *c.n.FriendlyName
			}
			if c.n.TaskOrder != nil {
				n.TaskOrder = *c.n.TaskOrder
			}
			_, err = b.CreateQueue(b.ctx, n)
			requireInvalid(t, err, c.text)
		})
	}
	require.Len(t, b.config().Queues, 1)
	_, err := b.UpdateQueue(b.ctx, workspace.QueueUpdate{Subject: b.subject(taskrouter.NewSID(taskrouter.PrefixTaskQueue))})
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err))
	for range 4 {
		b.queue("Same name")
	}
	_, err = b.CreateQueue(b.ctx, workspace.NewQueue{Account: b.account, WorkspaceSID: b.ws, FriendlyName: "One more"})
	requireInvalid(t, err, "at most 5")
}

func TestQueueInUseStays(t *testing.T) {
	b := newBench(t)
	held, named := b.queue("Held"), b.queue("Named")
	f := b.workflow(leadTo(held.SID))
	// A configuration that names its queue with an escape names it all the same.
	other := b.workflow(strings.Replace(leadTo(named.SID), "WQ", `\u0057Q`, 1))
	requireInvalid(t, b.DeleteQueue(b.ctx, b.subject(named.SID)), other.SID)
	k := b.task(f.SID)
	requireInvalid(t, b.DeleteQueue(b.ctx, b.subject(held.SID)), "1 Tasks")
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(k.SID), Status: ptr(taskrouter.TaskCanceled)})
	require.NoError(t, err)
	requireInvalid(t, b.DeleteQueue(b.ctx, b.subject(held.SID)), f.SID)
	require.NoError(t, b.DeleteWorkflow(b.ctx, b.subject(f.SID)))
	require.NoError(t, b.DeleteQueue(b.ctx, b.subject(held.SID)))
}

func TestQueueOfAnEarlierConfigurationStays(t *testing.T) {
	b := newBench(t)
	now, later, next := b.queue("Now"), b.queue("Later"), b.queue("Next")
	f := b.workflow(`{"task_routing":{"filters":[{"expression":"1==1","targets":[` +
		`{"queue":"` + now.SID + `","timeout":60},{"queue":"` + later.SID + `"}]}]}}`)
	k := b.task(f.SID)
	_, err := b.UpdateWorkflow(b.ctx, workspace.WorkflowUpdate{Subject: b.subject(f.SID), Configuration: ptr(leadTo(next.SID))})
	require.NoError(t, err)
	requireInvalid(t, b.DeleteQueue(b.ctx, b.subject(later.SID)), "earlier configuration")
	_, err = b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(k.SID), Status: ptr(taskrouter.TaskCanceled)})
	require.NoError(t, err)
	require.NoError(t, b.DeleteQueue(b.ctx, b.subject(later.SID)))
}
