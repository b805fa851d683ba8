package workspace

import (
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Names of the Activities a Workspace starts with. Reserved and Busy exist in
// single-tasking Workspaces only, where they are what a queue moves an agent
// to when it names nothing else.
const (
	activityOffline     = "Offline"
	activityAvailable   = "Available"
	activityUnavailable = "Unavailable"
	activityReserved    = "Reserved"
	activityBusy        = "Busy"
)

// Parts of the FIFO template.
const (
	templateQueueName    = "Sample Queue"
	templateWorkflowName = "Default Fifo Workflow"
)

// starter is a Workspace with everything it starts with.
type starter struct {
	workspace  *taskrouter.Workspace
	activities []*taskrouter.Activity
	channels   []*taskrouter.TaskChannel
	queues     []*taskrouter.TaskQueue
	workflows  []*taskrouter.Workflow
}

// newStarter adds the default Activities and TaskChannels to a Workspace.
// https://www.twilio.com/docs/taskrouter/api/workspace
func newStarter(w *taskrouter.Workspace) *starter {
	s := &starter{workspace: w}
	offline := s.addActivity(activityOffline, false)
	s.addActivity(activityAvailable, true)
	s.addActivity(activityUnavailable, false)
	if !w.MultiTaskEnabled {
		s.addActivity(activityReserved, false)
		s.addActivity(activityBusy, false)
	}
	w.DefaultActivitySID, w.TimeoutActivitySID = offline.SID, offline.SID
	for _, c := range []struct{ unique, friendly string }{
		{taskrouter.ChannelDefault, "Default"},
		{taskrouter.ChannelVoice, "Voice"},
		{"sms", "SMS"},
		{"chat", "Chat"},
		{"video", "Video"},
	} {
		at := s.tick()
		s.channels = append(s.channels, &taskrouter.TaskChannel{
			SID: taskrouter.NewSID(taskrouter.PrefixTaskChannel), AccountSID: w.AccountSID, WorkspaceSID: w.SID,
			FriendlyName: c.friendly, UniqueName: c.unique, CreatedAt: at, UpdatedAt: at,
		})
	}
	return s
}

// addTemplate adds one queue for everybody and a Workflow that sends
// everything to it.
func (s *starter) addTemplate() {
	w, at := s.workspace, s.workspace.CreatedAt
	q := &taskrouter.TaskQueue{
		SID: taskrouter.NewSID(taskrouter.PrefixTaskQueue), AccountSID: w.AccountSID, WorkspaceSID: w.SID,
		FriendlyName: templateQueueName, TargetWorkers: taskrouter.DefaultTargetWorkers,
		MaxReservedWorkers: 1, TaskOrder: taskrouter.FIFO, ExpressionVersion: 1, CreatedAt: at, UpdatedAt: at,
	}
	if !w.MultiTaskEnabled {
		q.ReservationActivitySID = activityNamed(s.activities, activityReserved)
		q.AssignmentActivitySID = activityNamed(s.activities, activityBusy)
	}
	s.queues = append(s.queues, q)
	s.workflows = append(s.workflows, &taskrouter.Workflow{
		SID: taskrouter.NewSID(taskrouter.PrefixWorkflow), AccountSID: w.AccountSID, WorkspaceSID: w.SID,
		FriendlyName:  templateWorkflowName,
		Configuration: `{"task_routing":{"default_filter":{"queue":"` + q.SID + `"}}}`, ConfigVersion: 1,
		TaskReservationTimeout: defaultReservationTimeout, CreatedAt: at, UpdatedAt: at,
	})
}

func (s *starter) addActivity(name string, available bool) *taskrouter.Activity {
	w, at := s.workspace, s.tick()
	a := &taskrouter.Activity{
		SID: taskrouter.NewSID(taskrouter.PrefixActivity), AccountSID: w.AccountSID, WorkspaceSID: w.SID,
		FriendlyName: name, Available: available, CreatedAt: at, UpdatedAt: at,
	}
	s.activities = append(s.activities, a)
	return a
}

// tick is a creation time one microsecond after the child before, so that
// lists, which are ordered by creation, show the defaults in their usual order.
func (s *starter) tick() time.Time {
	return s.workspace.CreatedAt.Add(time.Duration(len(s.activities)+len(s.channels)) * time.Microsecond)
}

// activityNamed finds the oldest Activity of a name; empty when there is none.
func activityNamed(activities []*taskrouter.Activity, name string) string {
	var found *taskrouter.Activity
	for _, a := range activities {
		if a.FriendlyName == name && (found == nil || older(a, found)) {
			found = a
		}
	}
	if found == nil {
		return ""
	}
	return found.SID
}

func older(a, b *taskrouter.Activity) bool {
	if a.CreatedAt.Equal(b.CreatedAt) {
		return a.SID < b.SID
	}
	return a.CreatedAt.Before(b.CreatedAt)
}
