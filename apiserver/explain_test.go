package apiserver_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// list is a member that is an array of objects.
func (o object) list(key string) []object {
	var out []object
	raw, _ := o[key].([]any)
	for _, r := range raw {
		m, _ := r.(map[string]any)
		out = append(out, m)
	}
	return out
}

func TestExplainTask(t *testing.T) {
	f := furnished(t)
	x := f.get(f.task + "/Explain")
	require.Equal(t, "offered", x.text("state"))
	require.Equal(t, stack.PublicURL+f.task+"/Explain", x.text("url"))
	record := x.list("reservations")[0]
	require.Equal(t, sidOf(f.reservation), record.text("sid"))
	require.Equal(t, sidOf(f.worker), object(record["decision"].(map[string]any)).list("considered")[0].text("sid"))

	bob := f.make(f.workspace+"/Workers", url.Values{"FriendlyName": {"Bob"}, "ActivitySid": {sidOf(f.available)}, "Attributes": {`{"skills":["law"]}`}})
	waiting := f.make(f.workspace+"/Tasks", url.Values{"Attributes": {`{"topic":"tax"}`}})
	x = f.get(waiting + "/Explain")
	require.Equal(t, "waiting", x.text("state"))
	require.Equal(t, "It waits: 2 agents were considered and none can take it now; 0 tasks of its queue come first.", x.text("message"))
	agents := x.list("agents")
	require.Equal(t, []string{sidOf(f.worker), sidOf(bob)}, values(agents, "worker_sid"), "members come first")
	require.Equal(t, "no_capacity", agents[0].list("reasons")[0].text("code"))
	why := agents[1].list("reasons")[0]
	require.Equal(t, "not_a_member", why.text("code"))
	require.Equal(t, `not a member of the queue: skills HAS "tax" – worker.skills is ["law"]`, why.text("message"))
	require.Equal(t, object{"name": "worker.skills", "value": []any{"law"}, "missing": false}, why.list("clauses")[0].list("values")[0])
	require.Equal(t, map[string]any{"no_capacity": 1.0, "not_a_member": 1.0}, x["agent_totals"])
	changes := x.list("nearest_changes")
	require.Equal(t, sidOf(f.worker)+" finishing 1 task on channel default", changes[0].text("message"))
	require.Equal(t, sidOf(bob)+` having its attributes changed: adding "tax" to skills`, changes[1].text("message"))
	require.Equal(t, true, changes[1]["assigns"])
	f.post(bob, url.Values{"Attributes": {`{"skills":["law","tax"]}`}})
	require.Equal(t, "offered", f.get(waiting+"/Explain").text("state"), "as it was told")

	newest := f.make(f.workspace+"/Tasks", url.Values{"Attributes": {`{"topic":"tax"}`}})
	require.Len(t, decoded(t, f.Do(f.Account, "GET", newest+"/Explain", url.Values{"Limit": {"1"}}), 200)["agents"], 1)
	refusal(t, f.Do(f.Account, "GET", f.task+"/Explain", url.Values{"Limit": {"101"}}), 400, 20001)
	refusal(t, f.Do(f.Account, "GET", f.workspace+"/Tasks/"+newSID(taskrouter.PrefixTask)+"/Explain", nil), 404, 20404)
	refusal(t, f.Do(f.Foreign, "GET", f.task+"/Explain", nil), 404, 20404)
}

