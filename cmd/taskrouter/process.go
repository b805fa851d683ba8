package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/taskrouter/taskrouter/internal/app"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/internal/logging"
)

// processCommand makes a command that runs a production process until it is
// told to stop.
func processCommand(use, short string, api, work bool) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		Long: short + ".\n\nIt needs PostgreSQL (run `taskrouter migrate` first) and a Temporal cluster, takes its settings from\n" +
			"--config, TASKROUTER_* and flags, and drains on SIGTERM.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := loadConfig(cmd, (*config.Config).Verify)
			if err != nil {
				return err
			}
			defer func() { _ = log.Sync() }()
			ctx := cmd.Context()
			a, err := app.New(ctx, app.Options{Config: cfg, API: api, Work: work, Version: version(), Log: log})
			if err != nil {
				return err
			}
			if err := a.Start(ctx); err != nil {
				return err
			}
			if api {
				go a.PointNumbers(ctx)
			}
			<-ctx.Done()
			log.Info("stopping; draining", logging.Duration(cfg.Worker.DrainTimeout))
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Worker.DrainTimeout)
			defer cancel()
			return a.Stop(stop)
		},
	}
	config.AddFlags(c.Flags())
	return c
}
