package store

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/taskrouter/taskrouter/dispatch"
	"github.com/taskrouter/taskrouter/store/compiled"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// manyMembers is the size of a queue from which walking the idle order of the
// whole channel, and asking for each whether they are a member, beats sorting
// the members: with ten thousand agents both look at a few hundred rows there.
const manyMembers = 512

// withChannels reads the channels of Workers, in one more statement.
func (t *transaction) withChannels(ctx context.Context, workers []*taskrouter.Worker) ([]*dispatch.Agent, error) {
	if len(workers) == 0 {
		return nil, nil
	}
	sids := mapped(workers, func(w *taskrouter.Worker) string { return w.SID })
	channels, err := find(ctx, t.q, "read Worker channels", (*workerChannelRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.ofWorkers(q).Where("worker_sid IN (?)", bun.List(sids))
	})
	if err != nil {
		return nil, err
	}
	return agentsOf(workers, channels), nil
}

// ofWorkers sorts channels as an agent has them.
func (t *transaction) ofWorkers(q *bun.SelectQuery) *bun.SelectQuery {
	return t.here(q).OrderExpr("worker_sid, created_at, sid")
}

// agentsOf joins Workers and their channels.
func agentsOf(workers []*taskrouter.Worker, channels []*taskrouter.WorkerChannel) []*dispatch.Agent {
	agents := make([]*dispatch.Agent, len(workers))
	bySID := make(map[string]*dispatch.Agent, len(workers))
	for i, w := range workers {
		agents[i] = &dispatch.Agent{Worker: w}
		bySID[w.SID] = agents[i]
	}
	for _, c := range channels {
		if a := bySID[c.WorkerSID]; a != nil {
			a.Channels = append(a.Channels, c)
		}
	}
	return agents
}

func (t *transaction) agents(ctx context.Context, build func(*bun.SelectQuery) *bun.SelectQuery) ([]*dispatch.Agent, error) {
	workers, err := find(ctx, t.q, "read Workers", (*workerRow).domain, build)
	if err != nil {
		return nil, err
	}
	return t.withChannels(ctx, workers)
}

// Agents returns the Workers that exist, in no order.
func (t *transaction) Agents(ctx context.Context, sids ...string) ([]*dispatch.Agent, error) {
	if len(sids) == 0 {
		return nil, nil
	}
	if a, ok := t.agentAhead(sids); ok {
		return []*dispatch.Agent{a}, nil
	}
	return t.agents(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("sid IN (?)", bun.List(sids))
	})
}

