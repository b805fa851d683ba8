package apiserver_test

import (
	"fmt"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
)

var (
	tooLongName = strings.Repeat("x", taskrouter.MaxFriendlyNameLength+1)
	longAddress = "https://example.com/" + strings.Repeat("x", 5000)
)

func wrongWorkspaces(f *fixture, other *neighbour) []mistake {
	const all = "/v1/Workspaces"
	w := f.workspace
	return []mistake{
		post("a Workspace without a name", all, ""),
		post("a Workspace with an empty name", all, "FriendlyName="),
		post("a Workspace with a blank name", all, "FriendlyName=+%09+"),
		post("a Workspace with a name that is too long", all, "FriendlyName="+tooLongName),
		post("a Workspace with a name of too many letters of two bytes", all, field("FriendlyName", strings.Repeat("é", taskrouter.MaxFriendlyNameLength+1))),
		post("a Workspace with its parameters in lower case", all, "friendlyname=x"),
		post("a Workspace of an unknown template", all, "FriendlyName=x&Template=BIG"),
		post("a Workspace with a callback that is no URL", all, "FriendlyName=x&EventCallbackUrl=example.com"),
		post("a Workspace with a callback by mail", all, "FriendlyName=x&EventCallbackUrl=mailto:a@b.example"),
		post("a Workspace with a callback to a file", all, "FriendlyName=x&EventCallbackUrl=file:///etc/passwd"),
		post("a Workspace with a callback to no host", all, "FriendlyName=x&EventCallbackUrl=https://"),
		post("a Workspace with a callback to a port that is no number", all, "FriendlyName=x&EventCallbackUrl=https://a.example:http/"),
		post("a Workspace with a callback that is too long", all, "FriendlyName=x&EventCallbackUrl="+longAddress),
		post("a Workspace with a filter of bad UTF-8", all, "FriendlyName=x&EventsFilter=%ff"),
		post("a Workspace with an unknown order of queues", all, "FriendlyName=x&PrioritizeQueueOrder=random"),
		get("Workspaces with a name of bad UTF-8", all, "FriendlyName=%ff"),
		post("no default Activity", w, "DefaultActivitySid="),
		post("a default Activity that does not exist", w, "DefaultActivitySid="+newSID("WA")),
		post("a default Activity of another Workspace", w, "DefaultActivitySid="+sidOf(other.activity)),
		post("a default Activity that is a Worker", w, "DefaultActivitySid="+sidOf(f.worker)),
		post("no timeout Activity", w, "TimeoutActivitySid="),
		post("a timeout Activity by its name", w, "TimeoutActivitySid=Offline"),
		post("a timeout Activity of another Workspace", w, "TimeoutActivitySid="+sidOf(other.activity)),
		post("an empty name of a Workspace", w, "FriendlyName="),
		post("a change with one right and one wrong parameter", w, "FriendlyName=Changed&PrioritizeQueueOrder=up"),
		post("a callback that is relative", w, "EventCallbackUrl=/events"),
		post("single-tasking", w, "MultiTaskEnabled=false"),
	}
}

func wrongActivities(f *fixture) []mistake {
	all := f.workspace + "/Activities"
	return []mistake{
		post("an Activity without a name", all, "Available=true"),
		post("an Activity with a name of bad UTF-8", all, "FriendlyName=%ff%fe"),
		post("an Activity with a name of NUL", all, "FriendlyName=%00"),
		post("an Activity with a name that is too long", all, "FriendlyName="+tooLongName),
		post("a blank name of an Activity", f.activity, "FriendlyName=++"),
		post("a name of an Activity that is too long", f.activity, "FriendlyName="+tooLongName),
		get("Activities with NUL in a name", all, "FriendlyName=a%00"),
		del("a deletion of an Activity in use", f.available),
	}
}

