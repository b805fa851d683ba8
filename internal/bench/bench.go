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
	center *callCenter // nil without telephones
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
			Calls: o.Calls, Concurrency: o.Concurrency, HandleMs: milliseconds(o.Handle), TalkMs: milliseconds(o.Talk),
		},
	}}
	err := b.run(ctx)
	if err = errors.Join(err, b.close()); err != nil {
		return nil, err
	}
	b.report.Seconds = time.Since(began).Seconds()
	b.report.judge()
	b.report.Series = b.report.series()
	return b.report, nil
}

func (b *bench) run(ctx context.Context) (err error) {
	b.client = newClient(&b.opt)
	b.closes = append(b.closes, func() error { b.client.close(); return nil })
	if err := b.connect(ctx); err != nil {
		return err
	}
	if err := b.rehearse(ctx); err != nil {
		return fmt.Errorf("measure the generator: %w", err)
	}
	if b.opt.Temporal != nil {
		if b.floor, err = layFloor(&b.opt); err != nil {
			return err
		}
		b.closes = append(b.closes, func() error { b.floor.close(); return nil })
	}
	if b.opt.wants(Rules) {
		if err := b.evaluate(ctx); err != nil {
			return fmt.Errorf("%s: %w", Rules, err)
		}
	}
	if b.opt.wants(Idle) {
		if err := b.idle(ctx); err != nil {
			return fmt.Errorf("%s: %w", Idle, err)
		}
	}
	if err := b.load(ctx); err != nil {
		return err
	}
	if b.opt.wants(Burst) {
		if err := b.burst(ctx); err != nil {
			return fmt.Errorf("%s: %w", Burst, err)
		}
	}
	return ctx.Err()
}

// connect gets the agents' side ready, and the telephones if there are any.
func (b *bench) connect(ctx context.Context) (err error) {
	if b.agents, err = hire(ctx, &b.opt, b.client); err != nil {
		return err
	}
	b.closes = append(b.closes, func() error { b.agents.close(); return nil })
	if !b.opt.wants(Voice) {
		return nil
	}
	b.center, err = openCallCenter(ctx, &b.opt, b.client, b.report.Started)
	switch {
	case errors.Is(err, errNoPhones) && !b.opt.asksFor(Voice):
		b.report.LeftOut = append(b.report.LeftOut, fmt.Sprint(Voice, ": ", err))
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", Voice, err)
	}
	b.closes = append(b.closes, func() error { b.center.close(); return nil })
	return nil
}

// rehearse measures what the generator itself uses, where that is part of what
// this process uses.
func (b *bench) rehearse(ctx context.Context) (err error) {
	if !b.opt.SameProcess {
		return nil
	}
	if b.opt.wants(Plain) {
		if b.report.Generator, err = rehearse(ctx, &b.opt, Plain); err != nil {
			return err
		}
	}
	if b.center != nil {
		b.report.CallGenerator, err = rehearse(ctx, &b.opt, Voice)
	}
	return err
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
	office, err := open(ctx, b.client, plan{name: b.named(name), agents: agents, callback: b.agents.url})
	b.giveBack(ctx, office)
	if err != nil {
		return nil, fmt.Errorf("make a workspace: %w", err)
	}
	return &journeys{office: office, agents: b.agents, temporal: b.opt.Temporal, patience: b.opt.Patience}, nil
}

// named is the name of a Workspace.
func (b *bench) named(what string) string {
	return fmt.Sprintf("bench %s %s", what, b.report.Started.Format("150405.000"))
}

// giveBack deletes an office in the end, if there is one.
func (b *bench) giveBack(ctx context.Context, o *office) {
	if o == nil {
		return
	}
	b.closes = append(b.closes, func() error {
		limit, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanUpLimit)
		defer stop()
		return o.close(limit)
	})
}

// measure does n pieces of work and says how it went.
func (b *bench) measure(ctx context.Context, part string, n, concurrency int, one func(context.Context, *tally)) (Stretch, *tally) {
	t := newTally()
	repeated := b.repeated()
	runtime.GC() // what came before is not charged to this
	use, began := usageNow(), time.Now()
	closedLoop(ctx, n, concurrency, func(done int) { b.opt.progress(part, done, n) }, func() { one(ctx, t) })
	t.ends.Wait()
	return b.finish(t, n, concurrency, repeated, use, time.Since(began)), t
}

// repeated counts offers and ringing phones so far that led to nothing new.
func (b *bench) repeated() int64 {
	n := b.agents.repeated.Load()
	if b.center != nil {
		n += b.center.vain.Load()
	}
	return n
}

func (b *bench) finish(t *tally, n, concurrency int, repeated int64, use usage, took time.Duration) Stretch {
	r := Stretch{
		Concurrency: concurrency, Asked: n, Done: int(t.done.Load()), Failed: int(t.failed.Load()),
		Repeated: int(b.repeated() - repeated), Refused: int(t.refused.Load()), Early: int(t.early.Load()), Problems: t.problems,
		Seconds: took.Seconds(), Use: use.since(n), Stages: t.spreads(),
	}
	r.PerSecond = float64(r.Done) / r.Seconds
	return r
}

