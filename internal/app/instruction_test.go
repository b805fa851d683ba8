package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/callqueue"
	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/events"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/test/twiliotest/stack"
	"github.com/taskrouter/taskrouter/voice"
	"github.com/taskrouter/taskrouter/voice/fake"
	"github.com/taskrouter/taskrouter/wire"
)

// exchange is a telephone that remembers what it was asked for.
type exchange struct {
	voice.Backend
	flavour voice.Flavour
	mu      sync.Mutex
	dialled []voice.DialRequest
}

func (x *exchange) Flavour() voice.Flavour { return x.flavour }

func (x *exchange) Dial(ctx context.Context, req voice.DialRequest) (voice.DialResult, error) {
	x.mu.Lock()
	x.dialled = append(x.dialled, req)
	x.mu.Unlock()
	if x.Backend == nil {
		return voice.DialResult{}, nil
	}
	return x.Backend.Dial(ctx, req)
}

// What an instruction says about the agent's leg is in the request that places
// it, as far as the platform can do it.
func TestInstructionsOfALeg(t *testing.T) {
	urls := callqueue.URLs{Public: "https://router.example.com"}
	recording := voice.Recording{Channels: "dual", StatusURL: "https://app/recorded", StatusMethod: "GET"}
	for _, c := range []struct {
		name   string
		kind   taskrouter.InstructionKind
		params map[string]string
		// want is for platforms that record legs, restcomm for the one that does not.
		want, restcomm voice.DialRequest
	}{
		{
			name: "nothing", kind: taskrouter.InstructDequeue,
			want:     voice.DialRequest{StatusURL: urls.LegStatus("WR1-1")},
			restcomm: voice.DialRequest{StatusURL: urls.LegStatus("WR1-1")},
		},
		{
			name: "dequeue", kind: taskrouter.InstructDequeue,
			params:   map[string]string{"record": "record-from-answer", "status_callback_url": "https://app/leg"},
			want:     voice.DialRequest{StatusURL: urls.LegProgress("WR1-1", "CA1"), Record: true},
			restcomm: voice.DialRequest{StatusURL: urls.LegProgress("WR1-1", "CA1")},
		},
		{
			name: "call", kind: taskrouter.InstructCall, params: map[string]string{"record": "do-not-record", "status_callback_url": "https://app/leg"},
			want:     voice.DialRequest{StatusURL: urls.LegProgress("WR1-1", "CA1")},
			restcomm: voice.DialRequest{StatusURL: urls.LegProgress("WR1-1", "CA1")},
		},
		{
			name: "conference", kind: taskrouter.InstructConference,
			params: map[string]string{
				"record": "true", "recording_channels": "dual", "recording_status_callback": "https://app/recorded",
				"recording_status_callback_method": "GET", "sip_auth_username": "ann", "sip_auth_password": "s3cret",
			},
			want: voice.DialRequest{
				StatusURL: urls.LegStatus("WR1-1"), Record: true, Recording: recording, SIPUser: "ann", SIPPassword: "s3cret",
			},
			restcomm: voice.DialRequest{StatusURL: urls.LegStatus("WR1-1"), SIPUser: "ann", SIPPassword: "s3cret"},
		},
	} {
		for _, flavour := range []voice.Flavour{voice.FlavourTwilio, voice.FlavourFake, voice.FlavourRestcomm} {
			x := &exchange{flavour: flavour}
			p := &phones{backend: x, urls: urls, crash: func(string) {}, log: zap.NewNop()}
			p.Dial(t.Context(), activities.DialOrder{
				Leg:         &taskrouter.Leg{Attempt: "WR1-1", Purpose: taskrouter.LegAccepts, To: "sip:ann@example.com"},
				Caller:      &taskrouter.Call{CallSID: "CA1"},
				Instruction: &taskrouter.Instruction{Kind: c.kind, Params: c.params},
			})
			want := c.want
			if flavour == voice.FlavourRestcomm {
				want = c.restcomm
			}
			want.Attempt, want.To, want.AnswerURL, want.FallbackURL = "WR1-1", "sip:ann@example.com", urls.LegAnswer("WR1-1"), urls.Fallback()
			require.Len(t, x.dialled, 1)
			require.Equal(t, want, x.dialled[0], "%s on %s", c.name, flavour)
			require.NotContains(t, x.dialled[0].String(), "s3cret")
		}
	}
}

// What a platform cannot do is known before anything is asked of it.
func TestAble(t *testing.T) {
	can := able([]config.VoiceBackend{{Name: "main", Flavour: config.FlavourTwilio}, {Name: "office", Flavour: config.FlavourRestcomm}})
	for _, a := range []dispatch.Ability{dispatch.AbilityRecordLeg, dispatch.AbilityWhisper} {
		require.True(t, can("main", a), a)
		require.False(t, can("office", a), a)
		require.True(t, can("taken out of the settings", a), a)
	}
}