// AgentNamed finds a Worker by friendly name, without case, or nil.
func (t *transaction) AgentNamed(ctx context.Context, name string) (*dispatch.Agent, error) {
	found, err := t.agents(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("name_key = ?", nameKey(name))
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// AllAgents pages through the Workers by SID.
func (t *transaction) AllAgents(ctx context.Context, after string, limit int) ([]*dispatch.Agent, error) {
	return t.agents(ctx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return t.here(q).Where("sid > ?", after).OrderExpr("sid").Limit(int64(limit))
	})
}

// Candidates returns members of a queue that are available with room on the
// channel, longest idle first, then by SID. Its cost depends on the size of
// the queue or on how many others are free, whichever is smaller; agents
// without room are never looked at. SingleTasking looks at free agents that
// are busy elsewhere.
func (t *transaction) Candidates(ctx context.Context, c dispatch.CandidateQuery) ([]*dispatch.Agent, error) {
	idle := "c.worker_idle_at"
	if c.ByChannel {
		idle = "c.last_reserved_at"
	}
	// The databases cannot be left to choose: SQLite keeps no statistics, and
	// PostgreSQL does not know that the members of a small queue may all be at
	// the end of the idle order.
	walk, err := t.store.members.atLeast(ctx, t.q, c.QueueSID, manyMembers)
	if err != nil {
		return nil, err
	}
	// CROSS JOIN keeps SQLite to the order of the tables; to PostgreSQL it is
	// a join like any other, which the names of the conditions lead to the
	// same order. Sorting by a sum keeps both from walking an index for the
	// members of a small queue.
	page := t.q.NewSelect().ColumnExpr("c.worker_sid AS sid, " + idle + " AS idle")
	order := "idle, c.worker_sid"
	if walk {
		page = page.TableExpr("worker_channels AS c").Where("c.workspace_sid = ?", t.lock.WorkspaceSID).
			Where("EXISTS (SELECT 1 FROM queue_members AS m WHERE m.queue_sid = ? AND m.worker_sid = c.worker_sid)", c.QueueSID)
	} else {
		page = page.TableExpr("queue_members AS m CROSS JOIN worker_channels AS c").
			Where("m.workspace_sid = ? AND m.queue_sid = ? AND c.worker_sid = m.worker_sid", t.lock.WorkspaceSID, c.QueueSID)
		order = idle + " + 0, c.worker_sid"
	}
	// These are the terms of the partial indexes. SQLite turns a comparison
	// with the column on the right around, and would not recognise it then.
	page = page.Where("c.task_channel_sid = ?", c.ChannelSID).
		Where("c.worker_available AND c.available AND c.configured_capacity > c.pending + c.accepted + c.wrapping")
	if c.SingleTasking {
		page = page.Where("NOT EXISTS (SELECT 1 FROM reservations AS r WHERE r.worker_sid = c.worker_sid AND r.is_open)")
	}
	if c.AfterSID != "" {
		page = page.Where("("+idle+", c.worker_sid) > (?, ?)", micros(c.AfterIdle), c.AfterSID)
	}
	page = page.OrderExpr(order).Limit(int64(c.Limit))
	workers, err := find(ctx, t.q, "read candidates", (*workerRow).domain, func(q *bun.SelectQuery) *bun.SelectQuery {
		// The page is found before any Worker is read.
		return q.ModelTableExpr("(?) AS p CROSS JOIN workers", page).Where("workers.sid = p.sid").OrderExpr("p.idle, p.sid")
	})
	if err != nil {
		return nil, err
	}
	return t.withChannels(ctx, workers)
}

// IsMember reports whether a Worker is a member of a queue.
func (t *transaction) IsMember(ctx context.Context, queueSID, workerSID string) (bool, error) {
	n, err := value[int](ctx, t.q, "read a membership",
		"SELECT 1 FROM queue_members WHERE workspace_sid = ? AND queue_sid = ? AND worker_sid = ?",
		t.lock.WorkspaceSID, queueSID, workerSID)
	return n == 1, err
}

// QueuesOf lists the queues a Worker is a member of, by SID.
func (t *transaction) QueuesOf(ctx context.Context, workerSID string) ([]string, error) {
	return column[string](ctx, t.q, "read memberships",
		"SELECT queue_sid FROM queue_members WHERE workspace_sid = ? AND worker_sid = ? ORDER BY queue_sid",
		t.lock.WorkspaceSID, workerSID)
}

// Presence counts the members of a queue by Activity SID.
func (t *transaction) Presence(ctx context.Context, queueSID string) (map[string]int, error) {
	var rows []struct {
		ActivitySID string `bun:"activity_sid"`
		N           int    `bun:"n"`
	}
	err := t.q.NewRaw("SELECT "+compiled.Anew+" w.activity_sid AS activity_sid, COUNT(*) AS n FROM queue_members AS m"+
		" JOIN workers AS w ON w.sid = m.worker_sid WHERE m.workspace_sid = ? AND m.queue_sid = ? GROUP BY w.activity_sid",
		t.lock.WorkspaceSID, queueSID).Scan(ctx, &rows)
	if err != nil {
		return nil, classify(err, "count members")
	}
	out := make(map[string]int, len(rows))
	for _, r := range rows {
		out[r.ActivitySID] = r.N
	}
	return out, nil
}
