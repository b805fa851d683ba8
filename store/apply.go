package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store/compiled"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Apply writes all changes in one round trip (several when there are megabytes
// of them). Of rows with the same key the last one counts. A change of
// configuration always gets a new revision, whether the caller thought of it or
// not. Where statements travel together, a commit travels along with the last.
func (t *transaction) Apply(ctx context.Context, c *dispatch.Changes) error {
	if t.failed != nil {
		return t.failed
	}
	if t.ended {
		return &taskrouter.Error{Kind: taskrouter.KindInternal, Message: "write changes: behind the last"}
	}
	t.ahead = nil
	if err := t.checkScope(c); err != nil {
		t.failed = err
		return err
	}
	b := newBatch(t.q, t.store.write.QueryGen())
	b.sent = t.store.sent
	t.writeConfiguration(ctx, b, c)
	t.writeAgents(ctx, b, c)
	t.writeWork(ctx, b, c)
	t.writeCalls(ctx, b, c)
	t.writeLog(ctx, b, c)
	writeClaims(b, c)
	t.deleteRows(b, c)
	if c.DeleteWorkspace {
		t.deleteWorkspace(b)
	} else {
		t.writeLock(b, c)
	}
	last := c.Last && t.store.dialect.together
	if last {
		b.add(compiled.Commit)
	}
	err := b.send(ctx)
	if last {
		err = doubtful(err, "write changes")
	}
	if err := classify(err, "write changes"); err != nil {
		t.failed = err
		return err
	}
	t.ended = last
	return nil
}

// checkScope refuses rows of another Workspace.
func (t *transaction) checkScope(c *dispatch.Changes) error {
	ws := t.lock.WorkspaceSID
	if c.Workspace != nil && c.Workspace.SID != ws {
		return errForeign("workspace", c.Workspace.SID)
	}
	return cmp.Or(
		foreign("task", ws, c.Tasks, func(r dispatch.TaskWrite) (string, string) { return r.SID, r.WorkspaceSID }),
		foreign("reservation", ws, c.Reservations, func(r *taskrouter.Reservation) (string, string) { return r.SID, r.WorkspaceSID }),
		foreign("worker", ws, c.Workers, func(r *taskrouter.Worker) (string, string) { return r.SID, r.WorkspaceSID }),
		foreign("worker channel", ws, c.WorkerChannels, func(r *taskrouter.WorkerChannel) (string, string) { return r.SID, r.WorkspaceSID }),
		foreign("call", ws, c.Calls, func(r *taskrouter.Call) (string, string) { return r.CallSID, r.WorkspaceSID }),
		foreign("leg", ws, c.Legs, func(r *taskrouter.Leg) (string, string) { return r.Attempt, r.WorkspaceSID }),
		foreign("event", ws, c.Events, func(r taskrouter.Event) (string, string) { return r.SID, r.WorkspaceSID }),
		foreign("activity", ws, c.Activities, func(r *taskrouter.Activity) (string, string) { return r.SID, r.WorkspaceSID }),
		foreign("task channel", ws, c.Channels, func(r *taskrouter.TaskChannel) (string, string) { return r.SID, r.WorkspaceSID }),
		foreign("task queue", ws, c.Queues, func(r *taskrouter.TaskQueue) (string, string) { return r.SID, r.WorkspaceSID }),
		foreign("workflow", ws, c.Workflows, func(r *taskrouter.Workflow) (string, string) { return r.SID, r.WorkspaceSID }),
		foreign("call queue", ws, c.CallQueues, func(r *taskrouter.CallQueue) (string, string) { return r.SID, r.WorkspaceSID }),
	)
}

// foreign finds a row outside the Workspace; place returns its SID and its
// Workspace.
func foreign[R any](what, workspaceSID string, rows []R, place func(R) (sid, workspace string)) error {
	for _, r := range rows {
		if sid, workspace := place(r); workspace != workspaceSID {
			return errForeign(what, sid)
		}
	}
	return nil
}

