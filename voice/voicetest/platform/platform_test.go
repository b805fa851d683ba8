package platform_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/voice/voicetest"
	"github.com/taskrouter/taskrouter/voice/voicetest/platform"
)

// remote drives a platform the way another process does: over HTTP only, its
// webhooks included.
type remote struct {
	t   *testing.T
	url string
	r   *voicetest.Receiver
	// account is the answer of /control/account.
	account map[string]string
}

func newRemote(t *testing.T, flavour voice.Flavour) *remote {
	t.Helper()
	r := voicetest.NewReceiver("pstn", "", nil)
	router := httptest.NewServer(r)
	t.Cleanup(router.Close)
	r.SetBase(router.URL)
	p := platform.New(platform.Options{Flavour: flavour})
	srv := httptest.NewServer(p)
	t.Cleanup(func() { p.Close(); srv.Close() })
	rem := &remote{t: t, url: srv.URL, r: r}
	rem.do(http.MethodGet, "/control/account", nil, http.StatusOK, &rem.account)
	return rem
}

func (r *remote) do(method, path string, body any, want int, into any) {
	r.t.Helper()
	var buf bytes.Buffer
	if body != nil {
		require.NoError(r.t, json.NewEncoder(&buf).Encode(body))
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, &buf)
	require.NoError(r.t, err)
	r.send(req, want, into)
}

func (r *remote) send(req *http.Request, want int, into any) {
	r.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, want, resp.StatusCode, "%s", b)
	if into != nil {
		require.NoError(r.t, json.Unmarshal(b, into), "%s", b)
	}
}

