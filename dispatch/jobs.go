package dispatch

import (
	"context"
	"time"

	"github.com/taskrouter/taskrouter/internal/logging"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// AddJob starts bulk work. Its first chunk runs in this transaction, so that
// small Workspaces see the result at once; the rest follows in transactions of
// its own and can be resumed by any process.
func (u *Unit) AddJob(ctx context.Context, kind JobKind, subjectSID string) error {
	j := &Job{ID: taskrouter.NewSID("JB"), WorkspaceSID: u.b.workspaceSID, Kind: kind, SubjectSID: subjectSID, CreatedAt: u.at}
	if kind == JobDeleteWorkspace {
		// Never at once: what is written about the end must be readable first.
		u.changes.Jobs = append(u.changes.Jobs, j)
		u.pending = true
		return nil
	}
	if err := u.flush(ctx); err != nil { // the work reads what the command wrote
		return err
	}
	return u.stepJob(ctx, j)
}

// stepJob does one chunk and stores where the next one starts.
func (u *Unit) stepJob(ctx context.Context, j *Job) error {
	step := map[JobKind]func(context.Context, *Job) error{
		JobReEvaluate:      u.stepReEvaluate,
		JobMembership:      u.stepMembership,
		JobAddChannel:      u.stepAddChannel,
		JobRemoveChannel:   u.stepRemoveChannel,
		JobMatchWorkers:    u.stepMatchWorkers,
		JobDeleteWorkspace: u.stepDeleteWorkspace,
	}[j.Kind]
	if step == nil {
		u.d.log.Error("unknown job", logging.Job(j.Kind))
		j.Done = true
	} else if err := step(ctx, j); err != nil {
		return err
	}
	u.changes.Jobs = append(u.changes.Jobs, j)
	u.pending = true
	return nil
}

// sweepJobs does one chunk of the oldest job in each Workspace that has one.
func (d *Dispatcher) sweepJobs(ctx context.Context) error {
	list, err := d.store.JobWorkspaces(ctx, sweepJobs)
	if err != nil {
		return err
	}
	for _, ws := range list {
		err := d.run(ctx, work(ws, ""), func(ctx context.Context, u *Unit) error {
			if err := u.load(ctx); err != nil {
				return err
			}
			j, err := u.tx.Job(ctx)
			if err != nil || j == nil {
				return err
			}
			return u.stepJob(ctx, j)
		})
		if err != nil {
			d.log.Warn("job not continued", logging.WorkspaceSID(ws), logging.Err(err))
		}
	}
	return nil
}

func (u *Unit) stepReEvaluate(ctx context.Context, j *Job) error {
	w := u.cfg().Workflows[j.SubjectSID]
	if w == nil {
		j.Done = true
		return nil
	}
	ts, err := u.tx.TasksOfWorkflow(ctx, w.SID, j.Cursor, u.d.opts.ChunkSize)
	if err != nil {
		return err
	}
	if err := u.adopt(ctx, ts); err != nil {
		return err
	}
	for _, t := range ts {
		e := u.tasks[t.SID]
		switch e.Task.Status {
		case taskrouter.TaskPending:
			if err := u.reEvaluate(ctx, e, taskrouter.ReEvaluateWorkflow); err != nil {
				return err
			}
		case taskrouter.TaskReserved:
			e.Task.Route.ReEvaluate = taskrouter.ReEvaluateWorkflow
			u.touchTask(e)
		case taskrouter.TaskAssigned, taskrouter.TaskWrapping, taskrouter.TaskCompleted, taskrouter.TaskCanceled:
		}
	}
	j.advance(len(ts), u.d.opts.ChunkSize, func() string { return ts[len(ts)-1].SID })
	return nil
}

// advance moves the cursor behind a chunk, or ends the job with a short one.
func (j *Job) advance(n, chunk int, last func() string) {
	if n < chunk {
		j.Done = true
		return
	}
	j.Cursor = last()
}

// agentsAfter reads the next chunk of Workers.
func (u *Unit) agentsAfter(ctx context.Context, j *Job) ([]*Agent, error) {
	as, err := u.tx.AllAgents(ctx, j.Cursor, u.d.opts.ChunkSize)
	if err != nil {
		return nil, err
	}
	return u.know(as), nil
}

func (u *Unit) stepMembership(ctx context.Context, j *Job) error {
	q := u.cfg().Queues[j.SubjectSID]
	if q == nil {
		j.Done = true
		return nil
	}
	as, err := u.agentsAfter(ctx, j)
	if err != nil {
		return err
	}
	var joined []string
	for _, a := range as {
		had, err := u.tx.IsMember(ctx, q.SID, a.SID)
		if err != nil {
			return err
		}
		has := u.belongs(ctx, q, u.facts(a))
		u.setMembership(q, a.SID, had, has)
		if has && a.Available {
			joined = append(joined, a.SID)
		}
	}
	j.advance(len(as), u.d.opts.ChunkSize, func() string { return as[len(as)-1].SID })
	return u.matchCrowd(ctx, joined, nil)
}

func (u *Unit) stepMatchWorkers(ctx context.Context, j *Job) error {
	as, err := u.agentsAfter(ctx, j)
	if err != nil {
		return err
	}
	var sids []string
	for _, a := range as {
		sids = append(sids, a.SID)
	}
	j.advance(len(as), u.d.opts.ChunkSize, func() string { return as[len(as)-1].SID })
	return u.matchCrowd(ctx, sids, nil)
}

func (u *Unit) stepAddChannel(ctx context.Context, j *Job) error {
	c := u.cfg().Channels[j.SubjectSID]
	if c == nil {
		j.Done = true
		return nil
	}
	as, err := u.agentsAfter(ctx, j)
	if err != nil {
		return err
	}
	var extended []string
	for _, a := range as {
		if a.channel(c.SID) == nil {
			u.addChannel(a, c)
			extended = append(extended, a.SID)
		}
	}
	j.advance(len(as), u.d.opts.ChunkSize, func() string { return as[len(as)-1].SID })
	return u.matchCrowd(ctx, extended, nil)
}

func (u *Unit) stepRemoveChannel(ctx context.Context, j *Job) error {
	as, err := u.agentsAfter(ctx, j)
	if err != nil {
		return err
	}
	for _, a := range as {
		if wc := a.channel(j.SubjectSID); wc != nil {
			u.changes.DeleteWorkerChannels = append(u.changes.DeleteWorkerChannels, wc.SID)
			u.pending, u.workersMoved = true, true
			delete(u.agents, a.SID)
		}
	}
	j.advance(len(as), u.d.opts.ChunkSize, func() string { return as[len(as)-1].SID })
	return nil
}

// deletionPatience is how long the rows of a deleted Workspace wait for the
// last leg to be down, after its last Task was ended.
const deletionPatience = hangUpPatience + placementSlack + time.Minute

// stepDeleteWorkspace ends the Tasks of a Workspace chunk by chunk, so that
// their durable runs end, agents are hung up and callers who wait are sent
// away. What is left is removed when no leg is up any more: what is known about
// a leg is in the rows.
func (u *Unit) stepDeleteWorkspace(ctx context.Context, j *Job) error {
	ts, err := u.tx.TasksOfWorkflow(ctx, "", j.Cursor, u.d.opts.ChunkSize)
	if err != nil {
		return err
	}
	if err := u.adopt(ctx, ts); err != nil {
		return err
	}
	for _, t := range ts {
		if err := u.endSilently(ctx, u.tasks[t.SID]); err != nil {
			return err
		}
	}
	if len(ts) == u.d.opts.ChunkSize {
		return nil // the cursor stays: the rows are gone, or ended
	}
	if u.at.Sub(j.idleSince(u.at)) < deletionPatience {
		if err := u.flush(ctx); err != nil {
			return err
		}
		if up, err := u.tx.LegsUp(ctx); err != nil || up {
			return err
		}
	}
	j.Done = true
	u.changes.DeleteWorkspace = true
	u.pending = true
	return nil
}

// idleSince is when nothing was left to be ended for the first time. It is kept
// in the cursor: a text that stands before every SID leaves no Task out.
func (j *Job) idleSince(now time.Time) time.Time {
	since, err := time.Parse(time.RFC3339Nano, j.Cursor)
	if err != nil {
		since = now
		j.Cursor = now.UTC().Format(time.RFC3339Nano)
	}
	return since
}

// endSilently deletes a Task of a Workspace that is being deleted, which
// reports nothing but its own end.
func (u *Unit) endSilently(ctx context.Context, e *entry) error {
	attended := e.attended()
	for _, h := range e.Delete(u.at) {
		if h.Reservation != nil {
			u.touchReservation(h.Reservation)
		}
	}
	u.touchTask(e)
	return u.disperse(ctx, e, attended)
}
