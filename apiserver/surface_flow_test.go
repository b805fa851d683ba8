package apiserver_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// TestLinksLead follows every link of one resource of each kind.
func TestLinksLead(t *testing.T) {
	f := furnished(t)
	w := f.workspace
	links := 0
	for _, path := range []string{
		w, f.activity, f.worker, f.workerChannel, f.channel, f.queue, f.workflow, f.task, f.reservation, f.workerReservation, f.event,
	} {
		o := f.get(path)
		require.Equal(t, stack.PublicURL+path, o.text("url"))
		all, _ := o["links"].(map[string]any)
		for name, v := range all {
			if v == nil {
				continue
			}
			u, _ := v.(string)
			require.True(t, strings.HasPrefix(u, stack.PublicURL+"/v1/"), "%s of %s: %s", name, path, u)
			u = strings.TrimPrefix(u, stack.PublicURL)
			links++
			if name == "bulk_real_time_statistics" {
				continue // takes POST only
			}
			require.Equal(t, 200, f.Do(f.Account, "GET", u, nil).Status, "%s of %s", name, path)
		}
	}
	require.Equal(t, 40, links)
	for _, e := range f.list(w+"/Events", nil) {
		if u := e.text("resource_url"); u != "" {
			require.Equal(t, 200, f.Do(f.Account, "GET", strings.TrimPrefix(u, stack.PublicURL), nil).Status, "%s %s", e.text("event_type"), u)
		}
	}
}

// TestEventFields checks what each event of a Task's life carries.
func TestEventFields(t *testing.T) {
	f := furnished(t)
	f.post(f.reservation, url.Values{"ReservationStatus": {"accepted"}})
	f.post(f.reservation, url.Values{"ReservationStatus": {"wrapping"}})
	f.post(f.reservation, url.Values{"ReservationStatus": {"completed"}})
	f.post(f.worker+"/Channels/default", url.Values{"Capacity": {"3"}, "Available": {"false"}})
	f.post(f.worker, url.Values{"ActivitySid": {sidOf(f.activity)}})
	f.post(f.queue, url.Values{"TargetWorkers": {"1==2"}})
	waiting := f.make(f.workspace+"/Tasks", url.Values{"Attributes": {`{"n":1}`}})
	f.post(waiting, url.Values{"Attributes": {`{"n":2}`}, "Priority": {"4"}})
	f.post(waiting, url.Values{"AssignmentStatus": {"canceled"}, "Reason": {"enough"}})
	groups := map[string]string{
		"T": "task_sid task_attributes task_age task_priority task_assignment_status task_channel_sid task_channel_unique_name task_date_created task_virtual_start_time task_version",
		"W": "worker_sid worker_name worker_attributes worker_version worker_activity_sid worker_activity_name",
		"R": "reservation_sid reservation_version",
		"Q": "task_queue_sid task_queue_name task_queue_target_expression",
		"F": "workflow_sid workflow_name",
		"C": "worker_channel_available worker_channel_available_capacity worker_channel_capacity worker_channel_task_count task_channel_sid task_channel_unique_name",
		"K": "task_channel_sid task_channel_name task_channel_unique_name task_channel_optimized_routing",
		"A": "activity_sid activity_name activity_available",
	}
	types := map[string]string{
		"activity.created": "A", "task-channel.created": "K", "worker.created": "W", "task-queue.created": "Q", "workflow.created": "F",
		"task.created": "TF", "workflow.entered": "TF", "workflow.target-matched": "TF", "task-queue.entered": "TQF",
		"reservation.created": "TWRQF", "reservation.accepted": "TWRQF", "reservation.wrapup": "TWRQF", "reservation.completed": "TWRQF",
		"task.wrapup": "TQF", "task.completed": "TQF", "task.updated": "TQF", "task.canceled": "TQF",
		"worker.capacity.update": "WC", "worker.channel.availability.update": "WC", "worker.activity.update": "W",
		"task-queue.expression.updated": "Q", "workspace.created": "",
	}
	seen := map[string]bool{}
	for _, e := range f.list(f.workspace+"/Events?PageSize=1000", nil) {
		typ := e.text("event_type")
		want, known := types[typ]
		require.True(t, known, typ)
		seen[typ] = true
		data, _ := e["event_data"].(map[string]any)
		keys := "workspace_sid workspace_name"
		for _, g := range want {
			keys += " " + groups[string(g)]
		}
		for _, key := range strings.Fields(keys) {
			text, ok := data[key].(string)
			require.True(t, ok && text != "", "%s lacks %s", typ, key)
		}
		extra := map[string]string{"task.canceled": "task_canceled_reason", "worker.activity.update": "worker_previous_activity_name", "worker.capacity.update": "worker_channel_previous_capacity"}
		if key := extra[typ]; key != "" {
			require.NotEmpty(t, data[key], typ)
		}
	}
	require.Len(t, seen, len(types))
}

