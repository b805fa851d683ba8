package apiserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// matching sends a request with an If-Match header.
func (f *fixture) matching(method, path, tag string, form url.Values) stack.Answer {
	f.t.Helper()
	r, err := http.NewRequest(method, f.URL+path, strings.NewReader(form.Encode()))
	require.NoError(f.t, err)
	r.SetBasicAuth(f.Account.SID, f.Account.Token)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("If-Match", tag)
	return f.Send(r)
}

// TestVersionsInOrder walks every resource with a version through its tags: what is
// missing is told before a wrong version, and that before a wrong parameter.
func TestVersionsInOrder(t *testing.T) {
	f := furnished(t)
	for _, r := range []struct {
		path          string
		change, wrong url.Values
	}{
		{f.task, url.Values{"Priority": {"3"}}, url.Values{"Priority": {"x"}}},
		{f.worker, url.Values{"Attributes": {`{"skills":["tax"],"n":1}`}}, url.Values{"Attributes": {"["}}},
		{f.reservation, url.Values{"ReservationStatus": {"accepted"}}, url.Values{"ReservationStatus": {"x"}}},
		{f.workerReservation, url.Values{"ReservationStatus": {"wrapping"}}, url.Values{"ReservationStatus": {"x"}}},
	} {
		tag := f.Do(f.Account, "GET", r.path, nil).Header.Get("ETag")
		require.Regexp(t, `^"\d+"$`, tag, r.path)
		gone := r.path[:len(r.path)-32] + strings.Repeat("0", 32)
		refusal(t, f.matching("POST", gone, `"99"`, r.wrong), 404, 20404)
		refusal(t, f.matching("POST", r.path, `"99"`, r.wrong), 412, 20412)
		refusal(t, f.matching("POST", r.path, tag, r.wrong), 400, 20001)
		refusal(t, f.matching("POST", r.path, "nonsense", r.change), 412, 20412)
		require.Equal(t, tag, f.Do(f.Account, "GET", r.path, nil).Header.Get("ETag"), "nothing was changed")
		changed := f.matching("POST", r.path, "W/"+tag, r.change)
		require.Equal(t, 200, changed.Status, "%s", changed.Body)
		next := changed.Header.Get("ETag")
		require.NotEqual(t, tag, next)
		require.Equal(t, next, f.Do(f.Account, "GET", r.path, nil).Header.Get("ETag"))
		refusal(t, f.matching("POST", r.path, strings.Trim(tag, `"`), r.change), 412, 20412)
		require.Equal(t, 200, f.matching("POST", r.path, "*", nil).Status)
	}
	for _, path := range []string{f.task, f.worker} {
		refusal(t, f.matching("DELETE", path, `"99"`, nil), 412, 20412)
		tag := f.Do(f.Account, "GET", path, nil).Header.Get("ETag")
		require.Equal(t, 204, f.matching("DELETE", path, strings.Trim(tag, `"`), nil).Status)
		refusal(t, f.matching("DELETE", path, tag, nil), 404, 20404)
	}
}

// TestDeletionRules deletes what others need, and then what nobody needs.
func TestDeletionRules(t *testing.T) {
	f := furnished(t)
	w := f.workspace
	gone := func(path string) {
		t.Helper()
		require.Equal(t, 204, f.Do(f.Account, "DELETE", path, nil).Status, path)
	}
	kept := func(path string) { t.Helper(); refusal(t, f.Do(f.Account, "DELETE", path, nil), 400, 20001) }
	other := f.make(w+"/TaskQueues", url.Values{"FriendlyName": {"Other"}, "ReservationActivitySid": {sidOf(f.activity)}})
	f.make(w+"/Tasks", url.Values{"TaskChannel": {"email"}, "WorkflowSid": {sidOf(f.workflow)}})
	for _, a := range f.list(w+"/Activities", nil) {
		if a.text("friendly_name") == "Offline" || a.text("friendly_name") == "Available" {
			kept(w + "/Activities/" + a.text("sid"))
		}
	}
	kept(f.activity)
	kept(f.queue)
	kept(f.workflow)
	kept(f.worker)
	kept(f.channel)
	kept(w + "/TaskChannels/default")
	gone(other)
	gone(f.activity)
	for _, task := range f.list(w+"/Tasks", nil) {
		gone(w + "/Tasks/" + task.text("sid"))
	}
	require.Empty(t, f.list(f.worker+"/Reservations", nil))
	gone(f.channel)
	kept(f.queue) // the Workflow leads to it
	gone(f.callQueue)
	gone(f.workflow)
	gone(f.queue)
	gone(f.worker)
	require.Equal(t, 204, f.Do(f.Account, "DELETE", w, nil).Status)
	for _, path := range []string{w, w + "/Tasks", f.event} {
		refusal(t, f.Do(f.Account, "GET", path, nil), 404, 20404)
	}
	require.Empty(t, f.list("/v1/Workspaces", nil))
}

