package events

import (
	"context"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/taskrouter/taskrouter/taskrouter"
)

var update = flag.Bool("update", false, "rewrite golden files")

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// order is an offer made 90 s after its Task was created.
func order(target, fallback string) CallbackOrder {
	return CallbackOrder{
		URL: target, FallbackURL: fallback,
		Task: &taskrouter.Task{
			SID: "WT01", AccountSID: "AC01", WorkspaceSID: "WS01", WorkflowSID: "WW01", QueueSID: "WQ01",
			Attributes: `{ "name":"Zoë & co",  "n": 1.0 }`, Priority: 7, CreatedAt: epoch,
		},
		Worker:      &taskrouter.Worker{SID: "WK01", FriendlyName: "Ann", Attributes: `{"skills":["tax"]}`},
		Reservation: &taskrouter.Reservation{SID: "WR01", CreatedAt: epoch.Add(90 * time.Second)},
		ChannelName: "voice", FromDefault: "+15550001",
	}
}

func sign(_ context.Context, account, target string, form url.Values) (string, error) {
	return "signed " + account + " " + form.Get("ReservationSid"), nil
}

func newAssigner(t *testing.T) *Assigner {
	t.Helper()
	a := NewAssigner(http.DefaultClient, sign, zap.NewNop())
	a.now = func() time.Time { return epoch.Add(91500 * time.Millisecond) }
	return a
}

// receiver answers requests and remembers them.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	bodies   []string
}

func newReceiver(t *testing.T, answer http.HandlerFunc) *receiver {
	t.Helper()
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.requests, r.bodies = append(r.requests, req), append(r.bodies, string(body))
		r.mu.Unlock()
		answer(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.requests)
}

func says(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const jsonType = "application/json"

func TestCallbackRequest(t *testing.T) {
	r := newReceiver(t, says(200, jsonType, ""))
	got := newAssigner(t).Assign(context.Background(), order(r.URL+"/assign?x=1", ""))
	require.Equal(t, CallbackOutcome{}, got)

	require.Equal(t, 1, r.count())
	req := r.requests[0]
	require.Equal(t, http.MethodPost, req.Method)
	require.Equal(t, "/assign?x=1", req.RequestURI)
	require.Equal(t, "signed AC01 WR01", req.Header.Get("X-Twilio-Signature"))
	require.Equal(t, "application/x-www-form-urlencoded", req.Header.Get("Content-Type"))

	golden := filepath.Join("testdata", "assignment_callback.form")
	lines := strings.ReplaceAll(r.bodies[0], "&", "\n&") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(lines), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), lines)
}

