package callqueue_test

import (
	"bytes"
	"context"
	"errors"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/voice"
)

func TestGETIsAccepted(t *testing.T) {
	w := newWorld(twoSteps)
	rec := do(w.handler(voice.FlavourTwilio), httptest.NewRequest(http.MethodGet, "/callqueue/callback?"+params().Encode(), nil))
	require.Equal(t, http.StatusOK, rec.Code)
	require.Contains(t, rec.Body.String(), askDepartment)
}

func TestMultipartIsAccepted(t *testing.T) {
	w := newWorld(twoSteps)
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, v := range params("Digits", "1") {
		require.NoError(t, m.WriteField(name, v[0]))
	}
	require.NoError(t, m.Close())
	w.placeCall(taskrouter.Call{State: taskrouter.CallInMenu, MenuStep: "department"})
	r := httptest.NewRequest(http.MethodPost, "/callqueue/menu/department/0", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	rec := do(w.handler(voice.FlavourRestcomm), r)
	require.Equal(t, http.StatusOK, rec.Code)
	require.Contains(t, rec.Body.String(), askLanguage)
}

func TestRequestsThatAreNotServed(t *testing.T) {
	raw := func(method, path, contentType, body string) *http.Request {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		return r
	}
	const urlencoded = "application/x-www-form-urlencoded"
	without := func(name string) string {
		v := params()
		v.Del(name)
		return v.Encode()
	}
	for name, c := range map[string]struct {
		request *http.Request
		status  int
	}{
		"no CallSid at entry":         {raw("POST", "/callqueue/callback", urlencoded, without("CallSid")), 400},
		"no CallSid in the menu":      {raw("POST", "/callqueue/menu/department/0", urlencoded, without("CallSid")), 400},
		"no CallSid at the end":       {raw("POST", "/callqueue/ended", urlencoded, without("CallSid")), 400},
		"no CallSid in a status":      {raw("POST", "/callqueue/status", urlencoded, without("CallSid")), 400},
		"no CallSid on a leg":         {raw("POST", "/callqueue/leg/"+attempt, urlencoded, without("CallSid")), 400},
		"CallSid too long":            {request("/callqueue/callback", params("CallSid", strings.Repeat("C", 71))), 400},
		"CallSid with a blank":        {request("/callqueue/callback", params("CallSid", "CA 1")), 400},
		"empty body":                  {raw("POST", "/callqueue/callback", urlencoded, ""), 400},
		"no content type":             {raw("POST", "/callqueue/callback", "", params().Encode()), 400},
		"JSON":                        {raw("POST", "/callqueue/callback", "application/json", `{"CallSid": "CA1"}`), 400},
		"broken escapes":              {raw("POST", "/callqueue/callback", urlencoded, "CallSid=%zz"), 400},
		"semicolons":                  {raw("POST", "/callqueue/callback", urlencoded, "CallSid=a;To=b"), 400},
		"broken multipart":            {raw("POST", "/callqueue/callback", "multipart/form-data; boundary=x", "--x\r\nnonsense"), 400},
		"multipart without boundary":  {raw("POST", "/callqueue/callback", "multipart/form-data", "x"), 400},
		"body too large":              {raw("POST", "/callqueue/callback", urlencoded, params("Junk", strings.Repeat("x", 64<<10)).Encode()), 413},
		"multipart too large":         {raw("POST", "/callqueue/callback", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"+strings.Repeat("x", 70<<10)), 413},
		"DELETE":                      {raw("DELETE", "/callqueue/callback", "", ""), 405},
		"PUT":                         {raw("PUT", "/callqueue/status", urlencoded, params().Encode()), 405},
		"unknown path":                {request("/callqueue/nonsense", params()), 404},
		"outside":                     {request("/other", params()), 404},
		"wrong secret":                {request("/callqueue/s/guess/callback", params()), 403},
		"leg without an attempt":      {request("/callqueue/leg/", params()), 404},
		"unknown part of a leg's way": {request("/callqueue/leg/"+attempt+"/nonsense", params()), 404},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(twoSteps)
			rec := do(w.handler(voice.FlavourTwilio), c.request)
			require.Equal(t, c.status, rec.Code, rec.Body.String())
			require.Zero(t, w.writes)
			require.NotContains(t, rec.Body.String(), callerNo)
		})
	}
}

func TestSignatures(t *testing.T) {
	secret := func(o *callqueue.Options) { o.Platforms[0].Secret = "s3cret" }
	ownTokens := func(o *callqueue.Options) { o.Platforms[0].AuthTokens = []string{"platform-token"} }
	noKey := func(o *callqueue.Options) { o.Validate = nil }
	form := func() url.Values { return params() }
	for name, c := range map[string]struct {
		flavour  voice.Flavour
		required bool
		path     string
		// signed is the URL and token that were signed, empty for none.
		signed, token string
		tamper        bool
		change        func(*callqueue.Options)
		status        int
	}{
		"not asked for":                  {status: 200},
		"right":                          {required: true, signed: public + "/callqueue/callback", token: token, status: 200},
		"right, older token":             {required: true, signed: public + "/callqueue/callback", token: "older", status: 200},
		"right, with a query":            {required: true, path: "/callqueue/callback?retry=1", signed: public + "/callqueue/callback?retry=1", token: token, status: 200},
		"missing":                        {required: true, status: 403},
		"wrong token":                    {required: true, signed: public + "/callqueue/callback", token: "guess", status: 403},
		"empty token":                    {required: true, signed: public + "/callqueue/callback", status: 403},
		"other URL":                      {required: true, signed: "https://evil.example.com/callqueue/callback", token: token, status: 403},
		"other path":                     {required: true, signed: public + "/callqueue/status", token: token, status: 403},
		"parameter changed":              {required: true, signed: public + "/callqueue/callback", token: token, tamper: true, status: 403},
		"nothing to check with":          {required: true, signed: public + "/callqueue/callback", token: token, change: noKey, status: 403},
		"platform's own token":           {signed: public + "/callqueue/callback", token: "platform-token", change: ownTokens, status: 200},
		"platform's own token, unsigned": {change: ownTokens, status: 403},
		"platform's own token, account's token used":  {signed: public + "/callqueue/callback", token: token, change: ownTokens, status: 403},
		"restcomm, account wants signatures":          {flavour: voice.FlavourRestcomm, required: true, status: 403},
		"restcomm, secret path":                       {flavour: voice.FlavourRestcomm, required: true, path: "/callqueue/s/s3cret/callback", change: secret, status: 200},
		"restcomm, secret path missing":               {flavour: voice.FlavourRestcomm, path: "/callqueue/callback", change: secret, status: 403},
		"restcomm, wrong secret":                      {flavour: voice.FlavourRestcomm, path: "/callqueue/s/S3cret/callback", change: secret, status: 403},
		"twilio, secret path, signature still needed": {required: true, path: "/callqueue/s/s3cret/callback", change: secret, status: 403},
		"twilio, secret path and signature": {
			required: true, path: "/callqueue/s/s3cret/callback", signed: public + "/callqueue/s/s3cret/callback",
			token: token, change: secret, status: 200,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(twoSteps)
			w.requireSignature, w.tokens = c.required, []string{token, "older", ""}
			flavour := c.flavour
			if flavour == "" {
				flavour = voice.FlavourTwilio
			}
			change := c.change
			if change == nil {
				change = func(*callqueue.Options) {}
			}
			path := c.path
			if path == "" {
				path = "/callqueue/callback"
			}
			sent := form()
			if c.tamper {
				sent.Set("From", "+15550777")
			}
			r := request(path, sent)
			r.Host = "internal:8080" // what a proxy makes of it
			if c.signed != "" {
				r.Header.Set("X-Twilio-Signature", sign(c.signed, form(), c.token))
			}
			rec := do(w.handler(flavour, change), r)
			require.Equal(t, c.status, rec.Code, rec.Body.String())
			if c.status == 403 {
				require.Zero(t, w.writes, "nothing may change")
				require.Equal(t, "forbidden\n", rec.Body.String())
			}
		})
	}
}

