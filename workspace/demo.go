package workspace

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// What the demo Workspace is called and where its phone rings.
const (
	DemoWorkspaceName = "Demo"
	DemoPhoneNumber   = "+15550100"
)

// Demo names what SeedDemo made.
type Demo struct {
	WorkspaceSID, WorkflowSID, CallQueueSID string
}

// demoAgents differ in departments and languages, so that who gets a Task
// shows the routing at work.
var demoAgents = []struct{ name, contact, skills string }{
	{"Alice", "client:alice", `"departments":["support"],"languages":["en"],"level":2`},
	{"Bob", "client:bob", `"departments":["sales"],"languages":["en"],"level":1`},
	{"Chiyo", "client:chiyo", `"departments":["support","sales"],"languages":["ja"],"level":3`},
	{"Daichi", "client:daichi", `"departments":["support"],"languages":["en","ja"],"level":1`},
}

// demoMenu asks for the department, then for the language.
const demoMenu = `{
  "start": "department",
  "steps": {
    "department": {
      "say": "Welcome. For support, press 1. For sales, press 2.",
      "language": "en-US",
      "timeout": 5,
      "tries": 3,
      "invalid": "Sorry, that is not one of the choices.",
      "choices": {
        "1": {"set": {"department": "support"}, "next": "language"},
        "2": {"set": {"department": "sales"}, "next": "language"}
      },
      "default": {"set": {"department": "support"}, "next": "language"}
    },
    "language": {
      "say": "For English, press 1. For Japanese, press 2.",
      "language": "en-US",
      "timeout": 5,
      "tries": 2,
      "choices": {
        "1": {"set": {"language": "en"}},
        "2": {"set": {"language": "ja"}}
      },
      "default": {"set": {"language": "en"}}
    }
  },
  "waiting": {"say": "Please hold. An agent will be with you shortly."},
  "goodbye": "Goodbye."
}`

// SeedDemo fills an account that has no Workspace with a small contact centre:
// two departments, two languages, four agents, a Workflow and a phone number
// with a menu. It returns nil when the account has a Workspace already. A seed
// that fails half-way is taken back, so that the next start tries again.
func (s *Service) SeedDemo(ctx context.Context, account string) (*Demo, error) {
	existing, err := s.store.ListWorkspaces(ctx, account, "", taskrouter.Page{Size: 1})
	if err != nil || len(existing) > 0 {
		return nil, err
	}
	w, err := s.CreateWorkspace(ctx, NewWorkspace{
		Account: account, FriendlyName: DemoWorkspaceName,
		Actor: taskrouter.Actor{Type: "account", SID: account, Source: "taskrouter"},
	})
	if err != nil {
		return nil, err
	}
	seed := &demoSeed{s: s, account: account, workspaceSID: w.SID, actor: taskrouter.SystemActor(w.SID)}
	demo, err := seed.run(ctx)
	if err != nil {
		undo := dispatch.Subject{AccountSID: account, WorkspaceSID: w.SID, SID: w.SID, Actor: seed.actor}
		if undoErr := s.DeleteWorkspace(ctx, undo); undoErr != nil {
			s.log.Warn("half a demo workspace stays behind", logging.WorkspaceSID(w.SID), logging.Err(undoErr))
		}
		return nil, err
	}
	return demo, nil
}

// demoSeed makes the parts of the demo Workspace.
type demoSeed struct {
	s                     *Service
	account, workspaceSID string
	actor                 taskrouter.Actor
}

func (d *demoSeed) run(ctx context.Context) (*Demo, error) {
	queues, err := d.queues(ctx)
	if err != nil {
		return nil, err
	}
	configuration, err := demoConfiguration(queues)
	if err != nil {
		return nil, err
	}
	workflow, err := d.s.CreateWorkflow(ctx, NewWorkflow{
		Account: d.account, WorkspaceSID: d.workspaceSID, Actor: d.actor,
		FriendlyName: "Departments and languages", Configuration: configuration,
	})
	if err != nil {
		return nil, err
	}
	if err := d.agents(ctx); err != nil {
		return nil, err
	}
	wrapUp := int64(30)
	calls, err := d.s.CreateCallQueue(ctx, NewCallQueue{
		Account: d.account, WorkspaceSID: d.workspaceSID, Actor: d.actor,
		FriendlyName: "Demo line", PhoneNumbers: []string{DemoPhoneNumber},
		WorkflowSID: workflow.SID, Menu: demoMenu, WrapUp: &wrapUp,
	})
	if err != nil {
		return nil, err
	}
	return &Demo{WorkspaceSID: d.workspaceSID, WorkflowSID: workflow.SID, CallQueueSID: calls.SID}, nil
}

