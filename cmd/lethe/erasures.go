package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"lethe/app/config"
	"lethe/app/ops"
)

func (c *cli) erasures() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "erasures",
		Short: "Follow erasures over the API; attest, export and search on the database",
		Long: `The commands "over the API" call a running service with an API key, as "lethe
erase" does. The others are for operators and use the database itself.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.erasuresOverAPI()...)
	cmd.AddCommand(c.attestErasures(), c.exportErasures(), c.searchErasures(), c.orphans())
	return cmd
}

func (c *cli) orphans() *cobra.Command {
	var options ops.OrphansOptions
	cmd := c.command(&cobra.Command{
		Use:   "orphans",
		Short: "Count raw copies whose request is gone",
		Long: `Count the raw copies that dwctl left behind when it deleted requests itself.
The service removes them, with receipts, if erasure.orphans is true. They are at
least seven days old and name a request of which nothing else exists. Copies of
batches do not count, nor copies that a hold may cover, as every active hold
with a filter does. Nothing is changed.`,
		Example: `  lethe erasures orphans --dry-run`,
	}, slices.Concat(databaseSettings, []string{"erasure."}), func(ctx context.Context, cfg *config.Config, _ []string) error {
		return ops.CountOrphans(ctx, cfg, options, c.output())
	})
	cmd.Flags().BoolVar(&options.DryRun, "dry-run", false, "only count them, and change nothing (required)")
	return c.jsonFlag(cmd)
}

func (c *cli) exportErasures() *cobra.Command {
	var options ops.ExportOptions
	var identity string
	cmd := c.command(&cobra.Command{
		Use:   "export",
		Short: "Keep an encrypted list of erasures and a mirror of the log, for after a restore",
		Long: `Add new erasures to a list in a folder, and update the mirror of the log beside
it. After a database was restored from a backup, "lethe replay" erases again
what the backup brings back, using the list, and completes the log from the
mirror. Run it all the time (--follow), or at least every few hours: the
database remembers for only a day what was erased. Keep the folder where it is
not restored together with the database.

The list contains the identifiers of what was erased and the salts of receipts,
encrypted with age so that only the recipients' identities can read them; times
and receipts' identifiers are not encrypted. The role must be allowed to read
salts, which the service's role is not: see "After a restore" in
docs/erasure.md.`,
		Example: `  # Create a key pair; move the identity to where backups are kept safe
  RECIPIENT=$(lethe erasures export --new-identity export.identity)

  lethe erasures export --to /var/backups/erasures --recipient "$RECIPIENT" --follow`,
	}, slices.Concat(databaseSettings, []string{"erasure."}), func(ctx context.Context, cfg *config.Config, _ []string) error {
		if identity != "" {
			return ops.NewExportIdentity(identity, c.output())
		}
		return ops.Export(ctx, cfg, options, c.output())
	})
	flags := cmd.Flags()
	flags.StringVar(&options.To, "to", "", "folder of the list and the mirror; created if it does not exist")
	flags.StringArrayVar(&options.Recipients, "recipient", nil, "public key, age1..., of someone who can read the list; may be repeated")
	flags.StringArrayVar(&options.Keys, "key", nil, "public key of the log or of a witness, or file with one per line; may be repeated (default: those of the configured private keys)")
	flags.StringVar(&options.Keep, "keep", "90d", "how long to keep the list: longer than any backup")
	flags.BoolVar(&options.Follow, "follow", false, "continue until stopped")
	flags.StringVar(&identity, "new-identity", "", "only create a key pair: write the identity to this new file and print the recipient")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		switch to, recipients := options.To != "", len(options.Recipients) > 0; {
		case identity != "" && (to || recipients):
			return errors.New("--new-identity only creates a key pair: use it alone, then export with --to and --recipient")
		case identity == "" && !(to && recipients):
			return errors.New("give --to (the folder) and --recipient (who can read the list); --new-identity creates a recipient's key pair")
		}
		return nil
	}
	return c.jsonFlag(cmd)
}

func (c *cli) replay() *cobra.Command {
	var options ops.ReplayOptions
	cmd := c.command(&cobra.Command{
		Use:   "replay",
		Short: "After a restore, repeat the erasures since the backup and complete the log",
		Long: `In a database that was restored from a backup, erase again what was erased
