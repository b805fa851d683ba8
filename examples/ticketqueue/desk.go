package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/examples/setup"
)

// The queues.
const (
	firstLine = "First line"
	experts   = "Database experts"
	managers  = "Managers"
)

// channel is the kind of work; an agent does one ticket at a time.
const channel = "ticket"

// skills are the attributes of an agent.
type skills struct {
	Role    string   `json:"role"`
	Skills  []string `json:"skills,omitempty"`
	Refuses []string `json:"refuses,omitempty"`
}

// agents and what they are doing when the day begins.
var agents = map[string]struct {
	skills
	activity string
}{
	"Ana":  {skills{Role: "agent"}, setup.Offline},
	"Ben":  {skills{Role: "agent", Refuses: []string{"refund"}}, setup.Offline},
	"Eve":  {skills{Role: "expert", Skills: []string{"database"}}, setup.Offline},
	"Mona": {skills{Role: "manager"}, setup.Available},
}

// ticket is what a customer wants. All but the priority are attributes.
type ticket struct {
	Subject  string `json:"subject"`
	Topic    string `json:"topic"`
	Contract string `json:"contract,omitempty"`
	Severity string `json:"severity,omitempty"`
	priority int
}

// desk is where tickets are worked on.
type desk struct {
	*setup.Workspace
	options
	story    *setup.Story
	office   *office
	workflow string
	// sids of agents and queues.
	sids map[string]string
	// leftover is the ticket that nobody took at once.
	leftover    ticket
	leftoverSID string
}

// open sets up the desk and starts the agents' program.
func open(r *setup.Router, o options, story *setup.Story) (*desk, error) {
	ws, err := r.Workspace(o.workspace)
	if err != nil {
		return nil, err
	}
	d := &desk{Workspace: ws, options: o, story: story, sids: map[string]string{}}
	if err := ws.Clear(); err != nil {
		return nil, err
	}
	if err := ws.Channel(channel); err != nil {
		return nil, err
	}
	for name, a := range agents {
		if d.sids[name], err = ws.Agent(name, a.activity, a.skills); err != nil {
			return nil, err
		}
	}
	if d.office, err = openOffice(d); err != nil {
		return nil, err
	}
	if err := d.route(); err != nil {
		return nil, errors.Join(err, d.office.close())
	}
	return d, nil
}

// route makes the queues and the rules that lead there.
func (d *desk) route() (err error) {
	for name, expression := range map[string]string{
		firstLine: "role == 'agent'",
		experts:   "skills HAS 'database'",
		managers:  "role == 'manager'",
	} {
		if d.sids[name], err = d.Queue(name, expression, 1); err != nil {
			return err
		}
	}
	d.workflow, err = d.Route(setup.Workflow{
		Name: "Tickets", Callback: d.office.url, OfferSeconds: 30,
		Default: setup.Target{Queue: d.sids[firstLine]},
		Filters: []setup.Filter{
			// Nobody waits for an expert who is not there.
			{Name: "Outages", Expression: "severity == 'critical'", Targets: []setup.Target{
				{Queue: d.sids[experts], Priority: 50, Timeout: 60, SkipIf: "workers.available == 0"},
				{Queue: d.sids[managers], Priority: 100},
			}},
			// Behind others at first, then before them, then elsewhere.
			{Name: "Contracts", Expression: "contract == 'gold'", Targets: []setup.Target{
				{Queue: d.sids[firstLine], Priority: 10, Timeout: d.promise},
				{Queue: d.sids[firstLine], Priority: 40, Timeout: d.promise},
				{Queue: d.sids[managers], Priority: 90},
			}},
			// All others keep the priority they were created with.
			{Name: "Tickets", Expression: "1==1", Targets: []setup.Target{
				{Queue: d.sids[firstLine], Timeout: 600},
				{Queue: d.sids[managers], Priority: 50},
			}},
		},
	})
	return err
}

// close stops the agents' program and leaves no ticket behind.
func (d *desk) close() error { return errors.Join(d.office.close(), d.Clear()) }

// create makes a ticket.
func (d *desk) create(t ticket) (string, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	task, err := d.CreateTask(d.SID, (&api.CreateTaskParams{}).SetWorkflowSid(d.workflow).SetTaskChannel(channel).
		SetAttributes(string(text)).SetPriority(t.priority))
	if err != nil {
		return "", fmt.Errorf("create a ticket: %w", err)
	}
	d.story.Say("new ticket “%s” enters %s with priority %d", t.Subject, *task.TaskQueueFriendlyName, task.Priority)
	return *task.Sid, nil
}

// rises waits until a rule has made a ticket more urgent.
func (d *desk) rises(ctx context.Context, sid string) error {
	before, err := d.FetchTask(d.SID, sid)
	if err != nil {
		return err
	}
	return setup.Await(ctx, d.giveUpAfter, "the ticket is more urgent", func() (bool, error) {
		now, err := d.FetchTask(d.SID, sid)
		if err != nil || now.Priority == before.Priority {
			return false, err
		}
		d.story.Say("not taken in %d s, so that it is more urgent: priority %d", d.promise, now.Priority)
		return true, nil
	})
}

// finished waits until tickets are done.
func (d *desk) finished(ctx context.Context, tickets ...string) error {
	for _, sid := range tickets {
		if err := d.office.done(ctx, sid); err != nil {
			return err
		}
	}
	return nil
}

// printQueue prints who waits in a queue, in the order in which they will be
// taken.
func (d *desk) printQueue(name string) error {
	list, err := d.ListTask(d.SID, (&api.ListTaskParams{}).SetTaskQueueSid(d.sids[name]).
		SetAssignmentStatus([]string{"pending"}).SetOrdering("Priority:desc,DateCreated:asc"))
	if err != nil {
		return err
	}
	var line []string
	for _, task := range list {
		var t ticket
		if err := json.Unmarshal([]byte(*task.Attributes), &t); err != nil {
			return err
		}
		line = append(line, fmt.Sprintf("“%s” (%d)", t.Subject, task.Priority))
	}
	d.story.Say("in line: %s", strings.Join(line, ", "))
	return nil
}

// printWay prints the way of a ticket through the rules, from the router's
// events.
func (d *desk) printWay(sid string) error {
	events, err := d.ListEvent(d.SID, (&api.ListEventParams{}).SetTaskSid(sid))
	if err != nil {
		return err
	}
	began := *events[len(events)-1].EventDateMs
	for i := len(events) - 1; i >= 0; i-- { // the newest comes first
		e := events[i]
		data, _ := (*e.EventData).(map[string]any)
		at := float64(*e.EventDateMs-began) / 1000
		switch *e.EventType {
		case "task-queue.entered":
			d.story.Line("           after %.1f s: enters %s with priority %s", at, data["task_queue_name"], data["task_priority"])
		case "task-queue.timeout":
			d.story.Line("           after %.1f s: nobody in %s has taken it", at, data["task_queue_name"])
		case "reservation.accepted":
			d.story.Line("           after %.1f s: %s takes it", at, data["worker_name"])
		}
	}
	return nil
}
