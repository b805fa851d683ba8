package apiserver_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/taskrouter/taskrouter/apiserver"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
)

func TestKeys(t *testing.T) {
	s := stack.Start(t)
	root := "/2010-04-01/Accounts/" + s.Account.SID + "/Keys"
	a := s.Do(s.Account, "POST", root+".json", url.Values{"FriendlyName": {"CI"}})
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	made := decoded(t, a, 201)
	require.Len(t, made, 5)
	require.Regexp(t, "^SK[0-9a-f]{32}$", made["sid"])
	require.Regexp(t, "^[0-9A-Za-z]{32}$", made["secret"])
	require.Regexp(t, `^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000$`, made["date_created"])
	path := root + "/" + made.text("sid") + ".json"
	fetched := decoded(t, s.Do(s.Account, "GET", path, nil), 200)
	require.NotContains(t, fetched, "secret")
	delete(made, "secret")
	require.Equal(t, made, fetched)

	require.Equal(t, "Deploy", decoded(t, s.Do(s.Account, "POST", path, url.Values{"FriendlyName": {"Deploy"}}), 200).text("friendly_name"))
	require.Equal(t, "Deploy", decoded(t, s.Do(s.Account, "POST", path+"/", nil), 200).text("friendly_name"), "a trailing slash is ignored")
	refusal(t, s.Do(s.Account, "POST", path, url.Values{"FriendlyName": {strings.Repeat("a", 65)}}), 400, 20001)
	refusal(t, s.Do(s.Account, "POST", root+".json", url.Values{"FriendlyName": {"a\x00"}}), 400, 20001)
	require.Empty(t, decoded(t, s.Do(s.Account, "POST", root+".json", nil), 201).text("friendly_name"))

	list := decoded(t, s.Do(s.Account, "GET", root+".json", url.Values{"PageSize": {"1"}}), 200)
	require.Len(t, list["keys"], 1)
	next := list.text("next_page_uri")
	require.True(t, strings.HasPrefix(next, root+".json?"), next)
	require.NotContains(t, list, "meta")
	list = decoded(t, s.Do(s.Account, "GET", next, nil), 200)
	require.Len(t, list["keys"], 1)
	require.Nil(t, list["next_page_uri"])
	require.Equal(t, []any{1.0, 1.0, 1.0}, []any{list["page"], list["start"], list["end"]})
	refusal(t, s.Do(s.Account, "GET", root+".json?PageToken=PAWS1", nil), 400, 20001)

	require.Equal(t, 204, s.Do(s.Account, "DELETE", path, nil).Status)
	for _, missing := range []string{
		path, root + "/SK1.json", root + "/" + taskrouter.NewSID("SK") + ".json", root + "/" + made.text("sid"), root + "/.json", root + ".json/x",
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			refusal(t, s.Do(s.Account, method, missing, url.Values{"FriendlyName": {strings.Repeat("a", 65)}}), 404, 20404)
		}
	}
	refusal(t, s.Do(s.Account, "DELETE", root+".json", nil), 405, 20004)
	refusal(t, s.Do(s.Account, "PUT", path, nil), 405, 20004)
	refusal(t, s.Do(s.Account, "GET", "/2010-04-01/Accounts.json", nil), 404, 20404)
	refusal(t, s.Do(stack.Credentials{}, "GET", "/2010-04-01/Accounts.json", nil), 401, 20003)
}

func TestKeysAuthenticate(t *testing.T) {
	s := stack.Start(t)
	keys := "/2010-04-01/Accounts/" + s.Account.SID + "/Keys.json"
	made := decoded(t, s.Do(s.Account, "POST", keys, nil), 201)
	key := stack.Credentials{SID: made.text("sid"), Token: made.text("secret")}
	w := decoded(t, s.Do(key, "POST", "/v1/Workspaces", url.Values{"FriendlyName": {"By key"}}), 201)
	require.Equal(t, s.Account.SID, w.text("account_sid"))
	require.Equal(t, 200, s.Do(s.Account, "GET", "/v1/Workspaces/"+w.text("sid"), nil).Status)

	unknown := refusal(t, s.Do(stack.Credentials{SID: s.Account.SID, Token: "x"}, "GET", "/v1/Workspaces", nil), 401, 20003)
	for name, as := range map[string]stack.Credentials{
		"wrong secret": {SID: key.SID, Token: "x"}, "unknown": {SID: taskrouter.NewSID("SK"), Token: key.Token}, "token": {SID: key.SID, Token: s.Account.Token},
	} {
		require.Equal(t, unknown, refusal(t, s.Do(as, "GET", "/v1/Workspaces", nil), 401, 20003), name)
	}
	// A key does not manage keys, not even itself.
	for _, path := range []string{keys, strings.TrimSuffix(keys, ".json") + "/" + key.SID + ".json"} {
		for _, method := range []string{"GET", "POST"} {
			require.Equal(t, unknown, refusal(t, s.Do(key, method, path, nil), 401, 20003))
		}
	}
	require.Equal(t, 204, s.Do(s.Account, "DELETE", strings.TrimSuffix(keys, ".json")+"/"+key.SID+".json", nil).Status)
	require.Equal(t, unknown, refusal(t, s.Do(key, "GET", "/v1/Workspaces", nil), 401, 20003), "at once where it was revoked")
}

// TestKeysAreNamedInTheAccessLog shows that a line tells which key asked, and
// nothing secret.
func TestKeysAreNamedInTheAccessLog(t *testing.T) {
	var opts apiserver.Options
	s := stack.Start(t, func(o *apiserver.Options) { opts = *o })
	core, logs := observer.New(zap.DebugLevel)
	api, err := apiserver.New(zap.New(core), opts)
	require.NoError(t, err)
	send := func(user, secret, method, path string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.SetBasicAuth(user, secret)
		r.Header.Set("Idempotency-Key", "token-of-the-client")
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w
	}
	keys := "/2010-04-01/Accounts/" + s.Account.SID + "/Keys.json"
	made := decoded(t, s.Do(s.Account, "POST", keys, nil), 201)
	for _, as := range []stack.Credentials{s.Account, {SID: made.text("sid"), Token: made.text("secret")}} {
		for _, path := range []string{keys, "/v1/Workspaces"} {
			logs.TakeAll()
			send(as.SID, as.Token, "POST", path)
			lines := logs.FilterMessage("request").All()
			require.Len(t, lines, 1)
			fields := lines[0].ContextMap()
			require.Equal(t, s.Account.SID, fields["account_sid"])
			if as.SID == s.Account.SID {
				require.NotContains(t, fields, "api_key_sid")
			} else {
				require.Equal(t, as.SID, fields["api_key_sid"])
			}
			for key, value := range fields {
				require.NotContains(t, fmt.Sprint(value), as.Token, key)
				require.NotContains(t, fmt.Sprint(value), "token-of-the-client", key)
			}
		}
	}
}