func TestExplainWorker(t *testing.T) {
	f := furnished(t)
	waiting := f.make(f.workspace+"/Tasks", url.Values{"Attributes": {`{"topic":"tax"}`}})
	other := f.make(f.workspace+"/TaskQueues", url.Values{"FriendlyName": {"Law"}, "TargetWorkers": {`skills HAS "law"`}})
	x := f.get(f.worker + "/Explain")
	require.Equal(t, "Available", x.text("activity_name"))
	require.Equal(t, sidOf(f.reservation), x.list("reservations")[0].text("sid"))
	require.Equal(t, []string{sidOf(f.queue), sidOf(other)}, values(x.list("task_queues"), "sid"))
	require.Equal(t, `skills HAS "law"`, x.list("task_queues")[1].list("clauses")[0].text("clause"))
	require.Equal(t, sidOf(waiting), x.list("next_tasks_if_free")[0].text("task_sid"))
	require.Equal(t, "no_capacity", x.list("waiting_tasks")[0].list("reasons")[0].text("code"))
	f.post(f.worker, url.Values{"ActivitySid": {sidOf(f.activity)}})
	require.Equal(t, "Its activity is not available, so nothing is offered.", f.get(f.worker+"/Explain").text("message"))
	refusal(t, f.Do(f.Foreign, "GET", f.worker+"/Explain", nil), 404, 20404)
}

func TestEvaluateWorkflow(t *testing.T) {
	f := furnished(t)
	seq := func() float64 { n, _ := f.get(f.worker + "/Explain")["event_seq"].(float64); return n }
	before, tasks := seq(), len(f.list(f.workspace+"/Tasks", nil))
	x := f.post(f.workflow+"/Evaluate", url.Values{"TaskAttributes": {`{"topic":"tax"}`}, "Priority": {"4"}})
	require.Equal(t, "waits", x.text("outcome"), "Ann is busy")
	require.Equal(t, true, x["default_filter"])
	require.Equal(t, []any{1.0, 0.0, 4.0}, []any{x.list("targets")[0]["members"], x.list("targets")[0]["agents_fitting"], x.list("targets")[0]["priority"]})
	x = f.post(f.workflow+"/Evaluate", url.Values{"TaskAttributes": {`{"topic":"tax"}`}, "TaskChannel": {"email"}})
	require.Equal(t, "reserved", x.text("outcome"))
	require.Equal(t, sidOf(f.worker), x.list("reserved")[0].text("worker_sid"))

	text := `{"task_routing":{"filters":[{"expression":"topic == 'law'","targets":[{"queue":"` + sidOf(f.queue) + `"}]}]}}`
	for _, path := range []string{f.workflow + "/Evaluate", f.workspace + "/Workflows/Evaluate"} {
		x = f.post(path, url.Values{"TaskAttributes": {`{"topic":"tax"}`}, "Configuration": {text}})
		require.Equal(t, "refused", x.text("outcome"))
		clause := object(x.list("filters")[0]["expression"].(map[string]any))
		require.Equal(t, []string{"topic == \"law\"", "false"}, []string{clause.text("clause"), clause.text("verdict")})
		e := refusal(t, f.Do(f.Account, "POST", path, url.Values{"Configuration": {`{"task_routing":{"filters":[{"expression":"== =="}]}}`}}), 400, 20001)
		require.Contains(t, e.Message, "filters[0].expression")
		refusal(t, f.Do(f.Account, "POST", path, url.Values{"Configuration": {text}, "TaskAttributes": {"[]"}}), 400, 20001)
		refusal(t, f.Do(f.Account, "POST", path, url.Values{"Configuration": {text}, "TaskChannel": {"none"}}), 400, 20001)
		refusal(t, f.Do(f.Foreign, "POST", path, url.Values{"Configuration": {text}}), 404, 20404)
		refusal(t, f.Do(f.Account, "DELETE", path, nil), 405, 20004)
	}
	x = f.post(f.workspace+"/Workflows/Evaluate", url.Values{"Configuration": {`{"task_routing":{"default_filter":{"queue":"Nowhere"}}}`}})
	require.Contains(t, x.text("message"), "TaskQueue that does not exist")
	refusal(t, f.Do(f.Account, "POST", f.workspace+"/Workflows/Evaluate", nil), 400, 20001)
	require.Equal(t, before, seq(), "nothing was stored")
	require.Len(t, f.list(f.workspace+"/Tasks", nil), tasks)
}
