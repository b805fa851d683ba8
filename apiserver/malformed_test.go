package apiserver_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// TestMalformedRequests sends what clients get wrong. Each is refused with the
// right status and code, and nothing ends in a fault of ours.
func TestMalformedRequests(t *testing.T) {
	f := furnished(t)
	long := strings.Repeat("x", 65)
	routing := func(inner string) string { return "Configuration=" + url.QueryEscape(`{"task_routing":`+inner+`}`) }
	queue := sidOf(f.queue)
	type row struct {
		method, path, form string
		code               int
	}
	const get, post, del = "GET", "POST", "DELETE"
	w := f.workspace
	rows := []row{
		{post, "/v1/Workspaces", "", 20001},
		{post, "/v1/Workspaces", "FriendlyName=" + long, 20001},
		{post, "/v1/Workspaces", "FriendlyName=x&Template=BIG", 20001},
		{post, "/v1/Workspaces", "FriendlyName=x&EventCallbackUrl=mailto:a@b.example", 20001},
		{get, "/v1/Workspaces", "PageSize=0", 20001},
		{get, "/v1/Workspaces", "PageSize=ten", 20001},
		{get, "/v1/Workspaces", "Page=1", 40153},
		{get, "/v1/Workspaces", "PageToken=next", 20001},
		{get, "/v1/Workspaces", "FriendlyName=%00", 20001},
		{get, "/v1/Workspaces", "PageSize=%zz", 20001},
		{post, w, "DefaultActivitySid=" + newSID("WA"), 20001},
		{post, w, "TimeoutActivitySid=", 20001},
		{post, w, "MultiTaskEnabled=false", 20001},
		{post, w, "PrioritizeQueueOrder=random", 20001},

		{post, w + "/Activities", "Available=true", 20001},
		{post, w + "/Activities", "FriendlyName=%ff%fe", 20001},
		{post, f.activity, "FriendlyName=++", 20001},
		{get, w + "/Activities", "PageToken=PA" + newSID("WA"), 20001},
		{del, f.available, "", 20001},

		{post, w + "/TaskChannels", "FriendlyName=x", 20001},
		{post, w + "/TaskChannels", "FriendlyName=x&UniqueName=e-mail", 20001},
		{post, w + "/TaskChannels", "FriendlyName=x&UniqueName=email", 20001},
		{del, w + "/TaskChannels/default", "", 20001},

		{post, w + "/TaskQueues", "", 20001},
		{post, w + "/TaskQueues", "FriendlyName=x&TargetWorkers=" + url.QueryEscape(`a == "open`), 20001},
		{post, w + "/TaskQueues", "FriendlyName=x&TargetWorkers=" + url.QueryEscape(strings.Repeat("(", 500)), 20001},
		{post, w + "/TaskQueues", "FriendlyName=x&MaxReservedWorkers=51", 20001},
		{post, w + "/TaskQueues", "FriendlyName=x&MaxReservedWorkers=0", 20001},
		{post, w + "/TaskQueues", "FriendlyName=x&TaskOrder=up", 20001},
		{post, w + "/TaskQueues", "FriendlyName=x&AssignmentActivitySid=" + newSID("WA"), 20001},
		{post, w + "/TaskQueues", "FriendlyName=x&ReservationActivitySid=" + newSID("WK"), 20001},
		{get, w + "/TaskQueues", "EvaluateWorkerAttributes=a==1", 20001},
		{get, w + "/TaskQueues", "Ordering=FriendlyName:asc", 20001},
		{del, f.queue, "", 20001},

		{post, w + "/Workflows", "FriendlyName=x", 20001},
		{post, w + "/Workflows", "FriendlyName=x&Configuration={", 20001},
		{post, w + "/Workflows", "FriendlyName=x&" + routing(`{"filters":1}`), 20001},
		{post, w + "/Workflows", "FriendlyName=x&" + routing(`{"default_filter":{"queue":"`+newSID("WQ")+`"}}`), 20001},
		{post, w + "/Workflows", "FriendlyName=x&" + routing(`{"filters":[{"expression":"a ==","targets":[{"queue":"`+queue+`"}]}]}`), 20001},
		{post, w + "/Workflows", "FriendlyName=x&TaskReservationTimeout=86401&" + routing(`{"default_filter":{"queue":"`+queue+`"}}`), 20001},
		{post, w + "/Workflows", "FriendlyName=x&AssignmentCallbackUrl=a.example&" + routing(`{"default_filter":{"queue":"`+queue+`"}}`), 20001},
		{post, w + "/Workflows", "FriendlyName=x&Configuration=" + strings.Repeat("x", taskrouter.MaxConfigurationSize+1), 20001},
		{del, f.workflow, "", 20001},

		{post, w + "/Workers", "Attributes={}", 20001},
		{post, w + "/Workers", "FriendlyName=aNN", 20001},
		{post, w + "/Workers", "FriendlyName=x&Attributes=[]", 20001},
		{post, w + "/Workers", "FriendlyName=x&Attributes=1", 20001},
		{post, w + "/Workers", "FriendlyName=x&Attributes={\"a\":}", 20001},
		{post, w + "/Workers", "FriendlyName=x&Attributes={\"a\":\"" + strings.Repeat("x", 4096) + "\"}", 20001},
		{post, w + "/Workers", "FriendlyName=x&ActivitySid=" + newSID("WA"), 20001},
		{post, f.worker, "RejectPendingReservations=true&ActivitySid=" + sidOf(f.available), 20001},
		{get, w + "/Workers", "TargetWorkersExpression=" + url.QueryEscape("a = = 1"), 20001},
		{get, w + "/Workers", "Ordering=DateStatusChanged:sideways", 20001},
		{get, w + "/Workers", "TaskQueueSid=queue", 20001},
		{del, f.worker, "", 20001},
		{post, f.workerChannel, "Capacity=-1", 20001},
		{post, f.workerChannel, "Capacity=1e3", 20001},

		{post, w + "/Tasks", "Attributes=no", 20001},
		{post, w + "/Tasks", "Attributes={}{}", 20001},
		{post, w + "/Tasks", "WorkflowSid=" + newSID("WW"), 20001},
		{post, w + "/Tasks", "WorkflowSid=", 20001},
		{post, w + "/Tasks", "TaskChannel=fax", 20001},
		{post, w + "/Tasks", "Priority=-1", 20001},
		{post, w + "/Tasks", "Priority=99999999999", 20001},
		{post, w + "/Tasks", "Timeout=0", 20001},
		{post, w + "/Tasks", "Timeout=1209601", 20001},
		{post, w + "/Tasks", "VirtualStartTime=2100-01-01", 20001},
		{post, w + "/Tasks", "VirtualStartTime=1899-12-31", 20001},
		{post, w + "/Tasks", "VirtualStartTime=0000-00-00", 20001},
		{post, w + "/Tasks", "RoutingTarget=" + newSID("WK"), 20001},
		{post, w + "/Tasks", "RoutingTarget=" + queue + "&IgnoreCapacity=true", 20001},
		{post, w + "/Tasks", "TaskQueueSid=" + newSID("WQ"), 20001},
		{post, f.task, "AssignmentStatus=pending", 20001},
		{post, f.task, "AssignmentStatus=reserved", 20001},
		{post, f.task, "AssignmentStatus=completed", 20001},
		{post, f.task, "AssignmentStatus=wrapping", 20001},
		{post, f.task, "AssignmentStatus=completed&Attributes={}", 20001},
		{post, f.task, "TaskChannel=voice", 20001},
		{post, f.task, "Priority=high", 20001},
		{get, w + "/Tasks", "Ordering=DateCreated:asc,VirtualStartTime:asc", 20001},
		{get, w + "/Tasks", "AssignmentStatus=gone", 20001},
		{get, w + "/Tasks", "EvaluateTaskAttributes=" + url.QueryEscape("a AND"), 20001},

		{post, f.reservation, "ReservationStatus=pending", 20001},
		{post, f.reservation, "ReservationStatus=timeout", 20001},
		{post, f.reservation, "ReservationStatus=mine", 20001},
		{post, f.reservation, "ReservationStatus=completed", 20001},
		{post, f.reservation, "Instruction=dance", 55555},
		{post, f.reservation, "Instruction=dequeue", 40132},
		{post, f.reservation, "Instruction=call&CallFrom=%2B15550100", 40112},
		{post, f.reservation, "Instruction=redirect", 40121},
		{post, f.reservation, "ReservationStatus=rejected&WorkerActivitySid=later", 40100},
		{post, f.workerReservation, "Instruction=supervise&Supervisor=" + sidOf(f.worker), 20001},
		{get, f.task + "/Reservations", "ReservationStatus=maybe", 20001},
		{get, f.task + "/Reservations", "WorkerSid=Ann", 20001},

		{get, w + "/Events", "Minutes=-5", 20001},
		{get, w + "/Events", "StartDate=tomorrow", 20001},
		{get, w + "/Events", "TaskChannel=fax", 20001},
		{get, w + "/Events", "StartDate=2026-02-01&EndDate=2026-01-01", 20001},

		{post, w + "/CallQueues", "FriendlyName=x", 20001},
		{post, w + "/CallQueues", "FriendlyName=x&WorkflowSid=" + newSID("WW"), 20001},
		{post, w + "/CallQueues", "FriendlyName=x&PhoneNumbers=%2B15550100&WorkflowSid=" + sidOf(f.workflow), 20001},
		{post, f.callQueue, "Backend=elsewhere", 20001},
		{post, f.callQueue, "HoldMusicUrl=loud", 20001},
	}
	require.GreaterOrEqual(t, len(rows), 60)
	for _, r := range rows {
		name := r.form
		if len(name) > 80 {
			name = name[:80]
		}
		t.Run(r.method+" "+strings.ReplaceAll(r.path, w, "~")+" "+name, func(t *testing.T) {
			path := r.path
			if r.method == get {
				path += "?" + r.form
			}
			a := f.raw(r.method, path, r.form)
			refusal(t, a, 400, r.code)
		})
	}
}
