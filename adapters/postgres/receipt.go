package postgres

import (
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Receipt is one that is to be written.
type Receipt struct {
	ID    uuid.UUID
	About *uuid.UUID // the receipt that it adds to; nil for that of an erasure
	Level string     // with About: the level that it adds
	Body  []byte     // in its canonical form: 1 to receipt.MaxReceipt bytes

	// What follows goes with the receipt of an erasure only, and is kept apart.

	Salt      []byte     // opens its commitments
	Actor     *uuid.UUID // who asked for the erasure and may fetch it; may be nil
	OwnerKeys [][]byte   // a keyed hash of each owner
	// Requests are to be looked for again after LookAfter; none: nothing is.
	Requests  []uuid.UUID
	LookAfter time.Duration
	Server    Server
}

// Server is a run of a server, which has one cluster, as lethe.cluster() told it.
// To ask for the cluster opens a file, which would be much of what an erasure
// costs; to ask when the server was started costs nothing.
type Server struct {
	StartedAt time.Time
	Cluster   int64 // 0: the role may not know
}

// QueueReceipt adds what writes a receipt to a batch of the transaction that it
// is about: there is then no erasure without its receipt and no receipt without
// its erasure. It waits for nobody, and is sealed once it has been committed.
func QueueReceipt(b *pgx.Batch, r Receipt) {
	if r.About != nil {
		b.Queue(insertReceipt, r.ID, r.About, r.Level, r.Body)
		return
	}
	keys := r.OwnerKeys
	if keys == nil {
		keys = [][]byte{}
	}
	b.Queue(insertErasure, r.ID, r.Body, r.Salt, r.Actor, keys, r.Requests, pgtype.Interval{Microseconds: r.LookAfter.Microseconds(), Valid: true},
		r.Server.StartedAt, r.Server.Cluster)
}

const insertReceipt = `-- name: InsertReceipt :exec
INSERT INTO lethe.receipts (id, about, level, body) VALUES ($1, $2, $3, $4)`

// One statement, as each has its price and every erasure pays it.
const insertErasure = `-- name: InsertErasure :exec
WITH receipt AS (
    INSERT INTO lethe.receipts (id, body, cluster)
    VALUES ($1::uuid, $2, CASE WHEN pg_postmaster_start_time() = $8::timestamptz THEN nullif($9::bigint, 0) ELSE lethe.cluster() END)
), secrets AS (
    INSERT INTO lethe.receipt_secrets (receipt_id, salt, actor_id, owner_keys) VALUES ($1::uuid, $3, $4, $5)
)
INSERT INTO lethe.tombstones (receipt_id, request_ids, due_at)
SELECT $1::uuid, $6::uuid[], clock_timestamp() + $7::interval WHERE cardinality($6::uuid[]) > 0`
