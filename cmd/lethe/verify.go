package main

import (
	"context"
	"slices"

	"github.com/spf13/cobra"

	"lethe/app/config"
	"lethe/app/ops"
)

func (c *cli) verify() *cobra.Command {
	var v ops.VerifyOptions
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check the receipt of an erasure, offline",
		Long: `Check a receipt file: that it is in canonical form, that the log of these keys
contains the receipt, and that every signature is valid. The output says in
plain words what this proves and what it does not. It uses no database, no
network and no configuration.

Get the public keys of the log from its operator, once, and not the same way as
the receipts. A log that has changed its key signs with both for a time, and
then both are needed. Give the keys of witnesses the same way.

With the salt, which whoever requested the erasure received, it shows that a
response, or an owner's responses, are among those erased; a bulk erasure has
one secret for all its receipts. With another checkpoint of the log, kept from
an earlier time, and a mirror of its tiles, it shows that the log was not
rewritten in between.

Exit codes:
  0  proven
  1  not proven
  2  the command line is wrong, or a file cannot be read`,
		Example: `  lethe verify erasure.receipt --key log.pub

  # Two keys, the second a witness's
  lethe verify erasure.receipt --key log.pub --key 'witness.example/w1+0a1b2c3d+BGl...'

  # Was this response erased, and was it this owner's?
  lethe verify erasure.receipt --key log.pub --salt 5f2d... \
    --response c0000400-0000-4000-8000-00000000005a --owner c0000100-0000-4000-8000-000000000003

  # Has the log been rewritten since? mirror/ contains tile/0/000 and so on
  lethe verify erasure.receipt --key log.pub --older kept.checkpoint --tiles mirror`,
		RunE: func(_ *cobra.Command, args []string) error {
			c.running = true
			v.File = args[0]
			proven, err := ops.Verify(v, c.output())
			if err == nil && !proven {
				err = exitCode(exitFailed)
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&v.Keys, "key", nil, "public key, or file with one per line; may be repeated")
	flags.StringVar(&v.Older, "older", "", "file with another signed checkpoint of the log; with --tiles")
	flags.StringVar(&v.Tiles, "tiles", "", "folder with the log's tiles, a mirror of /log; with --older")
	flags.StringVar(&v.Salt, "salt", "", "salt of the receipt, or secret of a bulk erasure, in hex or base64; with --response or --owner")
	flags.StringVar(&v.Response, "response", "", "identifier of a response; with --salt")
	flags.StringVar(&v.Owner, "owner", "", "owner, as the database spells it; with --salt")
	return c.jsonFlag(cmd)
}

func (c *cli) log() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "log",
		Short:   "Manage the log of erasures",
		Example: `  lethe log cosign witnessed.checkpoint`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.jsonFlag(c.command(&cobra.Command{
		Use:   "cosign FILE",
		Short: "Add signatures of witnesses to a published checkpoint",
		Long: `Add signatures of witnesses (C2SP tlog-cosignature) to a checkpoint that the log
has published. FILE, or standard input for -, contains the checkpoint and below
it, in any order, signature lines: a checkpoint as mirrors serve it, or the one
that was sent to a witness, followed by its answer.

Every signature must be valid and belong to the log or to a witness of
erasure.witnesses; otherwise nothing is added. Receipts fetched from then on
come with this checkpoint until witnesses have signed a newer one.`,
		Example: `  # Add the answer of a witness to the checkpoint that was sent to it
  cat sent.checkpoint answer | lethe log cosign -`,
	}, slices.Concat(databaseSettings, []string{"erasure."}), func(ctx context.Context, cfg *config.Config, args []string) error {
		return ops.Cosign(ctx, cfg, args[0], c.stdin, c.output())
	})))
	return cmd
}

// signingKeys are the commands of `lethe keys` for the log's keys.
func (c *cli) signingKeys() []*cobra.Command {
	var out string
	create := &cobra.Command{
		Use:   "new ORIGIN",
		Short: "Create a key that signs the log of erasures",
		Long: `Create a private key that signs the log of erasures. ORIGIN is the log's
permanent name, such as example.com/erasures: not an address, but a name that
nobody else uses.

With --out the key is written to a new file that only its owner can read, and
the public key is printed; an existing file is never overwritten. To change the
key later, add the line of a new one above the others in the file: all keys
sign, and earlier receipts can still be checked.`,
		Example: `  lethe keys new example.com/erasures --out lethe.key

  # Change the key; the old one still signs
  lethe keys new example.com/erasures --out next.key
  cat next.key lethe.key > both.key`,
		RunE: func(_ *cobra.Command, args []string) error {
			c.running = true
			return ops.NewSigningKey(args[0], out, c.output())
		},
	}
	create.Flags().StringVar(&out, "out", "", "file to write the private key to; without it, the key is printed")

	show := &cobra.Command{
		Use:     "show FILE",
		Short:   "Print the public keys of a file with signing keys",
		Example: `  lethe keys show lethe.key > log.pub`,
		RunE: func(_ *cobra.Command, args []string) error {
			c.running = true
			return ops.ShowSigningKeys(args[0], c.output())
		},
	}
	return []*cobra.Command{create, show}
}
