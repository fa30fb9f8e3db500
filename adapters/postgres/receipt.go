package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lethe/adapters/postgres/internal/dbsqlc"
	"lethe/domain"
)

// Receipt is a receipt to be written.
type Receipt struct {
	ID    uuid.UUID
	About *uuid.UUID // the receipt that it adds to; nil for that of an erasure
	Level string     // with About: the level that it adds
	Body  []byte     // in its canonical form: 1 to receipt.MaxReceipt bytes

	// The following is only for receipts of erasures, and is stored separately.

	Salt      []byte     // opens its commitments
	Actor     *uuid.UUID // who requested the erasure and may fetch it; may be nil
	OwnerKeys [][]byte   // a keyed hash of each owner
	// Requests are searched again after LookAfter; none: no search.
	Requests  []uuid.UUID
	LookAfter time.Duration
	Server    Server
	// Owners are whose responses were erased: files with everything of theirs expire.
	// Everyones: those of all owners do, because not every owner is known.
	Owners    []string
	Everyones bool
}

// Server is one run of a server, and its cluster by lethe.cluster(). Asking for the
// cluster opens a file, which would be a large part of an erasure's cost; asking when
// the server was started costs nothing.
type Server struct {
	StartedAt time.Time
	Cluster   int64 // 0: the role may not know
}

// QueueReceipt adds a receipt to a batch of the transaction that it is about: so no
// erasure is without a receipt and no receipt without an erasure. It waits for nobody,
// and is sealed after the commit.
//
// The files of the owners expire here, too, so that no erasure forgets them.
func QueueReceipt(b *pgx.Batch, r Receipt) {
	if len(r.Owners) > 0 || r.Everyones {
		Queue(b, func(db DBTX) error { return ExpirePersonFiles(context.Background(), db, r.Owners, r.Everyones) })
	}
	Queue(b, func(db DBTX) error {
		ctx, q := context.Background(), dbsqlc.New(db) // the batch has the context
		if r.About != nil {
			return q.InsertReceipt(ctx, dbsqlc.InsertReceiptParams{ID: r.ID, About: r.About, Level: r.Level, Body: r.Body})
		}
		return q.InsertErasure(ctx, dbsqlc.InsertErasureParams{
			ID: r.ID, Body: r.Body, Salt: r.Salt, ActorID: r.Actor, OwnerKeys: append([][]byte{}, r.OwnerKeys...),
			RequestIds: r.Requests, LookAfter: Interval(r.LookAfter),
			StartedAt: r.Server.StartedAt, Cluster: r.Server.Cluster,
		})
	})
}

// ExpirePersonFiles makes files with everything of these owners, finished or not, expire
// with the transaction.
func ExpirePersonFiles(ctx context.Context, db DBTX, owners []string, everyones bool) error {
	return dbsqlc.New(db).ExpirePersonFiles(ctx, dbsqlc.ExpirePersonFilesParams{Owners: append([]string{}, owners...), Everyones: everyones})
}

// KeepSubjectRequestOpen keeps the subject request that something is begun for from ending
// before the transaction does; nil: there is none. domain.ErrSubjectEnded if it has ended.
func KeepSubjectRequestOpen(ctx context.Context, db DBTX, id *uuid.UUID) error {
	if id == nil {
		return nil
	}
	r, err := dbsqlc.New(db).KeepSubjectRequestOpen(ctx, *id)
	if err == nil && !r.Open {
		return domain.ErrSubjectEnded(domain.SubjectRequestState(r.State))
	}
	return err
}

// Interval rounds up to the microseconds that rows hold.
func Interval(d time.Duration) pgtype.Interval {
	us := d.Microseconds()
	if d%time.Microsecond > 0 {
		us++
	}
	return pgtype.Interval{Microseconds: us, Valid: true}
}
