package apiserver

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// The prefixes that begin every path of the API: routing, and what belongs to
// an account.
const (
	apiPrefix     = "/v1/"
	accountPrefix = "/2010-04-01/"
)

// isAPI reports whether a path is one of the API's.
func isAPI(path string) bool {
	return strings.HasPrefix(path, apiPrefix) || strings.HasPrefix(path, accountPrefix)
}

// handler answers a request with a body, or with an error that is rendered in
// one place. A nil body is an empty answer.
type handler func(s *Server, c *gin.Context) (any, error)

// route is one operation.
type route struct {
	method, path string
	// operation is the id of the public API, or of this server's additions.
	operation string
	// status of a success.
	status int
	handle handler
	// sheds marks an operation that is refused while the backlog is too long.
	sheds bool
}

// Paths of collections. Path parameters at one place share one name, which the
// router demands: :ws, then :sid, then :child.
const (
	pathWorkspaces = "/v1/Workspaces"
	pathWorkspace  = pathWorkspaces + "/:ws"
	pathActivities = pathWorkspace + "/Activities"
	pathEvents     = pathWorkspace + "/Events"
	pathTasks      = pathWorkspace + "/Tasks"
	pathChannels   = pathWorkspace + "/TaskChannels"
	pathQueues     = pathWorkspace + "/TaskQueues"
	pathWorkers    = pathWorkspace + "/Workers"
	pathWorkflows  = pathWorkspace + "/Workflows"
	pathCallQueues = pathWorkspace + "/CallQueues"

	// The last segment of a path below an account ends in .json.
	pathAccount = accountPrefix + "Accounts/:account"
	pathKeys    = pathAccount + "/Keys.json"
	pathOneKey  = pathAccount + "/Keys/:key"

	item         = "/:sid"
	reservations = "/:sid/Reservations"
	channels     = "/:sid/Channels"
	deliveries   = "/:sid/Deliveries"
	child        = "/:child"

	explanation = "/Explain"
	evaluation  = "/Evaluate"

	combined   = "/Statistics"
	realTime   = "/RealTimeStatistics"
	cumulative = "/CumulativeStatistics"
)

