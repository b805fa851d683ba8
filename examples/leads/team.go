package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"

	"github.com/taskrouter/taskrouter/examples/setup"
)

// channel is the kind of work; a representative looks at one lead at a time.
const channel = "lead"

// offeredTo is how many representatives a hot lead is offered to at once.
const offeredTo = 3

// profile are the attributes of a representative.
type profile struct {
	Products []string `json:"products"`
	Regions  []string `json:"regions"`
	// Limit is the greatest budget, in thousands.
	Limit   int `json:"limit"`
	WinRate int `json:"win_rate"`
	// LeadsToday is what sharing fairly looks at. This program counts.
	LeadsToday int `json:"leads_today"`
}

// rep is a representative.
type rep struct {
	sid string
	profile
}

// lead is what comes in. All of it are attributes of the Task.
type lead struct {
	Name    string `json:"name"`
	Product string `json:"product"`
	Region  string `json:"region"`
	Score   int    `json:"score"`
	Budget  int    `json:"budget"`
	// Rep is the name of the representative that the customer knows.
	Rep string `json:"rep,omitempty"`
}

// sales is the sales team at work.
type sales struct {
	*setup.Workspace
	options
	story    *setup.Story
	workflow string
	reps     map[string]*rep
	given    []given
}

// open sets up the team, or finds what an earlier run has set up.
func open(r *setup.Router, o options, story *setup.Story) (*sales, error) {
	ws, err := r.Workspace(o.workspace)
	if err != nil {
		return nil, err
	}
	s := &sales{Workspace: ws, options: o, story: story, reps: map[string]*rep{
		"Rosa": {profile: profile{[]string{"solar", "heatpump"}, []string{"north", "east"}, 20, 42, 0}},
		"Sam":  {profile: profile{[]string{"solar"}, []string{"north"}, 20, 35, 0}},
		"Tia":  {profile: profile{[]string{"heatpump"}, []string{"south"}, 80, 51, 0}},
		"Uma":  {profile: profile{[]string{"solar", "heatpump"}, []string{"*"}, 100, 28, 0}},
	}}
	if err := ws.Clear(); err != nil {
		return nil, err
	}
	if err := ws.Channel(channel); err != nil {
		return nil, err
	}
	for name, p := range s.reps {
		if p.sid, err = ws.Agent(name, setup.Available, p.profile); err != nil {
			return nil, err
		}
	}
	return s, s.route()
}

// Rules in CEL. The prefix says so; an expression without it may be read in
// TaskRouter's own syntax.
const (
	// fits: the representative sells in the region and may sign for the budget.
	fits = `cel:worker.regions.exists(r, r == task.region || r == "*") && task.budget <= worker.limit * 1000`
	// fairly: who had the fewest leads today, then who wins most.
	fairly = "worker.leads_today ASC, worker.win_rate DESC"
)

// route makes the queues and the rules that lead there. The first filter that
// matches takes a lead.
func (s *sales) route() error {
	solar, err := s.Queue("Solar", `cel:"solar" in worker.products`, 1)
	if err != nil {
		return err
	}
	closers, err := s.Queue("Closers", `cel:worker.products.exists(p, p.startsWith("heat")) && worker.limit >= 20`, offeredTo)
	if err != nil {
		return err
	}
	everybody, err := s.Queue("Everybody", `cel:worker.win_rate > 0`, 1)
	if err != nil {
		return err
	}
	s.workflow, err = s.Route(setup.Workflow{
		Name: "Leads", OfferSeconds: 30,
		Default: setup.Target{Queue: everybody},
		Filters: []setup.Filter{
			{Name: "Known customers", Expression: `cel:has(task.rep)`, Targets: []setup.Target{
				{Queue: everybody, Priority: 50, Timeout: 2, KnownWorker: "task.rep"},
				{Queue: everybody, Priority: 60, OrderBy: fairly},
			}},
			{Name: "Hot", Expression: `cel:task.product in ["solar", "heatpump"] && task.score * 2 + task.budget / 1000 >= 200`, Targets: []setup.Target{
				{Queue: closers, Priority: 100},
			}},
			{Name: "Solar", Expression: `cel:task.product == "solar" && task.budget > 0`, Targets: []setup.Target{
				{Queue: solar, Priority: 10, Expression: fits, OrderBy: fairly},
			}},
		},
	})
	return err
}

// counted writes down that a representative got a lead, in the attribute that
// sharing fairly looks at.
func (s *sales) counted(name string) error {
	r := s.reps[name]
	r.LeadsToday++
	text, err := json.Marshal(r.profile)
	if err != nil {
		return err
	}
	_, err = s.UpdateWorker(s.SID, r.sid, (&api.UpdateWorkerParams{}).SetAttributes(string(text)))
	if err != nil {
		return fmt.Errorf("count a lead of %s: %w", name, err)
	}
	return nil
}

// table prints who got which lead, and who had most: list filters take CEL too.
func (s *sales) table() error {
	s.story.Chapter("Leads of the day")
	s.story.Line("  %-8s %-16s %-13s %s", "lead", "filter", "order", "representative")
	for _, g := range s.given {
		s.story.Line("  %-8s %-16s %-13s %s", g.lead, g.filter, g.order, g.rep)
	}
	list, err := s.ListWorker(s.SID, (&api.ListWorkerParams{}).SetTargetWorkersExpression("cel:worker.leads_today >= 3"))
	if err != nil {
		return fmt.Errorf("find who had most: %w", err)
	}
	var most []string
	for _, w := range list {
		most = append(most, *w.FriendlyName)
	}
	slices.Sort(most)
	s.story.Line("three or more: %s", strings.Join(most, ", "))
	return nil
}