func TestCallbackAnswers(t *testing.T) {
	accept := &taskrouter.Instruction{Kind: taskrouter.InstructAccept, Params: map[string]string{}}
	manual := CallbackOutcome{}
	fromFallback := func(code int) CallbackOutcome { return CallbackOutcome{Instruction: accept, LogCode: code} }
	huge := `{"instruction":"accept","pad":"` + strings.Repeat("x", maxAnswer) + `"}`
	for name, row := range map[string]struct {
		answer   http.HandlerFunc
		want     CallbackOutcome
		fallback bool // the fallback is asked; it accepts
	}{
		"instruction":             {answer: says(200, jsonType, `{"instruction":"accept"}`), want: CallbackOutcome{Instruction: accept}},
		"instruction, other 2xx":  {answer: says(201, jsonType, `{"instruction":"accept"}`), want: CallbackOutcome{Instruction: accept}},
		"upper case":              {answer: says(200, "Application/JSON; charset=UTF-8", ` {"instruction":"ACCEPT"} `), want: CallbackOutcome{Instruction: accept}},
		"empty":                   {answer: says(200, "", ""), want: manual},
		"empty, 204":              {answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, want: manual},
		"white space only":        {answer: says(200, "text/html", " \r\n"), want: manual},
		"empty object":            {answer: says(200, jsonType, "{}"), want: manual},
		"no instruction":          {answer: says(200, jsonType, `{"to":"x"}`), want: CallbackOutcome{LogCode: 40005}},
		"empty instruction":       {answer: says(200, jsonType, `{"instruction":""}`), want: CallbackOutcome{LogCode: 40005}},
		"instruction null":        {answer: says(200, jsonType, `{"instruction":null}`), want: CallbackOutcome{LogCode: 40005}},
		"unknown instruction":     {answer: says(200, jsonType, `{"instruction":"fax"}`), want: CallbackOutcome{LogCode: 55555}},
		"instruction is a number": {answer: says(200, jsonType, `{"instruction":7}`), want: CallbackOutcome{LogCode: 55555}},
		"supervise":               {answer: says(200, jsonType, `{"instruction":"supervise"}`), want: CallbackOutcome{LogCode: 55555}},
		"not JSON by its type":    {answer: says(200, "text/plain", `{"instruction":"accept"}`), want: fromFallback(40000), fallback: true},
		"no type": {answer: func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "{}")
		}, want: fromFallback(40000), fallback: true},
		"garbage":       {answer: says(200, jsonType, "\x00<html>"), want: fromFallback(40001), fallback: true},
		"cut off":       {answer: says(200, jsonType, `{"instruction":`), want: fromFallback(40001), fallback: true},
		"two documents": {answer: says(200, jsonType, `{"instruction":"accept"}{}`), want: fromFallback(40001), fallback: true},
		"a list":        {answer: says(200, jsonType, `["accept"]`), want: fromFallback(40001), fallback: true},
		"null":          {answer: says(200, jsonType, `null`), want: fromFallback(40001), fallback: true},
		"huge":          {answer: says(200, jsonType, huge), want: fromFallback(40001), fallback: true},
		"client error":  {answer: says(404, jsonType, `{"instruction":"reject"}`), want: fromFallback(0), fallback: true},
		"server error":  {answer: says(500, jsonType, `{"instruction":"reject"}`), want: fromFallback(0), fallback: true},
		"redirect": {answer: func(w http.ResponseWriter, req *http.Request) {
			http.Redirect(w, req, "/elsewhere", http.StatusTemporaryRedirect)
		}, want: fromFallback(0), fallback: true},
		"connection cut": {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: fromFallback(0), fallback: true},
	} {
		t.Run(name, func(t *testing.T) {
			first := newReceiver(t, row.answer)
			second := newReceiver(t, says(200, jsonType, `{"instruction":"accept"}`))
			got := newAssigner(t).Assign(context.Background(), order(first.URL, second.URL))
			require.Equal(t, row.want, got)
			require.Equal(t, 1, first.count(), "each URL is asked once")
			require.Equal(t, row.fallback, second.count() == 1)
		})
	}
}

func TestCallbackFails(t *testing.T) {
	broken := newReceiver(t, says(503, "", ""))
	a := newAssigner(t)
	t.Run("both URLs", func(t *testing.T) {
		require.Equal(t, CallbackOutcome{Failed: true}, a.Assign(context.Background(), order(broken.URL, broken.URL)))
		require.Equal(t, 2, broken.count())
	})
	t.Run("no fallback", func(t *testing.T) {
		require.Equal(t, CallbackOutcome{Failed: true}, a.Assign(context.Background(), order(broken.URL, "")))
	})
	t.Run("the code of the last fault is kept", func(t *testing.T) {
		html := newReceiver(t, says(200, "text/html", "<p>"))
		require.Equal(t, CallbackOutcome{Failed: true, LogCode: 40000},
			a.Assign(context.Background(), order(html.URL, broken.URL)))
	})
	t.Run("nobody listens", func(t *testing.T) {
		gone := newReceiver(t, says(200, "", ""))
		gone.Close()
		require.Equal(t, CallbackOutcome{Failed: true}, a.Assign(context.Background(), order(gone.URL, "::not a url")))
	})
	t.Run("cannot be signed", func(t *testing.T) {
		a := NewAssigner(http.DefaultClient, func(context.Context, string, string, url.Values) (string, error) {
			return "", errors.New("no key")
		}, zap.NewNop())
		before := broken.count()
		require.Equal(t, CallbackOutcome{Failed: true}, a.Assign(context.Background(), order(broken.URL, "")))
		require.Equal(t, before, broken.count(), "nothing leaves unsigned")
	})
}

func TestCallbackThatHangs(t *testing.T) {
	for name, before := range map[string]func(w http.ResponseWriter){
		"before the answer": func(http.ResponseWriter) {},
		"within the answer": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", jsonType)
			_, _ = io.WriteString(w, `{"instruction"`)
			w.(http.Flusher).Flush()
		},
	} {
		t.Run(name, func(t *testing.T) {
			hang := newReceiver(t, func(w http.ResponseWriter, req *http.Request) {
				before(w)
				<-req.Context().Done() // the assigner hangs up
			})
			second := newReceiver(t, says(200, jsonType, "{}"))
			a := newAssigner(t)
			a.limit = 50 * time.Millisecond
			require.Equal(t, CallbackOutcome{}, a.Assign(context.Background(), order(hang.URL, second.URL)))
			require.Equal(t, 1, second.count())
		})
	}
}

