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

func TestWorkflowLife(t *testing.T) {
	b := newBench(t)
	q1, q2 := b.queue("One"), b.queue("Two")
	configuration := " " + leadTo(q1.SID) + "\n"
	f := b.workflow(configuration)
	require.Equal(t, configuration, f.Configuration, "kept byte for byte")
	require.Equal(t, 120*time.Second, f.TaskReservationTimeout)
	stored, err := b.db.FetchWorkflow(b.ctx, b.account, b.ws, f.SID)
	require.NoError(t, err)
	require.Equal(t, f, stored)
	first := b.task(f.SID)
	require.Equal(t, q1.SID, first.QueueSID)

	update := func(n workspace.WorkflowUpdate) *taskrouter.Workflow {
		t.Helper()
		n.Subject = b.subject(f.SID)
		b.pass(time.Second)
		got, err := b.UpdateWorkflow(b.ctx, n)
		require.NoError(t, err)
		return got
	}
	got := update(workspace.WorkflowUpdate{
		AssignmentCallbackURL: ptr("https://example.com/a"), FallbackAssignmentCallbackURL: ptr("https://example.com/f"),
		TaskReservationTimeout: ptr(int64(86400)), FriendlyName: ptr("Renamed"),
	})
	require.Equal(t, f.ConfigVersion, got.ConfigVersion, "only the configuration has versions")
	require.Equal(t, 24*time.Hour, got.TaskReservationTimeout)
	got = update(workspace.WorkflowUpdate{Configuration: ptr(leadTo(q2.SID)), AssignmentCallbackURL: ptr("")})
	require.Equal(t, f.ConfigVersion+1, got.ConfigVersion)
	require.Empty(t, got.AssignmentCallbackURL)
	b.sweep()
	queueOf := func(sid string) string {
		k, err := b.db.FetchTask(b.ctx, b.account, b.ws, sid)
		require.NoError(t, err)
		return k.QueueSID
	}
	require.Equal(t, q1.SID, queueOf(first.SID), "the Task keeps the configuration it entered with")
	require.Equal(t, q2.SID, b.task(f.SID).QueueSID)

	updates := b.count(taskrouter.WorkflowUpdated)
	again := update(workspace.WorkflowUpdate{Configuration: ptr(leadTo(q2.SID)), ReEvaluate: true})
	require.Equal(t, got, again)
	require.Equal(t, updates, b.count(taskrouter.WorkflowUpdated), "re-evaluating alone changes no Workflow")
	b.sweep()
	require.Equal(t, q2.SID, queueOf(first.SID), "re-evaluated")
}

