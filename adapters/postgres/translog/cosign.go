package translog

import (
	"bytes"
	"context"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// Cosign adds signatures of the configured witnesses to a published checkpoint. It
// takes the checkpoint's text, an empty line, and lines of signatures in any order; the
// log's own may be among them. It returns the checkpoint's number of leaves, and how
// many witnesses signed for the first time: the first signature of each stays.
//
// It fails with CodeInvalid if this is not a checkpoint with a witness's signature, or
// if any signature is wrong or of another key; then nothing is added. It fails with
// CodeNotFound if no checkpoint of this size is published, with CodeConflict if a
// different one is, and with ErrNoKey; other errors are those of MapError.
func (l *Log) Cosign(ctx context.Context, cosigned []byte) (size int64, added int, err error) {
	if len(l.signers) == 0 {
		return 0, 0, ErrNoKey
	}
	text, lines, _ := bytes.Cut(cosigned, []byte("\n\n"))
	theirs, err := receipt.ParseCheckpoint(append(bytes.Clone(text), '\n'))
	if err != nil {
		return 0, 0, domain.Errorf(domain.CodeInvalid, "Not a checkpoint with signatures: %v", err)
	}
	err = l.db.Use(ctx, func(c postgres.Conn) error {
		queries := dbsqlc.New(c)
		note, err := queries.PublishedOf(ctx, theirs.Size)
		if err != nil {
			return err
		}
		ours, _, err := receipt.OpenCheckpoint(note, l.keys)
		switch {
		case err != nil:
			return domain.Errorf(domain.CodeConflict, "The log's own checkpoint of size %d cannot be used: %v", theirs.Size, err)
		case ours != theirs:
			return domain.Errorf(domain.CodeConflict, "The log has published another checkpoint of size %d: if this one is also signed with the log's key, the log was forked; keep both as evidence", theirs.Size)
		}
		put := dbsqlc.PutCosignaturesParams{Size: theirs.Size}
		for line := range bytes.Lines(lines) {
			if bytes.Contains(note, append([]byte("\n"), line...)) {
				continue // the log's own
			}
			key, err := l.cosigner(note, line)
			if err != nil {
				return domain.Errorf(domain.CodeInvalid, "Nothing was added: %v", err)
			}
			put.Keys, put.Lines = append(put.Keys, key.ID()), append(put.Lines, line)
		}
		if len(put.Keys) == 0 {
			return domain.Errorf(domain.CodeInvalid, "No witness has signed this checkpoint")
		}
		n, err := queries.PutCosignatures(ctx, put)
		added = int(n)
		return err
	})
	if domain.CodeOf(err) == domain.CodeNotFound {
		err = domain.Errorf(domain.CodeNotFound, "The log has published no checkpoint of size %d", theirs.Size)
	}
	if err != nil {
		return 0, 0, err
	}
	return theirs.Size, added, nil
}

// cosigner returns the witness that signed a checkpoint with this line, which ends with
// a newline.
func (l *Log) cosigner(note, line []byte) (key receipt.PublicKey, err error) {
	with, err := receipt.AddCosignature(note, line, l.keys)
	if err != nil {
		return key, err
	}
	_, signatures, err := receipt.OpenCheckpoint(with, l.keys)
	if err != nil {
		return key, err
	}
	// The log's own come first.
	return signatures[len(signatures)-1].Key, nil
}

// cosigned returns a checkpoint with those of these lines that are valid signatures of
// a known witness.
func (l *Log) cosigned(note, lines []byte) []byte {
	if l.witnesses == 0 {
		return note
	}
	for line := range bytes.Lines(lines) {
		if with, err := receipt.AddCosignature(note, line, l.keys); err == nil {
			note = with
		}
	}
	return note
}
