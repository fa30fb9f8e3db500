// Package fusillade reads and erases responses where fusillade keeps them.
package fusillade

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Responses are the rows of fusillade's tables.
type Responses struct {
	src    postgres.Source
	outlet string
}

var _ domain.Responses = (*Responses)(nil)

// New makes the port. The search_path of the source's databases is fusillade's
// schema and then outletSchema, which holds the gateway's log, if any.
func New(src postgres.Source, outletSchema string) (*Responses, error) {
	if src.Primary == nil {
		return nil, errors.New("responses need a database")
	}
	if outletSchema == "" {
		return nil, errors.New("the name of the outlet's schema is missing")
	}
	return &Responses{src, outletSchema}, nil
}

// Page is domain.Responses'. It makes one round trip; where a replica answered,
// one more to the primary, and a third where rows have been erased meanwhile.
func (r *Responses) Page(ctx context.Context, filter domain.ResponseFilter, activeFirst bool, skip, limit int64) ([]domain.Response, error) {
	f, possible := narrow(filter)
	if !possible {
		return nil, ctx.Err()
	}
	var page []domain.Response
	read := func(c *pgxpool.Conn) (err error) {
		page, err = f.page(ctx, dbsqlc.New(c), activeFirst, skip, limit)
		return err
	}
	fromReplica, err := r.src.ReadAnywhere(ctx, read)
	if err == nil && fromReplica && len(page) > 0 {
		err = r.src.Primary.Use(ctx, func(c *pgxpool.Conn) error {
			ids := make([]uuid.UUID, len(page))
			for i, row := range page {
				ids[i] = row.ID
			}
			n, err := dbsqlc.New(c).StillThere(ctx, ids)
			if err == nil && n < int64(len(ids)) {
				// Leaving out what is gone would end the list too early.
				err = read(c)
			}
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Get is domain.Responses'. It makes one round trip, and one more to the primary
// where a replica answered.
func (r *Responses) Get(ctx context.Context, id uuid.UUID) (domain.Response, domain.Contents, error) {
	var row dbsqlc.GetRow
	fromReplica, err := r.src.ReadAnywhere(ctx, func(c *pgxpool.Conn) (err error) {
		row, err = dbsqlc.New(c).Get(ctx, id)
		return err
	})
	if err == nil && fromReplica {
		err = r.src.Primary.Use(ctx, func(c *pgxpool.Conn) error {
			prompt, err := dbsqlc.New(c).MayBeShown(ctx, id)
			if !prompt {
				row.Prompt = ""
			}
			return err
		})
	}
	if err != nil {
		return domain.Response{}, domain.Contents{}, err
	}
	return response(dbsqlc.PageRow{
		ID: row.ID, Owner: row.Owner, Model: row.Model, State: row.State, ServiceTier: row.ServiceTier,
		CreatedAt: row.CreatedAt, StartedAt: row.StartedAt, CompletedAt: row.CompletedAt,
		FailedAt: row.FailedAt, ResponseStatus: row.ResponseStatus,
	}), domain.Contents{Prompt: row.Prompt, Answer: row.ResponseBody, Error: row.Error}, nil
}

func response(row dbsqlc.PageRow) domain.Response {
	r := domain.Response{
		ID: row.ID, Owner: row.Owner, Model: row.Model, State: row.State, Tier: row.ServiceTier,
		CreatedAt: row.CreatedAt, StartedAt: row.StartedAt, CompletedAt: row.CompletedAt, FailedAt: row.FailedAt,
	}
	if row.ResponseStatus != nil {
		status := int(*row.ResponseStatus)
		r.HTTPStatus = &status
	}
	return r
}
