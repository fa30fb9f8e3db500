package main

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lethe/app/boot"
	"lethe/app/config"
	"lethe/app/demo"
	"lethe/app/ops"
	"lethe/app/serve"
)

// cli is what the commands share.
type cli struct {
	environ        []string
	stdin          io.Reader
	stdout, stderr io.Writer

	configFile string
	asJSON     bool
	running    bool // the command line and the configuration are valid
}

// databaseSettings are prefixes of the settings that commands offer as flags.
var databaseSettings = []string{"database.", "fusillade.", "outlet.", "data_dir"}

// command completes a command: it reads the configuration before body runs.
func (c *cli) command(cmd *cobra.Command, settings []string, body func(ctx context.Context, cfg *config.Config, args []string) error) *cobra.Command {
	config.AddFlags(cmd.Flags(), settings...)
	cmd.Flags().StringVar(&c.configFile, "config", "", "configuration file (default: lethe.yaml in this folder, if it exists)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := config.Load(config.Sources{File: c.configFile, Environ: c.environ, Flags: cmd.Flags()})
		if err != nil {
			return err
		}
		c.running = true
		return body(cmd.Context(), cfg, args)
	}
	return cmd
}

// jsonFlag adds --json.
func (c *cli) jsonFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print JSON")
	return cmd
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "lethe",
		Short: "List, fetch and erase responses of LLM requests kept in PostgreSQL",
		Long: `Lethe lists, fetches and erases the responses of LLM requests kept in
PostgreSQL: beside dwctl, on its database, or alone, on an embedded PostgreSQL.

Settings come from lethe.yaml (or --config FILE), the environment (LETHE_...)
and flags; later ones override earlier ones. "lethe config" shows them all, and
where each comes from.

Exit codes:
  0  done
  1  failed
  2  the command line or the configuration is wrong
  3  lethe doctor found a problem that must be fixed
  4  lethe erasures search found something
  5  lethe erasures search found nothing, but could not read everything
  6  lethe erase was not confirmed, and erased nothing
  7  lethe erase did not erase everything
  8  lethe erase has not saved the proof yet`,
		Example: `  # Try it: embedded PostgreSQL, sample data, commands to copy
  lethe demo

  # What is stored, from a running service
  LETHE_API_KEY=sk-... lethe list

  # Beside dwctl, on its database
  LETHE_DATABASE_URL=postgres://lethe:...@db/dwctl lethe doctor
  LETHE_DATABASE_URL=postgres://lethe:...@db/dwctl lethe serve`,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: checkFlags, // for all commands

		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(c.overAPI()...)
	root.AddCommand(
		c.serve(), c.demo(), c.migrate(), c.importFiles(), c.users(), c.keys(), c.verify(), c.log(), c.erasures(), c.replay(), c.doctor(), c.guard(), c.config(), c.version(),
		// The embedded PostgreSQL runs under a helper, which is this program.
		&cobra.Command{
			Use:    boot.HelperCommand,
			Hidden: true,
			Args:   cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				if code := boot.RunHelper(os.Stdin, os.Stdout, os.Stderr); code != 0 {
					return exitCode(code)
				}
				return nil
			},
		},
	)
	root.SetHelpCommand(helpCommand())
	explain(root)
	return root
}

func (c *cli) serve() *cobra.Command {
	return c.command(&cobra.Command{
		Use:   "serve",
		Short: "Run the service",
		Long: `Run the service until SIGINT or SIGTERM. Running requests then have 30 seconds
to finish. A second signal stops it at once.

Without database.url it runs its own PostgreSQL in data_dir and creates the
tables. In a database that you provide it creates nothing: see "lethe doctor"
and "lethe migrate". The service starts even if the database is unreachable:
/readyz answers 503 until the database answers.`,
		Example: `  # With an embedded PostgreSQL
  lethe serve

  # On dwctl's database, reading from a replica
  export LETHE_DATABASE_URL=postgres://lethe:...@db/dwctl
  export LETHE_DATABASE_REPLICA_URL=postgres://lethe:...@replica/dwctl
  lethe serve --http-addr 0.0.0.0:8080`,
	}, nil, func(ctx context.Context, cfg *config.Config, _ []string) error {
		return serve.Run(ctx, cfg, nil)
	})
}

