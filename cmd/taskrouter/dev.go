package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/internal/logging"
)

func devCommand() *cobra.Command {
	var o dev.Options
	var envFile, level string
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine: Temporal, its UI, database, API, worker and a demo",
		Long: `Run the whole system in one process on embedded defaults, with a demo Workspace:
departments Support and Sales, languages English and Japanese, four agents and a
phone number, +15550100. Calls are placed over /dev/calls.

The state is kept in --data and continues there after a restart.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logging.New(logging.Options{Format: logging.FormatConsole, Level: level})
			if err != nil {
				return err
			}
			defer func() { _ = log.Sync() }()
			o.Log, o.Version, o.Crash = log, version(), crashPoint()
			ctx := cmd.Context()
			fmt.Fprintln(cmd.ErrOrStderr(), "starting Temporal, the database and the router …")
			sys, err := dev.Start(ctx, o)
			if err != nil {
				return err
			}
			if envFile != "" {
				if err := sys.WriteEnvFile(envFile); err != nil {
					return fmt.Errorf("--env-file: %w", err)
				}
			}
			greet(cmd.OutOrStdout(), sys, o)
			<-ctx.Done()
			fmt.Fprintln(cmd.ErrOrStderr(), "stopping …")
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), dev.StopTimeout)
			defer cancel()
			return sys.Stop(stop)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Listen, "listen", dev.DefaultListen, "address of the API; port 0 picks a free one")
	f.StringVar(&o.DataDir, "data", dev.DefaultDataDir, "folder that keeps the state")
	f.BoolVar(&o.Ephemeral, "ephemeral", false, "keep the state in memory")
	f.BoolVar(&o.NoUI, "no-ui", false, "do not start the Temporal UI")
	f.IntVar(&o.TemporalPort, "temporal-port", 0, "port of Temporal's API; 0 picks a free one")
	f.IntVar(&o.UIPort, "ui-port", 0, "port of the Temporal UI; 0 picks a free one")
	f.StringVar(&o.Database, "database", "", "postgres://… instead of the embedded SQLite")
	f.StringVar(&o.TemporalAddress, "temporal", "", "host:port of a Temporal server that runs already, instead of the embedded one")
	f.StringVar(&envFile, "env-file", "", "once ready, write KEY=value lines here")
	f.StringVar(&level, "log-level", "warn", "debug, info, warn or error")
	return c
}

// greet tells the reader what runs and how to see a call being routed.
func greet(w io.Writer, s *dev.System, o dev.Options) {
	first := ""
	if s.FirstStart {
		first = " (created by this start)"
	}
	ui := s.UIURL
	if ui == "" {
		ui = "not started"
	}
	state := o.DataDir
	if o.Ephemeral {
		state = "in memory; it ends with this process"
	}
	fmt.Fprintf(w, `
The Task Router is running.

  API            %s
  Temporal UI    %s
  Temporal       %s (namespace %s)
  State          %s

  Account        %s%s
  Auth token     %s
  Workspace      %s
  Workflow       %s

Loopback addresses are allowed as webhook targets here; production refuses them.

Route a call: a customer dials +15550100, picks Sales (2) and Japanese (2).

  curl -s %[1]s/dev/calls --data-urlencode From=+15557777 --data-urlencode To=+15550100

Route any task:

  curl -s -u %[6]s:%[8]s %[1]s/v1/Workspaces/%[9]s/Tasks \
       --data-urlencode 'Attributes={"department":"support","language":"en"}' -d WorkflowSid=%[10]s

Stop with Ctrl-C.
`, s.App.URL(), ui, s.TemporalAddress, s.Namespace, state, s.AccountSID, first, s.AuthToken, s.WorkspaceSID, s.WorkflowSID)
}

// crashPoint ends the process, as SIGKILL would, at the durable step named in
// TASKROUTER_CRASH_AT ("point" or "point:n" for the n-th time it is passed).
// Tests of durability use it; nothing else sets it.
func crashPoint() func(string) {
	return parseCrash(os.Getenv("TASKROUTER_CRASH_AT"))
}