func TestWorkflowValidation(t *testing.T) {
	b := newBench(t)
	q := b.queue("Q")
	good := leadTo(q.SID)
	f := b.workflow(good)
	unknown := taskrouter.NewSID(taskrouter.PrefixTaskQueue)
	filter := func(expression, target string) string {
		return `{"task_routing":{"filters":[{"expression":"` + expression + `","targets":[` + target + `]}]}}`
	}
	for name, c := range map[string]struct {
		n    workspace.WorkflowUpdate
		text string
	}{
		"blank name":          {workspace.WorkflowUpdate{FriendlyName: ptr("")}, "FriendlyName"},
		"no configuration":    {workspace.WorkflowUpdate{Configuration: ptr("")}, "onfiguration"},
		"not JSON":            {workspace.WorkflowUpdate{Configuration: ptr("task_routing")}, "JSON"},
		"not an object":       {workspace.WorkflowUpdate{Configuration: ptr("[]")}, "object"},
		"nothing in it":       {workspace.WorkflowUpdate{Configuration: ptr(`{"task_routing":{}}`)}, "default_filter"},
		"bad expression":      {workspace.WorkflowUpdate{Configuration: ptr(filter("a ==", `{"queue":"`+q.SID+`"}`))}, "filters[0].expression"},
		"no queue":            {workspace.WorkflowUpdate{Configuration: ptr(filter("1==1", `{"priority":1}`))}, "filters[0].targets[0].queue"},
		"unknown queue":       {workspace.WorkflowUpdate{Configuration: ptr(leadTo(unknown))}, "default_filter.queue"},
		"unknown later queue": {workspace.WorkflowUpdate{Configuration: ptr(filter("1==1", `{"queue":"`+q.SID+`","timeout":1},{"queue":"`+unknown+`"}`))}, "filters[0].targets[1].queue"},
		"too large":           {workspace.WorkflowUpdate{Configuration: ptr(good + strings.Repeat(" ", 1038576))}, "1038576"},
		"NUL":                 {workspace.WorkflowUpdate{Configuration: ptr(good + "\x00")}, "Configuration"},
		"relative URL":        {workspace.WorkflowUpdate{AssignmentCallbackURL: ptr("/a")}, "AssignmentCallbackUrl"},
		"other scheme":        {workspace.WorkflowUpdate{FallbackAssignmentCallbackURL: ptr("file:///etc/passwd")}, "FallbackAssignmentCallbackUrl"},
		"no time at all":      {workspace.WorkflowUpdate{TaskReservationTimeout: ptr(int64(0))}, "TaskReservationTimeout"},
		"too much time":       {workspace.WorkflowUpdate{TaskReservationTimeout: ptr(int64(86401))}, "TaskReservationTimeout"},
		"overflowing time":    {workspace.WorkflowUpdate{TaskReservationTimeout: ptr(int64(1) << 62)}, "TaskReservationTimeout"},
	} {
		t.Run(name, func(t *testing.T) {
			c.n.Subject = b.subject(f.SID)
			_, err := b.UpdateWorkflow(b.ctx, c.n)
			requireInvalid(t, err, c.text)

			n := workspace.NewWorkflow{
				Account: b.account, WorkspaceSID: b.ws, FriendlyName: "New", Configuration: good,
				TaskReservationTimeout: c.n.TaskReservationTimeout,
			}
			for _, f := range []struct{ field, sent *string }{
				{&n.FriendlyName, c.n.FriendlyName},
				{&n.Configuration, c.n.Configuration},
				{&n.AssignmentCallbackURL, c.n.AssignmentCallbackURL},
				{&n.FallbackAssignmentCallbackURL, c.n.FallbackAssignmentCallbackURL},
			} {
				if f.sent != nil {
					*f.field = *f.sent
				}
			}
			_, err = b.CreateWorkflow(b.ctx, n)
			requireInvalid(t, err, c.text)
		})
	}
	require.Len(t, b.config().Workflows, 1)
}

func TestWorkflowInUseStays(t *testing.T) {
	b := newBench(t)
	f := b.workflow(leadTo(b.queue("Q").SID))
	cq := b.callQueue(f.SID, "+15550100")
	k := b.task(f.SID)
	requireInvalid(t, b.DeleteWorkflow(b.ctx, b.subject(f.SID)), "1 Tasks")
	_, err := b.d.UpdateTask(b.ctx, dispatch.TaskUpdate{Subject: b.subject(k.SID), Status: ptr(taskrouter.TaskCanceled)})
	require.NoError(t, err)
	requireInvalid(t, b.DeleteWorkflow(b.ctx, b.subject(f.SID)), cq.SID)
	require.NoError(t, b.DeleteCallQueue(b.ctx, b.subject(cq.SID)))
	require.NoError(t, b.DeleteWorkflow(b.ctx, b.subject(f.SID)))
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(b.DeleteWorkflow(b.ctx, b.subject(f.SID))))
}