// latest keeps the last element of each key, in the order of the first.
func latest[T any, K comparable](in []T, key func(T) K) []T {
	if len(in) < 2 {
		return in
	}
	at := make(map[K]int, len(in))
	out := make([]T, 0, len(in))
	for _, v := range in {
		k := key(v)
		if i, ok := at[k]; ok {
			out[i] = v
			continue
		}
		at[k] = len(out)
		out = append(out, v)
	}
	return out
}

func (t *transaction) writeConfiguration(ctx context.Context, b *batch, c *dispatch.Changes) {
	u := &t.store.upserts
	if c.Workspace != nil {
		insert(ctx, b, []*workspaceRow{fromWorkspace(c.Workspace)}, u.workspaces)
		t.writeDelivery(b, c)
	}
	insert(ctx, b, latest(mapped(c.Activities, fromActivity), func(r *activityRow) string { return r.SID }), u.activities)
	insert(ctx, b, latest(mapped(c.Channels, fromChannel), func(r *channelRow) string { return r.SID }), u.channels)
	insert(ctx, b, latest(mapped(c.Queues, fromQueue), func(r *queueRow) string { return r.SID }), u.queues)
	writeWorkflows(ctx, b, c.Workflows, u)
	writeCallQueues(ctx, b, c.CallQueues, u)
}

// writeWorkflows keeps every text a configuration ever had.
func writeWorkflows(ctx context.Context, b *batch, workflows []*taskrouter.Workflow, u *upserts) {
	rows := latest(mapped(workflows, fromWorkflow), func(r *workflowRow) string { return r.SID })
	insert(ctx, b, rows, u.workflows)
	insert(ctx, b, mapped(rows, func(r *workflowRow) *workflowVersionRow {
		return &workflowVersionRow{
			WorkflowSID: r.SID, ConfigVersion: r.ConfigVersion,
			WorkspaceSID: r.WorkspaceSID, Configuration: r.Configuration,
		}
	}), "CONFLICT (workflow_sid, config_version) DO NOTHING")
}

func writeCallQueues(ctx context.Context, b *batch, queues []*taskrouter.CallQueue, u *upserts) {
	queues = latest(queues, func(q *taskrouter.CallQueue) string { return q.SID })
	if len(queues) == 0 {
		return
	}
	insert(ctx, b, mapped(queues, fromCallQueue), u.callQueues)
	b.add("DELETE FROM call_queue_numbers WHERE call_queue_sid IN (?)",
		bun.List(mapped(queues, func(q *taskrouter.CallQueue) string { return q.SID })))
	var numbers []*numberRow
	for _, q := range queues {
		for i, n := range q.PhoneNumbers {
			numbers = append(numbers, &numberRow{Backend: q.Backend, PhoneNumber: n, CallQueueSID: q.SID, Position: i})
		}
	}
	insert(ctx, b, numbers, "")
}

