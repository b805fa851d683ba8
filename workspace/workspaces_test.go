package workspace_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

func TestCreateWorkspaceDefaults(t *testing.T) {
	b := newBench(t)
	c := b.config()
	w := c.Workspace
	require.Equal(t, "Support", w.FriendlyName)
	require.True(t, w.MultiTaskEnabled)
	require.Equal(t, taskrouter.FIFO, w.PrioritizeQueueOrder)
	require.Equal(t, int64(0), w.Version)

	available := map[string]bool{}
	for _, a := range c.Activities {
		available[a.FriendlyName] = a.Available
		require.Equal(t, b.account, a.AccountSID)
	}
	require.Equal(t, map[string]bool{"Offline": false, "Available": true, "Unavailable": false}, available)
	require.Equal(t, b.activity("Offline"), w.DefaultActivitySID)
	require.Equal(t, b.activity("Offline"), w.TimeoutActivitySID)

	channels := map[string]string{}
	for _, k := range c.Channels {
		channels[k.UniqueName] = k.FriendlyName
		require.False(t, k.OptimizedRouting)
	}
	require.Equal(t, map[string]string{
		"default": "Default", "voice": "Voice", "sms": "SMS", "chat": "Chat", "video": "Video",
	}, channels)
	require.Empty(t, c.Queues)
	require.Empty(t, c.Workflows)

	events := b.eventRows()
	require.Len(t, events, 1)
	require.Equal(t, taskrouter.WorkspaceCreated, events[0].Type)
	require.Equal(t, int64(1), events[0].Seq)
	require.Equal(t, "192.0.2.1", events[0].Actor.SourceIP)
}

func TestCreateWorkspaceListsDefaultsInTheirUsualOrder(t *testing.T) {
	b := newBench(t)
	rows, err := b.db.ListActivities(b.ctx, b.account, b.ws, "", nil, taskrouter.Page{Size: 50})
	require.NoError(t, err)
	var names []string
	for _, a := range rows {
		names = append(names, a.FriendlyName)
	}
	require.Equal(t, []string{"Offline", "Available", "Unavailable"}, names)
}

func TestCreateWorkspaceFromTemplate(t *testing.T) {
	for name, multi := range map[string]bool{"multitasking": true, "single-tasking": false} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			w, err := b.CreateWorkspace(b.ctx, workspace.NewWorkspace{
				Account: b.account, FriendlyName: "Fifo", Template: "fifo", MultiTaskEnabled: &multi,
				PrioritizeQueueOrder: "lifo", EventCallbackURL: "https://example.com/events", EventsFilter: "task.created, no.such",
			})
			require.NoError(t, err)
			require.Equal(t, taskrouter.LIFO, w.PrioritizeQueueOrder)
			b.ws = w.SID
			c := b.config()
			require.Len(t, c.Queues, 1)
			require.Len(t, c.Workflows, 1)
			for _, f := range c.Workflows {
				require.Equal(t, "Default Fifo Workflow", f.FriendlyName)
				require.Equal(t, 120*time.Second, f.TaskReservationTimeout)
			}
			for _, q := range c.Queues {
				require.Equal(t, "Sample Queue", q.FriendlyName)
				require.Equal(t, "1==1", q.TargetWorkers)
				require.Equal(t, 1, q.MaxReservedWorkers)
				if multi {
					require.Empty(t, q.ReservationActivitySID)
					require.Len(t, c.Activities, 3)
				} else {
					require.Equal(t, b.activity("Reserved"), q.ReservationActivitySID)
					require.Equal(t, b.activity("Busy"), q.AssignmentActivitySID)
					require.Len(t, c.Activities, 5)
				}
			}
			// The template routes: a Worker takes the first Task.
			worker := b.worker("Ann", b.activity("Available"), "{}")
			k := b.task("")
			require.Equal(t, []string{worker.SID}, b.offers(k.SID))
		})
	}
}

