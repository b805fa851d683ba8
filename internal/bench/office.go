package bench

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// office is a Workspace of the generator's own, with one queue that admits
// everybody, a Workflow that sends each Task there, and agents with room for
// one Task each.
type office struct {
	client   *client
	path     string
	workflow string
	agents   []string // SIDs
}

// plan is what differs between offices.
type plan struct {
	name   string
	agents int
	// callback is where offers are announced; empty for nowhere.
	callback string
	// attributes are those of an agent by number; nil for none.
	attributes func(i int) string
}

// expression admits every agent. It reads no attributes: what is measured is
// the way of a Task, not the price of a rule.
const expression = "1==1"

// open makes an office. What there is of it is returned with an error, too.
func open(ctx context.Context, c *client, p plan) (*office, error) {
	ws, _, err := c.post(ctx, "/Workspaces", "FriendlyName", p.name, "MultiTaskEnabled", "true")
	if err != nil {
		return nil, err
	}
	o := &office{client: c, path: "/Workspaces/" + ws.SID}
	var list struct {
		Activities []struct {
			SID       string `json:"sid"`
			Available bool   `json:"available"`
		} `json:"activities"`
	}
	if err := c.get(ctx, o.path+"/Activities", &list); err != nil {
		return o, err
	}
	available := ""
	for _, a := range list.Activities {
		if a.Available {
			available = a.SID
		}
	}
	queue, _, err := c.post(ctx, o.path+"/TaskQueues", "FriendlyName", "Everyone", "TargetWorkers", expression)
	if err != nil {
		return o, err
	}
	form := []string{
		"FriendlyName", "Plain", "Configuration", fmt.Sprintf(`{"task_routing":{"default_filter":{"queue":%q}}}`, queue.SID),
	}
	if p.callback != "" {
		form = append(form, "AssignmentCallbackUrl", p.callback)
	}
	flow, _, err := c.post(ctx, o.path+"/Workflows", form...)
	if err != nil {
		return o, err
	}
	o.workflow = flow.SID
	for i := range p.agents {
		attributes := "{}"
		if p.attributes != nil {
			attributes = p.attributes(i)
		}
		made, _, err := c.post(ctx, o.path+"/Workers", "FriendlyName", fmt.Sprintf("agent-%d", i), "ActivitySid", available, "Attributes", attributes)
		if err != nil {
			return o, err
		}
		o.agents = append(o.agents, made.SID)
	}
	return o, nil
}

// close deletes the Workspace; the router does so in the background.
func (o *office) close(ctx context.Context) error {
	err := o.client.remove(ctx, o.path)
	if err != nil && strings.Contains(err.Error(), fmt.Sprint("status ", http.StatusNotFound)) {
		return nil
	}
	return err
}
