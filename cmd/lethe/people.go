package main

import (
	"context"

	"github.com/spf13/cobra"

	"lethe/app/config"
	"lethe/app/ops"
)

const ownDatabaseOnly = `Works only on Lethe's own database: the embedded one, even while "lethe serve"
runs on it, or one created by "lethe migrate up". Manage users and keys of dwctl
in dwctl.`

func (c *cli) users() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "users",
		Short: "Manage people and organizations in Lethe's own database",
		Long:  ownDatabaseOnly,
		Example: `  lethe users add ada@example.com --admin
  lethe users add jonas@example.com --role BATCHAPIUSER
  lethe users add team@example.com --organization
  lethe users join jonas@example.com team@example.com
  lethe users list`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}

	var user ops.NewUser
	add := c.jsonFlag(c.command(&cobra.Command{
		Use:   "add EMAIL",
		Short: "Add a person or an organization",
		Example: `  lethe users add ada@example.com --name 'Ada Okafor' --admin
  lethe users add marta@example.com --role PLATFORMMANAGER
  lethe users add jonas@example.com --role BATCHAPIUSER --external-id 'idp|jonas'
  lethe users add team@example.com --organization`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, args []string) error {
		user.Email = args[0]
		return ops.AddUser(ctx, cfg, user, c.output())
	}))
	add.Flags().StringVar(&user.Name, "name", "", "display name")
	add.Flags().BoolVar(&user.Admin, "admin", false, "make the user an administrator, who may do everything")
	add.Flags().BoolVar(&user.Organization, "organization", false, "add an organization, not a person")
	add.Flags().StringVar(&user.ExternalID, "external-id", "", "the name by which the sign-in proxy identifies the user")
	add.Flags().StringSliceVar(&user.Roles, "role", nil, "PLATFORMMANAGER (read and erase everyone's), BATCHAPIUSER (read and erase own), CONNECTIONSUSER (read own), or another of dwctl's roles; may be repeated")

	list := c.jsonFlag(c.command(&cobra.Command{
		Use:     "list",
		Short:   "List people and organizations",
		Example: `  lethe users list --json`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, _ []string) error {
		return ops.ListUsers(ctx, cfg, c.output())
	}))

	roles := c.command(&cobra.Command{
		Use:   "roles WHO [ROLE...]",
		Short: "Replace the roles of a person",
		Example: `  lethe users roles jonas@example.com BATCHAPIUSER STANDARDUSER
  lethe users roles jonas@example.com            # removes all roles`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, args []string) error {
		return ops.SetRoles(ctx, cfg, args[0], args[1:], c.output())
	})

	var role string
	join := c.command(&cobra.Command{
		Use:     "join WHO ORGANIZATION",
		Short:   "Make a person a member of an organization",
		Example: `  lethe users join jonas@example.com team@example.com --as admin`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, args []string) error {
		return ops.JoinOrganization(ctx, cfg, args[0], args[1], role, c.output())
	})
	join.Flags().StringVar(&role, "as", "member", "role in the organization: owner, admin or member")

	cmd.AddCommand(add, list, roles, join)
	return cmd
}

func (c *cli) keys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Manage API keys, and the keys that sign the log of erasures",
		Long: ownDatabaseOnly + `

The keys that sign the log of erasures are files: "new" and "show" use no
database.`,
		Example: `  lethe keys create ada@example.com
  lethe keys list
  lethe keys revoke 6f0f3c1e-5c5e-4d0e-9d59-0b8f6a1c2d3e

  lethe keys new example.com/erasures --out lethe.key
  lethe keys show lethe.key`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}

	var key ops.NewKey
	create := c.jsonFlag(c.command(&cobra.Command{
		Use:   "create WHO",
		Short: "Create an API key and print its secret, once",
		Example: `  lethe keys create ada@example.com --name laptop
  lethe keys create jonas@example.com --organization team@example.com`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, args []string) error {
		key.Creator = args[0]
		return ops.CreateKey(ctx, cfg, key, c.output())
	}))
	create.Flags().StringVar(&key.Name, "name", "lethe", "name of the key, unique among the person's keys")
	create.Flags().StringVar(&key.Organization, "organization", "", "organization that the key acts for and that owns it")
	create.Flags().StringVar(&key.Purpose, "purpose", "platform", "platform, inference, realtime, batch or playground; this service accepts only platform keys")

	list := c.jsonFlag(c.command(&cobra.Command{
		Use:     "list",
		Short:   "List API keys, without their secrets",
		Example: `  lethe keys list`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, _ []string) error {
		return ops.ListKeys(ctx, cfg, c.output())
	}))

	revoke := c.command(&cobra.Command{
		Use:     "revoke ID",
		Short:   "Revoke an API key, with immediate effect",
		Example: `  lethe keys revoke 6f0f3c1e-5c5e-4d0e-9d59-0b8f6a1c2d3e`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, args []string) error {
		return ops.RevokeKey(ctx, cfg, args[0], c.output())
	})

	cmd.AddCommand(create, list, revoke)
	cmd.AddCommand(c.signingKeys()...)
	return cmd
}

// output is where a command's results go.
func (c *cli) output() ops.Output {
	return ops.Output{Out: c.stdout, Progress: c.stderr, JSON: c.asJSON}
}
