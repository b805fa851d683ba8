package apiserver_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

// walk follows a list from its first page to its last and back, as clients do,
// and returns the SIDs in order.
func walk(t *testing.T, f *fixture, first string) []string {
	t.Helper()
	type page struct {
		sids       []string
		next, back string
	}
	read := func(u string) page {
		a := f.Do(f.Account, "GET", strings.TrimPrefix(u, stack.PublicURL), nil)
		meta, _ := decoded(t, a, 200)["meta"].(map[string]any)
		next, _ := meta["next_page_url"].(string)
		back, _ := meta["previous_page_url"].(string)
		require.LessOrEqual(t, float64(len(items(t, a))), meta["page_size"])
		return page{identities(items(t, a)), next, back}
	}
	var pages []page
	for u := first; u != ""; u = pages[len(pages)-1].next {
		pages = append(pages, read(u))
		require.Less(t, len(pages), 500)
	}
	require.Empty(t, pages[0].back)
	for i := len(pages) - 1; i > 0; i-- {
		if pages[i].back == "" { // nothing on it to count back from
			continue
		}
		back := read(pages[i].back)
		require.Equal(t, pages[i-1].sids, back.sids)
		require.NotEmpty(t, back.next)
	}
	var out []string
	for _, p := range pages {
		out = append(out, p.sids...)
	}
	return out
}

func TestPagingIsStable(t *testing.T) {
	f := furnished(t)
	var want []string
	for i := range 23 {
		want = append(want, sidOf(f.make(f.workspace+"/Tasks", url.Values{"Priority": {fmt.Sprint(i % 3)}, "Attributes": {fmt.Sprintf(`{"n":%d}`, i)}})))
	}
	all := append([]string{sidOf(f.task)}, want...)
	for _, size := range []string{"1", "5", "8", "24", "25"} {
		require.Equal(t, all, walk(t, f, f.workspace+"/Tasks?PageSize="+size), size)
	}
	byPriority := walk(t, f, f.workspace+"/Tasks?PageSize=5&Ordering=Priority%3Adesc%2CDateCreated%3Adesc")
	require.Len(t, byPriority, 24)
	require.Equal(t, want[20], byPriority[0])
	require.Equal(t, sidOf(f.task), byPriority[23])
	require.Equal(t, []string{want[1], want[4], want[7]}, walk(t, f, f.workspace+"/Tasks?PageSize=2&Priority=1")[:3])

	// Items that come while a client reads neither shift nor repeat others.
	first := decoded(t, f.Do(f.Account, "GET", f.workspace+"/Tasks", url.Values{"PageSize": {"20"}}), 200)
	f.make(f.workspace+"/Tasks", nil)
	meta, _ := first["meta"].(map[string]any)
	next, _ := meta["next_page_url"].(string)
	rest := values(f.list(strings.TrimPrefix(next, stack.PublicURL), nil), "sid")
	require.Equal(t, all[20:], rest[:4])
}

// TestPagingSurvivesRemovals removes and changes the very item the next page is
// counted from.
func TestPagingSurvivesRemovals(t *testing.T) {
	f := furnished(t)
	var all []string
	for range 6 {
		all = append(all, f.make(f.workspace+"/Tasks", url.Values{"Priority": {"5"}}))
	}
	next := func(query string) string {
		first := decoded(t, f.Do(f.Account, "GET", f.workspace+"/Tasks?PageSize=3&"+query, nil), 200)
		meta, _ := first["meta"].(map[string]any)
		u, _ := meta["next_page_url"].(string)
		require.NotEmpty(t, u)
		return strings.TrimPrefix(u, stack.PublicURL)
	}
	for _, query := range []string{"Priority=5", "Priority=5&EvaluateTaskAttributes=" + url.QueryEscape("1 == 1")} {
		rest := next(query)
		require.Equal(t, 204, f.Do(f.Account, "DELETE", all[2], nil).Status)
		require.Equal(t, []string{sidOf(all[3]), sidOf(all[4]), sidOf(all[5])}, values(f.list(rest, nil), "sid"), query)
		all = append(all[:2:2], append(all[3:], f.make(f.workspace+"/Tasks", url.Values{"Priority": {"5"}}))...)
	}
	// The third in line is moved to the end of the order that is being read.
	rest := next("Ordering=Priority:desc")
	f.post(all[2], url.Values{"Priority": {"0"}})
	require.Equal(t, sidOf(all[3]), f.list(rest, nil)[0].text("sid"))

	channels := values(f.list(f.worker+"/Channels", nil), "task_channel_unique_name")
	at := 4 // neither the default channel, which stays, nor the last one
	if channels[at] == "default" {
		at--
	}
	page := decoded(t, f.Do(f.Account, "GET", f.worker+"/Channels?PageSize="+fmt.Sprint(at+1), nil), 200)
	meta, _ := page["meta"].(map[string]any)
	u, _ := meta["next_page_url"].(string)
	require.Equal(t, 204, f.Do(f.Account, "DELETE", f.workspace+"/TaskChannels/"+channels[at], nil).Status)
	f.Sweep()
	require.Equal(t, channels[at+1:], values(f.list(strings.TrimPrefix(u, stack.PublicURL), nil), "task_channel_unique_name"))
}

// identities lists the SIDs of items; those of statistics are their queue's.
func identities(items []object) []string {
	out := make([]string, 0, len(items))
	for _, o := range items {
		sid := o.text("sid")
		if sid == "" {
			sid = o.text("task_queue_sid")
		}
		out = append(out, sid)
	}
	return out
}

