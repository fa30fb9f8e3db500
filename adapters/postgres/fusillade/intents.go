package fusillade

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// Where raw copies are in another database, an erasure is three transactions:
// one that locks, judges and writes down what is going to be erased; one in the
// other database that removes the copies; and one that removes the rest, writes
// the receipt and takes the note away. The third encloses the second, so that
// nobody else is at it. From the first one on, the erasure has begun, and is
// finished by whoever comes.

// finisher finishes what has begun.
type finisher struct {
	db     *postgres.DB
	outlet string
	issuer Issuer
	reach
}

var (
	// errAhead rolls back where something else has to be finished first.
	errAhead = domain.Errorf(domain.CodeUnavailable, "Another erasure of the same responses is under way; try again later")

	errBegun = domain.Errorf(domain.CodeUnavailable, "The erasure has begun, and a database that it needs is away: it is finished as soon as that is back; ask again then")
)

// roundsAhead bounds how often something else is finished first: others may begin
// meanwhile with a part of the same.
const roundsAhead = 10

// begin calls fn in a transaction that ends with what fn queues. What fn says is
// ahead of it is finished first, and fn is called again; so it is where it says
// errMoreTurns.
func (f finisher) begin(ctx context.Context, fn func(*postgres.Tx, *pgx.Batch) (ahead []dbsqlc.IntentsOnRow, err error)) error {
	for range roundsAhead {
		var ahead []dbsqlc.IntentsOnRow
		err := f.db.Tx(ctx, func(tx *postgres.Tx) (err error) {
			var b pgx.Batch
			if ahead, err = fn(tx, &b); err != nil {
				return err
			}
			if len(ahead) > 0 {
				return errAhead
			}
			return tx.CommitWith(ctx, &b)
		})
		if errors.Is(err, errMoreTurns) {
			continue
		}
		if len(ahead) == 0 {
			return err
		}
		for _, id := range intentIDs(ahead) {
			if _, _, err := f.finish(ctx, id, true); err != nil {
				return err
			}
		}
	}
	return errAhead
}

// intended is what goes with an erasure that a receipt does not tell.
type intended struct {
	before    []dbsqlc.IntentsOnRow // that it takes the place of
	erasure   *uuid.UUID            // of many, that it is a part of
	responses int64
}

// carryOut erases what has been locked and queues its receipts. Where copies are
// in another database, it queues a note of it instead: that is to be completed
// later, after the commit.
func (f finisher) carryOut(ctx context.Context, b *pgx.Batch, e *eraser, w domain.Authorization, with intended) (erased domain.Erased, receipts int64, later bool, err error) {
	if f.copies != nil {
		return domain.Erased{}, 0, true, f.intend(ctx, b, e, w, with)
	}
	if erased, err = e.delete(ctx); err == nil {
		err = e.checkGone(erased)
	}
	if err != nil {
		return domain.Erased{}, 0, false, err
	}
	written, err := f.issuer.receipts(e, erased, w)
	if err != nil {
		return domain.Erased{}, 0, false, err
	}
	queueReceipts(b, written, with.erasure, f.issuer.now(), with.responses)
	return erased, int64(len(written)), false, nil
}

// intend queues the note of what is going to be erased. Nothing is noted that the
// database refuses to delete or no receipt could be written of: it could not be
// finished.
func (f finisher) intend(ctx context.Context, b *pgx.Batch, e *eraser, w domain.Authorization, with intended) error {
	rawRequests, rawResponses, err := e.rehearse(ctx, nil)
	if err != nil {
		return err
	}
	var noted domain.Erased // which may have gone by now
	for _, i := range with.before {
		noted.Add(domain.Erased{RawRequests: i.RawRequests, RawResponses: i.RawResponses})
	}
	rawRequests, rawResponses = max(rawRequests, noted.RawRequests), max(rawResponses, noted.RawResponses)
	const many = 1 << 40
	if _, err := f.issuer.receipts(e, domain.Erased{Requests: int64(len(e.requests)), Steps: many, Templates: many, Tasks: many, Files: many, KeptTemplates: many, Retained: many}, w); err != nil {
		return err
	}
	in := intentOf(w, e.requests, e.owners)
	in.RawRequests, in.RawResponses, in.ErasureID, in.Responses = rawRequests, rawResponses, with.erasure, with.responses
	queueExec(b, (*dbsqlc.Queries).AddIntent, in)
	return nil
}

// intentOf is the note of an erasure of these requests and owners, by that
// authorization.
func intentOf(w domain.Authorization, requests []uuid.UUID, owners []string) dbsqlc.AddIntentParams {
	in := dbsqlc.AddIntentParams{
		ID: w.Receipt, Trigger: string(w.Trigger), Ground: string(w.Ground), RequestedAt: w.RequestedAt,
		ActorID: w.Actor, Role: string(w.Role), Salt: w.Salt[:], Shared: w.Shared,
		RequestIds: requests, Owners: append([]string{}, slices.Compact(slices.Sorted(slices.Values(owners)))...),
	}
	if w.Rule != nil {
		in.RuleID, in.RuleVersion = &w.Rule.ID, &w.Rule.Version
	}
	return in
}