// TestEventLists narrows the log in every way there is.
func TestEventLists(t *testing.T) {
	f := furnished(t)
	w := f.workspace
	all := f.list(w+"/Events", nil)
	for i := 1; i < len(all); i++ {
		require.GreaterOrEqual(t, all[i-1]["event_date_ms"], all[i]["event_date_ms"], "newest first")
	}
	offered := f.list(w+"/Events?EventType=reservation.created", nil)
	require.Len(t, offered, 1)
	require.Equal(t, "reservation", offered[0].text("resource_type"))
	for _, query := range []string{
		"ReservationSid=" + sidOf(f.reservation), "TaskSid=" + sidOf(f.task), "WorkerSid=" + sidOf(f.worker), "TaskQueueSid=" + sidOf(f.queue),
		"WorkflowSid=" + sidOf(f.workflow), "TaskChannel=default", "Minutes=1", "StartDate=2020-01-01", "Sid=" + offered[0].text("sid"),
		"Sid=" + offered[0].text("sid") + "&EndDate=2020-01-01", "Minutes=1&StartDate=2020-01-01",
	} {
		require.Contains(t, values(f.list(w+"/Events?"+query, nil), "sid"), offered[0].text("sid"), query)
	}
	for _, query := range []string{
		"EndDate=2020-01-01", "TaskSid=" + newSID("WT"), "TaskChannel=email&EventType=reservation.created", "Sid=" + newSID("EV"),
		"StartDate=" + url.QueryEscape(time.Now().Add(time.Hour).UTC().Format(time.RFC3339)),
	} {
		require.Empty(t, f.list(w+"/Events?"+query, nil), query)
	}
}

// TestMultiReservation offers one Task to several agents.
func TestMultiReservation(t *testing.T) {
	f := furnished(t)
	w := f.workspace
	many := f.make(w+"/TaskQueues", url.Values{"FriendlyName": {"Many"}, "MaxReservedWorkers": {"3"}})
	f.Sweep()
	for i := range 4 {
		f.make(w+"/Workers", url.Values{"FriendlyName": {fmt.Sprint("agent ", i)}, "ActivitySid": {sidOf(f.available)}})
	}
	task := f.make(w+"/Tasks", url.Values{"RoutingTarget": {sidOf(many)}})
	offers := values(f.list(task+"/Reservations", nil), "sid")
	require.Len(t, offers, 3)
	require.Len(t, f.list(w+"/Events?EventType=reservation.created&TaskSid="+sidOf(task), nil), 3)
	f.post(task+"/Reservations/"+offers[0], url.Values{"ReservationStatus": {"rejected"}})
	require.Equal(t, "reserved", f.get(task).text("assignment_status"))
	require.Len(t, f.list(task+"/Reservations", nil), 3, "nobody else is asked while offers are open")
	f.post(task+"/Reservations/"+offers[1], url.Values{"ReservationStatus": {"accepted"}})
	require.Equal(t, []string{offers[2]}, values(f.list(task+"/Reservations?ReservationStatus=rescinded", nil), "sid"))
	refusal(t, f.Do(f.Account, "POST", task+"/Reservations/"+offers[2], url.Values{"ReservationStatus": {"accepted"}}), 410, 20410)
	refusal(t, f.Do(f.Account, "POST", task+"/Reservations/"+offers[2], url.Values{"ReservationStatus": {"rejected"}}), 400, 20001)
	refusal(t, f.Do(f.Account, "POST", task+"/Reservations/"+offers[2], url.Values{"Instruction": {"Dequeue"}, "DequeueFrom": {"+431"}}), 400, 40135)
}

// TestWorkflowsAreReEvaluated changes a Workflow under waiting Tasks.
func TestWorkflowsAreReEvaluated(t *testing.T) {
	f := furnished(t)
	w := f.workspace
	f.post(f.worker, url.Values{"ActivitySid": {sidOf(f.activity)}, "RejectPendingReservations": {"true"}})
	require.Equal(t, "pending", f.get(f.task).text("assignment_status"))
	require.Equal(t, "rejected", f.get(f.reservation).text("reservation_status"))
	second := f.make(w+"/TaskQueues", url.Values{"FriendlyName": {"Second"}})
	text := ` {"task_routing": {"filters": [{"expression": "topic == \"tax\"", "targets": [{"queue": "` + sidOf(second) + `", "priority": "7"}]}]}, "mine": true} `
	changed := f.post(f.workflow, url.Values{"Configuration": {text}})
	require.Equal(t, text, changed.text("configuration"), "byte for byte")
	require.Equal(t, sidOf(f.queue), f.get(f.task).text("task_queue_sid"), "it follows what it entered with")
	f.post(f.workflow, url.Values{"ReEvaluateTasks": {"true"}})
	f.Sweep()
	now := f.get(f.task)
	require.Equal(t, sidOf(second), now.text("task_queue_sid"))
	require.EqualValues(t, 7, now["priority"])
	refusal(t, f.Do(f.Account, "POST", w+"/Tasks", url.Values{"Attributes": {`{"topic":"law"}`}}), 400, 20001)
	require.Len(t, f.list(w+"/Tasks", nil), 1)

	// An offer that only one agent may take ends with their refusal.
	ben := f.make(w+"/Workers", url.Values{"FriendlyName": {"Ben"}})
	direct := f.make(w+"/Tasks", url.Values{"RoutingTarget": {sidOf(ben)}, "Attributes": {`{"topic":"law"}`}})
	o := f.get(direct)
	require.Equal(t, true, o["ignore_capacity"])
	require.Equal(t, sidOf(ben), o.text("routing_target"))
	require.Equal(t, sidOf(second), o.text("task_queue_sid"), "the first queue of the first filter")
	offers := f.list(direct+"/Reservations", nil)
	require.Len(t, offers, 1, "although Ben is offline")
	f.post(ben+"/Reservations/"+offers[0].text("sid"), url.Values{"ReservationStatus": {"rejected"}})
	require.Equal(t, "canceled", f.get(direct).text("assignment_status"))
}
