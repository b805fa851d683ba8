package apiserver_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/taskrouter/taskrouter/apiserver"
)

// wrongCredentials are mistakes in the header that says who asks.
func wrongCredentials(f *fixture) []mistake {
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	var out []mistake
	for name, header := range map[string]string{
		"no credentials":                      "",
		"a scheme without credentials":        "Basic",
		"credentials that are not base64":     "Basic %%%",
		"credentials without a colon":         "Basic " + base64.StdEncoding.EncodeToString([]byte(f.Account.SID)),
		"an empty user name":                  basic("", f.Account.Token),
		"an empty password":                   basic(f.Account.SID, ""),
		"user name and password swapped":      basic(f.Account.Token, f.Account.SID),
		"an account in upper case":            basic(strings.ToUpper(f.Account.SID), f.Account.Token),
		"a token with a space behind it":      basic(f.Account.SID, f.Account.Token+" "),
		"half a token":                        basic(f.Account.SID, f.Account.Token[:16]),
		"a token twice":                       basic(f.Account.SID, f.Account.Token+f.Account.Token),
		"the token of another account":        basic(f.Account.SID, f.Foreign.Token),
		"an account that does not exist":      basic(newSID("AC"), f.Account.Token),
		"a key that does not exist":           basic(newSID("SK"), f.Account.Token),
		"a Workspace as the user":             basic(sidOf(f.workspace), f.Account.Token),
		"NUL in the user name":                basic(f.Account.SID+"\x00", f.Account.Token),
		"bad UTF-8 in the user name":          basic("\xff\xfe", f.Account.Token),
		"a wildcard as the user name":         basic("%", f.Account.Token),
		"a quote in the user name":            basic("' OR '1'='1", f.Account.Token),
		"a password of 10,000 letters":        basic(f.Account.SID, strings.Repeat("x", 10000)),
		"a bearer token":                      "Bearer " + f.Account.Token,
		"a digest":                            `Digest username="` + f.Account.SID + `"`,
		"credentials without base64 encoding": "Basic " + f.Account.SID + ":" + f.Account.Token,
	} {
		m := get(name, f.workspace, "").as(401, 20003)
		out = append(out, m.with("Authorization", header))
	}
	return append(out,
		post("a change without credentials", f.task, "Priority=9").as(401, 20003).with("Authorization", ""),
		del("a deletion without credentials", f.task).as(401, 20003).with("Authorization", ""),
		get("a path that leads nowhere without credentials", "/v1/Nothing", "").as(401, 20003).with("Authorization", ""),
	)
}

