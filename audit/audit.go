package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Runs tells about durable runs.
type Runs interface {
	// Running reports whether a Task has a run that is not over.
	Running(ctx context.Context, taskSID string) (bool, error)
}

// Defaults of Options.
const (
	// DefaultLag leaves room for a sweeper that looks every second, a clock that
	// is off, and a Task that was put aside for a minute.
	DefaultLag         = 2 * time.Minute
	DefaultMaxFindings = 1000
)

// Bounds of the work.
const (
	// pageSize is how many rows or events are read at a time.
	pageSize = 500
	// endedKept is how many Tasks that ended are remembered; of others the log
	// is asked.
	endedKept = 20000
	// linePatience is how many classes of waiting Tasks are asked about one
	// offer.
	linePatience = 2000
	// verdictsKept bounds the memory of questions about free agents.
	verdictsKept = 10000
	// raggedEdge is how much of the beginning of a shortened log may have holes:
	// events are removed by age, and clocks differ.
	raggedEdge = 5 * time.Second
	// clockAllowance is how much the clocks of two processes may differ.
	clockAllowance = 10 * time.Second
)

// Options say what to audit and how patient to be.
type Options struct {
	// AccountSID and WorkspaceSID restrict; empty ones do not.
	AccountSID, WorkspaceSID string
	// Since leaves out older events; the rows are examined all the same.
	Since time.Time
	// Now is the clock; nil is the machine's.
	Now func() time.Time
	// Retention is how long events are kept. Zero means unknown: a log that
	// does not begin at its beginning is then taken for one that was shortened.
	Retention time.Duration
	// Lag is how late a deadline or a notice may be; zero means DefaultLag.
	Lag time.Duration
	// Runs, when given, is asked for the durable run of each open Task.
	Runs Runs
	// MaxFindings bounds how many findings of each kind are kept; zero means
	// DefaultMaxFindings. The rest is counted.
	MaxFindings int
	// Progress is called now and then, from the goroutine of Run.
	Progress func(Progress)
}

// Progress is how far an audit has come.
type Progress struct {
	WorkspaceSID string
	// Workspace counts from 1; Seq of LastSeq events are read.
	Workspace    int
	Seq, LastSeq int64
	Findings     int
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Lag == 0 {
		o.Lag = DefaultLag
	}
	if o.MaxFindings == 0 {
		o.MaxFindings = DefaultMaxFindings
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o
}

// Run audits every Workspace the options admit, one after the other, each in
// one consistent view. An error means that it could not be finished; what was
// found until then is in the report all the same.
func Run(ctx context.Context, st *store.Store, engine *rules.Engine, o Options) (*Report, error) {
	o = o.withDefaults()
	r := newReport(o.MaxFindings)
	mixed, err := st.MixedRows(ctx, o.AccountSID, o.WorkspaceSID, o.MaxFindings+1)
	if err != nil {
		return r, fmt.Errorf("compare accounts: %w", err)
	}
	for _, m := range mixed {
		r.add(Finding{
			Kind: MixedAccounts, AccountSID: m.AccountSID, WorkspaceSID: m.WorkspaceSID, Subjects: []string{m.Key, m.Value},
			Text: fmt.Sprintf("%s of a row in %s is %s, which is not of %s", m.Column, m.Table, m.Value, m.Want),
		})
	}
	for after := ""; ; {
		list, err := st.WorkspaceAccounts(ctx, o.AccountSID, o.WorkspaceSID, after, pageSize)
		if err != nil {
			return r, fmt.Errorf("list workspaces: %w", err)
		}
		for _, w := range list {
			r.Totals.Workspaces++
			if err := auditWorkspace(ctx, st, engine, &o, r, w); err != nil {
				return r, fmt.Errorf("workspace %s: %w", w.SID, err)
			}
			after = w.SID
		}
		if len(list) < pageSize {
			return r, nil
		}
	}
}

// inspection is one Workspace under audit.
type inspection struct {
	o      *Options
	r      *Report
	engine *rules.Engine
	m      *store.Moment
	now    time.Time

	ws         *taskrouter.Workspace
	activities map[string]*taskrouter.Activity
	queues     map[string]*taskrouter.TaskQueue
	workers    map[string]*store.StoredWorker
	jobs       int
	// cut is the number up to which events were removed before their time.
	cut int64
	log *replay
}

func auditWorkspace(ctx context.Context, st *store.Store, engine *rules.Engine, o *Options, r *Report, w *taskrouter.Workspace) error {
	gone := false
	err := st.AtOneMoment(ctx, w.SID, func(ctx context.Context, m *store.Moment) error {
		in := &inspection{o: o, r: r, engine: engine, m: m, workers: map[string]*store.StoredWorker{}}
		found, err := in.load(ctx)
		if err != nil || !found {
			gone = true
			return err
		}
		if err := in.replayLog(ctx); err != nil {
			return fmt.Errorf("read the event log: %w", err)
		}
		// The rows of a Workspace that is being deleted go without events.
		if in.ws.Deleting {
			gone = true
			return nil
		}
		return in.examineRows(ctx)
	})
	if err != nil || gone || o.Runs == nil {
		return err
	}
	return examineRuns(ctx, st, o, r, w)
}

// load reads what stands still; false when the Workspace is gone meanwhile.
func (in *inspection) load(ctx context.Context) (bool, error) {
	var err error
	if in.ws, err = in.m.Workspace(ctx); err != nil || in.ws == nil {
		return false, err
	}
	in.now = in.o.Now()
	if in.jobs, err = in.m.Jobs(ctx); err != nil {
		return false, err
	}
	if in.cut, err = in.m.LogCut(ctx); err != nil {
		return false, err
	}
	if in.activities, err = in.m.Activities(ctx); err != nil {
		return false, err
	}
	if in.queues, err = in.m.Queues(ctx); err != nil {
		return false, err
	}
	for after := ""; ; {
		page, err := in.m.Workers(ctx, after, pageSize)
		if err != nil {
			return false, err
		}
		for _, w := range page {
			in.workers[w.SID], after = w, w.SID
		}
		if len(page) < pageSize {
			return true, nil
		}
	}
}

// find reports a finding of this Workspace.
func (in *inspection) find(k Kind, subjects []string, events []Evidence, format string, args ...any) {
	in.r.add(Finding{
		Kind: k, AccountSID: in.ws.AccountSID, WorkspaceSID: in.ws.SID, Subjects: subjects, Events: events,
		Text: fmt.Sprintf(format, args...),
	})
}

func (in *inspection) undecidable(k Kind) { in.r.Totals.Undecidable[k]++ }

// unchangedSince reports whether something that was last changed at updated was
// at an instant what it is now. Clocks of processes differ a little.
func unchangedSince(created, updated, at time.Time) bool {
	return updated.Equal(created) || at.After(updated.Add(clockAllowance))
}
