package openapi

// about is the description of the whole.
const about = "Routes tasks to the agents who have the skills they need. The resources, parameters and bodies are those of " +
	"the public TaskRouter v1 API (https://www.twilio.com/docs/taskrouter/api), so that its client libraries work unchanged; " +
	"operations marked x-origin: taskrouter are additions of this server.\n\n" +
	"Requests are authenticated by HTTP Basic with the SID of an account and its token, or the SID of an API key and its secret. " +
	"POST takes a form, every answer is JSON, and every answer that is no success has the same error body. Lists are pages: " +
	"follow meta.next_page_url until it is null.\n\n" +
	"A telephone platform's webhooks are served below /callqueue, with authentication of their own, and are no part of this " +
	"description; nor are /healthz and /readyz, which say whether the process is up and whether it can work."

// tagWords say what each group of operations is about.
var tagWords = map[string]string{
	"Workspaces":   "A Workspace holds everything else: Workers, queues, rules and the Tasks themselves.",
	"Activities":   "An Activity is what a Worker is doing, such as Available or Offline, and whether Tasks are offered meanwhile.",
	"Events":       "Events are the log of all that happened in a Workspace, kept for 30 days.",
	"Deliveries":   "A Delivery is one sending of an Event to the Workspace's callback URL.",
	"Tasks":        "A Task is a piece of work that waits for a Worker: a call, a chat, anything with attributes.",
	"Reservations": "A Reservation is the offer of a Task to a Worker, and then the Worker's hold on it.",
	"TaskChannels": "A TaskChannel is a kind of work, such as voice, with capacities of its own.",
	"TaskQueues":   "A TaskQueue is where Tasks wait for the Workers who satisfy its expression.",
	"Workers":      "A Worker is a person or program that takes Tasks.",
	"Channels":     "A WorkerChannel is how many Tasks of a TaskChannel a Worker takes at once.",
	"Workflows":    "A Workflow holds the rules that choose a TaskQueue, a priority and a time limit for each Task.",
	"Statistics":   "Counts of what there is now (real-time) and of what happened in a window (cumulative).",
	"CallQueues":   "A CallQueue binds phone numbers to a menu and to the Workflow their calls enter.",
	"Keys":         "A key is a user name and secret that can be used in place of the account's, except here: keys do not manage keys.",
}

// errorWords describe the answers that are no success.
var errorWords = map[string]string{
	"Invalid":            "A parameter is missing or wrong, or the state does not allow the change.",
	"Unauthorized":       "Credentials are missing or wrong.",
	"NotFound":           "There is no such resource in the account.",
	"Conflict":           "Somebody else changed the same thing at the same time; try again.",
	"Gone":               "The Reservation was rescinded because another Worker has the Task, or what the idempotency token created was removed.",
	"TokenReused":        "The idempotency token was used for another request.",
	"PreconditionFailed": "The resource is no longer the version that If-Match names; nothing was changed.",
	"TooLarge":           "The body is too large.",
	"TooMany":            "The account asks for more than it may: too many requests, or too many waiting Tasks. Nothing was done; Retry-After says when to ask again.",
	"Unsupported":        "The operation is not supported.",
	"Unavailable":        "The server is overloaded or something it depends on is down; Retry-After says when to ask again.",
	"Fault":              "Any other error, among them faults of the server.",
}