// Every webhook that changes anything asks for the signature first.
func TestEveryWebhookIsProtected(t *testing.T) {
	room := "/" + account + "/" + callSID
	for path, form := range map[string]url.Values{
		"callback": params(), "menu/department/0": params("Digits", "1"), "ended": params(),
		"status": params("CallStatus", "completed"), "leg/" + attempt: legParams(), "leg/" + attempt + "/answer/1": legParams(),
		"leg/" + attempt + "/status": legParams(), "leg/" + attempt + "/ended": legParams(), "wait" + room: params(),
		"conference" + room: params("CallSid", legSID, "StatusCallbackEvent", "participant-join", "ConferenceSid", "CF1"),
	} {
		w := newWorld(twoSteps)
		w.requireSignature = true
		w.placeCall(taskrouter.Call{State: taskrouter.CallWaiting, TaskSID: firstTask})
		w.placeLeg(taskrouter.Leg{})
		h := w.handler(voice.FlavourTwilio)
		rec := do(h, request("/callqueue/"+path, form))
		require.Equal(t, http.StatusForbidden, rec.Code, path)
		require.Zero(t, w.writes, path)
		require.Empty(t, w.reveals, path)

		r := request("/callqueue/"+path, form)
		r.Header.Set("X-Twilio-Signature", sign(public+"/callqueue/"+path, form, token))
		require.Less(t, do(h, r).Code, 300, path)
	}
}

