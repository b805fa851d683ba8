package setup

import (
	"encoding/json"
	"fmt"
	"strings"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// Filter is a rule of a Workflow: Tasks its expression matches go to its
// targets, one after the other.
type Filter struct {
	Name       string   `json:"filter_friendly_name"`
	Expression string   `json:"expression"`
	Targets    []Target `json:"targets"`
}

// Target is a place where a Task waits.
type Target struct {
	// Queue is the SID of a TaskQueue.
	Queue string `json:"queue"`
	// Priority of the Task from here on; 0 keeps the one it has.
	Priority int `json:"priority,omitempty"`
	// Timeout in seconds sends the Task to the next target; 0 never does.
	Timeout int `json:"timeout,omitempty"`
	// Expression says which of the queue's agents fit this Task.
	Expression string `json:"expression,omitempty"`
	// OrderBy says whom first; without it, who is idle longest.
	OrderBy string `json:"order_by,omitempty"`
	// SkipIf sends a Task that nobody can take at once to the next target.
	SkipIf string `json:"skip_if,omitempty"`
	// KnownWorker is the Task attribute that names the only agent to ask.
	KnownWorker string `json:"known_worker_friendly_name,omitempty"`
}

// Workflow is a routing configuration in the making.
type Workflow struct {
	Name    string
	Filters []Filter
	// Default takes what no filter matches.
	Default Target
	// Callback is the assignment callback URL; empty leaves offers to REST.
	Callback string
	// OfferSeconds is how long an agent has to answer.
	OfferSeconds int
}

// Route makes a Workflow, or brings it up to date, and returns its SID.
func (w *Workspace) Route(f Workflow) (string, error) {
	var text strings.Builder
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false) // people will read it: keep && as it is
	if err := out.Encode(map[string]any{"task_routing": map[string]any{"filters": f.Filters, "default_filter": f.Default}}); err != nil {
		return "", err
	}
	found, err := w.ListWorkflow(w.SID, (&api.ListWorkflowParams{}).SetFriendlyName(f.Name))
	if err != nil {
		return "", fmt.Errorf("find the workflow %s: %w", f.Name, err)
	}
	if len(found) > 0 {
		u, err := w.UpdateWorkflow(w.SID, *found[0].Sid, (&api.UpdateWorkflowParams{}).SetConfiguration(text.String()).
			SetAssignmentCallbackUrl(f.Callback).SetTaskReservationTimeout(f.OfferSeconds))
		if err != nil {
			return "", fmt.Errorf("update the workflow %s: %w", f.Name, err)
		}
		return *u.Sid, nil
	}
	m, err := w.CreateWorkflow(w.SID, (&api.CreateWorkflowParams{}).SetFriendlyName(f.Name).SetConfiguration(text.String()).
		SetAssignmentCallbackUrl(f.Callback).SetTaskReservationTimeout(f.OfferSeconds))
	if err != nil {
		return "", fmt.Errorf("make the workflow %s: %w", f.Name, err)
	}
	return *m.Sid, nil
}