func wrongChannels(f *fixture) []mistake {
	all := f.workspace + "/TaskChannels"
	out := []mistake{
		post("a TaskChannel without a unique name", all, "FriendlyName=x"),
		post("a TaskChannel without a name", all, "UniqueName=x"),
		post("a TaskChannel with a unique name in use", all, "FriendlyName=x&UniqueName=email"),
		post("a TaskChannel with a unique name of the system", all, "FriendlyName=x&UniqueName=voice"),
		post("a TaskChannel with a unique name that is too long", all, "FriendlyName=x&UniqueName="+tooLongName),
		post("a TaskChannel with a name that is too long", all, "UniqueName=x&FriendlyName="+tooLongName),
		post("an empty name of a TaskChannel", f.channel, "FriendlyName="),
		post("an empty name of a TaskChannel by its unique name", all+"/email", "FriendlyName="),
		del("a deletion of the default TaskChannel", all+"/default"),
		post("a capacity that is negative", f.workerChannel, "Capacity=-1"),
		post("a capacity with an exponent", f.workerChannel, "Capacity=1e3"),
		post("a capacity with a fraction", f.workerChannel, "Capacity=2.5"),
		post("an empty capacity", f.workerChannel, "Capacity="),
		post("a capacity that is a word", f.workerChannel, "Capacity=many"),
		post("a capacity beyond 32 bits", f.workerChannel, "Capacity=2147483648"),
		post("a capacity beyond 64 bits", f.workerChannel, "Capacity=9223372036854775808"),
		post("a capacity by the name of the channel", f.worker+"/Channels/email", "Capacity=x"),
	}
	for what, name := range map[string]string{"a hyphen": "e-mail", "a space": "e mail", "a digit first": "1st", "an accent": "pošta", "a dot": "e.mail", "a SID's form": newSID("TC")} {
		out = append(out, post("a TaskChannel with a unique name with "+what, all, "FriendlyName=x&"+field("UniqueName", name)))
	}
	return out
}

func wrongQueues(f *fixture, other *neighbour) []mistake {
	all := f.workspace + "/TaskQueues"
	target := func(name, expression string) mistake {
		return post("a TaskQueue for Workers "+name, all, "FriendlyName=x&"+field("TargetWorkers", expression))
	}
	return []mistake{
		post("a TaskQueue without a name", all, ""),
		post("a TaskQueue with a name that is too long", all, "FriendlyName="+tooLongName),
		target("in quotes that are not closed", `a == "open`),
		target("in brackets that are not closed", `(a == 1`),
		target("in 500 brackets", strings.Repeat("(", 500)),
		target("without a right side", "a =="),
		target("without an operator", "a 1"),
		target("with two operators", "a == == 1"),
		target("with a statement behind", "a == 1; DROP TABLE workers"),
		target("with an expression that is a number", "1 + 1"),
		target("with a function that does not exist", "native:launch(worker)"),
		target("with an expression that is too long", "a == '"+strings.Repeat("x", 1<<17)+"'"),
		post("more reserved Workers than there may be", all, "FriendlyName=x&MaxReservedWorkers=51"),
		post("no reserved Workers", all, "FriendlyName=x&MaxReservedWorkers=0"),
		post("a word of reserved Workers", all, "FriendlyName=x&MaxReservedWorkers=all"),
		post("an unknown order of Tasks", all, "FriendlyName=x&TaskOrder=up"),
		post("an assignment Activity that does not exist", all, "FriendlyName=x&AssignmentActivitySid="+newSID("WA")),
		post("an assignment Activity of another Workspace", all, "FriendlyName=x&AssignmentActivitySid="+sidOf(other.activity)),
		post("a reservation Activity that is a Worker", all, "FriendlyName=x&ReservationActivitySid="+sidOf(f.worker)),
		post("an empty reservation Activity", f.queue, "ReservationActivitySid="),
		post("a change of Workers that does not parse", f.queue, field("TargetWorkers", "skills HAS")),
		post("a change of the order to a number", f.queue, "TaskOrder=1"),
		post("an empty name of a TaskQueue", f.queue, "FriendlyName="),
		post("negative reserved Workers", f.queue, "MaxReservedWorkers=-1"),
		get("TaskQueues by attributes that are no JSON", all, "EvaluateWorkerAttributes=a==1"),
		get("TaskQueues by attributes that are a list", all, "EvaluateWorkerAttributes=[]"),
		get("TaskQueues by empty attributes", all, "EvaluateWorkerAttributes="),
		get("TaskQueues ordered by their names", all, "Ordering=FriendlyName:asc"),
		get("TaskQueues ordered sideways", all, "Ordering=DateUpdated:sideways"),
		get("TaskQueues of a Worker by name", all, "WorkerSid=Ann"),
		del("a deletion of a TaskQueue in use", f.queue),
	}
}

