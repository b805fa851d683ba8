package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/privacy"
)

// defaultPurgeAge is how old something is before it is purged: as long as
// routing.event_retention keeps events by default.
const defaultPurgeAge = 30 * 24 * time.Hour

func purgeCommand() *cobra.Command {
	var o privacy.PurgeOptions
	var age time.Duration
	var asJSON bool
	c := &cobra.Command{
		Use: "purge", Short: "Remove what belongs to tasks that ended long ago", Args: cobra.NoArgs,
		Long: `Remove what belongs to tasks that ended long ago: their rows and reservations, calls,
and all events up to that time, also those of open tasks. Tasks that have not ended stay,
and so do statistics, agents and events that are still to be sent. The system may run
meanwhile. Whoever interrupts it may simply run it again.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if age <= 0 {
				return errors.New("--older-than must be a duration such as 720h")
			}
			cfg, _, err := loadConfig(cmd, (*config.Config).VerifyDatabase)
			if err != nil {
				return err
			}
			st, err := openExisting(cmd.Context(), cfg)
			if err != nil {
				return err
			}
			defer func() { _ = st.Close() }()
			o.Before = time.Now().Add(-age)
			if w := cmd.ErrOrStderr(); isTerminal(w) {
				o.Progress = func(p privacy.Purged) {
					fmt.Fprintf(w, "\r\x1b[K%d workspaces: %d tasks, %d calls, %d events", p.Workspaces, p.Tasks, p.Calls, p.Events)
				}
				defer func() { fmt.Fprint(w, "\r\x1b[K") }()
			}
			out, err := privacy.Purge(cmd.Context(), st, o)
			// What was removed is told also when it could not be finished.
			return errors.Join(err, showPurged(cmd.OutOrStdout(), out, o, asJSON))
		},
	}
	f := c.Flags()
	f.DurationVar(&age, "older-than", defaultPurgeAge, "how long ago a Task must have ended; events older than that go too")
	f.StringVar(&o.AccountSID, "account", "", "only this account")
	f.StringVar(&o.WorkspaceSID, "workspace", "", "only this Workspace")
	f.BoolVar(&o.DryRun, "dry-run", false, "count, and remove nothing")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	config.AddFlags(f)
	return c
}

func showPurged(w io.Writer, p privacy.Purged, o privacy.PurgeOptions, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(struct {
			Before time.Time `json:"before"`
			DryRun bool      `json:"dry_run"`
			privacy.Purged
		}{o.Before.UTC().Truncate(time.Second), o.DryRun, p})
	}
	verb := "removed"
	if o.DryRun {
		verb = "to remove"
	}
	_, err := fmt.Fprintf(w, "%s, from before %s, in %d workspaces:\n%8d tasks\n%8d calls\n%8d events\n%8d idempotency tokens\n%8d dial attempts\n",
		verb, o.Before.UTC().Format(time.RFC3339), p.Workspaces, p.Tasks, p.Calls, p.Events, p.Claims, p.DialAttempts)
	return err
}

// isTerminal reports whether somebody watches what is written to w.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
