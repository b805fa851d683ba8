package setup

import (
	"encoding/json"
	"fmt"
	"slices"

	api "github.com/twilio/twilio-go/rest/taskrouter/v1"
)

// The Activities that every Workspace is made with.
const (
	Available   = "Available"
	Unavailable = "Unavailable"
	Offline     = "Offline"
)

// Workspace is what a program works in. Its methods make what is missing and
// bring up to date what is there, so that a program can be run again.
type Workspace struct {
	*Router
	SID        string
	activities map[string]string
}

// Workspace finds the Workspace of a name, or makes it.
func (r *Router) Workspace(name string) (*Workspace, error) {
	w := &Workspace{Router: r, activities: map[string]string{}}
	found, err := r.ListWorkspace((&api.ListWorkspaceParams{}).SetFriendlyName(name))
	if err != nil {
		return nil, fmt.Errorf("find the workspace: %w", err)
	}
	if len(found) > 0 {
		w.SID = *found[0].Sid
	} else {
		made, err := r.CreateWorkspace((&api.CreateWorkspaceParams{}).SetFriendlyName(name))
		if err != nil {
			return nil, fmt.Errorf("make the workspace: %w", err)
		}
		w.SID = *made.Sid
	}
	activities, err := r.ListActivity(w.SID, &api.ListActivityParams{})
	if err != nil {
		return nil, fmt.Errorf("read the activities: %w", err)
	}
	for _, a := range activities {
		w.activities[*a.FriendlyName] = *a.Sid
	}
	return w, nil
}

// Path is the path of something in the Workspace, for Get and Post.
func (w *Workspace) Path(parts string) string { return "/v1/Workspaces/" + w.SID + "/" + parts }

// Activity is the SID of an Activity.
func (w *Workspace) Activity(name string) string { return w.activities[name] }

// Channel makes a TaskChannel of its own for a kind of work. Agents have a
// capacity of one on it.
func (w *Workspace) Channel(unique string) error {
	list, err := w.ListTaskChannel(w.SID, &api.ListTaskChannelParams{})
	if err != nil {
		return fmt.Errorf("list the channels: %w", err)
	}
	if slices.ContainsFunc(list, func(c api.TaskrouterV1TaskChannel) bool { return *c.UniqueName == unique }) {
		return nil
	}
	if _, err := w.CreateTaskChannel(w.SID, (&api.CreateTaskChannelParams{}).SetFriendlyName(unique).SetUniqueName(unique)); err != nil {
		return fmt.Errorf("make the channel %s: %w", unique, err)
	}
	return nil
}

// Queue makes a TaskQueue for the agents that an expression admits and returns
// its SID. A Task in it is offered to so many agents at a time.
func (w *Workspace) Queue(name, expression string, offers int) (string, error) {
	found, err := w.ListTaskQueue(w.SID, (&api.ListTaskQueueParams{}).SetFriendlyName(name))
	if err != nil {
		return "", fmt.Errorf("find the queue %s: %w", name, err)
	}
	if len(found) > 0 {
		q, err := w.UpdateTaskQueue(w.SID, *found[0].Sid, (&api.UpdateTaskQueueParams{}).SetTargetWorkers(expression).SetMaxReservedWorkers(offers))
		if err != nil {
			return "", fmt.Errorf("update the queue %s: %w", name, err)
		}
		return *q.Sid, nil
	}
	q, err := w.CreateTaskQueue(w.SID, (&api.CreateTaskQueueParams{}).SetFriendlyName(name).SetTargetWorkers(expression).SetMaxReservedWorkers(offers))
	if err != nil {
		return "", fmt.Errorf("make the queue %s: %w", name, err)
	}
	return *q.Sid, nil
}

// Agent makes a Worker, or brings it up to date, and returns its SID. The
// attributes are encoded as JSON.
func (w *Workspace) Agent(name, activity string, attributes any) (string, error) {
	text, err := json.Marshal(attributes)
	if err != nil {
		return "", err
	}
	found, err := w.ListWorker(w.SID, (&api.ListWorkerParams{}).SetFriendlyName(name))
	if err != nil {
		return "", fmt.Errorf("find the agent %s: %w", name, err)
	}
	if len(found) > 0 {
		a, err := w.UpdateWorker(w.SID, *found[0].Sid, (&api.UpdateWorkerParams{}).SetAttributes(string(text)).SetActivitySid(w.Activity(activity)))
		if err != nil {
			return "", fmt.Errorf("update the agent %s: %w", name, err)
		}
		return *a.Sid, nil
	}
	a, err := w.CreateWorker(w.SID, (&api.CreateWorkerParams{}).SetFriendlyName(name).SetAttributes(string(text)).SetActivitySid(w.Activity(activity)))
	if err != nil {
		return "", fmt.Errorf("make the agent %s: %w", name, err)
	}
	return *a.Sid, nil
}

// Becomes changes the Activity of an agent.
func (w *Workspace) Becomes(sid, activity string) error {
	_, err := w.UpdateWorker(w.SID, sid, (&api.UpdateWorkerParams{}).SetActivitySid(w.Activity(activity)))
	if err != nil {
		return fmt.Errorf("agent becomes %s: %w", activity, err)
	}
	return nil
}

// Clear removes the Tasks that are not done: what an interrupted run left, or
// what this one leaves.
func (w *Workspace) Clear() error {
	tasks, err := w.ListTask(w.SID, &api.ListTaskParams{})
	if err != nil {
		return fmt.Errorf("list the tasks: %w", err)
	}
	for _, t := range tasks {
		if *t.AssignmentStatus == "completed" || *t.AssignmentStatus == "canceled" {
			continue
		}
		if err := w.DeleteTask(w.SID, *t.Sid, &api.DeleteTaskParams{}); err != nil {
			return fmt.Errorf("delete a task: %w", err)
		}
	}
	return nil
}
