package main

import (
	"context"

	"github.com/spf13/cobra"

	"lethe/app/client"
)

// files are the commands for persons' files.
func (c *cli) files() *cobra.Command {
	const id = "5c7d9e0f-1a2b-4c3d-8e4f-506172839405"
	cmd := &cobra.Command{
		Use:     "files",
		Short:   "Make and save persons' files: all that is kept of somebody, as a ZIP",
		Example: `  lethe files list`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var page client.Page
	list := c.remote(&cobra.Command{
		Use: "list", Short: "List persons' files", Long: "List persons' files, newest first.\n\n" + callsService,
		Example: `  lethe files list`,
	}, func(ctx context.Context, at *client.Client, _ []string) error { return at.Files(ctx, page) })
	pageFlags(list.Flags(), &page)

	show := c.remote(&cobra.Command{
		Use: "show ID", Short: "Show how far a person's file has come", Long: "Show a person's file, and how far it has come.\n\n" + callsService,
		Example: `  lethe files show ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error { return at.File(ctx, args[0]) })

	var file client.NewFile
	create := c.remote(&cobra.Command{
		Use: "make", Short: "Make and save a person's file",
		Long: `Have a ZIP made with everything that is kept of a person or an organization,
wait for it, save it, and check its SHA-256. Only you can read it. Ctrl-C leaves
the service making it; "lethe files download" saves it later.

` + callsService,
		Example: `  lethe files make --owner jonas.weber@example.com --output jonas.zip`,
	}, func(ctx context.Context, at *client.Client, _ []string) error { return at.MakeFile(ctx, file) })
	create.Flags().StringVar(&file.Owner, "owner", "", "of this person or organization: e-mail address or identifier")
	create.Flags().StringVar(&file.Request, "request", "", "subject request that asks for it")
	create.Flags().StringVar(&file.Output, "output", "", outputUsage)
	_ = create.MarkFlagRequired("owner")

	var output string
	download := c.remote(&cobra.Command{
		Use: "download ID", Short: "Save a person's file", Long: "Wait until a person's file is made, save it, and check its SHA-256.\n\n" + callsService,
		Example: `  lethe files download ` + id + ` --output again.zip`,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.DownloadFile(ctx, args[0], output)
	})
	download.Flags().StringVar(&output, "output", "", outputUsage)

	remove := c.remote(&cobra.Command{
		Use: "delete ID", Short: "Delete a person's file", Long: "Remove a person's file from the service, or end making it.\n\n" + callsService,
		Example: `  lethe files delete ` + id,
	}, func(ctx context.Context, at *client.Client, args []string) error {
		return at.DeleteFile(ctx, args[0])
	})
	cmd.AddCommand(list, show, create, download, remove)
	return cmd
}

const outputUsage = "new file for it (default: lethe-file-ID.zip in this folder)"
