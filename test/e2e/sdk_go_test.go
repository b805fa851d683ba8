package e2e

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// TestGoLibrary carries out every operation with the official Go library, on a
// system behind a proxy, on both databases.
func TestGoLibrary(t *testing.T) {
	t.Parallel()
	parts := []scenario{
		{"resources", goResources},
		{"agents", goAgents},
		{"lists", goLists},
		{"tasks", goTasks},
		{"reservations", goReservations},
		{"events", goEvents},
		{"statistics", goStatistics},
		{"dequeue", goDequeues},
		{"conference", goConfers},
		{"call", goCalls},
		{"redirect", goRedirects},
		{"supervise", goSupervises},
		{"keys", goKeys},
	}
	for _, database := range []string{sqlite, postgres} { // one after the other: there are enough parts to keep a machine busy
		t.Run(database, func(t *testing.T) {
			s, f := startBehindFront(t, database)
			var told atomic.Int64
			t.Run("parts", func(t *testing.T) {
				for _, part := range parts {
					t.Run(part.name, func(t *testing.T) {
						t.Parallel()
						part.tell(t, s)
						told.Add(1)
					})
				}
			})
			if told.Load() == int64(len(parts)) { // not when only some are asked for
				f.complete(t)
			}
		})
	}
}

// sent makes sure that the library read a resource as it was sent, down to the
// last field: it is fetched once more from the URL in it, and the library has a
// field for all there is.
func (s *system) sent(t *testing.T, read any) {
	t.Helper()
	v := reflect.ValueOf(read).Elem()
	address := v.FieldByName("Url").Interface().(*string)
	require.NotNil(t, address, "%+v", read)
	path, ok := strings.CutPrefix(*address, s.web.url)
	require.True(t, ok, "%s is not below %s", *address, s.web.url)
	r := s.web.get(t, path)
	require.Equal(t, http.StatusOK, r.status, r.body)
	again := reflect.New(v.Type())
	decoder := json.NewDecoder(strings.NewReader(r.body))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(again.Interface()), r.body)
	if age := v.FieldByName("Age"); age.IsValid() { // grows while we look
		again.Elem().FieldByName("Age").Set(age)
	}
	require.Equal(t, read, again.Interface())
}

// leads makes sure that a resource has these links, and that they lead
// somewhere.
func (s *system) leads(t *testing.T, links *map[string]any, names ...string) {
	t.Helper()
	require.NotNil(t, links)
	for _, name := range names {
		address, _ := (*links)[name].(string)
		path, ok := strings.CutPrefix(address, s.web.url)
		require.True(t, ok, "%s: %q", name, address)
		want := http.StatusOK
		if name == "bulk_real_time_statistics" {
			want = http.StatusMethodNotAllowed // it is asked with POST
		}
		r := s.web.get(t, path)
		require.Equal(t, want, r.status, "%s: %s", address, r.body)
	}
	require.Len(t, *links, len(names), "%v", *links)
}

// refused makes sure that the library understood why something was refused.
func refused(t *testing.T, err error, status, code int, contains string) {
	t.Helper()
	var e *client.TwilioRestError
	require.ErrorAs(t, err, &e, "%v", err)
	require.Equal(t, [2]int{status, code}, [2]int{e.Status, e.Code}, "%v", err)
	require.Contains(t, e.Message, contains)
	require.Contains(t, e.MoreInfo, "http")
}