// rest makes a request of the platform's own API.
func (r *remote) rest(method, path string, form url.Values, want int, into any) {
	r.t.Helper()
	version := "/2010-04-01"
	if r.account["base_path"] != "" {
		version = "/2012-04-24"
	}
	target := r.url + r.account["base_path"] + version + "/Accounts/" + r.account["account_sid"] + path
	req, err := http.NewRequestWithContext(r.t.Context(), method, target, strings.NewReader(form.Encode()))
	require.NoError(r.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(r.account["account_sid"], r.account["token"])
	r.send(req, want, into)
}

func TestControlFromAnotherProcess(t *testing.T) {
	t.Parallel()
	r := newRemote(t, voice.FlavourTwilio)
	r.do(http.MethodPost, "/control/numbers", platform.NewNumber{
		PhoneNumber: "+15550100", VoiceURL: r.r.URL("/caller/WT1"), StatusURL: r.r.URL("/number"),
	}, http.StatusCreated, nil)
	var placed struct {
		CallSID string `json:"call_sid"`
	}
	r.do(http.MethodPost, "/control/calls", platform.NewCall{From: "+15550001", To: "+15550100"}, http.StatusCreated, &placed)
	var calls []fake.CallSnapshot
	r.do(http.MethodGet, "/control/calls?room=WT1&timeout=10s", nil, http.StatusOK, &calls)
	require.Equal(t, placed.CallSID, calls[0].CallSID)

	r.do(http.MethodPost, "/control/phones", platform.Phone{Pattern: "client:*", Do: fake.PhoneAnswer, AfterMS: 5}, http.StatusNoContent, nil)
	var created struct {
		SID string `json:"sid"`
	}
	r.rest(http.MethodPost, "/Calls.json", url.Values{
		"To": {"client:alice"}, "From": {"+15550100"}, "Url": {r.r.URL("/leg/WR1-1/1/WT1")},
	}, http.StatusCreated, &created)
	r.do(http.MethodGet, "/control/calls?bridged=true&count=2&timeout=10s", nil, http.StatusOK, &calls)
	require.Len(t, calls, 2)

	r.do(http.MethodPost, "/control/calls/"+placed.CallSID+"/hangup", nil, http.StatusNoContent, nil)
	r.do(http.MethodGet, "/control/calls?state=ended&count=2&timeout=10s", nil, http.StatusOK, &calls)
	r.do(http.MethodPost, "/control/calls/"+placed.CallSID+"/hangup", nil, http.StatusConflict, nil)
	r.do(http.MethodPost, "/control/calls/CA0/answer", nil, http.StatusNotFound, nil)
	r.do(http.MethodPost, "/control/calls/"+placed.CallSID+"/dance", nil, http.StatusNotFound, nil)
	r.do(http.MethodGet, "/control/calls?state=ringing&timeout=10ms", nil, http.StatusRequestTimeout, &calls)
	require.Empty(t, calls)

	var seen []platform.Request
	r.do(http.MethodGet, "/control/requests?op=originate", nil, http.StatusOK, &seen)
	require.Len(t, seen, 1)
}

func TestFaultsFromAnotherProcess(t *testing.T) {
	t.Parallel()
	r := newRemote(t, voice.FlavourTwilio)
	r.do(http.MethodPost, "/control/faults", platform.Misbehaviour{
		REST:      []platform.Fault{{Op: platform.OpRead, Kind: platform.Answer, Status: 429, Code: 20429, RetryAfter: 3, Times: 2}},
		Callbacks: &platform.CallbackFaults{Suppress: true},
	}, http.StatusNoContent, nil)
	var body struct{ Code int }
	r.rest(http.MethodGet, "/Calls/CA0.json", nil, http.StatusTooManyRequests, &body)
	require.Equal(t, 20429, body.Code)
	var pending []platform.Fault
	r.do(http.MethodGet, "/control/faults", nil, http.StatusOK, &pending)
	require.Equal(t, 1, pending[0].Times)
	r.do(http.MethodDelete, "/control/faults", nil, http.StatusNoContent, nil)
	r.rest(http.MethodGet, "/Calls/CA0.json", nil, http.StatusNotFound, &body)
	require.Equal(t, 20404, body.Code)
	r.do(http.MethodPost, "/control/faults", map[string]any{"unknown": 1}, http.StatusBadRequest, nil)
}

func TestDialectOfTheAPI(t *testing.T) {
	t.Parallel()
	t.Run("twilio", func(t *testing.T) {
		t.Parallel()
		r := newRemote(t, voice.FlavourTwilio)
		var e struct{ Code int }
		r.rest(http.MethodPost, "/Calls.json", url.Values{"From": {"+1555"}, "Url": {"http://r/"}}, 400, &e)
		require.Equal(t, 21201, e.Code)
		r.rest(http.MethodPost, "/Calls.json", url.Values{"To": {"+15550001"}, "Url": {"http://r/"}}, 400, &e)
		require.Equal(t, 21213, e.Code)
		r.rest(http.MethodPost, "/Calls.json", url.Values{"To": {"+15550001"}, "From": {"+1555"}}, 400, &e)
		require.Equal(t, 21205, e.Code)
		r.rest(http.MethodPost, "/Calls.json", url.Values{"To": {"you"}, "From": {"+1555"}, "Url": {"http://r/"}}, 400, &e)
		require.Equal(t, 21211, e.Code)
		sid := r.over(t)
		r.rest(http.MethodPost, "/Calls/"+sid+".json", url.Values{"Url": {"http://r/"}}, 400, &e)
		require.Equal(t, 21220, e.Code)
		r.rest(http.MethodPost, "/Calls/"+sid+".json", nil, 400, &e)
		r.rest(http.MethodGet, "/Elsewhere.json", nil, 404, &e)
	})
	t.Run("restcomm", func(t *testing.T) {
		t.Parallel()
		r := newRemote(t, voice.FlavourRestcomm)
		r.rest(http.MethodPost, "/Calls.json", url.Values{"From": {"+1555"}}, 400, nil)
		sid := r.over(t)
		r.rest(http.MethodPost, "/Calls.json/"+sid, url.Values{"Url": {"http://r/"}}, 410, nil)
		r.rest(http.MethodGet, "/Calls.json/CA0", nil, 406, nil)
		r.rest(http.MethodGet, "/Calls/CA0.json", nil, 406, nil)
		var calls []map[string]any
		r.do(http.MethodPost, "/control/phones", platform.Phone{Pattern: "client:alice", Devices: 2}, http.StatusNoContent, nil)
		r.rest(http.MethodPost, "/Calls.json", url.Values{
			"To": {"client:alice"}, "From": {"+1555"}, "Url": {r.r.URL("/leg/a/1/b")},
		}, 200, &calls)
		require.Len(t, calls, 2)
	})
	t.Run("credentials", func(t *testing.T) {
		t.Parallel()
		r := newRemote(t, voice.FlavourTwilio)
		r.account["token"] = "wrong"
		r.rest(http.MethodGet, "/Calls.json", nil, 401, nil)
	})
}

// over places a call and hangs it up.
func (r *remote) over(t *testing.T) string {
	t.Helper()
	var placed struct {
		CallSID string `json:"call_sid"`
	}
	r.do(http.MethodPost, "/control/calls", platform.NewCall{
		From: "+15550001", To: "+15550100", VoiceURL: r.r.URL("/caller/WT9"),
	}, http.StatusCreated, &placed)
	r.do(http.MethodPost, "/control/calls/"+placed.CallSID+"/hangup", nil, http.StatusNoContent, nil)
	return placed.CallSID
}

// Reordered notices arrive out of order, doubled ones twice, and the state of a
// leg, which only moves forward, comes out right all the same.
func TestDisturbedCallbacks(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]platform.CallbackFaults{
		"reordered": {Reorder: true}, "doubled": {Duplicate: true}, "late": {DelayMS: 20},
		"one lost": {Suppress: true, Events: []string{"answered"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRemote(t, voice.FlavourTwilio)
			r.do(http.MethodPost, "/control/faults", platform.Misbehaviour{Callbacks: &faults}, http.StatusNoContent, nil)
			r.do(http.MethodPost, "/control/phones", platform.Phone{
				Pattern: "*", Do: fake.PhoneAnswer, HangUpAfterMS: 50,
			}, http.StatusNoContent, nil)
			var created struct {
				SID string `json:"sid"`
			}
			r.rest(http.MethodPost, "/Calls.json", url.Values{
				"To": {"client:alice"}, "From": {"+15550100"}, "Url": {r.r.URL("/leg/WR1-1/1/WT1")},
				"StatusCallback": {r.r.URL("/status/WR1-1/1")}, "StatusCallbackEvent": voice.StatusEvents(),
			}, http.StatusCreated, &created)
			want := map[string]int{"reordered": 4, "doubled": 8, "late": 4, "one lost": 3}[name]
			require.Eventually(t, func() bool { return len(r.r.Events()) == want }, 10*time.Second, time.Millisecond)
			state, applied := voice.Queued, 0
			for _, e := range r.r.Events() {
				if e.Advances(state) {
					state = e.State
					applied++
				}
			}
			require.Equal(t, voice.Ended, state)
			require.LessOrEqual(t, applied, 4)
			if name == "reordered" {
				require.Equal(t, voice.Ringing, r.r.Events()[0].State)
			}
		})
	}
}
