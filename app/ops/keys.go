package ops

import (
	"errors"
	"fmt"
	"io/fs"

	"lethe/app/boot"
	"lethe/app/config"
	"lethe/receipt"
)

// NewSigningKey makes a key for the log of this origin. It goes into a new file
// that only its owner may read, and the public key is printed; or, without a
// file, the private key is printed and the public one told beside it.
func NewSigningKey(origin, file string, o Output) error {
	private, public, err := receipt.GenerateKey(origin)
	if err != nil {
		return config.Misused("%v", err)
	}
	if file == "" {
		if _, err := fmt.Fprintf(o.Progress, "The private key, shown this once; its public key is\n%s\n", public); err != nil {
			return err
		}
		return o.print("%s", private)
	}
	if err := boot.WriteNew(file, private+"\n"); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s is there already and is left as it is: what was signed with its keys can be checked with no other", file)
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
