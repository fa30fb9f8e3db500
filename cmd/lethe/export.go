package main

import (
	"context"

	"github.com/spf13/cobra"

	"lethe/app/client"
)

func (c *cli) export() *cobra.Command {
	var e client.Export
	cmd := c.remote(&cobra.Command{
		Use:   "export",
		Short: "Export responses as NDJSON, CSV or Parquet",
		Long: `Export every response that "lethe list" would show, newest first, with or
without contents, to a file that only you can read, or to standard output.

It checks the counts and hashes that the service sends with an export, so what
was cut or damaged is an error. A file gets its name only when it is whole;
until then it is FILE.partial.

An export as NDJSON goes on by itself after the connection is lost. If it has to
give up, FILE.partial stays, and the same command with --resume goes on with it.
CSV and Parquet cannot go on: start again, or export less at a time.

If it may have contents of somebody else's responses, the access log of the
service records it.

` + callsService,
		Example: `  lethe export --owner jonas.weber@example.com --contents --output jonas.ndjson

  # What failed, for a spreadsheet
  lethe export --state failed --format csv --output failed.csv

  lethe export --created-after 2026-03-01 | gzip -c > march.ndjson.gz`,
	}, func(ctx context.Context, at *client.Client, _ []string) error { return at.Export(ctx, e) })
	flags := cmd.Flags()
	filterFlags(flags, &e.Filter)
	flags.Float64Var(&e.Filter.MinTotalCost, "min-total-cost", 0, "cost this much or more")
	flags.StringVar(&e.Format, "format", "ndjson", "ndjson, csv or parquet")
	flags.BoolVar(&e.Contents, "contents", false, "also prompts and answers")
	flags.StringVar(&e.Output, "output", "", "new file (default: standard output)")
	flags.BoolVar(&e.Resume, "resume", false, "go on with FILE.partial, with the same conditions as before")
	return cmd
}
