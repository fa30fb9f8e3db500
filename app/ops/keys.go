package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/receipt"
)

// NewSigningKey creates a key for the log with this origin. It writes the key to a new
// file that only its owner can read and prints the public key; without a file it prints
// the private key, and the public one as progress.
func NewSigningKey(origin, file string, o Output) error {
	private, public, err := receipt.GenerateKey(origin)
	if err != nil {
		return config.Misused("%v", err)
	}
	if file == "" {
		if _, err := fmt.Fprintf(o.Progress, "The private key follows and is shown only once. Its public key is\n%s\n", public); err != nil {
			return err
		}
		return o.print("%s", private)
	}
	if err := boot.WriteNew(file, private+"\n"); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s already exists and was not overwritten: no other key can continue a log that its keys have signed; choose another file", file)
		}
		return err
	}
	return o.print("%s", public)
}

// ShowSigningKeys prints the public keys of a file of private ones.
func ShowSigningKeys(file string, o Output) error {
	data, err := boot.ReadBounded(file, boot.MaxKeyFile)
	if err != nil {
		return err
	}
	signers, err := receipt.ParsePrivateKeys(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, s := range signers {
		if err := o.print("%s", s.PublicKey()); err != nil {
			return err
		}
	}
	return nil
}

// Cosign adds to the log the witnesses' signatures of a checkpoint, which it reads
// from a file or, with "-", from in, and prints the result.
func Cosign(ctx context.Context, cfg *config.Config, file string, in io.Reader, o Output) (err error) {
	if len(cfg.Erasure.Witnesses) == 0 {
		return config.Misused("no witness is configured: set erasure.witnesses (LETHE_ERASURE_WITNESSES) to their public keys")
	}
	var cosigned []byte
	if file == "-" {
		cosigned, err = io.ReadAll(io.LimitReader(in, boot.MaxKeyFile+1))
	} else {
		cosigned, err = boot.ReadBounded(file, boot.MaxKeyFile)
	}
	if err != nil {
		return config.Misused("%v", err)
	}
	if len(cosigned) > boot.MaxKeyFile {
		return config.Misused("%s is longer than a checkpoint can be", file)
	}
	sign, err := boot.ReadSigning(cfg, nil)
	if err != nil {
		return err
	}
	return withLog(ctx, cfg, boot.LogConfig(sign, cfg), o, func(log *translog.Log, _ *postgres.DB, _ *boot.Databases) error {
		size, added, err := log.Cosign(ctx, cosigned)
		switch {
		case err != nil:
			return err
		case o.JSON:
			return writeJSON(o.Out, map[string]any{"size": size, "added": added})
		case added == 0:
			return o.print("The checkpoint of size %d already had the signatures of these witnesses", size)
		}
		return o.print("Signatures of witnesses added to the checkpoint of size %d: %d", size, added)
	})
}
