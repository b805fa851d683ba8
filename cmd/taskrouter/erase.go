package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/taskrouter/taskrouter/internal/app"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/privacy"
)

func eraseCommand() *cobra.Command {
	var o privacy.EraseOptions
	var valueFile string
	var asJSON bool
	c := &cobra.Command{
		Use: "erase", Short: "Erase what is stored about one person", Args: cobra.NoArgs,
		Long: `Erase what is stored about one person, found by an attribute of their tasks: the
attributes of these tasks, in their rows, their events and remembered requests, and what
is known about the callers of their calls. What happened, and when, stays.

The value is compared exactly as it is written. Tasks that have not ended make the
command refuse, unless --include-live is given: then they lose their attributes too, and
are routed without them.`,
		Example: `  taskrouter erase --workspace WS… --attribute customer.phone --value-file - --dry-run < number.txt
  taskrouter erase --workspace WS… --attribute from --value +15555550123`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if valueFile != "" {
				text, err := readValue(cmd, valueFile)
				if err != nil {
					return err
				}
				o.Value = text
			}
			cfg, log, err := loadConfig(cmd, (*config.Config).VerifyDatabase)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			st, err := openExisting(ctx, cfg)
			if err != nil {
				return err
			}
			defer func() { _ = st.Close() }()
			dispatcher := app.NewDispatcher(st, cfg, log)
			defer func() { _ = dispatcher.Close(ctx) }()
			if w := cmd.ErrOrStderr(); isTerminal(w) {
				o.Progress = func(seq, last int64) { fmt.Fprintf(w, "\r\x1b[Kevent %d of %d", seq, last) }
				defer func() { fmt.Fprint(w, "\r\x1b[K") }()
			}
			out, err := privacy.Erase(ctx, st, dispatcher, o)
			var refused *privacy.LiveTasksError
			switch {
			case errors.As(err, &refused):
				return fmt.Errorf("%w (--include-live erases them too)", err)
			case out == nil:
				return err
			}
			// What was erased is told also when it could not be finished.
			return errors.Join(err, showErased(cmd.OutOrStdout(), out, asJSON))
		},
	}
	f := c.Flags()
	f.StringVar(&o.WorkspaceSID, "workspace", "", "the Workspace (required)")
	f.StringVar(&o.Attribute, "attribute", "", "name of an attribute of Tasks, with dots between members (required)")
	f.StringVar(&o.Value, "value", "", "what stands there; everybody on this machine can read it, see --value-file")
	f.StringVar(&valueFile, "value-file", "", "file the value is read from; - is the standard input")
	f.BoolVar(&o.IncludeLive, "include-live", false, "also Tasks that have not ended")
	f.BoolVar(&o.DryRun, "dry-run", false, "find, and change nothing")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	c.MarkFlagsOneRequired("value", "value-file")
	c.MarkFlagsMutuallyExclusive("value", "value-file")
	for _, name := range []string{"workspace", "attribute"} {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // the flag is defined some lines above
		}
	}
	config.AddFlags(f)
	return c
}

// readValue reads a line.
func readValue(cmd *cobra.Command, file string) (string, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(cmd.InOrStdin())
	} else {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return "", fmt.Errorf("--value-file: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

func showErased(w io.Writer, e *privacy.Erased, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(e)
	}
	verb := "erased"
	if e.DryRun {
		verb = "to erase"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s, found by %s:\n%8d tasks, of which %d have not ended\n%8d events\n%8d calls\n%8d idempotency tokens\n",
		verb, e.WorkspaceSID, e.Attribute, len(e.Tasks), len(e.LiveTasks), e.Events, e.Calls, e.Claims)
	if !e.DryRun {
		fmt.Fprintf(&b, "%8d reservations and legs\n%8d dial attempts\n", e.Reservations, e.DialAttempts)
	}
	for _, sid := range e.Tasks {
		fmt.Fprintf(&b, "%s\n", sid)
	}
	if len(e.LiveCalls) > 0 {
		fmt.Fprintf(&b, "left as they are, because they go on: %s. Erase again when they are over.\n", strings.Join(e.LiveCalls, ", "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