// rehearse deletes, after first, and takes it back, in both databases; it returns
// how many copies there are in the other. The transaction goes on where that is
// refused.
func (e *eraser) rehearse(ctx context.Context, first func(context.Context) error) (rawRequests, rawResponses int64, err error) {
	if _, err := e.tx.Exec(ctx, dbsqlc.BeginRehearsal); err != nil {
		return 0, 0, err
	}
	if first != nil {
		err = first(ctx)
	}
	if err == nil {
		_, err = e.delete(ctx)
	}
	_, back := e.tx.Exec(ctx, dbsqlc.EndRehearsal)
	if err = cmp.Or(err, back); err == nil && e.copies != nil {
		rawRequests, rawResponses, err = e.copies.rehearse(ctx, e.tx, e.requests, e.steps)
	}
	return rawRequests, rawResponses, err
}

// attempt takes back what fn does where the database refuses it, and the
// transaction goes on.
func attempt(ctx context.Context, tx *postgres.Tx, fn func() error) (refused bool, err error) {
	if _, err := tx.Exec(ctx, dbsqlc.BeginRehearsal); err != nil {
		return false, err
	}
	if err := fn(); err != nil {
		if whyRefused(postgres.MapError(err)) == "" {
			return false, err
		}
		if _, err := tx.Exec(ctx, dbsqlc.EndRehearsal); err != nil {
			return false, err
		}
		refused = true
	}
	_, err = tx.Exec(ctx, "RELEASE SAVEPOINT rehearsal")
	return refused, err
}

