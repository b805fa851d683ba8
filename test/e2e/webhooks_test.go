package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// duplicateWebhooks: platforms send a webhook again when they are not sure that
// it was heard, and late. Nothing happens twice.
func duplicateWebhooks(t *testing.T, s *system) {
	c := newCenter(t, s, plan{agents: []agentPlan{alice}, wrapUp: 1})
	caller := c.phone.dial(t, "+17775550123", c.number)
	say := func(path string, more ...string) string {
		form := url.Values{
			"CallSid": {caller.sid}, "AccountSid": {"AC" + strings.Repeat("0", 32)}, "ApiVersion": {"2010-04-01"},
			"From": {"+17775550123"}, "To": {c.number}, "CallStatus": {"in-progress"}, "Direction": {"inbound"},
		}
		for i := 0; i+1 < len(more); i += 2 {
			form.Set(more[i], more[i+1])
		}
		return s.web.webhook(t, "/callqueue"+path, form).body
	}
	caller.hears(t, askDepartment)
	require.Contains(t, say("/callback"), askDepartment)
	caller.press(t, askDepartment, keySupport)
	caller.hears(t, askLanguage)
	require.Contains(t, say("/callback"), askLanguage, "the caller is where they are")
	require.Contains(t, say("/menu/department/0", "Digits", keySales), askLanguage, "a late key changes nothing")

	// The last key of the menu comes five times at once.
	const times = 5
	outcomes := make(chan error, times)
	for range times {
		go func() {
			form := url.Values{"CallSid": {caller.sid}, "From": {"+17775550123"}, "To": {c.number}, "CallStatus": {"in-progress"}, "Digits": {keyEnglish}}
			resp, err := http.PostForm(s.web.url+"/callqueue/menu/language/0", form)
			if err == nil {
				err = resp.Body.Close()
			}
			outcomes <- err
		}()
	}
	caller.press(t, askLanguage, keyEnglish)
	for range times {
		require.NoError(t, <-outcomes)
	}
	caller.hears(t, holdTheLine)
	task := c.onlyTask(t)
	require.Equal(t, "support", attributesOf(t, task)["department"])
	require.Contains(t, say("/callback"), "<Conference", "the caller waits")

	agent := c.phone.rings(t, c.contacts[alice.name])
	attempt := *c.offers(t, *task.Sid)[0].Sid + "-1"
	agent.do(t, "answer")
	c.talk(t, *task.Sid, caller, agent)
	leg := func(path, status string) string {
		return s.web.webhook(t, "/callqueue/leg/"+attempt+path, url.Values{
			"CallSid": {agent.sid}, "From": {c.number}, "To": {c.contacts[alice.name]}, "CallStatus": {status}, "Direction": {"outbound-api"},
		}).body
	}
	document := leg("/answer/1", "in-progress")
	require.Contains(t, document, *task.Sid+"</Conference>", "the agent is sent to the same room")
	require.Equal(t, document, leg("/answer/1", "in-progress"))
	leg("/status/1", "ringing") // late
	require.Equal(t, "assigned", *c.task(t, *task.Sid).AssignmentStatus)
	stranger := s.web.webhook(t, "/callqueue/leg/"+attempt+"/answer/1", url.Values{
		"CallSid": {"CA" + strings.Repeat("1", 32)}, "From": {c.number}, "To": {"client:stranger"}, "CallStatus": {"in-progress"},
	}).body
	require.NotContains(t, stranger, "<Conference", "a second phone is not let in")

	agent.do(t, "hangup")
	for range 3 {
		leg("/status/1", "completed")
		say("/status", "CallStatus", "completed")
	}
	c.becomes(t, *task.Sid, "completed")
	require.NotContains(t, say("/callback"), "<Conference", "the call is over")
	list, err := c.rest.ListTask(c.ws, &api.ListTaskParams{})
	require.NoError(t, err)
	require.Len(t, list, 1, "one task for one call")
	require.Equal(t, sequence(entered, "reservation.created", "reservation.accepted", "task.updated",
		"reservation.wrapup", "task.wrapup", "reservation.completed", "task.completed"), c.events(t, *task.Sid))
	c.idle(t, alice)
	s.runEnds(t, *task.Sid)
}