// demoQueues holds the SIDs of the demo's queues.
type demoQueues struct{ support, sales, everyone string }

// queues makes a queue for each department, one with an expression in
// TaskRouter's own syntax and one in CEL, and one for everybody.
func (d *demoSeed) queues(ctx context.Context) (out demoQueues, err error) {
	for _, q := range []struct {
		name, expression string
		sid              *string
	}{
		{"Support", "departments HAS 'support'", &out.support},
		{"Sales", `cel:worker.departments.exists(d, d == "sales")`, &out.sales},
		{"Everyone", taskrouter.DefaultTargetWorkers, &out.everyone},
	} {
		made, err := d.s.CreateQueue(ctx, NewQueue{
			Account: d.account, WorkspaceSID: d.workspaceSID, Actor: d.actor,
			FriendlyName: q.name, TargetWorkers: &q.expression,
		})
		if err != nil {
			return out, err
		}
		*q.sid = made.SID
	}
	return out, nil
}

// demoConfiguration sends a Task to its department. For a while only agents who
// speak the caller's language get it, the best qualified first; then it becomes
// more urgent and goes to everybody.
func demoConfiguration(q demoQueues) (string, error) {
	type target struct {
		Queue      string `json:"queue"`
		Priority   int    `json:"priority,omitempty"`
		Timeout    int    `json:"timeout,omitempty"`
		Expression string `json:"expression,omitempty"`
		OrderBy    string `json:"order_by,omitempty"`
	}
	type filter struct {
		Name       string   `json:"filter_friendly_name"`
		Expression string   `json:"expression"`
		Targets    []target `json:"targets"`
	}
	type routing struct {
		Filters []filter `json:"filters"`
		Default target   `json:"default_filter"`
	}
	var text strings.Builder
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false) // people will read it: keep && as it is
	out.SetIndent("", "  ")
	err := out.Encode(map[string]routing{"task_routing": {
		Filters: []filter{
			{
				Name: "Support", Expression: "department == 'support'",
				Targets: []target{
					{Queue: q.support, Priority: 10, Timeout: 30, Expression: "task.language IN worker.languages", OrderBy: "worker.level DESC"},
					{Queue: q.everyone, Priority: 20},
				},
			},
			{
				Name: "Sales", Expression: `cel:task.department == "sales" && has(task.language)`,
				Targets: []target{
					{Queue: q.sales, Priority: 5, Timeout: 30, Expression: `cel:task.language in worker.languages`},
					{Queue: q.everyone, Priority: 20},
				},
			},
		},
		Default: target{Queue: q.everyone},
	}})
	if err != nil {
		return "", &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "encode the demo configuration", Cause: err}
	}
	return text.String(), nil
}

// agents makes the agents, ready to take work.
func (d *demoSeed) agents(ctx context.Context) error {
	var ready string
	err := d.s.change(ctx, d.account, d.workspaceSID, d.actor, func(_ context.Context, u *dispatch.Unit) error {
		ready = activityNamed(sorted(u.Config().Activities), activityAvailable)
		return nil
	})
	if err != nil {
		return err
	}
	for _, a := range demoAgents {
		_, err := d.s.dispatcher.CreateWorker(ctx, dispatch.NewWorker{
			AccountSID: d.account, WorkspaceSID: d.workspaceSID, Actor: d.actor,
			FriendlyName: a.name, ActivitySID: ready,
			Attributes: taskrouter.Attributes(`{` + a.skills + `,"contact_uri":"` + a.contact + `"}`),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
