package fusillade

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// Where raw copies are in another database, an erasure takes three transactions: one
// locks, judges and records an intent; one in the other database removes the copies; and
// one removes the rest, writes the receipt and drops the intent. The third encloses the
// second, so that only one caller at a time finishes an intent. After the first, the
// erasure has begun, and any caller may finish it.

// finisher carries out erasures and finishes those that have begun.
type finisher struct {
	db     *postgres.DB
	outlet string
	issuer Issuer
	reach
}

var (
	errAhead = domain.Errorf(domain.CodeUnavailable, "Another erasure of the same responses is under way; try again later")

	errBegun = domain.Errorf(domain.CodeUnavailable, "The erasure has begun, but a database that it needs is unreachable; it is finished once that database is back, so try again then")
)

// ahead is the error of an erasure that has to wait until these intents are finished.
// Like errAhead, it rolls back.
type ahead struct{ intents []uuid.UUID }

func (*ahead) Error() string { return errAhead.Error() }
func (*ahead) Unwrap() error { return errAhead }

// roundsAhead bounds how often begin finishes other intents first: others may begin with
// a part of the same meanwhile.
const roundsAhead = 10

// begin calls fn in a transaction that ends with what fn queues. If fn fails with ahead,
// begin finishes those intents and calls fn again; likewise after errMoreTurns.
func (f finisher) begin(ctx context.Context, fn func(*postgres.Tx, *pgx.Batch) error) error {
	for range roundsAhead {
		err := f.db.Tx(ctx, func(tx *postgres.Tx) error {
			var b pgx.Batch
			if err := fn(tx, &b); err != nil {
				return err
			}
			return tx.CommitWith(ctx, &b)
		})
		if errors.Is(err, errMoreTurns) {
			continue
		}
		first, is := errors.AsType[*ahead](err)
		if !is {
			return err
		}
		for _, id := range first.intents {
			if _, _, err := f.finish(ctx, id, true); err != nil {
				return err
			}
		}
	}
	return errAhead
}

// intended is what an intent holds besides the contents of a receipt.
type intended struct {
	before    []dbsqlc.IntentsOnRow // the intents that it replaces
	erasure   *uuid.UUID            // the bulk erasure that it is a part of
	responses int64
}

// outcome is what carryOut has done.
type outcome struct {
	erased   domain.Erased
	receipts int64
	later    bool // only an intent was queued: complete it after the commit
}

// carryOut deletes the selection and queues the receipts. If copies are in another
// database, it queues an intent instead.
func (f finisher) carryOut(ctx context.Context, b *pgx.Batch, e *eraser, s selection, w domain.Authorization, with intended) (outcome, error) {
	if f.copies != nil {
		return outcome{later: true}, f.intend(ctx, b, e, s, w, with)
	}
	done, err := e.delete(ctx, s)
	if err == nil {
		err = s.checkGone(done.Erased)
	}
	if err != nil {
		return outcome{}, err
	}
	written, err := f.issuer.receipts(e.statement(s, done), w)
	if err != nil {
		return outcome{}, err
	}
	queueReceipts(b, written, with.erasure, f.issuer.now(), with.responses)
	return outcome{erased: done.Erased, receipts: int64(len(written))}, nil
}

// complete is finish for the caller that recorded the intent. It returns what was erased
// even if another caller finished it.
func (f finisher) complete(ctx context.Context, id uuid.UUID) (domain.Erased, error) {
	erased, done, err := f.finish(ctx, id, true)
	if err == nil && done {
		return f.written(ctx, id)
	}
	return erased, err
}

// finish carries out an intent, and returns what was erased; done reports that another
// caller has finished it. If another is finishing it, a patient call waits, and any other
// fails with errAhead. It locks in the order described in queries/fusillade/intents.sql.
func (f finisher) finish(ctx context.Context, id uuid.UUID, patient bool) (erased domain.Erased, done bool, err error) {
	var copied domain.Erased // copies gone, in every try
	if !patient {
		_, err := read(ctx, f.db, func(q *dbsqlc.Queries) (uuid.UUID, error) { return q.IntentFree(ctx, id) })
		if domain.CodeOf(err) == domain.CodeNotFound {
			err = errAhead
		}
		if err != nil {
			return domain.Erased{}, false, err
		}
	}
	err = f.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		erased, done = domain.Erased{}, false
		in, err := q.Intent(ctx, id)
		if err == nil && in.ErasureID != nil {
			_, err = q.LockErasure(ctx, *in.ErasureID) // first, as Advance does
		}
		e := eraser{tx: tx, reach: f.reach}
		var s selection
		if err == nil {
			s, err = e.lockIntended(ctx, f.outlet, in)
		}
		var written bool
		if err == nil {
			written, err = q.LockIntent(ctx, id)
		}
		if errors.Is(err, pgx.ErrNoRows) {
			done = true // by another
			return nil
		}
		if err != nil {
			return err
		}
		w := authorizationOf(in)
		if written {
			w.Receipt = uuid.New()
		}
		if in.InstanceIds != nil {
			erased, err = f.finishOrphans(ctx, &e, in, w)
		} else {
			erased, err = f.finishResponses(ctx, &e, s, in, w, &copied)
		}
		return err
	})
	if err != nil && domain.CodeOf(err) == domain.CodeUnavailable && !errors.Is(err, errAhead) {
		err = &domain.Error{Code: errBegun.Code, Message: errBegun.Message, Cause: err}
	}
	if err != nil {
		return domain.Erased{}, false, err
	}
	return erased, done, nil
}

