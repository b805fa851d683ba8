package apiserver_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWorkspaceLife(t *testing.T) {
	f := furnished(t)
	w := f.get(f.workspace)
	require.Equal(t, "Offline", w.text("default_activity_name"))
	require.Equal(t, "Offline", w.text("timeout_activity_name"))
	require.Nil(t, w["events_filter"])
	require.Empty(t, w["event_callback_url"])
	w = f.post(f.workspace, url.Values{
		"FriendlyName": {"Sales"}, "EventCallbackUrl": {"https://a.example/e"}, "EventsFilter": {"task.created"},
		"DefaultActivitySid": {sidOf(f.activity)}, "PrioritizeQueueOrder": {"lifo"},
	})
	require.Equal(t, "Sales", w.text("friendly_name"))
	require.Equal(t, "Lunch", w.text("default_activity_name"))
	require.Equal(t, "LIFO", w.text("prioritize_queue_order"))
	w = f.post(f.workspace, url.Values{"EventCallbackUrl": {""}, "EventsFilter": {""}})
	require.Empty(t, w["event_callback_url"])
	require.Nil(t, w["events_filter"])
	require.Len(t, f.list("/v1/Workspaces", url.Values{"FriendlyName": {"Sales"}}), 1)
	require.Empty(t, f.list("/v1/Workspaces", url.Values{"FriendlyName": {"Support"}}))

	fifo := f.make("/v1/Workspaces", url.Values{"FriendlyName": {"Templated"}, "Template": {"fifo"}})
	require.Len(t, f.list(fifo+"/TaskQueues", nil), 1)
	require.Len(t, f.list(fifo+"/Workflows", nil), 1)

	a := f.Do(f.Account, "DELETE", f.workspace, nil)
	require.Equal(t, 204, a.Status)
	require.Empty(t, a.Body)
	for _, path := range []string{f.workspace, f.task, f.workspace + "/Tasks"} {
		refusal(t, f.Do(f.Account, "GET", path, nil), 404, 20404)
	}
	refusal(t, f.Do(f.Account, "DELETE", f.workspace, nil), 404, 20404)
	require.Equal(t, []string{"Templated"}, values(f.list("/v1/Workspaces", nil), "friendly_name"))
}

func TestActivityLife(t *testing.T) {
	f := furnished(t)
	require.Equal(t, false, f.get(f.activity)["available"])
	a := f.post(f.activity, url.Values{"FriendlyName": {"Dinner"}, "Available": {"true"}})
	require.Equal(t, "Dinner", a.text("friendly_name"))
	require.Equal(t, false, a["available"], "availability never changes")
	require.Len(t, f.list(f.workspace+"/Activities", url.Values{"Available": {"no"}}), 3)
	require.Len(t, f.list(f.workspace+"/Activities", url.Values{"FriendlyName": {"Dinner"}}), 1)
	require.Equal(t, 204, f.Do(f.Account, "DELETE", f.activity, nil).Status)
	refusal(t, f.Do(f.Account, "GET", f.activity, nil), 404, 20404)
	refusal(t, f.Do(f.Account, "DELETE", f.available, nil), 400, 20001)
}

func TestChannelLife(t *testing.T) {
	f := furnished(t)
	byName := f.workspace + "/TaskChannels/email"
	require.Equal(t, f.get(f.channel), f.get(byName))
	require.Equal(t, true, f.post(byName, url.Values{"ChannelOptimizedRouting": {"true"}})["channel_optimized_routing"])
	require.Equal(t, 204, f.Do(f.Account, "DELETE", byName, nil).Status)
	refusal(t, f.Do(f.Account, "GET", f.channel, nil), 404, 20404)
	refusal(t, f.Do(f.Account, "DELETE", f.workspace+"/TaskChannels/default", nil), 400, 20001)
}

func TestWorkerChannels(t *testing.T) {
	f := furnished(t)
	c := f.get(f.workerChannel)
	require.Equal(t, float64(100), c["available_capacity_percentage"])
	require.Equal(t, c, f.get(f.worker+"/Channels/email"))
	require.Equal(t, c, f.get(f.worker+"/Channels/"+sidOf(f.channel)))
	before := f.Do(f.Account, "GET", f.worker, nil).Header.Get("ETag")
	c = f.post(f.worker+"/Channels/email", url.Values{"Capacity": {"5"}, "Available": {"false"}})
	require.Equal(t, float64(5), c["configured_capacity"])
	require.Equal(t, false, c["available"])
	require.NotEqual(t, before, f.Do(f.Account, "GET", f.worker, nil).Header.Get("ETag"))
	def := f.get(f.worker + "/Channels/default")
	require.Equal(t, float64(0), def["available_capacity_percentage"], "the open offer takes the one place")
	require.Equal(t, float64(0), def["assigned_tasks"])

	all := f.list(f.worker+"/Channels", nil)
	require.Len(t, all, 6)
	page := decoded(t, f.Do(f.Account, "GET", f.worker+"/Channels", url.Values{"PageSize": {"4"}}), 200)
	require.Len(t, page["channels"], 4)
	walked := walk(t, f, f.worker+"/Channels?PageSize=4")
	require.Equal(t, values(all, "sid"), walked)
}

