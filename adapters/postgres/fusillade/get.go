package fusillade

import (
	"cmp"
	"context"
	"errors"
	"math"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// getWithLedger is GetWithUsage with the ledger's cost if there is no other. It uses a
// column that older versions of dwctl do not have.
var getWithLedger = strings.NewReplacer(
	"-- name: GetWithUsage ", "-- name: GetWithLedger ",
	"a.total_cost::text AS", "coalesce(a.total_cost::text, "+postgres.LedgerCost("r.id")+") AS",
).Replace(dbsqlc.GetWithUsage)

// GetSummary makes as many round trips as Get.
func (r *Responses) GetSummary(ctx context.Context, id uuid.UUID, owners []string) (domain.Response, error) {
	response, _, err := r.Get(ctx, id, owners, noContents, nil)
	return response, err
}

const noContents = -1

// Get makes one round trip, and one more to the primary after a replica's answer or if a
// response to be recorded, or its prompt, has been moved.
func (r *Responses) Get(ctx context.Context, id uuid.UUID, owners []string, limit int64, record *domain.Recording) (domain.Response, domain.Contents, error) {
	q := dbsqlc.GetParams{Max: limit, ID: id, Owners: owners}
	var access *dbsqlc.RecordParams
	if record != nil {
		access = &dbsqlc.RecordParams{
			AccessID: record.ID, AccessedAt: record.At, AccessedBy: record.By, Address: record.Address,
			ID: id, Owners: owners, Exempt: record.Exempt, Max: limit, Elsewhere: !r.arsenal(),
		}
	}
	var f fetched
	fromReplica, err := r.source().ReadReplica(ctx, func(c postgres.Conn) error { return r.fetch(ctx, c, q, nil, &f) })
	if !fromReplica {
		err = r.src.Primary.Use(ctx, func(c postgres.Conn) error { return r.fetch(ctx, c, q, access, &f) })
	}
	if f.bytes > limit || f.recorded > 0 || !record.Covers(f.row.Owner) {
		access = nil // none is needed, or no other
	}
	if err == nil && (fromReplica || access != nil) {
		err = r.src.Primary.Use(ctx, func(c postgres.Conn) error { return r.confirm(ctx, c, id, access, fromReplica, &f) })
	}
	switch {
	case err != nil && f.unrecorded && ctx.Err() == nil:
		return domain.Response{}, domain.Contents{}, domain.ErrNotRecorded(err)
	case err != nil:
		return domain.Response{}, domain.Contents{}, err
	}
	found := r.found(&f, limit)
	return found.Response, found.Contents, nil
}

// found is what was asked for with a limit.
func (r *Responses) found(f *fetched, limit int64) domain.ResponseContents {
	if f.bytes > limit {
		f.contents = domain.Contents{Left: f.bytes}
	}
	if f.withheld {
		f.contents.Prompt, f.revision = "", f.revision+" withheld" // unlike the replica's version
	}
	response := response(f.row, f.revision)
	if r.usage {
		f.usage.Cost = (*domain.Decimal)(f.cost)
		response.KnownUsage = &f.usage
	}
	return domain.ResponseContents{Response: response, Contents: f.contents}
}

// fetched is what is known of one response.
type fetched struct {
	row        dbsqlc.PageRow
	revision   string
	bytes      int64 // of the contents, even if they were not read
	contents   domain.Contents
	usage      domain.Usage
	cost       *string
	elsewhere  bool  // the prompt has been moved, or is missing
	withheld   bool  // the primary withholds the prompt
	recorded   int64 // records of this access
	unrecorded bool  // the error concerns the record
}

// fetch reads a response, and records the access unless the response or its prompt has
// been moved.
func (r *Responses) fetch(ctx context.Context, c postgres.Conn, q dbsqlc.GetParams, access *dbsqlc.RecordParams, f *fetched) error {
	*f = fetched{}
	args, columns := []any{q.Max, q.ID, q.Owners}, f.columns()
	err := postgres.WithLedger(r.ledgerOfOne(), func(ledger bool) (err error) {
		query := r.getting(ledger)
		if access == nil {
			err = forgetful{c}.QueryRow(ctx, query, args...).Scan(columns...)
		} else {
			var b pgx.Batch
			f.queueRecord(&b, *access)
			err = f.send(ctx, c, &b, query, args, columns)
		}
		if errors.Is(err, pgx.ErrNoRows) && r.retained() {
			err = forgetful{c}.QueryRow(ctx, getRetained(query), args...).Scan(columns...)
		}
		return err
	})
	if err == nil && f.elsewhere && r.arsenal() {
		p := dbsqlc.PromptElsewhereParams{RequestID: q.ID, Max: max(q.Max-f.bytes, noContents)}
		found, err := dbsqlc.New(forgetful{c}).PromptElsewhere(ctx, p)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // it was deleted meanwhile
		}
		f.revision, f.bytes, f.contents.Prompt = f.revision+" "+found.Revision, f.bytes+found.Bytes, found.Prompt
		return err
	}
	return err
}

// columns are where the columns of a query for one response go.
func (f *fetched) columns() []any {
	row, u := &f.row, &f.usage
	return []any{
		&row.ID, &row.Owner, &row.Model, &row.State, &row.ServiceTier,
		&row.CreatedAt, &row.StartedAt, &row.CompletedAt, &row.FailedAt, &row.ResponseStatus,
		&row.HasError, &f.revision, &f.bytes, &f.contents.Answer, &f.contents.Error, &f.contents.Prompt,
		&u.PromptTokens, &u.CompletionTokens, &u.ReasoningTokens, &u.TotalTokens, &f.cost, &f.elsewhere,
	}
}

