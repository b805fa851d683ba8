package apiserver_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/taskrouter/taskrouter/apiserver"
)

// TestAnyRequest sends any parameters to any operation of a server with a
// database: no answer is a fault of ours, and each one is JSON or nothing. It is
// no fuzz test because a database with the fuzzer's instruments takes minutes to
// build.
func TestAnyRequest(t *testing.T) {
	f := furnished(t)
	f.deliver()
	names := []string{
		"FriendlyName", "UniqueName", "Attributes", "Configuration", "TargetWorkers", "ActivitySid", "AssignmentStatus", "ReservationStatus",
		"Instruction", "To", "From", "DequeueFrom", "CallUrl", "Priority", "Timeout", "TaskChannel", "RoutingTarget", "TaskQueueSid", "WorkflowSid", "WorkerSid",
		"VirtualStartTime", "StartDate", "EndDate", "Minutes", "SplitByWaitTime", "Ordering", "PageSize", "Page", "PageToken", "Capacity", "Available",
		"EvaluateTaskAttributes", "EvaluateWorkerAttributes", "TargetWorkersExpression", "MaxReservedWorkers", "PhoneNumbers", "Menu", "WrapUp",
		"EventCallbackUrl", "EventsFilter", "DefaultActivitySid", "TaskReservationTimeout", "Reason", "IgnoreCapacity", "MultiTaskEnabled",
	}
	values := []string{
		"", " ", "x", "0", "1", "-1", "1.5", "1e308", "9223372036854775808", "true", "null", "{}", "[]", `{"a":"\u0000","b":[1e999]}`, `{"skills":["tax"]}`,
		"\x00", "\xff", "é", "'", `"`, "%", "a.b IN ['x']", "1==1", "((", "DateCreated:desc", "2026-01-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
		"https://example.com/", "+15550101", "accept", "conference", "dequeue", "pending", "completed", "canceled", "rejected", "default", "email",
		`{"task_routing":{"default_filter":{"queue":"` + sidOf(f.queue) + `"}}}`, sidOf(f.queue), sidOf(f.workflow), sidOf(f.worker), sidOf(f.activity), sidOf(f.task),
		"PA" + sidOf(f.task), "PA" + sidOf(f.task) + ".zz", "PB" + sidOf(f.event) + ".1",
	}
	ops := apiserver.Operations()
	rapid.Check(t, func(rt *rapid.T) {
		o := rapid.SampledFrom(ops).Draw(rt, "operation")
		if o.Method == http.MethodDelete {
			return // little would be left to ask for
		}
		form := url.Values{}
		for range rapid.IntRange(0, 6).Draw(rt, "parameters") {
			name := rapid.SampledFrom(names).Draw(rt, "name")
			form.Add(name, rapid.OneOf(rapid.SampledFrom(values), rapid.String()).Draw(rt, "value"))
		}
		m := post(o.ID, f.path(o.Path), form.Encode()).
			with("If-Match", rapid.SampledFrom([]string{"", "*", `"0"`, `"99"`, "W/1", "x"}).Draw(rt, "tag"))
		m.method = o.Method
		a := f.err(m)
		require.NotContains(rt, []int{500, 503}, a.Status, "%s", a.Body)
		require.True(rt, len(a.Body) == 0 || json.Valid(a.Body), "%s", a.Body)
	})
}
