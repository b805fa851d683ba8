package apiserver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// documentURL is what the description is called while it is compiled.
const documentURL = "https://router.example.com/openapi.json"

// contract holds answers against the description. Members that are not
// described are faults there, which the published schemas leave to clients.
type contract struct {
	*described
	compiler *jsonschema.Compiler
	answered map[string]bool
	// seen notes of each member that may be null whether it was, and was not.
	seen map[string]map[bool]bool
}

func newContract(t *testing.T) *contract {
	t.Helper()
	d := describe(t)
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, ok := v["properties"]; ok && v["type"] == "object" {
				v["additionalProperties"] = false
			}
			for _, m := range v {
				walk(m)
			}
		case []any:
			for _, m := range v {
				walk(m)
			}
		}
	}
	walk(map[string]any(d.root))
	text, err := json.Marshal(d.root)
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.AssertContent()
	require.NoError(t, c.AddResource(documentURL, document))
	return &contract{described: d, compiler: c, answered: map[string]bool{}, seen: map[string]map[bool]bool{}}
}

// schema compiles the schema at a place of the description.
func (k *contract) schema(t *testing.T, place ...string) *jsonschema.Schema {
	t.Helper()
	for i, p := range place {
		place[i] = url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(p))
	}
	s, err := k.compiler.Compile(documentURL + "#/" + strings.Join(place, "/"))
	require.NoError(t, err)
	return s
}

// check holds one answer against what is said of its operation.
func (k *contract) check(t *testing.T, id string, a stack.Answer) {
	t.Helper()
	o, ok := k.operations[id]
	require.True(t, ok, id)
	status := fmt.Sprint(a.Status)
	responses := o.object.object("responses")
	require.Contains(t, responses, status, "%s: %s", id, a.Body)
	place := []string{"paths", o.path, strings.ToLower(o.method), "responses", status}
	r := object(responses[status].(map[string]any))
	if target := r.text("$ref"); target != "" {
		place = strings.Split(strings.TrimPrefix(target, "#/"), "/")
		r = k.resolve(r)
	}
	if a.Status < 300 {
		k.answered[id] = true
		require.Equal(t, r.object("headers")["ETag"] != nil, a.Header.Get("ETag") != "", "%s: ETag", id)
		require.NotEmpty(t, a.Header.Get("X-Request-Id"))
	}
	require.Equal(t, r.object("headers")["Retry-After"] != nil, a.Header.Get("Retry-After") != "", "%s: Retry-After", id)
	if r["content"] == nil {
		require.Empty(t, a.Body, id)
		return
	}
	body, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.Body))
	require.NoError(t, err)
	require.NoError(t, k.schema(t, append(place, "content", "application/json", "schema")...).Validate(body), "%s: %s", id, a.Body)
	k.note("", r.object("content", "application/json", "schema"), body)
}

// note walks a body along its schema and notes what was null.
func (k *contract) note(name string, s object, v any) {
	if target := s.text("$ref"); target != "" {
		name = target[strings.LastIndexByte(target, '/')+1:]
		s = k.resolve(s)
	}
	if nullable(s) {
		if k.seen[name] == nil {
			k.seen[name] = map[bool]bool{}
		}
		k.seen[name][v == nil] = true
	}
	switch v := v.(type) {
	case map[string]any:
		for member, m := range v {
			if p := s.object("properties", member); p != nil {
				k.note(name+"."+member, p, m)
			}
		}
	case []any:
		for _, m := range v {
			k.note(name, s.object("items"), m)
		}
	}
}

func nullable(s object) bool {
	types, _ := s["type"].([]any)
	return slices.Contains(types, any("null"))
}

