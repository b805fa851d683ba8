// Command taskrouter is the Task Router: a development system, the production
// processes and the tools around them, in one binary.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/logging"
)

// collectAt is how much the memory in use grows, in percent, before garbage is
// collected. What lives for long is small here and what lives for one request is
// not; twice the usual trades some megabytes for processor time. GOGC overrides
// it, and GOMEMLIMIT bounds it.
const collectAt = 200

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "taskrouter:", err)
		stop()
		os.Exit(exitStatus(err))
	}
}

func root() *cobra.Command {
	c := &cobra.Command{
		Use:   "taskrouter",
		Short: "Skills-based routing of phone calls and other work to people",
		Long: `taskrouter routes phone calls, and any other work, to the people who can take it.

Start here:   taskrouter dev
Production:   taskrouter migrate, then any number of taskrouter api and taskrouter worker`,
		SilenceUsage: true, SilenceErrors: true, Version: version(),
	}
	c.AddCommand(devCommand(), processCommand("all", "Run the API and a worker process together", true, true),
		processCommand("api", "Run the REST API and the voice webhooks", true, false),
		processCommand("worker", "Run a worker process: durable tasks and the sweeper", false, true),
		migrateCommand(), accountCommand(), keyCommand(), configCommand(), auditCommand(), purgeCommand(), eraseCommand(), rulesCommand(), benchCommand())
	refuseUnknown(c)
	return c
}

// refuseUnknown makes each command that only holds others answer a misspelt one
// with an error. By itself the library shows the help and succeeds.
func refuseUnknown(c *cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.HasSubCommands() && !sub.Runnable() {
			sub.Args = cobra.NoArgs
			sub.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		refuseUnknown(sub)
	}
}

// buildVersion is set by the linker in release builds.
var buildVersion string

// version is the module's version or the commit the binary was built from.
func version() string {
	if buildVersion != "" {
		return buildVersion
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	return v
}

// readConfig reads the configuration.
func readConfig(cmd *cobra.Command, verify func(*config.Config) error) (*config.Config, error) {
	file, _ := cmd.Flags().GetString(config.FileFlag)
	if file == "" {
		file = os.Getenv(config.FileEnv)
	}
	cfg, err := config.Load(config.Sources{File: file, Environ: os.Environ(), Flags: cmd.Flags()})
	if err != nil {
		return nil, err
	}
	if err := verify(cfg); err != nil {
		return nil, err
	}
	return cfg, nil
}

// loadConfig reads the configuration and makes the logger it asks for.
func loadConfig(cmd *cobra.Command, verify func(*config.Config) error) (*config.Config, *zap.Logger, error) {
	cfg, err := readConfig(cmd, verify)
	if err != nil {
		return nil, nil, err
	}
	log, err := logging.New(logging.Options{Format: cfg.Logging.Format, Level: cfg.Logging.Level})
	if err != nil {
		return nil, nil, err
	}
	for _, w := range cfg.Warnings() {
		log.Warn("configuration", zap.String(logging.KeyPath, w.Path), logging.Reason(w.Text))
	}
	return cfg, log, nil
}
