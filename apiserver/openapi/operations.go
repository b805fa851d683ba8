package openapi

import (
	"reflect"

	"github.com/taskrouter/taskrouter/wire"
)

// Operation is one row of the table of routes.
type Operation struct {
	// Path has parameters in the form :name.
	Method, Path, ID string
	// Status is that of a success.
	Status int
	// Idempotent takes an idempotency token.
	Idempotent bool
	// Unsupported is why the operation is not served; empty when it is.
	Unsupported string
}

// entry is what the table of routes does not say of an operation.
type entry struct {
	// summary is one sentence.
	summary string
	// body is an empty value of what is answered; nil answers nothing.
	body any
	// list is the key of the array of bodies; empty for a single body.
	list string
	// older lists in the dialect of the account API.
	older bool
	// rendered are the members of body that it may leave out and does not.
	rendered []string
	// realTime and cumulative are the parts of a body that has both.
	realTime, cumulative any
	// tagged answers with an entity tag; guarded takes If-Match.
	tagged, guarded bool
	// ours marks an addition to the public API.
	ours bool
}

// Members of statistics that depend on whose they are.
var (
	ofWorkspace = []string{"url"}
	ofWorkflow  = []string{"workflow_sid", "url"}
	ofQueue     = []string{"task_queue_sid", "url"}
	ofListed    = []string{"task_queue_sid"}
	ofWorker    = []string{"worker_sid", "url"}
)

