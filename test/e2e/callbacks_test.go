package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const supportTask = `{"department":"support","language":"en"}`

// callbackAccepts: the customer's application accepts on behalf of the agent.
func callbackAccepts(t *testing.T, s *system) {
	app := newReceiver(t, s.AuthToken)
	url := app.on("/assignment", http.StatusOK, `{"instruction":"accept"}`)
	c := newCenter(t, s, plan{agents: []agentPlan{alice}, callback: url + "?tenant=a%20b"})
	task := c.newTask(t, supportTask)
	c.becomes(t, task, "assigned")
	got := app.requests(t, "/assignment")
	require.Len(t, got, 1)
	form := got[0].form
	require.Equal(t, []string{s.AccountSID, c.ws, c.workflow, c.queues[supportQueue], task, c.agents[alice.name], "10"},
		[]string{
			form.Get("AccountSid"), form.Get("WorkspaceSid"), form.Get("WorkflowSid"), form.Get("TaskQueueSid"),
			form.Get("TaskSid"), form.Get("WorkerSid"), form.Get("TaskPriority"),
		})
	require.Equal(t, *c.offers(t, task)[0].Sid, form.Get("ReservationSid"))
	require.JSONEq(t, supportTask, form.Get("TaskAttributes"))
	require.Contains(t, form.Get("WorkerAttributes"), c.contacts[alice.name])
	c.finish(t, task, "completed")
	require.Equal(t, sequence(entered, "reservation.created", "reservation.accepted", "reservation.completed", "task.completed"), c.events(t, task))
	s.runEnds(t, task)
}

// callbackDequeues: the application says how the agent is to be rung.
func callbackDequeues(t *testing.T, s *system) {
	app := newReceiver(t, s.AuthToken)
	url := app.on("/assignment", http.StatusOK, `{"instruction":"dequeue","from":"+15550199","to":"client:desk"}`)
	c := newCenter(t, s, plan{agents: []agentPlan{alice}, callback: url, wrapUp: 1})
	caller := c.customer(t, keySupport, keyEnglish)
	agent := c.phone.rings(t, "client:desk")
	require.Equal(t, "+15550199", agent.now(t).From)
	c.phone.silent(t, c.contacts[alice.name])
	agent.do(t, "answer")
	task := *c.onlyTask(t).Sid
	c.talk(t, task, caller, agent)
	agent.do(t, "hangup")
	c.becomes(t, task, "completed")
	require.Len(t, app.requests(t, "/assignment"), 1)
	s.runEnds(t, task)
}

// callbackFallsBack: the first URL fails, the second one answers.
func callbackFallsBack(t *testing.T, s *system) {
	app := newReceiver(t, s.AuthToken)
	c := newCenter(t, s, plan{
		agents:   []agentPlan{alice, daichi},
		callback: app.on("/assignment", http.StatusInternalServerError, ""),
		fallback: app.on("/fallback", http.StatusOK, `{"instruction":"reject","activity_sid":"none of ours"}`),
	})
	task := c.newTask(t, supportTask)
	// Both decline, in turns, until the application changes its mind.
	until(t, "several offers were declined", func() bool { return len(app.requests(t, "/fallback")) >= 3 })
	app.on("/fallback", http.StatusOK, `{"instruction":"accept"}`)
	c.becomes(t, task, "assigned")
	c.finish(t, task, "completed")
	types := c.events(t, task)
	require.NotContains(t, types, "reservation.canceled")
	require.Contains(t, types, "reservation.rejected")
	require.Len(t, app.requests(t, "/fallback"), len(app.requests(t, "/assignment")))
	s.runEnds(t, task)
}

// callbackFails: both URLs fail, so the offer is withdrawn and made again, each
// time a little later.
func callbackFails(t *testing.T, s *system) {
	app := newReceiver(t, s.AuthToken)
	c := newCenter(t, s, plan{
		agents:   []agentPlan{alice},
		callback: app.on("/assignment", http.StatusInternalServerError, ""),
		fallback: app.on("/fallback", http.StatusNotFound, ""),
	})
	task := c.newTask(t, supportTask)
	until(t, "three offers failed", func() bool {
		return count(c.events(t, task), "reservation.canceled") >= 3
	})
	app.on("/fallback", http.StatusOK, `{"instruction":"accept"}`)
	c.becomes(t, task, "assigned")
	c.finish(t, task, "completed")

	var pauses []time.Duration
	var withdrawn time.Time
	for _, e := range c.log(t, task) {
		at := time.UnixMilli(*e.EventDateMs)
		switch *e.EventType {
		case "reservation.canceled":
			withdrawn = at
		case "reservation.created":
			if !withdrawn.IsZero() {
				pauses = append(pauses, at.Sub(withdrawn))
			}
		}
	}
	t.Log("pauses between offers:", pauses)
	for i, least := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
		require.GreaterOrEqual(t, pauses[i], least)
		require.Less(t, pauses[i], 2*least+30*time.Second)
	}
	offers := len(c.offers(t, task))
	require.Len(t, app.requests(t, "/assignment"), offers, "each URL is asked once an offer")
	require.Len(t, app.requests(t, "/fallback"), offers)
	// The agent is not to blame.
	w, err := c.rest.FetchWorker(c.ws, c.agents[alice.name])
	require.NoError(t, err)
	require.Equal(t, c.available, *w.ActivitySid)
	c.idle(t, alice)
	s.runEnds(t, task)
}

func count(list []string, what string) int {
	n := 0
	for i := range slices.Values(list) {
		if i == what {
			n++
		}
	}
	return n
}
