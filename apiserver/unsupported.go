package apiserver

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/taskrouter/taskrouter/wire"
)

// unsupportedRoute is an operation of the public API that is not served. It
// answers 501 with a JSON error that tells why.
type unsupportedRoute struct {
	method, path, operation, reason string
}

// noStatistics is why operations on statistics are not served.
const noStatistics = "this version keeps no statistics"

// unsupported lists the operations of the public API that are not served.
func unsupported() []unsupportedRoute {
	const get, post = http.MethodGet, http.MethodPost
	const combined, realTime, cumulative = "/Statistics", "/RealTimeStatistics", "/CumulativeStatistics"
	return []unsupportedRoute{
		{post, pathQueues + realTime, "CreateTaskQueueBulkRealTimeStatistics", noStatistics},
		{get, pathQueues + combined, "ListTaskQueuesStatistics", noStatistics},
		{get, pathQueues + item + cumulative, "FetchTaskQueueCumulativeStatistics", noStatistics},
		{get, pathQueues + item + realTime, "FetchTaskQueueRealTimeStatistics", noStatistics},
		{get, pathQueues + item + combined, "FetchTaskQueueStatistics", noStatistics},

		{get, pathWorkers + item + combined, "FetchWorkerInstanceStatistics", noStatistics},
		{get, pathWorkers + combined, "FetchWorkerStatistics", noStatistics},
		{get, pathWorkers + cumulative, "FetchWorkersCumulativeStatistics", noStatistics},
		{get, pathWorkers + realTime, "FetchWorkersRealTimeStatistics", noStatistics},

		{get, pathWorkflows + item + cumulative, "FetchWorkflowCumulativeStatistics", noStatistics},
		{get, pathWorkflows + item + realTime, "FetchWorkflowRealTimeStatistics", noStatistics},
		{get, pathWorkflows + item + combined, "FetchWorkflowStatistics", noStatistics},

		{get, pathWorkspace + cumulative, "FetchWorkspaceCumulativeStatistics", noStatistics},
		{get, pathWorkspace + realTime, "FetchWorkspaceRealTimeStatistics", noStatistics},
		{get, pathWorkspace + combined, "FetchWorkspaceStatistics", noStatistics},
	}
}

func (u unsupportedRoute) route() route {
	refuse := func(*Server, *gin.Context) (any, error) {
		return nil, refusal{wire.NotImplemented(u.operation, u.reason)}
	}
	return route{method: u.method, path: u.path, operation: u.operation, status: http.StatusNotImplemented, handle: refuse}
}
