package wire

import (
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Task is the JSON of a Task.
type Task struct {
	SID                   string             `json:"sid"`
	AccountSID            string             `json:"account_sid"`
	WorkspaceSID          string             `json:"workspace_sid"`
	Age                   int64              `json:"age"`
	AssignmentStatus      string             `json:"assignment_status"`
	Attributes            string             `json:"attributes"`
	Addons                string             `json:"addons"`
	Priority              int64              `json:"priority"`
	Reason                *string            `json:"reason"`
	Timeout               int64              `json:"timeout"`
	VirtualStartTime      *string            `json:"virtual_start_time"`
	TaskQueueSID          *string            `json:"task_queue_sid"`
	TaskQueueFriendlyName *string            `json:"task_queue_friendly_name"`
	TaskQueueEnteredDate  *string            `json:"task_queue_entered_date"`
	WorkflowSID           *string            `json:"workflow_sid"`
	WorkflowFriendlyName  *string            `json:"workflow_friendly_name"`
	TaskChannelSID        string             `json:"task_channel_sid"`
	TaskChannelUniqueName string             `json:"task_channel_unique_name"`
	RoutingTarget         *string            `json:"routing_target"`
	IgnoreCapacity        *bool              `json:"ignore_capacity"`
	DateCreated           *string            `json:"date_created"`
	DateUpdated           *string            `json:"date_updated"`
	URL                   string             `json:"url"`
	Links                 map[string]*string `json:"links"`
}

// TaskNames are the names of what a Task refers to.
type TaskNames struct{ Queue, Workflow, Channel string }

// FromTask renders a Task as it is at an instant, which its age is counted to.
func FromTask(t *taskrouter.Task, names TaskNames, l Links, now time.Time) Task {
	self := l.Workspace(t.WorkspaceSID, "Tasks", t.SID)
	related := func(collection, sid string) *string {
		if sid == "" {
			return nil
		}
		return link(l.Workspace(t.WorkspaceSID, collection, sid))
	}
	return Task{
		SID: t.SID, AccountSID: t.AccountSID, WorkspaceSID: t.WorkspaceSID,
		Age: max(0, seconds(t.Age(now))), AssignmentStatus: string(t.Status),
		Attributes: document(t.Attributes), Addons: "{}",
		Priority: t.Priority, Reason: nullable(t.Reason), Timeout: seconds(t.Timeout),
		VirtualStartTime: instant(t.VirtualStartTime),
		TaskQueueSID:     nullable(t.QueueSID), TaskQueueFriendlyName: nullable(names.Queue),
		TaskQueueEnteredDate: instant(t.QueueEnteredAt),
		WorkflowSID:          nullable(t.WorkflowSID), WorkflowFriendlyName: nullable(names.Workflow),
		TaskChannelSID: t.TaskChannelSID, TaskChannelUniqueName: names.Channel,
		RoutingTarget: nullable(t.RoutingTarget), IgnoreCapacity: t.IgnoreCapacity,
		DateCreated: instant(t.CreatedAt), DateUpdated: instant(t.UpdatedAt),
		URL: self,
		Links: map[string]*string{
			"task_queue": related("TaskQueues", t.QueueSID), "workflow": related("Workflows", t.WorkflowSID),
			"workspace": link(l.Workspace(t.WorkspaceSID)), "reservations": link(self + "/Reservations"),
		},
	}
}
