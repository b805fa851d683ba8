package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/taskrouter/taskrouter/workflows"
	"github.com/taskrouter/taskrouter/workflows/workflowstest"
)

const (
	// warmUp is how many pieces of work of each kind come before the first
	// measured one, for each that is under way at a time.
	warmUp = 2
	// sampled is how many Tasks have their histories read.
	sampled = 20
	// rehearsed is how many Tasks the generator does on its own.
	rehearsed = 500
	// cleanUpLimit is how long Workspaces may take to be given back.
	cleanUpLimit = 30 * time.Second
)

// bench is a measurement under way.
type bench struct {
	opt    Options
	client *client
	agents *agents
	floor  *floor
	report *Report
	closes []func() error
}

// Run measures. Tasks that fail are counted in the report; an error means that
// the measurement itself could not be made.
func Run(ctx context.Context, o Options) (*Report, error) {
	if err := o.verify(); err != nil {
		return nil, err
	}
	began := time.Now()
	b := &bench{opt: o, report: &Report{
		Started: began.UTC(), Machine: machine(),
		Settings: Settings{
			SameProcess: o.SameProcess, Eager: o.Eager, Rounds: o.Rounds, Tasks: o.Tasks,
			Concurrency: o.Concurrency, HandleMs: milliseconds(o.Handle),
		},
	}}
	err := b.run(ctx)
	if err = errors.Join(err, b.close()); err != nil {
		return nil, err
	}
	b.report.Seconds = time.Since(began).Seconds()
	b.report.judge()
	return b.report, nil
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.opt.SameProcess && b.opt.wants(Plain) {
		use, err := rehearse(ctx, &b.opt)
		if err != nil {
			return fmt.Errorf("measure the generator: %w", err)
		}
		b.report.Generator = use
	}
	b.client = newClient(&b.opt)
	b.closes = append(b.closes, func() error { b.client.close(); return nil })
	if b.agents, err = hire(ctx, &b.opt, b.client); err != nil {
		return err
	}
	b.closes = append(b.closes, func() error { b.agents.close(); return nil })
	if b.opt.Temporal != nil {
		if b.floor, err = layFloor(&b.opt); err != nil {
			return err
		}
		b.closes = append(b.closes, func() error { b.floor.close(); return nil })
	}
	if b.opt.wants(Idle) {
		if err := b.idle(ctx); err != nil {
			return fmt.Errorf("%s: %w", Idle, err)
		}
	}
	if b.opt.wants(Plain) || b.opt.wants(Floor) {
		if err := b.load(ctx); err != nil {
			return err
		}
	}
	if b.opt.wants(Burst) {
		if err := b.burst(ctx); err != nil {
			return fmt.Errorf("%s: %w", Burst, err)
		}
	}
	return ctx.Err()
}

// close undoes everything in reverse order.
func (b *bench) close() error {
	var errs []error
	for i := len(b.closes) - 1; i >= 0; i-- {
		errs = append(errs, b.closes[i]())
	}
	return errors.Join(errs...)
}

// journeys opens an office and prepares its Tasks.
func (b *bench) journeys(ctx context.Context, name string, agents int) (*journeys, error) {
	office, err := open(ctx, b.client, fmt.Sprintf("bench %s %s", name, b.report.Started.Format("150405.000")), agents, b.agents.url)
	if err != nil {
		return nil, fmt.Errorf("make a workspace: %w", err)
	}
	b.closes = append(b.closes, func() error {
		limit, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
		defer stop()
		return office.close(limit)
	})
	return &journeys{office: office, agents: b.agents, temporal: b.opt.Temporal, patience: b.opt.Patience}, nil
}

// measure does n pieces of work and says how it went.
func (b *bench) measure(ctx context.Context, part string, n, concurrency int, one func(context.Context, *tally)) (Stretch, *tally) {
	t := newTally()
	repeated := b.agents.repeated.Load()
	runtime.GC() // what came before is not charged to this
	use, began := usageNow(), time.Now()
	closedLoop(ctx, n, concurrency, func(done int) { b.opt.progress(part, done, n) }, func() { one(ctx, t) })
	t.ends.Wait()
	return b.finish(t, n, concurrency, repeated, use, time.Since(began)), t
}

func (b *bench) finish(t *tally, n, concurrency int, repeated int64, use usage, took time.Duration) Stretch {
	r := Stretch{
		Concurrency: concurrency, Asked: n, Done: int(t.done.Load()), Failed: int(t.failed.Load()),
		Repeated: int(b.agents.repeated.Load() - repeated), Problems: t.problems,
		Seconds: took.Seconds(), Use: use.since(n), Stages: t.spreads(),
	}
	r.PerSecond = float64(r.Done) / r.Seconds
	return r
}