func TestEveryListPages(t *testing.T) {
	f := furnished(t)
	for _, o := range apiserver.Operations() {
		if !strings.HasPrefix(o.ID, "List") || o.Unsupported != "" || ofAccount(o) { // whose pages have another form
			continue
		}
		t.Run(o.ID, func(t *testing.T) {
			path := f.path(o.Path)
			all := identities(f.list(path, nil))
			require.NotEmpty(t, all)
			require.Equal(t, all, walk(t, f, path+"?PageSize=1"))
			refusal(t, f.Do(f.Account, "GET", path, url.Values{"Page": {"2"}}), 400, 40153)
			refusal(t, f.Do(f.Account, "GET", path, url.Values{"PageToken": {"PA" + newSID(taskrouter.Prefix(all[0][:2]))}}), 400, 20001)
		})
	}
}

func TestTaskFilters(t *testing.T) {
	f := furnished(t)
	second := f.make(f.workspace+"/Tasks", url.Values{"Attributes": {`{"topic":"law","size":7}`}, "Priority": {"9"}})
	for query, want := range map[string]int{
		"":                                  2,
		"Priority=9":                        1,
		"AssignmentStatus=pending":          1,
		"AssignmentStatus=pending,reserved": 2,
		"AssignmentStatus=completed":        0,
		"WorkflowName=Calls":                2,
		"WorkflowName=Other":                0,
		"TaskQueueName=Tax":                 2,
		"TaskQueueName=Tax&TaskQueueSid=" + newSID("WQ"):                                          0,
		"WorkflowSid=" + sidOf(f.workflow):                                                        2,
		"WorkflowSid=" + newSID("WW"):                                                             0,
		"RoutingTarget=" + sidOf(f.worker):                                                        0,
		"HasAddons=true":                                                                          0,
		"HasAddons=false":                                                                         2,
		"EvaluateTaskAttributes=" + url.QueryEscape(`topic == "law"`):                             1,
		"EvaluateTaskAttributes=" + url.QueryEscape(`size > 6 AND size < 8`):                      1,
		"EvaluateTaskAttributes=" + url.QueryEscape(`size > 7`):                                   0,
		"EvaluateTaskAttributes=" + url.QueryEscape(`task.topic == "law" || task.topic == "tax"`): 2,
	} {
		require.Len(t, f.list(f.workspace+"/Tasks?"+query, nil), want, query)
	}
	require.Equal(t, sidOf(second), f.list(f.workspace+"/Tasks?Ordering=Priority:desc", nil)[0].text("sid"))
}

func TestWorkerFilters(t *testing.T) {
	f := furnished(t)
	f.make(f.workspace+"/Workers", url.Values{"FriendlyName": {"Ben"}, "Attributes": {`{"skills":["law"]}`}})
	f.Sweep()
	for query, want := range map[string][]string{
		"":                                  {"Ann", "Ben"},
		"FriendlyName=ann":                  {"Ann"},
		"Available=1":                       {"Ann"},
		"Available=nope":                    {"Ben"},
		"ActivityName=Offline":              {"Ben"},
		"ActivityName=Nowhere":              {},
		"ActivitySid=" + sidOf(f.available): {"Ann"},
		"TaskQueueName=Tax":                 {"Ann"},
		"TaskQueueSid=" + sidOf(f.queue):    {"Ann"},
		"Ordering=DateStatusChanged:desc":   {"Ben", "Ann"},
		"TargetWorkersExpression=" + url.QueryEscape(`skills HAS "law"`):                                     {"Ben"},
		"TargetWorkersExpression=" + url.QueryEscape(`activity_name == "Offline"`):                           {"Ben"},
		"TargetWorkersExpression=" + url.QueryEscape(`channel.default.available_capacity_percentage == 100`): {"Ben"},
		"TargetWorkersExpression=" + url.QueryEscape(`"law" in worker.skills`):                               {"Ben"},
	} {
		require.Equal(t, want, values(f.list(f.workspace+"/Workers?"+query, nil), "friendly_name"), query)
	}
}

func TestQueueFilters(t *testing.T) {
	f := furnished(t)
	f.make(f.workspace+"/TaskQueues", url.Values{"FriendlyName": {"Everybody"}})
	f.make(f.workspace+"/TaskQueues", url.Values{"FriendlyName": {"Nobody"}, "TargetWorkers": {""}})
	f.Sweep()
	for query, want := range map[string][]string{
		"FriendlyName=Tax":             {"Tax"},
		"WorkerSid=" + sidOf(f.worker): {"Everybody", "Tax"},
		"EvaluateWorkerAttributes=" + url.QueryEscape(`{"skills":["tax"]}`): {"Everybody", "Tax"},
		"EvaluateWorkerAttributes={}":                                       {"Everybody"},
	} {
		got := values(f.list(f.workspace+"/TaskQueues?"+query, nil), "friendly_name")
		slices.Sort(got)
		require.Equal(t, want, got, query)
	}
}

// TestFilteredPaging shows that a filter in memory pages like any other list.
func TestFilteredPaging(t *testing.T) {
	f := furnished(t)
	var want []string
	for i := range 17 {
		sid := sidOf(f.make(f.workspace+"/Tasks", url.Values{"Attributes": {fmt.Sprintf(`{"n":%d}`, i)}}))
		if i%3 == 0 {
			want = append(want, sid)
		}
	}
	filter := "?EvaluateTaskAttributes=" + url.QueryEscape("n IN [0,3,6,9,12,15]")
	for _, size := range []string{"1", "2", "5", "6", "7"} {
		require.Equal(t, want, walk(t, f, f.workspace+"/Tasks"+filter+"&PageSize="+size), size)
	}
}