// keys are the tokens of one account.
type keys struct{ token string }

func (keys) RequireSignature(context.Context, string) (bool, error) { return false, nil }

func (k keys) SigningTokens(context.Context, string) ([]string, error) { return []string{k.token}, nil }

// listener is the application that gave the instruction.
type listener struct {
	token string
	mu    sync.Mutex
	heard map[string][]url.Values
}

// ServeHTTP takes everything that comes in, by path.
func (l *listener) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	l.mu.Lock()
	defer l.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/app/recorded") {
		l.heard[r.URL.Path] = append(l.heard[r.URL.Path], r.Form) // the platform's own request
		return
	}
	if wire.Validate("http://"+r.Host+r.URL.RequestURI(), r.PostForm, l.token, r.Header.Get(wire.SignatureHeader)) {
		l.heard[r.Method+" "+r.URL.Path] = append(l.heard[r.Method+" "+r.URL.Path], r.Form)
	}
}

// words are the values of a parameter in the requests to a path.
func (l *listener) words(path, name string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, f := range l.heard[path] {
		out = append(out, f.Get(name))
	}
	return out
}

// heardAll reports whether a parameter had all these values.
func (l *listener) heardAll(path, name string, want ...string) bool {
	got := l.words(path, name)
	for _, w := range want {
		if !slices.Contains(got, w) {
			return false
		}
	}
	return true
}