func TestUpdateWorkspace(t *testing.T) {
	b := newBench(t)
	away := b.activity("Unavailable")
	b.pass(time.Minute)
	got, err := b.UpdateWorkspace(b.ctx, workspace.WorkspaceUpdate{
		Subject: b.subject(b.ws), FriendlyName: ptr("Renamed"), TimeoutActivitySID: &away, DefaultActivitySID: &away,
		EventCallbackURL: ptr("http://example.com/e?x=1"), EventsFilter: ptr("task.created"), PrioritizeQueueOrder: ptr("LIFO"),
	})
	require.NoError(t, err)
	require.Equal(t, int64(1), got.Version)
	require.Equal(t, b.now(), got.UpdatedAt)
	stored, err := b.db.FetchWorkspace(b.ctx, b.account, b.ws)
	require.NoError(t, err)
	require.Equal(t, got, stored)
	require.Equal(t, "Renamed", b.eventRows()[1].Data["workspace_name"])

	t.Run("the same again changes nothing", func(t *testing.T) {
		b.pass(time.Minute)
		again, err := b.UpdateWorkspace(b.ctx, workspace.WorkspaceUpdate{
			Subject: b.subject(b.ws), FriendlyName: ptr("Renamed"), PrioritizeQueueOrder: ptr("lifo"), MultiTaskEnabled: ptr(true),
		})
		require.NoError(t, err)
		require.Equal(t, stored, again)
		require.Equal(t, []taskrouter.EventType{taskrouter.WorkspaceCreated, taskrouter.WorkspaceUpdated}, b.events())
	})
	t.Run("empty clears", func(t *testing.T) {
		got, err := b.UpdateWorkspace(b.ctx, workspace.WorkspaceUpdate{Subject: b.subject(b.ws), EventCallbackURL: ptr(""), EventsFilter: ptr("")})
		require.NoError(t, err)
		require.Empty(t, got.EventCallbackURL)
		require.Empty(t, got.EventsFilter)
	})
}

func TestSwitchToSingleTasking(t *testing.T) {
	b := newBench(t)
	single := workspace.WorkspaceUpdate{Subject: b.subject(b.ws), MultiTaskEnabled: ptr(false)}
	_, err := b.UpdateWorkspace(b.ctx, single)
	requireInvalid(t, err, "MultiTaskEnabled")

	// Another account's single-tasking Workspace is no reason.
	_, err = b.CreateWorkspace(b.ctx, workspace.NewWorkspace{Account: b.newAccount(), FriendlyName: "Legacy", MultiTaskEnabled: ptr(false)})
	require.NoError(t, err)
	_, err = b.UpdateWorkspace(b.ctx, single)
	requireInvalid(t, err, "MultiTaskEnabled")

	_, err = b.CreateWorkspace(b.ctx, workspace.NewWorkspace{Account: b.account, FriendlyName: "Legacy", MultiTaskEnabled: ptr(false)})
	require.NoError(t, err)
	got, err := b.UpdateWorkspace(b.ctx, single)
	require.NoError(t, err)
	require.False(t, got.MultiTaskEnabled)

	// One Task at a time, until the Workspace is multitasking again.
	f := b.workflow(leadTo(b.queue("Q").SID))
	ann := b.worker("Ann", b.activity("Available"), "{}")
	for _, channel := range []string{"voice", "chat"} {
		_, err := b.d.CreateTask(b.ctx, dispatch.NewTask{
			AccountSID: b.account, WorkspaceSID: b.ws, WorkflowSID: f.SID, Channel: channel, Attributes: taskrouter.NoAttributes,
		})
		require.NoError(t, err)
	}
	offers := func() int {
		var open []*taskrouter.Reservation
		b.peek(func(u *dispatch.Unit) {
			open, err = u.Tx().OpenReservationsOf(b.ctx, ann.SID)
			require.NoError(t, err)
		})
		return len(open)
	}
	require.Equal(t, 1, offers())
	got, err = b.UpdateWorkspace(b.ctx, workspace.WorkspaceUpdate{Subject: b.subject(b.ws), MultiTaskEnabled: ptr(true)})
	require.NoError(t, err)
	require.True(t, got.MultiTaskEnabled)
	b.sweep()
	require.Equal(t, 2, offers())
}

