package openapi_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/apiserver/openapi"
	"github.com/taskrouter/taskrouter/wire"
)

// TestNoWordIsLeftOver finds what is said of members, parameters, schemas and
// groups that are no more.
func TestNoWordIsLeftOver(t *testing.T) {
	d, err := openapi.Build(apiserver.Operations(), "/")
	require.NoError(t, err)
	text, err := d.JSON()
	require.NoError(t, err)
	var shown struct {
		Tags       []struct{ Name string }
		Paths      json.RawMessage
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
	}
	require.NoError(t, json.Unmarshal(text, &shown))
	known := map[string]bool{}
	for name, s := range shown.Components.Schemas {
		known[name] = true
		for member := range s.Properties {
			known[member], known[name+"."+member] = true, true
		}
	}
	// Members of lists in the older dialect stand beside their items.
	for _, member := range []string{"uri", "start", "end", "first_page_uri", "next_page_uri", "previous_page_uri"} {
		require.Contains(t, string(shown.Paths), `"`+member+`"`)
		known[member], known["ListMeta."+member] = true, true
	}
	for _, tag := range shown.Tags {
		known["tag "+tag.Name] = true
	}
	for _, o := range apiserver.Operations() {
		for _, p := range wire.ParametersOf(o.ID) {
			known["parameter "+p.Name], known["parameter "+o.ID+"."+p.Name] = true, true
		}
	}
	members, parameters, schemas, tags := openapi.Tables()
	check := func(prefix string, table map[string]string) {
		t.Helper()
		for _, key := range slices.Sorted(maps.Keys(table)) {
			require.True(t, known[prefix+key], "nothing is called %s%s", prefix, key)
		}
	}
	check("", members)
	check("", schemas)
	check("parameter ", parameters)
	check("tag ", tags)
}

// TestBuildDemandsWords shows that an operation without a row is refused, and a
// row without an operation.
func TestBuildDemandsWords(t *testing.T) {
	all := apiserver.Operations()
	_, err := openapi.Build(append(slices.Clone(all), openapi.Operation{Method: "GET", Path: "/v1/New", ID: "FetchNew", Status: 200}), "/")
	require.ErrorContains(t, err, "FetchNew")
	_, err = openapi.Build(all[1:], "/")
	require.ErrorContains(t, err, all[0].ID)
}

func TestPaths(t *testing.T) {
	for route, want := range map[string]string{
		"/v1/Workspaces":                                  "/v1/Workspaces",
		"/v1/Workspaces/:ws":                              "/v1/Workspaces/{Sid}",
		"/v1/Workspaces/:ws/Tasks/:sid":                   "/v1/Workspaces/{WorkspaceSid}/Tasks/{Sid}",
		"/v1/Workspaces/:ws/Workers/:sid/Channels/:child": "/v1/Workspaces/{WorkspaceSid}/Workers/{WorkerSid}/Channels/{Sid}",
		"/v1/Workspaces/:ws/TaskQueues/:sid/Statistics":   "/v1/Workspaces/{WorkspaceSid}/TaskQueues/{TaskQueueSid}/Statistics",
		"/2010-04-01/Accounts/:account/Keys.json":         "/2010-04-01/Accounts/{AccountSid}/Keys.json",
		"/2010-04-01/Accounts/:account/Keys/:key":         "/2010-04-01/Accounts/{AccountSid}/Keys/{Sid}.json",
	} {
		require.Equal(t, want, openapi.Path(route))
	}
}

// TestUnsupported shows an operation that is refused, with its reason.
func TestUnsupported(t *testing.T) {
	all := apiserver.Operations()
	all[0].Unsupported = "because"
	d, err := openapi.Build(all, "/")
	require.NoError(t, err)
	text, err := d.JSON()
	require.NoError(t, err)
	require.Contains(t, string(text), `"x-unsupported":"because"`)
}