func wrongWorkflows(f *fixture, other *neighbour) []mistake {
	all := f.workspace + "/Workflows"
	queue := sidOf(f.queue)
	rule := func(name, configuration string) mistake {
		return post("a Workflow "+name, all, "FriendlyName=x&"+field("Configuration", configuration))
	}
	filter := func(name, filter string) mistake {
		return rule(name, `{"task_routing":{"filters":[`+filter+`]}}`)
	}
	targets := func(name, target string) mistake {
		return filter(name, `{"expression":"1==1","targets":[`+target+`]}`)
	}
	good := field("Configuration", `{"task_routing":{"default_filter":{"queue":"`+queue+`"}}}`)
	return []mistake{
		post("a Workflow without a configuration", all, "FriendlyName=x"),
		post("a Workflow without a name", all, good),
		post("a Workflow with an empty configuration", all, "FriendlyName=x&Configuration="),
		rule("with half a document", `{`),
		rule("with text behind its document", `{"task_routing":{"default_filter":{"queue":"`+queue+`"}}} x`),
		rule("that is a list", `[]`),
		rule("that is null", `null`),
		rule("without routing", `{}`),
		rule("with nothing to route to", `{"task_routing":{}}`),
		rule("with filters that are a number", `{"task_routing":{"filters":1}}`),
		rule("with a default that is text", `{"task_routing":{"default_filter":"`+queue+`"}}`),
		rule("with a default to no TaskQueue", `{"task_routing":{"default_filter":{}}}`),
		rule("with a default to a TaskQueue that does not exist", `{"task_routing":{"default_filter":{"queue":"`+newSID("WQ")+`"}}}`),
		rule("with a default to a TaskQueue of another Workspace", `{"task_routing":{"default_filter":{"queue":"`+sidOf(other.queue)+`"}}}`),
		rule("with a default to a TaskQueue by name", `{"task_routing":{"default_filter":{"queue":"Tax"}}}`),
		filter("with a filter without an expression", `{"targets":[{"queue":"`+queue+`"}]}`),
		filter("with a filter without targets", `{"expression":"1==1"}`),
		filter("with a filter with no target", `{"expression":"1==1","targets":[]}`),
		filter("with a filter that does not parse", `{"expression":"a ==","targets":[{"queue":"`+queue+`"}]}`),
		filter("with an expression that is a number", `{"expression":1,"targets":[{"queue":"`+queue+`"}]}`),
		targets("with a target without a TaskQueue", `{"priority":1}`),
		targets("with a target that is a Worker", `{"queue":"`+sidOf(f.worker)+`"}`),
		targets("with a target for Workers that does not parse", `{"queue":"`+queue+`","expression":"worker."}`),
		targets("with an order that does not parse", `{"queue":"`+queue+`","order_by":"worker.level sideways ("}`),
		targets("with a negative priority", `{"queue":"`+queue+`","priority":-1}`),
		targets("with a priority that is a word", `{"queue":"`+queue+`","priority":"high"}`),
		targets("with a negative timeout", `{"queue":"`+queue+`","timeout":-5}`),
		targets("with a timeout that is a word", `{"queue":"`+queue+`","timeout":"soon"}`),
		targets("with a condition to skip that does not parse", `{"queue":"`+queue+`","skip_if":"workers.available =="}`),
		post("a Workflow with a configuration that is too large", all, "FriendlyName=x&Configuration="+strings.Repeat("x", taskrouter.MaxConfigurationSize+1)),
		post("a reservation timeout of no time", all, "FriendlyName=x&TaskReservationTimeout=0&"+good),
		post("a reservation timeout of more than a day", all, "FriendlyName=x&TaskReservationTimeout=86401&"+good),
		post("a reservation timeout with a unit", all, "FriendlyName=x&TaskReservationTimeout=30s&"+good),
		post("an assignment callback that is relative", all, "FriendlyName=x&AssignmentCallbackUrl=a.example&"+good),
		post("a fallback callback by FTP", all, "FriendlyName=x&FallbackAssignmentCallbackUrl=ftp://a.example/&"+good),
		post("an empty configuration", f.workflow, "Configuration="),
		post("a change of a configuration that is no JSON", f.workflow, "Configuration=default"),
		post("an empty name of a Workflow", f.workflow, "FriendlyName="),
		post("re-evaluation by a configuration that is wrong", f.workflow, "ReEvaluateTasks=true&Configuration={}"),
		del("a deletion of a Workflow in use", f.workflow),
	}
}

