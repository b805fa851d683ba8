package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/activities"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workflows"
)

// plan is what differs between the contact centres of the scenarios.
type plan struct {
	// agents have a name and skills; see the variables below.
	agents []agentPlan
	// patience is how long only the best suited agents are tried, in seconds;
	// 0 leaves the Task with them.
	patience int
	// lastTimeout ends the wait at the last target, in seconds; 0 never.
	lastTimeout int
	// reservationTimeout in seconds; 0 is the default, two minutes.
	reservationTimeout int
	// callback and fallback are the assignment callback URLs.
	callback, fallback string
	// wrapUp is the after-call work in seconds; 0 lets it last.
	wrapUp int
	// manual leaves the phones of agents to REST clients.
	manual bool
	// noPhone is a center without telephones.
	noPhone bool
}

// agentPlan is an agent in the making.
type agentPlan struct{ name, skills string }

// The agents. Their skills overlap, so that who gets a call shows the rules at
// work.
var (
	alice  = agentPlan{"Alice", `"departments":["support"],"languages":["en"],"level":1`}
	bob    = agentPlan{"Bob", `"departments":["sales"],"languages":["en"],"level":1`}
	chiyo  = agentPlan{"Chiyo", `"departments":["support","sales"],"languages":["ja"],"level":3`}
	daichi = agentPlan{"Daichi", `"departments":["support"],"languages":["en","ja"],"level":2`}
)

// What callers of a center hear, and the keys they press.
const (
	askDepartment = "For support, press 1. For sales, press 2."
	askLanguage   = "For English, press 1. For Japanese, press 2."
	holdTheLine   = "Please hold."
	farewell      = "Thank you for calling."

	keySupport, keySales     = "1", "2"
	keyEnglish, keyJapanese  = "1", "2"
	supportQueue, salesQueue = "Support", "Sales"
	everyoneQueue            = "Everyone"
)

const menuText = `{
  "start": "department",
  "steps": {
    "department": {"say": "` + askDepartment + `", "timeout": 30, "tries": 3, "invalid": "No such choice.",
      "choices": {"1": {"set": {"department": "support"}, "next": "language"}, "2": {"set": {"department": "sales"}, "next": "language"}}},
    "language": {"say": "` + askLanguage + `", "timeout": 30, "tries": 2,
      "choices": {"1": {"set": {"language": "en"}}, "2": {"set": {"language": "ja"}}}}
  },
  "attributes": {"line": "e2e"},
  "waiting": {"say": "` + holdTheLine + `"},
  "goodbye": "` + farewell + `"
}`

// center is a contact centre: a Workspace with queues, a Workflow, agents and a
// phone number with a menu.
type center struct {
	*system
	ws, number         string
	available, offline string
	workflow           string
	queues             map[string]string
	agents, contacts   map[string]string
}

// newCenter makes a contact centre with the official client library.
func newCenter(t *testing.T, s *system, p plan) *center {
	t.Helper()
	n := s.unique()
	c := &center{system: s, number: fmt.Sprintf("+1555%07d", n), queues: map[string]string{}, agents: map[string]string{}, contacts: map[string]string{}}
	ws, err := s.rest.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName(fmt.Sprintf("Center %d", n)).SetMultiTaskEnabled(true))
	require.NoError(t, err)
	c.ws = *ws.Sid
	activities, err := s.rest.ListActivity(c.ws, &api.ListActivityParams{})
	require.NoError(t, err)
	for _, a := range activities {
		switch {
		case *a.Available:
			c.available = *a.Sid
		case *a.FriendlyName == "Offline":
			c.offline = *a.Sid
		}
	}
	for _, q := range []struct{ name, expression string }{
		{supportQueue, "departments HAS 'support'"},
		{salesQueue, `cel:worker.departments.exists(d, d == "sales")`},
		{everyoneQueue, "1==1"},
	} {
		made, err := s.rest.CreateTaskQueue(c.ws, (&api.CreateTaskQueueParams{}).SetFriendlyName(q.name).SetTargetWorkers(q.expression))
		require.NoError(t, err)
		c.queues[q.name] = *made.Sid
	}
	params := (&api.CreateWorkflowParams{}).SetFriendlyName("Departments").SetConfiguration(c.configuration(p))
	if p.reservationTimeout > 0 {
		params.SetTaskReservationTimeout(p.reservationTimeout)
	}
	if p.callback != "" {
		params.SetAssignmentCallbackUrl(p.callback).SetFallbackAssignmentCallbackUrl(p.fallback)
	}
	wf, err := s.rest.CreateWorkflow(c.ws, params)
	require.NoError(t, err)
	c.workflow = *wf.Sid
	for _, a := range p.agents {
		c.hire(t, a)
	}
	if p.noPhone {
		return c
	}
	form := url.Values{
		"FriendlyName": {"Line"}, "PhoneNumbers": {c.number}, "WorkflowSid": {c.workflow},
		"Menu": {menuText}, "WrapUp": {strconv.Itoa(p.wrapUp)},
	}
	if p.manual {
		form.Set("Instruction", "none")
	}
	r := s.web.post(t, "/v1/Workspaces/"+c.ws+"/CallQueues", form)
	require.Equal(t, http.StatusCreated, r.status, r.body)
	return c
}

