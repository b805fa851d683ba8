package examples

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/twilioclient"
)

// system is a running router, the programs, and a client to look at what they
// have done.
type system struct {
	*dev.System
	programs programs
	rest     *api.ApiService
}

// startSystem starts a router that ends with the test.
func startSystem(t *testing.T) *system {
	t.Helper()
	sys, err := dev.Start(t.Context(), dev.Options{
		Listen: "127.0.0.1:0", Ephemeral: true, NoUI: true, Version: "examples", Log: zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel)),
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dev.StopTimeout)
		defer cancel()
		require.NoError(t, sys.Stop(ctx))
	})
	c, err := twilioclient.New(twilioclient.Options{
		BaseURL: sys.App.URL(), AccountSID: sys.AccountSID, Secret: sys.AuthToken, Timeout: 20 * time.Second,
	})
	require.NoError(t, err)
	return &system{System: sys, programs: build(t), rest: c.TaskrouterV1}
}

// environment is what somebody who runs a program has sourced.
func (s *system) environment() []string {
	var env []string
	for k, v := range s.Environment() {
		env = append(env, k+"="+v)
	}
	return env
}

// workspace is the SID of the one Workspace of a name.
func (s *system) workspace(t *testing.T, name string) string {
	t.Helper()
	list, err := s.rest.ListWorkspace((&api.ListWorkspaceParams{}).SetFriendlyName(name))
	require.NoError(t, err)
	require.Len(t, list, 1)
	return *list[0].Sid
}

// hasNames checks that nothing was made twice.
func (s *system) hasNames(t *testing.T, ws string, queues, agents []string) {
	t.Helper()
	var names []string
	q, err := s.rest.ListTaskQueue(ws, &api.ListTaskQueueParams{})
	require.NoError(t, err)
	for i := range q {
		names = append(names, *q[i].FriendlyName)
	}
	slices.Sort(names)
	require.Equal(t, queues, names)
	names = nil
	w, err := s.rest.ListWorker(ws, &api.ListWorkerParams{})
	require.NoError(t, err)
	for i := range w {
		names = append(names, *w[i].FriendlyName)
	}
	slices.Sort(names)
	require.Equal(t, agents, names)
	f, err := s.rest.ListWorkflow(ws, &api.ListWorkflowParams{})
	require.NoError(t, err)
	require.Len(t, f, 1)
}

// tasks lists the Tasks of a Workspace.
func (s *system) tasks(t *testing.T, ws string) []api.TaskrouterV1Task {
	t.Helper()
	list, err := s.rest.ListTask(ws, &api.ListTaskParams{})
	require.NoError(t, err)
	return list
}

// accepted counts who has taken how much, and checks that nothing is left.
func (s *system) accepted(t *testing.T, ws string) map[string]int {
	t.Helper()
	for _, task := range s.tasks(t, ws) {
		require.Equal(t, "completed", *task.AssignmentStatus)
	}
	events, err := s.rest.ListEvent(ws, (&api.ListEventParams{}).SetEventType("reservation.accepted"))
	require.NoError(t, err)
	out := map[string]int{}
	for _, e := range events {
		data, ok := (*e.EventData).(map[string]any)
		require.True(t, ok)
		name, ok := data["worker_name"].(string)
		require.True(t, ok)
		out[name]++
	}
	return out
}