// TestDescriptionIsOpenAPI checks the document against the schema of OpenAPI
// 3.1, and each schema in it against that of JSON Schema.
func TestDescriptionIsOpenAPI(t *testing.T) {
	f, err := os.Open(filepath.Join("openapi", "testdata", "openapi-3.1-schema.json"))
	require.NoError(t, err)
	defer f.Close()
	schema, err := jsonschema.UnmarshalJSON(f)
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("https://spec.openapis.org/oas/3.1/schema", schema))
	s, err := c.Compile("https://spec.openapis.org/oas/3.1/schema")
	require.NoError(t, err)
	k := newContract(t)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(k.text))
	require.NoError(t, err)
	require.NoError(t, s.Validate(document))

	for name, v := range k.root.object("components", "schemas") {
		compiled := k.schema(t, "components", "schemas", name)
		for _, example := range array(object(v.(map[string]any))["examples"]) {
			require.NoError(t, compiled.Validate(example), "the example of %s", name)
		}
	}
	for id, o := range k.operations {
		for typ, m := range o.object.object("requestBody", "content") {
			s := k.schema(t, "paths", o.path, strings.ToLower(o.method), "requestBody", "content", typ, "schema")
			if example, ok := m.(map[string]any)["example"]; ok {
				require.NoError(t, s.Validate(example), "the example of %s", id)
			}
		}
	}
}

func array(v any) []any {
	a, _ := v.([]any)
	return a
}

// neverSeen are members that may be null and are not in these tests, or the
// other way round, with the reason.
var neverSeen = map[string]string{
	"Delivery.callback_url": "null only of an address that cannot be read",
	"Event.actor_url":       "an address only of the system, which acts when deadlines pass; the golden files of wire have one",
}

