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
	cmd.Flags().StringVar(&c.configFile, "config", "", "configuration file (default: lethe.yaml here, if there is one)")
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

// jsonFlag lets a command print JSON.
func (c *cli) jsonFlag(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&c.asJSON, "json", false, "print JSON")
	return cmd
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "lethe",
		Short: "List, fetch and erase responses of LLM requests kept in PostgreSQL",
		Long: `Lethe lists, fetches and erases the responses of LLM requests that are kept in
PostgreSQL: beside a running dwctl, on that system's database, or alone, on an
embedded Postgres.

Settings come from lethe.yaml (or --config FILE), then the environment
(LETHE_...), then flags; each overrides the ones before. "lethe config" shows
all of them and where each comes from.

Exit codes:
  0  done
  1  failed
  2  the command line or the configuration is wrong
  3  lethe doctor found something that must be mended
  4  lethe erasures search found something
  5  lethe erasures search found nothing, and could not read everything`,
		Example: `  # Try it: embedded Postgres, sample data, commands to copy
  lethe demo

  # Beside dwctl, on its database
  LETHE_DATABASE_URL=postgres://lethe:...@db/dwctl lethe doctor
  LETHE_DATABASE_URL=postgres://lethe:...@db/dwctl lethe serve`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		// For commands without their own.
		PersistentPreRunE: checkFlags,

		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		c.serve(), c.demo(), c.migrate(), c.users(), c.keys(), c.verify(), c.log(), c.erasures(), c.replay(), c.doctor(), c.guard(), c.config(), c.version(),
		// The embedded Postgres runs under a helper, which is this program.
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
		Long: `Run the service until SIGINT or SIGTERM; running requests may then finish (for
30 seconds). A second signal stops it at once.

Without database.url it runs a Postgres of its own, in data_dir, and creates
the tables. In a database that is given nothing is created: see
"lethe doctor" and "lethe migrate". The database may be away when the service
starts: /readyz answers 503 until it is there.`,
		Example: `  # A Postgres of its own
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
		Long: `Fill an empty database with about 5,000 responses of the last 30 days, print API
keys for an administrator, a platform manager and a user with commands to copy,
and serve until stopped. The data are written once: the next start finds them,
with whatever has been erased since still gone.

The database is the embedded one. On a database that is given the demo refuses
to run, unless told so with --on-this-database, and then only where Lethe itself
has created the tables ("lethe migrate up") and they hold nothing else.`,
		Example: `  lethe demo

  # On another port, in another folder
  LETHE_HTTP_ADDR=127.0.0.1:9000 LETHE_DATA_DIR=/srv/lethe-demo lethe demo

  # Fill a database of your own, and nothing more
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
		Short: "Create or upgrade the tables that are Lethe's own",
		Example: `  lethe migrate status
  LETHE_DATABASE_URL=postgres://me:...@localhost/lethe lethe migrate up`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		c.jsonFlag(c.command(&cobra.Command{
			Use:   "up",
			Short: "Create the tables that are missing",
			Long: `Create the tables that are missing and upgrade those that Lethe has created. In
a database that belongs to another system, such as dwctl's, that is the schema
lethe of the log of erasures; whatever else is there is left exactly as it is.
The role must be allowed to create schemas and tables. The embedded database
needs no call: it is brought up to date whenever it is started.`,
			Example: `  LETHE_DATABASE_URL=postgres://me:...@localhost/lethe lethe migrate up`,
		}, databaseSettings, func(ctx context.Context, cfg *config.Config, _ []string) error {
			return ops.MigrateUp(ctx, cfg, c.stdout, c.stderr, c.asJSON)
		})),
		c.jsonFlag(c.command(&cobra.Command{
			Use:     "status",
			Short:   "Show whose the tables are and how old",
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
		Short: "Examine the database and say what to mend",
		Long: `Examine the configured databases: connection, version, tables and columns,
privileges, indexes (with the statements that create missing ones), clock,
connections, replicas, the migrations of dwctl and fusillade, and the log of
erasures, of which every receipt is compared with what was sealed. Nothing is
written. Exits with 3 where something must be mended.

With --proxy it asks the service through a proxy, as anyone could, and tells
whether the proxy passes on a caller's own header that names the user.

With --grants it prints the least privileges that a role needs to serve, as a
script for psql and the owner of the tables: one transaction for each database,
which fits the tables that are there and ends at the first error. Creating the
role itself takes CREATEROLE or a superuser.`,
		Example: `  lethe doctor
  lethe doctor --json

  # Does the proxy let callers name themselves? While the service runs behind it:
  lethe doctor --proxy https://gateway.example.com

  # Let role lethe_service do what the service does, and no more
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
	cmd.Flags().BoolVar(&grants, "grants", false, "print the least privileges for a role, as SQL")
	cmd.Flags().StringVar(&role, "role", "lethe", "the role for --grants")
	cmd.Flags().StringVar(&proxy, "proxy", "", "probe the proxy at this URL, by which callers reach the service")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("role") && !grants {
			return errors.New("--role is whom --grants prints privileges for: add --grants; the role that is examined is the one of database.url")
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
		Short: "Print SQL by which the database refuses to delete what is held",
		Long: `Print SQL by which the database itself refuses to delete what a hold covers:
Lethe's erasures ask for holds, and whatever else deletes responses, such as
dwctl's own DELETE and its purge of deleted users, does not. It is for the owner
of dwctl's tables to read and to run; Lethe never does. Its comments say what it
stops, what it does not stop, and what dwctl's clients then see.

The roles that Lethe connects as pass the guard. "lethe doctor" tells whether it
is there, and whether it is as this version prints it.`,
		Example: `  # Read it, then install it
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe guard --role lethe_service > guard.sql
  psql postgres://owner:...@db/dwctl < guard.sql

  # Remove it
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe guard --remove | psql postgres://owner:...@db/dwctl`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, _ []string) error {
		return ops.PrintGuard(ctx, cfg, roles, remove, c.stdout, c.stderr)
	})
	cmd.Flags().StringSliceVar(&roles, "role", []string{"lethe"}, "the role that Lethe connects as; may be given several times")
	cmd.Flags().BoolVar(&remove, "remove", false, "print what removes the guard")
	return cmd
}

func (c *cli) config() *cobra.Command {
	return c.command(&cobra.Command{
		Use:   "config",
		Short: "Print the effective configuration",
		Long: `Print the effective configuration as YAML, with the source of each value.
Secrets and passwords are hidden.

Each setting has a flag and a variable, which are below. These have a variable
only, as other users of the machine can read command lines:
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