// goResources: Workspaces, Activities, TaskChannels, TaskQueues and Workflows
// from their creation to their end.
func goResources(t *testing.T, s *system) {
	const hook = "https://app.example.com/events?tenant=a%20b&x=1"
	ws, err := s.rest.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName("Go library").SetMultiTaskEnabled(true).
		SetEventsFilter("task.created,task.canceled").SetPrioritizeQueueOrder("LIFO").SetTemplate("FIFO"))
	require.NoError(t, err)
	w := *ws.Sid
	require.Equal(t, []string{s.AccountSID, "Go library", "task.created,task.canceled", "LIFO", "Offline", "Offline"},
		[]string{*ws.AccountSid, *ws.FriendlyName, *ws.EventsFilter, *ws.PrioritizeQueueOrder, *ws.DefaultActivityName, *ws.TimeoutActivityName})
	require.True(t, *ws.MultiTaskEnabled)
	s.sent(t, ws)
	s.leads(t, ws.Links, "activities", "events", "tasks", "task_queues", "workers", "workflows", "task_channels",
		"statistics", "real_time_statistics", "cumulative_statistics")

	activities, err := s.rest.ListActivity(w, (&api.ListActivityParams{}).SetAvailable("true"))
	require.NoError(t, err)
	require.Len(t, activities, 1)
	require.Equal(t, "Available", *activities[0].FriendlyName)
	lunch, err := s.rest.CreateActivity(w, (&api.CreateActivityParams{}).SetFriendlyName("Lunch").SetAvailable(false))
	require.NoError(t, err)
	require.False(t, *lunch.Available)
	lunch, err = s.rest.UpdateActivity(w, *lunch.Sid, (&api.UpdateActivityParams{}).SetFriendlyName("Break"))
	require.NoError(t, err)
	require.Equal(t, "Break", *lunch.FriendlyName)
	fetched, err := s.rest.FetchActivity(w, *lunch.Sid)
	require.NoError(t, err)
	require.Equal(t, lunch, fetched)
	s.sent(t, lunch)
	s.leads(t, lunch.Links, "workspace")

	ws, err = s.rest.UpdateWorkspace(w, (&api.UpdateWorkspaceParams{}).SetFriendlyName("Renamed").SetEventCallbackUrl(hook).SetEventsFilter("").
		SetDefaultActivitySid(*activities[0].Sid).SetTimeoutActivitySid(*lunch.Sid).SetPrioritizeQueueOrder("FIFO"))
	require.NoError(t, err)
	require.Equal(t, []string{"Renamed", hook, "FIFO", "Available", "Break", *lunch.Sid},
		[]string{*ws.FriendlyName, *ws.EventCallbackUrl, *ws.PrioritizeQueueOrder, *ws.DefaultActivityName, *ws.TimeoutActivityName, *ws.TimeoutActivitySid})
	require.Nil(t, ws.EventsFilter)
	again, err := s.rest.FetchWorkspace(w)
	require.NoError(t, err)
	require.Equal(t, ws, again)
	named, err := s.rest.ListWorkspace((&api.ListWorkspaceParams{}).SetFriendlyName("Renamed"))
	require.NoError(t, err)
	require.Len(t, named, 1)
	require.Equal(t, *ws, named[0])
	refused(t, s.rest.DeleteActivity(w, *lunch.Sid), 400, 20001, "")
	_, err = s.rest.UpdateWorkspace(w, (&api.UpdateWorkspaceParams{}).SetEventCallbackUrl("").SetTimeoutActivitySid(*activities[0].Sid))
	require.NoError(t, err)
	require.NoError(t, s.rest.DeleteActivity(w, *lunch.Sid))
	_, err = s.rest.FetchActivity(w, *lunch.Sid)
	refused(t, err, 404, 20404, "not found")

	goChannels(t, s, w)
	goQueues(t, s, w, *activities[0].Sid)

	require.NoError(t, s.rest.DeleteWorkspace(w))
	_, err = s.rest.FetchWorkspace(w)
	refused(t, err, 404, 20404, "not found")
	refused(t, s.rest.DeleteWorkspace(w), 404, 20404, "not found")
}

func goChannels(t *testing.T, s *system, w string) {
	t.Helper()
	mail, err := s.rest.CreateTaskChannel(w, (&api.CreateTaskChannelParams{}).SetFriendlyName("Mail").SetUniqueName("mail_1").SetChannelOptimizedRouting(true))
	require.NoError(t, err)
	require.Equal(t, []any{"Mail", "mail_1", true}, []any{*mail.FriendlyName, *mail.UniqueName, *mail.ChannelOptimizedRouting})
	mail, err = s.rest.UpdateTaskChannel(w, "mail_1", (&api.UpdateTaskChannelParams{}).SetFriendlyName("Post").SetChannelOptimizedRouting(false))
	require.NoError(t, err)
	require.Equal(t, []any{"Post", "mail_1", false}, []any{*mail.FriendlyName, *mail.UniqueName, *mail.ChannelOptimizedRouting})
	fetched, err := s.rest.FetchTaskChannel(w, *mail.Sid)
	require.NoError(t, err)
	require.Equal(t, mail, fetched)
	s.sent(t, mail)
	s.leads(t, mail.Links, "workspace")
	list, err := s.rest.ListTaskChannel(w, &api.ListTaskChannelParams{})
	require.NoError(t, err)
	require.Len(t, list, 6)
	require.Contains(t, list, *mail)
	_, err = s.rest.CreateTaskChannel(w, (&api.CreateTaskChannelParams{}).SetFriendlyName("Mail").SetUniqueName("no-hyphen"))
	refused(t, err, 400, 20001, "UniqueName")
	require.NoError(t, s.rest.DeleteTaskChannel(w, "mail_1"))
	_, err = s.rest.FetchTaskChannel(w, *mail.Sid)
	refused(t, err, 404, 20404, "not found")
}

