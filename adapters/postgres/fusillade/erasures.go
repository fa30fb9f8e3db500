package fusillade

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Erasures are kept in schema lethe beside fusillade's tables.
type Erasures struct {
	db     *postgres.DB
	outlet string
	issuer Issuer
	reach
	main *postgres.DB // with data kept by person; nil: the same database

	estimateMax int // requests that an estimate looks at
	// careful holds erasures that met a refusal lately, with the number of responses in
	// their next parts.
	careful *lru.Cache[uuid.UUID, int]
}

var _ domain.Erasures = (*Erasures)(nil)

// NewErasures makes the port on the primary of fusillade's database; the other
// parameters are those of New.
func NewErasures(db *postgres.DB, outletSchema string, issuer Issuer) (*Erasures, error) {
	if db == nil {
		return nil, errors.New("erasures need a database")
	}
	if outletSchema == "" {
		return nil, errors.New("the name of the outlet's schema is missing")
	}
	if err := issuer.check(); err != nil {
		return nil, err
	}
	careful, err := lru.New[uuid.UUID, int](carefulOf)
	if err != nil {
		return nil, err
	}
	return &Erasures{db: db, outlet: outletSchema, issuer: issuer, estimateMax: estimateMax, careful: careful}, nil
}

const carefulOf = 1000

func (e *Erasures) finisher() finisher { return finisher{e.db, e.outlet, e.issuer, e.reach} }

func (e *Erasures) now() time.Time { return e.issuer.now() }

// SavePreview makes two round trips.
func (e *Erasures) SavePreview(ctx context.Context, p domain.Preview) error {
	return e.db.Tx(ctx, func(tx *postgres.Tx) error {
		if err := dbsqlc.New(tx).SavePreview(ctx, dbsqlc.SavePreviewParams{
			TokenSum: p.TokenSum[:], RequestedBy: p.RequestedBy, Target: p.Target[:], AsOf: p.AsOf, ExpiresAt: p.ExpiresAt,
			Responses: p.Responses, Requests: p.Requests, Steps: p.Steps, Templates: p.Templates,
			RawRequests: p.RawRequests, RawResponses: p.RawResponses, Tasks: p.Tasks,
			Held: p.Held, NotFound: p.NotFound, Partial: p.Partial, Sum: p.Sum[:],
			Files: p.Files, KeptTemplates: p.KeptTemplates, Retained: p.Retained,
		}); err != nil {
			return err
		}
		var b pgx.Batch
		part := int32(0)
		for ids := range slices.Chunk(p.Counted, previewedPart) {
			queueExec(&b, (*dbsqlc.Queries).SavePreviewPart, dbsqlc.SavePreviewPartParams{TokenSum: p.TokenSum[:], Part: part, RequestIds: ids})
			part++
		}
		queueExec(&b, (*dbsqlc.Queries).DropPreviews, dbsqlc.DropPreviewsParams{RequestedBy: p.RequestedBy, Keep: domain.MaxPreviews})
		return tx.CommitWith(ctx, &b)
	})
}

// previewedPart is how many requests are in each part of a preview.
const previewedPart = 1000

// Preview makes one round trip.
func (e *Erasures) Preview(ctx context.Context, tokenSum [sha256.Size]byte) (domain.Preview, error) {
	row, err := read(ctx, e.db, func(q *dbsqlc.Queries) (dbsqlc.LethePreview, error) { return q.Preview(ctx, tokenSum[:]) })
	if err != nil {
		return domain.Preview{}, err
	}
	p := domain.Preview{
		RequestedBy: row.RequestedBy, AsOf: row.AsOf, ExpiresAt: row.ExpiresAt,
		Estimate: domain.Estimate{
			Responses: row.Responses, Requests: row.Requests, Steps: row.Steps, Templates: row.Templates,
			RawRequests: row.RawRequests, RawResponses: row.RawResponses, Tasks: row.Tasks,
			Files: row.Files, KeptTemplates: row.KeptTemplates, Retained: row.Retained,
			Held: row.Held, NotFound: row.NotFound, Partial: row.Partial,
		},
	}
	copy(p.TokenSum[:], row.TokenSum)
	copy(p.Target[:], row.Target)
	copy(p.Sum[:], row.Sum)
	return p, nil
}