// entries has a row an operation; Build fails for one that has none.
func entries() map[string]entry {
	return map[string]entry{
		"ListWorkspace":   {summary: "Lists the Workspaces of the account.", body: wire.Workspace{}, list: "workspaces"},
		"CreateWorkspace": {summary: "Creates a Workspace with its default Activities and TaskChannels.", body: wire.Workspace{}},
		"FetchWorkspace":  {summary: "Fetches a Workspace.", body: wire.Workspace{}},
		"UpdateWorkspace": {summary: "Changes a Workspace; what is not sent stays as it is.", body: wire.Workspace{}},
		"DeleteWorkspace": {summary: "Deletes a Workspace with everything in it."},

		"ListActivity":   {summary: "Lists the Activities of a Workspace.", body: wire.Activity{}, list: "activities"},
		"CreateActivity": {summary: "Creates an Activity.", body: wire.Activity{}},
		"FetchActivity":  {summary: "Fetches an Activity.", body: wire.Activity{}},
		"UpdateActivity": {summary: "Renames an Activity; its availability never changes.", body: wire.Activity{}},
		"DeleteActivity": {summary: "Deletes an Activity that no Worker is in and nothing refers to."},

		"ListEvent":  {summary: "Lists Events, newest first; the last 15 minutes unless a window is asked for.", body: wire.Event{}, list: "events"},
		"FetchEvent": {summary: "Fetches an Event.", body: wire.Event{}},

		"ListEventDelivery":   {summary: "Lists the times an Event was sent to the callback URL.", body: wire.Delivery{}, list: "deliveries", ours: true},
		"CreateEventDelivery": {summary: "Has an Event sent to the callback URL again.", body: wire.Delivery{}, ours: true},
		"FetchEventDelivery":  {summary: "Fetches one sending of an Event.", body: wire.Delivery{}, ours: true},

		"ListTask":   {summary: "Lists Tasks, oldest first unless another order is asked for.", body: wire.Task{}, list: "tasks"},
		"CreateTask": {summary: "Creates a Task and routes it by a Workflow.", body: wire.Task{}, tagged: true},
		"FetchTask":  {summary: "Fetches a Task.", body: wire.Task{}, tagged: true},
		"UpdateTask": {summary: "Changes a Task, or ends it.", body: wire.Task{}, tagged: true, guarded: true},
		"DeleteTask": {summary: "Deletes a Task in any state.", guarded: true},

		"ListTaskReservation":   {summary: "Lists the Reservations of a Task.", body: wire.Reservation{}, list: "reservations"},
		"FetchTaskReservation":  {summary: "Fetches a Reservation of a Task.", body: wire.Reservation{}, tagged: true},
		"UpdateTaskReservation": {summary: "Answers a Reservation, moves it on, or carries out an instruction.", body: wire.Reservation{}, tagged: true, guarded: true},

		"ListTaskChannel":   {summary: "Lists the TaskChannels of a Workspace.", body: wire.TaskChannel{}, list: "channels"},
		"CreateTaskChannel": {summary: "Creates a TaskChannel, and a capacity of one on it for every Worker.", body: wire.TaskChannel{}},
		"FetchTaskChannel":  {summary: "Fetches a TaskChannel by SID or unique name.", body: wire.TaskChannel{}},
		"UpdateTaskChannel": {summary: "Changes a TaskChannel.", body: wire.TaskChannel{}},
		"DeleteTaskChannel": {summary: "Deletes a TaskChannel that no unfinished Task uses."},

		"ListTaskQueue":   {summary: "Lists the TaskQueues of a Workspace.", body: wire.TaskQueue{}, list: "task_queues"},
		"CreateTaskQueue": {summary: "Creates a TaskQueue; its members are those who satisfy its expression.", body: wire.TaskQueue{}},
		"FetchTaskQueue":  {summary: "Fetches a TaskQueue.", body: wire.TaskQueue{}},
		"UpdateTaskQueue": {summary: "Changes a TaskQueue; a new expression recomputes its members.", body: wire.TaskQueue{}},
		"DeleteTaskQueue": {summary: "Deletes a TaskQueue that no Task or Workflow uses."},

		"ListWorker":   {summary: "Lists the Workers of a Workspace.", body: wire.Worker{}, list: "workers"},
		"CreateWorker": {summary: "Creates a Worker with a capacity on every TaskChannel.", body: wire.Worker{}, tagged: true},
		"FetchWorker":  {summary: "Fetches a Worker.", body: wire.Worker{}, tagged: true},
		"UpdateWorker": {summary: "Changes a Worker: name, Activity, attributes.", body: wire.Worker{}, tagged: true, guarded: true},
		"DeleteWorker": {summary: "Deletes a Worker who holds no open Reservation.", guarded: true},

		"ListWorkerChannel":   {summary: "Lists a Worker's capacity on every TaskChannel.", body: wire.WorkerChannel{}, list: "channels"},
		"FetchWorkerChannel":  {summary: "Fetches a Worker's capacity on one TaskChannel.", body: wire.WorkerChannel{}},
		"UpdateWorkerChannel": {summary: "Changes a Worker's capacity on one TaskChannel.", body: wire.WorkerChannel{}},

		"ListWorkerReservation":   {summary: "Lists the Reservations of a Worker.", body: wire.Reservation{}, list: "reservations"},
		"FetchWorkerReservation":  {summary: "Fetches a Reservation of a Worker.", body: wire.Reservation{}, tagged: true},
		"UpdateWorkerReservation": {summary: "Answers a Reservation, moves it on, or carries out an instruction.", body: wire.Reservation{}, tagged: true, guarded: true},

		"ListWorkflow":   {summary: "Lists the Workflows of a Workspace.", body: wire.Workflow{}, list: "workflows"},
		"CreateWorkflow": {summary: "Creates a Workflow: the rules that choose a TaskQueue for each Task.", body: wire.Workflow{}},
		"FetchWorkflow":  {summary: "Fetches a Workflow.", body: wire.Workflow{}},
		"UpdateWorkflow": {summary: "Changes a Workflow; waiting Tasks keep the rules they entered with unless told otherwise.", body: wire.Workflow{}},
		"DeleteWorkflow": {summary: "Deletes a Workflow that routes no unfinished Task."},

		"FetchWorkspaceRealTimeStatistics":   {summary: "Counts the Tasks and Workers there are.", body: wire.WorkspaceRealTimeStatistics{}, rendered: ofWorkspace},
		"FetchWorkspaceCumulativeStatistics": {summary: "Counts what happened in the Workspace in a window.", body: wire.WorkspaceCumulativeStatistics{}, rendered: ofWorkspace},
		"FetchWorkspaceStatistics": {
			summary: "Real-time and cumulative statistics of a Workspace.", body: combined("WorkspaceStatistics"), rendered: ofWorkspace,
			realTime: wire.WorkspaceRealTime{}, cumulative: wire.WorkspaceCumulative{},
		},

		"FetchWorkflowRealTimeStatistics":   {summary: "Counts the Tasks a Workflow routes.", body: wire.WorkflowRealTimeStatistics{}, rendered: ofWorkflow},
		"FetchWorkflowCumulativeStatistics": {summary: "Counts what happened to the Tasks of a Workflow in a window.", body: wire.WorkflowCumulativeStatistics{}, rendered: ofWorkflow},
		"FetchWorkflowStatistics": {
			summary: "Real-time and cumulative statistics of a Workflow.", body: combined("WorkflowStatistics"), rendered: ofWorkflow,
			realTime: wire.TaskCounts{}, cumulative: wire.WorkflowCumulative{},
		},

		"FetchTaskQueueRealTimeStatistics":   {summary: "Counts the Tasks in a TaskQueue and its members.", body: wire.TaskQueueRealTimeStatistics{}, rendered: ofQueue},
		"FetchTaskQueueCumulativeStatistics": {summary: "Counts what happened in a TaskQueue in a window.", body: wire.TaskQueueCumulativeStatistics{}, rendered: ofQueue},
		"FetchTaskQueueStatistics": {
			summary: "Real-time and cumulative statistics of a TaskQueue.", body: combined("TaskQueueStatistics"), rendered: ofQueue,
			realTime: wire.QueueRealTime{}, cumulative: wire.QueueCumulative{},
		},
		"ListTaskQueuesStatistics": {
			summary: "Lists the statistics of all TaskQueues.", body: combined("TaskQueuesStatistics"), rendered: ofListed,
			list: "task_queues_statistics", realTime: wire.QueueRealTime{}, cumulative: wire.QueueCumulative{},
		},
		"CreateTaskQueueBulkRealTimeStatistics": {
			summary: "Real-time statistics of up to 50 TaskQueues at once; at most five times a second.",
			body:    wire.BulkRealTimeStatistics{}, rendered: ofWorkspace,
		},

		"FetchWorkersRealTimeStatistics":   {summary: "Counts the Workers in each Activity.", body: wire.WorkersRealTimeStatistics{}, rendered: ofWorkspace},
		"FetchWorkersCumulativeStatistics": {summary: "Counts what Workers did in a window.", body: wire.WorkersCumulativeStatistics{}, rendered: ofWorkspace},
		"FetchWorkerStatistics": {
			summary: "Real-time and cumulative statistics of Workers.", body: combined("WorkerStatistics"), rendered: ofWorkspace,
			realTime: wire.WorkersRealTime{}, cumulative: wire.WorkerCumulative{},
		},
		"FetchWorkerInstanceStatistics": {
			summary: "What one Worker did in a window.", body: combined("WorkerInstanceStatistics"), rendered: ofWorker,
			cumulative: wire.WorkerCumulative{},
		},

		"ListCallQueue":   {summary: "Lists the CallQueues of a Workspace.", body: wire.CallQueue{}, list: "call_queues", ours: true},
		"CreateCallQueue": {summary: "Creates a CallQueue: phone numbers, a menu, and the Workflow calls enter.", body: wire.CallQueue{}, ours: true},
		"FetchCallQueue":  {summary: "Fetches a CallQueue.", body: wire.CallQueue{}, ours: true},
		"UpdateCallQueue": {summary: "Changes a CallQueue.", body: wire.CallQueue{}, ours: true},
		"DeleteCallQueue": {summary: "Deletes a CallQueue.", ours: true},

		"FetchTaskExplanation":          {summary: "Says why a Task waits: what keeps each agent from it, and the least that would change that.", body: wire.TaskExplanation{}, ours: true},
		"FetchWorkerExplanation":        {summary: "Says why a Worker is idle or busy, and which waiting Tasks it would take.", body: wire.WorkerExplanation{}, ours: true},
		"EvaluateWorkflow":              {summary: "Says what would become of a Task in this Workflow; nothing is stored.", body: wire.Evaluation{}, ours: true},
		"EvaluateWorkflowConfiguration": {summary: "Says what would become of a Task in a configuration that is not stored.", body: wire.Evaluation{}, ours: true},

		"ListKey":      {summary: "Lists the API keys of the account, without their secrets.", body: wire.Key{}, list: "keys", older: true},
		"CreateNewKey": {summary: "Creates an API key; its secret is in this answer and never shown again.", body: wire.NewKey{}},
		"FetchKey":     {summary: "Fetches an API key, without its secret.", body: wire.Key{}},
		"UpdateKey":    {summary: "Renames an API key.", body: wire.Key{}},
		"DeleteKey":    {summary: "Revokes an API key."},
	}
}

