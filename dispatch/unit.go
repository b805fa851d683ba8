package dispatch

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/taskrouter"
)

// batch is one transaction: the lock row as it advances, and what is to be
// done once it is committed.
type batch struct {
	d            *Dispatcher
	workspaceSID string
	now          time.Time
	tx           Tx
	lock         LockRow
	cfg          *snapshot
	wrote        bool
	// concluded is set when the last changes are with the store, which may have
	// committed them: nothing makes the transaction fail any more.
	concluded  bool
	deliveries []delivery
	// aside are overdue Tasks that broke an earlier attempt.
	aside map[string]bool
	// watch measures the transaction; nil when nobody wants to know.
	watch *watch
}

// delivery is a notice with the view it carries.
type delivery struct {
	notice Notice
	view   taskrouter.View
	urgent bool
	// origin belongs to the trace of the command that is the reason; nil when
	// none is followed.
	origin context.Context
}

func (b *batch) begin(tx Tx) {
	b.tx, b.lock, b.cfg = tx, tx.Lock(), nil
	b.watch.locked()
	// Read under the lock: what a process waited for must not lie in its future.
	b.now = b.d.now()
	b.wrote, b.concluded, b.deliveries = false, false, nil
}

func (b *batch) unit() *Unit {
	return &Unit{
		d: b.d, b: b, tx: b.tx, at: b.now,
		actor:  taskrouter.SystemActor(b.workspaceSID),
		tasks:  map[string]*entry{},
		agents: map[string]*Agent{},
		calls:  map[CallRef]*taskrouter.Call{},
	}
}

// finish keeps the lower bound of the next deadline exact whenever it passed.
func (b *batch) finish(ctx context.Context) error {
	if b.settled() {
		return nil
	}
	next, err := b.tx.NextDue(ctx)
	if err != nil {
		return err
	}
	b.lock.NextDue = next
	return b.tx.Apply(ctx, &Changes{Lock: b.lock})
}

// settled reports that the bound is exact as it is.
func (b *batch) settled() bool { return b.lock.NextDue.IsZero() || b.lock.NextDue.After(b.now) }

func (b *batch) committed() {
	if b.cfg != nil {
		b.d.configs.put(b.workspaceSID, b.cfg)
	}
	if !b.wrote {
		return
	}
	b.d.opts.Crash(CrashAfterCommit)
	b.d.outbox.send(coalesced(b.deliveries))
	if b.d.opts.OnCommit != nil {
		b.d.opts.OnCommit(b.workspaceSID)
	}
}

// coalesced keeps the last view of each Task, in the order in which the Tasks
// came first: two notices of one commit could overtake each other.
func coalesced(in []delivery) []delivery {
	if len(in) < 2 {
		return in
	}
	at := make(map[string]int, len(in))
	var out []delivery
	for _, x := range in {
		i, known := at[x.notice.TaskSID]
		if !known {
			at[x.notice.TaskSID] = len(out)
			out = append(out, x)
			continue
		}
		out[i] = out[i].then(x)
	}
	return out
}

// then is one delivery of two of the same Task, the second of which is later.
func (x delivery) then(y delivery) delivery {
	if x.notice.First { // the run is started by whoever made the Task
		y.notice.First, y.origin = true, x.origin
	}
	y.urgent = y.urgent || x.urgent
	return y
}

// Unit is one command inside the transaction: the rows it read, changed in
// memory, and the writes it collects.
type Unit struct {
	d     *Dispatcher
	b     *batch
	tx    Tx
	at    time.Time
	actor taskrouter.Actor
	// origin is what notices of this command say they come from; nil for nothing.
	origin context.Context

	tasks  map[string]*entry
	order  []string // SIDs of tasks in the order they were first touched
	agents map[string]*Agent
	calls  map[CallRef]*taskrouter.Call

	changes      Changes
	dirtyAgents  map[string]bool
	dirtyRows    map[string]*taskrouter.WorkerChannel
	dirtyRes     map[string]*taskrouter.Reservation
	dirtyCalls   map[CallRef]bool
	tasksMoved   bool // waiting lines changed: index reads need a write first
	workersMoved bool
	configDirty  bool
	restless     []string // agents whose live values changed
	freed        []string // agents an offer of the Task being matched has freed
	pending      bool     // something is collected and not written
	last         bool     // no command follows in the transaction
	quiet        bool     // it reads for somebody who is told; the log is for routing
	wrote        bool
}

// entry is a Task with its open Reservations and legs.
type entry struct {
	taskrouter.Offers
	legs     []*taskrouter.Leg
	scene    routeScene
	created  bool
	dirty    bool
	deleted  bool
	was      time.Time // deadline as it was loaded
	class    string    // demand class as stored
	dirtyLeg map[string]bool
}

func (u *Unit) lock() *LockRow { return &u.b.lock }

// Now is the transaction's time, in microseconds.
func (u *Unit) Now() time.Time { return u.at }

// Tx reads the Workspace. What this unit has not written yet is not in it.
func (u *Unit) Tx() Tx { return u.tx }

// As sets who causes the events that follow.
func (u *Unit) As(a taskrouter.Actor) {
	if a.Source != "" {
		u.actor = a
	}
}

// MintSID returns the SID of a resource this unit creates: a new one, or the
// one a client claimed before. A claimed SID is given out once, whoever asks
// again: this transaction marks the claim as done.
func (u *Unit) MintSID(ctx context.Context, p taskrouter.Prefix, claimed string) (string, error) {
	if claimed == "" {
		return taskrouter.NewSID(p), nil
	}
	if err := u.tx.ClaimUnused(ctx, claimed); err != nil {
		return "", err
	}
	u.changes.Claims = append(u.changes.Claims, claimed)
	return claimed, nil
}

