package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/taskrouter/taskrouter/rules"
	"github.com/taskrouter/taskrouter/rules/offline"
	"github.com/taskrouter/taskrouter/taskrouter"
)

// Exit statuses of the commands about rules.
const (
	exitNoMatch  = 1
	exitUnusable = 2
)

func rulesCommand() *cobra.Command {
	c := &cobra.Command{Use: "rules", Short: "Try routing configurations without a server"}
	c.AddCommand(rulesEvalCommand(), rulesCheckCommand())
	return c
}

func rulesEvalCommand() *cobra.Command {
	var file, attributes string
	var workers, queues []string
	var asJSON bool
	c := &cobra.Command{
		Use: "eval", Short: "Show what a routing configuration does with a task", Args: cobra.NoArgs,
		Long: `Show what a routing configuration does with a task: what each filter says and which
clause keeps it from matching, the targets of the first one that matches, and which of
the given agents fit them. All agents are free; targets may name queues in any way.

The exit status is 0 when a filter or the default filter takes the task, 1 when none
does, and 2 when the configuration, or what it is tried on, cannot be used.`,
		Example: `  taskrouter rules eval -f workflow.json -a '{"language":"ja"}' \
    --queue 'WQ…=languages HAS "ja"' --worker 'Ann={"languages":["en"]}'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := readConfiguration(cmd, file)
			if err != nil {
				return unusable(err)
			}
			in := offline.Request{Configuration: text, Attributes: taskrouter.Attributes(attributes), Queues: map[string]string{}}
			for _, w := range workers {
				in.Agents = append(in.Agents, parseAgent(w))
			}
			for _, q := range queues {
				name, expression, ok := strings.Cut(q, "=")
				if !ok {
					return unusable(fmt.Errorf("--queue %q: want name=expression", q))
				}
				in.Queues[name] = expression
			}
			report, err := offline.Evaluate(cmd.Context(), rules.New(rules.Options{}), in)
			if err != nil {
				return unusable(err)
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				err = encoder.Encode(report)
			} else {
				err = report.Write(cmd.OutOrStdout())
			}
			if err == nil && !report.Matched {
				return &exitError{status: exitNoMatch, cause: errors.New("no filter takes the task")}
			}
			return err
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "the configuration, a JSON file; - is the standard input")
	c.Flags().StringVarP(&attributes, "attributes", "a", "{}", "the task's attributes, a JSON object")
	c.Flags().StringArrayVar(&workers, "worker", nil, "an agent: attributes, or name=attributes; may be repeated")
	c.Flags().StringArrayVar(&queues, "queue", nil, "the members of a queue: name=expression; may be repeated; a queue that is not given has everybody")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func rulesCheckCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "check", Short: "Check a routing configuration and report every fault at once", Args: cobra.NoArgs,
		Long: `Check a routing configuration and report every fault at once, with its path. Whether
its queues exist only a Workspace can tell. The exit status is 2 when there is a fault.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := readConfiguration(cmd, file)
			if err != nil {
				return unusable(err)
			}
			if faults := rules.New(rules.Options{}).CheckConfiguration(text); len(faults) > 0 {
				return unusable(&offline.BadConfiguration{Faults: faults})
			}
			fmt.Fprintln(cmd.OutOrStdout(), "configuration is valid")
			return nil
		},
	}
	c.Flags().StringVarP(&file, "file", "f", "", "the configuration, a JSON file; - is the standard input")
	return c
}

// unusable gives what cannot be used its exit status.
func unusable(err error) error { return &exitError{status: exitUnusable, cause: err} }

// readConfiguration reads a file, or the standard input for "-".
func readConfiguration(cmd *cobra.Command, file string) (string, error) {
	var text []byte
	var err error
	switch file {
	case "":
		return "", errors.New("-f is required: the file with the configuration")
	case "-":
		text, err = io.ReadAll(cmd.InOrStdin())
	default:
		text, err = os.ReadFile(file)
	}
	return string(text), err
}

// parseAgent reads attributes with or without a name before them.
func parseAgent(text string) offline.Agent {
	if name, attributes, named := strings.Cut(text, "="); named && !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return offline.Agent{Name: name, Attributes: taskrouter.Attributes(attributes)}
	}
	return offline.Agent{Attributes: taskrouter.Attributes(text)}
}