// configuration sends a Task to its department: at first to those who speak its
// language, the best first, then to everybody.
func (c *center) configuration(p plan) string {
	timeout, then := "", ""
	if p.patience > 0 {
		timeout = fmt.Sprintf(`,"timeout":%d`, p.patience)
		then = fmt.Sprintf(`,{"queue":%q,"priority":20`, c.queues[everyoneQueue])
		if p.lastTimeout > 0 {
			then += fmt.Sprintf(`,"timeout":%d`, p.lastTimeout)
		}
		then += "}"
	}
	return fmt.Sprintf(`{"task_routing":{"filters":[
	 {"filter_friendly_name":"Support","expression":"department == 'support'","targets":[
	  {"queue":%q,"priority":10,"expression":"task.language IN worker.languages","order_by":"worker.level DESC"%s}%s]},
	 {"filter_friendly_name":"Sales","expression":"cel:task.department == \"sales\" && has(task.language)","targets":[
	  {"queue":%q,"priority":5,"expression":"cel:task.language in worker.languages"%s}%s]}],
	 "default_filter":{"queue":%q}}}`,
		c.queues[supportQueue], timeout, then, c.queues[salesQueue], timeout, then, c.queues[everyoneQueue])
}

// hire adds an agent who is ready for work.
func (c *center) hire(t *testing.T, a agentPlan) string {
	t.Helper()
	contact := fmt.Sprintf("client:%s.%s", a.name, c.number[1:])
	w, err := c.rest.CreateWorker(c.ws, (&api.CreateWorkerParams{}).SetFriendlyName(a.name).SetActivitySid(c.available).
		SetAttributes(fmt.Sprintf(`{%s,"contact_uri":%q}`, a.skills, contact)))
	require.NoError(t, err)
	c.agents[a.name], c.contacts[a.name] = *w.Sid, contact
	return *w.Sid
}

// newTask creates a Task over REST.
func (c *center) newTask(t *testing.T, attributes string, change ...func(*api.CreateTaskParams)) string {
	t.Helper()
	params := (&api.CreateTaskParams{}).SetWorkflowSid(c.workflow).SetAttributes(attributes)
	for _, f := range change {
		f(params)
	}
	task, err := c.rest.CreateTask(c.ws, params)
	require.NoError(t, err)
	require.Equal(t, "pending", *task.AssignmentStatus)
	return *task.Sid
}

// task reads a Task.
func (c *center) task(t *testing.T, sid string) *api.TaskrouterV1Task {
	t.Helper()
	task, err := c.rest.FetchTask(c.ws, sid)
	require.NoError(t, err)
	return task
}

// becomes waits until a Task has a status.
func (c *center) becomes(t *testing.T, sid, status string) *api.TaskrouterV1Task {
	t.Helper()
	var task *api.TaskrouterV1Task
	await(t, "task becomes "+status, func() (string, bool) {
		task = c.task(t, sid)
		return *task.AssignmentStatus, *task.AssignmentStatus == status
	})
	return task
}