// Create makes two round trips, and another if the key has been used before, for a subject
// request, and for an owner: the files of theirs expire at once.
func (e *Erasures) Create(ctx context.Context, wanted domain.Erasure) (stored domain.Erasure, created bool, err error) {
	p, err := createParams(wanted)
	if err != nil {
		return domain.Erasure{}, false, err
	}
	err = e.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		if err := q.Durably(ctx); err != nil {
			return err
		}
		rows, err := q.CreateErasure(ctx, p)
		if err != nil {
			return err
		}
		if created = len(rows) > 0; !created {
			before, err := q.ErasureByKey(ctx, dbsqlc.ErasureByKeyParams{RequestedBy: *wanted.RequestedBy, IdempotencyKey: wanted.IdempotencyKey})
			if err != nil {
				return err
			}
			rows = append(rows, before)
		}
		if stored, err = erasureOf(rows[0]); err != nil || !created {
			return err
		}
		if err := postgres.KeepSubjectRequestOpen(ctx, tx, wanted.SubjectRequest); err != nil || wanted.Target.Owner == nil {
			return err
		}
		return postgres.ExpirePersonFiles(ctx, tx, []string{wanted.Target.Owner.String()}, false)
	})
	if err != nil {
		return domain.Erasure{}, false, err
	}
	return stored, created, nil
}

// Get makes one round trip.
func (e *Erasures) Get(ctx context.Context, id uuid.UUID) (domain.Erasure, error) {
	return e.one(ctx, func(q *dbsqlc.Queries) (dbsqlc.LetheErasure, error) { return q.Erasure(ctx, id) })
}

// ByKey makes one round trip.
func (e *Erasures) ByKey(ctx context.Context, by uuid.UUID, key string) (domain.Erasure, error) {
	return e.one(ctx, func(q *dbsqlc.Queries) (dbsqlc.LetheErasure, error) {
		return q.ErasureByKey(ctx, dbsqlc.ErasureByKeyParams{RequestedBy: by, IdempotencyKey: key})
	})
}

func (e *Erasures) one(ctx context.Context, read func(*dbsqlc.Queries) (dbsqlc.LetheErasure, error)) (found domain.Erasure, err error) {
	err = e.db.Use(ctx, func(c postgres.Conn) error {
		row, err := read(dbsqlc.New(c))
		if err != nil {
			return err
		}
		found, err = erasureOf(row)
		return err
	})
	return found, err
}

