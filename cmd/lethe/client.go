package main

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lethe/app/client"
)

// remote completes a command that calls a running service.
func (c *cli) remote(cmd *cobra.Command, body func(ctx context.Context, at *client.Client, args []string) error) *cobra.Command {
	var at client.Sources
	cmd.Flags().StringVar(&at.Server, "server", "", "address of the service (default: LETHE_SERVER, or "+client.DefaultServer+")")
	cmd.Flags().StringVar(&at.KeyFile, "key-file", "", "file with the API key (default: the key in LETHE_API_KEY)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		at.Environ, at.In, at.Output = c.environ, c.stdin, c.output()
		connected, err := client.Connect(at)
		if err != nil {
			return err
		}
		c.running = true
		return body(cmd.Context(), connected, args)
	}
	return c.jsonFlag(cmd)
}

const callsService = `It calls the running service at --server or LETHE_SERVER, with the API key in
LETHE_API_KEY or --key-file. Times are in the local zone; with --json, in UTC.`

func pageFlags(flags *pflag.FlagSet, p *client.Page) {
	flags.Int64Var(&p.Limit, "limit", 20, "show at most this many")
	flags.BoolVar(&p.All, "all", false, "show all")
	flags.StringVar(&p.After, "after", "", "go on after this cursor, which the part before it ended with")
}

// kindFlags are the conditions that every filter has.
func kindFlags(flags *pflag.FlagSet, f *client.Filter) {
	flags.StringSliceVar(&f.States, "state", nil, "in this state, such as completed or failed; may be repeated")
	flags.StringSliceVar(&f.Models, "model", nil, "of this model; may be repeated")
	flags.StringSliceVar(&f.Tiers, "tier", nil, "of this service tier; may be repeated")
}

func createdFlags(flags *pflag.FlagSet, f *client.Filter) {
	flags.StringVar(&f.CreatedAfter, "created-after", "", "created at this time or later: 2026-03-01 (its first moment), '2026-03-01 12:00' or RFC 3339")
	flags.StringVar(&f.CreatedBefore, "created-before", "", "created at this time or earlier")
}

func filterFlags(flags *pflag.FlagSet, f *client.Filter) {
	flags.StringVar(&f.Owner, "owner", "", "of this person or organization: e-mail address or identifier")
	kindFlags(flags, f)
	createdFlags(flags, f)
	flags.StringVar(&f.Errors, "has-error", "", "true: with a recorded error; false: without one")
	flags.Int64Var(&f.MinDurationMs, "min-duration-ms", 0, "took this many milliseconds or more")
	flags.Int64Var(&f.StatusMin, "response-status-min", 0, "the model's server returned this HTTP status or a higher one")
	flags.Int64Var(&f.StatusMax, "response-status-max", 0, "the model's server returned this HTTP status or a lower one")
}

// overAPI are the commands for those who call the service.
func (c *cli) overAPI() []*cobra.Command {
	var filter client.Filter
	var page client.Page
	list := c.remote(&cobra.Command{
		Use:   "list",
		Short: "List responses, newest first",
		Long:  "List responses that the key's owner may see, newest first, without contents.\nWith --json, each is one line.\n\n" + callsService,
		Example: `  lethe list --owner jonas.weber@example.com
  lethe list --state failed --created-after 2026-03-01 --limit 100
  lethe list --owner jonas.weber@example.com --all --json > responses.ndjson`,
	}, func(ctx context.Context, at *client.Client, _ []string) error { return at.List(ctx, filter, page) })
	filterFlags(list.Flags(), &filter)
	list.Flags().Float64Var(&filter.MinTotalCost, "min-total-cost", 0, "cost this much or more")
	pageFlags(list.Flags(), &page)

	get := c.remote(&cobra.Command{
		Use:   "get ID",
		Short: "Show a response with its prompt and answer",
		Long:  "Show a response with its prompt and answer. Of somebody else's response, the\naccess log of the service records it.\n\n" + callsService,
		Example: `  lethe get c0000400-0000-4000-8000-00000000005a
  lethe get c0000400-0000-4000-8000-00000000005a --json`,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.Get(ctx, args[0]) })

	owners := c.remote(&cobra.Command{
		Use:     "owners QUERY",
		Short:   "Find people and organizations by e-mail address, name or identifier",
		Long:    "Find people and organizations by e-mail address, name or identifier, deleted\nones included.\n\n" + callsService,
		Example: `  lethe owners jonas`,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.Owners(ctx, args[0]) })

	me := c.remote(&cobra.Command{
		Use:     "me",
		Short:   "Show who calls, and what they may do",
		Long:    "Show whose the API key is, and what they may do.\n\n" + callsService,
		Example: `  lethe me`,
	}, func(ctx context.Context, at *client.Client, _ []string) error { return at.Me(ctx) })

	status := c.remote(&cobra.Command{
		Use:     "status",
		Short:   "Show whether all is well with a running service",
		Long:    "Show whether all is well with the service, or else the worst that is not, and\nwhat mends it. Administrators and platform managers may ask.\n\n" + callsService,
		Example: `  lethe status --json`,
	}, func(ctx context.Context, at *client.Client, _ []string) error { return at.Status(ctx) })
	return []*cobra.Command{list, get, c.export(), c.erase(), owners, me, status, c.holds(), c.rules(), c.requests(), c.files()}
}

