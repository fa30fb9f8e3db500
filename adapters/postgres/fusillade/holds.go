package fusillade

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Holds are kept in schema lethe beside fusillade's tables.
type Holds struct {
	db *postgres.DB
}

var _ domain.Holds = (*Holds)(nil)

// NewHolds makes the port on the primary of fusillade's database.
func NewHolds(db *postgres.DB) (*Holds, error) {
	if db == nil {
		return nil, errors.New("holds need a database")
	}
	return &Holds{db}, nil
}

// Place makes two round trips, and waits between them until no erasure is running.
func (h *Holds) Place(ctx context.Context, hold domain.Hold) (placed domain.Hold, err error) {
	p := dbsqlc.PlaceHoldParams{
		ID: hold.ID, Responses: hold.Responses, Owners: hold.Owners,
		Reason: hold.Reason, PlacedBy: hold.CreatedBy, ExpiresAt: hold.ExpiresAt,
	}
	if f := hold.Filter; f != nil {
		p.States, p.Models, p.Tiers = f.States, f.Models, f.Tiers
		p.CreatedAfter, p.CreatedBefore = f.CreatedAfter, f.CreatedBefore
	}
	err = h.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		if err := q.LockHolds(ctx); err != nil {
			return err
		}
		row, err := q.PlaceHold(ctx, p)
		placed = holdOf(dbsqlc.HoldRow(row))
		return err
	})
	if err != nil {
		return domain.Hold{}, err
	}
	return placed, nil
}

// Page makes one round trip.
func (h *Holds) Page(ctx context.Context, q domain.HoldQuery) ([]domain.Hold, error) {
	p := dbsqlc.HoldsParams{Active: q.Active, PageSize: q.Limit}
	if q.After != nil {
		p.AfterCreatedAt, p.AfterID = &q.After.CreatedAt, &q.After.ID
	}
	rows, err := read(ctx, h.db, func(read *dbsqlc.Queries) ([]dbsqlc.HoldsRow, error) { return read.Holds(ctx, p) })
	if err != nil {
		return nil, err
	}
	return holdsOf(rows), nil
}

// Get makes one round trip.
func (h *Holds) Get(ctx context.Context, id uuid.UUID) (domain.Hold, error) {
	row, err := read(ctx, h.db, func(q *dbsqlc.Queries) (dbsqlc.HoldRow, error) { return q.Hold(ctx, id) })
	if err != nil {
		return domain.Hold{}, err
	}
	return holdOf(row), nil
}

// Release makes one round trip, and another if the hold is released already.
func (h *Holds) Release(ctx context.Context, id, by uuid.UUID) (domain.Hold, error) {
	row, err := read(ctx, h.db, func(q *dbsqlc.Queries) (dbsqlc.HoldRow, error) {
		released, err := q.ReleaseHold(ctx, dbsqlc.ReleaseHoldParams{ID: id, ReleasedBy: by})
		if errors.Is(err, pgx.ErrNoRows) {
			return q.Hold(ctx, id)
		}
		return dbsqlc.HoldRow(released), err
	})
	if err != nil {
		return domain.Hold{}, err
	}
	return holdOf(row), nil
}

// Bypassed lists what programs other than Lethe have deleted, or will delete, despite
// holds.
type Bypassed struct {
	// Gone are responses that a hold names, that existed, and that Lethe has not
	// erased; those of the oldest holds first, at most MaxGone.
	Gone []GoneResponse
	// Waiting counts purges of deleted users that will remove held data, Failed those
	// that have given up; of very many, only some are counted.
	Waiting, Failed int64
}

// GoneResponse is a response with a hold that names it.
type GoneResponse struct{ Hold, Response uuid.UUID }

const (
	// MaxGone is the maximum number of responses in Bypassed.
	MaxGone = 1000

	maxSeenHolds  = 1000 // holds
	maxPurgesSeen = 1000
)

// See records which held responses exist, so that Bypassed can find those that are gone.
// Errors are those of MapError.
func (h *Holds) See(ctx context.Context) error {
	return h.db.Use(ctx, func(c postgres.Conn) error {
		q := dbsqlc.New(c)
		around, err := q.Surroundings(ctx)
		if err != nil {
			return err
		}
		if around.Routes {
			q = dbsqlc.New(postgres.Rewritten{DBTX: c, SQL: seeHeldBesideRetained})
		}
		return q.SeeHeld(ctx, maxSeenHolds)
	})
}

