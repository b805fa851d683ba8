package e2e

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// newMarkup starts a customer's application that answers calls with markup.
func newMarkup(t *testing.T, say string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?><Response><Say>` + say + `</Say><Pause length="60"/></Response>`))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/markup"
}

// newProgress starts a customer's application that hears how calls progress. It
// returns its address, and what it was told: the states of a caller's agent.
func newProgress(t *testing.T) (address string, states func(caller string) []string) {
	t.Helper()
	var mu sync.Mutex
	told := map[string][]string{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		told[r.FormValue("taskCallSid")] = append(told[r.FormValue("taskCallSid")], r.FormValue("CallStatus"))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/", func(caller string) []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(told[caller])
	}
}

// waitingCaller is a center whose agent has been offered a caller, and nobody
// has told the phone to ring.
func waitingCaller(t *testing.T, s *system) (c *center, caller call, task, offer string) {
	t.Helper()
	c = newCenter(t, s, plan{agents: []agentPlan{alice}, manual: true, wrapUp: 1})
	caller = c.customer(t, keySupport, keyEnglish)
	task = *c.onlyTask(t).Sid
	return c, caller, task, c.offered(t, task, alice)
}

// goDequeues rings the agent, who then talks to the caller.
func goDequeues(t *testing.T, s *system) {
	c, caller, task, offer := waitingCaller(t, s)
	address, states := newProgress(t)
	dequeue := func() *api.UpdateTaskReservationParams {
		return (&api.UpdateTaskReservationParams{}).SetInstruction("dequeue")
	}
	_, err := s.rest.UpdateTaskReservation(c.ws, task, offer, dequeue())
	refused(t, err, 400, 40132, "DequeueFrom")
	_, err = s.rest.UpdateTaskReservation(c.ws, task, offer, dequeue().SetDequeueFrom("+15550199").SetDequeuePostWorkActivitySid("WA"+task[2:]))
	refused(t, err, 400, 40130, "")
	r, err := s.rest.UpdateTaskReservation(c.ws, task, offer, dequeue().SetDequeueFrom("+15550199").SetDequeueTo("client:desk.dequeue").
		SetDequeueTimeout(45).SetDequeueRecord("record-from-answer").SetDequeuePostWorkActivitySid(c.offline).
		SetDequeueStatusCallbackUrl(address).SetDequeueStatusCallbackEvent([]string{"ringing", "completed"}))
	require.NoError(t, err)
	require.Equal(t, []string{offer, "pending"}, []string{*r.Sid, *r.ReservationStatus}, "until the agent answers")
	agent := c.phone.rings(t, "client:desk.dequeue")
	require.Equal(t, "+15550199", agent.now(t).From)
	agent.do(t, "answer")
	c.talk(t, task, caller, agent)
	require.Equal(t, "assigned", *c.becomes(t, task, "assigned").AssignmentStatus)
	_, err = s.rest.UpdateTaskReservation(c.ws, task, offer, dequeue().SetDequeueFrom("+15550199"))
	refused(t, err, 400, 40135, "is not currently in a Pending state.")
	agent.do(t, "hangup")
	c.becomes(t, task, "completed")
	until(t, "the application hears of the call", func() bool { return slices.Equal([]string{"ringing", "completed"}, states(caller.sid)) })
	until(t, "the agent takes the break", func() bool {
		w, err := s.rest.FetchWorker(c.ws, c.agents[alice.name])
		require.NoError(t, err)
		return *w.ActivitySid == c.offline
	})
	s.runEnds(t, task)
}

// goConfers brings both into a conference, with all that can be said about it.
func goConfers(t *testing.T, s *system) {
	c, caller, task, offer := waitingCaller(t, s)
	ann := c.agents[alice.name]
	app, _ := newProgress(t)
	events := []string{"initiated", "ringing", "answered", "completed"}
	conference := func() *api.UpdateWorkerReservationParams {
		return (&api.UpdateWorkerReservationParams{}).SetInstruction("conference").SetFrom("+15550199")
	}
	_, err := s.rest.UpdateWorkerReservation(c.ws, ann, offer, conference().SetMaxParticipants(1))
	refused(t, err, 400, 20001, "MaxParticipants")
	r, err := s.rest.UpdateWorkerReservation(c.ws, ann, offer, conference().SetTo("client:desk.conference").SetTimeout(45).
		SetStatusCallback(app+"agent").SetStatusCallbackMethod("POST").SetStatusCallbackEvent(events).SetRecord(true).SetMuted(false).
		SetBeep("onEnter").SetBeepOnCustomerEntrance(true).SetStartConferenceOnEnter(true).SetEndConferenceOnExit(true).
		SetEndConferenceOnCustomerExit(true).SetWaitUrl(app+"music").SetWaitMethod("GET").SetEarlyMedia(true).SetMaxParticipants(10).
		SetConferenceStatusCallback(app+"conference").SetConferenceStatusCallbackMethod("POST").
		SetConferenceStatusCallbackEvent([]string{"start", "end", "join", "leave", "mute", "hold", "speaker"}).
		SetConferenceRecord("record-from-start").SetConferenceTrim("do-not-trim").SetRecordingChannels("dual").
		SetRecordingStatusCallback(app+"recording").SetRecordingStatusCallbackMethod("GET").
		SetConferenceRecordingStatusCallback(app+"recording").SetConferenceRecordingStatusCallbackMethod("POST").
		SetRegion("ie1").SetSipAuthUsername("alice").SetSipAuthPassword("secret").SetJitterBufferSize("small").SetIfMatch("*"))
	require.NoError(t, err)
	require.Equal(t, []string{offer, "pending"}, []string{*r.Sid, *r.ReservationStatus})
	agent := c.phone.rings(t, "client:desk.conference")
	agent.do(t, "answer")
	c.talk(t, task, caller, agent)
	accepted, err := s.rest.FetchWorkerReservation(c.ws, ann, offer)
	require.NoError(t, err)
	require.Equal(t, "accepted", *accepted.ReservationStatus)
	require.Equal(t, agent.sid, attributesOf(t, c.task(t, task))["worker_call_sid"])
	caller.do(t, "hangup")
	c.becomes(t, task, "completed")
	s.runEnds(t, task)

	// What is no call cannot be joined.
	plain := c.newTask(t, supportTask)
	_, err = s.rest.UpdateWorkerReservation(c.ws, ann, c.offered(t, plain, alice), conference())
	refused(t, err, 400, 40142, "")
	c.finish(t, plain, "canceled")
}

// goCalls rings the agent and runs the application's markup.
func goCalls(t *testing.T, s *system) {
	c, caller, task, offer := waitingCaller(t, s)
	call := func() *api.UpdateTaskReservationParams {
		return (&api.UpdateTaskReservationParams{}).SetInstruction("call").SetCallFrom("+15550199")
	}
	_, err := s.rest.UpdateTaskReservation(c.ws, task, offer, call())
	refused(t, err, 400, 40112, "CallUrl")
	r, err := s.rest.UpdateTaskReservation(c.ws, task, offer, call().SetCallUrl(newMarkup(t, "A caller for you.")).SetCallTo("client:desk.call").
		SetCallAccept(true).SetCallTimeout(45).SetCallRecord("do-not-record").SetCallStatusCallbackUrl(newMarkup(t, "")))
	require.NoError(t, err)
	require.Equal(t, "accepted", *r.ReservationStatus, "at once")
	agent := c.phone.rings(t, "client:desk.call")
	agent.do(t, "answer")
	agent.hears(t, "A caller for you.")
	agent.do(t, "hangup")
	caller.do(t, "hangup")
	c.becomes(t, task, "completed")
	s.runEnds(t, task)
}

// goRedirects sends the caller to the application's markup.
func goRedirects(t *testing.T, s *system) {
	c, caller, task, offer := waitingCaller(t, s)
	ann := c.agents[alice.name]
	redirect := func() *api.UpdateWorkerReservationParams {
		return (&api.UpdateWorkerReservationParams{}).SetInstruction("redirect").SetRedirectUrl(newMarkup(t, "This way, please.")).SetRedirectAccept(true)
	}
	_, err := s.rest.UpdateWorkerReservation(c.ws, ann, offer, redirect())
	refused(t, err, 400, 40121, "RedirectCallSid")
	r, err := s.rest.UpdateWorkerReservation(c.ws, ann, offer, redirect().SetRedirectCallSid(caller.sid))
	require.NoError(t, err)
	require.Equal(t, "accepted", *r.ReservationStatus, "at once")
	caller.hears(t, "This way, please.")
	caller.do(t, "hangup")
	c.becomes(t, task, "completed")
	s.runEnds(t, task)
}

// goSupervises lets a supervisor whisper to the agent.
func goSupervises(t *testing.T, s *system) {
	c, caller, task, offer := waitingCaller(t, s)
	supervise := func(mode string) *api.UpdateTaskReservationParams {
		return (&api.UpdateTaskReservationParams{}).SetInstruction("supervise").SetSupervisor("client:desk.chief").
			SetSupervisorMode(mode).SetFrom("+15550199")
	}
	_, err := s.rest.UpdateTaskReservation(c.ws, task, offer, supervise("monitor"))
	refused(t, err, 400, 40146, "is not currently in an Accepted state.")
	_, err = s.rest.UpdateTaskReservation(c.ws, task, offer,
		(&api.UpdateTaskReservationParams{}).SetInstruction("dequeue").SetDequeueFrom("+15550199").SetDequeueTo("client:desk.supervised"))
	require.NoError(t, err)
	agent := c.phone.rings(t, "client:desk.supervised")
	agent.do(t, "answer")
	c.talk(t, task, caller, agent)
	for range 2 { // the second time nothing is left to do
		r, err := s.rest.UpdateTaskReservation(c.ws, task, offer, supervise("whisper"))
		require.NoError(t, err)
		require.Equal(t, []string{offer, "accepted"}, []string{*r.Sid, *r.ReservationStatus})
	}
	chief := c.phone.rings(t, "client:desk.chief")
	require.Equal(t, "+15550199", chief.now(t).From)
	chief.do(t, "answer")
	until(t, "the agent hears the supervisor", func() bool { return slices.Contains(agent.now(t).Hears, chief.sid) })
	require.ElementsMatch(t, []string{caller.sid, agent.sid}, chief.now(t).Hears)
	require.Equal(t, []string{agent.sid}, caller.now(t).Hears, "the caller hears the agent only")
	_, err = s.rest.UpdateTaskReservation(c.ws, task, offer, supervise("barge"))
	refused(t, err, 400, 20001, "in mode whisper")
	require.Len(t, c.phone.to(t, "client:desk.chief"), 1)
	agent.do(t, "hangup")
	chief.ends(t)
	caller.ends(t)
	c.becomes(t, task, "completed")
	s.runEnds(t, task)
}
