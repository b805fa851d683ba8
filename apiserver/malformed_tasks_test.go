package apiserver_test

import (
	"net/http"
	"strings"

	"github.com/taskrouter/taskrouter/taskrouter"
)

func wrongTasks(f *fixture, other *neighbour) []mistake {
	all := f.workspace + "/Tasks"
	started := func(name, value string) mistake {
		return post("a Task that started "+name, all, field("VirtualStartTime", value))
	}
	return []mistake{
		post("a Task with attributes that are a word", all, "Attributes=no"),
		post("a Task with attributes that are a list", all, "Attributes=[]"),
		post("a Task with attributes twice in one", all, "Attributes={}{}"),
		post("a Task with attributes that are too long", all, field("Attributes", `{"a":"`+strings.Repeat("x", taskrouter.MaxAttributesLength)+`"}`)),
		post("a Task of a Workflow that does not exist", all, "WorkflowSid="+newSID("WW")),
		post("a Task of a Workflow of another Workspace", all, "WorkflowSid="+sidOf(other.workflow)),
		post("a Task of no Workflow", all, "WorkflowSid="),
		post("a Task of a Workflow by name", all, "WorkflowSid=Calls"),
		post("a Task on a channel that does not exist", all, "TaskChannel=fax"),
		post("a Task on a channel of another Workspace", all, "TaskChannel="+sidOf(other.channel)),
		post("a Task on no channel", all, "TaskChannel="),
		post("a negative priority", all, "Priority=-1"),
		post("a priority that is too high", all, "Priority=99999999999"),
		post("a priority beyond all numbers", all, "Priority=99999999999999999999"),
		post("a priority with a fraction", all, "Priority=1.0"),
		post("an empty priority", all, "Priority="),
		post("a Task without time", all, "Timeout=0"),
		post("a Task with more time than two weeks", all, "Timeout=1209601"),
		post("a Task with a time in words", all, "Timeout=forever"),
		started("in the future", "2100-01-01"),
		started("before telephones", "1899-12-31"),
		started("on no day", "0000-00-00"),
		started("on 30 February", "2026-02-30T00:00:00Z"),
		started("at 25 o'clock", "2026-01-01T25:00:00Z"),
		started("in a leap second that never was", "2026-01-01T00:00:61Z"),
		started("in month 13", "2026-13-01"),
		started("on a day written otherwise", "31/12/2025"),
		started("at a time as mail writes it", "Thu, 01 Jan 2026 00:00:00 +0000"),
		started("at a number of seconds", "1767225600"),
		started("at an unknown offset", "2026-01-01T00:00:00+99:99"),
		started("yesterday", "yesterday"),
		started("at no time", ""),
		post("a Task for a Worker that does not exist", all, "RoutingTarget="+newSID("WK")),
		post("a Task for a Worker of another Workspace", all, "RoutingTarget="+sidOf(other.worker)),
		post("a Task for a TaskQueue of another Workspace", all, "RoutingTarget="+sidOf(other.queue)),
		post("a Task for an Activity", all, "RoutingTarget="+sidOf(f.activity)),
		post("a Task for nobody", all, "RoutingTarget="),
		post("a Task for a TaskQueue beyond its capacity", all, "RoutingTarget="+sidOf(f.queue)+"&IgnoreCapacity=true"),
		post("a Task for two Workflows", all, "WorkflowSid="+sidOf(f.workflow)+"&RoutingTarget="+sidOf(other.workflow)),
		post("a Task in a TaskQueue that does not exist", all, "TaskQueueSid="+newSID("WQ")),
		post("a Task in a TaskQueue of another Workspace", all, "TaskQueueSid="+sidOf(other.queue)),
		post("a Task in a TaskQueue by name", all, "TaskQueueSid=Tax"),

		post("a Task set to pending", f.task, "AssignmentStatus=pending"),
		post("a Task set to reserved", f.task, "AssignmentStatus=reserved"),
		post("a Task set to assigned", f.task, "AssignmentStatus=assigned"),
		post("a Task completed too early", f.task, "AssignmentStatus=completed"),
		post("a Task wrapped up too early", f.task, "AssignmentStatus=wrapping"),
		post("a Task set to a state that does not exist", f.task, "AssignmentStatus=lost"),
		post("an empty state of a Task", f.task, "AssignmentStatus="),
		post("a state together with attributes", f.task, "AssignmentStatus=canceled&Attributes={}"),
		post("a reason that is too long", f.task, "AssignmentStatus=canceled&Reason="+strings.Repeat("x", 5000)),
		post("another channel of a Task that is reserved", f.task, "TaskChannel=voice"),
		post("a channel of a Task that does not exist", f.task, "TaskChannel=fax"),
		post("a priority in words", f.task, "Priority=high"),
		post("another start in the future", f.task, "VirtualStartTime=2100-01-01"),
		post("attributes of a Task that are a number", f.task, "Attributes=7"),
		get("Tasks ordered by two dates", all, "Ordering=DateCreated:asc,VirtualStartTime:asc"),
		get("Tasks ordered twice by one date", all, "Ordering=DateCreated:asc,DateCreated:desc"),
		get("Tasks ordered by their reasons", all, "Ordering=Reason:asc"),
		get("Tasks in a state that does not exist", all, "AssignmentStatus=gone"),
		get("Tasks in two states of which one exists", all, "AssignmentStatus=pending,gone"),
		get("Tasks of a priority in words", all, "Priority=high"),
		get("Tasks of a Workflow by a word", all, "WorkflowSid=Calls"),
		get("Tasks of a TaskQueue that is a Workflow", all, "TaskQueueSid="+sidOf(f.workflow)),
		get("Tasks by an expression that does not parse", all, field("EvaluateTaskAttributes", "a AND")),
		get("Tasks by an expression in 500 brackets", all, field("EvaluateTaskAttributes", strings.Repeat("(", 500))),
	}
}

