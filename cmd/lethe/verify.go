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
		Long: `Check the file of a receipt: that it is in its one form, that the log of these
keys holds the receipt, and that every signature is good. What is proven by that
and what is not is said in plain words. No database, no network and no
configuration is used.

Get the public keys of the log from who runs it, once and by another way than
the receipts; a log that has changed its key signs with both for a time, and
then both are needed. Keys of witnesses are given likewise.

With the salt, which was given to who asked for the erasure, it is shown that a
response is among those erased, or that an owner's are; of a bulk erasure it
is the one secret that was given for all its receipts. With another checkpoint
of the log, kept from an earlier time, and a mirror of its tiles it is shown
that the log was not rewritten in between.

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

  # Has the log been rewritten since? mirror/ holds tile/0/000 and so on
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
	flags.StringArrayVar(&v.Keys, "key", nil, "public key, or file with one on each line; may be repeated")
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
		Short:   "Work on the log of erasures",
		Example: `  lethe log cosign witnessed.checkpoint`,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(c.jsonFlag(c.command(&cobra.Command{
		Use:   "cosign FILE",
		Short: "Add signatures of witnesses to a published checkpoint",
		Long: `Add signatures of witnesses (C2SP tlog-cosignature) to a checkpoint that the log
has published. FILE, or standard input for -, is the checkpoint and below it, in
any order, lines of signatures: a checkpoint as mirrors hand it on, or the one
that was sent to a witness with its answer after it.

Every signature must be the log's own or be right and of a witness of
erasure.witnesses, or nothing is added. Receipts that are fetched from then on
come with this checkpoint until witnesses have signed a newer one.`,
		Example: `  # What a witness has answered to what was sent to it
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
		Short: "Make a key that signs the log of erasures",
		Long: `Make a private key that signs the log of erasures. ORIGIN is the log's name for
ever, such as example.com/erasures: no address, but nobody else's either.

With --out the key goes into a new file that only its owner may read, and the
public key is printed; a file that is there is never overwritten. To change the
key later, put the line of a new one above the others in the file: all sign, and
receipts of before can still be checked.`,
		Example: `  lethe keys new example.com/erasures --out lethe.key

  # A new key, with the old one signing on
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
		Short:   "Print the public keys of a file of signing keys",
		Example: `  lethe keys show lethe.key > log.pub`,
		RunE: func(_ *cobra.Command, args []string) error {
			c.running = true
			return ops.ShowSigningKeys(args[0], c.output())
		},
	}
	return []*cobra.Command{create, show}
}
