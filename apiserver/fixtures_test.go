package apiserver_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// object is a decoded JSON object.
type object map[string]any

func (o object) text(key string) string { s, _ := o[key].(string); return s }

// decoded checks the status of an answer and decodes its body.
func decoded(t testing.TB, a stack.Answer, status int) object {
	t.Helper()
	require.Equal(t, status, a.Status, "%s", a.Body)
	var o object
	require.NoError(t, json.Unmarshal(a.Body, &o))
	return o
}

// items returns the array of a list.
func items(t testing.TB, a stack.Answer) []object {
	t.Helper()
	o := decoded(t, a, 200)
	meta, _ := o["meta"].(map[string]any)
	key, _ := meta["key"].(string)
	raw, ok := o[key].([]any)
	require.True(t, ok, "%s", a.Body)
	out := make([]object, 0, len(raw))
	for _, r := range raw {
		m, _ := r.(map[string]any)
		out = append(out, m)
	}
	return out
}

// values lists the values of one key.
func values(items []object, key string) []string {
	out := []string{}
	for _, o := range items {
		out = append(out, o.text(key))
	}
	return out
}

// workspaceOf starts a server with one Workspace and returns its path.
func workspaceOf(t *testing.T, change ...func(*apiserver.Options)) (*stack.Stack, string) {
	t.Helper()
	s := stack.Start(t, change...)
	w := decoded(t, s.Do(s.Account, "POST", "/v1/Workspaces", url.Values{"FriendlyName": {"Support"}}), 201)
	return s, "/v1/Workspaces/" + w.text("sid")
}

// fixture is a Workspace with one of everything; the fields are paths.
type fixture struct {
	*stack.Stack
	t testing.TB

	workspace, activity, available, worker, workerChannel, channel string
	queue, workflow, task, reservation, workerReservation          string
	event, delivery, callQueue, apiKey                             string
	// byKey are the credentials of the API key.
	byKey stack.Credentials
}

// make creates a resource and returns its path.
func (f *fixture) make(collection string, form url.Values) string {
	f.t.Helper()
	o := decoded(f.t, f.Do(f.Account, "POST", collection, form), 201)
	require.Equal(f.t, stack.PublicURL+collection+"/"+o.text("sid"), o.text("url"))
	return collection + "/" + o.text("sid")
}

func sidOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func (f *fixture) get(path string) object {
	f.t.Helper()
	return decoded(f.t, f.Do(f.Account, "GET", path, nil), 200)
}

func (f *fixture) list(path string, query url.Values) []object {
	f.t.Helper()
	return items(f.t, f.Do(f.Account, "GET", path, query))
}

// post changes a resource.
func (f *fixture) post(path string, form url.Values) object {
	f.t.Helper()
	return decoded(f.t, f.Do(f.Account, "POST", path, form), 200)
}

func furnished(t *testing.T) *fixture {
	t.Helper()
	return furnishedOn(t, stack.Ground{})
}

func furnishedOn(t testing.TB, g stack.Ground, change ...func(*apiserver.Options)) *fixture {
	t.Helper()
	return furnish(t, stack.StartOn(t, g, change...), "+15550100")
}

// furnish makes one of everything for the Stack's account.
func furnish(t testing.TB, s *stack.Stack, number string) *fixture {
	t.Helper()
	w := "/v1/Workspaces/" + decoded(t, s.Do(s.Account, "POST", "/v1/Workspaces", url.Values{"FriendlyName": {"Support"}}), 201).text("sid")
	f := &fixture{Stack: s, t: t, workspace: w}
	f.activity = f.make(w+"/Activities", url.Values{"FriendlyName": {"Lunch"}})
	available := f.list(w+"/Activities", url.Values{"Available": {"true"}})
	require.Len(t, available, 1)
	f.available = w + "/Activities/" + available[0].text("sid")
	f.channel = f.make(w+"/TaskChannels", url.Values{"FriendlyName": {"E-Mail"}, "UniqueName": {"email"}})
	f.worker = f.make(w+"/Workers", url.Values{"FriendlyName": {"Ann"}, "ActivitySid": {sidOf(f.available)}, "Attributes": {`{"skills":["tax"],"contact_uri":"client:ann"}`}})
	f.queue = f.make(w+"/TaskQueues", url.Values{"FriendlyName": {"Tax"}, "TargetWorkers": {`skills HAS "tax"`}})
	f.Sweep()
	f.workflow = f.make(w+"/Workflows", url.Values{
		"FriendlyName":  {"Calls"},
		"Configuration": {`{"task_routing":{"default_filter":{"queue":"` + sidOf(f.queue) + `"}}}`},
	})
	f.callQueue = f.make(w+"/CallQueues", url.Values{"FriendlyName": {"Line"}, "WorkflowSid": {sidOf(f.workflow)}, "PhoneNumbers": {number}})
	f.task = f.make(w+"/Tasks", url.Values{"Attributes": {`{"topic":"tax"}`}})
	offers := f.list(f.task+"/Reservations", nil)
	require.Len(t, offers, 1, "the agent is offered the task at once")
	f.reservation = f.task + "/Reservations/" + offers[0].text("sid")
	f.workerReservation = f.worker + "/Reservations/" + offers[0].text("sid")
	for _, c := range f.list(f.worker+"/Channels", nil) {
		if c.text("task_channel_unique_name") == "email" {
			f.workerChannel = f.worker + "/Channels/" + c.text("sid")
		}
	}
	f.event = w + "/Events/" + f.list(w+"/Events", url.Values{"PageSize": {"1"}})[0].text("sid")
	keys := "/2010-04-01/Accounts/" + s.Account.SID + "/Keys"
	key := decoded(t, s.Do(s.Account, "POST", keys+".json", url.Values{"FriendlyName": {"CI"}}), 201)
	f.apiKey, f.byKey = keys+"/"+key.text("sid")+".json", stack.Credentials{SID: key.text("sid"), Token: key.text("secret")}
	return f
}

// deliver gives the Workspace a callback URL and has its Event sent to it.
func (f *fixture) deliver() {
	f.t.Helper()
	if f.delivery == "" {
		f.post(f.workspace, url.Values{"EventCallbackUrl": {"https://ann:s3cret@example.com/events?token=s3cret"}})
		queued := decoded(f.t, f.Do(f.Account, "POST", f.event+"/Deliveries", nil), 202)
		f.delivery = f.event + "/Deliveries/" + queued.text("sid")
	}
}

// path fills a pattern of the route table with what exists.
func (f *fixture) path(pattern string) string {
	if strings.Contains(pattern, "/Deliveries") {
		f.deliver()
	}
	for prefix, own := range map[string]string{
		"/Activities": f.activity, "/Events": f.event, "/Tasks": f.task, "/TaskChannels": f.channel,
		"/TaskQueues": f.queue, "/Workers": f.worker, "/Workflows": f.workflow, "/CallQueues": f.callQueue,
	} {
		pattern = strings.Replace(pattern, prefix+"/:sid", prefix+"/"+sidOf(own), 1)
	}
	return strings.NewReplacer(
		"/v1/Workspaces/:ws", f.workspace,
		"Reservations/:child", "Reservations/"+sidOf(f.reservation),
		"Channels/:child", "Channels/"+sidOf(f.workerChannel),
		"Deliveries/:child", "Deliveries/"+sidOf(f.delivery),
		"Accounts/:account", "Accounts/"+f.Account.SID,
		"Keys/:key", "Keys/"+sidOf(f.apiKey),
	).Replace(pattern)
}

func newSID(p taskrouter.Prefix) string { return taskrouter.NewSID(p) }
