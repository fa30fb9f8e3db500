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
		Short: "Search whole databases for data that should be gone",
		Long: `Search every text, JSON, identifier and bytes column of every table and
partition of the configured databases, dwctl's and Lethe's, for strings and
identifiers, and report how many rows of which columns contain them. Contents
are not shown.

Standard input contains the needles, one per line: strings of at least eight
characters, compared exactly, and identifiers, compared in any case, with or
without hyphens. They are also found escaped in JSON, in JSON within JSON, in
bytes, in hexadecimal digits and in base64, but not in compressed or encrypted
data. Rows are read and compared here: no needle is sent to a server, so none
gets into a server's log.

With --sample it takes the needles from random responses: their identifiers, and
pieces of their prompts and answers. It reports which rows an erasure of these
responses would remove and which it would miss. Run it after an upgrade of
dwctl.

Nothing is changed. It needs the owner of the database, without PgBouncer. It
skips views, which store nothing, PostgreSQL's own catalog, and numbers and
times. It names what it cannot read, such as foreign tables.

Exit codes:
  0  nothing was found; with --sample, nothing would be missed
  1  failed
  2  the command line, the configuration or a needle is wrong; nothing was read
  4  something was found; with --sample, something would be missed
  5  as 0, but not everything could be read`,
		Example: `  # Is anything left of the strings and identifiers in this file?
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe erasures search < pieces.txt

  # After an upgrade of dwctl: would an erasure miss anything?
  LETHE_DATABASE_URL=postgres://owner:...@db/dwctl lethe erasures search --sample 20

  # Slowly, with output for a program
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
	flags.IntVar(&options.Sample, "sample", 0, "take the needles from this many random responses instead of standard input")
	flags.IntVar(&options.Rate, "rate", options.Rate, "maximum megabytes read per second; 0: no limit")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if flags.Changed("sample") && options.Sample < 1 {
			return errors.New("--sample must be a number of responses, at least 1")
		}
		return nil
	}
	return c.jsonFlag(cmd)
}