// schemaWords describe bodies and their parts.
var schemaWords = map[string]string{
	"Workspace": "A Workspace.", "Activity": "An Activity.", "Event": "An Event.", "Delivery": "One sending of an Event.",
	"Task": "A Task.", "Reservation": "A Reservation, seen from its Task or from its Worker.", "TaskChannel": "A TaskChannel.",
	"TaskQueue": "A TaskQueue.", "Worker": "A Worker.", "WorkerChannel": "A Worker's capacity on one TaskChannel.",
	"Key": "An API key.", "NewKey": "An API key with its secret.", "Workflow": "A Workflow.", "CallQueue": "A CallQueue.", "Error": "Why a request was refused.",
	"TaskExplanation":   "Where a Task stands: filter, target, queue and position, deadlines; agents with the reasons that keep them from it, down to the clause and its values; the nearest changes; the reservations with their decisions.",
	"WorkerExplanation": "An agent's activity, channels, reservations and queues; the Tasks it would take if it were free, and the waiting Tasks with the reasons they are not given to it.",
	"Evaluation":        "Each filter with its verdict, the targets of the chosen one with who could take the Task now, and where it would end up.",
	"ListMeta":          "Where a page of a list is, and where its neighbours are.",

	"ExplainedValue":    "What a name in an expression stood for.",
	"ExplainedClause":   "A clause of an expression, in the syntax of its author.",
	"ExplainedReason":   "One thing that keeps an agent from a Task.",
	"ExplainedOffer":    "A Reservation with the record of the decision behind it.",
	"ExplainedAgent":    "An agent beside a waiting Task.",
	"ExplainedEdit":     "A change to an agent's attributes.",
	"ExplainedStep":     "One part of a change.",
	"ExplainedChange":   "What would make an agent take the Task.",
	"ExplainedPlace":    "The filter and target the Task is in.",
	"ExplainedPosition": "The Task's place in its TaskQueue.",
	"ExplainedChannel":  "An agent's room on one TaskChannel.",
	"ExplainedQueue":    "Whether an agent is a member of a TaskQueue.",
	"ExplainedTask":     "A waiting Task beside an agent.",
	"EvaluatedFilter":   "A filter of the evaluated configuration.",
	"EvaluatedTarget":   "A target of the chosen filter.",
	"EvaluatedAgent":    "An agent who could be offered the Task now.",

	"WorkspaceStatistics":           "Both kinds of statistics of a Workspace.",
	"WorkspaceRealTimeStatistics":   "Real-time statistics of a Workspace.",
	"WorkspaceCumulativeStatistics": "Cumulative statistics of a Workspace.",
	"WorkspaceRealTime":             "The real-time part of a Workspace's statistics.",
	"WorkspaceCumulative":           "The cumulative part of a Workspace's statistics.",
	"WorkflowStatistics":            "Both kinds of statistics of a Workflow.",
	"WorkflowRealTimeStatistics":    "Real-time statistics of a Workflow.",
	"WorkflowCumulativeStatistics":  "Cumulative statistics of a Workflow.",
	"WorkflowCumulative":            "The cumulative part of a Workflow's statistics.",
	"TaskCounts":                    "The real-time part of a Workflow's statistics.",
	"TaskQueueStatistics":           "Both kinds of statistics of a TaskQueue.",
	"TaskQueuesStatistics":          "Both kinds of statistics of one TaskQueue of a list.",
	"TaskQueueRealTimeStatistics":   "Real-time statistics of a TaskQueue.",
	"TaskQueueCumulativeStatistics": "Cumulative statistics of a TaskQueue.",
	"QueueRealTime":                 "The real-time part of a TaskQueue's statistics.",
	"QueueCumulative":               "The cumulative part of a TaskQueue's statistics.",
	"BulkRealTimeStatistics":        "Real-time statistics of several TaskQueues.",
	"BulkQueueData":                 "Real-time statistics of one of several TaskQueues.",
	"WorkerStatistics":              "Both kinds of statistics of Workers.",
	"WorkerInstanceStatistics":      "Cumulative statistics of one Worker.",
	"WorkersRealTimeStatistics":     "Real-time statistics of all Workers.",
	"WorkersCumulativeStatistics":   "Cumulative statistics of all Workers.",
	"WorkersRealTime":               "The real-time part of the statistics of Workers.",
	"WorkerCumulative":              "The cumulative part of the statistics of Workers.",
	"ActivityCount":                 "How many Workers are in an Activity.",
	"ActivityDuration":              "How long Workers were in an Activity.",
	"Waits":                         "How long Tasks waited, in seconds.",
	"WaitSplit":                     "Waits on both sides of a threshold.",
	"SplitSide":                     "Waits on one side of a threshold.",
}
