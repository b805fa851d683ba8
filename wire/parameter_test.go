package wire_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

// parameter finds one parameter of an operation.
func parameter(t *testing.T, operation, name string) wire.Parameter {
	t.Helper()
	for _, p := range wire.ParametersOf(operation) {
		if p.Name == name {
			return p
		}
	}
	require.Failf(t, "no such parameter", "%s.%s", operation, name)
	return wire.Parameter{}
}

// TestParametersOf shows that parsers tell what they check.
func TestParametersOf(t *testing.T) {
	for operation, want := range map[string]wire.Parameter{
		"CreateWorker":          {Name: "FriendlyName", Kind: wire.KindText, Required: true, MaxLength: 64},
		"CreateTask":            {Name: "Timeout", Kind: wire.KindInteger, Min: 1, Max: 1209600},
		"UpdateTask":            {Name: "Attributes", Kind: wire.KindObject, MaxLength: 4096},
		"ListTask":              {Name: "AssignmentStatus", Kind: wire.KindText, Many: true, Words: []string{"pending", "reserved", "assigned", "wrapping", "completed", "canceled"}},
		"ListTaskQueue":         {Name: "Ordering", Kind: wire.KindText, Words: []string{"DateUpdated:asc", "DateUpdated:desc"}},
		"ListWorker":            {Name: "PageSize", Kind: wire.KindInteger, Min: 1},
		"CreateTaskChannel":     {Name: "UniqueName", Kind: wire.KindText, Required: true, MaxLength: 64, Pattern: `^[A-Za-z_$][A-Za-z0-9_$]*$`},
		"UpdateWorkflow":        {Name: "AssignmentCallbackUrl", Kind: wire.KindAddress, MaxLength: 4096},
		"ListEvent":             {Name: "EndDate", Kind: wire.KindInstant},
		"UpdateWorkspace":       {Name: "DefaultActivitySid", Kind: wire.KindSID, Prefixes: []taskrouter.Prefix{taskrouter.PrefixActivity}},
		"FetchWorkerStatistics": {Name: "TaskQueueSid", Kind: wire.KindSID, Prefixes: []taskrouter.Prefix{taskrouter.PrefixTaskQueue}},
		"UpdateTaskReservation": {
			Name: "From", Kind: wire.KindDialled, Only: []taskrouter.InstructionKind{taskrouter.InstructConference, taskrouter.InstructSupervise},
		},
	} {
		require.Equal(t, want, parameter(t, operation, want.Name), operation)
	}
	require.Nil(t, wire.ParametersOf("DeleteTask"))
	require.Nil(t, wire.ParametersOf("NoSuchOperation"))
	for _, p := range wire.ParametersOf("UpdateWorkerReservation") {
		require.NotContains(t, p.Only, taskrouter.InstructSupervise)
		require.NotEqual(t, "Supervisor", p.Name)
	}
}
