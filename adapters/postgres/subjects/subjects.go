// Package subjects keeps in Postgres what people ask about their own data.
//
// [SubjectRequests] implements domain.SubjectRequests on lethe.subject_requests.
package subjects

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/subjects/internal/dbsqlc"
	"lethe/domain"
)

type SubjectRequests struct {
	db *postgres.DB
}

var _ domain.SubjectRequests = (*SubjectRequests)(nil)

// New makes the port on the primary of the database with schema lethe.
func New(db *postgres.DB) (*SubjectRequests, error) {
	if db == nil {
		return nil, errors.New("subject requests need a database")
	}
	return &SubjectRequests{db}, nil
}

// Create makes one round trip.
func (s *SubjectRequests) Create(ctx context.Context, r domain.SubjectRequest) (domain.SubjectRequest, error) {
	return s.one(ctx, func(q *dbsqlc.Queries) (dbsqlc.LetheSubjectRequest, error) {
		return q.CreateSubjectRequest(ctx, dbsqlc.CreateSubjectRequestParams{
			ID: r.ID, Kind: string(r.Kind), Owner: *r.Owner, Ticket: r.Ticket, State: string(r.State),
			ReceivedAt: r.ReceivedAt, DueAt: r.DueAt, CreatedAt: r.CreatedAt, CreatedBy: *r.CreatedBy,
		})
	})
}

// Get makes one round trip.
func (s *SubjectRequests) Get(ctx context.Context, id uuid.UUID) (domain.SubjectRequest, error) {
	return s.one(ctx, func(q *dbsqlc.Queries) (dbsqlc.LetheSubjectRequest, error) { return q.SubjectRequest(ctx, id) })
}

func (s *SubjectRequests) one(ctx context.Context, ask func(*dbsqlc.Queries) (dbsqlc.LetheSubjectRequest, error)) (found domain.SubjectRequest, err error) {
	err = s.db.Use(ctx, func(c postgres.Conn) error {
		row, err := ask(dbsqlc.New(c))
		found = requestOf(row)
		return err
	})
	if err != nil {
		return domain.SubjectRequest{}, err
	}
	return found, nil
}

// Page makes one round trip.
func (s *SubjectRequests) Page(ctx context.Context, q domain.SubjectRequestQuery) (page []domain.SubjectRequest, err error) {
	p := dbsqlc.SubjectRequestsParams{Open: q.Open, OfOwner: q.Owner, PageSize: q.Limit}
	if q.After != nil {
		p.AfterCreatedAt, p.AfterID = &q.After.CreatedAt, &q.After.ID
	}
	err = s.db.Use(ctx, func(c postgres.Conn) error {
		rows, err := dbsqlc.New(c).SubjectRequests(ctx, p)
		page = make([]domain.SubjectRequest, len(rows))
		for i, row := range rows {
			page[i] = requestOf(row)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Change makes four round trips.
func (s *SubjectRequests) Change(ctx context.Context, id uuid.UUID, change func(domain.SubjectRequest, domain.SubjectWork) (domain.SubjectRequest, error)) (changed domain.SubjectRequest, err error) {
	var refused error
	err = s.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		row, err := q.LockSubjectRequest(ctx, id)
		if err != nil {
			return err
		}
		begun, err := q.WorkForSubject(ctx, id)
		if err != nil {
			return err
		}
		work := domain.SubjectWork{FileMade: begun.FileMade, Erasures: make([]domain.ErasureState, len(begun.Erasures))}
		for i, state := range begun.Erasures {
			work.Erasures[i] = domain.ErasureState(state)
		}
		var r domain.SubjectRequest
		if r, refused = change(requestOf(row), work); refused != nil {
			return nil
		}
		row, err = q.ChangeSubjectRequest(ctx, dbsqlc.ChangeSubjectRequestParams{
			ID: id, State: string(r.State), DueAt: r.DueAt,
			IdentityCheckedAt: r.IdentityCheckedAt, IdentityCheckedBy: r.IdentityCheckedBy,
			ExtendedAt: r.ExtendedAt, ExtendedBy: r.ExtendedBy, Extension: unlessEmpty(r.Extension),
			EndedAt: r.EndedAt, EndedBy: r.EndedBy, Refusal: unlessEmpty(r.Refusal),
		})
		changed = requestOf(row)
		return err
	})
	if err = errors.Join(refused, err); err != nil {
		return domain.SubjectRequest{}, err
	}
	return changed, nil
}

// Forget makes one round trip.
func (s *SubjectRequests) Forget(ctx context.Context, before time.Time) (forgotten int64, err error) {
	err = s.db.Use(ctx, func(c postgres.Conn) (err error) {
		forgotten, err = dbsqlc.New(c).ForgetSubjects(ctx, before)
		return err
	})
	return forgotten, err
}

// Waiting makes one round trip.
func (s *SubjectRequests) Waiting(ctx context.Context, now time.Time) (w domain.SubjectRequestStatus, err error) {
	err = s.db.Use(ctx, func(c postgres.Conn) error {
		row, err := dbsqlc.New(c).OpenSubjectRequests(ctx, now)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		w = domain.SubjectRequestStatus{Open: row.Open, Overdue: row.Overdue, NextDue: &row.NextDueAt}
		return err
	})
	if err != nil {
		return domain.SubjectRequestStatus{}, err
	}
	return w, nil
}

func requestOf(row dbsqlc.LetheSubjectRequest) domain.SubjectRequest {
	r := domain.SubjectRequest{
		ID: row.ID, Kind: domain.SubjectRequestKind(row.Kind), Owner: row.Owner, Ticket: row.Ticket,
		State: domain.SubjectRequestState(row.State), ReceivedAt: row.ReceivedAt, DueAt: row.DueAt,
		CreatedAt: row.CreatedAt, CreatedBy: row.CreatedBy,
		IdentityCheckedAt: row.IdentityCheckedAt, IdentityCheckedBy: row.IdentityCheckedBy,
		ExtendedAt: row.ExtendedAt, ExtendedBy: row.ExtendedBy, EndedAt: row.EndedAt, EndedBy: row.EndedBy,
	}
	if row.Extension != nil {
		r.Extension = domain.ExtensionReason(*row.Extension)
	}
	if row.Refusal != nil {
		r.Refusal = domain.SubjectRefusalReason(*row.Refusal)
	}
	return r
}

func unlessEmpty[T ~string](word T) *string {
	if word == "" {
		return nil
	}
	return new(string(word))
}
