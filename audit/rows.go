package audit

import (
	"context"
	"slices"
	"time"

	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// load of an agent on a channel, counted from the Reservations.
type load struct{ pending, accepted, wrapping int }

// examineRows compares what is stored with what the log says and with itself.
func (in *inspection) examineRows(ctx context.Context) error {
	loads := map[seat]*load{}
	idle := in.newBench()
	var last *store.StoredTask
	for {
		page, err := in.m.Tasks(ctx, last, pageSize)
		if err != nil {
			return err
		}
		sids := make([]string, len(page))
		for i, t := range page {
			sids[i] = t.SID
		}
		all, err := in.m.Reservations(ctx, sids)
		if err != nil {
			return err
		}
		byTask := map[string][]*store.StoredReservation{}
		for _, r := range all {
			byTask[r.TaskSID] = append(byTask[r.TaskSID], r)
		}
		for _, t := range page {
			if err := in.examineTask(ctx, t, byTask[t.SID], loads); err != nil {
				return err
			}
			if err := idle.examine(ctx, t); err != nil {
				return err
			}
			last = t
		}
		if len(page) < pageSize {
			break
		}
	}
	in.examineLost()
	in.examineAgents(loads)
	return nil
}

// examineTask judges one Task with its Reservations. Of a Task about which the
// log already raised doubts, the rows are not compared with it.
func (in *inspection) examineTask(ctx context.Context, t *store.StoredTask, rs []*store.StoredReservation, loads map[seat]*load) error {
	state, err := in.told(ctx, t)
	if err != nil {
		return err
	}
	var open []*store.StoredReservation
	taken := []string{}
	for _, r := range rs {
		if !r.AcceptedAt.IsZero() {
			taken = append(taken, r.SID)
		}
		if r.Status.Open() {
			open = append(open, r)
		}
		if r.Status.Open() != r.MarkedOpen {
			in.find(RowMismatch, []string{r.SID, t.SID}, nil, "reservation %s is %s, but indexes believe otherwise", r.SID, r.Status)
		}
	}
	count(open, loads)
	if len(taken) > 1 && !state.doubted {
		in.find(AcceptedTwice, append([]string{t.SID}, taken...), nil, "task %s has %d accepted reservations", t.SID, len(taken))
		state.doubted = true
	}
	if !state.doubted {
		in.compare(t, open, state)
	}
	if !t.Status.Ended() {
		in.examineDeadline(t, open, state)
	}
	return nil
}

// told is what the log says of a Task that has a row. One that begins before
// the log, or around a gap in it, is beyond comparison.
func (in *inspection) told(ctx context.Context, t *store.StoredTask) (*taskState, error) {
	l := in.log
	if l.tasks[t.SID] == nil && l.ended[t.SID] == nil {
		in.r.Totals.Tasks++
	}
	s, err := l.state(ctx, t.SID, l.seq+1)
	if err != nil {
		return nil, err
	}
	s.rowSeen = true
	return s, nil
}

// compare holds a row and its open Reservations against the log.
func (in *inspection) compare(t *store.StoredTask, open []*store.StoredReservation, s *taskState) {
	mismatch := func(format string, args ...any) {
		in.find(RowMismatch, []string{t.SID}, known([]Evidence{s.last}), format, args...)
	}
	if t.Status.Ended() != t.MarkedEnded {
		mismatch("task %s is %s, but indexes believe otherwise", t.SID, t.Status)
		return
	}
	if problem := inconsistent(t, open); problem != "" {
		mismatch("task %s is %s with %s", t.SID, t.Status, problem)
		return
	}
	switch {
	case !s.whole && s.status == "" && in.log.begun && !in.log.broken:
		mismatch("task %s has a row and no beginning in the log", t.SID)
	case !s.whole:
	case t.Deleted() && s.deleted:
	case s.deleted:
		mismatch("task %s is %s, but the log says it was deleted", t.SID, t.Status)
	case s.status != t.Status:
		mismatch("task %s is %s, but the log says it is %s", t.SID, t.Status, s.status)
	case len(open) != len(s.offers) && !s.ended:
		mismatch("task %s has %d open reservations, but the log says %d", t.SID, len(open), len(s.offers))
	default:
		for _, r := range open {
			if o := s.offers[r.SID]; o == nil || o.status != r.Status || o.worker != r.WorkerSID {
				mismatch("reservation %s of task %s is %s, but the log says otherwise", r.SID, t.SID, r.Status)
				return
			}
		}
	}
}

// inconsistent tells which open Reservations a Task must not have.
func inconsistent(t *store.StoredTask, open []*store.StoredReservation) string {
	n := map[taskrouter.ReservationStatus]int{}
	for _, r := range open {
		n[r.Status]++
	}
	pending, accepted, wrapping := n[taskrouter.ReservationPending], n[taskrouter.ReservationAccepted], n[taskrouter.ReservationWrapping]
	switch t.Status {
	case taskrouter.TaskPending, taskrouter.TaskCompleted, taskrouter.TaskCanceled:
		if len(open) > 0 {
			return "an open reservation"
		}
	case taskrouter.TaskReserved:
		if pending == 0 || accepted+wrapping > 0 {
			return "reservations that do not mean an offer"
		}
	case taskrouter.TaskAssigned:
		if accepted != 1 || pending+wrapping > 0 {
			return "reservations that do not mean an acceptance"
		}
	case taskrouter.TaskWrapping:
		if wrapping != 1 || pending+accepted > 0 {
			return "reservations that do not mean a wrap-up"
		}
	default:
		return "an unknown state"
	}
	return ""
}

// examineDeadline demands that something will happen to an open Task, and that
// what had to happen did.
func (in *inspection) examineDeadline(t *store.StoredTask, open []*store.StoredReservation, s *taskState) {
	report := func(format string, args ...any) {
		in.find(Unfinished, []string{t.SID}, known([]Evidence{s.last}), format, args...)
	}
	if t.Deadline.IsZero() {
		report("task %s is %s and has no deadline", t.SID, t.Status)
		return
	}
	due, what := t.Deadline, "its next step"
	earlier := func(at time.Time, why string) {
		if !at.IsZero() && at.Before(due) {
			due, what = at, why
		}
	}
	earlier(t.ExpiresAt(), "its time to live")
	for _, r := range open {
		if r.Status == taskrouter.ReservationPending {
			earlier(r.Deadline, "the answer to "+r.SID)
		}
	}
	if late := in.now.Sub(due); late > in.o.Lag {
		report("task %s is %s and %s is overdue since %s", t.SID, t.Status, what, due.UTC().Format(time.RFC3339))
	}
}

// examineLost looks for Tasks that the log never ended and that have no row.
func (in *inspection) examineLost() {
	l := in.log
	lost := []string{}
	for sid, t := range l.tasks {
		if t.whole && !t.rowSeen && !t.doubted {
			lost = append(lost, sid)
		}
	}
	slices.Sort(lost)
	for _, sid := range lost {
		t := l.tasks[sid]
		in.find(Unfinished, []string{sid}, known([]Evidence{t.last}), "task %s has no row and no end: it was %s", sid, t.status)
	}
}

// count adds the open Reservations of one Task to the loads of the agents.
func count(open []*store.StoredReservation, loads map[seat]*load) {
	for _, r := range open {
		s := seat{r.WorkerSID, r.TaskChannelSID}
		if loads[s] == nil {
			loads[s] = &load{}
		}
		switch r.Status {
		case taskrouter.ReservationPending:
			loads[s].pending++
		case taskrouter.ReservationAccepted:
			loads[s].accepted++
		default:
			loads[s].wrapping++
		}
	}
}

// examineAgents compares the agents with their Reservations, their Activities
// and the log.
func (in *inspection) examineAgents(loads map[seat]*load) {
	sids := make([]string, 0, len(in.workers))
	for sid := range in.workers {
		sids = append(sids, sid)
	}
	slices.Sort(sids)
	for _, sid := range sids {
		w := in.workers[sid]
		mismatch := func(events []Evidence, format string, args ...any) {
			in.find(RowMismatch, []string{sid}, known(events), format, args...)
		}
		// One of another Workspace is another kind of finding.
		if a := in.activities[w.ActivitySID]; a != nil && a.Available != w.Available {
			mismatch(nil, "agent %s is available: %t, activity %s: %t", sid, w.Available, a.SID, a.Available)
		}
		told := in.log.agents[sid]
		if told != nil && told.activity != "" && told.activity != w.ActivitySID {
			mismatch([]Evidence{told.last}, "agent %s is in activity %s, but the log says %s", sid, w.ActivitySID, told.activity)
		}
		for _, c := range w.Channels {
			l := loads[seat{sid, c.TaskChannelSID}]
			if l == nil {
				l = &load{}
			}
			if have := (load{c.Pending, c.Accepted, c.Wrapping}); have != *l {
				mismatch(nil, "agent %s counts %d+%d+%d reservations on channel %s, open are %d+%d+%d", sid,
					have.pending, have.accepted, have.wrapping, c.TaskChannelSID, l.pending, l.accepted, l.wrapping)
			}
			if c.WorkerAvailable != w.Available {
				mismatch(nil, "the index of channel %s believes that agent %s is available: %t", c.TaskChannelSID, sid, c.WorkerAvailable)
			}
			if said := in.log.caps[seat{sid, c.TaskChannelSID}]; said.said && said.n != c.ConfiguredCapacity {
				mismatch(nil, "agent %s has capacity %d on channel %s, but the log says %d", sid, c.ConfiguredCapacity, c.TaskChannelSID, said.n)
			}
		}
	}
	gone := []string{}
	for sid, a := range in.log.agents {
		if a.whole && in.workers[sid] == nil {
			gone = append(gone, sid)
		}
	}
	slices.Sort(gone)
	for _, sid := range gone {
		in.find(RowMismatch, []string{sid}, known([]Evidence{in.log.agents[sid].last}), "agent %s has no row, but the log does not say it was deleted", sid)
	}
}