since, using the list that "lethe erasures export" kept, and complete the log of
erasures from the mirror with the receipts published since. Run it before the
service opens, as the owner of schema lethe.

It first verifies the list and the mirror: if either is damaged, or the identity
does not decrypt the list, nothing is changed. It ignores holds: what comes back
was erased when nothing held it. You can stop it at any time and run it again;
if there is nothing to do, it does nothing.

Exit codes:
  0  done
  1  failed, or something is left to do, which is printed
  2  the command line or the configuration is wrong`,
		Example: `  lethe replay --from /var/backups/erasures --identity export.identity --dry-run
  lethe replay --from /var/backups/erasures --identity export.identity`,
	}, slices.Concat(databaseSettings, []string{"erasure."}), func(ctx context.Context, cfg *config.Config, _ []string) error {
		done, err := ops.Replay(ctx, cfg, options, c.output())
		if err == nil && !done {
			err = exitCode(exitFailed)
		}
		return err
	})
	flags := cmd.Flags()
	flags.StringVar(&options.From, "from", "", "folder written by lethe erasures export")
	flags.StringVar(&options.Identity, "identity", "", "file with the identity that decrypts the list")
	flags.StringArrayVar(&options.Keys, "key", nil, "public key of the log or of a witness, or file with one per line; may be repeated (default: those of the configured private keys)")
	flags.BoolVar(&options.DryRun, "dry-run", false, "only report what there is to do")
	_ = cmd.MarkFlagRequired("from")
	_ = cmd.MarkFlagRequired("identity")
	return c.jsonFlag(cmd)
}

func (c *cli) attestErasures() *cobra.Command {
	var options ops.AttestOptions
	cmd := c.command(&cobra.Command{
		Use:   "attest",
		Short: "Bring erasures to later levels, and write receipts for them",
		Long: `An erasure's receipt says that no query finds the rows any more. This command
removes further traces, and writes another receipt for each erasure that has
reached a later level:

  vacuumed   no dead row of it is left in the tables. They are vacuumed and
             analyzed, which locks nobody out; bytes may remain in free space
  rewritten  the tables, their indexes and statistics are in new files. Needs
             --rewrite: nobody can read or write a table while it is rewritten,
             and disk space for a second copy is needed
  expired    no backup and no write-ahead log contains it. Needs
             --backups-expired-before, your statement that all of them from
             before that time are gone. File backups include free space, so
             rewrite the tables first, and count from then

If open transactions, replication slots, standbys or prepared transactions keep
dead rows, it names them. Run it again when they are gone. The service itself
attests the level replicated, if erasure.standby_urls is set.

It needs the owner of the tables and of the database, without PgBouncer. Several
can run at once: each erasure gets one receipt per level.`,
		Example: `  # Show what would be written
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe erasures attest --dry-run

  # Each night
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe erasures attest

  # In a maintenance window
  lethe erasures attest --rewrite --yes

  # All backups from before October are gone
  lethe erasures attest --backups-expired-before 2026-10-01`,
	}, slices.Concat(databaseSettings, []string{"erasure."}), func(ctx context.Context, cfg *config.Config, _ []string) error {
		return ops.Attest(ctx, cfg, options, c.output())
	})
	flags := cmd.Flags()
	flags.BoolVar(&options.Rewrite, "rewrite", false, "rewrite the tables into new files, which locks each of them meanwhile")
	flags.BoolVar(&options.Agreed, "yes", false, "confirm --rewrite")
	flags.StringVar(&options.ExpiredBefore, "backups-expired-before", "", "state that no backup and no write-ahead log from before this date or time is left")
	flags.BoolVar(&options.DryRun, "dry-run", false, "report what would be written, and change nothing")
	return c.jsonFlag(cmd)
}
