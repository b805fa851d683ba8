package dispatch

import (
	"context"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// Load reads the configuration; call it before Config.
func (u *Unit) Load(ctx context.Context) error { return u.load(ctx) }

// Config is the Workspace's configuration as this transaction sees it. Do not
// change it; use the Put and Delete methods.
func (u *Unit) Config() *Config { return u.cfg().Config }

// rewrite makes the configuration writable in this transaction.
func (u *Unit) rewrite() *snapshot {
	if !u.configDirty {
		u.b.cfg = u.b.cfg.clone()
		u.configDirty = true
	}
	u.pending = true
	return u.b.cfg
}

// SetWorkspace stores the Workspace's own settings.
func (u *Unit) SetWorkspace(w *taskrouter.Workspace) {
	u.rewrite().Workspace = w
	u.changes.Workspace = w
}

// PutActivity stores an Activity.
func (u *Unit) PutActivity(a *taskrouter.Activity) {
	u.rewrite().Activities[a.SID] = a
	u.changes.Activities = append(u.changes.Activities, a)
}

// DeleteActivity removes an Activity.
func (u *Unit) DeleteActivity(sid string) {
	delete(u.rewrite().Activities, sid)
	u.changes.DeleteActivities = append(u.changes.DeleteActivities, sid)
}

// PutChannel stores a TaskChannel.
func (u *Unit) PutChannel(c *taskrouter.TaskChannel) {
	u.rewrite().Channels[c.SID] = c
	u.changes.Channels = append(u.changes.Channels, c)
}

// DeleteChannel removes a TaskChannel.
func (u *Unit) DeleteChannel(sid string) {
	delete(u.rewrite().Channels, sid)
	u.changes.DeleteChannels = append(u.changes.DeleteChannels, sid)
}

// PutQueue stores a TaskQueue.
func (u *Unit) PutQueue(q *taskrouter.TaskQueue) {
	u.rewrite().Queues[q.SID] = q
	u.changes.Queues = append(u.changes.Queues, q)
}

// DeleteQueue removes a TaskQueue.
func (u *Unit) DeleteQueue(sid string) {
	delete(u.rewrite().Queues, sid)
	u.changes.DeleteQueues = append(u.changes.DeleteQueues, sid)
}

// PutWorkflow stores a Workflow; its ConfigVersion must grow when the
// configuration text changes.
func (u *Unit) PutWorkflow(w *taskrouter.Workflow) {
	s := u.rewrite()
	s.Workflows[w.SID] = w
	s.settle()
	u.changes.Workflows = append(u.changes.Workflows, w)
}

// DeleteWorkflow removes a Workflow.
func (u *Unit) DeleteWorkflow(sid string) {
	s := u.rewrite()
	delete(s.Workflows, sid)
	s.settle()
	u.changes.DeleteWorkflows = append(u.changes.DeleteWorkflows, sid)
}

// PutCallQueue stores a CallQueue.
func (u *Unit) PutCallQueue(q *taskrouter.CallQueue) {
	u.rewrite().CallQueues[q.SID] = q
	u.changes.CallQueues = append(u.changes.CallQueues, q)
}

// DeleteCallQueue removes a CallQueue.
func (u *Unit) DeleteCallQueue(sid string) {
	delete(u.rewrite().CallQueues, sid)
	u.changes.DeleteCallQueues = append(u.changes.DeleteCallQueues, sid)
}

// CountTasks counts Tasks that have not ended by Workflow, queue or channel;
// the first non-empty argument decides.
func (u *Unit) CountTasks(ctx context.Context, workflowSID, queueSID, channelSID string) (int, error) {
	return u.tx.CountTasks(ctx, workflowSID, queueSID, channelSID)
}
