package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/dev"
	"github.com/taskrouter/taskrouter/internal/logging"
)

func devCommand() *cobra.Command {
	var o dev.Options
	var envFile, level, platform string
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run everything on this machine: Temporal, its UI, database, API, worker and a demo",
		Long: `Run the whole system in one process on embedded defaults, with a demo Workspace:
departments Support and Sales, languages English and Japanese, four agents and a
phone number, +15550100. Calls are placed over /dev/calls.

The state is kept in --data and continues there after a restart. Configuration files and
TASKROUTER_* settings are not read: to try those, run taskrouter all.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := logging.New(logging.Options{Format: logging.FormatConsole, Level: level})
			if err != nil {
				return err
			}
			defer func() { _ = log.Sync() }()
			o.Log, o.Version, o.Crash = log, version(), crashPoint()
			if platform != "" {
				b, err := platformAt(platform)
				if err != nil {
					return fmt.Errorf("--voice-platform: %w", err)
				}
				o.Voice = []config.VoiceBackend{b}
			}
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
	f.BoolVar(&o.Ephemeral, "ephemeral", false, "keep nothing: the state ends with the process")
	f.BoolVar(&o.NoUI, "no-ui", false, "do not start the Temporal UI")
	f.IntVar(&o.TemporalPort, "temporal-port", 0, "port of Temporal's API; 0 picks a free one")
	f.IntVar(&o.UIPort, "ui-port", 0, "port of the Temporal UI; 0 picks a free one")
	f.StringVar(&o.Database, "database", "", "postgres://… instead of the embedded SQLite")
	f.StringVar(&o.TemporalAddress, "temporal", "", "host:port of a Temporal server that runs already, instead of the embedded one")
	f.StringVar(&platform, "voice-platform", "", "http://ACCOUNT:TOKEN@host: base URL of a telephone platform with Twilio's REST API, instead of the telephone in memory")
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
		state = "temporary; it ends with this process"
	}
	fmt.Fprintf(w, `
The Task Router is running.

  API            %s
  Reference      %[1]s/docs
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

// platformAt makes a telephone back-end of a URL that carries the account and
// its token. Errors do not repeat the URL, which holds a secret.
func platformAt(text string) (config.VoiceBackend, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User.Username() == "" {
		return config.VoiceBackend{}, errors.New("want http(s)://ACCOUNT:TOKEN@host")
	}
	token, ok := u.User.Password()
	if !ok {
		return config.VoiceBackend{}, errors.New("the token is missing: want http(s)://ACCOUNT:TOKEN@host")
	}
	account := u.User.Username()
	u.User = nil
	return config.VoiceBackend{
		Name: "platform", Flavour: config.FlavourTwilio, BaseURL: u.String(),
		AccountSID: account, AuthToken: config.NewSecret(token),
	}, nil
}