func proofFlags(flags *pflag.FlagSet, folder *string, keys *[]string) {
	flags.StringVar(folder, "proof", "", "folder for the proof (default: lethe-proof-ID in this folder)")
	flags.StringArrayVar(keys, "key", nil, "public key of the log, or file with one per line; may be repeated (default: the service's own)")
}

func (c *cli) erase() *cobra.Command {
	var e client.Erase
	cmd := c.remote(&cobra.Command{
		Use:   "erase [ID...]",
		Short: "Erase responses, and save and check the proof",
		Long: `Erase the responses named, everything of --owner, or what the conditions match.
It shows what would be erased and asks: type the number of responses, or the
owner. With --yes it does not ask.

Then it waits for the end and saves the proof in a folder that only you can
open: every receipt, the log's public key, and the salt that opens the receipts.
It checks every receipt as "lethe verify" does, with nothing but these files.

With --request it makes an erasure even if there is nothing to erase, because
the subject request cannot be answered without one.

Ctrl-C leaves the erasure running. "lethe erasures proof" saves its proof later.

` + callsService + `

Exit codes:
  0  erased, proof saved and checked; or there was nothing to erase
  1  failed
  2  the command line is wrong
  6  not confirmed: nothing was erased
  7  not everything was erased: something is held or refused, or it was canceled
  8  the erasure goes on or is over, but its proof is not saved yet`,
		Example: `  # Everything of a person, in a script
  lethe erase --owner jonas.weber@example.com --ground request --ticket PRIV-2026-17 --yes

  # What a person has asked for, as "lethe requests" has recorded it
  lethe erase --owner jonas.weber@example.com --ground request --request 5d7c0e6a-3b1f-4f0e-9c1d-7a8b9c0d1e2f --yes

  # What failed in February
  lethe erase --state failed --created-after 2026-02-01 --created-before 2026-03-01 --yes

  # Two responses, with the proof in a folder of this name
  lethe erase c0000400-0000-4000-8000-00000000005a c0000400-0000-4000-8000-000000000059 --proof case-17`,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		e.Responses = args
		return at.Erase(ctx, e)
	})
	flags := cmd.Flags()
	filterFlags(flags, &e.Filter)
	flags.BoolVar(&e.Everything, "everything", false, "everything that the list has")
	flags.BoolVar(&e.LaterTurns, "include-later-turns", false, "also later turns of the same owner, which quote what is erased")
	flags.StringVar(&e.Ground, "ground", "", "request, consent_withdrawn, objection, no_longer_needed, unlawful or legal_obligation")
	flags.StringVar(&e.Ticket, "ticket", "", "your own reference")
	flags.StringVar(&e.Request, "request", "", "subject request that asks for it; with --owner alone")
	flags.BoolVar(&e.Yes, "yes", false, "do not ask")
	proofFlags(flags, &e.Proof, &e.Keys)
	return cmd
}