// load alternates floor and plain, so that what else the machine does meets
// both.
func (b *bench) load(ctx context.Context) error {
	offices := map[int]*journeys{}
	for _, c := range b.opt.Concurrency {
		if b.opt.wants(Floor) {
			b.measure(ctx, "floor, warming up", warmUp*c, c, b.floor.one)
		}
		if b.opt.wants(Plain) {
			w, err := b.journeys(ctx, fmt.Sprint(Plain, " ", c), c)
			if err != nil {
				return err
			}
			offices[c] = w
			b.measure(ctx, "plain, warming up", warmUp*c, c, w.one)
		}
	}
	for round := 1; round <= b.opt.Rounds; round++ {
		for _, c := range b.opt.Concurrency {
			if b.opt.wants(Floor) {
				r, _ := b.measure(ctx, fmt.Sprintf("round %d, floor, %d at a time", round, c), b.opt.Tasks, c, b.floor.one)
				r.Round = round
				b.report.Floor = b.report.Floor.with(r)
			}
			if b.opt.wants(Plain) {
				r, t := b.measure(ctx, fmt.Sprintf("round %d, plain, %d at a time", round, c), b.opt.Tasks, c, offices[c].one)
				r.Round = round
				b.report.Plain = b.report.Plain.with(r)
				if err := b.readHistories(ctx, t); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// with is the result with one more run.
func (l *LoadResult) with(r Stretch) *LoadResult {
	if l == nil {
		l = &LoadResult{}
	}
	l.Runs = append(l.Runs, r)
	l.summarize()
	return l
}

// readHistories looks once at what durable runs cost.
func (b *bench) readHistories(ctx context.Context, t *tally) error {
	if b.opt.Temporal == nil || b.report.Runs != nil {
		return nil
	}
	cost := &RunCost{}
	for i, task := range t.tasks {
		if i == sampled {
			break
		}
		h, err := workflowstest.History(ctx, b.opt.Temporal, workflows.TaskID(task))
		if err != nil {
			return err
		}
		u := workflowstest.Measure(h)
		cost.Sampled, cost.Actions, cost.Events = i+1, max(cost.Actions, u.Actions), max(cost.Events, u.Events)
	}
	b.report.Runs = cost
	return nil
}

// idle does one Task at a time, and between them empty runs.
func (b *bench) idle(ctx context.Context) error {
	w, err := b.journeys(ctx, Idle, 1)
	if err != nil {
		return err
	}
	var empty, queued samples
	b.measure(ctx, "idle, warming up", warmUp, 1, w.one)
	var broken error
	run, _ := b.measure(ctx, Idle, b.opt.IdleTasks, 1, func(ctx context.Context, t *tally) {
		w.one(ctx, t)
		t.ends.Wait()
		if b.floor == nil || broken != nil {
			return
		}
		for into, eager := range map[*samples]bool{&empty: b.opt.Eager, &queued: false} {
			d, err := b.floor.first(ctx, eager)
			if err != nil {
				broken = err
				return
			}
			into.add(d)
		}
	})
	if broken != nil {
		return broken
	}
	run.Use, run.Seconds, run.PerSecond = Use{}, 0, 0 // the empty runs are in them
	b.report.Idle = &IdleResult{Stretch: run}
	if b.floor != nil {
		e, q := empty.spread(), queued.spread()
		b.report.Idle.Empty, b.report.Idle.EmptyQueued = &e, &q
	}
	return nil
}

// rehearse measures the generator with a router that does nothing.
func rehearse(ctx context.Context, o *Options) (*Use, error) {
	s, err := startStub()
	if err != nil {
		return nil, err
	}
	defer s.close()
	alone := *o
	alone.URL, alone.AccountSID, alone.Token = s.url, "AC", "token"
	alone.Temporal, alone.SameProcess, alone.Listen, alone.Handle = nil, false, "", 0
	alone.Progress = nil
	alone.Scenarios, alone.Rounds, alone.Tasks = []string{Plain}, 1, min(rehearsed, o.Tasks)
	alone.Concurrency = o.Concurrency[:1]
	r, err := Run(ctx, alone)
	if err != nil {
		return nil, err
	}
	if n := r.Failed(); n > 0 {
		return nil, fmt.Errorf("%d of %d failed: %s", n, alone.Tasks, strings.Join(r.Plain.Runs[0].Problems, "; "))
	}
	return &r.Plain.Medians[0].Use, nil
}

func machine() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(), CPUs: runtime.NumCPU(), Load: "unknown"}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		if f := strings.Fields(string(text)); len(f) > 0 {
			m.Load = f[0]
		}
	}
	return m
}
