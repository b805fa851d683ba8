package e2e

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/dev"
)

// TestTemporalIsDown: requests are answered and agents get their work while
// Temporal is away; what it has to do is done later. Only a backlog above the
// configured one is refused.
func TestTemporalIsDown(t *testing.T) {
	t.Parallel()
	for _, database := range []string{sqlite, postgres} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			const backlog = 6
			var way *gate
			s := startSystem(t, database, func(o *dev.Options) {
				way = newGate(t, o.TemporalAddress)
				o.TemporalAddress = way.address
				o.Change = func(c *config.Config) { c.Limits.MaxBacklog = backlog }
			})
			app := newReceiver(t, s.AuthToken)
			c := newCenter(t, s, plan{agents: []agentPlan{alice}})
			called := newCenter(t, s, plan{agents: []agentPlan{alice}, callback: app.on("/assignment", http.StatusOK, `{"instruction":"accept"}`)})

			done := c.newTask(t, supportTask)
			c.answer(t, done, c.offered(t, done, alice), "accepted")
			c.finish(t, done, "completed")
			waiting := called.newTask(t, supportTask)
			called.offered(t, waiting, alice)
			require.Empty(t, app.requests(t, "/assignment"), "nobody is there to make the callback")

			// More and more is left to do, until new work is refused.
			tasks := []string{done}
			refused := await(t, "new work is refused", func() (reply, bool) {
				r := s.web.post(t, "/v1/Workspaces/"+c.ws+"/Tasks", url.Values{"WorkflowSid": {c.workflow}, "Attributes": {supportTask}})
				if r.status == http.StatusCreated {
					var made struct{ Sid string }
					r.decode(t, &made)
					tasks = append(tasks, made.Sid)
				} else {
					require.Equal(t, http.StatusServiceUnavailable, r.status, r.body)
				}
				return r, r.status == http.StatusServiceUnavailable
			})
			require.NotEmpty(t, refused.header.Get("Retry-After"))
			require.Greater(t, len(tasks), backlog-2)
			// What is there already goes on all the same.
			last := await(t, "an agent gets the next task", func() (string, bool) {
				for _, task := range tasks[1:] {
					if *c.task(t, task).AssignmentStatus == "reserved" {
						return task, true
					}
				}
				return "", false
			})
			c.answer(t, last, c.offered(t, last, alice), "accepted")

			way.open(t)
			called.becomes(t, waiting, "assigned")
			called.finish(t, waiting, "completed")
			until(t, "new work is taken again", func() bool {
				r := s.web.post(t, "/v1/Workspaces/"+c.ws+"/Tasks", url.Values{"WorkflowSid": {c.workflow}, "Attributes": {supportTask}})
				if r.status == http.StatusCreated {
					var made struct{ Sid string }
					r.decode(t, &made)
					tasks = append(tasks, made.Sid)
				}
				return r.status == http.StatusCreated
			})
			for _, task := range tasks {
				switch *c.task(t, task).AssignmentStatus {
				case "pending", "reserved":
					c.finish(t, task, "canceled")
				case "assigned":
					c.finish(t, task, "completed")
				}
				s.runEnds(t, task)
			}
			s.runEnds(t, waiting)
			require.Len(t, app.requests(t, "/assignment"), 1)
			c.idle(t, alice)
		})
	}
}