// wrongPaths are mistakes in the path and the method.
func wrongPaths(f *fixture, other *neighbour) []mistake {
	w := f.workspace
	missing := func(name, path string) mistake { return get(name, path, "").as(404, 20404) }
	method := func(name, m, path string) mistake {
		return mistake{name: name, method: m, path: path, status: 405, code: 20004}
	}
	return []mistake{
		missing("a Workspace of no form", "/v1/Workspaces/support"),
		missing("a Workspace in lower case", "/v1/Workspaces/ws"+sidOf(w)[2:]),
		missing("a Workspace that does not exist", "/v1/Workspaces/"+newSID("WS")),
		missing("a SID that is one digit short", w+"/Tasks/"+sidOf(f.task)[:33]),
		missing("a SID that is one digit long", w+"/Tasks/"+sidOf(f.task)+"0"),
		missing("a SID with a letter that is no digit", w+"/Tasks/WT"+strings.Repeat("g", 32)),
		missing("a SID with a space behind it", w+"/Tasks/"+sidOf(f.task)+"%20"),
		missing("a SID with NUL behind it", w+"/Tasks/"+sidOf(f.task)+"%00"),
		missing("a SID of bad UTF-8", w+"/Tasks/WT%ff%fe"),
		missing("a Worker where a Task is meant", w+"/Tasks/"+sidOf(f.worker)),
		missing("a Task of another Workspace", w+"/Tasks/"+sidOf(other.task)),
		missing("a Worker of another Workspace", w+"/Workers/"+sidOf(other.worker)),
		missing("a TaskQueue of another Workspace", w+"/TaskQueues/"+sidOf(other.queue)),
		missing("a Workflow of another Workspace", w+"/Workflows/"+sidOf(other.workflow)),
		missing("an Activity of another Workspace", w+"/Activities/"+sidOf(other.activity)),
		missing("a TaskChannel of another Workspace", w+"/TaskChannels/"+sidOf(other.channel)),
		missing("a TaskChannel of another Workspace by name", w+"/TaskChannels/fax"),
		missing("an Event of another Workspace", w+"/Events/"+sidOf(other.event)),
		missing("a CallQueue of another Workspace", other.workspace+"/CallQueues/"+sidOf(f.callQueue)),
		missing("a Reservation under another Task", other.task+"/Reservations/"+sidOf(f.reservation)),
		missing("a Reservation under another Worker", other.worker+"/Reservations/"+sidOf(f.reservation)),
		missing("the Reservations of a Task of another Workspace", w+"/Tasks/"+sidOf(other.task)+"/Reservations"),
		missing("a WorkerChannel under another Worker", other.worker+"/Channels/"+sidOf(f.workerChannel)),
		missing("a WorkerChannel of no channel", f.worker+"/Channels/fax"),
		missing("a Delivery under another Event", other.event+"/Deliveries/"+sidOf(f.delivery)),
		missing("a Delivery that is an Event", f.event+"/Deliveries/"+sidOf(f.event)),
		missing("Statistics of a TaskQueue of another Workspace", w+"/TaskQueues/"+sidOf(other.queue)+"/Statistics"),
		missing("Statistics of a Worker of another Workspace", w+"/Workers/"+sidOf(other.worker)+"/Statistics"),
		missing("Statistics of a Workflow that does not exist", w+"/Workflows/"+newSID("WW")+"/CumulativeStatistics"),
		missing("a collection in lower case", w+"/tasks"),
		missing("a collection in the singular", w+"/Task"),
		missing("a collection of another API", w+"/Calls"),
		missing("a doubled slash", "/v1//Workspaces"),
		missing("a slash in a SID", w+"/Tasks/WT%2F..%2F"+sidOf(f.task)),
		missing("a way up", w+"/Tasks/../../Workspaces"),
		missing("another version of the API", "/v2/Workspaces"),
		missing("a path below an item", f.activity+"/Workers"),
		post("a change of a Task of another Workspace", w+"/Tasks/"+sidOf(other.task), "Priority=9").as(404, 20404),
		post("a change of a Worker of another Workspace", w+"/Workers/"+sidOf(other.worker), "FriendlyName=Eve").as(404, 20404),
		post("a change of a TaskQueue of another Workspace", w+"/TaskQueues/"+sidOf(other.queue), "FriendlyName=Eve").as(404, 20404),
		post("a change of a Reservation under another Task", other.task+"/Reservations/"+sidOf(f.reservation), "ReservationStatus=accepted").as(404, 20404),
		post("a delivery of an Event of another Workspace", w+"/Events/"+sidOf(other.event)+"/Deliveries", "").as(404, 20404),
		del("a deletion of a Task of another Workspace", w+"/Tasks/"+sidOf(other.task)).as(404, 20404),
		del("a deletion of a Workflow of another Workspace", w+"/Workflows/"+sidOf(other.workflow)).as(404, 20404),
		post("a Task in a Workspace that does not exist", "/v1/Workspaces/"+newSID("WS")+"/Tasks", "Attributes={}").as(404, 20404),
		method("PUT on an item", http.MethodPut, f.task),
		method("PATCH on an item", http.MethodPatch, f.worker),
		method("DELETE on a collection", http.MethodDelete, w+"/Tasks"),
		method("DELETE of an Event", http.MethodDelete, f.event),
		method("POST to an Event", http.MethodPost, f.event),
		method("DELETE of a Reservation", http.MethodDelete, f.reservation),
		method("DELETE of a Delivery", http.MethodDelete, f.delivery),
		method("POST to Statistics", http.MethodPost, w+"/Statistics"),
		method("DELETE of Statistics", http.MethodDelete, f.queue+"/Statistics"),
		method("GET of bulk statistics", http.MethodGet, w+"/TaskQueues/RealTimeStatistics"),
		method("POST to WorkerChannels", http.MethodPost, f.worker+"/Channels"),
		method("POST to Reservations", http.MethodPost, f.task+"/Reservations"),
		method("a method of no name", "SEIZE", f.task),
	}
}

// wrongBodies are mistakes in how parameters are written.
func wrongBodies(f *fixture) []mistake {
	const form = "application/x-www-form-urlencoded"
	w := f.workspace
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("Priority=9"))
	_ = z.Close()
	huge := "Attributes=" + strings.Repeat("x", apiserver.DefaultBodyLimit)
	return []mistake{
		post("JSON instead of a form", f.task, `{"Priority":9}`).with("Content-Type", "application/json"),
		post("XML instead of a form", f.task, `<Priority>9</Priority>`).with("Content-Type", "text/xml"),
		post("text instead of a form", f.task, "Priority=9").with("Content-Type", "text/plain"),
		post("a form in parts", f.task, "--x\r\nContent-Disposition: form-data; name=\"Priority\"\r\n\r\n9\r\n--x--\r\n").
			with("Content-Type", "multipart/form-data; boundary=x"),
		post("a content type of no form", f.task, "Priority=9").with("Content-Type", "form"),
		post("two content types", f.task, "Priority=9").with("Content-Type", form+", text/plain"),
		post("a compressed body", f.task, packed.String()).with("Content-Encoding", "gzip"),
		post("a body said to be compressed", f.task, "Priority=9").with("Content-Encoding", "br"),
		post("a percent sign alone", f.task, "Priority=%"),
		post("a percent sign with one digit", f.task, "Priority=%9"),
		post("a percent sign with letters", f.task, "Priority=%zz"),
		post("semicolons between parameters", f.task, "Priority=9;Attributes={}"),
		post("bad UTF-8 in a value", f.task, "Reason=%ff%fe&AssignmentStatus=canceled"),
		post("an overlong UTF-8 form", f.task, "Reason=%c0%80&AssignmentStatus=canceled"),
		post("half a surrogate pair", f.task, "Reason=%ed%a0%80&AssignmentStatus=canceled"),
		post("NUL in a value", f.task, "Reason=a%00b&AssignmentStatus=canceled"),
		post("a body that is too large", w+"/Tasks", huge).as(413, 20413),
		post("a body of unknown length that is too large", f.task, huge).as(413, 20413).with("Transfer-Encoding", "chunked"),
		get("a query with a percent sign alone", w+"/Tasks", "Priority=%"),
		get("semicolons between parameters of a query", w+"/Tasks", "Priority=9;AssignmentStatus=pending"),
		get("NUL in a query", w+"/Workers", "FriendlyName=%00"),
		get("bad UTF-8 in a query", w+"/Activities", "FriendlyName=%ff"),
	}
}

