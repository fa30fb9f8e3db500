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
		Short: "Look after what was erased",
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.attestErasures(), c.exportErasures(), c.searchErasures(), c.orphans())
	return cmd
}

func (c *cli) orphans() *cobra.Command {
	var options ops.OrphansOptions
	cmd := c.command(&cobra.Command{
		Use:   "orphans",
		Short: "Count raw copies whose request is gone",
		Long: `Count the raw copies that dwctl has left of requests that it deleted itself:
what the service removes where erasure.orphans is true, with receipts. They name
a request, are seven days old or older, and of that request there is nothing
else; batches' are not among them, nor what a hold may keep, as every active
hold with a filter does. Nothing is changed.`,
		Example: `  lethe erasures orphans --dry-run`,
	}, slices.Concat(databaseSettings, []string{"erasure."}), func(ctx context.Context, cfg *config.Config, _ []string) error {
		return ops.CountOrphans(ctx, cfg, options, c.output())
	})
	cmd.Flags().BoolVar(&options.DryRun, "dry-run", false, "count them, and change nothing")
	return c.jsonFlag(cmd)
}

func (c *cli) exportErasures() *cobra.Command {
	var options ops.ExportOptions
	var identity string
	cmd := c.command(&cobra.Command{
		Use:   "export",
		Short: "Keep a private list of what was erased, and a mirror of the log, for after a restore",
		Long: `Write what was erased, and is not there yet, to a list in a folder, and bring
the mirror of the log beside it up to date: after a database was restored from a
backup, "lethe replay" erases by the list what the backup brings back, and
completes the log from the mirror. Run it at all times (--follow), or at least
every few hours: what was erased is known for a day, and then forgotten. Keep
the folder where it is not restored together with the database.

The list holds identifiers of what was erased and the salts of receipts, which
only the recipients' identities can read (age); the times and the receipts'
identifiers are in the clear. The role needs to read salts, which the service's
may not: docs/erasure.md, After a restore.`,
		Example: `  # A key pair: move the identity to where backups are kept safe
  RECIPIENT=$(lethe erasures export --new-identity export.identity)

  lethe erasures export --to /var/backups/erasures --recipient "$RECIPIENT" --follow`,
	}, slices.Concat(databaseSettings, []string{"erasure."}), func(ctx context.Context, cfg *config.Config, _ []string) error {
		if identity != "" {
			return ops.NewExportIdentity(identity, c.output())
		}
		return ops.Export(ctx, cfg, options, c.output())
	})
	flags := cmd.Flags()
	flags.StringVar(&options.To, "to", "", "folder of the list and the mirror; made where it is not there")
	flags.StringArrayVar(&options.Recipients, "recipient", nil, "who can read the list, as age1...; may be repeated")
	flags.StringArrayVar(&options.Keys, "key", nil, "public key of the log or of a witness, or file with one on each line; may be repeated (default: those of the configured private keys)")
	flags.StringVar(&options.Keep, "keep", "90d", "for how long the list is kept: longer than any backup")
	flags.BoolVar(&options.Follow, "follow", false, "go on until stopped")
	flags.StringVar(&identity, "new-identity", "", "make a key pair instead: the identity goes into this new file, the recipient is printed")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		switch to, recipients := options.To != "", len(options.Recipients) > 0; {
		case identity != "" && (to || recipients):
			return errors.New("--new-identity makes a key pair and nothing else: give it alone, then --to and --recipient")
		case identity == "" && !(to && recipients):
			return errors.New("give --to (the folder) and --recipient (who can read the list); --new-identity makes the key pair of a recipient")
		}
		return nil
	}
	return c.jsonFlag(cmd)
}

func (c *cli) replay() *cobra.Command {
	var options ops.ReplayOptions
	cmd := c.command(&cobra.Command{
		Use:   "replay",
		Short: "After a restore, erase again what had been erased, and complete the log",
		Long: `Erase again, in a database that was restored from a backup, what was erased
since, by the list that "lethe erasures export" has kept; and complete the log
of erasures with the receipts that were published since, from the mirror. Run it
before the service opens, as the owner of schema lethe.

All that was kept is verified first: where any of it is damaged, or the identity
does not open it, nothing is changed. Holds are not asked: what comes back was
erased when nothing held it. It can be stopped at any moment and run again, and
does nothing where nothing is to be done.

Exit codes:
  0  done
  1  failed, or something is left to be done, which is said
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
	flags.StringVar(&options.From, "from", "", "folder that lethe erasures export has written")
	flags.StringVar(&options.Identity, "identity", "", "file of the identity that opens the list")
	flags.StringArrayVar(&options.Keys, "key", nil, "public key of the log or of a witness, or file with one on each line; may be repeated (default: those of the configured private keys)")
	flags.BoolVar(&options.DryRun, "dry-run", false, "only say what there is to be done")
	_ = cmd.MarkFlagRequired("from")
	_ = cmd.MarkFlagRequired("identity")
	return c.jsonFlag(cmd)
}

func (c *cli) attestErasures() *cobra.Command {
	var options ops.AttestOptions
	cmd := c.command(&cobra.Command{
		Use:   "attest",
		Short: "Have erasures come to later levels, with receipts that say so",
		Long: `An erasure's receipt says that no query finds the rows any more. This command
does what has them vanish further, and writes a further receipt about each
erasure of which that is then known:

  vacuumed   no dead row of it is left in the tables. They are vacuumed and
             analyzed, which locks nobody out; bytes may remain in free space
  rewritten  the tables, their indexes and statistics are in new files. With
             --rewrite: nobody can read or write a table meanwhile, and it takes
             room on disk for a second one
  expired    no backup and no write-ahead log holds it. With
             --backups-expired-before: it is your word that all of them from
             before that time are gone. Backups of the files hold their free
             space too, so have the tables rewritten first, and count from then

Where open transactions, replication slots, standbys or prepared transactions
hold dead rows back, it says which. Run it again when they are gone. The level
replicated is found out by the service, where erasure.standby_urls is set.

It needs the owner of the tables and of the database, without PgBouncer. Any
number of them may run at once: each erasure gets one receipt of a level.`,
		Example: `  # What would be written
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
	flags.BoolVar(&options.Rewrite, "rewrite", false, "write the tables into new files, which locks each of them meanwhile")
	flags.BoolVar(&options.Agreed, "yes", false, "agree to what --rewrite does")
	flags.StringVar(&options.ExpiredBefore, "backups-expired-before", "", "no backup and no write-ahead log from before this date or time is left")
	flags.BoolVar(&options.DryRun, "dry-run", false, "say what would be written, and change nothing")
	return c.jsonFlag(cmd)
}