// routes is the whole table of served operations.
func routes() []route {
	const get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
	const ok, made, gone = http.StatusOK, http.StatusCreated, http.StatusNoContent
	return []route{
		{get, pathWorkspaces, "ListWorkspace", ok, (*Server).listWorkspaces, false},
		{post, pathWorkspaces, "CreateWorkspace", made, (*Server).createWorkspace, false},
		{get, pathWorkspace, "FetchWorkspace", ok, (*Server).fetchWorkspace, false},
		{post, pathWorkspace, "UpdateWorkspace", ok, (*Server).updateWorkspace, false},
		{del, pathWorkspace, "DeleteWorkspace", gone, (*Server).deleteWorkspace, false},

		{get, pathActivities, "ListActivity", ok, (*Server).listActivities, false},
		{post, pathActivities, "CreateActivity", made, (*Server).createActivity, false},
		{get, pathActivities + item, "FetchActivity", ok, (*Server).fetchActivity, false},
		{post, pathActivities + item, "UpdateActivity", ok, (*Server).updateActivity, false},
		{del, pathActivities + item, "DeleteActivity", gone, (*Server).deleteActivity, false},

		{get, pathEvents, "ListEvent", ok, (*Server).listEvents, false},
		{get, pathEvents + item, "FetchEvent", ok, (*Server).fetchEvent, false},
		{get, pathEvents + deliveries, "ListEventDelivery", ok, (*Server).listDeliveries, false},
		{post, pathEvents + deliveries, "CreateEventDelivery", http.StatusAccepted, (*Server).createDelivery, false},
		{get, pathEvents + deliveries + child, "FetchEventDelivery", ok, (*Server).fetchDelivery, false},

		{get, pathTasks, "ListTask", ok, (*Server).listTasks, false},
		{post, pathTasks, "CreateTask", made, (*Server).createTask, true},
		{get, pathTasks + item, "FetchTask", ok, (*Server).fetchTask, false},
		{post, pathTasks + item, "UpdateTask", ok, (*Server).updateTask, false},
		{del, pathTasks + item, "DeleteTask", gone, (*Server).deleteTask, false},
		{get, pathTasks + item + explanation, "FetchTaskExplanation", ok, (*Server).explainTask, false},

		{get, pathTasks + reservations, "ListTaskReservation", ok, (*Server).listTaskReservations, false},
		{get, pathTasks + reservations + child, "FetchTaskReservation", ok, (*Server).fetchTaskReservation, false},
		{post, pathTasks + reservations + child, "UpdateTaskReservation", ok, (*Server).updateTaskReservation, false},

		{get, pathChannels, "ListTaskChannel", ok, (*Server).listTaskChannels, false},
		{post, pathChannels, "CreateTaskChannel", made, (*Server).createTaskChannel, false},
		{get, pathChannels + item, "FetchTaskChannel", ok, (*Server).fetchTaskChannel, false},
		{post, pathChannels + item, "UpdateTaskChannel", ok, (*Server).updateTaskChannel, false},
		{del, pathChannels + item, "DeleteTaskChannel", gone, (*Server).deleteTaskChannel, false},

		{get, pathQueues, "ListTaskQueue", ok, (*Server).listTaskQueues, false},
		{post, pathQueues, "CreateTaskQueue", made, (*Server).createTaskQueue, false},
		{get, pathQueues + item, "FetchTaskQueue", ok, (*Server).fetchTaskQueue, false},
		{post, pathQueues + item, "UpdateTaskQueue", ok, (*Server).updateTaskQueue, false},
		{del, pathQueues + item, "DeleteTaskQueue", gone, (*Server).deleteTaskQueue, false},

		{get, pathWorkers, "ListWorker", ok, (*Server).listWorkers, false},
		{post, pathWorkers, "CreateWorker", made, (*Server).createWorker, false},
		{get, pathWorkers + item, "FetchWorker", ok, (*Server).fetchWorker, false},
		{post, pathWorkers + item, "UpdateWorker", ok, (*Server).updateWorker, false},
		{del, pathWorkers + item, "DeleteWorker", gone, (*Server).deleteWorker, false},
		{get, pathWorkers + item + explanation, "FetchWorkerExplanation", ok, (*Server).explainWorker, false},

		{get, pathWorkers + channels, "ListWorkerChannel", ok, (*Server).listWorkerChannels, false},
		{get, pathWorkers + channels + child, "FetchWorkerChannel", ok, (*Server).fetchWorkerChannel, false},
		{post, pathWorkers + channels + child, "UpdateWorkerChannel", ok, (*Server).updateWorkerChannel, false},

		{get, pathWorkers + reservations, "ListWorkerReservation", ok, (*Server).listWorkerReservations, false},
		{get, pathWorkers + reservations + child, "FetchWorkerReservation", ok, (*Server).fetchWorkerReservation, false},
		{post, pathWorkers + reservations + child, "UpdateWorkerReservation", ok, (*Server).updateWorkerReservation, false},

		{get, pathWorkflows, "ListWorkflow", ok, (*Server).listWorkflows, false},
		{post, pathWorkflows, "CreateWorkflow", made, (*Server).createWorkflow, false},
		{get, pathWorkflows + item, "FetchWorkflow", ok, (*Server).fetchWorkflow, false},
		{post, pathWorkflows + item, "UpdateWorkflow", ok, (*Server).updateWorkflow, false},
		{del, pathWorkflows + item, "DeleteWorkflow", gone, (*Server).deleteWorkflow, false},
		{post, pathWorkflows + item + evaluation, "EvaluateWorkflow", ok, (*Server).evaluateWorkflow, false},
		{post, pathWorkflows + evaluation, "EvaluateWorkflowConfiguration", ok, (*Server).evaluateConfiguration, false},

		{get, pathWorkspace + combined, "FetchWorkspaceStatistics", ok, (*Server).workspaceStatistics, false},
		{get, pathWorkspace + realTime, "FetchWorkspaceRealTimeStatistics", ok, (*Server).workspaceRealTimeStatistics, false},
		{get, pathWorkspace + cumulative, "FetchWorkspaceCumulativeStatistics", ok, (*Server).workspaceCumulativeStatistics, false},

		{get, pathQueues + combined, "ListTaskQueuesStatistics", ok, (*Server).listQueueStatistics, false},
		{post, pathQueues + realTime, "CreateTaskQueueBulkRealTimeStatistics", ok, (*Server).bulkQueueStatistics, false},
		{get, pathQueues + item + combined, "FetchTaskQueueStatistics", ok, (*Server).queueStatistics, false},
		{get, pathQueues + item + realTime, "FetchTaskQueueRealTimeStatistics", ok, (*Server).queueRealTimeStatistics, false},
		{get, pathQueues + item + cumulative, "FetchTaskQueueCumulativeStatistics", ok, (*Server).queueCumulativeStatistics, false},

		{get, pathWorkers + combined, "FetchWorkerStatistics", ok, (*Server).workersStatistics, false},
		{get, pathWorkers + realTime, "FetchWorkersRealTimeStatistics", ok, (*Server).workersRealTimeStatistics, false},
		{get, pathWorkers + cumulative, "FetchWorkersCumulativeStatistics", ok, (*Server).workersCumulativeStatistics, false},
		{get, pathWorkers + item + combined, "FetchWorkerInstanceStatistics", ok, (*Server).workerStatistics, false},

		{get, pathWorkflows + item + combined, "FetchWorkflowStatistics", ok, (*Server).workflowStatistics, false},
		{get, pathWorkflows + item + realTime, "FetchWorkflowRealTimeStatistics", ok, (*Server).workflowRealTimeStatistics, false},
		{get, pathWorkflows + item + cumulative, "FetchWorkflowCumulativeStatistics", ok, (*Server).workflowCumulativeStatistics, false},

		{get, pathCallQueues, "ListCallQueue", ok, (*Server).listCallQueues, false},
		{post, pathCallQueues, "CreateCallQueue", made, (*Server).createCallQueue, false},
		{get, pathCallQueues + item, "FetchCallQueue", ok, (*Server).fetchCallQueue, false},
		{post, pathCallQueues + item, "UpdateCallQueue", ok, (*Server).updateCallQueue, false},
		{del, pathCallQueues + item, "DeleteCallQueue", gone, (*Server).deleteCallQueue, false},

		{get, pathKeys, "ListKey", ok, (*Server).listKeys, false},
		{post, pathKeys, operationNewKey, made, (*Server).createKey, false},
		{get, pathOneKey, "FetchKey", ok, (*Server).fetchKey, false},
		{post, pathOneKey, "UpdateKey", ok, (*Server).updateKey, false},
		{del, pathOneKey, "DeleteKey", gone, (*Server).deleteKey, false},
	}
}

// mount registers the table behind authentication and the Workspace check.
func (s *Server) mount(e *gin.Engine) {
	table := routes()
	for _, u := range unsupported() {
		table = append(table, u.route())
	}
	methods := map[string][]string{}
	for _, r := range table {
		methods[r.path] = append(methods[r.path], r.method)
		chain := []gin.HandlerFunc{s.authenticate, s.admit(r)}
		if strings.HasPrefix(r.path, pathWorkspace) {
			chain = append(chain, s.workspaceScope)
		}
		if strings.HasPrefix(r.path, pathAccount) {
			chain = append(chain, s.accountScope)
		}
		e.Handle(r.method, r.path, append(chain, s.adapt(r))...)
	}
	// A fixed segment hides the item beside it for every method, so that
	// POST to a collection's statistics is a wrong method, not a strange SID.
	for path, served := range methods {
		if strings.Contains(path[strings.LastIndexByte(path, '/'):], ":") {
			continue
		}
		for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			if !slices.Contains(served, m) {
				e.Handle(m, path, s.authenticate, s.methodNotAllowed(served))
			}
		}
	}
}
