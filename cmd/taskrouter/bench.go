package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	sdkclient "go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/bench"
	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/internal/logging"
)

// embeddedSQLite is the database of a measurement that starts its own router.
const embeddedSQLite = "sqlite"

// tokenEnv holds the token of a running router, so that it need not be an
// argument that others can see.
const tokenEnv = "TASKROUTER_AUTH_TOKEN"

// benchFlags are what decides where and how to measure.
type benchFlags struct {
	options             bench.Options
	quick, asJSON       bool
	assert, verbose     bool
	database            string
	plot                string
	temporal, namespace string
	cpuProfile          string
	memProfile          string
}

func benchCommand() *cobra.Command {
	f := &benchFlags{options: bench.Standard()}
	o := &f.options
	c := &cobra.Command{
		Use: "bench", Short: "Measure speed, against a router of its own or one that runs",
		Long: `Measure speed. Without --url it starts a router with an embedded Temporal server
in this process, on files of a temporary folder.

Scenarios:
  idle   one task at a time, and how soon an empty durable run is reached
  floor  a durable run that only waits for one signal: what Temporal can do
  plain  tasks created, offered, accepted and completed over REST, many at a time;
         agents learn of offers by assignment callback
  voice  telephone calls, many at a time: menu, an agent's phone rings, both talk,
         wrap-up; needs the telephones in memory that taskrouter dev has
  burst  many tasks at once for few agents

With --database postgres://… the router's rows are in a database of their own on
that server, which is made and dropped again; Temporal stays on SQLite.

--assert fails when a budget is missed by more than the rounds of the measurement
differ; with one round, by anything.

A running router must be allowed to call back this machine (egress.allow_cidrs).
What is made there, a Workspace for each scenario, is deleted afterwards; the
floor leaves closed runs, whose ids begin with "bench/", in the namespace.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	g := c.Flags()
	g.StringVar(&o.URL, "url", "", "a running router's URL; empty starts one here")
	g.StringVar(&o.AccountSID, "account", "", "account of a running router")
	g.StringVar(&o.Token, "token", "", "its token; better in the environment, as "+tokenEnv)
	g.StringVar(&f.temporal, "temporal", "", "host:port of a running router's Temporal server; empty leaves out the floor")
	g.StringVar(&f.namespace, "namespace", "default", "Temporal namespace of a running router")
	g.StringVar(&f.database, "database", embeddedSQLite, "sqlite, or postgres://…, for the router started here")
	g.StringVar(&o.Listen, "listen", "", "address assignment callbacks are received at; empty is a free port on 127.0.0.1")
	g.StringSliceVar(&o.Scenarios, "scenario", nil, strings.Join(bench.Scenarios(), ", ")+"; several separated by commas; all when left out")
	g.BoolVar(&f.quick, "quick", false, "a few hundred tasks in all: shows that it works, not how fast")
	g.IntSliceVar(&o.Concurrency, "concurrency", o.Concurrency, "tasks, runs or calls under way at a time: plain, floor, voice")
	g.IntVar(&o.Rounds, "rounds", o.Rounds, "how often floor, plain and voice alternate")
	g.IntVar(&o.Tasks, "tasks", o.Tasks, "tasks of each plain run, and runs of each floor run")
	g.IntVar(&o.Calls, "calls", o.Calls, "calls of each voice run")
	g.IntVar(&o.IdleTasks, "idle-tasks", o.IdleTasks, "tasks of the idle scenario")
	g.IntVar(&o.BurstTasks, "burst-tasks", o.BurstTasks, "tasks of the burst")
	g.IntVar(&o.BurstAgents, "burst-agents", o.BurstAgents, "agents of the burst")
	g.DurationVar(&o.Handle, "handle", 0, "how long an agent works on a task")
	g.DurationVar(&o.Talk, "talk", o.Talk, "how long caller and agent talk; it is not part of any figure")
	g.BoolVar(&f.asJSON, "json", false, "print JSON")
	g.StringVar(&f.plot, "plot", "", "draw latency over load, plain and voice, into this .svg or .png file")
	g.BoolVar(&f.assert, "assert", false, "fail when a budget is missed by more than noise, and say by how much")
	g.BoolVar(&f.verbose, "verbose", false, "show warnings and errors of the router that is started here")
	g.StringVar(&f.cpuProfile, "cpuprofile", "", "write a CPU profile of this process here")
	g.StringVar(&f.memProfile, "memprofile", "", "write a profile of this process's allocations here")
	return c
}

// shrink takes the quick settings for all that was not given.
func (f *benchFlags) shrink(cmd *cobra.Command) {
	quick, o := bench.Quick(), &f.options
	o.Patience = quick.Patience
	for name, set := range map[string]func(){
		"concurrency": func() { o.Concurrency = quick.Concurrency }, "rounds": func() { o.Rounds = quick.Rounds },
		"tasks": func() { o.Tasks = quick.Tasks }, "calls": func() { o.Calls = quick.Calls }, "idle-tasks": func() { o.IdleTasks = quick.IdleTasks },
		"burst-tasks": func() { o.BurstTasks = quick.BurstTasks }, "burst-agents": func() { o.BurstAgents = quick.BurstAgents },
	} {
		if !cmd.Flags().Changed(name) {
			set()
		}
	}
}

func (f *benchFlags) run(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	if f.quick {
		f.shrink(cmd)
	}
	if f.plot != "" {
		if err := bench.CheckPlot(f.plot, f.options.Scenarios); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	// A router under load tells of much that is tried again and succeeds. What
	// fails for good is in the report.
	log := zap.NewNop()
	if f.verbose {
		if log, err = logging.New(logging.Options{Format: logging.FormatConsole, Level: "warn"}); err != nil {
			return err
		}
		defer func() { _ = log.Sync() }()
	}
	if f.options.URL == "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "starting Temporal, the database and the router …")
		stop, embedErr := f.embed(ctx, log)
		if embedErr != nil {
			return embedErr
		}
		defer func() {
			limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), dev.StopTimeout)
			defer cancel()
			if stopErr := stop(limit); stopErr != nil {
				err = errors.Join(err, fmt.Errorf("stop the router: %w", stopErr))
			}
		}()
	} else if f.options.Token == "" {
		f.options.Token = os.Getenv(tokenEnv)
	}
	if f.temporal != "" {
		sdk, err := sdkclient.DialContext(ctx, sdkclient.Options{
			HostPort: f.temporal, Namespace: f.namespace, Logger: logging.ForSDK(log.Named("temporal")),
		})
		if err != nil {
			return fmt.Errorf("connect to Temporal: %w", err)
		}
		defer sdk.Close()
		f.options.Temporal = sdk
	}
	if !f.asJSON {
		f.options.Progress = benchProgress(cmd.ErrOrStderr())
	}
	stop, err := f.profile()
	if err != nil {
		return err
	}
	report, err := bench.Run(ctx, f.options)
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	if f.plot != "" {
		if err := drawPlot(report, f.plot); err != nil {
			return fmt.Errorf("--plot: %w", err)
		}
	}
	return f.show(cmd.OutOrStdout(), report)
}

// embed starts a router on files, and if need be a database, that end with it.
func (f *benchFlags) embed(ctx context.Context, log *zap.Logger) (stop func(context.Context) error, err error) {
	folder, err := os.MkdirTemp("", "taskrouter-bench-")
	if err != nil {
		return nil, err
	}
	undo := []func(context.Context) error{func(context.Context) error { return os.RemoveAll(folder) }}
	end := func(ctx context.Context) error {
		var errs []error
		for _, f := range slices.Backward(undo) {
			errs = append(errs, f(ctx))
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, end(context.WithoutCancel(ctx)))
		}
	}()
	o := dev.Options{Listen: "127.0.0.1:0", DataDir: folder, NoUI: true, Version: version(), Log: log}
	if f.database != embeddedSQLite {
		d, err := makeDatabase(ctx, f.database)
		if err != nil {
			return nil, fmt.Errorf("--database: %w", err)
		}
		undo = append(undo, d.drop)
		o.Database = d.url
	}
	sys, err := dev.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	undo = append(undo, sys.Stop)
	f.options.URL, f.options.AccountSID, f.options.Token = sys.App.URL(), sys.AccountSID, sys.AuthToken
	f.options.SameProcess, f.options.Eager = true, true
	f.temporal, f.namespace = sys.TemporalAddress, sys.Namespace
	return end, nil
}

func drawPlot(r *bench.Report, path string) error {
	var picture bytes.Buffer
	if err := r.Plot(&picture, path); err != nil {
		return err
	}
	return os.WriteFile(path, picture.Bytes(), 0o644)
}

// profile starts the profiles that were asked for; stop writes them.
func (f *benchFlags) profile() (stop func() error, err error) {
	var cpu *os.File
	if f.cpuProfile != "" {
		if cpu, err = os.Create(f.cpuProfile); err != nil {
			return nil, err
		}
		if err := pprof.StartCPUProfile(cpu); err != nil {
			return nil, errors.Join(err, cpu.Close())
		}
	}
	return func() error {
		var errs []error
		if cpu != nil {
			pprof.StopCPUProfile()
			errs = append(errs, cpu.Close())
		}
		if f.memProfile != "" {
			errs = append(errs, writeAllocations(f.memProfile))
		}
		return errors.Join(errs...)
	}, nil
}

func writeAllocations(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	runtime.GC() // the profile shows what the last collection saw
	return errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
}

// show prints the report, and turns what failed into an error.
func (f *benchFlags) show(w io.Writer, r *bench.Report) error {
	if f.asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if err := e.Encode(r); err != nil {
			return err
		}
	} else if err := r.Table(w); err != nil {
		return err
	}
	if n := r.Failed(); n > 0 {
		return fmt.Errorf("%d tasks or runs failed or were lost", n)
	}
	if !f.assert {
		return nil
	}
	if len(r.Budgets) == 0 {
		return errors.New("no budget was measured")
	}
	var errs []error
	for _, b := range r.Missed() {
		errs = append(errs, errors.New(b.String()))
	}
	return errors.Join(errs...)
}