func wrongWorkers(f *fixture, other *neighbour) []mistake {
	all := f.workspace + "/Workers"
	attributes := func(name, text string) mistake {
		return post("a Worker with attributes "+name, all, "FriendlyName=x&"+field("Attributes", text))
	}
	return []mistake{
		post("a Worker without a name", all, "Attributes={}"),
		post("a Worker with a name in use", all, "FriendlyName=Ann"),
		post("a Worker with a name in use in other letters", all, "FriendlyName=aNN"),
		post("a Worker with a name that is too long", all, "FriendlyName="+tooLongName),
		attributes("that are a list", `[]`),
		attributes("that are a number", `1`),
		attributes("that are text", `"skills"`),
		attributes("that are null", `null`),
		attributes("that are blank", ` `),
		attributes("with a value missing", `{"a":}`),
		attributes("in single quotes", `{'a':1}`),
		attributes("with a comma behind", `{"a":1,}`),
		attributes("with a comment", `{"a":1}//`),
		attributes("twice", `{}{}`),
		attributes("that are not a number", `{"a":NaN}`),
		attributes("with a control character", "{\"a\":\"\x01\"}"),
		attributes("of bad UTF-8", "{\"a\":\"\xff\"}"),
		attributes("that are too long", `{"a":"`+strings.Repeat("x", taskrouter.MaxAttributesLength)+`"}`),
		post("a Worker in an Activity that does not exist", all, "FriendlyName=x&ActivitySid="+newSID("WA")),
		post("a Worker in an Activity of another Workspace", all, "FriendlyName=x&ActivitySid="+sidOf(other.activity)),
		post("a Worker in an Activity by name", all, "FriendlyName=x&ActivitySid=Lunch"),
		post("a Worker in no Activity", f.worker, "ActivitySid="),
		post("a Worker in an Activity that is a TaskQueue", f.worker, "ActivitySid="+sidOf(f.queue)),
		post("an empty name of a Worker", f.worker, "FriendlyName="),
		post("a change of attributes to text", f.worker, "Attributes=hello"),
		post("offers rejected by an agent who becomes available", f.worker, "RejectPendingReservations=true&ActivitySid="+sidOf(f.available)),
		get("Workers by an expression that does not parse", all, field("TargetWorkersExpression", "a = = 1")),
		get("Workers ordered sideways", all, "Ordering=DateStatusChanged:sideways"),
		get("Workers ordered by age", all, "Ordering=Age:asc"),
		get("Workers of a TaskQueue by a word", all, "TaskQueueSid=queue"),
		get("Workers in an Activity by a word", all, "ActivitySid=Offline"),
		get("Workers in an Activity that is a Task", all, "ActivitySid="+sidOf(f.task)),
		del("a deletion of a Worker with an offer", f.worker),
	}
}

func wrongCallQueues(f *fixture, other *neighbour) []mistake {
	all := f.workspace + "/CallQueues"
	line := func(name, form string) mistake {
		return post("a CallQueue "+name, all, "FriendlyName=x&PhoneNumbers=%2B15550199&WorkflowSid="+sidOf(f.workflow)+"&"+form)
	}
	many := make([]string, 0, 2000)
	for i := range cap(many) {
		many = append(many, fmt.Sprintf("%%2B1555%07d", i))
	}
	return []mistake{
		post("a CallQueue without a Workflow", all, "FriendlyName=x&PhoneNumbers=%2B15550199"),
		post("a CallQueue without a name", all, "PhoneNumbers=%2B15550199&WorkflowSid="+sidOf(f.workflow)),
		post("a CallQueue without a number", all, "FriendlyName=x&WorkflowSid="+sidOf(f.workflow)),
		post("a CallQueue of a Workflow that does not exist", all, "FriendlyName=x&PhoneNumbers=%2B15550199&WorkflowSid="+newSID("WW")),
		post("a CallQueue of a Workflow of another Workspace", all, "FriendlyName=x&PhoneNumbers=%2B15550199&WorkflowSid="+sidOf(other.workflow)),
		post("a CallQueue with a number in use", all, "FriendlyName=x&PhoneNumbers=%2B15550100&WorkflowSid="+sidOf(f.workflow)),
		post("a CallQueue with a number twice", all, "FriendlyName=x&PhoneNumbers=%2B15550199,%2B15550199&WorkflowSid="+sidOf(f.workflow)),
		post("a CallQueue with words for a number", all, "FriendlyName=x&PhoneNumbers=five+five&WorkflowSid="+sidOf(f.workflow)),
		post("a CallQueue with 2,000 numbers", all, "FriendlyName=x&PhoneNumbers="+strings.Join(many, ",")+"&WorkflowSid="+sidOf(f.workflow)),
		line("on a platform that does not exist", "Backend=elsewhere"),
		line("with an unknown instruction", "Instruction=dance"),
		line("with music that is no URL", "HoldMusicUrl=loud"),
		line("with a negative wrap-up", "WrapUp=-1"),
		line("with an endless wrap-up", "WrapUp=99999999"),
		line("with a wrap-up that is a word", "WrapUp=short"),
		post("an empty Workflow of a CallQueue", f.callQueue, "WorkflowSid="),
		post("no numbers of a CallQueue", f.callQueue, "PhoneNumbers="),
		post("another platform of a CallQueue", f.callQueue, "Backend=elsewhere"),
		post("music of a CallQueue that is a file", f.callQueue, "HoldMusicUrl=file:///music"),
	}
}