// TestInstructionEndToEnd gives a conference instruction with all its options
// over REST, lets the agent talk, and looks at what the options did.
func TestInstructionEndToEnd(t *testing.T) {
	s := stack.Start(t)
	app := &listener{token: s.Account.Token, heard: map[string][]url.Values{}}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	net := fake.New(fake.Options{Ledger: ledger{s.Store}, Fetcher: http.DefaultClient})
	t.Cleanup(net.Close)
	sign := func(_ context.Context, _, target string, form url.Values) (string, error) {
		return wire.Sign(target, form, s.Account.Token), nil
	}
	webhooks := callqueue.New(callqueue.Options{
		Router: s.Dispatcher, Records: s.Store, Accounts: keys{s.Account.Token}, Ledger: ledger{s.Store}, PublicURL: srv.URL,
		Platforms: []callqueue.Platform{{Name: "fake", Flavour: voice.FlavourFake, Default: true, Backend: net}},
		Send:      events.NewNotifier(http.DefaultClient, sign, zap.NewNop()).Send, Budget: 20 * time.Second,
	})
	mux.Handle(callqueue.Prefix+"/", webhooks)
	mux.Handle("/app/", app)

	do := func(method, path string, status int, pairs ...string) map[string]any {
		t.Helper()
		form := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			form.Add(pairs[i], pairs[i+1])
		}
		a := s.Do(s.Account, method, path, form)
		require.Equal(t, status, a.Status, "%s %s: %s", method, path, a.Body)
		require.NotContains(t, string(a.Body), "s3cret")
		var body map[string]any
		require.NoError(t, json.Unmarshal(a.Body, &body))
		return body
	}
	sid := func(body map[string]any) string { text, _ := body["sid"].(string); return text }
	ws := "/v1/Workspaces/" + sid(do("POST", "/v1/Workspaces", 201, "FriendlyName", "Desk"))
	workspaceSID := strings.TrimPrefix(ws, "/v1/Workspaces/")
	ready := sid(do("POST", ws+"/Activities", 201, "FriendlyName", "Ready", "Available", "true"))
	do("POST", ws+"/Workers", 201, "FriendlyName", "ann", "ActivitySid", ready, "Attributes", `{"contact_uri":"sip:ann@example.com"}`)
	queue := sid(do("POST", ws+"/TaskQueues", 201, "FriendlyName", "Phones"))
	flow := sid(do("POST", ws+"/Workflows", 201, "FriendlyName", "Calls", "Configuration",
		`{"task_routing":{"filters":[],"default_filter":{"queue":"`+queue+`"}}}`))
	do("POST", ws+"/CallQueues", 201, "FriendlyName", "Main", "PhoneNumbers", "+15550100", "WorkflowSid", flow, "Backend", "fake",
		"Instruction", "none", "Menu", "{}")

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	await := func(call string, holds func(fake.CallSnapshot) bool) {
		t.Helper()
		got, err := net.WaitCall(ctx, call, holds)
		require.NoError(t, err, "state %s, %d lines heard", got.State, len(got.Transcript))
	}
	urls := callqueue.URLs{Public: srv.URL}
	caller := net.PlaceCall("+15550999", "+15550100", urls.Entry(), urls.Status())
	await(caller, func(c fake.CallSnapshot) bool { return c.Room != "" })
	tasks, _ := do("GET", ws+"/Tasks", 200)["tasks"].([]any)
	require.Len(t, tasks, 1)
	first, _ := tasks[0].(map[string]any)
	task := sid(first)
	offers, _ := do("GET", ws+"/Tasks/"+task+"/Reservations", 200)["reservations"].([]any)
	require.Len(t, offers, 1)
	one, _ := offers[0].(map[string]any)
	offer := sid(one)
	do("POST", ws+"/Tasks/"+task+"/Reservations/"+offer, 200, "Instruction", "conference",
		"StatusCallback", srv.URL+"/app/leg", "StatusCallbackEvent", "initiated,ringing", "StatusCallbackEvent", "answered",
		"StatusCallbackEvent", "completed", "Record", "true", "RecordingChannels", "dual",
		"RecordingStatusCallback", srv.URL+"/app/recorded/leg", "ConferenceRecord", "record-from-start",
		"ConferenceRecordingStatusCallback", srv.URL+"/app/recorded/room", "ConferenceStatusCallback", srv.URL+"/app/room",
		"ConferenceStatusCallbackMethod", "GET", "ConferenceStatusCallbackEvent", "start,end,join,leave,hold",
		"SipAuthUsername", "ann", "SipAuthPassword", "s3cret")

	x := &exchange{Backend: net, flavour: net.Flavour()}
	calls := &activities.Calls{
		Store:  durable{s.Dispatcher},
		Phones: &phones{backend: x, urls: urls, rooms: s.Dispatcher, crash: func(string) {}, log: zap.NewNop()},
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(calls)
	net.Auto("*", fake.Behaviour{Do: fake.PhoneAnswer})
	result, err := env.ExecuteActivity(calls.Dial, activities.AttemptInput{
		Subject: activities.Subject{WorkspaceSID: workspaceSID, TaskSID: task}, Attempt: offer + "-1",
	})
	require.NoError(t, err)
	require.Equal(t, []string{"ann", "s3cret"}, []string{x.dialled[0].SIPUser, x.dialled[0].SIPPassword})
	var kept json.RawMessage
	require.NoError(t, result.Get(&kept))
	require.NotContains(t, string(kept), "s3cret", "what stands in the history")
	await(caller, func(c fake.CallSnapshot) bool { return c.Bridged })
	view, err := s.Dispatcher.View(ctx, workspaceSID, task)
	require.NoError(t, err)
	text, err := json.Marshal(view)
	require.NoError(t, err)
	require.NotContains(t, string(text), "s3cret")
	agents := slices.DeleteFunc(net.Calls(), func(c fake.CallSnapshot) bool { return c.CallSID == caller })
	require.Len(t, agents, 1)
	agent, room := agents[0].CallSID, agents[0].Room
	require.NoError(t, net.Hold(ctx, voice.CallRef{CallSID: agent}, room, true))
	require.Eventually(t, func() bool { // an agent who leaves before that was never there
		l, err := s.Store.FetchLeg(ctx, offer+"-1")
		return err == nil && l.State == taskrouter.LegJoined
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, net.HangUp(agent))
	await(caller, func(c fake.CallSnapshot) bool { return !c.Live() })

	require.Eventually(t, func() bool {
		return len(app.words("/app/recorded/leg", "RecordingSid")) == 1 && len(app.words("/app/recorded/room", "RecordingSid")) == 1 &&
			slices.Contains(app.words("POST /app/leg", "CallStatus"), "completed") &&
			app.heardAll("GET /app/room", "StatusCallbackEvent",
				"participant-join", "conference-start", "participant-hold", "participant-leave", "conference-end")
	}, time.Minute, 5*time.Millisecond)
	require.Equal(t, []string{"initiated", "ringing", "in-progress", "completed"}, app.words("POST /app/leg", "CallStatus"))
	for _, word := range app.words("POST /app/leg", "CallSid") {
		require.Equal(t, agent, word)
	}
	recorded := net.Recordings()
	require.Len(t, recorded, 2)
	require.Equal(t, []any{fake.RecordedLeg, agent, 2}, []any{recorded[0].Source, recorded[0].CallSID, recorded[0].Channels})
	require.Equal(t, []any{fake.RecordedRoom, room}, []any{recorded[1].Source, recorded[1].Room})
	require.Equal(t, []string{recorded[0].SID}, app.words("/app/recorded/leg", "RecordingSid"))
	require.Equal(t, []string{recorded[1].SID}, app.words("/app/recorded/room", "RecordingSid"))
	do("GET", ws+"/Tasks/"+task+"/Reservations/"+offer, 200)
	do("GET", ws+"/Events", 200)
	require.NoError(t, webhooks.Close(ctx))
}
