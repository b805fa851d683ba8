package wire_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/wire"
)

const keySID = "SK0000000000000000000000000000000d"

func apiKey() *taskrouter.Key {
	return &taskrouter.Key{
		SID: keySID, AccountSID: accountSID, FriendlyName: "Zoë & <co>", SecretHash: []byte("digest"),
		CreatedAt: created, UpdatedAt: changed,
	}
}

func TestKeyGolden(t *testing.T) {
	golden(t, "key", wire.FromKey(apiKey()))
	golden(t, "new_key", wire.FromNewKey(apiKey(), "s3cret"))
	p, err := wire.ParsePaging("/2010-04-01/Accounts/"+accountSID+"/Keys.json",
		url.Values{"PageSize": {"1"}, "Page": {"2"}, "PageToken": {"PA" + keySID}}, taskrouter.PrefixKey)
	require.NoError(t, err)
	golden(t, "key_list", wire.NewURIList("keys", p, wire.Slice[*taskrouter.Key]{
		Items: []*taskrouter.Key{apiKey()}, First: keySID, Last: keySID, HasMore: true, HasPrior: true,
	}, wire.FromKey))
}

func TestEmptyKeyList(t *testing.T) {
	p, err := wire.ParsePaging("/k.json", nil, taskrouter.PrefixKey)
	require.NoError(t, err)
	b, err := json.Marshal(wire.NewURIList("keys", p, wire.Slice[*taskrouter.Key]{}, wire.FromKey))
	require.NoError(t, err)
	require.JSONEq(t, `{"keys":[],"page":0,"page_size":50,"start":0,"end":0,"uri":"/k.json?PageSize=50&Page=0",
		"first_page_uri":"/k.json?PageSize=50&Page=0","next_page_uri":null,"previous_page_uri":null}`, string(b))
}

func TestParseKey(t *testing.T) {
	for name, tc := range map[string]struct {
		form url.Values
		want string
		nil  bool
		ok   bool
	}{
		"absent": {url.Values{}, "", true, true},
		"empty":  {url.Values{"FriendlyName": {""}}, "", false, true},
		"name":   {url.Values{"FriendlyName": {"CI"}}, "CI", false, true},
		"long":   {url.Values{"FriendlyName": {strings.Repeat("é", 65)}}, "", false, false},
		"longest": {
			url.Values{"FriendlyName": {strings.Repeat("é", 64)}}, strings.Repeat("é", 64), false, true,
		},
		"NUL": {url.Values{"FriendlyName": {"a\x00"}}, "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wire.ParseKey(tc.form)
			require.Equal(t, tc.ok, err == nil, "%v", err)
			if !tc.ok {
				require.Equal(t, taskrouter.KindInvalid, taskrouter.KindOf(err))
				return
			}
			if tc.nil {
				require.Nil(t, got)
				return
			}
			require.Equal(t, tc.want, *got)
		})
	}
}
