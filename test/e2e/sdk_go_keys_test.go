package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	twilio "github.com/twilio/twilio-go"
	v2010 "github.com/twilio/twilio-go/rest/api/v2010"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/twilioclient"
)

// goKeys: API keys from their creation to their end, and the requests that are
// signed in with one.
func goKeys(t *testing.T, s *system) {
	connect := func(key, secret string) *twilio.RestClient {
		c, err := twilioclient.New(twilioclient.Options{BaseURL: s.web.url, AccountSID: s.AccountSID, KeySID: key, Secret: secret})
		require.NoError(t, err)
		return c
	}
	owner := connect("", s.AuthToken)
	var made []*v2010.ApiV2010NewKey
	for i := range 3 {
		key, err := owner.Api.CreateNewKey((&v2010.CreateNewKeyParams{}).SetFriendlyName(fmt.Sprint("Desk ", i)))
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint("Desk ", i), *key.FriendlyName)
		require.Regexp(t, "^SK[0-9a-f]{32}$", *key.Sid)
		require.Regexp(t, "^[a-zA-Z0-9]{20,}$", *key.Secret, "what the library sends")
		require.Regexp(t, `^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000$`, *key.DateCreated)
		made = append(made, key)
	}
	sid := *made[0].Sid
	renamed, err := owner.Api.UpdateKey(sid, (&v2010.UpdateKeyParams{}).SetFriendlyName("Front desk"))
	require.NoError(t, err)
	fetched, err := owner.Api.FetchKey(sid, &v2010.FetchKeyParams{})
	require.NoError(t, err)
	require.Equal(t, renamed, fetched)
	require.Equal(t, "Front desk", *fetched.FriendlyName)
	list, err := owner.Api.ListKey((&v2010.ListKeyParams{}).SetPageSize(2))
	require.NoError(t, err)
	listed := map[string]string{}
	for _, key := range list {
		listed[*key.Sid] = *key.FriendlyName
	}
	require.Len(t, listed, len(list), "page by page, none twice")
	for _, key := range made {
		require.Contains(t, listed, *key.Sid)
	}
	require.Equal(t, "Front desk", listed[sid])

	agent := connect(sid, *made[0].Secret)
	ws, err := agent.TaskrouterV1.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName("Made with a key"))
	require.NoError(t, err)
	require.Equal(t, s.AccountSID, *ws.AccountSid)
	require.NoError(t, agent.TaskrouterV1.DeleteWorkspace(*ws.Sid))
	_, err = agent.Api.ListKey(&v2010.ListKeyParams{})
	refused(t, err, 401, 20003, "") // a key makes no keys
	for _, key := range made {
		require.NoError(t, owner.Api.DeleteKey(*key.Sid, &v2010.DeleteKeyParams{}))
	}
	_, err = owner.Api.FetchKey(sid, &v2010.FetchKeyParams{})
	refused(t, err, 404, 20404, "")
	_, err = agent.TaskrouterV1.ListWorkspace(&api.ListWorkspaceParams{})
	refused(t, err, 401, 20003, "")
}