// TestTaskRules asks for what a Task does not do.
func TestTaskRules(t *testing.T) {
	f := furnished(t)
	w := f.workspace
	for name, form := range map[string]url.Values{
		"two workflows":        {"WorkflowSid": {sidOf(f.workflow)}, "RoutingTarget": {newSID("WW")}},
		"no such worker":       {"RoutingTarget": {newSID("WK")}},
		"no such queue":        {"RoutingTarget": {newSID("WQ")}},
		"no such task queue":   {"TaskQueueSid": {newSID("WQ")}},
		"an activity":          {"RoutingTarget": {sidOf(f.activity)}},
		"capacity of a queue":  {"RoutingTarget": {sidOf(f.queue)}, "IgnoreCapacity": {"yes"}},
		"capacity of nobody":   {"IgnoreCapacity": {"true"}},
		"from the future":      {"VirtualStartTime": {time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}},
		"before all time":      {"VirtualStartTime": {"1899-12-31T23:59:59Z"}},
		"no time at all":       {"Timeout": {"0"}},
		"too much time":        {"Timeout": {"1209601"}},
		"below all priorities": {"Priority": {"-1"}},
		"above all priorities": {"Priority": {"2147483648"}},
		"no such channel":      {"TaskChannel": {"pigeon"}},
		"an empty workflow":    {"WorkflowSid": {""}},
		"attributes of 4097":   {"Attributes": {`{"a":"` + strings.Repeat("é", 4097-8) + `"}`}},
	} {
		refusal(t, f.Do(f.Account, "POST", w+"/Tasks", form), 400, 20001)
		require.Len(t, f.list(w+"/Tasks", nil), 1, name)
	}
	largest := f.make(w+"/Tasks", url.Values{"Attributes": {`{"a":"` + strings.Repeat("é", 4096-8) + `"}`}, "Timeout": {"1209600"}, "Priority": {"2147483647"}})
	require.Equal(t, "pending", f.get(largest).text("assignment_status"))

	refuse := func(path, message string, form url.Values) {
		t.Helper()
		e := refusal(t, f.Do(f.Account, "POST", path, form), 400, 20001)
		require.Contains(t, e.Message, message)
	}
	refuse(largest, "because it is not currently assigned.", url.Values{"AssignmentStatus": {"completed"}})
	refuse(largest, "because it's not currently assigned", url.Values{"AssignmentStatus": {"wrapping"}})
	for _, status := range []string{"pending", "reserved", "assigned"} {
		refuse(largest, "cannot be set", url.Values{"AssignmentStatus": {status}})
	}
	f.post(f.reservation, url.Values{"ReservationStatus": {"accepted"}})
	refuse(f.reservation, "", url.Values{"ReservationStatus": {"accepted"}})
	refuse(f.task, "because it is not pending or reserved.", url.Values{"AssignmentStatus": {"canceled"}})
	refuse(f.task, "one request", url.Values{"AssignmentStatus": {"completed"}, "Attributes": {"{}"}})
	refuse(f.task, "pending", url.Values{"TaskChannel": {"email"}})
	done := f.post(f.task, url.Values{"AssignmentStatus": {"COMPLETED"}, "Reason": {"sold"}})
	require.Equal(t, "completed", done.text("assignment_status"))
	require.Equal(t, "sold", done.text("reason"))
	refuse(f.task, "ended", url.Values{"Priority": {"1"}})
	require.Equal(t, `{"late":1}`, f.post(f.task, url.Values{"Attributes": {`{"late":1}`}}).text("attributes"))
	require.Equal(t, []string{sidOf(f.task)}, values(f.list(w+"/Tasks?AssignmentStatus=completed", nil), "sid"), "five minutes long")
}

// TestSingleTasking follows an agent of a Workspace where one Task at a time
// moves them from Activity to Activity.
func TestSingleTasking(t *testing.T) {
	s := stack.Start(t)
	f := &fixture{Stack: s, t: t}
	o := decoded(t, s.Do(s.Account, "POST", "/v1/Workspaces", url.Values{"FriendlyName": {"Old"}, "MultiTaskEnabled": {"false"}, "Template": {"fifo"}}), 201)
	w := "/v1/Workspaces/" + o.text("sid")
	require.Equal(t, []string{"Offline", "Available", "Unavailable", "Reserved", "Busy"}, values(f.list(w+"/Activities", nil), "friendly_name"))
	queue := f.list(w+"/TaskQueues", nil)[0]
	require.Equal(t, []string{"Sample Queue", "1==1", "Reserved", "Busy"},
		[]string{queue.text("friendly_name"), queue.text("target_workers"), queue.text("reservation_activity_name"), queue.text("assignment_activity_name")})
	require.Equal(t, "Default Fifo Workflow", f.list(w+"/Workflows", nil)[0].text("friendly_name"))
	available := f.list(w+"/Activities?FriendlyName=Available", nil)[0].text("sid")
	ann := f.make(w+"/Workers", url.Values{"FriendlyName": {"Ann"}, "ActivitySid": {available}})
	f.post(ann+"/Channels/default", url.Values{"Capacity": {"5"}})
	activity := func() string { return f.get(ann).text("activity_name") }

	first := f.make(w+"/Tasks", nil)
	second := f.make(w+"/Tasks", url.Values{"TaskChannel": {"chat"}})
	require.Equal(t, "Reserved", activity())
	require.Equal(t, "pending", f.get(second).text("assignment_status"), "one at a time, whatever the capacity")
	offer := func(task string) string {
		return task + "/Reservations/" + f.list(task+"/Reservations?ReservationStatus=pending", nil)[0].text("sid")
	}
	f.post(offer(first), url.Values{"ReservationStatus": {"accepted"}})
	require.Equal(t, "Busy", activity())
	f.post(first, url.Values{"AssignmentStatus": {"completed"}})
	require.Equal(t, "Busy", activity(), "the application puts her back")
	f.post(ann, url.Values{"ActivitySid": {available}})
	require.Equal(t, "Reserved", activity())
	f.post(offer(second), url.Values{"ReservationStatus": {"rejected"}, "WorkerActivitySid": {f.list(w+"/Activities?FriendlyName=Unavailable", nil)[0].text("sid")}})
	require.Equal(t, "Unavailable", activity())
	refusal(t, f.Do(f.Account, "POST", ann, url.Values{"RejectPendingReservations": {"true"}, "ActivitySid": {available}}), 400, 20001)
}