func TestCallQueueLife(t *testing.T) {
	b := newBench(t)
	f := b.workflow(leadTo(b.queue("Q").SID))
	q, err := b.CreateCallQueue(b.ctx, workspace.NewCallQueue{
		Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Line", WorkflowSID: f.SID,
		PhoneNumbers: []string{"+15550100", "hotline"}, Menu: "{}", WrapUp: ptr(int64(30)), Actor: b.api(),
	})
	require.NoError(t, err)
	require.Equal(t, "dequeue", q.Instruction)
	require.Equal(t, "fake", q.Backend, "the first back-end")
	require.Equal(t, 30*time.Second, q.WrapUp)
	holder := func(backend, number string) string {
		h, err := b.db.CallQueueByNumber(b.ctx, "", backend, number)
		require.NoError(t, err)
		if h == nil {
			return ""
		}
		return h.SID
	}
	require.Equal(t, q.SID, holder("fake", "hotline"))

	b.pass(time.Second)
	same, err := b.UpdateCallQueue(b.ctx, workspace.CallQueueUpdate{
		Subject: b.subject(q.SID), PhoneNumbers: &[]string{"+15550100", "hotline"}, Instruction: ptr("DEQUEUE"),
	})
	require.NoError(t, err)
	require.Equal(t, q, same, "its own numbers are no conflict")
	got, err := b.UpdateCallQueue(b.ctx, workspace.CallQueueUpdate{
		Subject: b.subject(q.SID), PhoneNumbers: &[]string{"+15550101"}, Instruction: ptr("none"), Backend: ptr("restcomm"),
		Menu: ptr(""), HoldMusicURL: ptr("https://example.com/hold.mp3"), WrapUp: ptr(int64(0)),
	})
	require.NoError(t, err)
	require.Equal(t, b.now(), got.UpdatedAt)
	stored, err := b.db.FetchCallQueue(b.ctx, b.account, b.ws, q.SID)
	require.NoError(t, err)
	require.Equal(t, got, stored)
	require.Empty(t, holder("fake", "hotline"), "given up")
	require.Equal(t, q.SID, holder("restcomm", "+15550101"))

	require.NoError(t, b.DeleteCallQueue(b.ctx, b.subject(q.SID)))
	require.Empty(t, holder("restcomm", "+15550101"))
	require.Equal(t, taskrouter.KindNotFound, taskrouter.KindOf(b.DeleteCallQueue(b.ctx, b.subject(q.SID))))
}

func TestCallQueueNumbersHaveOneOwner(t *testing.T) {
	b := newBench(t)
	f := b.workflow(leadTo(b.queue("Q").SID))
	b.callQueue(f.SID, "+15550100")
	second := b.callQueue(f.SID, "+15550101")
	taken := []string{"+15550102", "+15550100"}
	_, err := b.CreateCallQueue(b.ctx, workspace.NewCallQueue{
		Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Line", WorkflowSID: f.SID, PhoneNumbers: taken,
	})
	requireInvalid(t, err, "PhoneNumbers[1]")
	require.NotContains(t, err.Error(), "15550100", "numbers are personal data")
	_, err = b.UpdateCallQueue(b.ctx, workspace.CallQueueUpdate{Subject: b.subject(second.SID), PhoneNumbers: &taken})
	requireInvalid(t, err, "PhoneNumbers[1]")
	_, err = b.CreateCallQueue(b.ctx, workspace.NewCallQueue{
		Account: b.account, WorkspaceSID: b.ws, FriendlyName: "Line", WorkflowSID: f.SID, PhoneNumbers: taken, Backend: "restcomm",
	})
	require.NoError(t, err, "another back-end has its own numbers")
	_, err = b.UpdateCallQueue(b.ctx, workspace.CallQueueUpdate{
		Subject: b.subject(second.SID), PhoneNumbers: &[]string{"+15550102"}, Backend: ptr("restcomm"),
	})
	requireInvalid(t, err, "PhoneNumbers[0]")
}

