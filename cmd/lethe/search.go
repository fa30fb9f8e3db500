package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"lethe/app/config"
	"lethe/app/ops"
)

func (c *cli) searchErasures() *cobra.Command {
	options := ops.SearchOptions{Rate: ops.DefaultSearchRate}
	cmd := c.command(&cobra.Command{
		Use:   "search",
		Short: "Look through whole databases for what should be gone",
		Long: `Look through every text, JSON, identifier and bytes column of every table and
partition of the configured databases, dwctl's and Lethe's, for strings and
identifiers, and say in which columns how many rows hold them. Contents are not
shown.

What to look for comes from standard input, one a line: strings of at least
eight characters, compared letter by letter, and identifiers, compared in any
case, with hyphens or without. They are found in JSON where they are escaped,
in JSON within JSON, in bytes, in hexadecimal digits and in base64; not where
they are compressed or encrypted. Rows are read and compared here: what is
looked for is sent to no server, and so comes into none of its logs.

With --sample it takes what to look for from random responses: their
identifiers, and pieces of their prompts and answers. It says which rows an
erasure of these responses would remove and which it would miss. Run it after
an upgrade of dwctl.

Nothing is changed. It needs the owner of the database, without PgBouncer.
Views hold nothing and are left out, as are PostgreSQL's own catalogue, and
numbers and times. What it cannot read, such as foreign tables, is named.

Exit codes:
  0  nothing was found; with --sample, nothing would be missed
  1  failed
  2  the command line, the configuration or what to look for is wrong; nothing
     was read
  4  something was found; with --sample, something would be missed
  5  as 0, but not everything could be read`,
		Example: `  # Is anything left of what the file holds, a piece or an identifier a line?
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe erasures search < pieces.txt

  # Would an erasure miss anything, now that dwctl was upgraded?
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe erasures search --sample 20

  # Gently, for a program
  lethe erasures search --sample 20 --rate 5 --json`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, _ []string) error {
		options.Needles = c.stdin
		result, err := ops.Search(ctx, cfg, options, c.output())
		if err != nil {
			return err
		}
		if err := result.Write(c.stdout, c.asJSON); err != nil {
			return err
		}
		switch {
		case result.Left():
			return exitCode(exitFound)
		case !result.Complete():
			return exitCode(exitUnread)
		}
		return nil
	})
	flags := cmd.Flags()
	flags.IntVar(&options.Sample, "sample", 0, "take what to look for from so many random responses, instead of standard input")
	flags.IntVar(&options.Rate, "rate", options.Rate, "megabytes that are read a second at most; 0: no bound")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if flags.Changed("sample") && options.Sample < 1 {
			return errors.New("--sample must be how many responses to take, at least 1")
		}
		return nil
	}
	return c.jsonFlag(cmd)
}
