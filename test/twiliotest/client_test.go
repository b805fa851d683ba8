package twiliotest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/test/twiliotest"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
	"github.com/taskrouter/taskrouter/wire"
)

// bench is the official client beside the plain HTTP answers.
type bench struct {
	*stack.Stack
	*api.ApiService
	t *testing.T
}

func newBench(t *testing.T) *bench {
	t.Helper()
	s := stack.Start(t)
	return &bench{Stack: s, ApiService: twiliotest.Client(s.URL, s.Account.SID, s.Account.Token).TaskrouterV1, t: t}
}

// same checks that the client library read a resource field by field as it was
// sent: nothing is lost, and nothing is something else.
func (b *bench) same(path string, read any) {
	b.t.Helper()
	a := b.Do(b.Account, "GET", path, nil)
	require.Equal(b.t, 200, a.Status, "%s", a.Body)
	var sent, got map[string]any
	require.NoError(b.t, json.Unmarshal(a.Body, &sent))
	text, err := json.Marshal(read)
	require.NoError(b.t, err)
	require.NoError(b.t, json.Unmarshal(text, &got))
	require.NotEmpty(b.t, got)
	for key, v := range sent {
		if key == "age" { // grows between two reads
			continue
		}
		if v == nil || reflect.ValueOf(v).IsZero() {
			if have, ok := got[key]; ok {
				require.Equal(b.t, v, have, "%s %s", path, key)
			}
			continue
		}
		require.Equal(b.t, v, got[key], "%s %s", path, key)
	}
	for key := range got {
		require.Contains(b.t, sent, key, "the library knows a field that is not sent")
	}
}

