package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdkworker "go.temporal.io/sdk/worker"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/wire"
	"github.com/taskrouter/taskrouter/workflows"
	"github.com/taskrouter/taskrouter/workflows/workflowstest"
)

// audience is a customer's application that receives events.
type audience struct {
	server *httptest.Server

	mu sync.Mutex
	// deaf refuses everything with 503; picky refuses with 400.
	deaf, picky bool
	got         []heard
	refused     int
	faults      []string
}

// heard is an event as it arrived.
type heard struct {
	id, typ, task, worker string
	form                  url.Values
}

// newAudience starts an application that knows the account's token.
func newAudience(t *testing.T, token string) *audience {
	t.Helper()
	a := &audience{}
	validator := client.NewRequestValidator(token)
	a.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the sender went away
		}
		form, _ := url.ParseQuery(string(body))
		params := map[string]string{}
		for k := range form {
			params[k] = form.Get(k)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		id := req.Header.Get(wire.WebhookIDHeader)
		at, _ := strconv.ParseInt(req.Header.Get(wire.WebhookTimestampHeader), 10, 64)
		if !validator.Validate(a.server.URL+req.URL.RequestURI(), params, req.Header.Get(wire.SignatureHeader)) {
			a.faults = append(a.faults, "X-Twilio-Signature of "+id)
		}
		if wire.SignWebhook(id, time.Unix(at, 0), body, token) != req.Header.Get(wire.WebhookSignatureHeader) || id != form.Get("Sid") {
			a.faults = append(a.faults, "webhook-signature of "+id)
		}
		switch {
		case a.deaf:
			a.refused++
			w.WriteHeader(http.StatusServiceUnavailable)
		case a.picky:
			a.refused++
			w.WriteHeader(http.StatusBadRequest)
		default:
			a.got = append(a.got, heard{id: id, typ: form.Get("EventType"), task: form.Get("TaskSid"), worker: form.Get("WorkerSid"), form: form})
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	t.Cleanup(a.server.Close)
	return a
}

func (a *audience) mood(deaf, picky bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deaf, a.picky = deaf, picky
}

// heard lists what arrived, each event once, and how many were refused.
func (a *audience) heard(t *testing.T) (all []heard, refused int) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	require.Empty(t, a.faults)
	seen := map[string]bool{}
	for _, h := range a.got {
		if !seen[h.id] {
			all = append(all, h)
		}
		seen[h.id] = true
	}
	return all, a.refused
}

// of lists the types of the events of one Task that arrived, in order.
func of(all []heard, task string) []string {
	var out []string
	for _, h := range all {
		if h.task == task {
			out = append(out, h.typ)
		}
	}
	return out
}

// told reports whether an event of a type arrived.
func told(all []heard, typ string) bool {
	return slices.ContainsFunc(all, func(h heard) bool { return h.typ == typ })
}

// listens sets the callback URL of a center.
func (c *center) listens(t *testing.T, target, filter string) {
	t.Helper()
	_, err := c.rest.UpdateWorkspace(c.ws, (&api.UpdateWorkspaceParams{}).SetEventCallbackUrl(target).SetEventsFilter(filter))
	require.NoError(t, err)
}

// hears waits until an audience has heard of a Task what the event log says.
func (a *audience) hears(t *testing.T, c *center, task string) {
	t.Helper()
	await(t, "the events of "+task+" arrive", func() ([]string, bool) {
		all, _ := a.heard(t)
		return of(all, task), len(of(all, task)) >= len(c.events(t, task))
	})
	all, _ := a.heard(t)
	require.Equal(t, c.events(t, task), of(all, task), "in the order of the log")
}

// deliveryRun is what an operator sees of the durable run of a Workspace.
func (s *system) deliveryRun(t *testing.T, ws string) enumspb.WorkflowExecutionStatus {
	t.Helper()
	d, err := s.temporal.DescribeWorkflowExecution(context.Background(), workflows.DeliveryID(ws), "")
	require.NoError(t, err)
	return d.GetWorkflowExecutionInfo().GetStatus()
}

// TestEventCallbacks sends the events of contact centres to their application.
func TestEventCallbacks(t *testing.T) {
	t.Parallel()
	for _, database := range []string{sqlite, postgres} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			s := startSystem(t, database, func(o *dev.Options) {
				o.Change = func(c *config.Config) { c.Events.CallbackRetries = 5 }
			})
			for _, sc := range []scenario{
				{"order", deliveredInOrder}, {"filter", deliveredFiltered}, {"deaf", deliveredAfterAll}, {"deleted", deliveredToTheEnd},
			} {
				t.Run(sc.name, func(t *testing.T) {
					t.Parallel()
					sc.tell(t, s)
				})
			}
		})
	}
}

