package store

import (
	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
)

// deleteRows removes resources with what belongs to them. Events stay: they are
// the record of what was. Notices of a Task stay too, because its durable run
// must still learn that it is gone.
func (t *transaction) deleteRows(b *batch, c *dispatch.Changes) {
	ws := t.lock.WorkspaceSID
	remove := func(sids []string, statements ...string) {
		for len(sids) > 0 {
			n := min(len(sids), rowsPerStatement)
			for _, s := range statements {
				b.add(s, ws, bun.List(sids[:n]))
			}
			sids = sids[n:]
		}
	}
	remove(c.DeleteTasks,
		"DELETE FROM legs WHERE workspace_sid = ? AND task_sid IN (?)", // and leg_calls
		"DELETE FROM reservations WHERE workspace_sid = ? AND task_sid IN (?)",
		"DELETE FROM tasks WHERE workspace_sid = ? AND sid IN (?)")
	remove(c.DeleteWorkerChannels,
		"DELETE FROM worker_channels WHERE workspace_sid = ? AND sid IN (?)")
	remove(c.DeleteWorkers,
		"DELETE FROM queue_members WHERE workspace_sid = ? AND worker_sid IN (?)",
		"DELETE FROM workers WHERE workspace_sid = ? AND sid IN (?)") // and worker_channels
	remove(c.DeleteQueues,
		"DELETE FROM queue_members WHERE workspace_sid = ? AND queue_sid IN (?)",
		"DELETE FROM demand_classes WHERE workspace_sid = ? AND queue_sid IN (?)",
		"DELETE FROM task_queues WHERE workspace_sid = ? AND sid IN (?)")
	remove(c.DeleteWorkflows,
		"DELETE FROM workflow_versions WHERE workspace_sid = ? AND workflow_sid IN (?)",
		"DELETE FROM workflows WHERE workspace_sid = ? AND sid IN (?)")
	remove(c.DeleteActivities, "DELETE FROM activities WHERE workspace_sid = ? AND sid IN (?)")
	remove(c.DeleteChannels, "DELETE FROM task_channels WHERE workspace_sid = ? AND sid IN (?)")
	remove(c.DeleteCallQueues, "DELETE FROM call_queues WHERE workspace_sid = ? AND sid IN (?)") // and numbers
	for _, q := range c.DeleteQueues {
		t.store.members.forget(q)
	}
}

// deleteWorkspace removes the Workspace and whatever is left of it, its lock
// included: who waits for the lock finds that the Workspace does not exist.
// Only the notices stay, which end the durable runs.
func (t *transaction) deleteWorkspace(b *batch) {
	ws := t.lock.WorkspaceSID
	for _, table := range []string{
		"legs", "calls", "reservations", "tasks", "demand_classes", "jobs", "events",
		"queue_members", "worker_channels", "workers", "call_queues", "workflow_versions", "workflows",
		"task_queues", "task_channels", "activities", "workspace_locks",
	} {
		b.add("DELETE FROM "+table+" WHERE workspace_sid = ?", ws)
	}
	b.add("DELETE FROM workspaces WHERE sid = ?", ws)
}
