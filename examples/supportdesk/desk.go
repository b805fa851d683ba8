package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/examples/setup"
)

// menu asks for the department, then for the language.
const menu = `{
  "language": "en-US",
  "start": "department",
  "steps": {
    "department": {
      "say": "Welcome. For support, press 1. For sales, press 2.",
      "invalid": "Sorry, that is not one of the choices.",
      "timeout": 10,
      "choices": {
        "1": {"set": {"department": "support"}, "next": "language"},
        "2": {"set": {"department": "sales"}, "next": "language"}
      }
    },
    "language": {
      "say": "For English, press 1. For Japanese, press 2.",
      "timeout": 10,
      "choices": {
        "1": {"set": {"language": "en"}},
        "2": {"set": {"language": "ja"}}
      },
      "default": {"set": {"language": "en"}}
    }
  },
  "waiting": {"say": "Please hold. An agent will be with you shortly."},
  "goodbye": "Thank you for calling."
}`

// skills are the attributes of an agent. The router rings contact_uri.
type skills struct {
	Departments []string `json:"departments"`
	Languages   []string `json:"languages"`
	Level       int      `json:"level"`
	Contact     string   `json:"contact_uri"`
}

// agents of the desk. Only Chiyo does support in Japanese.
var agents = map[string]skills{
	"Alice":  {[]string{"support"}, []string{"en"}, 2, "client:desk.alice"},
	"Bob":    {[]string{"sales"}, []string{"en"}, 1, "client:desk.bob"},
	"Chiyo":  {[]string{"support", "sales"}, []string{"en", "ja"}, 3, "client:desk.chiyo"},
	"Daichi": {[]string{"sales"}, []string{"en", "ja"}, 1, "client:desk.daichi"},
}

// desk is the support desk.
type desk struct {
	*setup.Workspace
	options
	phones phones
	story  *setup.Story
	sids   map[string]string
}

// open sets up the desk, or finds what an earlier run has set up.
func open(ctx context.Context, r *setup.Router, o options, story *setup.Story) (*desk, error) {
	ws, err := r.Workspace(o.workspace)
	if err != nil {
		return nil, err
	}
	d := &desk{Workspace: ws, options: o, phones: phones{r}, story: story, sids: map[string]string{}}
	if err := ws.Clear(); err != nil {
		return nil, err
	}
	workflow, err := d.route()
	if err != nil {
		return nil, err
	}
	for name, a := range agents {
		if d.sids[name], err = ws.Agent(name, setup.Available, a); err != nil {
			return nil, err
		}
	}
	return d, d.line(ctx, workflow)
}

// route makes a queue for each department and language, and the rules that lead
// there. Who waits longer than 20 seconds becomes more urgent and may be helped
// by anybody.
func (d *desk) route() (string, error) {
	everybody, err := d.Queue("Everybody", "1==1", 1)
	if err != nil {
		return "", err
	}
	var filters []setup.Filter
	for _, department := range []string{"support", "sales"} {
		for _, language := range []string{"en", "ja"} {
			name := department + "-" + language
			queue, err := d.Queue(name, fmt.Sprintf("departments HAS '%s' AND languages HAS '%s'", department, language), 1)
			if err != nil {
				return "", err
			}
			filters = append(filters, setup.Filter{
				Name: name, Expression: fmt.Sprintf("department == '%s' AND language == '%s'", department, language),
				Targets: []setup.Target{
					{Queue: queue, Priority: 10, Timeout: 20, OrderBy: "worker.level DESC"},
					{Queue: everybody, Priority: 20},
				},
			})
		}
	}
	return d.Route(setup.Workflow{Name: "Departments and languages", Filters: filters, Default: setup.Target{Queue: everybody}, OfferSeconds: 30})
}

