package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/taskrouter/taskrouter/internal/app"
	"github.com/taskrouter/taskrouter/internal/config"
	"github.com/taskrouter/taskrouter/taskrouter"
	"github.com/taskrouter/taskrouter/workspace"
)

// remembered is what every command that withdraws a credential says.
const remembered = "Processes that are running accept it for up to 10 seconds more."

// accountCall is one call of a command that works on accounts.
type accountCall struct {
	*workspace.Accounts
	args []string
	out  io.Writer
	json bool
}

// show writes the answer: a JSON value, or a text for people.
func (c accountCall) show(v any, format string, args ...any) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(v)
	}
	_, err := fmt.Fprintf(c.out, format, args...)
	return err
}

// accountsCommand makes a command that works on the accounts in the database.
func accountsCommand(use, short string, run func(ctx context.Context, c accountCall) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs}
	asJSON := c.Flags().Bool("json", false, "print JSON")
	config.AddFlags(c.Flags())
	c.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, log, st, err := openStore(cmd)
		if err != nil {
			return err
		}
		defer func() { _ = st.Close() }()
		if err := cfg.VerifySecrets(); err != nil {
			return err
		}
		accounts, err := app.NewAccounts(st, cfg, log)
		if err != nil {
			return err
		}
		return run(cmd.Context(), accountCall{Accounts: accounts, args: args, out: cmd.OutOrStdout(), json: *asJSON})
	}
	return c
}

// accountFlag adds --account to a command that cannot do without.
func accountFlag(c *cobra.Command, sid *string) *cobra.Command {
	c.Flags().StringVar(sid, "account", "", "SID of the account (required)")
	if err := c.MarkFlagRequired("account"); err != nil {
		panic(err) // the flag is defined one line above
	}
	return c
}

func accountCommand() *cobra.Command {
	c := &cobra.Command{Use: "account", Short: "Manage accounts"}
	var name string
	create := accountsCommand("create", "Create an account and show its token once",
		func(ctx context.Context, c accountCall) error {
			sid, token, err := c.CreateAccount(ctx, name)
			if err != nil {
				return err
			}
			return c.show(map[string]string{"account_sid": sid, "auth_token": token},
				"Account SID  %s\nAuth token   %s\n\nThe token is not shown again.\n", sid, token)
		})
	create.Flags().StringVar(&name, "name", "Main", "friendly name")
	c.AddCommand(create, tokenCommand())
	return c
}

func tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "token", Short: "Replace an account's auth token",
		Long: "Replace an account's auth token without an interruption: rotate makes a second token that is valid beside\n" +
			"the first; once every client has it, promote makes it the only one. Webhooks are signed with the first token\n" +
			"until then.",
	}
	var sid string
	rotate := accountsCommand("rotate", "Make a second token, valid beside the first, and show it once",
		func(ctx context.Context, c accountCall) error {
			token, err := c.RotateToken(ctx, sid)
			if err != nil {
				return err
			}
			return c.show(map[string]string{"account_sid": sid, "secondary_auth_token": token},
				"Account SID      %s\nSecondary token  %s\n\nThe token is not shown again. It is valid beside the first one until it is promoted.\n", sid, token)
		})
	promote := accountsCommand("promote", "Make the second token the only one",
		func(ctx context.Context, c accountCall) error {
			if err := c.PromoteToken(ctx, sid); err != nil {
				return err
			}
			return c.show(map[string]string{"account_sid": sid},
				"The first token of %s is no longer valid. %s\n", sid, remembered)
		})
	c.AddCommand(accountFlag(rotate, &sid), accountFlag(promote, &sid))
	return c
}

func keyCommand() *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Manage API keys"}
	var account, name string
	create := accountsCommand("create", "Create an API key and show its secret once",
		func(ctx context.Context, c accountCall) error {
			k, secret, err := c.CreateKey(ctx, account, name)
			if err != nil {
				return err
			}
			return c.show(map[string]string{"account_sid": account, "sid": k.SID, "friendly_name": k.FriendlyName, "secret": secret},
				"API key SID  %s\nSecret       %s\n\nThe secret is not shown again.\n", k.SID, secret)
		})
	create.Flags().StringVar(&name, "name", "", "friendly name")
	list := accountsCommand("list", "List an account's API keys",
		func(ctx context.Context, c accountCall) error { return listKeys(ctx, c, account) })
	revoke := accountsCommand("revoke", "Revoke an API key",
		func(ctx context.Context, c accountCall) error {
			sid := c.args[0]
			if err := c.RevokeKey(ctx, account, sid); err != nil {
				return err
			}
			return c.show(map[string]string{"account_sid": account, "sid": sid}, "%s is revoked. %s\n", sid, remembered)
		})
	revoke.Use, revoke.Args = "revoke SK…", cobra.ExactArgs(1)
	c.AddCommand(accountFlag(create, &account), accountFlag(list, &account), accountFlag(revoke, &account))
	return c
}

// listKeys writes a line a key; with JSON an object a line.
func listKeys(ctx context.Context, c accountCall, account string) error {
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	defer func() { _ = table.Flush() }()
	c.out = table
	const size = 500
	for page := (taskrouter.Page{Size: size}); ; {
		keys, err := c.ListKeys(ctx, account, page)
		if err != nil {
			return err
		}
		for _, k := range keys[:min(size, len(keys))] {
			made := taskrouter.Timestamp(k.CreatedAt)
			v := map[string]string{"sid": k.SID, "friendly_name": k.FriendlyName, "date_created": made}
			if err := c.show(v, "%s\t%s\t%s\n", k.SID, made, k.FriendlyName); err != nil {
				return err
			}
			page.After = taskrouter.MarkAt(k.SID, k.CreatedAt)
		}
		if len(keys) <= size {
			return nil
		}
	}
}