func TestPlatforms(t *testing.T) {
	platforms := func(o *callqueue.Options) {
		o.Platforms = []callqueue.Platform{
			{Name: "other", Flavour: voice.FlavourTwilio, Default: true},
			{Name: "main", Flavour: voice.FlavourTwilio, AccountSID: "ACmain"},
			{Name: "rest", Flavour: voice.FlavourRestcomm},
			{Name: "hidden", Flavour: voice.FlavourRestcomm, Secret: "s3cret"},
		}
	}
	for name, c := range map[string]struct{ path, backend, account, version string }{
		"by account":                      {"/callqueue/callback", "main", "ACmain", "2010-04-01"},
		"by account, other version":       {"/callqueue/callback", "main", "ACmain", "2012-04-24"},
		"by version":                      {"/callqueue/callback", "rest", "ACx", "2012-04-24"},
		"default":                         {"/callqueue/callback", "other", "ACx", "2010-04-01"},
		"by secret":                       {"/callqueue/s/s3cret/callback", "hidden", "ACx", "2012-04-24"},
		"by secret, not by what it says":  {"/callqueue/s/s3cret/callback", "hidden", "ACmain", "2010-04-01"},
		"nothing said":                    {"/callqueue/callback", "other", "", ""},
		"a guarded one is never the open": {"/callqueue/callback", "rest", "AChidden", "2012-04-24"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld("")
			w.queue.Backend = c.backend
			got := post(t, w.handler("", platforms), c.path, params("AccountSid", c.account, "ApiVersion", c.version))
			require.Contains(t, got, waitingRoom)
			require.Equal(t, c.backend, w.tasks[0].Backend)
			require.Equal(t, c.backend, attributesOf(t, w.tasks[0])["voice_backend"])
			if strings.Contains(c.path, "s3cret") {
				require.Contains(t, got, `action="`+public+`/callqueue/s/s3cret/ended"`, "the secret stays in every address")
			}
		})
	}
}

func TestOnlyPlatformNeedsNoDefault(t *testing.T) {
	w := newWorld("")
	h := w.handler(voice.FlavourRestcomm, func(o *callqueue.Options) { o.Platforms[0].Default = false })
	require.Contains(t, post(t, h, "/callqueue/callback", params()), waitingRoom)
}

func TestCallerIsKeptWhileTheStoreIsDown(t *testing.T) {
	for name, err := range map[string]error{
		"unavailable": taskrouter.Unavailable(errors.New("connection refused"), "store"),
		"conflict":    taskrouter.Errorf(taskrouter.KindConflict, "try again"),
		"overloaded":  taskrouter.Errorf(taskrouter.KindCapacity, "too much"),
		"bug":         errors.New("something else"),
		"slow":        errSlow,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(twoSteps)
			w.placeCall(taskrouter.Call{State: taskrouter.CallInMenu, MenuStep: "language"})
			w.fail = err
			h := w.handler(voice.FlavourTwilio)
			path := "/callqueue/menu/language/0"
			got := post(t, h, path, params("Digits", "2"))
			require.Contains(t, got, `<Pause length="2"/>`)
			require.Contains(t, got, public+path+"?Digits=2&amp;retry=1</Redirect>")

			w.fail = nil
			require.Contains(t, post(t, h, path+"?Digits=2&retry=1", params()), waitingRoom, "the key was not lost")
			require.Equal(t, "japanese", attributesOf(t, w.tasks[0])["language"])
		})
	}
}

