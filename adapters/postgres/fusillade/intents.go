package fusillade

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// intend queues an intent to erase the selection. It fails if the database refuses to
// delete it or if no receipt can be written: the intent could never be finished.
func (f finisher) intend(ctx context.Context, b *pgx.Batch, e *eraser, s selection, w domain.Authorization, with intended) error {
	rawRequests, rawResponses, err := e.rehearse(ctx, func() (selection, error) { return s, nil })
	if err != nil {
		return err
	}
	var noted domain.Erased // which may have gone by now
	for _, i := range with.before {
		noted.Add(domain.Erased{RawRequests: i.RawRequests, RawResponses: i.RawResponses})
	}
	rawRequests, rawResponses = max(rawRequests, noted.RawRequests), max(rawResponses, noted.RawResponses)
	const many = 1 << 40
	most := deleted{Erased: domain.Erased{Requests: int64(len(s.requests)), Steps: many, Templates: many, Tasks: many, Files: many, KeptTemplates: many, Retained: many}}
	if _, err := f.issuer.receipts(e.statement(s, most), w); err != nil {
		return err
	}
	in := intentOf(w, s.requests, s.owners)
	in.RawRequests, in.RawResponses, in.ErasureID, in.Responses = rawRequests, rawResponses, with.erasure, with.responses
	queueExec(b, (*dbsqlc.Queries).AddIntent, in)
	return nil
}

// intentOf makes the intent of an authorized erasure of these requests and owners.
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

// rehearse deletes what choose returns and rolls that back, in both databases. It returns
// the number of copies in the other. The transaction goes on if the database refuses.
func (e *eraser) rehearse(ctx context.Context, choose func() (selection, error)) (rawRequests, rawResponses int64, err error) {
	if _, err := e.tx.Exec(ctx, dbsqlc.BeginRehearsal); err != nil {
		return 0, 0, err
	}
	s, err := choose()
	if err == nil {
		_, err = e.delete(ctx, s)
	}
	_, back := e.tx.Exec(ctx, dbsqlc.EndRehearsal)
	if err = cmp.Or(err, back); err == nil && e.copies != nil {
		rawRequests, rawResponses, err = e.copies.rehearse(ctx, e.tx, s.requests, s.steps)
	}
	return rawRequests, rawResponses, err
}

// attempt rolls back what fn does if the database refuses it, and the transaction goes
// on.
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

// lockIntended locks the requests of an intent and what has been linked to them since. A
// later sweep finds what is linked to a sweep's requests, and orphans have no rows.
func (e *eraser) lockIntended(ctx context.Context, outlet string, in dbsqlc.LetheIntent) (s selection, err error) {
	if in.InstanceIds != nil {
		return s, e.prepareSharing(ctx, outlet)
	}
	if err := e.prepare(ctx, outlet); err != nil {
		return s, err
	}
	if in.Trigger == string(domain.TriggerSweep) {
		if s, err = e.lockRows(ctx, in.RequestIds); err != nil {
			return s, err
		}
		return s, dbsqlc.New(e.tx).ShareHolds(ctx)
	}
	return e.lockChain(ctx, in.RequestIds)
}

// checkIntended fails if something of another owner has been linked to an intent's
// responses, and notes which of the rows are gone.
func (s selection) checkIntended(in dbsqlc.LetheIntent) (selection, error) {
	if in.Trigger == string(domain.TriggerSweep) {
		return s, nil
	}
	for _, owner := range s.owners {
		if !slices.Contains(in.Owners, owner) {
			return s, domain.Errorf(domain.CodeInternal, "An erasure has begun but cannot be finished, as something of another owner has been linked to its responses since: look at the steps of request %s", in.RequestIds[0])
		}
	}
	s.gone = make(map[uuid.UUID]gone)
	for _, id := range in.RequestIds {
		s.gone[id] = gone{}
	}
	for _, row := range s.locked {
		delete(s.gone, row.ID)
	}
	return s, nil
}

// intentsOn returns the intents to erase any of these requests.
func (e *eraser) intentsOn(ctx context.Context, requests []uuid.UUID) ([]dbsqlc.IntentsOnRow, error) {
	if e.copies == nil || len(requests) == 0 {
		return nil, nil
	}
	return dbsqlc.New(e.tx).IntentsOn(ctx, requests)
}

// checkAhead fails with ahead if there are intents to erase any of these requests.
func (e *eraser) checkAhead(ctx context.Context, requests []uuid.UUID) error {
	begun, err := e.intentsOn(ctx, requests)
	if err == nil && len(begun) > 0 {
		err = &ahead{intentIDs(begun)}
	}
	return err
}

// takeOver locks the intents to erase these requests, for an erasure that replaces them.
// It fails with ahead if some have to be finished first: those with another trigger or of
// more requests, which would be forgotten. It also does if some were finished meanwhile,
// as the requests have to be read again.
func (e *eraser) takeOver(ctx context.Context, requests []uuid.UUID) (begun []dbsqlc.IntentsOnRow, err error) {
	if begun, err = e.intentsOn(ctx, requests); err != nil || len(begun) == 0 {
		return nil, err
	}
	var first []dbsqlc.IntentsOnRow
	for _, in := range begun {
		if in.Trigger != string(domain.TriggerSingle) || !subset(in.RequestIds, requests) {
			first = append(first, in)
		}
	}
	if len(first) > 0 {
		return nil, &ahead{intentIDs(first)}
	}
	locked, err := dbsqlc.New(e.tx).LockIntents(ctx, intentIDs(begun))
	if err == nil && len(locked) < len(begun) {
		err = &ahead{intentIDs(begun)}
	}
	return begun, err
}

// holdsOnOthers returns the holds on the selection, except on the responses of these
// intents.
func (e *eraser) holdsOnOthers(ctx context.Context, s selection, begun []dbsqlc.IntentsOnRow) (holds []domain.Hold, err error) {
	groups := groupsOf(s.links)
	exempt := make(map[uuid.UUID]bool)
	for _, intent := range begun {
		for _, id := range intent.RequestIds {
			exempt[groups.of(id)] = true
		}
	}
	others := slices.DeleteFunc(slices.Clone(s.requests), func(id uuid.UUID) bool { return exempt[groups.of(id)] })
	if len(others) == 0 {
		return nil, nil
	}
	return holds, e.send(ctx, func(b *pgx.Batch) { e.queueHolds(b, others, &holds) })
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