func (c *cli) demo() *cobra.Command {
	var options demo.Options
	cmd := c.command(&cobra.Command{
		Use:   "demo",
		Short: "Run the service on sample data and print commands that use it",
		Long: `Fill an empty database with about 5,000 responses from the last 30 days, print
API keys for an administrator, a platform manager and a user, and commands to
copy, and serve until stopped. The data is written once: the next start reuses
it, and what was erased stays erased.

The demo uses the embedded database. It runs on a configured database only with
--on-this-database, and only if "lethe migrate up" created the tables and they
hold no other data.`,
		Example: `  lethe demo

  # On another port, in another folder
  LETHE_HTTP_ADDR=127.0.0.1:9000 LETHE_DATA_DIR=/srv/lethe-demo lethe demo

  # Only fill a database of your own
  LETHE_DATABASE_URL=postgres://me:...@localhost/lethe lethe migrate up
  LETHE_DATABASE_URL=postgres://me:...@localhost/lethe lethe demo --on-this-database --fill-only`,
	}, nil, func(ctx context.Context, cfg *config.Config, _ []string) error {
		return demo.Run(ctx, cfg, options, c.stdout, c.stderr)
	})
	cmd.Flags().BoolVar(&options.OnThisDatabase, "on-this-database", false, "fill the database of database.url")
	cmd.Flags().BoolVar(&options.FillOnly, "fill-only", false, "fill the database and exit")
	return cmd
}

func (c *cli) migrate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Create or upgrade Lethe's own tables",
		Example: `  lethe migrate status
  LETHE_DATABASE_URL=postgres://me:...@localhost/lethe lethe migrate up`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		c.jsonFlag(c.command(&cobra.Command{
			Use:   "up",
			Short: "Create missing tables and upgrade existing ones",
			Long: `Create missing tables and upgrade those that Lethe has created. In another
system's database, such as dwctl's, that is only the schema lethe, with the log
of erasures; everything else there stays as it is. The role must be allowed to
create schemas and tables. The embedded database does not need this: it is
upgraded at each start.`,
			Example: `  LETHE_DATABASE_URL=postgres://me:...@localhost/lethe lethe migrate up`,
		}, databaseSettings, func(ctx context.Context, cfg *config.Config, _ []string) error {
			return ops.MigrateUp(ctx, cfg, c.stdout, c.stderr, c.asJSON)
		})),
		c.jsonFlag(c.command(&cobra.Command{
			Use:     "status",
			Short:   "Show who owns the tables, and their versions",
			Example: `  lethe migrate status --json`,
		}, databaseSettings, func(ctx context.Context, cfg *config.Config, _ []string) error {
			return ops.MigrateStatus(ctx, cfg, c.stdout, c.stderr, c.asJSON)
		})),
	)
	return cmd
}

