package twiliotest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	twilio "github.com/twilio/twilio-go"
	"github.com/twilio/twilio-go/client"
	v2010 "github.com/twilio/twilio-go/rest/api/v2010"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
	"github.com/taskrouter/taskrouter/twilioclient"
)

// as is the official client with an account's token or, with a key, a secret.
func as(t *testing.T, s *stack.Stack, key, secret string) *twilio.RestClient {
	t.Helper()
	c, err := twilioclient.New(twilioclient.Options{BaseURL: s.URL, AccountSID: s.Account.SID, KeySID: key, Secret: secret})
	require.NoError(t, err)
	return c
}

func requireUnauthorized(t *testing.T, err error) {
	t.Helper()
	var e *client.TwilioRestError
	require.ErrorAs(t, err, &e, "%v", err)
	require.Equal(t, [2]int{401, 20003}, [2]int{e.Status, e.Code})
}

// TestKeyResource takes API keys through their life with the official client,
// and asks for Tasks with one.
func TestKeyResource(t *testing.T) {
	s := stack.Start(t)
	account := as(t, s, "", s.Account.Token)
	made, err := account.Api.CreateNewKey((&v2010.CreateNewKeyParams{}).SetFriendlyName("CI"))
	require.NoError(t, err)
	require.Equal(t, "CI", *made.FriendlyName)
	require.NotEmpty(t, *made.DateCreated)
	require.NotEmpty(t, *made.Secret)

	byKey := as(t, s, *made.Sid, *made.Secret)
	ws, err := byKey.TaskrouterV1.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName("Support").SetTemplate("FIFO"))
	require.NoError(t, err)
	require.Equal(t, s.Account.SID, *ws.AccountSid)
	task, err := byKey.TaskrouterV1.CreateTask(*ws.Sid, (&api.CreateTaskParams{}).SetAttributes(`{"topic":"tax"}`))
	require.NoError(t, err)
	seen, err := account.TaskrouterV1.FetchTask(*ws.Sid, *task.Sid)
	require.NoError(t, err)
	require.JSONEq(t, `{"topic":"tax"}`, *seen.Attributes)

	fetched, err := account.Api.FetchKey(*made.Sid, &v2010.FetchKeyParams{})
	require.NoError(t, err)
	require.Equal(t, *made.DateCreated, *fetched.DateCreated)
	updated, err := account.Api.UpdateKey(*made.Sid, (&v2010.UpdateKeyParams{}).SetFriendlyName("Deployment"))
	require.NoError(t, err)
	require.Equal(t, "Deployment", *updated.FriendlyName)

	const more = 4
	for i := range more {
		_, err := account.Api.CreateNewKey((&v2010.CreateNewKeyParams{}).SetFriendlyName(fmt.Sprint(i)))
		require.NoError(t, err)
	}
	all, err := account.Api.ListKey((&v2010.ListKeyParams{}).SetPageSize(2))
	require.NoError(t, err)
	require.Len(t, all, more+1, "of three pages")
	require.Equal(t, "Deployment", *all[0].FriendlyName)
	require.Equal(t, "3", *all[more].FriendlyName)
	some, err := account.Api.ListKey((&v2010.ListKeyParams{}).SetPageSize(2).SetLimit(3))
	require.NoError(t, err)
	require.Len(t, some, 3)

	_, err = byKey.Api.ListKey(&v2010.ListKeyParams{})
	requireUnauthorized(t, err)
	_, err = as(t, s, "", s.Account.Token).Api.FetchKey(*made.Sid, (&v2010.FetchKeyParams{}).SetPathAccountSid(s.Foreign.SID))
	requireUnauthorized(t, err)

	require.NoError(t, account.Api.DeleteKey(*made.Sid, &v2010.DeleteKeyParams{}))
	_, err = byKey.TaskrouterV1.FetchWorkspace(*ws.Sid)
	requireUnauthorized(t, err)
	_, err = account.Api.FetchKey(*made.Sid, &v2010.FetchKeyParams{})
	var e *client.TwilioRestError
	require.ErrorAs(t, err, &e, "%v", err)
	require.Equal(t, 404, e.Status)
}