// Page makes one round trip.
func (e *Erasures) Page(ctx context.Context, q domain.ErasureQuery) (page []domain.Erasure, err error) {
	p := dbsqlc.ErasuresParams{OfTrigger: (*string)(q.Trigger), PageSize: q.Limit}
	if q.States != nil {
		p.States = make([]string, len(q.States))
		for i, state := range q.States {
			p.States[i] = string(state)
		}
	}
	if q.After != nil {
		p.AfterRequestedAt, p.AfterID = &q.After.CreatedAt, &q.After.ID
	}
	err = e.db.Use(ctx, func(c postgres.Conn) error {
		read := dbsqlc.New(c)
		var rows []dbsqlc.LetheErasure
		var err error
		if q.RequestedBy != nil {
			rows, err = read.ErasuresOf(ctx, dbsqlc.ErasuresOfParams{
				RequestedBy: *q.RequestedBy, States: p.States, OfTrigger: p.OfTrigger,
				AfterRequestedAt: p.AfterRequestedAt, AfterID: p.AfterID, PageSize: p.PageSize,
			})
		} else {
			rows, err = read.Erasures(ctx, p)
		}
		if err != nil {
			return err
		}
		page = make([]domain.Erasure, len(rows))
		for i, row := range rows {
			if page[i], err = erasureOf(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// ForSubject makes one round trip.
func (e *Erasures) ForSubject(ctx context.Context, subjectRequest uuid.UUID, limit int64) (found []domain.Erasure, err error) {
	err = e.db.Use(ctx, func(c postgres.Conn) error {
		rows, err := dbsqlc.New(c).ErasuresForSubject(ctx, dbsqlc.ErasuresForSubjectParams{SubjectRequest: subjectRequest, Max: limit})
		if err != nil {
			return err
		}
		found = make([]domain.Erasure, len(rows))
		for i, row := range rows {
			if found[i], err = erasureOf(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Receipts makes one round trip.
func (e *Erasures) Receipts(ctx context.Context, q domain.ErasureReceiptQuery) ([]domain.ErasureReceipt, error) {
	p := dbsqlc.ErasureReceiptsParams{ErasureID: q.Erasure, PageSize: q.Limit}
	if q.After != nil {
		p.AfterAt, p.AfterID = &q.After.CreatedAt, &q.After.ID
	}
	rows, err := read(ctx, e.db, func(q *dbsqlc.Queries) ([]dbsqlc.ErasureReceiptsRow, error) { return q.ErasureReceipts(ctx, p) })
	if err != nil {
		return nil, err
	}
	page := make([]domain.ErasureReceipt, len(rows))
	for i, row := range rows {
		page[i] = domain.ErasureReceipt{ID: row.ReceiptID, At: row.At, Responses: row.Responses}
	}
	return page, nil
}

// Cancel makes three round trips, and waits for a running call of Advance. It finishes
// the parts that have begun.
func (e *Erasures) Cancel(ctx context.Context, id uuid.UUID) (canceled domain.Erasure, err error) {
	err = e.finisher().begin(ctx, func(tx *postgres.Tx, _ *pgx.Batch) (err error) {
		if canceled, err = e.cancel(ctx, tx, id); err != nil {
			return err
		}
		return e.checkBegun(ctx, tx, id)
	})
	if err != nil {
		return domain.Erasure{}, err
	}
	return canceled, nil
}

// checkBegun fails with ahead if parts of an erasure have to be finished.
func (e *Erasures) checkBegun(ctx context.Context, tx *postgres.Tx, id uuid.UUID) error {
	if e.copies == nil {
		return nil
	}
	ids, err := dbsqlc.New(tx).IntentsOf(ctx, id)
	if err == nil && len(ids) > 0 {
		err = &ahead{ids}
	}
	return err
}

func (e *Erasures) cancel(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (domain.Erasure, error) {
	q := dbsqlc.New(tx)
	if err := q.Durably(ctx); err != nil {
		return domain.Erasure{}, err
	}
	rows, err := q.CancelErasure(ctx, dbsqlc.CancelErasureParams{ID: id, At: e.now()})
	switch {
	case err != nil:
		return domain.Erasure{}, err
	case len(rows) == 0:
		return domain.Erasure{}, pgx.ErrNoRows
	}
	return erasureOf(rows[0])
}

// Decide makes four round trips.
func (e *Erasures) Decide(ctx context.Context, id uuid.UUID, decide func(domain.Erasure) (domain.Erasure, error)) (decided domain.Erasure, err error) {
	err = e.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		if err := q.Durably(ctx); err != nil {
			return err
		}
		row, err := q.LockErasure(ctx, id)
		if err != nil {
			return err
		}
		before, err := erasureOf(row.LetheErasure)
		if err != nil {
			return err
		}
		if decided, err = decide(before); err != nil {
			return err
		}
		p := dbsqlc.DecideErasureParams{ID: id, State: string(decided.State), FinishedAt: decided.FinishedAt, LastError: decided.LastError}
		if a := decided.Approval; a != nil {
			p.DecidedAt, p.DecidedBy = a.DecidedAt, a.DecidedBy
			if a.Reason != "" {
				p.Refusal = (*string)(&a.Reason)
			}
		}
		return q.DecideErasure(ctx, p)
	})
	if err != nil {
		return domain.Erasure{}, err
	}
	return decided, nil
}

// Unapproved makes one round trip.
func (e *Erasures) Unapproved(ctx context.Context, before time.Time, limit int64) ([]uuid.UUID, error) {
	return read(ctx, e.db, func(q *dbsqlc.Queries) ([]uuid.UUID, error) {
		return q.UnapprovedErasures(ctx, dbsqlc.UnapprovedErasuresParams{Before: before, Max: limit})
	})
}

// Note makes one round trip.
func (e *Erasures) Note(ctx context.Context, id uuid.UUID, lastError string, failed bool) error {
	return e.db.Use(ctx, func(c postgres.Conn) error {
		n, err := dbsqlc.New(c).RecordError(ctx, dbsqlc.RecordErrorParams{ID: id, LastError: lastError, Failed: failed, At: e.now()})
		if err == nil && n == 0 {
			err = pgx.ErrNoRows
		}
		return err
	})
}

// Due makes one round trip.
func (e *Erasures) Due(ctx context.Context, limit int) ([]uuid.UUID, error) {
	return read(ctx, e.db, func(q *dbsqlc.Queries) ([]uuid.UUID, error) {
		return q.DueErasures(ctx, dbsqlc.DueErasuresParams{Max: int64(limit), By: e.now()})
	})
}

// Forget makes three round trips.
func (e *Erasures) Forget(ctx context.Context, before time.Time) error {
	return e.db.Use(ctx, func(c postgres.Conn) error {
		q := dbsqlc.New(c)
		return errors.Join(q.RedactErasures(ctx, before), q.RemovePreviews(ctx, before), q.RemovePreviewed(ctx))
	})
}

// Tally is the number of erasures of one state and trigger.
type Tally struct {
	State   domain.ErasureState
	Trigger domain.Trigger
	Count   int64
	Oldest  time.Time // when the oldest of them was requested
}

// Tally counts the erasures whose details are still kept: unfinished and recent ones.
// It makes one round trip. Errors are those of MapError.
func (e *Erasures) Tally(ctx context.Context) ([]Tally, error) {
	rows, err := read(ctx, e.db, func(q *dbsqlc.Queries) ([]dbsqlc.TallyErasuresRow, error) { return q.TallyErasures(ctx) })
	tally := make([]Tally, len(rows))
	for i, r := range rows {
		tally[i] = Tally{domain.ErasureState(r.State), domain.Trigger(r.Trigger), r.Erasures, r.Oldest}
	}
	return tally, err
}
