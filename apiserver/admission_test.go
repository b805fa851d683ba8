package apiserver

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/admission"
)

// TestEveryRouteHasItsPlace: what each operation counts as, and that those
// named exist.
func TestEveryRouteHasItsPlace(t *testing.T) {
	kinds, classes := map[admission.Kind][]string{}, map[admission.Class][]string{}
	for _, r := range routes() {
		kinds[r.kind()] = append(kinds[r.kind()], r.operation)
		classes[r.class()] = append(classes[r.class()], r.operation)
		if r.method != http.MethodGet && r.method != http.MethodPost {
			require.Equal(t, admission.Write, r.kind(), r.operation)
		}
		if r.status == http.StatusCreated {
			require.Equal(t, admission.Write, r.kind(), r.operation)
		}
	}
	require.ElementsMatch(t, []string{
		"FetchTaskExplanation", "FetchWorkerExplanation", "EvaluateWorkflow", "EvaluateWorkflowConfiguration",
	}, kinds[admission.Explain])
	require.Contains(t, kinds[admission.Read], "CreateTaskQueueBulkRealTimeStatistics")
	require.Equal(t, []string{"CreateTask"}, classes[admission.Begin])
	require.ElementsMatch(t, []string{
		"UpdateTask", "DeleteTask", "UpdateTaskReservation", "UpdateWorkerReservation", "UpdateWorker", "UpdateWorkerChannel",
	}, classes[admission.Finish])
}