func (c *cli) holds() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "holds",
		Short:   "List, place and release holds, which prevent erasures",
		Example: `  lethe holds list --active`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var page client.Page
	var active bool
	list := c.remote(&cobra.Command{
		Use: "list", Short: "List holds", Long: "List holds, newest first, also released and expired ones.\n\n" + callsService,
		Example: `  lethe holds list --active`,
	}, func(ctx context.Context, at *client.Client, _ []string) error { return at.Holds(ctx, active, page) })
	list.Flags().BoolVar(&active, "active", false, "only active ones")
	pageFlags(list.Flags(), &page)

	show := c.remote(&cobra.Command{
		Use: "show ID", Short: "Show a hold", Long: "Show a hold.\n\n" + callsService,
		Example: `  lethe holds show 9a0c7b1e-2f43-4c7a-8e0d-6b5a4c3d2e1f`,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.Hold(ctx, args[0]) })

	var hold client.NewHold
	place := c.remote(&cobra.Command{
		Use: "place [ID...]", Short: "Place a hold on responses, owners or what conditions match",
		Long: "Place a hold on the responses named, on owners, or on what the conditions match.\nNobody can erase what it covers until it expires or is released.\n\n" + callsService,
		Example: `  lethe holds place c0000400-0000-4000-8000-00000000005a --reason 'Case 2026-17'
  lethe holds place --owner jonas.weber@example.com --reason 'Case 2026-18' --expires 2027-03-01`,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		hold.Responses = args
		return at.PlaceHold(ctx, hold)
	})
	flags := place.Flags()
	flags.StringArrayVar(&hold.Owners, "owner", nil, "everything of this person or organization: e-mail address or identifier; may be repeated")
	kindFlags(flags, &hold.Filter)
	createdFlags(flags, &hold.Filter)
	flags.StringVar(&hold.Reason, "reason", "", "why, for those who may see holds")
	flags.StringVar(&hold.Expires, "expires", "", "when it ends (default: when it is released)")
	_ = place.MarkFlagRequired("reason")

	release := c.remote(&cobra.Command{
		Use: "release ID", Short: "Release a hold", Long: "Release a hold. It stays on record.\n\n" + callsService,
		Example: `  lethe holds release 9a0c7b1e-2f43-4c7a-8e0d-6b5a4c3d2e1f`,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.ReleaseHold(ctx, args[0]) })
	cmd.AddCommand(list, show, place, release)
	return cmd
}

