package wire

import "github.com/taskrouter/taskrouter/taskrouter"

// TaskQueue is the JSON of a TaskQueue.
type TaskQueue struct {
	SID                     string             `json:"sid"`
	AccountSID              string             `json:"account_sid"`
	WorkspaceSID            string             `json:"workspace_sid"`
	FriendlyName            string             `json:"friendly_name"`
	TargetWorkers           *string            `json:"target_workers"`
	MaxReservedWorkers      int                `json:"max_reserved_workers"`
	TaskOrder               string             `json:"task_order"`
	ReservationActivitySID  *string            `json:"reservation_activity_sid"`
	ReservationActivityName *string            `json:"reservation_activity_name"`
	AssignmentActivitySID   *string            `json:"assignment_activity_sid"`
	AssignmentActivityName  *string            `json:"assignment_activity_name"`
	DateCreated             *string            `json:"date_created"`
	DateUpdated             *string            `json:"date_updated"`
	URL                     string             `json:"url"`
	Links                   map[string]*string `json:"links"`
}

// QueueNames are the names of the Activities a TaskQueue refers to.
type QueueNames struct{ ReservationActivity, AssignmentActivity string }

// FromTaskQueue renders a TaskQueue.
func FromTaskQueue(q *taskrouter.TaskQueue, names QueueNames, l Links) TaskQueue {
	self, all := l.Workspace(q.WorkspaceSID, "TaskQueues", q.SID), l.Workspace(q.WorkspaceSID, "TaskQueues")
	activity := func(sid string) *string {
		if sid == "" {
			return nil
		}
		return link(l.Workspace(q.WorkspaceSID, "Activities", sid))
	}
	links := map[string]*string{
		"workspace":           link(l.Workspace(q.WorkspaceSID)),
		"assignment_activity": activity(q.AssignmentActivitySID), "reservation_activity": activity(q.ReservationActivitySID),
		"list_statistics": link(all + "/Statistics"), "bulk_real_time_statistics": link(all + "/RealTimeStatistics"),
	}
	statistics(links, self)
	return TaskQueue{
		SID: q.SID, AccountSID: q.AccountSID, WorkspaceSID: q.WorkspaceSID, FriendlyName: q.FriendlyName,
		TargetWorkers: nullable(q.TargetWorkers), MaxReservedWorkers: q.MaxReservedWorkers, TaskOrder: string(q.TaskOrder),
		ReservationActivitySID: nullable(q.ReservationActivitySID), ReservationActivityName: nullable(names.ReservationActivity),
		AssignmentActivitySID: nullable(q.AssignmentActivitySID), AssignmentActivityName: nullable(names.AssignmentActivity),
		DateCreated: instant(q.CreatedAt), DateUpdated: instant(q.UpdatedAt),
		URL: self, Links: links,
	}
}
