package main

import (
	"context"

	"github.com/spf13/cobra"

	"lethe/app/client"
)

// requests are the commands for people's requests about their own data.
func (c *cli) requests() *cobra.Command {
	const id = "5d7c0e6a-3b1f-4f0e-9c1d-7a8b9c0d1e2f"
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "Record and answer people's requests about their data",
		Long: `Record and answer people's requests to see or to erase what is kept about them:
open, check-identity, the file or the erasure with --request, answer, letter.`,
		Example: `  lethe requests list --open`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var page client.Page
	var owner string
	var open bool
	list := c.remote(&cobra.Command{
		Use: "list", Short: "List subject requests", Long: "List subject requests, newest first, also answered and refused ones.\n\n" + callsService,
		Example: `  lethe requests list --open`,
	}, func(ctx context.Context, at *client.Client, _ []string) error {
		return at.Requests(ctx, owner, open, page)
	})
	list.Flags().StringVar(&owner, "owner", "", "about this person or organization: e-mail address or identifier")
	list.Flags().BoolVar(&open, "open", false, "only those that wait for an answer")
	pageFlags(list.Flags(), &page)

	show := c.remote(&cobra.Command{
		Use: "show ID", Short: "Show a subject request", Long: "Show a subject request, with its erasures and files, and with other requests\nabout the same owner.\n\n" + callsService,
		Example: `  lethe requests show ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.Request(ctx, args[0]) })

	var request client.NewRequest
	record := c.remote(&cobra.Command{
		Use: "open", Short: "Record a subject request",
		Long:    "Record that a person asks to see or to erase what is kept about them. The answer\nis due a month after it was received.\n\n" + callsService,
		Example: `  lethe requests open --owner jonas.weber@example.com --kind erasure --ticket PRIV-2026-17`,
	}, func(ctx context.Context, at *client.Client, _ []string) error { return at.OpenRequest(ctx, request) })
	flags := record.Flags()
	flags.StringVar(&request.Owner, "owner", "", "who asks: e-mail address or identifier of the person or organization")
	flags.StringVar(&request.Kind, "kind", "", "what for: access, erasure or both")
	flags.StringVar(&request.Received, "received", "", "when it was received, within the last year: 2026-03-01, '2026-03-01 12:00' or RFC 3339 (default: now)")
	flags.StringVar(&request.Ticket, "ticket", "", "your own reference")
	_ = record.MarkFlagRequired("owner")
	_ = record.MarkFlagRequired("kind")

	check := c.remote(&cobra.Command{
		Use: "check-identity ID", Short: "Record that a subject request comes from the person themselves",
		Long:    "Record that you have made sure that a subject request comes from the person\nthemselves. An erasure or a file can name the request from then on.\n\n" + callsService,
		Example: `  lethe requests check-identity ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.CheckIdentity(ctx, args[0])
	})

	var extension string
	extend := c.remote(&cobra.Command{
		Use: "extend ID", Short: "Give two more months for the answer",
		Long:    "Give two more months for the answer, once, before it is due. The person has\nto be told.\n\n" + callsService,
		Example: `  lethe requests extend ` + id + ` --reason complexity`,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.ExtendRequest(ctx, args[0], extension)
	})
	extend.Flags().StringVar(&extension, "reason", "", "complexity or number_of_requests")
	_ = extend.MarkFlagRequired("reason")

	answer := c.remote(&cobra.Command{
		Use: "answer ID", Short: "Record that a subject request is answered",
		Long:    "End a subject request once its work is done. If something is missing, it says\nwhat, and the request stays open.\n\n" + callsService,
		Example: `  lethe requests answer ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.AnswerRequest(ctx, args[0])
	})

	var refusal string
	refuse := c.remote(&cobra.Command{
		Use: "refuse ID", Short: "Refuse a subject request",
		Long:    "End a subject request without doing what it asks for. The letter says why.\n\n" + callsService,
		Example: `  lethe requests refuse ` + id + ` --reason identity_not_proven`,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.RefuseRequest(ctx, args[0], refusal)
	})
	refuse.Flags().StringVar(&refusal, "reason", "", "identity_not_proven, manifestly_unfounded, excessive, legal_obligation or legal_claims")
	_ = refuse.MarkFlagRequired("reason")

	var file string
	letter := c.remote(&cobra.Command{
		Use: "letter ID", Short: "Save the letter that answers a subject request",
		Long:    "Save the letter to the person, once the request is answered or refused, as an\nHTML page to print.\n\n" + callsService,
		Example: `  lethe requests letter ` + id + ` --output letter.html`,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.SaveLetter(ctx, args[0], file)
	})
	letter.Flags().StringVar(&file, "output", "", "new file for it (default: lethe-letter-ID.html in this folder)")
	cmd.AddCommand(list, show, record, check, extend, answer, refuse, letter)
	return cmd
}