func (c *cli) rules() *cobra.Command {
	const id = "0b8f6a52-8c7e-4a57-9a43-5d1c2f3e4b5a"
	cmd := &cobra.Command{
		Use:     "rules",
		Short:   "List, create and enable retention rules",
		Example: `  lethe rules list`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var page client.Page
	list := c.remote(&cobra.Command{
		Use: "list", Short: "List retention rules", Long: "List retention rules.\n\n" + callsService,
		Example: `  lethe rules list --json`,
	}, func(ctx context.Context, at *client.Client, _ []string) error { return at.Rules(ctx, page) })
	pageFlags(list.Flags(), &page)

	show := c.remote(&cobra.Command{
		Use: "show ID", Short: "Show a retention rule", Long: "Show a retention rule.\n\n" + callsService,
		Example: `  lethe rules show ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.Rule(ctx, args[0]) })

	var rule client.NewRule
	create := c.remote(&cobra.Command{
		Use: "create NAME", Short: "Create a retention rule, which is not enabled yet",
		Long:    "Create a retention rule. It erases nothing until somebody has looked at a dry\nrun and enabled it.\n\n" + callsService,
		Example: `  lethe rules create 'two weeks' --age-days 14 --run-at 01:30 --tier flex`,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		rule.Name = args[0]
		return at.CreateRule(ctx, rule)
	})
	flags := create.Flags()
	flags.Int64Var(&rule.AgeDays, "age-days", 0, "the age at which responses are erased")
	flags.StringSliceVar(&rule.RunAt, "run-at", nil, "time of day of its runs, as HH:MM in UTC; may be repeated")
	flags.Int64Var(&rule.MaxPerRun, "max-per-run", 0, "erase at most this many in one run (default: the service's 10000)")
	flags.StringArrayVar(&rule.Owners, "owner", nil, "of this person or organization; may be repeated")
	flags.StringSliceVar(&rule.States, "state", nil, "in this state; may be repeated")
	flags.StringSliceVar(&rule.Models, "model", nil, "of this model; may be repeated")
	flags.StringSliceVar(&rule.Tiers, "tier", nil, "of this service tier; may be repeated")
	_ = create.MarkFlagRequired("age-days")
	_ = create.MarkFlagRequired("run-at")

	dryRun := c.remote(&cobra.Command{
		Use: "dry-run ID", Short: "Count what a retention rule would erase now", Long: "Count what a retention rule would erase now. Nothing is erased.\n\n" + callsService,
		Example: `  lethe rules dry-run ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.DryRunRule(ctx, args[0]) })

	var version int64
	enable := c.remote(&cobra.Command{
		Use: "enable ID", Short: "Enable the version of a retention rule that you have looked at",
		Long:    "Enable a retention rule, after a dry run of the same version. Where rules\nneed an approval, it runs once somebody else has approved it.\n\n" + callsService,
		Example: `  lethe rules enable ` + id + ` --version 1`,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.EnableRule(ctx, args[0], version)
	})
	approve := c.remote(&cobra.Command{
		Use: "approve ID", Short: "Approve the version of a retention rule that somebody else has enabled",
		Long:    "Approve a retention rule that somebody else has enabled. To refuse, disable it.\n\n" + callsService,
		Example: `  lethe rules approve ` + id + ` --version 1`,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.ApproveRule(ctx, args[0], version)
	})
	for _, cmd := range []*cobra.Command{enable, approve} {
		cmd.Flags().Int64Var(&version, "version", 0, "the version that you have looked at")
		_ = cmd.MarkFlagRequired("version")
	}

	disable := c.remote(&cobra.Command{
		Use: "disable ID", Short: "Disable a retention rule", Long: "Disable a retention rule.\n\n" + callsService,
		Example: `  lethe rules disable ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.DisableRule(ctx, args[0]) })
	cmd.AddCommand(list, show, create, dryRun, enable, approve, disable)
	return cmd
}

// erasuresOverAPI are the commands of `lethe erasures` that call a running service.
func (c *cli) erasuresOverAPI() []*cobra.Command {
	const id = "3f2b8c1e-6d0a-4b7e-9c55-0a1d2e3f4a5b"
	var page client.Page
	var states []string
	var trigger string
	list := c.remote(&cobra.Command{
		Use: "list", Short: "Over the API: list bulk erasures", Long: "List bulk erasures, newest first.\n\n" + callsService,
		Example: `  lethe erasures list --state running`,
	}, func(ctx context.Context, at *client.Client, _ []string) error {
		return at.Erasures(ctx, states, trigger, page)
	})
	list.Flags().StringSliceVar(&states, "state", nil, "in this state: pending, running, finished, failed or canceled; may be repeated")
	list.Flags().StringVar(&trigger, "trigger", "", "started by this: request or retention")
	pageFlags(list.Flags(), &page)

	show := c.remote(&cobra.Command{
		Use: "show ID", Short: "Over the API: show a bulk erasure", Long: "Show a bulk erasure and its progress.\n\n" + callsService,
		Example: `  lethe erasures show ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.Erasure(ctx, args[0]) })
	watch := c.remote(&cobra.Command{
		Use: "watch ID", Short: "Over the API: wait for the end of a bulk erasure", Long: "Wait for the end of a bulk erasure, and show it. Ctrl-C leaves it running.\n\n" + callsService,
		Example: `  lethe erasures watch ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.WatchErasure(ctx, args[0])
	})
	cancel := c.remote(&cobra.Command{
		Use: "cancel ID", Short: "Over the API: stop a bulk erasure", Long: "Stop a bulk erasure. What it has erased stays erased, with its receipts.\n\n" + callsService,
		Example: `  lethe erasures cancel ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.CancelErasure(ctx, args[0])
	})

	var folder string
	var keys []string
	proof := c.remote(&cobra.Command{
		Use: "proof ID", Short: "Over the API: save and check the proof of a bulk erasure",
		Long:    "Save every receipt of a bulk erasure, once it is over, and check them as \"lethe\nverify\" does. Give the folder that \"lethe erase\" made: it has the salt. Receipts\nin it are not fetched again. Its exit codes are those of \"lethe erase\".\n\n" + callsService,
		Example: `  lethe erasures proof ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.ProveErasure(ctx, args[0], folder, keys)
	})
	proofFlags(proof.Flags(), &folder, &keys)
	return []*cobra.Command{list, show, watch, cancel, proof}
}