// combined is the name of the schema of a body with both kinds of statistics.
type combined string

// answer describes the body of an operation.
func (l *library) answer(e entry) *Schema {
	var s *Schema
	name, both := e.body.(combined)
	if !both {
		s = l.refer(reflect.TypeOf(e.body), e.rendered...)
	} else {
		s = l.combined(string(name), e)
	}
	if e.list == "" {
		return s
	}
	page := &Schema{Type: "object", Required: []string{e.list}}
	page.Properties.add(e.list, &Schema{Type: "array", Items: s, Description: "The items of this page."})
	if e.older {
		l.members(page, reflect.TypeFor[wire.URIPlace](), "ListMeta", nil)
		return page
	}
	page.Properties.add("meta", l.refer(reflect.TypeFor[wire.Meta]()))
	page.Required = append(page.Required, "meta")
	return page
}

func (l *library) combined(name string, e entry) *Schema {
	if _, ok := l.made.get(name); ok {
		return ref(name)
	}
	s := &Schema{Type: "object", Description: schemaWords[name]}
	l.members(s, statisticsOf, name, e.rendered)
	for _, part := range []field[any]{{"realtime", e.realTime}, {"cumulative", e.cumulative}} {
		if part.value != nil {
			member := l.refer(reflect.TypeOf(part.value))
			member.Description = words(fieldWords, name, part.name)
			s.Properties.add(part.name, member)
			s.Required = append(s.Required, part.name)
		}
	}
	l.made.add(name, s)
	return ref(name)
}
