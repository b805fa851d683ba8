package dispatch

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// coalesce is how long a notice may wait that asks for nothing new, and how
// long a sweeper leaves the sending of an urgent one to the process that
// committed it.
const coalesce = 2 * time.Second

func (u *Unit) touchTask(e *entry) { e.dirty, u.pending = true, true }

func (u *Unit) touchAgent(a *Agent) {
	if u.dirtyAgents == nil {
		u.dirtyAgents = map[string]bool{}
	}
	u.dirtyAgents[a.SID], u.pending, u.workersMoved = true, true, true
}

func (u *Unit) touchChannel(c *taskrouter.WorkerChannel) {
	if u.dirtyRows == nil {
		u.dirtyRows = map[string]*taskrouter.WorkerChannel{}
	}
	u.dirtyRows[c.SID], u.pending, u.workersMoved = c, true, true
}

func (u *Unit) touchReservation(r *taskrouter.Reservation) {
	if u.dirtyRes == nil {
		u.dirtyRes = map[string]*taskrouter.Reservation{}
	}
	u.dirtyRes[r.SID], u.pending = r, true
}

func (u *Unit) touchCall(c *taskrouter.Call) {
	if u.dirtyCalls == nil {
		u.dirtyCalls = map[CallRef]bool{}
	}
	c.UpdatedAt = u.at
	ref := CallRef{c.AccountSID, c.Backend, c.CallSID}
	u.calls[ref] = c
	u.dirtyCalls[ref], u.pending = true, true
}

func (u *Unit) touchLeg(e *entry, l *taskrouter.Leg) {
	if e.dirtyLeg == nil {
		e.dirtyLeg = map[string]bool{}
	}
	l.UpdatedAt = u.at
	e.dirtyLeg[l.Attempt] = true
	u.touchTask(e)
}

// Emit appends an event to the log, in this transaction.
func (u *Unit) Emit(typ taskrouter.EventType, s taskrouter.Scene) {
	if s.Workspace == nil && u.cfg() != nil {
		s.Workspace = u.cfg().Workspace
	}
	e := taskrouter.NewEvent(typ, u.at, u.actor, s)
	e.AccountSID, e.WorkspaceSID = u.lock().AccountSID, u.lock().WorkspaceSID
	u.lock().EventSeq++
	e.Seq = u.lock().EventSeq
	u.changes.Events = append(u.changes.Events, e)
	u.pending = true
}

// flush writes what was collected, in one round trip.
func (u *Unit) flush(ctx context.Context) error { return u.write(ctx, false) }

// conclude is the flush behind which the command does nothing any more; that of
// the last command of a transaction commits.
func (u *Unit) conclude(ctx context.Context) error { return u.write(ctx, u.last) }

func (u *Unit) write(ctx context.Context, last bool) error {
	if !u.pending {
		return nil
	}
	c := &u.changes
	for _, sid := range u.order {
		if e := u.tasks[sid]; e.dirty {
			u.writeTask(e)
		}
	}
	c.Reservations = append(c.Reservations, sorted(u.dirtyRes)...)
	for _, sid := range sortedKeys(u.dirtyAgents) {
		c.Workers = append(c.Workers, u.agents[sid].Worker)
	}
	c.WorkerChannels = append(c.WorkerChannels, sorted(u.dirtyRows)...)
	for ref := range u.dirtyCalls {
		c.Calls = append(c.Calls, u.calls[ref])
	}
	if u.configDirty {
		u.lock().ConfigRevision++
		u.cfg().Revision = u.lock().ConfigRevision
		u.configDirty = false
	}
	c.Classes = mergeClasses(c.Classes)
	c.Lock = *u.lock()
	c.Last = last && u.b.settled()
	u.wrote, u.b.wrote = true, true
	if err := u.tx.Apply(ctx, c); err != nil {
		return err
	}
	u.b.concluded = c.Last
	u.b.watch.emitted(c.Events)
	u.changes = Changes{}
	u.dirtyAgents, u.dirtyRows, u.dirtyRes, u.dirtyCalls = nil, nil, nil, nil
	u.tasksMoved, u.workersMoved, u.pending = false, false, false
	return nil
}

// writeTask collects one changed Task with its legs, its place in the waiting
// line and the notice its durable run needs.
func (u *Unit) writeTask(e *entry) {
	e.dirty = false
	t := e.Task
	for _, l := range e.legs {
		if e.dirtyLeg[l.Attempt] {
			u.changes.Legs = append(u.changes.Legs, l)
		}
	}
	e.dirtyLeg = nil
	if e.deleted {
		u.changes.DeleteTasks = append(u.changes.DeleteTasks, t.SID)
	}
	t.Revision++
	if t.UpdatedAt.Before(u.at) {
		t.UpdatedAt = u.at
	}
	due, _ := u.deadline(e)
	if !e.deleted {
		u.changes.Tasks = append(u.changes.Tasks, TaskWrite{Task: t, Deadline: due})
		if next := u.lock().NextDue; !due.IsZero() && (next.IsZero() || due.Before(next)) {
			u.lock().NextDue = due
		}
	}
	u.note(e, due)
}

// note decides how soon the durable run must hear of the change: at once when
// it has something to do, an end or an earlier deadline to learn of, within
// two seconds otherwise.
func (u *Unit) note(e *entry, due time.Time) {
	v := u.view(e)
	urgent := e.created || v.ToDo() || v.Ended() || (!due.IsZero() && (e.was.IsZero() || due.Before(e.was)))
	n := Notice{
		TaskRef:  TaskRef{AccountSID: v.AccountSID, WorkspaceSID: v.WorkspaceSID, TaskSID: v.TaskSID},
		Revision: v.Revision,
		DueAt:    u.at.Add(coalesce),
		First:    e.created,
	}
	u.changes.Notices = append(u.changes.Notices, n)
	u.b.deliveries = append(u.b.deliveries, delivery{notice: n, view: v, urgent: urgent, origin: u.origin})
	e.created = false
	if due.IsZero() || (!e.was.IsZero() && e.was.Before(due)) {
		return // the old timer fires first and finds the later deadline
	}
	e.was = due
}

// lineUp puts a Task into its demand class, or takes it out with an empty key.
func (u *Unit) lineUp(e *entry, class *DemandClass) {
	key := ""
	if class != nil {
		key = class.Key
	}
	e.Task.DemandClass = key
	if e.class == key {
		return
	}
	if e.class != "" {
		u.changes.Classes = append(u.changes.Classes, &DemandClass{Key: e.class, WorkspaceSID: u.b.workspaceSID, Waiting: -1})
	}
	if class != nil {
		class.Waiting = 1
		u.changes.Classes = append(u.changes.Classes, class)
	}
	e.class = key
	u.tasksMoved = true
	u.touchTask(e)
}

// mergeClasses sums the differences of each class, so that a key is written
// once; classes that did not change in the end are left out.
func mergeClasses(in []*DemandClass) []*DemandClass {
	byKey := map[string]*DemandClass{}
	for _, c := range in {
		have := byKey[c.Key]
		switch {
		case have == nil:
			copied := *c
			byKey[c.Key] = &copied
		case have.QueueSID == "": // only a difference so far: take the whole row
			n := have.Waiting + c.Waiting
			*have = *c
			have.Waiting = n
		default:
			have.Waiting += c.Waiting
		}
	}
	var out []*DemandClass
	for _, c := range sorted(byKey) {
		if c.Waiting != 0 {
			out = append(out, c)
		}
	}
	return out
}