// TestEveryResource takes each resource through its life with the official
// client.
func TestEveryResource(t *testing.T) {
	b := newBench(t)
	ws, err := b.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName("Support").SetEventsFilter("task.created").SetMultiTaskEnabled(true))
	require.NoError(t, err)
	w, root := *ws.Sid, "/v1/Workspaces/"+*ws.Sid
	ws, err = b.UpdateWorkspace(w, (&api.UpdateWorkspaceParams{}).SetFriendlyName("Help").SetEventCallbackUrl("https://a.example/e?x=1&y=2"))
	require.NoError(t, err)
	b.same(root, ws)
	ws, err = b.FetchWorkspace(w)
	require.NoError(t, err)
	require.Equal(t, "Help", *ws.FriendlyName)

	activities, err := b.ListActivity(w, (&api.ListActivityParams{}).SetAvailable("true"))
	require.NoError(t, err)
	require.Len(t, activities, 1)
	available := *activities[0].Sid
	activity, err := b.CreateActivity(w, (&api.CreateActivityParams{}).SetFriendlyName("Lunch").SetAvailable(false))
	require.NoError(t, err)
	activity, err = b.UpdateActivity(w, *activity.Sid, (&api.UpdateActivityParams{}).SetFriendlyName("Break"))
	require.NoError(t, err)
	b.same(root+"/Activities/"+*activity.Sid, activity)
	require.NoError(t, b.DeleteActivity(w, *activity.Sid))

	channel, err := b.CreateTaskChannel(w, (&api.CreateTaskChannelParams{}).SetFriendlyName("Mail").SetUniqueName("mail"))
	require.NoError(t, err)
	require.Equal(t, "mail", *channel.UniqueName)
	channel, err = b.UpdateTaskChannel(w, "mail", (&api.UpdateTaskChannelParams{}).SetChannelOptimizedRouting(true))
	require.NoError(t, err)
	b.same(root+"/TaskChannels/"+*channel.Sid, channel)

	worker, err := b.CreateWorker(w, (&api.CreateWorkerParams{}).SetFriendlyName("Ann").SetActivitySid(available))
	require.NoError(t, err)
	worker, err = b.UpdateWorker(w, *worker.Sid, (&api.UpdateWorkerParams{}).SetAttributes(`{"skills":["tax"]}`).SetIfMatch("*"))
	require.NoError(t, err)
	b.same(root+"/Workers/"+*worker.Sid, worker)
	capacity, err := b.UpdateWorkerChannel(w, *worker.Sid, "mail", (&api.UpdateWorkerChannelParams{}).SetCapacity(4).SetAvailable(true))
	require.NoError(t, err)
	b.same(root+"/Workers/"+*worker.Sid+"/Channels/"+*capacity.Sid, capacity)
	channels, err := b.ListWorkerChannel(w, *worker.Sid, &api.ListWorkerChannelParams{})
	require.NoError(t, err)
	require.Len(t, channels, 6)

	queue, err := b.CreateTaskQueue(w, (&api.CreateTaskQueueParams{}).SetFriendlyName("Tax").SetTargetWorkers(`skills HAS "tax"`).SetMaxReservedWorkers(2))
	require.NoError(t, err)
	queue, err = b.UpdateTaskQueue(w, *queue.Sid, (&api.UpdateTaskQueueParams{}).SetTaskOrder("LIFO"))
	require.NoError(t, err)
	b.same(root+"/TaskQueues/"+*queue.Sid, queue)
	b.Sweep()
	queues, err := b.ListTaskQueue(w, (&api.ListTaskQueueParams{}).SetWorkerSid(*worker.Sid))
	require.NoError(t, err)
	require.Len(t, queues, 1)

	workflow, err := b.CreateWorkflow(w, (&api.CreateWorkflowParams{}).SetFriendlyName("Calls").
		SetConfiguration(`{"task_routing":{"default_filter":{"queue":"`+*queue.Sid+`"}}}`).SetTaskReservationTimeout(60))
	require.NoError(t, err)
	workflow, err = b.UpdateWorkflow(w, *workflow.Sid, (&api.UpdateWorkflowParams{}).SetAssignmentCallbackUrl("https://a.example/x").SetReEvaluateTasks("true"))
	require.NoError(t, err)
	b.same(root+"/Workflows/"+*workflow.Sid, workflow)
	_, err = b.UpdateWorkflow(w, *workflow.Sid, (&api.UpdateWorkflowParams{}).SetAssignmentCallbackUrl(""))
	require.NoError(t, err)

	task, err := b.CreateTask(w, (&api.CreateTaskParams{}).SetAttributes(`{"topic":"tax"}`).SetPriority(3).SetTimeout(600).SetTaskChannel("mail"))
	require.NoError(t, err)
	require.Equal(t, "pending", *task.AssignmentStatus)
	require.Equal(t, "Tax", *task.TaskQueueFriendlyName)
	task, err = b.FetchTask(w, *task.Sid)
	require.NoError(t, err)
	require.Equal(t, "reserved", *task.AssignmentStatus)
	b.same(root+"/Tasks/"+*task.Sid, task)
	tasks, err := b.ListTask(w, (&api.ListTaskParams{}).SetAssignmentStatus([]string{"pending", "reserved"}).SetEvaluateTaskAttributes(`topic == "tax"`))
	require.NoError(t, err)
	require.Len(t, tasks, 1)

	offers, err := b.ListTaskReservation(w, *task.Sid, (&api.ListTaskReservationParams{}).SetReservationStatus("pending"))
	require.NoError(t, err)
	require.Len(t, offers, 1)
	offer := *offers[0].Sid
	mine, err := b.FetchWorkerReservation(w, *worker.Sid, offer)
	require.NoError(t, err)
	b.same(root+"/Workers/"+*worker.Sid+"/Reservations/"+offer, mine)
	accepted, err := b.UpdateTaskReservation(w, *task.Sid, offer, (&api.UpdateTaskReservationParams{}).SetReservationStatus("accepted"))
	require.NoError(t, err)
	b.same(root+"/Tasks/"+*task.Sid+"/Reservations/"+offer, accepted)
	_, err = b.UpdateWorkerReservation(w, *worker.Sid, offer, (&api.UpdateWorkerReservationParams{}).SetReservationStatus("wrapping"))
	require.NoError(t, err)
	task, err = b.UpdateTask(w, *task.Sid, (&api.UpdateTaskParams{}).SetAssignmentStatus("completed").SetReason("done"))
	require.NoError(t, err)
	require.Equal(t, "completed", *task.AssignmentStatus)

	events, err := b.ListEvent(w, (&api.ListEventParams{}).SetMinutes(5))
	require.NoError(t, err)
	require.NotEmpty(t, events)
	event, err := b.FetchEvent(w, *events[0].Sid)
	require.NoError(t, err)
	b.same(root+"/Events/"+*event.Sid, event)

	require.NoError(t, b.DeleteTask(w, *task.Sid, &api.DeleteTaskParams{}))
	require.NoError(t, b.DeleteWorkflow(w, *workflow.Sid))
	require.NoError(t, b.DeleteTaskQueue(w, *queue.Sid))
	require.NoError(t, b.DeleteWorker(w, *worker.Sid, &api.DeleteWorkerParams{}))
	require.NoError(t, b.DeleteTaskChannel(w, "mail"))
	require.NoError(t, b.DeleteWorkspace(w))
	left, err := b.ListWorkspace(&api.ListWorkspaceParams{})
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestPaging reads a list of several pages to its end.
func TestPaging(t *testing.T) {
	b := newBench(t)
	ws, err := b.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName("Support").SetTemplate("FIFO"))
	require.NoError(t, err)
	for range 120 {
		_, err := b.CreateTask(*ws.Sid, &api.CreateTaskParams{})
		require.NoError(t, err)
	}
	tasks, err := b.ListTask(*ws.Sid, (&api.ListTaskParams{}).SetPageSize(50))
	require.NoError(t, err)
	distinct := map[string]bool{}
	for _, task := range tasks {
		distinct[*task.Sid] = true
	}
	require.Len(t, distinct, 120)
	some, err := b.ListTask(*ws.Sid, (&api.ListTaskParams{}).SetLimit(7))
	require.NoError(t, err)
	require.Len(t, some, 7)
	page, err := b.PageTask(*ws.Sid, (&api.ListTaskParams{}).SetPageSize(100), "", "")
	require.NoError(t, err)
	require.Len(t, page.Tasks, 100)
	require.Equal(t, "tasks", page.Meta.Key)
}