// line ties the phone number to the menu and the Workflow. Call queues are an
// addition to the TaskRouter API, so that the library does not know them.
func (d *desk) line(ctx context.Context, workflow string) error {
	form := url.Values{
		"FriendlyName": {"Desk"}, "PhoneNumbers": {d.number}, "WorkflowSid": {workflow},
		"Menu": {menu}, "WrapUp": {strconv.Itoa(d.wrapUp)},
	}
	var list struct {
		CallQueues []struct {
			SID  string `json:"sid"`
			Name string `json:"friendly_name"`
		} `json:"call_queues"`
	}
	if err := d.Get(ctx, d.Path("CallQueues"), &list); err != nil {
		return err
	}
	for _, q := range list.CallQueues {
		if q.Name == "Desk" {
			return d.Post(ctx, d.Path("CallQueues/"+q.SID), form, nil)
		}
	}
	return d.Post(ctx, d.Path("CallQueues"), form, nil)
}

// close leaves no Task behind; everybody still on the phone is disconnected.
func (d *desk) close() error { return d.Clear() }

// customer is somebody on the line and the Task that their call has become.
type customer struct{ name, call, task string }

// caller dials, goes through the menu and waits.
func (d *desk) caller(ctx context.Context, name, number string) (customer, error) {
	sid, err := d.phones.dial(ctx, number, d.number)
	if err != nil {
		return customer{}, err
	}
	c := customer{name: name, call: sid}
	for _, key := range []string{"1", "2"} { // support, Japanese
		prompt, err := d.phones.press(ctx, d.patience, sid, key)
		if err != nil {
			return c, err
		}
		d.story.Say("%s hears “%s” and presses %s", name, prompt, key)
	}
	task, err := d.taskOf(ctx, sid)
	if err != nil {
		return c, err
	}
	c.task = *task.Sid
	var a struct{ Department, Language string }
	if err := json.Unmarshal([]byte(*task.Attributes), &a); err != nil {
		return c, err
	}
	d.story.Say("%s's call is a task: %s, %s, in queue %s with priority %d", name, a.Department, a.Language, *task.TaskQueueFriendlyName, task.Priority)
	return c, nil
}

// taskOf waits for the Task of a call.
func (d *desk) taskOf(ctx context.Context, call string) (task api.TaskrouterV1Task, err error) {
	which := (&api.ListTaskParams{}).SetEvaluateTaskAttributes(fmt.Sprintf("call_sid == '%s'", call))
	err = setup.Await(ctx, d.patience, "the call is a task", func() (bool, error) {
		list, err := d.ListTask(d.SID, which)
		if err != nil || len(list) == 0 {
			return false, err
		}
		task = list[0]
		return true, nil
	})
	return task, err
}

// rings waits until an agent's phone rings, and returns that call.
func (d *desk) rings(ctx context.Context, agent string) (sid string, err error) {
	err = setup.Await(ctx, d.patience, agent+"'s phone rings", func() (bool, error) {
		calls, err := d.phones.calls(ctx)
		i := slices.IndexFunc(calls, func(c call) bool { return c.To == agents[agent].Contact && c.State == "ringing" })
		if i >= 0 {
			sid = calls[i].SID
		}
		return i >= 0, err
	})
	if err == nil {
		d.story.Say("%s's phone rings", agent)
	}
	return sid, err
}

// answer makes an agent pick up the call to their phone. That accepts the
// reservation and puts both into one room.
func (d *desk) answer(ctx context.Context, c customer, agent, ringing string) error {
	if err := d.phones.do(ctx, ringing, "answer"); err != nil {
		return err
	}
	d.story.Say("%s answers", agent)
	err := setup.Await(ctx, d.patience, "both hear each other", func() (bool, error) {
		now, err := d.phones.call(ctx, c.call)
		return now.Bridged && slices.Contains(now.Peers, ringing), err
	})
	if err != nil {
		return err
	}
	if err := d.becomes(ctx, c.task, "assigned"); err != nil {
		return err
	}
	d.story.Say("%s and %s talk", c.name, agent)
	return nil
}

// becomes waits until a Task has a status.
func (d *desk) becomes(ctx context.Context, task, status string) error {
	return setup.Await(ctx, d.patience, "the task is "+status, func() (bool, error) {
		t, err := d.FetchTask(d.SID, task)
		return err == nil && *t.AssignmentStatus == status, err
	})
}