// finish does what has been noted, and returns what was erased; done tells that
// another has done it. Where another is at it, it waits, or, unless it is to be
// patient, returns errAhead. What it locks, it locks in the order that
// queries/fusillade/intents.sql tells.
func (f finisher) finish(ctx context.Context, id uuid.UUID, patient bool) (erased domain.Erased, done bool, err error) {
	var copied domain.Erased // copies gone, in every try
	if !patient {
		err := f.db.Use(ctx, func(c postgres.Conn) error {
			_, err := dbsqlc.New(c).IntentFree(ctx, id)
			return err
		})
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
		if err == nil {
			err = e.lockIntended(ctx, f.outlet, in)
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
			erased, err = f.finishResponses(ctx, &e, in, w, &copied)
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

// finishResponses finishes an intent about responses, and ends the transaction. It
// adds to copied the copies that are gone for good, even where it fails.
func (f finisher) finishResponses(ctx context.Context, e *eraser, in dbsqlc.LetheIntent, w domain.Authorization, copied *domain.Erased) (domain.Erased, error) {
	if err := e.checkIntended(in); err != nil {
		return domain.Erased{}, err
	}
	rawRequests, rawResponses, led, err := f.copies.remove(ctx, e.tx, e.requests, e.steps)
	if err != nil {
		return domain.Erased{}, err
	}
	e.ByHeader, e.ByStep = led.byHeader, led.byStep
	copied.Add(domain.Erased{RawRequests: rawRequests, RawResponses: rawResponses})
	erased, err := e.delete(ctx)
	if err != nil {
		return domain.Erased{}, err
	}
	// An earlier attempt may have removed them and come no further.
	erased.RawRequests, erased.RawResponses = max(copied.RawRequests, in.RawRequests), max(copied.RawResponses, in.RawResponses)
	e.owners = in.Owners
	receipts, err := f.issuer.receipts(e, erased, w)
	if err != nil {
		return domain.Erased{}, err
	}
	var b pgx.Batch
	queueReceipts(&b, receipts, in.ErasureID, f.issuer.now(), in.Responses)
	queueExec(&b, (*dbsqlc.Queries).DropIntents, []uuid.UUID{in.ID})
	if in.ErasureID != nil {
		queueExec(&b, (*dbsqlc.Queries).RecordErased, dbsqlc.RecordErasedParams{
			ID: *in.ErasureID, Responses: in.Responses, Receipts: int64(len(receipts)),
			Requests: erased.Requests, Steps: erased.Steps, Templates: erased.Templates,
			RawRequests: erased.RawRequests, RawResponses: erased.RawResponses, Tasks: erased.Tasks,
			Files: erased.Files, KeptTemplates: erased.KeptTemplates, Retained: erased.Retained,
		})
	}
	return erased, e.tx.CommitWith(ctx, &b)
}

// complete is finish for who has noted it, and returns what was erased even
// where another has done it.
func (f finisher) complete(ctx context.Context, id uuid.UUID) (domain.Erased, error) {
	erased, done, err := f.finish(ctx, id, true)
	if err == nil && done {
		return f.written(ctx, id)
	}
	return erased, err
}

// written is what a receipt says was erased, with its parts.
func (f finisher) written(ctx context.Context, id uuid.UUID) (erased domain.Erased, err error) {
	for ids := []uuid.UUID{id}; len(ids) > 0; ids = ids[1:] {
		var body []byte
		err := f.db.Use(ctx, func(c postgres.Conn) (err error) {
			body, err = dbsqlc.New(c).WrittenReceipt(ctx, ids[0])
			return err
		})
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

// intentsAtOnce bounds how many are looked for in one go.
const intentsAtOnce = 100

// finishOpen finishes what others have begun and left, so far as nobody is at
// it. What cannot be finished does not keep the rest from it.
func (f finisher) finishOpen(ctx context.Context) error {
	if f.copies == nil {
		return nil
	}
	var errs []error
	var after uuid.UUID
	for {
		var ids []uuid.UUID
		err := f.db.Use(ctx, func(c postgres.Conn) (err error) {
			ids, err = dbsqlc.New(c).OpenIntents(ctx, dbsqlc.OpenIntentsParams{After: after, Max: intentsAtOnce})
			return err
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

// errorsLogged bounds how many are joined.
const errorsLogged = 10

// lockIntended locks what an intent is about, and what has come to it since. To
// what a sweep has found nothing comes but in another sweep, and of orphans there
// are no rows.
func (e *eraser) lockIntended(ctx context.Context, outlet string, in dbsqlc.LetheIntent) error {
	if in.InstanceIds != nil {
		return e.prepareSharing(ctx, outlet)
	}
	if err := e.prepare(ctx, outlet); err != nil {
		return err
	}
	e.requests = in.RequestIds
	if in.Trigger == string(domain.TriggerSweep) {
		if err := e.lockRows(ctx); err != nil {
			return err
		}
		return dbsqlc.New(e.tx).ShareHolds(ctx)
	}
	return e.lockChain(ctx, in.RequestIds)
}

// checkIntended fails where what has come to an intent is another's, and notes
// which of its rows are gone.
func (e *eraser) checkIntended(in dbsqlc.LetheIntent) error {
	if in.Trigger == string(domain.TriggerSweep) {
		return nil
	}
	for _, owner := range e.owners {
		if !slices.Contains(in.Owners, owner) {
			return domain.Errorf(domain.CodeInternal, "An erasure has begun, and something of another owner has come to its responses since, so it cannot be finished: look at the steps of request %s", in.RequestIds[0])
		}
	}
	e.gone = make(map[uuid.UUID]gone)
	for _, id := range in.RequestIds {
		e.gone[id] = gone{}
	}
	for _, row := range e.locked {
		delete(e.gone, row.ID)
	}
	return nil
}

// ahead says what has begun to erase any of these requests.
func (e *eraser) ahead(ctx context.Context) ([]dbsqlc.IntentsOnRow, error) {
	if e.copies == nil || len(e.requests) == 0 {
		return nil, nil
	}
	return dbsqlc.New(e.tx).IntentsOn(ctx, e.requests)
}

// takeOver locks what has begun to erase these requests, for what is going to take
// its place. ahead is what has to be finished first: what was asked for otherwise,
// or is about more than these, of which nobody would know any more; and what has
// been finished meanwhile, as then it is to be looked again.
func (e *eraser) takeOver(ctx context.Context) (begun, ahead []dbsqlc.IntentsOnRow, err error) {
	if begun, err = e.ahead(ctx); err != nil || len(begun) == 0 {
		return nil, nil, err
	}
	for _, in := range begun {
		if in.Trigger != string(domain.TriggerSingle) || !subset(in.RequestIds, e.requests) {
			ahead = append(ahead, in)
		}
	}
	if len(ahead) > 0 {
		return nil, ahead, nil
	}
	locked, err := dbsqlc.New(e.tx).LockIntents(ctx, intentIDs(begun))
	if err != nil || len(locked) < len(begun) {
		return nil, begun, err
	}
	return begun, nil, nil
}

// exemptFromHolds looks for holds again, but not on the responses that these
// erasures have begun with.
func (e *eraser) exemptFromHolds(ctx context.Context, begun []dbsqlc.IntentsOnRow) error {
	groups := groupsOf(e.links)
	exempt := make(map[uuid.UUID]bool)
	for _, intent := range begun {
		for _, id := range intent.RequestIds {
			exempt[groups.of(id)] = true
		}
	}
	others := slices.DeleteFunc(slices.Clone(e.requests), func(id uuid.UUID) bool { return exempt[groups.of(id)] })
	e.holds = nil
	if len(others) == 0 {
		return nil
	}
	return e.send(ctx, func(b *pgx.Batch) { e.queueHolds(b, others) })
}

func intentIDs(intents []dbsqlc.IntentsOnRow) []uuid.UUID {
	ids := make([]uuid.UUID, len(intents))
	for i, in := range intents {
		ids[i] = in.ID
	}
	return ids
}

func authorizationOf(in dbsqlc.LetheIntent) domain.Authorization {
	w := domain.Authorization{
		Receipt: in.ID, Trigger: domain.Trigger(in.Trigger), Ground: domain.Ground(in.Ground),
		RequestedAt: in.RequestedAt, Actor: in.ActorID, Role: domain.ActorRole(in.Role), Shared: in.Shared,
	}
	copy(w.Salt[:], in.Salt)
	if in.RuleID != nil && in.RuleVersion != nil {
		w.Rule = &domain.RuleVersion{ID: *in.RuleID, Version: *in.RuleVersion}
	}
	return w
}
