package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"time"

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
  burst  many tasks at once for few agents

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
	g.IntSliceVar(&o.Concurrency, "concurrency", o.Concurrency, "tasks under way at a time, plain and floor")
	g.IntVar(&o.Rounds, "rounds", o.Rounds, "how often plain and floor alternate")
	g.IntVar(&o.Tasks, "tasks", o.Tasks, "tasks of each plain run, and runs of each floor run")
	g.IntVar(&o.IdleTasks, "idle-tasks", o.IdleTasks, "tasks of the idle scenario")
	g.IntVar(&o.BurstTasks, "burst-tasks", o.BurstTasks, "tasks of the burst")
	g.IntVar(&o.BurstAgents, "burst-agents", o.BurstAgents, "agents of the burst")
	g.DurationVar(&o.Handle, "handle", 0, "how long an agent works on a task")
	g.BoolVar(&f.asJSON, "json", false, "print JSON")
	g.BoolVar(&f.assert, "assert", false, "fail when a budget is missed, and say by how much")
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
		"tasks": func() { o.Tasks = quick.Tasks }, "idle-tasks": func() { o.IdleTasks = quick.IdleTasks },
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
	f.options.Progress = benchProgress(cmd.ErrOrStderr())
	stop, err := f.profile()
	if err != nil {
		return err
	}
	report, err := bench.Run(ctx, f.options)
	if err = errors.Join(err, stop()); err != nil {
		return err
	}
	return f.show(cmd.OutOrStdout(), report)
}

// embed starts a router on files that end with it.
func (f *benchFlags) embed(ctx context.Context, log *zap.Logger) (stop func(context.Context) error, err error) {
	folder, err := os.MkdirTemp("", "taskrouter-bench-")
	if err != nil {
		return nil, err
	}
	o := dev.Options{Listen: "127.0.0.1:0", DataDir: folder, NoUI: true, Version: version(), Log: log}
	if f.database != embeddedSQLite {
		o.Database = f.database
	}
	sys, err := dev.Start(ctx, o)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	f.options.URL, f.options.AccountSID, f.options.Token = sys.App.URL(), sys.AccountSID, sys.AuthToken
	f.options.SameProcess, f.options.Eager = true, true
	f.temporal, f.namespace = sys.TemporalAddress, sys.Namespace
	return func(ctx context.Context) error { return errors.Join(sys.Stop(ctx), os.RemoveAll(folder)) }, nil
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

// progressInterval is how often a line of progress is written at most.
const progressInterval = 100 * time.Millisecond

// benchProgress writes one changing line on a terminal, and nothing elsewhere.
func benchProgress(w io.Writer) func(part string, done, total int) {
	file, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	var mu sync.Mutex
	var last time.Time
	return func(part string, done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if done < total && time.Since(last) < progressInterval {
			return
		}
		last = time.Now()
		fmt.Fprintf(w, "\r\x1b[K%s: %d of %d", part, done, total)
		if done == total {
			fmt.Fprint(w, "\r\x1b[K")
		}
	}
}
