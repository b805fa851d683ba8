package dispatch

import (
	"context"
	"slices"

	"github.com/taskrouter/taskrouter/rules"
)

// Change is a kind of state change after which somebody may fit who did not
// fit before.
type Change string

// The changes matching reacts to.
const (
	ReservationEnded     Change = "reservation ended"
	ReservationMoved     Change = "reservation created, accepted or wrapping"
	WorkerAdded          Change = "worker created"
	WorkerMoved          Change = "worker's activity changed"
	WorkerRewritten      Change = "worker's attributes or name changed"
	CapacityChanged      Change = "worker's capacity changed"
	ChannelSwitched      Change = "worker's channel switched on or off"
	TaskEntered          Change = "task entered a target"
	TaskResorted         Change = "task's priority, start time or channel changed"
	TaskRewritten        Change = "task's attributes changed"
	BackoffOver          Change = "pause after a failed offer is over"
	QueueRewritten       Change = "queue's expression changed"
	QueueReordered       Change = "queue's order changed"
	WorkflowReEvaluated  Change = "workflow's tasks are routed again"
	ActivityRenamed      Change = "activity renamed"
	ChannelAdded         Change = "task channel added"
	MultiTaskingSwitched Change = "workspace became multitasking"
)

// Trigger says what is matched again after a change.
type Trigger struct {
	Change Change
	// Agents matches the agents concerned on every channel with room.
	Agents bool
	// Task matches the Task concerned in its target.
	Task bool
	// Job is the bulk job that matches when the change concerns many.
	Job JobKind
	// OnlyLive limits the row to Workspaces whose expressions read values that
	// change while an agent works, such as the number of assigned Tasks.
	OnlyLive bool
}

// Triggers is the whole table. A change without a row, or with an empty one,
// makes nobody fit who did not fit before: a new order of a queue, for
// example, says who is first among those that wait because nobody fits them.
func Triggers() []Trigger {
	return []Trigger{
		{Change: ReservationEnded, Agents: true, Task: true},
		{Change: ReservationMoved, Agents: true, OnlyLive: true},
		{Change: WorkerAdded, Agents: true},
		{Change: WorkerMoved, Agents: true},
		{Change: WorkerRewritten, Agents: true},
		{Change: CapacityChanged, Agents: true},
		{Change: ChannelSwitched, Agents: true},
		{Change: TaskEntered, Task: true},
		{Change: TaskResorted, Task: true},
		{Change: TaskRewritten, Task: true},
		{Change: BackoffOver, Task: true},
		{Change: QueueRewritten, Job: JobMembership},
		{Change: QueueReordered},
		{Change: WorkflowReEvaluated, Job: JobReEvaluate},
		{Change: ActivityRenamed, Job: JobMatchWorkers},
		{Change: ChannelAdded, Job: JobAddChannel},
		{Change: MultiTaskingSwitched, Job: JobMatchWorkers},
	}
}

// trigger finds the row of a change.
func trigger(c Change) Trigger {
	rows := Triggers()
	i := slices.IndexFunc(rows, func(t Trigger) bool { return t.Change == c })
	if i < 0 {
		return Trigger{Change: c}
	}
	return rows[i]
}

// changed matches again what the table says for a change. Agents are matched
// only after the Task that lost them had its turn in line.
func (u *Unit) changed(ctx context.Context, c Change, e *entry, agents ...string) error {
	row := trigger(c)
	switch {
	case row.Agents && row.Task:
		return u.settle(ctx, e, agents)
	case row.Agents:
		return u.matchAgents(ctx, agents...)
	case row.Task:
		return u.retry(ctx, e)
	}
	return nil
}

// stirred remembers an agent whose live values changed. It is matched at the
// end of the command, when everything the command does to the waiting lines
// has been done.
func (u *Unit) stirred(ctx context.Context, workerSID string) {
	if row := trigger(ReservationMoved); !row.Agents || (row.OnlyLive && !u.readsLive(ctx)) {
		return
	}
	if !slices.Contains(u.restless, workerSID) {
		u.restless = append(u.restless, workerSID)
	}
}

// calm matches the agents whose live values changed. Each match may stir
// others; capacity bounds how often.
func (u *Unit) calm(ctx context.Context) error {
	for len(u.restless) > 0 {
		agents := u.restless
		u.restless = nil
		if err := u.matchAgents(ctx, agents...); err != nil {
			return err
		}
	}
	return nil
}

// readsLive reports whether an expression of the Workspace reads a live value.
func (u *Unit) readsLive(ctx context.Context) bool {
	s := u.cfg()
	if s.live == nil {
		live := false
		for _, q := range s.Queues {
			p := u.queueProgram(q)
			live = live || (p != nil && p.Live())
		}
		for _, w := range s.Workflows {
			// Compiling notes whether a target reads one.
			_, err := u.routing(ctx, w.SID, w.ConfigVersion)
			u.broken(err, w.SID)
		}
		s.live = &live
	}
	s.routings.mu.Lock()
	defer s.routings.mu.Unlock()
	return *s.live || s.routings.live
}

// liveRouting reports whether a target's expression reads a live value.
func liveRouting(r *rules.Routing) bool {
	for f := rules.DefaultFilter; ; f++ {
		tg, ok := r.At(rules.Position{Filter: f})
		if !ok && f >= 0 {
			return false
		}
		for i := 1; ok; i++ {
			if tg.Expression != nil && tg.Expression.Live() {
				return true
			}
			if f == rules.DefaultFilter {
				break // it has one target, whatever the position says
			}
			tg, ok = r.At(rules.Position{Filter: f, Target: i})
		}
	}
}