func wrongReservations(f *fixture, other *neighbour) []mistake {
	instruct := func(name, form string, code int) mistake {
		return post(name, f.reservation, "Instruction="+form).as(400, code)
	}
	return []mistake{
		post("a Reservation set to pending", f.reservation, "ReservationStatus=pending"),
		post("a Reservation set to timeout", f.reservation, "ReservationStatus=timeout"),
		post("a Reservation set to canceled", f.reservation, "ReservationStatus=canceled"),
		post("a Reservation set to rescinded", f.reservation, "ReservationStatus=rescinded"),
		post("a Reservation set to a state that does not exist", f.reservation, "ReservationStatus=mine"),
		post("an empty state of a Reservation", f.reservation, "ReservationStatus="),
		post("a Reservation completed too early", f.reservation, "ReservationStatus=completed"),
		post("a Reservation wrapped up too early", f.reservation, "ReservationStatus=wrapping"),
		instruct("an instruction that does not exist", "dance", 55555),
		instruct("an instruction with NUL", "accept%00", 20001),
		instruct("dequeue without a caller ID", "dequeue", 40132),
		instruct("dequeue without a call", "dequeue&DequeueFrom=%2B15550100", 40140),
		instruct("dequeue to nobody", "dequeue&DequeueFrom=%2B15550100&DequeueTo="+strings.Repeat("x", 5000), 40131),
		instruct("dequeue into an Activity that is none", "dequeue&DequeueFrom=%2B15550100&DequeuePostWorkActivitySid=Lunch", 40130),
		instruct("dequeue with reports to no URL", "dequeue&DequeueFrom=%2B15550100&DequeueStatusCallbackUrl=here", 40157),
		instruct("dequeue with unknown reports", "dequeue&DequeueFrom=%2B15550100&DequeueStatusCallbackEvent=sneezed", 40134),
		instruct("dequeue that rings for no time", "dequeue&DequeueFrom=%2B15550100&DequeueTimeout=0", 20001),
		instruct("call without a caller ID", "call&CallUrl=https://a.example/", 40111),
		instruct("call without a document", "call&CallFrom=%2B15550100", 40112),
		instruct("call with a document that is no URL", "call&CallFrom=%2B15550100&CallUrl=here", 40112),
		instruct("call with reports to no URL", "call&CallFrom=%2B15550100&CallUrl=https://a.example/&CallStatusCallbackUrl=here", 40158),
		instruct("call that rings for too long", "call&CallFrom=%2B15550100&CallUrl=https://a.example/&CallTimeout=1000", 20001),
		instruct("redirect without a call", "redirect", 40121),
		instruct("redirect of something that is no call", "redirect&RedirectUrl=https://a.example/&RedirectCallSid="+sidOf(f.task), 40121),
		instruct("redirect to no URL", "redirect&RedirectCallSid=CA"+strings.Repeat("0", 32)+"&RedirectUrl=here", 40120),
		instruct("conference with reports to no URL", "conference&StatusCallback=here", 40159),
		instruct("conference by an unknown method", "conference&StatusCallbackMethod=PUT", 20001),
		instruct("conference of one", "conference&MaxParticipants=1", 20001),
		instruct("conference with an unknown beep", "conference&Beep=loud", 20001),
		instruct("conference in an unknown region", "conference&Region=moon", 20001),
		instruct("conference into an Activity that is none", "conference&PostWorkActivitySid=Lunch", 40139),
		instruct("supervise without a supervisor", "supervise", 40147),
		instruct("supervise before anything was accepted", "supervise&From=%2B15550100&Supervisor="+sidOf(f.worker), 40146),
		instruct("supervise in an unknown way", "supervise&From=%2B15550100&SupervisorMode=shout&Supervisor="+sidOf(f.worker), 20001),
		post("reject into an Activity that is a word", f.reservation, "ReservationStatus=rejected&WorkerActivitySid=later").as(400, 40100),
		post("reject into an Activity of another Workspace", f.reservation, "ReservationStatus=rejected&WorkerActivitySid="+sidOf(other.activity)).as(400, 40100),
		post("reject by instruction into an Activity that is a word", f.workerReservation, "Instruction=reject&WorkerActivitySid=later").as(400, 40100),
		post("supervise by the Worker", f.workerReservation, "Instruction=supervise&Supervisor="+sidOf(f.worker)),
		post("a Worker's Reservation set to a state that does not exist", f.workerReservation, "ReservationStatus=mine"),
		get("Reservations in a state that does not exist", f.task+"/Reservations", "ReservationStatus=maybe"),
		get("Reservations of a Worker by name", f.task+"/Reservations", "WorkerSid=Ann"),
		get("a Worker's Reservations in a state that does not exist", f.worker+"/Reservations", "ReservationStatus=maybe"),
	}
}