func (c *cli) doctor() *cobra.Command {
	var grants bool
	var role, proxy string
	var through *url.URL
	cmd := c.command(&cobra.Command{
		Use:   "doctor",
		Short: "Check the database and say what to fix",
		Long: `Check the configured databases: connection, version, tables and columns,
privileges, indexes (with the statements that create missing ones), clock,
connections, replicas, the migrations of dwctl and fusillade, and the log of
erasures, where every receipt is compared with what was sealed. Nothing is
written. Exits with 3 if something must be fixed.

With --proxy it sends requests through a proxy, as anyone could, and reports
whether the proxy forwards a caller's own header that names the user.

With --grants it prints the least privileges that the service's role needs, as
a psql script for the owner of the tables: one transaction for each database,
which fits the existing tables and stops at the first error. Creating the role
itself needs CREATEROLE or a superuser.`,
		Example: `  lethe doctor
  lethe doctor --json

  # Can callers name themselves through the proxy? Run it while the service runs:
  lethe doctor --proxy https://gateway.example.com

  # Grant role lethe_service what the service needs, and no more
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe doctor --grants --role lethe_service > grants.sql &&
    psql postgres://owner:...@db/dwctl -f grants.sql`,
	}, slices.Concat(databaseSettings, []string{"auth.proxy_", "erasure."}), func(ctx context.Context, cfg *config.Config, _ []string) error {
		if grants {
			return ops.Grants(ctx, cfg, role, c.stdout, c.stderr)
		}
		report, err := ops.Doctor(ctx, cfg, through, c.stderr)
		if err != nil {
			return err
		}
		if err := report.Write(c.stdout, c.asJSON); err != nil {
			return err
		}
		if report.Problems() > 0 {
			return exitCode(exitProblem)
		}
		return nil
	})
	cmd.Flags().BoolVar(&grants, "grants", false, "print the least privileges that a role needs, as SQL")
	cmd.Flags().StringVar(&role, "role", "lethe", "the role for --grants")
	cmd.Flags().StringVar(&proxy, "proxy", "", "URL at which callers reach the service: test the proxy there")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("role") && !grants {
			return errors.New("--role needs --grants (it names the role whose privileges are printed); the checks use the role in database.url")
		}
		if !cmd.Flags().Changed("proxy") {
			return nil
		}
		var err error
		through, err = ops.ProxyURL(proxy)
		return err
	}
	return c.jsonFlag(cmd)
}

func (c *cli) guard() *cobra.Command {
	var roles []string
	var remove bool
	cmd := c.command(&cobra.Command{
		Use:   "guard",
		Short: "Print SQL that makes the database refuse to delete held responses",
		Long: `Print SQL that makes the database itself refuse to delete what a hold covers.
Lethe's erasures check holds; anything else that deletes responses, such as
dwctl's own DELETE and its purge of deleted users, does not. The owner of
dwctl's tables reads the SQL and runs it; Lethe never does. Its comments say
what it prevents, what it does not prevent, and what dwctl's clients then see.

The guard lets the roles pass that Lethe connects as. "lethe doctor" reports
whether it is installed, and whether it matches what this version prints.`,
		Example: `  # Read it, then install it
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe guard --role lethe_service > guard.sql
  psql postgres://owner:...@db/dwctl < guard.sql

  # Remove it
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe guard --remove | psql postgres://owner:...@db/dwctl`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, _ []string) error {
		return ops.PrintGuard(ctx, cfg, roles, remove, c.stdout, c.stderr)
	})
	cmd.Flags().StringSliceVar(&roles, "role", []string{"lethe"}, "role that Lethe connects as; may be repeated")
	cmd.Flags().BoolVar(&remove, "remove", false, "print SQL that removes the guard")
	return cmd
}

func (c *cli) config() *cobra.Command {
	return c.command(&cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration",
		Long: `Print the effective configuration as YAML, with the source of each value.
Secrets and passwords are hidden.

Each setting has a flag and a variable, listed below. These have only a
variable, because other users of the machine can read command lines:
  ` + strings.Join(config.WithoutFlags(), "\n  "),
		Example: `  lethe config
  lethe config --config /etc/lethe.yaml`,
	}, nil, func(_ context.Context, cfg *config.Config, _ []string) error {
		return cfg.Print(c.stdout)
	})
}

func (c *cli) version() *cobra.Command {
	return c.jsonFlag(&cobra.Command{
		Use:     "version",
		Short:   "Print version, commit and Go version",
		Example: `  lethe version --json`,
		RunE: func(*cobra.Command, []string) error {
			c.running = true
			return ops.PrintVersion(c.stdout, c.asJSON)
		},
	})
}