// onlyTask waits for the one Task of the center.
func (c *center) onlyTask(t *testing.T) *api.TaskrouterV1Task {
	t.Helper()
	tasks := await(t, "the call has become a task", func() ([]api.TaskrouterV1Task, bool) {
		list, err := c.rest.ListTask(c.ws, &api.ListTaskParams{})
		require.NoError(t, err)
		return list, len(list) > 0
	})
	require.Len(t, tasks, 1)
	return &tasks[0]
}

// offers lists a Task's Reservations, oldest first.
func (c *center) offers(t *testing.T, task string) []api.TaskrouterV1TaskReservation {
	t.Helper()
	list, err := c.rest.ListTaskReservation(c.ws, task, &api.ListTaskReservationParams{})
	require.NoError(t, err)
	return list
}

// offered waits for an open offer to an agent.
func (c *center) offered(t *testing.T, task string, to agentPlan) string {
	t.Helper()
	return await(t, "offered to "+to.name, func() (string, bool) {
		list := c.offers(t, task)
		for _, r := range list {
			if *r.ReservationStatus == "pending" && *r.WorkerSid == c.agents[to.name] {
				return *r.Sid, true
			}
		}
		return fmt.Sprint(statuses(list)), false
	})
}

func statuses(list []api.TaskrouterV1TaskReservation) []string {
	var out []string
	for _, r := range list {
		out = append(out, *r.WorkerName+" "+*r.ReservationStatus)
	}
	return out
}

// answer moves a Reservation on.
func (c *center) answer(t *testing.T, task, reservation, status string) {
	t.Helper()
	r, err := c.rest.UpdateTaskReservation(c.ws, task, reservation, (&api.UpdateTaskReservationParams{}).SetReservationStatus(status))
	require.NoError(t, err)
	require.Equal(t, status, *r.ReservationStatus)
}

// finish moves a Task on.
func (c *center) finish(t *testing.T, task, status string) {
	t.Helper()
	_, err := c.rest.UpdateTask(c.ws, task, (&api.UpdateTaskParams{}).SetAssignmentStatus(status))
	require.NoError(t, err)
}

// events lists the types of a Task's events, oldest first.
func (c *center) events(t *testing.T, task string) []string {
	t.Helper()
	var out []string
	for _, e := range c.log(t, task) {
		out = append(out, *e.EventType)
	}
	return out
}

// log lists a Task's events, oldest first.
func (c *center) log(t *testing.T, task string) []api.TaskrouterV1Event {
	t.Helper()
	list, err := c.rest.ListEvent(c.ws, (&api.ListEventParams{}).SetTaskSid(task))
	require.NoError(t, err)
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// idle makes sure that an agent carries nothing.
func (c *center) idle(t *testing.T, a agentPlan) {
	t.Helper()
	channels, err := c.rest.ListWorkerChannel(c.ws, c.agents[a.name], &api.ListWorkerChannelParams{})
	require.NoError(t, err)
	for _, ch := range channels {
		require.Zero(t, ch.AssignedTasks, "%s on %s", a.name, *ch.TaskChannelUniqueName)
		require.Equal(t, 100, ch.AvailableCapacityPercentage, "%s on %s", a.name, *ch.TaskChannelUniqueName)
	}
}

// customer is a caller who has gone through the menu and waits
// on the line.
func (c *center) customer(t *testing.T, department, language string) call {
	t.Helper()
	caller := c.phone.dial(t, fmt.Sprintf("+1777%07d", c.unique()), c.number)
	caller.press(t, askDepartment, department)
	caller.press(t, askLanguage, language)
	caller.hears(t, holdTheLine)
	return caller
}

// talk waits until caller and agent hear each other and the router knows it: a
// party who leaves before is one who was never connected.
func (c *center) talk(t *testing.T, task string, caller, agent call) {
	t.Helper()
	talks(t, caller, agent)
	await(t, "the join is confirmed", func() (workflows.State, bool) {
		var s workflows.State
		answer, err := c.temporal.QueryWorkflow(t.Context(), workflows.TaskID(task), "", workflows.QueryState)
		if err != nil {
			return s, false
		}
		require.NoError(t, answer.Get(&s))
		return s, slices.ContainsFunc(s.View.Legs, func(l activities.Leg) bool { return l.State == taskrouter.LegJoined })
	})
}