func wrongEvents(f *fixture, other *neighbour) []mistake {
	all := f.workspace + "/Events"
	return []mistake{
		get("Events of a negative number of minutes", all, "Minutes=-5"),
		get("Events of no minutes", all, "Minutes=0"),
		get("Events of a century of minutes", all, "Minutes=52560000"),
		get("Events since a word", all, "StartDate=tomorrow"),
		get("Events since no day", all, "StartDate=2026-02-30"),
		get("Events until a number", all, "EndDate=1767225600"),
		get("Events that end before they begin", all, "StartDate=2026-02-01&EndDate=2026-01-01"),
		get("Events on a channel that does not exist", all, "TaskChannel=fax"),
		get("Events on no channel", all, "TaskChannel="),
		get("Events of a Task that is a Worker", all, "TaskSid="+sidOf(f.worker)),
		get("Events of a Worker by name", all, "WorkerSid=Ann"),
		get("Events of a Reservation by a word", all, "ReservationSid=last"),
		get("Events of a TaskQueue by name", all, "TaskQueueSid=Tax"),
		get("Events of a Workflow by name", all, "WorkflowSid=Calls"),
		get("an Event by a word", all, "Sid=last"),
		get("Events of a type of bad UTF-8", all, "EventType=%ff"),
		post("an Event sent twice at once", f.event+"/Deliveries", "").as(409, 20409),
		post("an Event sent again without a callback URL", other.event+"/Deliveries", ""),
		post("an Event sent again with JSON", f.event+"/Deliveries", "{}").with("Content-Type", "application/json"),
		post("an Event sent again that does not exist", all+"/"+newSID("EV")+"/Deliveries", "").as(404, 20404),
	}
}