// writeAgents writes Workers, their channels and memberships, and repeats what
// the idle order needs of a Worker in all of its channels.
func (t *transaction) writeAgents(ctx context.Context, b *batch, c *dispatch.Changes) {
	u := &t.store.upserts
	workers := map[string]*workerRow{}
	for _, w := range c.Workers {
		workers[w.SID] = fromWorker(w)
	}
	rows := sorted(workers)
	insert(ctx, b, rows, u.workers)

	touched := map[string]bool{}
	for sid := range workers {
		touched[sid] = true
	}
	var with, alone []*workerChannelRow
	for _, r := range latest(mapped(c.WorkerChannels, fromWorkerChannel), func(r *workerChannelRow) string { return r.SID }) {
		if r.UpdatedAt <= r.CreatedAt {
			touched[r.WorkerSID] = true // it may be new; an older one has it already
		}
		if w := workers[r.WorkerSID]; w != nil {
			r.WorkerAvailable, r.WorkerIdleAt = w.Available, w.LastReservedAt
			with = append(with, r)
		} else {
			alone = append(alone, r)
		}
	}
	insert(ctx, b, with, u.workerChannels)
	insert(ctx, b, alone, u.workerChannelsAlone)
	if len(touched) > 0 {
		sids := make([]string, 0, len(touched))
		for sid := range touched {
			sids = append(sids, sid)
		}
		slices.Sort(sids)
		b.add("UPDATE worker_channels SET worker_available = w.available, worker_idle_at = w.last_reserved_at"+
			" FROM workers AS w WHERE w.sid = worker_channels.worker_sid AND w.sid IN (?)"+
			" AND (worker_channels.worker_available <> w.available OR worker_channels.worker_idle_at <> w.last_reserved_at)",
			bun.List(sids))
	}

	insert(ctx, b, mapped(latest(c.Join, identity), func(m dispatch.Membership) *memberRow {
		return &memberRow{QueueSID: m.QueueSID, WorkerSID: m.WorkerSID, WorkspaceSID: t.lock.WorkspaceSID}
	}), "CONFLICT (queue_sid, worker_sid) DO NOTHING")
	for queue, leaving := range grouped(c.Leave) {
		b.add("DELETE FROM queue_members WHERE workspace_sid = ? AND queue_sid = ? AND worker_sid IN (?)",
			t.lock.WorkspaceSID, queue, bun.List(leaving))
	}
	for _, m := range c.Join {
		t.store.members.forget(m.QueueSID)
	}
	for _, m := range c.Leave {
		t.store.members.forget(m.QueueSID)
	}
}

func identity(m dispatch.Membership) dispatch.Membership { return m }

// grouped lists the Workers of each queue.
func grouped(members []dispatch.Membership) map[string][]string {
	out := map[string][]string{}
	for _, m := range members {
		out[m.QueueSID] = append(out[m.QueueSID], m.WorkerSID)
	}
	return out
}

// sorted lists the rows of a map by key: rows are always locked in the same
// order.
func sorted[R any](m map[string]*R) []*R {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]*R, len(keys))
	for i, k := range keys {
		out[i] = m[k]
	}
	return out
}

func (t *transaction) writeWork(ctx context.Context, b *batch, c *dispatch.Changes) {
	u := &t.store.upserts
	tasks := mapped(c.Tasks, func(w dispatch.TaskWrite) *taskRow { return fromTask(w.Task, w.Deadline) })
	insert(ctx, b, latest(tasks, func(r *taskRow) string { return r.SID }), u.tasks)
	reservations := mapped(c.Reservations, fromReservation)
	insert(ctx, b, latest(reservations, func(r *reservationRow) string { return r.SID }), u.reservations)

	classes := map[string]*classRow{}
	for _, d := range c.Classes {
		r := fromClass(d)
		r.WorkspaceSID = t.lock.WorkspaceSID
		if have := classes[d.Key]; have != nil {
			have.Waiting += r.Waiting
			if have.Sample == "" {
				have.Sample = r.Sample
			}
			continue
		}
		classes[d.Key] = r
	}
	rows := slices.DeleteFunc(sorted(classes), func(r *classRow) bool { return r.Waiting == 0 })
	insert(ctx, b, rows, u.classes)
	less := slices.DeleteFunc(slices.Clone(rows), func(r *classRow) bool { return r.Waiting > 0 })
	if len(less) > 0 {
		b.add("DELETE FROM demand_classes WHERE workspace_sid = ? AND class_key IN (?) AND waiting <= 0",
			t.lock.WorkspaceSID, bun.List(mapped(less, func(r *classRow) string { return r.Key })))
	}
}

func (t *transaction) writeCalls(ctx context.Context, b *batch, c *dispatch.Changes) {
	u := &t.store.upserts
	type key struct{ account, backend, call string }
	insert(ctx, b, latest(mapped(c.Calls, fromCall), func(r *callRow) key {
		return key{r.AccountSID, r.Backend, r.CallSID}
	}), u.calls)

	legs := latest(c.Legs, func(l *taskrouter.Leg) string { return l.Attempt })
	insert(ctx, b, mapped(legs, fromLeg), u.legs)
	var calls []*legCallRow
	for _, l := range legs {
		for _, sid := range l.CallSIDs {
			calls = append(calls, &legCallRow{Backend: l.Backend, CallSID: sid, Attempt: l.Attempt})
		}
		if l.CallSID != "" {
			calls = append(calls, &legCallRow{Backend: l.Backend, CallSID: l.CallSID, Attempt: l.Attempt})
		}
	}
	insert(ctx, b, latest(calls, func(r *legCallRow) key { return key{"", r.Backend, r.CallSID} }), u.legCalls)
}