// TestAnswersAreAsDescribed runs every operation and holds what is answered
// against the description: no member is missing, none is unknown, and what may
// be null was seen both ways.
func TestAnswersAreAsDescribed(t *testing.T) {
	f, k := furnished(t), newContract(t)
	send := func(id, path string, form url.Values) stack.Answer {
		t.Helper()
		a := f.Do(f.Account, k.operations[id].method, path, form)
		k.check(t, id, a)
		return a
	}
	w := f.workspace
	bare := f.make("/v1/Workspaces", url.Values{"FriendlyName": {"Bare"}})
	look := func() {
		for _, o := range apiserver.Operations() {
			if o.Method == http.MethodGet && strings.HasPrefix(o.Path, "/v1/") {
				send(o.ID, f.path(o.Path), url.Values{"PageSize": {"1"}})
			}
		}
	}
	look()
	send("FetchWorkspaceRealTimeStatistics", bare+"/RealTimeStatistics", nil)
	for _, id := range []string{"CreateWorkspace", "CreateActivity", "CreateWorker", "CreateTaskChannel", "CreateTaskQueue", "CreateWorkflow", "CreateTask", "CreateCallQueue"} {
		send(id, f.path(routeOf(t, id)), url.Values{"Timeout": {"x"}, "WorkflowSid": {"x"}})
	}
	send("CreateTaskQueueBulkRealTimeStatistics", w+"/TaskQueues/RealTimeStatistics", nil)
	send("FetchTask", w+"/Tasks/"+newSID(taskrouter.PrefixTask), nil)
	k.check(t, "FetchTask", f.Do(stack.Credentials{}, "GET", f.task, nil))
	k.check(t, "UpdateTask", f.Do(f.Account, "POST", f.task, nil, "If-Match", `"99"`))

	send("UpdateWorkspace", w, url.Values{"EventCallbackUrl": {"https://a.example/e"}, "EventsFilter": {"task.created"}})
	send("UpdateActivity", f.activity, url.Values{"FriendlyName": {"Dinner"}})
	send("UpdateTaskChannel", f.channel, url.Values{"FriendlyName": {"Mail"}})
	send("UpdateTaskQueue", f.queue, url.Values{"ReservationActivitySid": {sidOf(f.activity)}, "AssignmentActivitySid": {sidOf(f.activity)}})
	send("UpdateWorker", f.worker, url.Values{"Attributes": {`{"skills":["tax","law"]}`}})
	send("UpdateWorkerChannel", f.workerChannel, url.Values{"Capacity": {"3"}})
	send("UpdateWorkflow", f.workflow, url.Values{"AssignmentCallbackUrl": {"https://a.example/a"}, "FallbackAssignmentCallbackUrl": {"https://a.example/b"}})
	send("UpdateCallQueue", f.callQueue, url.Values{"Menu": {"{}"}, "HoldMusicUrl": {"https://a.example/m"}})
	history := values(f.list(w+"/Events", nil), "sid")
	send("CreateEventDelivery", w+"/Events/"+history[len(history)-1]+"/Deliveries", nil)
	direct := decoded(t, send("CreateTask", w+"/Tasks", url.Values{"RoutingTarget": {sidOf(f.worker)}, "IgnoreCapacity": {"true"}}), 201)
	send("UpdateTaskReservation", f.reservation, url.Values{"ReservationStatus": {"accepted"}})
	send("UpdateWorkerReservation", f.workerReservation, url.Values{"ReservationStatus": {"wrapping"}})
	send("UpdateTask", f.task, url.Values{"AssignmentStatus": {"completed"}, "Reason": {"solved"}})
	send("FetchTask", w+"/Tasks/"+direct.text("sid"), nil)
	send("ListTask", w+"/Tasks", nil)
	for id, o := range k.operations {
		if strings.HasSuffix(o.path, "Statistics") && o.method == "GET" { // of a channel without Tasks, and split
			send(id, f.path(routeOf(t, id)), url.Values{"TaskChannel": {"video"}, "SplitByWaitTime": {"5,60"}})
		}
	}
	send("ListEvent", w+"/Events", nil)
	k.book(t, f)
	spare := f.make(w+"/TaskQueues", url.Values{"FriendlyName": {"Spare"}, "TargetWorkers": {""}})
	send("FetchTaskQueue", spare, nil)
	send("ListTaskQueue", w+"/TaskQueues", url.Values{"PageSize": {"1"}, "PageToken": {"PA" + sidOf(f.queue)}})
	k.check(t, "CreateTaskQueueBulkRealTimeStatistics", f.bulk(sidOf(spare)))
	passing := f.make(w+"/Workflows", url.Values{
		"FriendlyName": {"Passing"}, "Configuration": {`{"task_routing":{"filters":[]}}`},
	})
	brief := f.make(w+"/Tasks", url.Values{"WorkflowSid": {sidOf(passing)}, "RoutingTarget": {sidOf(f.worker)}, "IgnoreCapacity": {"true"}})
	send("FetchTask", brief, nil)
	f.post(brief, url.Values{"AssignmentStatus": {"canceled"}})
	send("DeleteWorkflow", passing, nil)
	send("FetchTask", brief, nil)
	k.check(t, "CreateTaskQueueBulkRealTimeStatistics", f.bulk(sidOf(f.queue)))
	look()

	send("EvaluateWorkflow", f.workflow+"/Evaluate", url.Values{"TaskAttributes": {`{"topic":"tax"}`}})
	send("EvaluateWorkflowConfiguration", w+"/Workflows/Evaluate", url.Values{"Configuration": {`{"task_routing":{"default_filter":{"queue":"` + sidOf(f.queue) + `"}}}`}})

	empty := url.Values{"FriendlyName": {"Gone"}}
	made := func(id, path string, form url.Values) string {
		return path + "/" + decoded(t, send(id, path, form), 201).text("sid")
	}
	send("DeleteCallQueue", made("CreateCallQueue", w+"/CallQueues", url.Values{"FriendlyName": {"Gone"}, "WorkflowSid": {sidOf(f.workflow)}, "PhoneNumbers": {"+15550199"}}), nil)
	send("DeleteActivity", made("CreateActivity", w+"/Activities", empty), nil)
	send("DeleteTaskChannel", made("CreateTaskChannel", w+"/TaskChannels", url.Values{"FriendlyName": {"Gone"}, "UniqueName": {"gone"}}), nil)
	send("DeleteTaskQueue", made("CreateTaskQueue", w+"/TaskQueues", empty), nil)
	send("DeleteWorkflow", made("CreateWorkflow", w+"/Workflows", url.Values{
		"FriendlyName": {"Gone"}, "Configuration": {`{"task_routing":{"default_filter":{"queue":"` + sidOf(f.queue) + `"}}}`},
	}), nil)
	send("DeleteWorker", made("CreateWorker", w+"/Workers", empty), nil)
	send("DeleteTask", f.task, nil)
	send("DeleteWorkspace", made("CreateWorkspace", "/v1/Workspaces", empty), nil)

	send("EvaluateWorkflow", f.workflow+"/Evaluate", url.Values{"TaskAttributes": {`{"topic":"tax"}`}})
	send("EvaluateWorkflowConfiguration", w+"/Workflows/Evaluate", url.Values{
		"Configuration": {`{"task_routing":{"filters":[{"expression":"topic == \"tax\"","targets":[{"queue":"` + sidOf(f.queue) + `"}]}]}}`},
	})
	send("FetchTaskExplanation", f.make(w+"/Tasks", url.Values{"WorkflowSid": {sidOf(f.workflow)}, "Attributes": {`{"topic":"law"}`}})+"/Explain", nil)

	keys := "/2010-04-01/Accounts/" + f.Account.SID + "/Keys"
	key := keys + "/" + decoded(t, send("CreateNewKey", keys+".json", empty), 201).text("sid") + ".json"
	send("ListKey", keys+".json", nil)
	send("FetchKey", key, nil)
	send("UpdateKey", key, empty)
	send("DeleteKey", key, nil)

	for _, id := range slices.Sorted(maps.Keys(k.operations)) {
		require.True(t, k.answered[id], "%s was not run", id)
	}
	var missed []string
	for name, s := range k.root.object("components", "schemas") {
		for member, m := range object(s.(map[string]any)).object("properties") {
			at := name + "." + member
			if !nullable(m.(map[string]any)) || neverSeen[at] != "" || explained(name) {
				continue
			}
			if !k.seen[at][true] {
				missed = append(missed, at+" was never null")
			}
			if !k.seen[at][false] {
				missed = append(missed, at+" was always null")
			}
		}
	}
	slices.Sort(missed)
	require.Empty(t, strings.Join(missed, "\n"))
}

