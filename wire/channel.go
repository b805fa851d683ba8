package wire

import "github.com/taskrouter/taskrouter/taskrouter"

// TaskChannel is the JSON of a TaskChannel.
type TaskChannel struct {
	SID                     string             `json:"sid"`
	AccountSID              string             `json:"account_sid"`
	WorkspaceSID            string             `json:"workspace_sid"`
	FriendlyName            string             `json:"friendly_name"`
	UniqueName              string             `json:"unique_name"`
	ChannelOptimizedRouting bool               `json:"channel_optimized_routing"`
	DateCreated             *string            `json:"date_created"`
	DateUpdated             *string            `json:"date_updated"`
	URL                     string             `json:"url"`
	Links                   map[string]*string `json:"links"`
}

// FromTaskChannel renders a TaskChannel.
func FromTaskChannel(c *taskrouter.TaskChannel, l Links) TaskChannel {
	return TaskChannel{
		SID: c.SID, AccountSID: c.AccountSID, WorkspaceSID: c.WorkspaceSID,
		FriendlyName: c.FriendlyName, UniqueName: c.UniqueName, ChannelOptimizedRouting: c.OptimizedRouting,
		DateCreated: instant(c.CreatedAt), DateUpdated: instant(c.UpdatedAt),
		URL:   l.Workspace(c.WorkspaceSID, "TaskChannels", c.SID),
		Links: map[string]*string{"workspace": link(l.Workspace(c.WorkspaceSID))},
	}
}

// WorkerChannel is the JSON of a Worker's capacity on one TaskChannel.
type WorkerChannel struct {
	SID                         string  `json:"sid"`
	AccountSID                  string  `json:"account_sid"`
	WorkspaceSID                string  `json:"workspace_sid"`
	WorkerSID                   string  `json:"worker_sid"`
	TaskChannelSID              string  `json:"task_channel_sid"`
	TaskChannelUniqueName       string  `json:"task_channel_unique_name"`
	Available                   bool    `json:"available"`
	ConfiguredCapacity          int     `json:"configured_capacity"`
	AssignedTasks               int     `json:"assigned_tasks"`
	AvailableCapacityPercentage int     `json:"available_capacity_percentage"`
	DateCreated                 *string `json:"date_created"`
	DateUpdated                 *string `json:"date_updated"`
	URL                         string  `json:"url"`
}

// FromWorkerChannel renders a WorkerChannel. Assigned Tasks are the accepted
// ones; those in wrap-up count in the percentage only.
func FromWorkerChannel(c *taskrouter.WorkerChannel, l Links) WorkerChannel {
	return WorkerChannel{
		SID: c.SID, AccountSID: c.AccountSID, WorkspaceSID: c.WorkspaceSID, WorkerSID: c.WorkerSID,
		TaskChannelSID: c.TaskChannelSID, TaskChannelUniqueName: c.TaskChannelName,
		Available: c.Available, ConfiguredCapacity: c.ConfiguredCapacity,
		AssignedTasks: c.Accepted, AvailableCapacityPercentage: c.AvailablePercentage(),
		DateCreated: instant(c.CreatedAt), DateUpdated: instant(c.UpdatedAt),
		URL: l.Workspace(c.WorkspaceSID, "Workers", c.WorkerSID, "Channels", c.SID),
	}
}