func wrongStatistics(f *fixture, other *neighbour) []mistake {
	w := f.workspace
	bulk := func(name, body string) mistake {
		return post("bulk statistics "+name, w+"/TaskQueues/RealTimeStatistics", body).with("Content-Type", "application/json")
	}
	of := func(name, path, query string) mistake { return get("statistics "+name, path, query) }
	return []mistake{
		of("of no minutes", w+"/Statistics", "Minutes=0"),
		of("of minutes in words", w+"/CumulativeStatistics", "Minutes=all"),
		of("of minutes and a date", f.queue+"/Statistics", "Minutes=5&StartDate=2026-01-01"),
		of("from more than 30 days ago", f.queue+"/CumulativeStatistics", "StartDate=2020-01-01").as(400, 14241),
		of("of more minutes than 30 days", f.workflow+"/Statistics", "Minutes=43210").as(400, 14241),
		of("that end before they begin", f.workflow+"/CumulativeStatistics", "StartDate=2100-01-02&EndDate=2100-01-01"),
		of("since a word", w+"/Workers/Statistics", "StartDate=monday"),
		of("until no day", w+"/Workers/CumulativeStatistics", "EndDate=2026-02-30"),
		of("of a Worker of minutes with a fraction", f.worker+"/Statistics", "Minutes=1.5"),
		of("on no channel", w+"/RealTimeStatistics", "TaskChannel="),
		of("on a channel that does not exist", f.queue+"/RealTimeStatistics", "TaskChannel=fax"),
		of("on a channel of another Workspace", f.workflow+"/RealTimeStatistics", "TaskChannel="+sidOf(other.channel)),
		of("split at a word", f.queue+"/CumulativeStatistics", "SplitByWaitTime=short"),
		of("split at a negative time", w+"/Statistics", "SplitByWaitTime=5,-1"),
		of("split at a fraction", w+"/CumulativeStatistics", "SplitByWaitTime=1.5"),
		of("of Workers of a TaskQueue by name", w+"/Workers/RealTimeStatistics", "TaskQueueSid=Tax"),
		of("of TaskQueues by page number", w+"/TaskQueues/Statistics", "Page=3").as(400, 40153),
		of("of TaskQueues with a page token of nothing", w+"/TaskQueues/Statistics", "PageToken=PA"+newSID("WQ")),
		of("of TaskQueues with a name of NUL", w+"/TaskQueues/Statistics", "FriendlyName=%00"),
		bulk("without a body", ""),
		bulk("of half a document", `{"QueueSids":[`),
		bulk("of a list", `["`+sidOf(f.queue)+`"]`),
		bulk("of no TaskQueue", `{"QueueSids":[]}`),
		bulk("of text", `{"QueueSids":"`+sidOf(f.queue)+`"}`),
		bulk("of a Worker", `{"QueueSids":["`+sidOf(f.worker)+`"]}`),
		bulk("of 51 TaskQueues", `{"QueueSids":["`+strings.Repeat(sidOf(f.queue)+`","`, 50)+sidOf(f.queue)+`"]}`),
		bulk("with text behind", `{"QueueSids":["`+sidOf(f.queue)+`"]} x`),
		post("bulk statistics as a form", w+"/TaskQueues/RealTimeStatistics", "QueueSids="+sidOf(f.queue)),
		{name: "bulk statistics by PUT", method: http.MethodPut, path: w + "/TaskQueues/RealTimeStatistics", status: 405, code: 20004},
	}
}
