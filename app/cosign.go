package app

import (
	"context"
	"io"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog"
)

// Cosign adds the signatures of witnesses that come with a checkpoint, in a file
// or where that is "-" from in, to the log's, and prints what became of them.
func Cosign(ctx context.Context, cfg *Config, file string, in io.Reader, o Output) (err error) {
	if len(cfg.Erasure.Witnesses) == 0 {
		return misused("no witness is known: give their public keys in erasure.witnesses (LETHE_ERASURE_WITNESSES)")
	}
	var cosigned []byte
	if file == "-" {
		cosigned, err = io.ReadAll(io.LimitReader(in, maxKeyFile+1))
	} else {
		cosigned, err = readBounded(file, maxKeyFile)
	}
	if err != nil {
		return misused("%v", err)
	}
	if len(cosigned) > maxKeyFile {
		return misused("%s is longer than a checkpoint can be", file)
	}
	sign, err := readSigning(cfg, nil)
	if err != nil {
		return err
	}
	db, err := OpenDatabases(ctx, cfg, o.Progress)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	pool, err := postgres.Open(postgres.Config{URL: db.fusilladeURL(), MaxConns: 1, ApplicationName: applicationName, PgBouncer: cfg.Database.PgBouncer})
	if err != nil {
		return err
	}
	defer pool.Close()
	log, err := translog.New(pool, logConfig(sign, cfg))
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
