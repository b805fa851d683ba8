// Command devtemporal runs the embedded Temporal server in a process of its
// own, for tests and benchmarks that want Temporal to be somewhere else.
//
// It prints its addresses as NAME=value lines, writes the same lines to
// --env-file once it serves, and stops on SIGINT or SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/taskrouter/taskrouter/internal/devserver"
	"github.com/taskrouter/taskrouter/internal/logging"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "devtemporal:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var o devserver.Options
	var envFile, keywords string
	fs := flag.NewFlagSet("devtemporal", flag.ContinueOnError)
	fs.StringVar(&o.DataDir, "data", "", "folder that keeps the state; empty keeps it in memory")
	fs.IntVar(&o.FrontendPort, "port", 0, "port of the API; 0 picks a free one")
	fs.IntVar(&o.UIPort, "ui-port", -1, "port of the web UI; 0 picks a free one, -1 starts none")
	fs.StringVar(&o.Namespace, "namespace", "", "namespace to create")
	fs.StringVar(&keywords, "keywords", "", "comma-separated names of keyword search attributes to register")
	fs.StringVar(&envFile, "env-file", "", "file to write the addresses to once the server serves")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	log, err := logging.New(logging.Options{Format: logging.FormatConsole, Level: "warn"})
	if err != nil {
		return err
	}
	o.Logger = log
	o.SearchAttributes = map[string]enumspb.IndexedValueType{}
	for _, name := range strings.FieldsFunc(keywords, func(r rune) bool { return r == ',' }) {
		o.SearchAttributes[name] = enumspb.INDEXED_VALUE_TYPE_KEYWORD
	}
	s, err := devserver.Start(ctx, o)
	if err != nil {
		return err
	}
	lines := fmt.Sprintf("TEMPORAL_ADDRESS=%s\nTEMPORAL_NAMESPACE=%s\nTEMPORAL_UI_URL=%s\n",
		s.HostPort(), s.Namespace(), s.UIURL())
	fmt.Print(lines)
	if envFile != "" {
		if err := replaceFile(envFile, lines); err != nil {
			return errors.Join(err, s.Stop())
		}
	}
	<-ctx.Done()
	return s.Stop()
}

// replaceFile writes the file in one step: whoever waits for it never reads
// half of it.
func replaceFile(path, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".devtemporal-*")
	if err != nil {
		return err
	}
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return os.Rename(tmp.Name(), path)
}
