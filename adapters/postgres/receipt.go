package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lethe/adapters/postgres/internal/dbsqlc"
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
	Queue(b, func(db DBTX) error {
		ctx, q := context.Background(), dbsqlc.New(db) // the batch has the context
		if r.About != nil {
			return q.InsertReceipt(ctx, dbsqlc.InsertReceiptParams{ID: r.ID, About: r.About, Level: r.Level, Body: r.Body})
		}
		return q.InsertErasure(ctx, dbsqlc.InsertErasureParams{
			ID: r.ID, Body: r.Body, Salt: r.Salt, ActorID: r.Actor, OwnerKeys: append([][]byte{}, r.OwnerKeys...),
			RequestIds: r.Requests, LookAfter: pgtype.Interval{Microseconds: r.LookAfter.Microseconds(), Valid: true},
			StartedAt: r.Server.StartedAt, Cluster: r.Server.Cluster,
		})
	})
}
