package wire

import (
	"slices"
	"time"
)

// ParametersOf lists the query or form parameters of an operation, in the
// order its parser checks them; nil when it has none. Because the parsers
// themselves say it, what is listed is what is checked.
func ParametersOf(operation string) []Parameter {
	parse, ok := parsers()[operation]
	if !ok {
		return nil
	}
	return describe(parse)
}

// parsers has a row an operation that takes parameters in a query or form.
func parsers() map[string]func(*binder) {
	return map[string]func(*binder){
		"ListWorkspace":   listed(reads(parseNamedList)),
		"CreateWorkspace": reads(parseWorkspaceCreate),
		"UpdateWorkspace": reads(parseWorkspaceUpdate),

		"ListActivity":   listed(reads(parseActivityList)),
		"CreateActivity": reads(parseActivityCreate),
		"UpdateActivity": reads(parseActivityUpdate),

		"ListEvent": listed(reads(func(b *binder) (EventList, error) { return parseEventList(b, time.Time{}) })),

		"ListTask":   listed(reads(parseTaskList)),
		"CreateTask": reads(parseTaskCreate),
		"UpdateTask": reads(parseTaskUpdate),

		"ListTaskReservation":     listed(reads(in(parseReservationList, TaskView))),
		"UpdateTaskReservation":   reads(in(parseReservationUpdate, TaskView)),
		"ListWorkerReservation":   listed(reads(in(parseReservationList, WorkerView))),
		"UpdateWorkerReservation": reads(in(parseReservationUpdate, WorkerView)),

		"ListTaskChannel":   listed(nothing),
		"CreateTaskChannel": reads(parseTaskChannelCreate),
		"UpdateTaskChannel": reads(parseTaskChannelUpdate),

		"ListTaskQueue":   listed(reads(parseTaskQueueList)),
		"CreateTaskQueue": reads(parseTaskQueueCreate),
		"UpdateTaskQueue": reads(parseTaskQueue),

		"ListWorker":   listed(reads(parseWorkerList)),
		"CreateWorker": reads(parseWorkerCreate),
		"UpdateWorker": reads(parseWorkerUpdate),

		"ListWorkerChannel":   listed(nothing),
		"UpdateWorkerChannel": reads(parseWorkerChannelUpdate),

		"ListWorkflow":   listed(reads(parseNamedList)),
		"CreateWorkflow": reads(parseWorkflowCreate),
		"UpdateWorkflow": reads(parseWorkflowUpdate),

		"FetchWorkspaceStatistics":           windowed(splitByWaitTime),
		"FetchWorkspaceRealTimeStatistics":   current(),
		"FetchWorkspaceCumulativeStatistics": windowed(splitByWaitTime),
		"FetchWorkflowStatistics":            windowed(splitByWaitTime),
		"FetchWorkflowRealTimeStatistics":    current(),
		"FetchWorkflowCumulativeStatistics":  windowed(splitByWaitTime),

		"ListTaskQueuesStatistics":           listed(windowed(splitByWaitTime, "FriendlyName")),
		"FetchTaskQueueStatistics":           windowed(splitByWaitTime),
		"FetchTaskQueueRealTimeStatistics":   current(),
		"FetchTaskQueueCumulativeStatistics": windowed(splitByWaitTime),

		"FetchWorkerStatistics":            windowed("FriendlyName", "TaskQueueName", "TaskQueueSid"),
		"FetchWorkersRealTimeStatistics":   current(),
		"FetchWorkersCumulativeStatistics": windowed(),
		"FetchWorkerInstanceStatistics":    windowed(),

		"ListCallQueue":   listed(nothing),
		"CreateCallQueue": reads(parseCallQueueCreate),
		"UpdateCallQueue": reads(parseCallQueue),

		"ListKey":      listed(nothing),
		"CreateNewKey": reads(parseKey),
		"UpdateKey":    reads(parseKey),

		"ListEventDelivery": listed(nothing),

		"FetchTaskExplanation":          reads(parseExplanation),
		"EvaluateWorkflow":              reads(parseEvaluation),
		"EvaluateWorkflowConfiguration": reads(parseEvaluation),
	}
}

const splitByWaitTime = "SplitByWaitTime"

func nothing(*binder) {}

func reads[T any](parse func(*binder) (T, error)) func(*binder) {
	return func(b *binder) { _, _ = parse(b) }
}

// in binds a parser to a view.
func in[T any](parse func(*binder, ReservationView) (T, error), view ReservationView) func(*binder) (T, error) {
	return func(b *binder) (T, error) { return parse(b, view) }
}

// listed adds the paging parameters.
func listed(parse func(*binder)) func(*binder) {
	return func(b *binder) {
		parse(b)
		_, _ = parsePaging(b, "", "")
	}
}

// windowed are statistics of a span of time. The parser checks the filters of
// all of them; what an operation uses besides the window is named.
func windowed(uses ...string) func(*binder) {
	return narrowed(reads(func(b *binder) (StatisticsQuery, error) { return parseStatistics(b, time.Time{}) }),
		append([]string{"StartDate", "EndDate", "Minutes", "TaskChannel"}, uses...))
}

// current are statistics of this moment.
func current() func(*binder) {
	return narrowed(reads(parseRealTimeStatistics), []string{"TaskChannel"})
}

// narrowed forgets what a parser checks and its operation does not use.
func narrowed(parse func(*binder), uses []string) func(*binder) {
	return func(b *binder) {
		parse(b)
		if b.noted != nil {
			*b.noted = slices.DeleteFunc(*b.noted, func(p Parameter) bool { return !slices.Contains(uses, p.Name) })
		}
	}
}
