package e2e

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/internal/dev"
)

// TestRestart: the system as it comes on one machine is told to stop while work
// is under way, and goes on from there when it is started again on the same
// folder.
func TestRestart(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "env")
	boot := func() (*process, *system) {
		p := start(t, nil, "taskrouter", "dev", "--data", data, "--listen", "127.0.0.1:0", "--no-ui", "--env-file", file)
		env := p.environment(t, file)
		require.NoError(t, os.Remove(file))
		s := &system{System: &dev.System{AccountSID: env["TASKROUTER_ACCOUNT_SID"], AuthToken: env["TASKROUTER_AUTH_TOKEN"], Namespace: env["TEMPORAL_NAMESPACE"]}, database: "file"}
		s.connect(t, env["TASKROUTER_URL"], s.AccountSID, s.AuthToken)
		s.temporal = dialTemporal(t, env["TEMPORAL_ADDRESS"], s.Namespace)
		return p, s
	}

	p, s := boot()
	c := newCenter(t, s, plan{agents: []agentPlan{alice, bob}, patience: 20, reservationTimeout: 22})
	assigned := c.newTask(t, supportTask)
	c.answer(t, assigned, c.offered(t, assigned, alice), "accepted")
	reserved := c.newTask(t, `{"department":"sales","language":"en"}`)
	c.offered(t, reserved, bob)
	escalating := c.newTask(t, `{"department":"sales","language":"ja"}`)
	expiring := c.newTask(t, `{"department":"support","language":"ja"}`, func(p *api.CreateTaskParams) { p.SetTimeout(15) })
	wrapping := c.newTask(t, `{"department":"support","language":"ja"}`)
	tasks := []string{assigned, reserved, escalating, expiring, wrapping}
	for _, task := range tasks {
		s.describeRun(t, task)
	}
	p.terminate(t)
	stopped := time.Now()

	p, again := boot()
	require.Equal(t, s.AccountSID, again.AccountSID)
	require.Equal(t, s.AuthToken, again.AuthToken)
	c.system = again
	require.Equal(t, "assigned", *c.task(t, assigned).AssignmentStatus)
	require.Equal(t, "Task TTL Exceeded", *c.becomes(t, expiring, "canceled").Reason)
	until(t, "the task is escalated", func() bool { return *c.task(t, escalating).TaskQueueFriendlyName == everyoneQueue })
	until(t, "the offer has timed out", func() bool { return *c.offers(t, reserved)[0].ReservationStatus == "timeout" })
	w, err := c.rest.FetchWorker(c.ws, c.agents[bob.name])
	require.NoError(t, err)
	require.Equal(t, c.offline, *w.ActivitySid)
	fired := 0
	for _, e := range append(c.log(t, expiring), c.log(t, escalating)...) {
		if time.UnixMilli(*e.EventDateMs).After(stopped) {
			fired++
		}
	}
	t.Logf("%d events of timers that were set before the restart", fired)
	require.NotZero(t, fired)
	c.finish(t, assigned, "completed")
	next := c.newTask(t, supportTask)
	for _, task := range append(tasks[1:], next) {
		if s := *c.task(t, task).AssignmentStatus; s == "pending" || s == "reserved" {
			c.finish(t, task, "canceled")
		}
	}
	for _, task := range append(tasks, next) {
		c.runEnds(t, task)
	}
	c.idle(t, alice)
	c.idle(t, bob)
	p.terminate(t)
}