func TestCallQueueValidation(t *testing.T) {
	b := newBench(t)
	f := b.workflow(leadTo(b.queue("Q").SID))
	cq := b.callQueue(f.SID, "+15550100")
	many := make([]string, 101)
	for name, c := range map[string]struct {
		n    workspace.CallQueueUpdate
		text string
	}{
		"blank name":        {workspace.CallQueueUpdate{FriendlyName: ptr("")}, "FriendlyName"},
		"no numbers":        {workspace.CallQueueUpdate{PhoneNumbers: &[]string{}}, "PhoneNumbers"},
		"too many numbers":  {workspace.CallQueueUpdate{PhoneNumbers: &many}, "at most 100"},
		"empty number":      {workspace.CallQueueUpdate{PhoneNumbers: &[]string{""}}, "PhoneNumbers[0]"},
		"letters":           {workspace.CallQueueUpdate{PhoneNumbers: &[]string{"100", "+1555CALL"}}, "PhoneNumbers[1]"},
		"too long":          {workspace.CallQueueUpdate{PhoneNumbers: &[]string{"+1234567890123456"}}, "PhoneNumbers[0]"},
		"leading zero":      {workspace.CallQueueUpdate{PhoneNumbers: &[]string{"+0123"}}, "PhoneNumbers[0]"},
		"a URI":             {workspace.CallQueueUpdate{PhoneNumbers: &[]string{"sip:a@example.com"}}, "PhoneNumbers[0]"},
		"repeated":          {workspace.CallQueueUpdate{PhoneNumbers: &[]string{"100", "100"}}, "PhoneNumbers[1]"},
		"no Workflow":       {workspace.CallQueueUpdate{WorkflowSID: ptr("")}, "WorkflowSid"},
		"malformed":         {workspace.CallQueueUpdate{WorkflowSID: ptr("WW1")}, "WorkflowSid"},
		"unknown Workflow":  {workspace.CallQueueUpdate{WorkflowSID: ptr(taskrouter.NewSID(taskrouter.PrefixWorkflow))}, "WorkflowSid"},
		"bad menu":          {workspace.CallQueueUpdate{Menu: ptr("press one")}, "steps"},
		"hold music":        {workspace.CallQueueUpdate{HoldMusicURL: ptr("hold.mp3")}, "HoldMusicUrl"},
		"instruction":       {workspace.CallQueueUpdate{Instruction: ptr("conference")}, "Instruction"},
		"back-end":          {workspace.CallQueueUpdate{Backend: ptr("asterisk")}, "Backend"},
		"negative wrap-up":  {workspace.CallQueueUpdate{WrapUp: ptr(int64(-1))}, "WrapUp"},
		"unbounded wrap-up": {workspace.CallQueueUpdate{WrapUp: ptr(int64(86401))}, "WrapUp"},
	} {
		t.Run(name, func(t *testing.T) {
			c.n.Subject = b.subject(cq.SID)
			_, err := b.UpdateCallQueue(b.ctx, c.n)
			requireInvalid(t, err, c.text)

			n := workspace.NewCallQueue{
				Account: b.account, WorkspaceSID: b.ws, FriendlyName: "New", WorkflowSID: f.SID,
				PhoneNumbers: []string{"900"}, WrapUp: c.n.WrapUp,
			}
			if c.n.PhoneNumbers != nil {
				n.PhoneNumbers = *c.n.PhoneNumbers
			}
			for _, f := range []struct{ field, sent *string }{
				{&n.FriendlyName, c.n.FriendlyName},
				{&n.WorkflowSID, c.n.WorkflowSID},
				{&n.Menu, c.n.Menu},
				{&n.HoldMusicURL, c.n.HoldMusicURL},
				{&n.Instruction, c.n.Instruction},
				{&n.Backend, c.n.Backend},
			} {
				if f.sent != nil {
					*f.field = *f.sent
				}
			}
			_, err = b.CreateCallQueue(b.ctx, n)
			requireInvalid(t, err, c.text)
		})
	}
	require.Len(t, b.config().CallQueues, 1)
}
