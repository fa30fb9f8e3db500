package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"lethe/app"
)

func (c *cli) erasures() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "erasures",
		Short: "Look after what was erased",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.exportErasures())
	return cmd
}

func (c *cli) exportErasures() *cobra.Command {
	var options app.ExportOptions
	var identity string
	cmd := c.command(&cobra.Command{
		Use:   "export",
		Short: "Keep a private list of what was erased, and a mirror of the log, for after a restore",
		Long: `Write what was erased, and is not there yet, to a list in a folder, and bring the
mirror of the log beside it up to date: after a database was restored from a
backup, ` + "`lethe replay`" + ` erases by the list what the backup brings back, and completes
the log from the mirror. Run it at all times (--follow), or at least every few
hours: what was erased is known for a day, and then forgotten. Keep the folder
where it is not restored together with the database.

The list holds identifiers of what was erased and the salts of receipts, which
only the recipients' identities can read (age); the times and the receipts'
identifiers are in the clear. The role needs to read salts, which the service's
may not: docs/erasure.md, After a restore.`,
		Example: `  # A key pair: the identity stays off this machine, the recipient is printed
  lethe erasures export --new-identity export.identity

  lethe erasures export --to /var/backups/erasures --recipient age1... --follow`,
	}, slices.Concat(databaseSettings, []string{"erasure."}), func(ctx context.Context, cfg *app.Config, _ []string) error {
		if identity != "" {
			return app.NewExportIdentity(identity, c.output())
		}
		return app.ExportErasures(ctx, cfg, options, c.output())
	})
	flags := cmd.Flags()
	flags.StringVar(&options.To, "to", "", "folder of the list and the mirror; made where it is not there")
	flags.StringArrayVar(&options.Recipients, "recipient", nil, "who can read the list, as age1...; may be repeated")
	flags.StringArrayVar(&options.Keys, "key", nil, "public key of the log or of a witness, or file with one on each line; may be repeated (default: those of the configured private keys)")
	flags.StringVar(&options.Keep, "keep", "90d", "for how long the list is kept: longer than any backup")
	flags.BoolVar(&options.Follow, "follow", false, "go on until stopped")
	flags.StringVar(&identity, "new-identity", "", "make a key pair instead: the identity goes into this new file, the recipient is printed")
	cmd.MarkFlagsOneRequired("to", "new-identity")
	cmd.MarkFlagsMutuallyExclusive("to", "new-identity")
	cmd.MarkFlagsRequiredTogether("to", "recipient")
	return c.jsonFlag(cmd)
}

func (c *cli) replay() *cobra.Command {
	var options app.ReplayOptions
	cmd := c.command(&cobra.Command{
		Use:   "replay",
		Short: "After a restore, erase again what had been erased, and complete the log",
		Long: `Erase again, in a database that was restored from a backup, what was erased
since, by the list that ` + "`lethe erasures export`" + ` has kept; and complete the log of
erasures with the receipts that were published since, from the mirror. Run it
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
	}, slices.Concat(databaseSettings, []string{"erasure."}), func(ctx context.Context, cfg *app.Config, _ []string) error {
		done, err := app.Replay(ctx, cfg, options, c.output())
		if err == nil && !done {
			err = exitCode(exitFailed)
		}
		return err
	})
	flags := cmd.Flags()
	flags.StringVar(&options.From, "from", "", "folder that `lethe erasures export` has written")
	flags.StringVar(&options.Identity, "identity", "", "file of the identity that opens the list")
	flags.StringArrayVar(&options.Keys, "key", nil, "public key of the log or of a witness, or file with one on each line; may be repeated (default: those of the configured private keys)")
	flags.BoolVar(&options.DryRun, "dry-run", false, "only say what there is to be done")
	_ = cmd.MarkFlagRequired("from")
	_ = cmd.MarkFlagRequired("identity")
	return c.jsonFlag(cmd)
}