// finishResponses carries out an intent about responses, and ends the transaction. It
// adds to copied the copies that are gone for good, even if it fails.
func (f finisher) finishResponses(ctx context.Context, e *eraser, s selection, in dbsqlc.LetheIntent, w domain.Authorization, copied *domain.Erased) (domain.Erased, error) {
	s, err := s.checkIntended(in)
	if err != nil {
		return domain.Erased{}, err
	}
	rawRequests, rawResponses, led, err := f.copies.remove(ctx, e.tx, s.requests, s.steps)
	if err != nil {
		return domain.Erased{}, err
	}
	e.ByHeader, e.ByStep = led.byHeader, led.byStep
	copied.Add(domain.Erased{RawRequests: rawRequests, RawResponses: rawResponses})
	done, err := e.delete(ctx, s)
	if err != nil {
		return domain.Erased{}, err
	}
	// An earlier attempt may have removed them and come no further.
	done.RawRequests, done.RawResponses = max(copied.RawRequests, in.RawRequests), max(copied.RawResponses, in.RawResponses)
	s.owners = in.Owners
	receipts, err := f.issuer.receipts(e.statement(s, done), w)
	if err != nil {
		return domain.Erased{}, err
	}
	var b pgx.Batch
	queueReceipts(&b, receipts, in.ErasureID, f.issuer.now(), in.Responses)
	queueExec(&b, (*dbsqlc.Queries).DropIntents, []uuid.UUID{in.ID})
	if in.ErasureID != nil {
		queueExec(&b, (*dbsqlc.Queries).RecordErased, dbsqlc.RecordErasedParams{
			ID: *in.ErasureID, Responses: in.Responses, Receipts: int64(len(receipts)),
			Requests: done.Requests, Steps: done.Steps, Templates: done.Templates,
			RawRequests: done.RawRequests, RawResponses: done.RawResponses, Tasks: done.Tasks,
			Files: done.Files, KeptTemplates: done.KeptTemplates, Retained: done.Retained,
		})
	}
	return done.Erased, e.tx.CommitWith(ctx, &b)
}

// written returns the counts of a receipt and its parts.
func (f finisher) written(ctx context.Context, id uuid.UUID) (erased domain.Erased, err error) {
	for ids := []uuid.UUID{id}; len(ids) > 0; ids = ids[1:] {
		body, err := read(ctx, f.db, func(q *dbsqlc.Queries) ([]byte, error) { return q.WrittenReceipt(ctx, ids[0]) })
		if err != nil {
			return domain.Erased{}, err
		}
		r, err := receipt.Parse(body)
		if err != nil {
			return domain.Erased{}, err
		}
		erased.Add(domain.Erased(r.Counts))
		ids = append(ids, r.Parts...)
	}
	return erased, nil
}

const (
	intentsAtOnce = 100 // intents that finishOpen reads at once
	errorsLogged  = 10  // errors that finishOpen joins
)

// finishOpen finishes the intents that others have left, unless another caller is
// finishing them. An intent that cannot be finished does not keep the rest from it.
func (f finisher) finishOpen(ctx context.Context) error {
	if f.copies == nil {
		return nil
	}
	var errs []error
	var after uuid.UUID
	for {
		ids, err := read(ctx, f.db, func(q *dbsqlc.Queries) ([]uuid.UUID, error) {
			return q.OpenIntents(ctx, dbsqlc.OpenIntentsParams{After: after, Max: intentsAtOnce})
		})
		if err != nil || len(ids) == 0 {
			return errors.Join(append(errs, err)...)
		}
		for _, id := range ids {
			_, _, failed := f.finish(ctx, id, false)
			if failed != nil && !errors.Is(failed, errAhead) && len(errs) < errorsLogged {
				errs = append(errs, failed)
			}
			if domain.CodeOf(failed) == domain.CodeUnavailable && !errors.Is(failed, errAhead) && whyRefused(failed) == "" || ctx.Err() != nil {
				return errors.Join(errs...) // a database is away, for all of them
			}
		}
		after = ids[len(ids)-1]
	}
}
