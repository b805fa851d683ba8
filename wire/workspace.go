package wire

import "github.com/taskrouter/taskrouter/taskrouter"

// Workspace is the JSON of a Workspace.
type Workspace struct {
	SID                  string             `json:"sid"`
	AccountSID           string             `json:"account_sid"`
	FriendlyName         string             `json:"friendly_name"`
	DefaultActivitySID   string             `json:"default_activity_sid"`
	DefaultActivityName  string             `json:"default_activity_name"`
	TimeoutActivitySID   string             `json:"timeout_activity_sid"`
	TimeoutActivityName  string             `json:"timeout_activity_name"`
	EventCallbackURL     string             `json:"event_callback_url"`
	EventsFilter         *string            `json:"events_filter"`
	MultiTaskEnabled     bool               `json:"multi_task_enabled"`
	PrioritizeQueueOrder string             `json:"prioritize_queue_order"`
	DateCreated          *string            `json:"date_created"`
	DateUpdated          *string            `json:"date_updated"`
	URL                  string             `json:"url"`
	Links                map[string]*string `json:"links"`
}

// WorkspaceNames are the names of the Activities a Workspace refers to.
type WorkspaceNames struct{ DefaultActivity, TimeoutActivity string }

// FromWorkspace renders a Workspace.
func FromWorkspace(w *taskrouter.Workspace, names WorkspaceNames, l Links) Workspace {
	self := l.Workspace(w.SID)
	links := map[string]*string{
		"activities": link(self + "/Activities"), "events": link(self + "/Events"),
		"tasks": link(self + "/Tasks"), "task_queues": link(self + "/TaskQueues"),
		"workers": link(self + "/Workers"), "workflows": link(self + "/Workflows"),
		"task_channels": link(self + "/TaskChannels"),
	}
	statistics(links, self)
	return Workspace{
		SID: w.SID, AccountSID: w.AccountSID, FriendlyName: w.FriendlyName,
		DefaultActivitySID: w.DefaultActivitySID, DefaultActivityName: names.DefaultActivity,
		TimeoutActivitySID: w.TimeoutActivitySID, TimeoutActivityName: names.TimeoutActivity,
		EventCallbackURL: w.EventCallbackURL, EventsFilter: nullable(w.EventsFilter),
		MultiTaskEnabled: w.MultiTaskEnabled, PrioritizeQueueOrder: string(w.PrioritizeQueueOrder),
		DateCreated: instant(w.CreatedAt), DateUpdated: instant(w.UpdatedAt),
		URL: self, Links: links,
	}
}
