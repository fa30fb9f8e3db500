package postgres

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Receipt is one that is to be written.
type Receipt struct {
	ID    uuid.UUID
	About *uuid.UUID // the receipt that it adds to; nil for that of an erasure
	Body  []byte     // in its canonical form: 1 to receipt.MaxReceipt bytes

	// What follows goes with the receipt of an erasure only, and is kept apart.

	Salt        []byte     // opens its commitments
	Actor       *uuid.UUID // who asked for the erasure and may fetch it; may be nil
	SubjectKeys [][]byte   // a keyed hash of each owner
}

// QueueReceipt adds what writes a receipt to a batch of the transaction that it
// is about: there is then no erasure without its receipt and no receipt without
// its erasure. It waits for nobody, and is sealed once it has been committed.
func QueueReceipt(b *pgx.Batch, r Receipt) {
	b.Queue(insertReceipt, r.ID, r.About, r.Body)
	if r.About == nil {
		keys := r.SubjectKeys
		if keys == nil {
			keys = [][]byte{}
		}
		b.Queue(insertSecrets, r.ID, r.Salt, r.Actor, keys)
	}
}

const insertReceipt = `-- name: InsertReceipt :exec
INSERT INTO lethe.receipts (id, about, body) VALUES ($1, $2, $3)`

const insertSecrets = `-- name: InsertReceiptSecrets :exec
INSERT INTO lethe.receipt_secrets (receipt_id, salt, actor_id, subject_keys) VALUES ($1, $2, $3, $4)`