func TestCallerIsLetGoInTheEnd(t *testing.T) {
	w := newWorld(twoSteps)
	w.fail = taskrouter.Unavailable(nil, "store")
	h := w.handler(voice.FlavourTwilio)
	path := "/callqueue/callback"
	for n := range 20 {
		got := post(t, h, path+"?retry="+strconv.Itoa(n), params())
		require.Contains(t, got, "retry="+strconv.Itoa(n+1))
	}
	rec := do(h, request(path+"?retry=20", params()))
	require.Equal(t, http.StatusServiceUnavailable, rec.Code)
	require.Equal(t, "2", rec.Header().Get("Retry-After"))
	require.Contains(t, rec.Body.String(), "<Hangup/>")

	rec = do(h, request("/callqueue/status", params("CallStatus", "completed")))
	require.Equal(t, http.StatusServiceUnavailable, rec.Code, "a notice that was not stored")
}

func TestMusicNeedsNoStore(t *testing.T) {
	w := newWorld(twoSteps)
	w.fail = errSlow
	h := w.handler(voice.FlavourTwilio)
	got := post(t, h, "/callqueue/wait/"+account+"/"+callSID, url.Values{"ConferenceSid": {"CF1"}})
	require.Contains(t, got, "<Play>"+public+"/callqueue/music.wav</Play>")
}

func TestFallbackNeedsNothing(t *testing.T) {
	h := callqueue.New(callqueue.Options{})
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/callqueue/fallback", nil),
		request("/callqueue/s/any/fallback", url.Values{"ErrorCode": {"11200"}}),
	} {
		rec := do(h, r)
		require.Equal(t, http.StatusOK, rec.Code)
		require.Contains(t, rec.Body.String(), "<Hangup/>")
	}
}

func TestTune(t *testing.T) {
	rec := do(callqueue.New(callqueue.Options{}), httptest.NewRequest(http.MethodGet, "/callqueue/music.wav", nil))
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, "audio/wav", rec.Header().Get("Content-Type"))
	b := rec.Body.Bytes()
	require.Equal(t, "RIFF", string(b[:4]))
	require.Equal(t, "WAVEfmt ", string(b[8:16]))
	require.Len(t, b, 44+8000*2*8, "eight seconds")
}

func TestRequestCanceledByThePlatform(t *testing.T) {
	w := newWorld(twoSteps)
	w.fail = errSlow
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rec := do(w.handler(voice.FlavourTwilio), request("/callqueue/callback", params()).WithContext(ctx))
	require.Equal(t, http.StatusOK, rec.Code)
	require.Contains(t, rec.Body.String(), "<Redirect")
}

// No request, however malformed, is answered by a fault of ours.
func FuzzForms(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", []byte(params().Encode()), "")
	f.Add("multipart/form-data; boundary=x", []byte("--x\r\nContent-Disposition: form-data; name=\"CallSid\"\r\n\r\nCA1\r\n--x--\r\n"), "To=%2B15550100")
	f.Add("application/x-www-form-urlencoded", []byte("CallSid=CA1&To=%2B15550100&Digits=%00"), "retry=-1")
	f.Add("", []byte("%"), "a;b")
	f.Fuzz(func(t *testing.T, contentType string, body []byte, query string) {
		w := newWorld(twoSteps)
		h := w.handler(voice.FlavourTwilio)
		for _, path := range []string{"callback", "menu/department/0", "status", "ended", "wait/a/b", "conference/a/b", "leg/x"} {
			r := httptest.NewRequest(http.MethodPost, "/callqueue/"+path, bytes.NewReader(body))
			r.URL.RawQuery = query
			r.Header["Content-Type"] = []string{contentType}
			rec := do(h, r)
			require.Contains(t, []int{200, 204, 400, 413}, rec.Code, path)
			if rec.Code == http.StatusOK {
				requireMarkup(t, rec.Body.String())
			}
		}
	})
}