func TestDeleteWorkspace(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q")
	f := b.workflow(leadTo(q.SID))
	b.callQueue(f.SID, "+15550100")
	b.worker("Ann", b.activity("Available"), "{}")
	b.task(f.SID)
	b.written = nil

	require.NoError(t, b.Service.DeleteWorkspace(b.ctx, b.subject(b.ws)))
	rows, err := b.db.ListWorkspaces(b.ctx, b.account, "", taskrouter.Page{Size: 10})
	require.NoError(t, err)
	require.Empty(t, rows, "gone from lists at once")
	holder, err := b.db.CallQueueByNumber(b.ctx, "", "fake", "+15550100")
	require.NoError(t, err)
	require.Nil(t, holder, "its numbers are free at once")
	err = b.Service.DeleteWorkspace(b.ctx, b.subject(b.ws))
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err), "a second delete finds nothing")
	_, err = b.CreateActivity(b.ctx, workspace.NewActivity{Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Late"})
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(err))

	b.sweep()
	gone, err := b.db.FetchWorkspace(b.ctx, b.account, b.ws)
	require.NoError(t, err)
	require.Nil(t, gone)
	require.Equal(t, []taskrouter.EventType{taskrouter.WorkspaceDeleted}, b.written, "the children go silently")
}

func TestWorkspaceValidation(t *testing.T) {
	long := "0123456789012345678901234567890123456789012345678901234567890123x"
	creates := map[string]struct {
		n    workspace.NewWorkspace
		text string
	}{
		"no name":          {workspace.NewWorkspace{}, "FriendlyName"},
		"blank name":       {workspace.NewWorkspace{FriendlyName: " \t "}, "FriendlyName"},
		"long name":        {workspace.NewWorkspace{FriendlyName: long}, "64"},
		"name with NUL":    {workspace.NewWorkspace{FriendlyName: "a\x00b"}, "FriendlyName"},
		"broken UTF-8":     {workspace.NewWorkspace{FriendlyName: "a\xff"}, "FriendlyName"},
		"unknown template": {workspace.NewWorkspace{FriendlyName: "a", Template: "LIFO"}, "Template"},
		"unknown order":    {workspace.NewWorkspace{FriendlyName: "a", PrioritizeQueueOrder: "RANDOM"}, "PrioritizeQueueOrder"},
		"relative URL":     {workspace.NewWorkspace{FriendlyName: "a", EventCallbackURL: "/events"}, "EventCallbackUrl"},
		"other scheme":     {workspace.NewWorkspace{FriendlyName: "a", EventCallbackURL: "ftp://example.com/x"}, "EventCallbackUrl"},
		"no host":          {workspace.NewWorkspace{FriendlyName: "a", EventCallbackURL: "https:///x"}, "EventCallbackUrl"},
		"port only":        {workspace.NewWorkspace{FriendlyName: "a", EventCallbackURL: "http://:80/"}, "EventCallbackUrl"},
		"opaque URL":       {workspace.NewWorkspace{FriendlyName: "a", EventCallbackURL: "http:example.com"}, "EventCallbackUrl"},
		"filter with NUL":  {workspace.NewWorkspace{FriendlyName: "a", EventsFilter: "\x00"}, "EventsFilter"},
	}
	b := newBench(t)
	for name, c := range creates {
		t.Run("create: "+name, func(t *testing.T) {
			c.n.Account = b.account
			_, err := b.CreateWorkspace(b.ctx, c.n)
			requireInvalid(t, err, c.text)
		})
	}
	_, err := b.CreateWorkspace(b.ctx, workspace.NewWorkspace{Account: b.account, FriendlyName: long[:63] + "é"})
	require.NoError(t, err, "64 characters, not bytes")

	updates := map[string]struct {
		n    workspace.WorkspaceUpdate
		text string
	}{
		"blank name":                 {workspace.WorkspaceUpdate{FriendlyName: ptr("")}, "FriendlyName"},
		"relative URL":               {workspace.WorkspaceUpdate{EventCallbackURL: ptr("example.com")}, "EventCallbackUrl"},
		"unknown order":              {workspace.WorkspaceUpdate{PrioritizeQueueOrder: ptr("x")}, "PrioritizeQueueOrder"},
		"malformed default Activity": {workspace.WorkspaceUpdate{DefaultActivitySID: ptr("WA1")}, "DefaultActivitySid"},
		"empty default Activity":     {workspace.WorkspaceUpdate{DefaultActivitySID: ptr("")}, "DefaultActivitySid"},
		"unknown timeout Activity":   {workspace.WorkspaceUpdate{TimeoutActivitySID: ptr(taskrouter.NewSID(taskrouter.PrefixActivity))}, "TimeoutActivitySid"},
	}
	before := b.config().Workspace
	for name, c := range updates {
		t.Run("update: "+name, func(t *testing.T) {
			c.n.Subject = b.subject(b.ws)
			_, err := b.UpdateWorkspace(b.ctx, c.n)
			requireInvalid(t, err, c.text)
		})
	}
	require.Equal(t, before, b.config().Workspace)
	require.Len(t, b.events(), 1)
}