// ledgerOfOne reports whether queries for one response may use the ledger; nil: never.
func (r *Responses) ledgerOfOne() func() bool {
	if !r.usage {
		return nil
	}
	return r.ledger
}

// getting returns the query for one response.
func (r *Responses) getting(ledger bool) string {
	switch {
	case ledger:
		return getWithLedger
	case r.usage:
		return dbsqlc.GetWithUsage
	}
	return dbsqlc.Get
}

// GetAll makes one round trip, and one more for each response that is missing if it, or
// its prompt, may have been moved. It never asks a replica.
func (r *Responses) GetAll(ctx context.Context, ids []uuid.UUID, owners []string, limit int64) (map[uuid.UUID]domain.ResponseContents, error) {
	all := make(map[uuid.UUID]domain.ResponseContents, len(ids))
	var moved []uuid.UUID
	err := r.src.Primary.Use(ctx, func(c postgres.Conn) error {
		return postgres.WithLedger(r.ledgerOfOne(), func(ledger bool) error {
			clear(all)
			moved = nil
			var b pgx.Batch
			query := r.getting(ledger)
			for _, id := range ids {
				b.Queue(query, limit, id, owners).Query(func(rows pgx.Rows) error {
					var f fetched
					err := forgottenRow{rows, nil}.Scan(f.columns()...)
					switch {
					case errors.Is(err, pgx.ErrNoRows) && !r.retained():
					case errors.Is(err, pgx.ErrNoRows), err == nil && f.elsewhere && r.arsenal():
						moved = append(moved, id)
					case err != nil:
						return err
					default:
						all[id] = r.found(&f, limit)
					}
					return nil
				})
			}
			return c.SendBatch(ctx, &b).Close()
		})
	})
	if err != nil {
		return nil, err
	}
	for _, id := range moved {
		response, contents, err := r.Get(ctx, id, owners, limit, nil)
		switch {
		case err == nil:
			all[id] = domain.ResponseContents{Response: response, Contents: contents}
		case domain.CodeOf(err) != domain.CodeNotFound:
			return nil, err
		}
	}
	return all, nil
}

// confirm records an access that fetch has not recorded, on the primary. After a
// replica's answer, it also decides if the response still exists and if its prompt may be
// shown.
func (r *Responses) confirm(ctx context.Context, c postgres.Conn, id uuid.UUID, access *dbsqlc.RecordParams, fromReplica bool, f *fetched) error {
	if access == nil {
		prompt, err := dbsqlc.New(c).MayBeShown(ctx, id)
		f.withheld = !prompt
		return err
	}
	var b pgx.Batch
	whatever := *access
	whatever.Max, whatever.Elsewhere = math.MaxInt64, true
	f.queueRecord(&b, whatever)
	if r.retained() {
		queue(&b, (*dbsqlc.Queries).RecordOfRetained, dbsqlc.RecordOfRetainedParams{
			AccessID: access.AccessID, AccessedAt: access.AccessedAt, AccessedBy: access.AccessedBy, Owner: f.row.Owner, Address: access.Address, ID: id,
		}, adding(&f.recorded))
	}
	prompt, query := true, ""
	if fromReplica {
		query = dbsqlc.MayBeShown
	}
	err := f.send(ctx, c, &b, query, []any{id}, []any{&prompt})
	f.withheld = !prompt
	if err == nil && f.recorded == 0 {
		return pgx.ErrNoRows // it was erased meanwhile
	}
	return err
}

// queueRecord records an access. It comes first in its transaction: then what is read
// after it cannot be erased before the record is there.
func (f *fetched) queueRecord(b *pgx.Batch, access dbsqlc.RecordParams) {
	f.recorded, f.unrecorded = 0, true
	queueFixed(b, (*dbsqlc.Queries).Durably)
	queue(b, (*dbsqlc.Queries).Record, access, func(n int64) { f.recorded, f.unrecorded = n, false })
}

// send sends a batch that records an access, and then a query for one row, if any.
// Nothing is recorded if the query fails, and nothing read if the record does.
func (f *fetched) send(ctx context.Context, c postgres.Conn, b *pgx.Batch, query string, args, to []any) error {
	var none error
	if query != "" {
		b.Queue(query, args...).Query(func(rows pgx.Rows) error {
			err := forgottenRow{rows, nil}.Scan(to...)
			if errors.Is(err, pgx.ErrNoRows) {
				err, none = nil, err
			}
			f.unrecorded = err == nil || f.row.ID != uuid.Nil // after a row only the commit can fail
			return err
		})
	}
	err := c.SendBatch(ctx, b).Close()
	early, ok := errors.AsType[pgx.ErrPreprocessingBatch](err)
	f.unrecorded = err != nil && (f.unrecorded || query == "") && !(ok && early.SQL() == query)
	return cmp.Or(err, none)
}

// forgetful is a connection for rows with large contents. Such a row is in memory
// twice, as received and as scanned, and this lets the first be collected early.
type forgetful struct{ postgres.Conn }

func (c forgetful) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := c.Query(ctx, sql, args...)
	return forgottenRow{rows, err}
}

type forgottenRow struct {
	rows pgx.Rows
	err  error
}

func (r forgottenRow) Scan(to ...any) error {
	if r.err != nil {
		return r.err
	}
	_, err := pgx.CollectOneRow(r.rows, func(row pgx.CollectableRow) (struct{}, error) {
		err := row.Scan(to...)
		clear(row.RawValues()) // the connection points at them until another row has as many columns
		return struct{}{}, err
	})
	return err
}