// driver is a scenario under load: one piece of work at each concurrency.
type driver struct {
	name  string
	one   map[int]func(context.Context, *tally)
	tasks int
	// result and cost are where the report has them; cost may be nil.
	result **LoadResult
	cost   **RunCost
}

// drivers are the scenarios under load that are wanted and can run. What they
// need is made and warmed up.
func (b *bench) drivers(ctx context.Context) ([]*driver, error) {
	var all []*driver
	add := func(name string, tasks int, result **LoadResult, cost **RunCost, one func(i, c int) (func(context.Context, *tally), error)) error {
		d := &driver{name: name, one: map[int]func(context.Context, *tally){}, tasks: tasks, result: result, cost: cost}
		for i, c := range b.opt.Concurrency {
			work, err := one(i, c)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			d.one[c] = work
			b.measure(ctx, name+", warming up", warmUp*c, c, work)
		}
		all = append(all, d)
		return nil
	}
	var errs []error
	if b.opt.wants(Floor) {
		errs = append(errs, add(Floor, b.opt.Tasks, &b.report.Floor, nil, func(int, int) (func(context.Context, *tally), error) {
			return b.floor.one, nil
		}))
	}
	if b.opt.wants(Plain) {
		errs = append(errs, add(Plain, b.opt.Tasks, &b.report.Plain, &b.report.Runs, func(_, c int) (func(context.Context, *tally), error) {
			w, err := b.journeys(ctx, fmt.Sprint(Plain, " ", c), c)
			if err != nil {
				return nil, err
			}
			return w.one, nil
		}))
	}
	if b.center != nil {
		errs = append(errs, add(Voice, b.opt.Calls, &b.report.Voice, &b.report.CallRuns, func(i, c int) (func(context.Context, *tally), error) {
			d, office, err := b.center.desk(ctx, b.named(fmt.Sprint(Voice, " ", c)), i, c)
			b.giveBack(ctx, office)
			if err != nil {
				return nil, err
			}
			return d.one, nil
		}))
	}
	return all, errors.Join(errs...)
}

// load alternates the scenarios under load, so that what else the machine does
// meets all of them.
func (b *bench) load(ctx context.Context) error {
	all, err := b.drivers(ctx)
	if err != nil {
		return err
	}
	for round := 1; round <= b.opt.Rounds; round++ {
		for _, c := range b.opt.Concurrency {
			for _, d := range all {
				r, t := b.measure(ctx, fmt.Sprintf("round %d, %s, %d at a time", round, d.name, c), d.tasks, c, d.one[c])
				r.Round = round
				*d.result = (*d.result).with(r)
				if err := b.readHistories(ctx, t, d.cost); err != nil {
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
func (b *bench) readHistories(ctx context.Context, t *tally, into **RunCost) error {
	if b.opt.Temporal == nil || into == nil || *into != nil {
		return nil
	}
	cost := &RunCost{Sampled: min(sampled, len(t.tasks))}
	for i := range cost.Sampled {
		// From the beginning to the end: what waits for Temporal grows meanwhile.
		h, err := workflowstest.History(ctx, b.opt.Temporal, workflows.TaskID(t.tasks[i*len(t.tasks)/cost.Sampled]))
		if err != nil {
			return err
		}
		u := workflowstest.Measure(h)
		cost.Actions, cost.Events = max(cost.Actions, u.Actions), max(cost.Events, u.Events)
		cost.MeanActions += float64(u.Actions) / float64(cost.Sampled)
		cost.MeanEvents += float64(u.Events) / float64(cost.Sampled)
	}
	*into = cost
	return nil
}

// rehearse measures the generator with a router that does nothing.
func rehearse(ctx context.Context, o *Options, scenario string) (*Use, error) {
	s, err := startStub()
	if err != nil {
		return nil, err
	}
	defer s.close()
	alone := *o
	alone.URL, alone.AccountSID, alone.Token = s.url, "AC", "token"
	alone.Temporal, alone.SameProcess, alone.Listen, alone.Handle, alone.Talk = nil, false, "", 0, 0
	alone.Progress = nil
	alone.Scenarios, alone.Rounds, alone.Tasks, alone.Calls = []string{scenario}, 1, min(rehearsed, o.Tasks), min(rehearsed, o.Calls)
	alone.Concurrency = o.Concurrency[:1]
	r, err := Run(ctx, alone)
	if err != nil {
		return nil, err
	}
	result := r.Plain
	if scenario == Voice {
		result = r.Voice
	}
	if n := r.Failed(); n > 0 {
		return nil, fmt.Errorf("%d failed: %s", n, strings.Join(result.Runs[0].Problems, "; "))
	}
	return &result.Medians[0].Use, nil
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