// deliveredInOrder: several Tasks at once, each with its events in order.
func deliveredInOrder(t *testing.T, s *system) {
	app := newAudience(t, s.AuthToken)
	c := newCenter(t, s, plan{agents: []agentPlan{alice}})
	c.listens(t, app.server.URL+"/events?tenant=a%20b", "")
	var tasks []string
	for i := range 5 {
		tasks = append(tasks, c.newTask(t, fmt.Sprintf(`{"department":"support","language":"en","n":%d}`, i)))
	}
	for range tasks {
		// Who is offered next is the router's business.
		task := await(t, "a task is offered", func() (string, bool) {
			for _, sid := range tasks {
				if *c.task(t, sid).AssignmentStatus == "reserved" {
					return sid, true
				}
			}
			return "", false
		})
		c.answer(t, task, c.offered(t, task, alice), "accepted")
		c.finish(t, task, "completed")
	}
	for _, task := range tasks {
		app.hears(t, c, task)
	}
	all, refused := app.heard(t)
	require.Zero(t, refused)
	require.True(t, told(all, "workspace.updated"))
	require.False(t, told(all, "worker.created"), "what was before the URL is not sent")
	first := all[slices.IndexFunc(all, func(h heard) bool { return h.task == tasks[0] })].form
	require.Equal(t, []string{s.AccountSID, c.ws, tasks[0], "task"},
		[]string{first.Get("AccountSid"), first.Get("WorkspaceSid"), first.Get("TaskSid"), first.Get("ResourceType")})
	require.JSONEq(t, `{"department":"support","language":"en","n":0}`, first.Get("TaskAttributes"))
	var agent []string
	for _, h := range all {
		if h.worker == c.agents[alice.name] {
			agent = append(agent, h.id)
		}
	}
	log, err := c.rest.ListEvent(c.ws, (&api.ListEventParams{}).SetWorkerSid(c.agents[alice.name]))
	require.NoError(t, err)
	for i := range agent {
		require.Equal(t, *log[len(agent)-1-i].Sid, agent[i], "the agent's events are in order too")
	}

	// The run sleeps; it ends with the URL.
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, s.deliveryRun(t, c.ws))
	s.replayDelivery(t, c.ws, "delivery-asleep")
	c.listens(t, "", "")
	silent := c.newTask(t, supportTask)
	until(t, "the run ends", func() bool { return s.deliveryRun(t, c.ws) == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED })
	all, _ = app.heard(t)
	require.Empty(t, of(all, silent))

	// And it begins again, with what happens from then on.
	c.listens(t, app.server.URL+"/events", "")
	task := c.newTask(t, supportTask)
	app.hears(t, c, task)
	all, _ = app.heard(t)
	require.Empty(t, of(all, silent))
}

// deliveredFiltered: only what the filter names.
func deliveredFiltered(t *testing.T, s *system) {
	app := newAudience(t, s.AuthToken)
	c := newCenter(t, s, plan{agents: []agentPlan{alice}})
	c.listens(t, app.server.URL+"/events", "task.created, reservation.accepted, task.exploded")
	task := c.newTask(t, supportTask)
	c.answer(t, task, c.offered(t, task, alice), "accepted")
	until(t, "both arrive", func() bool { all, _ := app.heard(t); return len(all) >= 2 })
	c.listens(t, app.server.URL+"/events", "task.completed")
	c.finish(t, task, "completed")
	until(t, "the new filter is in force", func() bool { all, _ := app.heard(t); return len(all) >= 3 })
	all, _ := app.heard(t)
	require.Equal(t, []string{"task.created", "reservation.accepted", "task.completed"}, of(all, task))
	require.Len(t, all, 3)
}

// deliveredAfterAll: the application is down for a while, and refuses for
// another. Routing goes on.
func deliveredAfterAll(t *testing.T, s *system) {
	app := newAudience(t, s.AuthToken)
	c := newCenter(t, s, plan{agents: []agentPlan{alice}})
	app.mood(true, false)
	c.listens(t, app.server.URL+"/events", "")
	task := c.newTask(t, supportTask)
	c.answer(t, task, c.offered(t, task, alice), "accepted")
	until(t, "it is tried again", func() bool { _, refused := app.heard(t); return refused >= 4 })
	app.mood(false, false)
	app.hears(t, c, task)
	until(t, "the rest arrives", func() bool { all, _ := app.heard(t); return told(all, "workspace.updated") })

	// What it refuses as wrong is not sent again, and what comes later is.
	app.mood(false, true)
	_, before := app.heard(t)
	c.finish(t, task, "completed")
	until(t, "it was refused", func() bool { _, refused := app.heard(t); return refused >= before+2 })
	app.mood(false, false)
	next := c.newTask(t, supportTask)
	app.hears(t, c, next)
	all, refused := app.heard(t)
	require.NotContains(t, of(all, task), "task.completed")
	require.Equal(t, before+2, refused)
}

// deliveredToTheEnd: the last event of a Workspace arrives although the
// Workspace is gone by then.
func deliveredToTheEnd(t *testing.T, s *system) {
	app := newAudience(t, s.AuthToken)
	c := newCenter(t, s, plan{})
	app.mood(true, false)
	c.listens(t, app.server.URL+"/events", "")
	c.newTask(t, supportTask)
	until(t, "the application is asked", func() bool { _, refused := app.heard(t); return refused > 0 })
	require.NoError(t, c.rest.DeleteWorkspace(c.ws))
	app.mood(false, false)
	until(t, "the end is told", func() bool {
		all, _ := app.heard(t)
		return told(all, "workspace.deleted") && told(all, "task.created")
	})
	until(t, "the run ends", func() bool { return s.deliveryRun(t, c.ws) == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED })
	s.replayDelivery(t, c.ws, "delivery-over")
}

// replayDelivery checks that the history of the last run of a delivery replays.
// With UPDATE_REPLAY set it joins the corpus.
func (s *system) replayDelivery(t *testing.T, ws, name string) {
	t.Helper()
	h, err := workflowstest.History(t.Context(), s.temporal, workflows.DeliveryID(ws))
	require.NoError(t, err)
	scrub(h.ProtoReflect())
	r := sdkworker.NewWorkflowReplayer()
	r.RegisterWorkflow(workflows.Delivery)
	require.NoError(t, r.ReplayWorkflowHistory(logging.ForSDK(zap.NewNop()), h))
	require.Less(t, len(h.GetEvents()), 40, "the history stays short")
	if s.database == sqlite && os.Getenv(recordEnv) != "" {
		require.NoError(t, workflowstest.Save(h, filepath.Join(corpus, name+".json.gz")))
	}
}
