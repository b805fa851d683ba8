package store

import (
	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/taskrouter"
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
	for i := range c.Events {
		if c.Events[i].Type == taskrouter.WorkerDeleted {
			t.endStay(b, c.Events[i].WorkerSID, c.Events[i].At)
		}
	}
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

// unlessDelivered spares what a delivery under way still needs.
const unlessDelivered = " AND workspace_sid NOT IN (SELECT d.workspace_sid FROM deliveries AS d WHERE d.is_active)"

// deleteWorkspace removes the Workspace and whatever is left of it, its lock
// included: who waits for the lock finds that the Workspace does not exist.
// Only the notices stay, which end the durable runs, and the events that are
// still to be sent to a callback URL, with the delivery that removes them.
func (t *transaction) deleteWorkspace(b *batch) {
	ws := t.lock.WorkspaceSID
	for _, s := range []string{
		"DELETE FROM legs WHERE task_sid IN (SELECT sid FROM tasks WHERE workspace_sid = ?)",
		"DELETE FROM reservations WHERE task_sid IN (SELECT sid FROM tasks WHERE workspace_sid = ?)",
		"DELETE FROM tasks WHERE workspace_sid = ?",
		"DELETE FROM calls WHERE workspace_sid = ?",
		"DELETE FROM demand_classes WHERE workspace_sid = ?",
		"DELETE FROM jobs WHERE workspace_sid = ?",
		"DELETE FROM events WHERE workspace_sid = ?" + unlessDelivered,
		"DELETE FROM delivery_attempts WHERE workspace_sid = ?" + unlessDelivered,
		"DELETE FROM deliveries WHERE workspace_sid = ? AND NOT is_active AND callback_url = ''",
		"DELETE FROM log_cuts WHERE workspace_sid = ?",
		"DELETE FROM statistics WHERE workspace_sid = ?",
		"DELETE FROM statistics_waits WHERE workspace_sid = ?",
		"DELETE FROM statistics_histograms WHERE workspace_sid = ?",
		"DELETE FROM statistics_stays WHERE workspace_sid = ?",
		"DELETE FROM queue_members WHERE queue_sid IN (SELECT sid FROM task_queues WHERE workspace_sid = ?)",
		"DELETE FROM workers WHERE workspace_sid = ?",
		"DELETE FROM call_queues WHERE workspace_sid = ?",
		"DELETE FROM workflow_versions WHERE workflow_sid IN (SELECT sid FROM workflows WHERE workspace_sid = ?)",
		"DELETE FROM workflows WHERE workspace_sid = ?",
		"DELETE FROM task_queues WHERE workspace_sid = ?",
		"DELETE FROM task_channels WHERE workspace_sid = ?",
		"DELETE FROM activities WHERE workspace_sid = ?",
		"DELETE FROM workspaces WHERE sid = ?",
		"DELETE FROM workspace_locks WHERE workspace_sid = ?",
	} {
		b.add(s, ws)
	}
}