// load reads the configuration; it must have been called before cfg.
func (u *Unit) load(ctx context.Context) error {
	if u.b.cfg != nil {
		return nil
	}
	s, err := u.d.configs.get(ctx, u.b.workspaceSID, u.b.lock.ConfigRevision, u.tx)
	if err != nil {
		return err
	}
	u.b.cfg = s
	return nil
}

func (u *Unit) cfg() *snapshot { return u.b.cfg }

// entry loads a Task with everything that hangs on it; nil when unknown.
func (u *Unit) entry(ctx context.Context, sid string) (*entry, error) {
	if e := u.tasks[sid]; e != nil {
		if e.deleted {
			return nil, nil
		}
		return e, nil
	}
	es, err := u.entries(ctx, []string{sid})
	if err != nil || len(es) == 0 {
		return nil, err
	}
	return es[0], nil
}

// entries loads several Tasks in three round trips at most.
func (u *Unit) entries(ctx context.Context, sids []string) ([]*entry, error) {
	var missing []string
	for _, s := range sids {
		if u.tasks[s] == nil {
			missing = append(missing, s)
		}
	}
	if len(missing) > 0 {
		ts, err := u.tx.Tasks(ctx, missing...)
		if err != nil {
			return nil, err
		}
		if err := u.adopt(ctx, ts); err != nil {
			return nil, err
		}
	}
	var out []*entry
	for _, s := range sids {
		if e := u.tasks[s]; e != nil && !e.deleted {
			out = append(out, e)
		}
	}
	return out, nil
}

// adopt makes entries of Tasks just read and loads what hangs on them.
func (u *Unit) adopt(ctx context.Context, ts []*taskrouter.Task) error {
	var fresh, offered, called []string
	for _, t := range ts {
		if u.tasks[t.SID] != nil {
			continue
		}
		u.tasks[t.SID] = &entry{Offers: taskrouter.Offers{Task: t}, class: t.DemandClass}
		fresh = append(fresh, t.SID)
		u.order = append(u.order, t.SID)
		if t.Status == taskrouter.TaskReserved || t.Status == taskrouter.TaskAssigned || t.Status == taskrouter.TaskWrapping {
			offered = append(offered, t.SID)
		}
		if t.CallSID != "" {
			called = append(called, t.SID)
		}
	}
	if len(offered) > 0 {
		rs, err := u.tx.OpenReservations(ctx, offered...)
		if err != nil {
			return err
		}
		for _, r := range rs {
			e := u.tasks[r.TaskSID]
			e.Open = append(e.Open, r)
			if r.Instruction != nil && e.Task.CallSID == "" {
				called = append(called, r.TaskSID)
			}
		}
	}
	if len(called) > 0 {
		if err := u.loadLegs(ctx, called); err != nil {
			return err
		}
	}
	for _, s := range fresh {
		e := u.tasks[s]
		e.was, _ = u.deadline(e)
		if err := u.retell(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (u *Unit) loadLegs(ctx context.Context, taskSIDs []string) error {
	ls, err := u.tx.Legs(ctx, taskSIDs...)
	if err != nil {
		return err
	}
	for _, l := range ls {
		e := u.tasks[l.TaskSID]
		if e != nil && e.leg(l.Attempt) == nil {
			e.legs = append(e.legs, l)
		}
	}
	return nil
}

func (e *entry) leg(attempt string) *taskrouter.Leg {
	for _, l := range e.legs {
		if l.Attempt == attempt {
			return l
		}
	}
	return nil
}

func (e *entry) reservation(sid string) *taskrouter.Reservation {
	for _, r := range e.Open {
		if r.SID == sid {
			return r
		}
	}
	return nil
}

// agent loads a Worker with its channels; nil when unknown.
func (u *Unit) agent(ctx context.Context, sid string) (*Agent, error) {
	if a := u.agents[sid]; a != nil {
		return a, nil
	}
	as, err := u.tx.Agents(ctx, sid)
	if err != nil || len(as) == 0 {
		return nil, err
	}
	u.agents[sid] = as[0]
	return as[0], nil
}

// know keeps agents an index read returned, preferring what this unit changed.
func (u *Unit) know(as []*Agent) []*Agent {
	for i, a := range as {
		if mine := u.agents[a.SID]; mine != nil {
			as[i] = mine
			continue
		}
		u.agents[a.SID] = a
	}
	return as
}

func (u *Unit) call(ctx context.Context, ref CallRef) (*taskrouter.Call, error) {
	if c := u.calls[ref]; c != nil {
		return c, nil
	}
	c, err := u.tx.Call(ctx, ref)
	if err != nil || c == nil {
		return nil, err
	}
	u.calls[ref] = c
	return c, nil
}

// callOf finds the caller's leg of a Task; nil when it is not a phone Task.
func (u *Unit) callOf(ctx context.Context, t *taskrouter.Task) (*taskrouter.Call, error) {
	if t.CallSID == "" {
		return nil, nil
	}
	for _, c := range u.calls {
		if c.TaskSID == t.SID {
			return c, nil
		}
	}
	c, err := u.tx.CallOfTask(ctx, t.SID)
	if err != nil || c == nil {
		return nil, err
	}
	ref := CallRef{c.AccountSID, c.Backend, c.CallSID}
	if mine := u.calls[ref]; mine != nil {
		return mine, nil
	}
	u.calls[ref] = c
	return c, nil
}