// Nothing of an account exists for another one, whatever is asked for.
func TestForeignAccountsFindNothing(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q")
	f := b.workflow(leadTo(q.SID))
	cq := b.callQueue(f.SID, "100")
	a := b.activity("Available")
	before := b.config()
	other := b.newAccount()
	as := func(sid string) dispatch.Subject {
		return dispatch.Subject{AccountSID: other, WorkspaceSID: b.ws, SID: sid}
	}
	calls := map[string]func() error{
		"update workspace": func() error {
			_, err := b.UpdateWorkspace(b.ctx, workspace.WorkspaceUpdate{Subject: as(b.ws), FriendlyName: ptr("x")})
			return err
		},
		"delete workspace": func() error { return b.Service.DeleteWorkspace(b.ctx, as(b.ws)) },
		"create activity": func() error {
			_, err := b.CreateActivity(b.ctx, workspace.NewActivity{Account: other, WorkspaceSID: b.ws, FriendlyName: "x"})
			return err
		},
		"update activity": func() error {
			_, err := b.UpdateActivity(b.ctx, workspace.ActivityUpdate{Subject: as(a), FriendlyName: ptr("x")})
			return err
		},
		"delete activity": func() error { return b.DeleteActivity(b.ctx, as(a)) },
		"create channel": func() error {
			_, err := b.CreateTaskChannel(b.ctx, workspace.NewTaskChannel{Account: other, WorkspaceSID: b.ws, FriendlyName: "x", UniqueName: "x"})
			return err
		},
		"update channel": func() error {
			_, err := b.UpdateTaskChannel(b.ctx, workspace.TaskChannelUpdate{Subject: as("voice"), FriendlyName: ptr("x")})
			return err
		},
		"delete channel": func() error { return b.DeleteTaskChannel(b.ctx, as("voice")) },
		"create queue": func() error {
			_, err := b.CreateQueue(b.ctx, workspace.NewQueue{Account: other, WorkspaceSID: b.ws, FriendlyName: "x"})
			return err
		},
		"update queue": func() error {
			_, err := b.UpdateQueue(b.ctx, workspace.QueueUpdate{Subject: as(q.SID), FriendlyName: ptr("x")})
			return err
		},
		"delete queue": func() error { return b.DeleteQueue(b.ctx, as(q.SID)) },
		"create workflow": func() error {
			_, err := b.CreateWorkflow(b.ctx, workspace.NewWorkflow{Account: other, WorkspaceSID: b.ws, FriendlyName: "x", Configuration: leadTo(q.SID)})
			return err
		},
		"update workflow": func() error {
			_, err := b.UpdateWorkflow(b.ctx, workspace.WorkflowUpdate{Subject: as(f.SID), FriendlyName: ptr("x")})
			return err
		},
		"delete workflow": func() error { return b.DeleteWorkflow(b.ctx, as(f.SID)) },
		"create call queue": func() error {
			_, err := b.CreateCallQueue(b.ctx, workspace.NewCallQueue{Account: other, WorkspaceSID: b.ws, FriendlyName: "x", WorkflowSID: f.SID, PhoneNumbers: []string{"200"}})
			return err
		},
		"update call queue": func() error {
			_, err := b.UpdateCallQueue(b.ctx, workspace.CallQueueUpdate{Subject: as(cq.SID), PhoneNumbers: &[]string{"200"}})
			return err
		},
		"delete call queue": func() error { return b.DeleteCallQueue(b.ctx, as(cq.SID)) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(call()))
		})
	}
	require.Equal(t, before, b.config())
}