// TestErrors shows that the client library reads our refusals.
func TestErrors(t *testing.T) {
	b := newBench(t)
	ws, err := b.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName("Support").SetTemplate("FIFO"))
	require.NoError(t, err)
	task, err := b.CreateTask(*ws.Sid, &api.CreateTaskParams{})
	require.NoError(t, err)

	refused := func(err error, status, code int) {
		t.Helper()
		var e *client.TwilioRestError
		require.ErrorAs(t, err, &e, "%v", err)
		require.Equal(t, [2]int{status, code}, [2]int{e.Status, e.Code})
		require.NotEmpty(t, e.Message)
		require.NotEmpty(t, e.MoreInfo)
	}
	_, err = b.FetchTask(*ws.Sid, "WT"+(*task.Sid)[2:30]+"ffff")
	refused(err, 404, 20404)
	_, err = b.CreateTask(*ws.Sid, (&api.CreateTaskParams{}).SetAttributes("no"))
	refused(err, 400, 20001)
	_, err = b.UpdateTask(*ws.Sid, *task.Sid, (&api.UpdateTaskParams{}).SetPriority(1).SetIfMatch("99"))
	refused(err, 412, 20412)
	_, err = b.FetchWorkspaceStatistics(*ws.Sid, (&api.FetchWorkspaceStatisticsParams{}).SetMinutes(60*24*31))
	refused(err, 400, 14241)
	_, err = twiliotest.Client(b.URL, b.Account.SID, "wrong").TaskrouterV1.FetchWorkspace(*ws.Sid)
	refused(err, 401, 20003)
	_, err = twiliotest.Client(b.URL, b.Foreign.SID, b.Foreign.Token).TaskrouterV1.FetchWorkspace(*ws.Sid)
	refused(err, 404, 20404)
}

// TestRescindedOffers shows the status a client sees that lost a race.
func TestRescindedOffers(t *testing.T) {
	b := newBench(t)
	ws, err := b.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName("Support").SetTemplate("FIFO"))
	require.NoError(t, err)
	w := *ws.Sid
	queues, err := b.ListTaskQueue(w, &api.ListTaskQueueParams{})
	require.NoError(t, err)
	_, err = b.UpdateTaskQueue(w, *queues[0].Sid, (&api.UpdateTaskQueueParams{}).SetMaxReservedWorkers(2))
	require.NoError(t, err)
	activities, err := b.ListActivity(w, (&api.ListActivityParams{}).SetFriendlyName("Available"))
	require.NoError(t, err)
	for _, name := range []string{"Ann", "Ben"} {
		_, err := b.CreateWorker(w, (&api.CreateWorkerParams{}).SetFriendlyName(name).SetActivitySid(*activities[0].Sid))
		require.NoError(t, err)
	}
	b.Sweep()
	task, err := b.CreateTask(w, &api.CreateTaskParams{})
	require.NoError(t, err)
	offers, err := b.ListTaskReservation(w, *task.Sid, &api.ListTaskReservationParams{})
	require.NoError(t, err)
	require.Len(t, offers, 2)
	accept := (&api.UpdateTaskReservationParams{}).SetReservationStatus("accepted")
	_, err = b.UpdateTaskReservation(w, *task.Sid, *offers[0].Sid, accept)
	require.NoError(t, err)
	_, err = b.UpdateTaskReservation(w, *task.Sid, *offers[1].Sid, accept)
	var e *client.TwilioRestError
	require.ErrorAs(t, err, &e, "%v", err)
	require.Equal(t, [2]int{http.StatusGone, 20410}, [2]int{e.Status, e.Code})
}

// TestWebhookSignatures shows that the library's validator accepts ours. It
// lives here so that package wire needs nobody's code.
func TestWebhookSignatures(t *testing.T) {
	form := url.Values{"TaskSid": {"WT1"}, "TaskAttributes": {`{"a":"ü"}`}, "EventType": {"task.created"}}
	plain := map[string]string{}
	for name := range form {
		plain[name] = form.Get(name)
	}
	for _, target := range []string{"https://a.example/hook?x=1", "http://a.example:8080/hook", "https://a.example"} {
		validator := client.NewRequestValidator("token")
		require.True(t, validator.Validate(target, plain, sign(target, form)), target)
	}
}

func sign(target string, form url.Values) string { return wire.Sign(target, form, "token") }
