package ops

import (
	"context"
	"io"

	"lethe/adapters/postgres/translog"
	"lethe/app/boot"
	"lethe/app/config"
)

// Cosign adds the signatures of witnesses that come with a checkpoint, in a file
// or where that is "-" from in, to the log's, and prints what became of them.
func Cosign(ctx context.Context, cfg *config.Config, file string, in io.Reader, o Output) (err error) {
	if len(cfg.Erasure.Witnesses) == 0 {
		return config.Misused("no witness is known: give their public keys in erasure.witnesses (LETHE_ERASURE_WITNESSES)")
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
	db, err := boot.Open(ctx, cfg, o.Progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)
	pool, err := boot.OpenPool(cfg, db.OwnURL(), 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	log, err := translog.New(pool, boot.LogConfig(sign, cfg))
	if err != nil {
		return err
	}
	size, added, err := log.Cosign(ctx, cosigned)
	switch {
	case err != nil:
		return err
	case o.JSON:
		return writeJSON(o.Out, map[string]any{"size": size, "added": added})
	case added == 0:
		return o.print("The checkpoint of size %d had signatures of these witnesses already", size)
	}
	return o.print("Added signatures of witnesses to the checkpoint of size %d: %d", size, added)
}