// wrongTags are versions of entities that are not the current ones.
func wrongTags(f *fixture) []mistake {
	stale := func(m mistake, tag string) mistake { return m.as(412, 20412).with("If-Match", tag) }
	return []mistake{
		stale(post("a Task of another version", f.task, "Priority=9"), `"99"`),
		stale(post("a Task of a version without quotes", f.task, "Priority=8"), "99"),
		stale(post("a Task of a weak version", f.task, "Priority=7"), `W/"99"`),
		stale(post("a Task of a negative version", f.task, "Priority=6"), `"-1"`),
		stale(post("a Task of a version that is no number", f.task, "Priority=5"), `"abc"`),
		stale(post("a Task of a huge version", f.task, "Priority=4"), `"99999999999999999999"`),
		stale(post("a Task of several versions", f.task, "Priority=3"), `"1", "2"`),
		stale(post("a Task of another version with a wrong parameter", f.task, "Priority=x"), `"99"`),
		stale(del("a deletion of a Task of another version", f.task), `"99"`),
		stale(post("a Worker of another version", f.worker, "FriendlyName=Eve"), `"99"`),
		stale(post("a Worker of another version with a wrong parameter", f.worker, "Attributes=no"), `"99"`),
		stale(del("a deletion of a Worker of another version", f.worker), `"99"`),
		stale(post("a Reservation of another version", f.reservation, "ReservationStatus=accepted"), `"99"`),
		stale(post("a Worker's Reservation of another version", f.workerReservation, "ReservationStatus=rejected"), `"99"`),
		post("a Task that does not exist of another version", f.workspace+"/Tasks/"+newSID("WT"), "Priority=9").as(404, 20404).with("If-Match", `"99"`),
	}
}

// wrongPages are mistakes in the parameters of lists.
func wrongPages(f *fixture, other *neighbour) []mistake {
	w := f.workspace
	return []mistake{
		get("a page size of zero", "/v1/Workspaces", "PageSize=0"),
		get("a negative page size", w+"/Tasks", "PageSize=-1"),
		get("a page size that is a word", w+"/Workers", "PageSize=ten"),
		get("a page size with a fraction", w+"/Workflows", "PageSize=1.5"),
		get("a page size with an exponent", w+"/Activities", "PageSize=1e2"),
		get("a page size in hexadecimal", w+"/TaskQueues", "PageSize=0x10"),
		get("an empty page size", w+"/TaskChannels", "PageSize="),
		get("a page size of other digits", w+"/Events", field("PageSize", "５０")),
		get("a page size beyond all numbers", w+"/CallQueues", "PageSize=99999999999999999999"),
		get("a page by its number", w+"/Tasks", "Page=1").as(400, 40153),
		get("a page by its number of another list", f.worker+"/Channels", "Page=7&PageSize=1").as(400, 40153),
		get("a page by its number of deliveries", f.event+"/Deliveries", "Page=1").as(400, 40153),
		get("a negative page", w+"/Tasks", "Page=-1"),
		get("a page that is a word", w+"/Tasks", "Page=next"),
		get("an empty page token", w+"/Tasks", "PageToken="),
		get("a page token that is a word", "/v1/Workspaces", "PageToken=next"),
		get("a page token without a direction", w+"/Tasks", "PageToken="+sidOf(f.task)),
		get("a page token with another direction", w+"/Tasks", "PageToken=PC"+sidOf(f.task)),
		get("a page token without a SID", w+"/Tasks", "PageToken=PA"),
		get("a page token of another kind", w+"/Tasks", "PageToken=PA"+sidOf(f.worker)),
		get("a page token of nothing", w+"/Activities", "PageToken=PA"+newSID("WA")),
		get("a page token of another Workspace", w+"/Workers", "PageToken=PA"+sidOf(other.worker)),
		get("a page token back to another Workspace", w+"/Events", "PageToken=PB"+sidOf(other.event)),
		get("a page token with NUL", w+"/Tasks", "PageToken=PA%00"),
		get("a page token with a quote", w+"/Tasks", field("PageToken", "PA' OR '1'='1")),
		get("a page token of a Delivery of nothing", f.event+"/Deliveries", "PageToken=PA"+newSID("ED")),
		get("a page size of zero of deliveries", f.event+"/Deliveries", "PageSize=0"),
	}
}