func TestInstructionParameters(t *testing.T) {
	for name, row := range map[string]struct {
		body string
		want taskrouter.Instruction
	}{
		"reject": {
			`{"instruction":"reject","activity_sid":"WA00000000000000000000000000000001","post_work_activity_sid":"ignored here"}`,
			taskrouter.Instruction{Kind: taskrouter.InstructReject, Params: map[string]string{"activity_sid": "WA00000000000000000000000000000001"}},
		},
		"dequeue takes the dialled number": {
			`{"instruction":"dequeue","to":"+15550002","timeout":30,"status_callback_events":["ringing","completed"]}`,
			taskrouter.Instruction{Kind: taskrouter.InstructDequeue, Params: map[string]string{
				"to": "+15550002", "from": "+15550001", "timeout": "30", "status_callback_events": "ringing,completed",
			}},
		},
		"dequeue keeps its own number": {
			`{"instruction":"dequeue","from":"+15550009"}`,
			taskrouter.Instruction{Kind: taskrouter.InstructDequeue, Params: map[string]string{"from": "+15550009"}},
		},
		"call": {
			`{"instruction":"call","from":"+15550001","url":"http://x/","accept":true,"extra":1}`,
			taskrouter.Instruction{Kind: taskrouter.InstructCall, Params: map[string]string{"from": "+15550001", "url": "http://x/", "accept": "true"}},
		},
		"redirect": {
			`{"instruction":"redirect","call_sid":"CA00000000000000000000000000000001","url":"http://x/","accept":"true","to":{"a":1}}`,
			taskrouter.Instruction{Kind: taskrouter.InstructRedirect, Params: map[string]string{"call_sid": "CA00000000000000000000000000000001", "url": "http://x/", "accept": "true"}},
		},
		"conference": {
			`{"instruction":"Conference","from":null,"end_conference_on_exit":false,"conference_record":true,"max_participants":3}`,
			taskrouter.Instruction{Kind: taskrouter.InstructConference, Params: map[string]string{
				"end_conference_on_exit": "false", "conference_record": "true", "max_participants": "3",
			}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, says(200, jsonType, row.body))
			got := newAssigner(t).Assign(context.Background(), order(r.URL, ""))
			require.Zero(t, got.LogCode)
			require.Equal(t, &row.want, got.Instruction)
		})
	}
}

// A parameter that cannot be used is reported with its public code; the offer is
// left to the agent. A rejection is carried out without the Activity.
func TestInstructionParameterFaults(t *testing.T) {
	for name, row := range map[string]struct {
		body string
		want CallbackOutcome
	}{
		"call without from":    {`{"instruction":"call","url":"http://x/"}`, CallbackOutcome{LogCode: 40111}},
		"call without url":     {`{"instruction":"call","from":"+15550001"}`, CallbackOutcome{LogCode: 40112}},
		"redirect without url": {`{"instruction":"redirect","call_sid":"CA00000000000000000000000000000001"}`, CallbackOutcome{LogCode: 40120}},
		"redirect of nothing":  {`{"instruction":"redirect","url":"http://x/"}`, CallbackOutcome{LogCode: 40121}},
		"reject to nowhere": {`{"instruction":"reject","activity_sid":"lunch"}`, CallbackOutcome{
			LogCode: 40100, Instruction: &taskrouter.Instruction{Kind: taskrouter.InstructReject, Params: map[string]string{}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, says(200, jsonType, row.body))
			require.Equal(t, row.want, newAssigner(t).Assign(context.Background(), order(r.URL, "")))
		})
	}
}

func TestCallbackLogsNoSecrets(t *testing.T) {
	core, logs := observer.New(zap.DebugLevel)
	a := NewAssigner(http.DefaultClient, sign, zap.New(core))
	gone := newReceiver(t, says(200, "", ""))
	gone.Close()
	a.Assign(context.Background(), order(gone.URL+"/hook?token=s3cret", ""))
	require.Equal(t, 1, logs.Len())
	line := logs.All()[0]
	for _, f := range line.Context {
		require.NotContains(t, f.String, "s3cret")
		require.NotContains(t, f.String, "/hook")
		if err, ok := f.Interface.(error); ok {
			require.NotContains(t, err.Error(), "s3cret")
		}
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add(jsonType, []byte(`{"instruction":"dequeue","to":["a",{"b":null}]}`))
	f.Add("text/json;;", []byte("\xef\xbb\xbf{}"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		got := readAnswer(contentType, body)
		if got.instruction != nil {
			require.True(t, got.usable)
			require.NotEqual(t, taskrouter.InstructSupervise, got.instruction.Kind)
		}
	})
}