func goQueues(t *testing.T, s *system, w, activity string) {
	t.Helper()
	queue, err := s.rest.CreateTaskQueue(w, (&api.CreateTaskQueueParams{}).SetFriendlyName("Tax").SetTargetWorkers(`skills HAS "tax"`).
		SetMaxReservedWorkers(3).SetTaskOrder("LIFO").SetAssignmentActivitySid(activity).SetReservationActivitySid(activity))
	require.NoError(t, err)
	require.Equal(t, []any{"Tax", `skills HAS "tax"`, 3, "LIFO", activity, "Available", activity, "Available"}, []any{
		*queue.FriendlyName, *queue.TargetWorkers, queue.MaxReservedWorkers, *queue.TaskOrder,
		*queue.AssignmentActivitySid, *queue.AssignmentActivityName, *queue.ReservationActivitySid, *queue.ReservationActivityName,
	})
	s.leads(t, queue.Links, "workspace", "assignment_activity", "reservation_activity", "statistics", "real_time_statistics", "cumulative_statistics",
		"list_statistics", "bulk_real_time_statistics")
	queue, err = s.rest.UpdateTaskQueue(w, *queue.Sid, (&api.UpdateTaskQueueParams{}).SetFriendlyName("Taxes").SetTargetWorkers(`skills HAS "taxes"`).
		SetMaxReservedWorkers(2).SetTaskOrder("FIFO"))
	require.NoError(t, err)
	require.Equal(t, []any{"Taxes", `skills HAS "taxes"`, 2, "FIFO"}, []any{*queue.FriendlyName, *queue.TargetWorkers, queue.MaxReservedWorkers, *queue.TaskOrder})
	fetched, err := s.rest.FetchTaskQueue(w, *queue.Sid)
	require.NoError(t, err)
	require.Equal(t, queue, fetched)
	s.sent(t, queue)
	for attributes, want := range map[string]int{`{"skills":["taxes"]}`: 2, `{"skills":["law"]}`: 1} { // the template's queue takes everybody
		list, err := s.rest.ListTaskQueue(w, (&api.ListTaskQueueParams{}).SetEvaluateWorkerAttributes(attributes).SetOrdering("DateUpdated:desc"))
		require.NoError(t, err)
		require.Len(t, list, want, attributes)
	}
	_, err = s.rest.UpdateTaskQueue(w, *queue.Sid, (&api.UpdateTaskQueueParams{}).SetTargetWorkers("skills HAS"))
	refused(t, err, 400, 20001, "")

	configuration := `{"task_routing":{"default_filter":{"queue":"` + *queue.Sid + `"}}}`
	workflow, err := s.rest.CreateWorkflow(w, (&api.CreateWorkflowParams{}).SetFriendlyName("Calls").SetConfiguration(configuration).
		SetAssignmentCallbackUrl("https://app.example.com/a").SetFallbackAssignmentCallbackUrl("https://app.example.com/b").SetTaskReservationTimeout(60))
	require.NoError(t, err)
	require.Equal(t, []any{"Calls", configuration, "https://app.example.com/a", "https://app.example.com/b", 60, "application/json"}, []any{
		*workflow.FriendlyName, *workflow.Configuration, *workflow.AssignmentCallbackUrl, *workflow.FallbackAssignmentCallbackUrl,
		workflow.TaskReservationTimeout, *workflow.DocumentContentType,
	})
	s.leads(t, workflow.Links, "statistics", "real_time_statistics", "cumulative_statistics")
	workflow, err = s.rest.UpdateWorkflow(w, *workflow.Sid, (&api.UpdateWorkflowParams{}).SetFriendlyName("All calls").SetConfiguration(" "+configuration).
		SetAssignmentCallbackUrl("").SetFallbackAssignmentCallbackUrl("").SetTaskReservationTimeout(90).SetReEvaluateTasks("true"))
	require.NoError(t, err)
	require.Equal(t, []any{"All calls", " " + configuration, 90}, []any{*workflow.FriendlyName, *workflow.Configuration, workflow.TaskReservationTimeout})
	again, err := s.rest.FetchWorkflow(w, *workflow.Sid)
	require.NoError(t, err)
	require.Equal(t, workflow, again)
	s.sent(t, workflow)
	list, err := s.rest.ListWorkflow(w, (&api.ListWorkflowParams{}).SetFriendlyName("All calls"))
	require.NoError(t, err)
	require.Equal(t, []api.TaskrouterV1Workflow{*workflow}, list)
	refused(t, s.rest.DeleteTaskQueue(w, *queue.Sid), 400, 20001, "")
	require.NoError(t, s.rest.DeleteWorkflow(w, *workflow.Sid))
	_, err = s.rest.FetchWorkflow(w, *workflow.Sid)
	refused(t, err, 404, 20404, "not found")
	require.NoError(t, s.rest.DeleteTaskQueue(w, *queue.Sid))
	_, err = s.rest.FetchTaskQueue(w, *queue.Sid)
	refused(t, err, 404, 20404, "not found")
}
