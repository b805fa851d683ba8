package e2e

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/internal/pgtest"
)

// TestPostgresIsDown: while the database is away clients are told to come back,
// callers are kept on the line, and durable runs wait. Nothing is lost.
func TestPostgresIsDown(t *testing.T) {
	t.Parallel()
	cluster := pgtest.StartCluster(t)
	s := startSystem(t, "postgres of its own", func(o *dev.Options) { o.Database = cluster.Database(t) })
	c := newCenter(t, s, plan{agents: []agentPlan{daichi}, patience: 4})
	offered := c.newTask(t, supportTask)
	offer := c.offered(t, offered, daichi)
	moving := c.newTask(t, `{"department":"sales","language":"en"}`)
	expiring := c.newTask(t, `{}`, func(p *api.CreateTaskParams) { p.SetTimeout(3) })
	s.describeRun(t, expiring)

	cluster.Kill(t)
	form := url.Values{"WorkflowSid": {c.workflow}, "Attributes": {supportTask}}
	for _, r := range []reply{
		s.web.post(t, "/v1/Workspaces/"+c.ws+"/Tasks", form),
		s.web.get(t, "/v1/Workspaces/"+c.ws+"/Tasks/"+offered),
		s.web.post(t, "/v1/Workspaces/"+c.ws+"/Tasks/"+offered+"/Reservations/"+offer, url.Values{"ReservationStatus": {"accepted"}}),
	} {
		require.Equal(t, http.StatusServiceUnavailable, r.status, r.body)
		require.NotEmpty(t, r.header.Get("Retry-After"))
		require.NotContains(t, r.body, "postgres")
	}
	require.Equal(t, http.StatusServiceUnavailable, s.web.get(t, "/readyz").status)
	require.Equal(t, http.StatusOK, s.web.get(t, "/healthz").status, "restarting this process would not help")
	caller := c.phone.dial(t, "+17775550199", c.number)
	until(t, "the caller is asked to wait", func() bool { return caller.now(t).State == "answered" })

	cluster.Resume(t)
	until(t, "the system is ready", func() bool { return s.web.get(t, "/readyz").status == http.StatusOK })
	task := await(t, "new work is taken again", func() (string, bool) {
		r := s.web.post(t, "/v1/Workspaces/"+c.ws+"/Tasks", form)
		var made struct{ Sid string }
		r.decode(t, &made)
		return made.Sid, r.status == http.StatusCreated
	})
	require.Equal(t, "reserved", *c.task(t, offered).AssignmentStatus, "the offer was not accepted")
	c.answer(t, offered, offer, "accepted")
	caller.hears(t, askDepartment)
	caller.do(t, "hangup")
	require.Equal(t, "Task TTL Exceeded", *c.becomes(t, expiring, "canceled").Reason)
	until(t, "the task has moved on", func() bool { return *c.task(t, moving).TaskQueueFriendlyName == everyoneQueue })
	c.finish(t, offered, "completed")
	for _, sid := range []string{task, moving} {
		c.finish(t, sid, "canceled")
	}
	for _, sid := range []string{offered, moving, expiring, task} {
		s.runEnds(t, sid)
	}
	c.idle(t, daichi)
}
