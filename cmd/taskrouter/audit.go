package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/audit"
	"github.com/taskrouter/taskrouter/internal/app"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/store"
	"github.com/taskrouter/taskrouter/workflows"
)

// Exit statuses of the audit, as scripts see them.
const (
	exitFindings    = 1
	exitCouldNotRun = 2
)

// askPatience is how long one question to Temporal may take.
const askPatience = 10 * time.Second

func auditCommand() *cobra.Command {
	var o audit.Options
	var since string
	var asJSON, temporal bool
	c := &cobra.Command{
		Use: "audit", Short: "Check from the rows and the event log that every promise was kept",
		Long: `Check from the rows and the event log that every promise was kept: nobody over
capacity, nothing accepted twice, nothing lost, no free agent beside a waiting
task, nobody served out of turn, no gap in the log, no accounts mixed. The system
may run meanwhile; nothing is changed.

Exit status 0: no finding. 1: findings. 2: the audit could not be made.`,
		Args: func(cmd *cobra.Command, args []string) error { return couldNotRun(cobra.NoArgs(cmd, args)) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := loadConfig(cmd, (*config.Config).VerifyDatabase)
			if err != nil {
				return couldNotRun(err)
			}
			if o.Since, err = parseSince(since, time.Now()); err != nil {
				return couldNotRun(err)
			}
			o.Retention = cfg.Routing.EventRetention
			if !cmd.Flags().Changed("temporal") {
				temporal = cfg.Temporal.Address != config.Default().Temporal.Address
			}
			if temporal {
				runs, disconnect, err := app.ConnectRuns(cfg, log)
				if err != nil {
					return couldNotRun(err)
				}
				defer disconnect()
				o.Runs = patientRuns{runs}
			}
			o.Progress = progressTo(cmd.ErrOrStderr())
			report, err := runAudit(cmd.Context(), cfg, log, o)
			if err != nil {
				return couldNotRun(err)
			}
			return showReport(cmd.OutOrStdout(), report, asJSON, temporal)
		},
	}
	f := c.Flags()
	f.StringVar(&o.AccountSID, "account", "", "only this account")
	f.StringVar(&o.WorkspaceSID, "workspace", "", "only this Workspace")
	f.StringVar(&since, "since", "", "leave out older events: a duration such as 24h, or a time such as 2026-01-02T15:04:05Z")
	f.DurationVar(&o.Lag, "lag", audit.DefaultLag, "how late a deadline or a notice may be")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.BoolVar(&temporal, "temporal", false, "ask Temporal for the run of each open Task (on when temporal.address is configured)")
	config.AddFlags(f)
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return couldNotRun(err) })
	return c
}

// runAudit opens the database and audits it.
func runAudit(ctx context.Context, cfg *config.Config, log *zap.Logger, o audit.Options) (*audit.Report, error) {
	st, err := openExisting(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := st.Close(); err != nil {
			log.Warn("the database was not closed", zap.Error(err))
		}
	}()
	return audit.Run(ctx, st, rules.New(rules.Options{}), o)
}

// openExisting opens a database that must be there already, with the schema of
// this program.
func openExisting(ctx context.Context, cfg *config.Config) (*store.Store, error) {
	// Opening would make an empty database of a path that is wrong.
	if kind, path := cfg.Database.Kind(); kind == config.SQLite && path != ":memory:" {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("open the database: %w", err)
		}
	}
	st, err := app.OpenStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, st); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

func checkSchema(ctx context.Context, st *store.Store) error {
	applied, known, err := st.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if applied != known {
		return fmt.Errorf("the database is of schema version %d, this program knows %d", applied, known)
	}
	return nil
}

// parseSince reads a duration before now, or an instant; empty is everything.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("--since: %q is neither a duration nor a time", text)
	}
	return at, nil
}

// patientRuns bounds each question to Temporal.
type patientRuns struct{ client *workflows.Client }

func (r patientRuns) Running(ctx context.Context, taskSID string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	return r.client.Running(ctx, taskSID)
}

// progressTo shows how far the audit is, on a terminal only.
func progressTo(w io.Writer) func(audit.Progress) {
	if !isTerminal(w) {
		return nil
	}
	return func(p audit.Progress) {
		fmt.Fprintf(w, "\r\x1b[Kworkspace %d (%s): event %d of %d, %d findings", p.Workspace, p.WorkspaceSID, p.Seq, p.LastSeq, p.Findings)
		if p.Seq >= p.LastSeq {
			fmt.Fprint(w, "\r\x1b[K")
		}
	}
}

// showReport prints what was found and turns it into an exit status.
func showReport(w io.Writer, r *audit.Report, asJSON, temporal bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if err := e.Encode(r); err != nil {
			return couldNotRun(err)
		}
	} else {
		if err := r.Print(w); err != nil {
			return couldNotRun(err)
		}
		if !temporal {
			fmt.Fprintln(w, "runs         not asked about; see --temporal")
		}
	}
	if r.Clean() {
		return nil
	}
	return &exitError{status: exitFindings, cause: errors.New("promises were broken; see docs/reliability.md")}
}

// exitError is an error with an exit status of its own.
type exitError struct {
	status int
	cause  error
}

func (e *exitError) Error() string { return e.cause.Error() }
func (e *exitError) Unwrap() error { return e.cause }

// couldNotRun gives a failure of the audit its exit status.
func couldNotRun(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{status: exitCouldNotRun, cause: err}
}

// exitStatus is what the process ends with after an error.
func exitStatus(err error) int {
	var e *exitError
	if errors.As(err, &e) {
		return e.status
	}
	return 1
}