func TestQueueLife(t *testing.T) {
	f := furnished(t)
	q := f.get(f.queue)
	require.Equal(t, `skills HAS "tax"`, q.text("target_workers"))
	require.Equal(t, "FIFO", q.text("task_order"))
	q = f.post(f.queue, url.Values{"TargetWorkers": {""}, "MaxReservedWorkers": {"50"}, "TaskOrder": {"LIFO"}, "AssignmentActivitySid": {sidOf(f.activity)}})
	require.Nil(t, q["target_workers"])
	require.Equal(t, float64(50), q["max_reserved_workers"])
	require.Equal(t, "Lunch", q.text("assignment_activity_name"))
	require.Nil(t, q["reservation_activity_sid"])
	refusal(t, f.Do(f.Account, "DELETE", f.queue, nil), 400, 20001)
	spare := f.make(f.workspace+"/TaskQueues", url.Values{"FriendlyName": {"Spare"}})
	require.Equal(t, "1==1", f.get(spare).text("target_workers"))
	require.Equal(t, 204, f.Do(f.Account, "DELETE", spare, nil).Status)
}

func TestWorkflowLife(t *testing.T) {
	f := furnished(t)
	text := " { \"task_routing\" : {\"default_filter\":{\"queue\":\"" + sidOf(f.queue) + "\"}} }\n"
	w := f.post(f.workflow, url.Values{"Configuration": {text}, "TaskReservationTimeout": {"30"}, "AssignmentCallbackUrl": {"https://a.example/x"}, "ReEvaluateTasks": {"true"}})
	require.Equal(t, text, w.text("configuration"), "byte for byte")
	require.Equal(t, float64(30), w["task_reservation_timeout"])
	require.Equal(t, "https://a.example/x", w.text("assignment_callback_url"))
	require.Nil(t, f.post(f.workflow, url.Values{"AssignmentCallbackUrl": {""}})["assignment_callback_url"])
	refusal(t, f.Do(f.Account, "DELETE", f.workflow, nil), 400, 20001)
	spare := f.make(f.workspace+"/Workflows", url.Values{"FriendlyName": {"Spare"}, "Configuration": {text}})
	require.Len(t, f.list(f.workspace+"/Workflows", url.Values{"FriendlyName": {"Spare"}}), 1)
	require.Equal(t, 204, f.Do(f.Account, "DELETE", spare, nil).Status)
}

func TestCallQueueLife(t *testing.T) {
	f := furnished(t)
	q := f.get(f.callQueue)
	require.Equal(t, []any{"+15550100"}, q["phone_numbers"])
	require.Equal(t, "dequeue", q.text("instruction"))
	q = f.post(f.callQueue, url.Values{"PhoneNumbers": {"+15550101,+15550102"}, "WrapUp": {"20"}, "Instruction": {"None"}})
	require.Equal(t, []any{"+15550101", "+15550102"}, q["phone_numbers"])
	require.Equal(t, float64(20), q["wrap_up"])
	require.Equal(t, "none", q.text("instruction"))
	require.Equal(t, []string{q.text("sid")}, values(f.list(f.workspace+"/CallQueues", nil), "sid"))
	require.Equal(t, 204, f.Do(f.Account, "DELETE", f.callQueue, nil).Status)
	refusal(t, f.Do(f.Account, "GET", f.callQueue, nil), 404, 20404)
}

func TestWorkerLife(t *testing.T) {
	f := furnished(t)
	w := f.get(f.worker)
	require.Equal(t, "Available", w.text("activity_name"))
	require.Equal(t, true, w["available"])
	refusal(t, f.Do(f.Account, "DELETE", f.worker, nil), 400, 20001)
	w = f.post(f.worker, url.Values{"ActivitySid": {sidOf(f.activity)}, "RejectPendingReservations": {"true"}, "Attributes": {`{ "a":1 }`}})
	require.Equal(t, `{ "a":1 }`, w.text("attributes"))
	require.Equal(t, "Lunch", w.text("activity_name"))
	require.Equal(t, "rejected", f.get(f.reservation).text("reservation_status"))
	require.Equal(t, 204, f.Do(f.Account, "DELETE", f.worker, nil).Status)
	refusal(t, f.Do(f.Account, "GET", f.worker+"/Channels", nil), 404, 20404)
}