// Bypassed looks for deletions that ignored holds, or are about to. It misses responses
// that came and went between two calls of See, and those covered only by a hold on an
// owner or filter. It changes nothing. Errors are those of MapError.
func (h *Holds) Bypassed(ctx context.Context) (found Bypassed, err error) {
	err = h.db.Use(ctx, func(c postgres.Conn) error {
		found = Bypassed{}
		q := dbsqlc.New(c)
		around, err := q.Surroundings(ctx)
		if err != nil {
			return err
		}
		of := q
		if around.Routes {
			of = dbsqlc.New(postgres.Rewritten{DBTX: c, SQL: heldGoneBesideRetained})
		}
		gone, err := of.HeldGone(ctx, dbsqlc.HeldGoneParams{Max: MaxGone, MaxHolds: maxSeenHolds})
		found.Gone = make([]GoneResponse, len(gone))
		for i, row := range gone {
			found.Gone[i] = GoneResponse{row.HoldID, row.RequestID}
		}
		if err != nil || !around.Tasks {
			return err
		}
		if of = q; around.Retained {
			of = dbsqlc.New(postgres.Rewritten{DBTX: c, SQL: heldPurgesOfBoth})
		}
		purges, err := of.HeldPurges(ctx, maxPurgesSeen)
		found.Waiting, found.Failed = purges.Waiting, purges.Failed
		return err
	})
	return found, err
}

// seeHeldBesideRetained is SeeHeld for when finished responses move to another table.
var seeHeldBesideRetained = strings.NewReplacer(
	"-- name: SeeHeld ", "-- name: SeeHeldBesideRetained ",
	"batch_id IS NULL AND created_by IS NOT NULL LIMIT 1", `batch_id IS NULL AND created_by IS NOT NULL
        UNION ALL SELECT true FROM retained_response_request_routes m WHERE m.request_id = held.id LIMIT 1`,
).Replace(dbsqlc.SeeHeld)

// heldGoneBesideRetained is HeldGone for when finished responses move to another table,
// which only some versions of dwctl have.
var heldGoneBesideRetained = strings.NewReplacer(
	"-- name: HeldGone ", "-- name: HeldGoneBesideRetained ",
	"WHERE r.there IS NULL", "WHERE r.there IS NULL AND NOT EXISTS (SELECT FROM retained_response_request_routes m WHERE m.request_id = held.id)",
).Replace(dbsqlc.HeldGone)

func holdOf(row dbsqlc.HoldRow) domain.Hold {
	h := domain.Hold{
		ID: row.ID, HoldTarget: domain.HoldTarget{Responses: row.Responses, Owners: row.Owners},
		Reason: row.Reason, CreatedAt: row.CreatedAt, CreatedBy: row.CreatedBy, ExpiresAt: row.ExpiresAt,
		ReleasedAt: row.ReleasedAt, ReleasedBy: row.ReleasedBy, Active: row.Active,
	}
	if row.Responses == nil && row.Owners == nil {
		h.Filter = &domain.HoldFilter{
			States: row.States, Models: row.Models, Tiers: row.Tiers,
			CreatedAfter: row.CreatedAfter, CreatedBefore: row.CreatedBefore,
		}
	}
	return h
}

// queueHolds looks for the holds on any of these requests, which must be locked.
func (e *eraser) queueHolds(b *pgx.Batch, requests []uuid.UUID, holds *[]domain.Hold) {
	query := dbsqlc.HoldsOn
	if e.Retained {
		query = holdsOnBoth
	}
	p := dbsqlc.HoldsOnParams{RequestIds: requests, Max: domain.MaxHoldsFound}
	queueRewritten(b, query, (*dbsqlc.Queries).HoldsOn, p, func(on []dbsqlc.HoldsOnRow) error {
		*holds = holdsOf(on)
		return nil
	})
}

func holdsOf[R dbsqlc.HoldsRow | dbsqlc.HoldsOnRow | dbsqlc.HoldsOnGoneRow](rows []R) []domain.Hold {
	holds := make([]domain.Hold, len(rows))
	for i, row := range rows {
		holds[i] = holdOf(dbsqlc.HoldRow(row))
	}
	return holds
}

// holdsOnEach maps requests to their holds, the oldest first, at most
// domain.MaxHoldsFound for each.
type holdsOnEach map[uuid.UUID][]uuid.UUID

func (h holdsOnEach) add(id uuid.UUID, on []domain.Hold) {
	for _, hold := range on {
		if !slices.Contains(h[id], hold.ID) {
			h[id] = append(h[id], hold.ID)
		}
	}
}

// queue looks for the holds, if retained is set also on retained responses. The
// requests must be locked.
func (h holdsOnEach) queue(b *pgx.Batch, requests []uuid.UUID, retained bool) {
	query := dbsqlc.HoldsOnEach
	if retained {
		query = holdsOnEachBoth
	}
	p := dbsqlc.HoldsOnEachParams{RequestIds: requests, Max: domain.MaxHoldsFound}
	queueRewritten(b, query, (*dbsqlc.Queries).HoldsOnEach, p, func(rows []dbsqlc.HoldsOnEachRow) error {
		clear(h)
		for _, row := range rows {
			h[row.RequestID] = append(h[row.RequestID], row.HoldID)
		}
		return nil
	})
}