func (t *transaction) writeLog(ctx context.Context, b *batch, c *dispatch.Changes) {
	u := &t.store.upserts
	events := make([]*eventRow, len(c.Events))
	for i := range c.Events {
		events[i] = fromEvent(&c.Events[i])
	}
	insert(ctx, b, events, "")
	t.writeStatistics(ctx, b, c.Events)

	notices := mapped(c.Notices, func(n dispatch.Notice) *noticeRow {
		r := fromNotice(n)
		r.WorkspaceSID = t.lock.WorkspaceSID
		return r
	})
	insert(ctx, b, mergeNotices(notices), u.notices)

	jobs := map[string]*jobRow{}
	done := map[string]bool{}
	for _, j := range c.Jobs {
		r := fromJob(j)
		r.WorkspaceSID = t.lock.WorkspaceSID
		jobs[j.ID], done[j.ID] = r, j.Done
	}
	rows := sorted(jobs)
	insert(ctx, b, slices.DeleteFunc(slices.Clone(rows), func(r *jobRow) bool { return done[r.ID] }), u.jobs)
	finished := slices.DeleteFunc(rows, func(r *jobRow) bool { return !done[r.ID] })
	if len(finished) > 0 {
		b.add("DELETE FROM jobs WHERE workspace_sid = ? AND id IN (?)",
			t.lock.WorkspaceSID, bun.List(mapped(finished, func(r *jobRow) string { return r.ID })))
	}
}

// mergeNotices makes one row a Task, as the upsert would, in the order of the
// key: senders claim rows in that order too.
func mergeNotices(in []*noticeRow) []*noticeRow {
	byTask := map[string]*noticeRow{}
	for _, n := range in {
		have := byTask[n.TaskSID]
		if have == nil {
			byTask[n.TaskSID] = n
			continue
		}
		have.Revision = max(have.Revision, n.Revision)
		have.DueAt = min(have.DueAt, n.DueAt)
		have.IsFirst = have.IsFirst || n.IsFirst
	}
	return sorted(byTask)
}

// writeLock stores the counters. They never go back: a number that was given to
// an event is not given again, and a new configuration has a new revision.
func (t *transaction) writeLock(b *batch, c *dispatch.Changes) {
	next := t.lock
	if c.Lock.WorkspaceSID == t.lock.WorkspaceSID {
		next = c.Lock
		next.AccountSID = t.lock.AccountSID
	}
	next.EventSeq = max(next.EventSeq, t.lock.EventSeq)
	next.ConfigRevision = max(next.ConfigRevision, t.lock.ConfigRevision)
	for i := range c.Events {
		next.EventSeq = max(next.EventSeq, c.Events[i].Seq)
	}
	if changesConfiguration(c) {
		t.configured = true
		next.ConfigRevision = max(next.ConfigRevision, t.revision+1)
	}
	if next == t.lock {
		return
	}
	b.add("UPDATE workspace_locks SET config_revision = ?, event_seq = ?, next_due = ? WHERE workspace_sid = ?",
		next.ConfigRevision, next.EventSeq, micros(next.NextDue), next.WorkspaceSID)
	next.NextDue = instant(micros(next.NextDue))
	t.lock = next
}

// changesConfiguration reports whether c changes what Config returns.
func changesConfiguration(c *dispatch.Changes) bool {
	return c.Workspace != nil || len(c.Activities)+len(c.Channels)+len(c.Queues)+len(c.Workflows)+len(c.CallQueues)+
		len(c.DeleteActivities)+len(c.DeleteChannels)+len(c.DeleteQueues)+len(c.DeleteWorkflows)+len(c.DeleteCallQueues) > 0
}
