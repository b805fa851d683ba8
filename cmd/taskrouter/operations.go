package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/taskrouter/taskrouter/internal/app"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/store"
)

// openStore reads the configuration of a command that only touches the
// database, and opens it.
func openStore(cmd *cobra.Command) (*config.Config, *zap.Logger, *store.Store, error) {
	cfg, log, err := loadConfig(cmd, (*config.Config).VerifyDatabase)
	if err != nil {
		return nil, nil, nil, err
	}
	st, err := app.OpenStore(cmd.Context(), cfg)
	return cfg, log, st, err
}

func migrateCommand() *cobra.Command {
	var attributes bool
	c := &cobra.Command{
		Use: "migrate", Short: "Bring the database up to date", Args: cobra.NoArgs,
		Long: "Bring the database up to date. Running it twice, or from several places at once, does no harm.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, st, err := openStore(cmd)
			if err != nil {
				return err
			}
			defer func() { _ = st.Close() }()
			if err := st.Migrate(cmd.Context()); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "database is up to date")
			if !attributes {
				return nil
			}
			if err := app.RegisterSearchAttributes(cmd.Context(), cfg, log); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), "search attributes are registered")
			return nil
		},
	}
	c.Flags().BoolVar(&attributes, "search-attributes", false, "also register the search attributes with the Temporal namespace")
	config.AddFlags(c.Flags())
	return c
}

func configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Inspect the configuration"}
	check := &cobra.Command{
		Use: "check", Short: "Check the configuration and report every problem at once", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := readConfig(cmd, (*config.Config).Verify)
			if err != nil {
				return err
			}
			for _, w := range cfg.Warnings() {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning:", w)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "configuration is valid")
			return nil
		},
	}
	show := &cobra.Command{
		Use: "show", Short: "Print the settings in force, without secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := readConfig(cmd, func(*config.Config) error { return nil })
			if err != nil {
				return err
			}
			return cfg.Print(cmd.OutOrStdout())
		},
	}
	for _, x := range []*cobra.Command{check, show} {
		config.AddFlags(x.Flags())
		c.AddCommand(x)
	}
	return c
}
