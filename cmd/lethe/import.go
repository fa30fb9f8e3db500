package main

import (
	"context"

	"github.com/spf13/cobra"

	"lethe/app/config"
	"lethe/app/ops"
)

func (c *cli) importFiles() *cobra.Command {
	var options ops.ImportOptions
	cmd := c.command(&cobra.Command{
		Use:   "import FILE...",
		Short: "Import responses into Lethe's own database",
		Long: `Import responses from files, or with "-" from standard input: they are then
listed, fetched and erased like all others. Files may be compressed with gzip.

Formats:
  lethe   an export with format=ndjson, with or without contents; it must be
          whole, and its marks must fit
  openai  responses that OpenAI has stored: JSON, one or many, in an array, in a
          list object or one in each line, with their input items if given
  batch   the output or error file of an OpenAI batch; --input names its input
          file, which has the prompts

A file is imported as a whole or not at all. With --resume what was read before
a broken line stays, and the same command continues after it was corrected. A
response that is there already is passed over if it is equal; else it is an
error. What was erased within the last day stays erased.

It works only on Lethe's own database: the embedded one, even while "lethe
serve" runs on it, or one created by "lethe migrate up".`,
		Example: `  lethe import responses.ndjson
  lethe import --owner ada@example.com --dry-run stored.jsonl
  lethe import --owner ada@example.com --input batch_input.jsonl batch_output.jsonl
  gzip -c responses.ndjson | lethe import --resume -`,
	}, databaseSettings, func(ctx context.Context, cfg *config.Config, args []string) error {
		options.Files, options.Stdin = args, c.stdin
		return ops.Import(ctx, cfg, options, c.output())
	})
	flags := cmd.Flags()
	flags.StringVar(&options.Format, "format", "auto", "auto, lethe, openai or batch")
	flags.StringVar(&options.Input, "input", "", "input file of the batch, with its prompts")
	flags.StringVar(&options.Owner, "owner", "", "person or organization to whom everything in the files belongs: e-mail address or identifier (default: as the files say)")
	flags.BoolVar(&options.DryRun, "dry-run", false, "try everything, and keep nothing")
	flags.BoolVar(&options.Resume, "resume", false, "keep what was read before something is wrong; then the same command continues")
	return c.jsonFlag(cmd)
}