// bulk asks for the statistics of one TaskQueue in JSON.
func (f *fixture) bulk(queue string) stack.Answer {
	f.t.Helper()
	r, err := http.NewRequest(http.MethodPost, f.URL+f.workspace+"/TaskQueues/RealTimeStatistics", strings.NewReader(`{"QueueSids":["`+queue+`"]}`))
	require.NoError(f.t, err)
	r.SetBasicAuth(f.Account.SID, f.Account.Token)
	r.Header.Set("Content-Type", "application/json")
	return f.Send(r)
}

// explained tells the parts of explanations, of which each test of theirs shows
// a few.
func explained(schema string) bool {
	return strings.Contains(schema, "Explained") || strings.Contains(schema, "Explanation") || strings.Contains(schema, "Evaluat")
}

// book notes that the queued delivery was sent, as the sender does: once
// without an answer and once with one.
func (k *contract) book(t *testing.T, f *fixture) {
	t.Helper()
	queued, err := f.Store.QueuedDeliveries(t.Context(), sidOf(f.workspace), 10)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(queued), 2)
	now := time.Now()
	var sent []taskrouter.DeliveryAttempt
	for i, d := range queued {
		d.SentAt, d.Took = now, time.Second
		if d.Status, d.ResponseStatus = taskrouter.DeliveryDelivered, 200; i > 0 {
			d.Status, d.ResponseStatus, d.Fault = taskrouter.DeliveryFailed, 0, taskrouter.FaultTimeout
		}
		sent = append(sent, *d)
	}
	require.NoError(t, f.Store.BookDeliveries(t.Context(), sent))
	for _, d := range sent {
		k.check(t, "FetchEventDelivery", f.Do(f.Account, "GET", f.workspace+"/Events/"+d.EventSID+"/Deliveries/"+d.SID, nil))
	}
}

// routeOf is the path of an operation in the table of routes.
func routeOf(t *testing.T, id string) string {
	t.Helper()
	for _, o := range apiserver.Operations() {
		if o.ID == id {
			return o.Path
		}
	}
	require.Failf(t, "no such operation", "%s", id)
	return ""
}
