package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// goAgents: Workers and their channels.
func goAgents(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{bob}, noPhone: true})
	made, err := s.rest.CreateWorkerWithMetadata(c.ws, (&api.CreateWorkerParams{}).SetFriendlyName("Ann").SetActivitySid(c.available).
		SetAttributes(`{"departments":["support"],"note":"Zoë & co"}`))
	require.NoError(t, err)
	require.Equal(t, 201, made.GetStatusCode())
	ann := made.GetResource()
	require.Equal(t, []any{"Ann", "Available", c.available, true, `{"departments":["support"],"note":"Zoë & co"}`},
		[]any{*ann.FriendlyName, *ann.ActivityName, *ann.ActivitySid, *ann.Available, *ann.Attributes})
	s.sent(t, &ann)
	s.leads(t, ann.Links, "channels", "worker_channels", "activity", "workspace", "statistics", "real_time_statistics", "cumulative_statistics",
		"worker_statistics", "reservations")

	// Two clients read the same version; the second to write is told.
	tag := made.GetHeader("ETag")
	require.NotEmpty(t, tag)
	updated, err := s.rest.UpdateWorkerWithMetadata(c.ws, *ann.Sid, (&api.UpdateWorkerParams{}).SetActivitySid(c.offline).SetIfMatch(tag))
	require.NoError(t, err)
	require.NotEqual(t, tag, updated.GetHeader("ETag"))
	ann = updated.GetResource()
	require.Equal(t, []any{"Offline", false}, []any{*ann.ActivityName, *ann.Available})
	_, err = s.rest.UpdateWorker(c.ws, *ann.Sid, (&api.UpdateWorkerParams{}).SetFriendlyName("Anna").SetIfMatch(tag))
	refused(t, err, 412, 20412, "")
	refused(t, s.rest.DeleteWorker(c.ws, *ann.Sid, (&api.DeleteWorkerParams{}).SetIfMatch(tag)), 412, 20412, "")
	fetched, err := s.rest.FetchWorkerWithMetadata(c.ws, *ann.Sid)
	require.NoError(t, err)
	require.Equal(t, ann, fetched.GetResource())
	require.Equal(t, updated.GetHeader("ETag"), fetched.GetHeader("ETag"))
	renamed, err := s.rest.UpdateWorker(c.ws, *ann.Sid, (&api.UpdateWorkerParams{}).SetFriendlyName("Anna").SetAttributes(`{"departments":["sales"]}`).
		SetIfMatch(fetched.GetHeader("ETag")))
	require.NoError(t, err)
	require.Equal(t, []any{"Anna", `{"departments":["sales"]}`}, []any{*renamed.FriendlyName, *renamed.Attributes})
	_, err = s.rest.CreateWorker(c.ws, (&api.CreateWorkerParams{}).SetFriendlyName("ANNA"))
	refused(t, err, 400, 20001, "")

	names := func(p *api.ListWorkerParams) []string {
		t.Helper()
		list, err := s.rest.ListWorker(c.ws, p)
		require.NoError(t, err)
		out := []string{}
		for _, w := range list {
			out = append(out, *w.FriendlyName)
		}
		return out
	}
	list := func() *api.ListWorkerParams { return &api.ListWorkerParams{} }
	require.Equal(t, []string{"Bob", "Anna"}, names(list()))
	require.Equal(t, []string{"Anna", "Bob"}, names(list().SetOrdering("DateStatusChanged:desc")))
	require.Equal(t, []string{"Bob"}, names(list().SetAvailable("true")))
	require.Equal(t, []string{"Anna"}, names(list().SetAvailable("false")))
	require.Equal(t, []string{"Anna"}, names(list().SetActivitySid(c.offline)))
	require.Equal(t, []string{"Bob"}, names(list().SetActivityName("Available")))
	require.Equal(t, []string{"Anna"}, names(list().SetFriendlyName("anna")))
	require.Equal(t, []string{"Bob"}, names(list().SetTargetWorkersExpression(`languages HAS "en" AND level == 1`)))
	until(t, "the agent has changed departments", func() bool {
		return len(names(list().SetTaskQueueName(supportQueue))) == 0 && len(names(list().SetTaskQueueSid(c.queues[salesQueue]))) == 2
	})
	queues, err := s.rest.ListTaskQueue(c.ws, (&api.ListTaskQueueParams{}).SetWorkerSid(*ann.Sid))
	require.NoError(t, err)
	require.Len(t, queues, 2)

	channels, err := s.rest.ListWorkerChannel(c.ws, *ann.Sid, &api.ListWorkerChannelParams{})
	require.NoError(t, err)
	require.Len(t, channels, 5)
	chat, err := s.rest.UpdateWorkerChannel(c.ws, *ann.Sid, "chat", (&api.UpdateWorkerChannelParams{}).SetCapacity(4).SetAvailable(false))
	require.NoError(t, err)
	require.Equal(t, []any{"chat", 4, false, 0, 100},
		[]any{*chat.TaskChannelUniqueName, chat.ConfiguredCapacity, *chat.Available, chat.AssignedTasks, chat.AvailableCapacityPercentage})
	for _, by := range []string{*chat.Sid, *chat.TaskChannelSid, "chat"} {
		again, err := s.rest.FetchWorkerChannel(c.ws, *ann.Sid, by)
		require.NoError(t, err)
		require.Equal(t, chat, again)
	}
	s.sent(t, chat)

	require.NoError(t, s.rest.DeleteWorker(c.ws, *ann.Sid, (&api.DeleteWorkerParams{}).SetIfMatch("*")))
	_, err = s.rest.FetchWorker(c.ws, *ann.Sid)
	refused(t, err, 404, 20404, "not found")
}
