package translog

import (
	"context"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/translog/internal/dbsqlc"
)

// Buried is a receipt of an erasure whose subject is still known.
type Buried struct {
	ID        uuid.UUID
	WrittenAt time.Time
}

// Buried returns all of them, and the leaf from which Grown reports later ones. Errors
// are those of MapError.
func (l *Log) Buried(ctx context.Context) (buried []Buried, first int64, err error) {
	err = l.db.Use(ctx, func(c postgres.Conn) error {
		queries := dbsqlc.New(c)
		state, err := queries.State(ctx)
		if err != nil {
			return err
		}
		// What is written from here on is unsealed, or a leaf beyond the tree.
		rows, err := queries.Buried(ctx)
		first, buried = state.Size, make([]Buried, len(rows))
		for i, row := range rows {
			buried[i] = Buried{row.ID, row.CreatedAt}
		}
		return err
	})
	return buried, first, err
}

// Grown returns the receipts in no tree and those that became leaves from first on, and
// the first leaf that did not exist yet: continuing there misses nothing, and returns
// again what was unsealed. It makes one round trip. Errors are those of MapError.
func (l *Log) Grown(ctx context.Context, first int64) (sealed, unsealed []uuid.UUID, next int64, err error) {
	err = l.db.Use(ctx, func(c postgres.Conn) error {
		sealed, unsealed, next = nil, nil, first
		rows, err := dbsqlc.New(c).Grown(ctx, first)
		for _, row := range rows {
			if row.LeafIndex < 0 {
				unsealed = append(unsealed, row.ID)
				continue
			}
			sealed = append(sealed, row.ID)
			next = max(next, row.LeafIndex+1)
		}
		return err
	})
	return sealed, unsealed, next, err
}

// Erasure is what was erased with a receipt.
type Erasure struct {
	Receipt    uuid.UUID
	ExecutedAt time.Time
	Requests   []uuid.UUID
	Salt       []byte     // nil if forgotten
	Actor      *uuid.UUID // nil: nobody, or forgotten
}

// Erasures returns what was erased with each of these receipts, the oldest first; it
// leaves out those that are unknown or not of an erasure. It has to read salts, which
// the service's role may not. Errors are those of MapError.
func (l *Log) Erasures(ctx context.Context, receipts []uuid.UUID) (erasures []Erasure, err error) {
	err = l.db.Use(ctx, func(c postgres.Conn) error {
		rows, err := dbsqlc.New(c).Erasures(ctx, receipts)
		erasures = make([]Erasure, len(rows))
		for i, row := range rows {
			erasures[i] = Erasure{row.ID, row.CreatedAt, row.RequestIds, row.Salt, row.ActorID}
		}
		return err
	})
	return erasures, err
}

// Bodies returns the bytes of these receipts, except missing ones. Errors are those of
// MapError.
func (l *Log) Bodies(ctx context.Context, receipts []uuid.UUID) (bodies map[uuid.UUID][]byte, err error) {
	err = l.db.Use(ctx, func(c postgres.Conn) error {
		rows, err := dbsqlc.New(c).Bodies(ctx, receipts)
		bodies = make(map[uuid.UUID][]byte, len(rows))
		for _, row := range rows {
			bodies[row.ID] = row.Body
		}
		return err
	})
	return bodies, err
}