func TestTaskLife(t *testing.T) {
	f := furnished(t)
	a := f.Do(f.Account, "POST", f.workspace+"/Tasks", url.Values{"Attributes": {`{ "x" : 1 }`}, "Priority": {"4"}, "TaskChannel": {"voice"}})
	task := decoded(t, a, 201)
	require.Regexp(t, `^"\d+"$`, a.Header.Get("ETag"))
	require.Equal(t, "pending", task.text("assignment_status"))
	require.Equal(t, "Tax", task.text("task_queue_friendly_name"))
	require.Equal(t, "Calls", task.text("workflow_friendly_name"))
	require.Equal(t, "voice", task.text("task_channel_unique_name"))
	require.Equal(t, `{ "x" : 1 }`, task.text("attributes"))
	path := f.workspace + "/Tasks/" + task.text("sid")
	require.Equal(t, "reserved", f.get(path).text("assignment_status"), "the agent has room on another channel")
	canceled := f.post(path, url.Values{"AssignmentStatus": {"canceled"}, "Reason": {"changed mind"}})
	require.Equal(t, "canceled", canceled.text("assignment_status"))
	require.Equal(t, "changed mind", canceled.text("reason"))
	e := refusal(t, f.Do(f.Account, "POST", path, url.Values{"AssignmentStatus": {"canceled"}}), 400, 20001)
	require.Equal(t, "Cannot cancel task "+task.text("sid")+" in workspace "+sidOf(f.workspace)+" for account "+f.Account.SID+" because it is not pending or reserved.", e.Message)
	require.Equal(t, 204, f.Do(f.Account, "DELETE", path, nil).Status)
	refusal(t, f.Do(f.Account, "DELETE", path, nil), 404, 20404)
}

func TestReservationLife(t *testing.T) {
	f := furnished(t)
	r := f.get(f.workerReservation)
	require.True(t, strings.HasSuffix(r.text("url"), f.workerReservation))
	require.True(t, strings.HasSuffix(f.get(f.reservation).text("url"), f.reservation))
	require.Equal(t, "Ann", r.text("worker_name"))
	require.Len(t, f.list(f.task+"/Reservations", url.Values{"ReservationStatus": {"pending"}, "WorkerSid": {sidOf(f.worker)}}), 1)
	require.Empty(t, f.list(f.worker+"/Reservations", url.Values{"ReservationStatus": {"accepted"}}))

	accepted := f.post(f.workerReservation, url.Values{"ReservationStatus": {"accepted"}})
	require.Equal(t, "accepted", accepted.text("reservation_status"))
	require.Equal(t, "assigned", f.get(f.task).text("assignment_status"))
	refusal(t, f.Do(f.Account, "POST", f.reservation, url.Values{"ReservationStatus": {"accepted"}}), 400, 20001)
	require.Equal(t, "wrapping", f.post(f.reservation, url.Values{"ReservationStatus": {"wrapping"}}).text("reservation_status"))
	require.Equal(t, "completed", f.post(f.reservation, url.Values{"ReservationStatus": {"completed"}}).text("reservation_status"))
	require.Equal(t, "completed", f.get(f.task).text("assignment_status"))

	other := f.make(f.workspace+"/Workers", url.Values{"FriendlyName": {"Ben"}})
	refusal(t, f.Do(f.Account, "GET", other+"/Reservations/"+sidOf(f.reservation), nil), 404, 20404)
	refusal(t, f.Do(f.Account, "POST", other+"/Reservations/"+sidOf(f.reservation), url.Values{}), 404, 20404)
}

func TestEvents(t *testing.T) {
	f := furnished(t)
	all := f.list(f.workspace+"/Events", nil)
	types := values(all, "event_type")
	require.Equal(t, "reservation.created", types[0], "newest first")
	require.Equal(t, "workspace.created", types[len(types)-1])
	require.Equal(t, all[0], f.get(f.workspace+"/Events/"+all[0].text("sid")))
	created := f.list(f.workspace+"/Events", url.Values{"EventType": {"task.created"}, "TaskSid": {sidOf(f.task)}})
	require.Len(t, created, 1)
	require.Equal(t, "account", created[0].text("actor_type"))
	require.Equal(t, f.Account.SID, created[0].text("actor_sid"))
	require.Equal(t, "api", created[0].text("source"))
	require.Equal(t, "127.0.0.1", created[0].text("source_ip_address"))
	require.Len(t, f.list(f.workspace+"/Events", url.Values{"Sid": {all[3].text("sid")}, "EndDate": {"2001-01-01"}}), 1)
	require.Empty(t, f.list(f.workspace+"/Events", url.Values{"EndDate": {"2001-01-01"}}))
	require.NotEmpty(t, f.list(f.workspace+"/Events", url.Values{"TaskChannel": {"default"}}))
	require.Empty(t, f.list(f.workspace+"/Events", url.Values{"TaskChannel": {"voice"}}))
	require.Equal(t, values(all, "sid"), walk(t, f, f.workspace+"/Events?PageSize=3"))
}
