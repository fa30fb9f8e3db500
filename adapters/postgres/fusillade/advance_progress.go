package fusillade

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// recordMissing records the named responses that do not exist. A response that this
// erasure deleted with another of its requests is not a failure.
func (a *advance) recordMissing(ctx context.Context, candidates []candidate, locked []dbsqlc.LockRequestsRow) error {
	if a.walk.named == nil || a.erasure.Verifying() {
		return nil
	}
	gone := withoutRow(idsOf(candidates), locked)
	if len(gone) == 0 {
		return nil
	}
	by, err := dbsqlc.New(a.tx).GoneBy(ctx, dbsqlc.GoneByParams{Ids: gone, ErasureID: a.erasure.ID})
	for _, id := range gone {
		if err == nil && !slices.Contains(by, id) {
			a.notFound(id)
		}
	}
	return err
}

func (a *advance) notFound(id uuid.UUID) {
	if !a.erasure.CountedBefore() {
		a.erasure.NotFound++
		a.erasure.Fail(domain.ErasureFailure{Response: id, Code: domain.CodeNotFound})
	}
}

// endPass ends a pass that has reached everything. For an owner, another pass follows one
// that erased something, as older responses may have arrived meanwhile.
func (a *advance) endPass(ctx context.Context) error {
	e := &a.erasure
	if e.Kind == domain.TargetOwner && a.erasedInPass > 0 {
		a.place, a.erasedInPass = place{}, 0
		return nil
	}
	person, err := a.erasePerson(ctx)
	if err != nil {
		return err
	}
	if person.rows > 0 || e.FoundNothing() {
		if err := a.recordNothing(person); err != nil {
			return err
		}
	}
	if e.Verifying() {
		a.place, e.VerifyAt, e.VerifiedAt = place{}, nil, &a.at
	} else {
		a.finish()
	}
	return nil
}

// recordNothing adds a receipt stating that no response existed, or that none was left
// when the data kept by person was erased.
func (a *advance) recordNothing(person ofPerson) error {
	_, w := a.judge(a.erasure, nil)
	nothing := statement{gaps: []receipt.Gap{receipt.GapUnlocatedCopies}}
	if owner := a.erasure.Target.Owner; owner != nil {
		nothing.owners = []string{owner.String()}
	}
	written, err := a.issuer.withPerson(person).receipts(nothing, w)
	if err != nil {
		return err
	}
	queueReceipts(a.commit, written, &a.erasure.ID, a.at, 0)
	a.erasure.Receipts++
	return nil
}

func (a *advance) finish() {
	a.erasure.Finish(a.at)
	if a.erasure.VerifyAt != nil {
		a.place = place{}
	}
}

// queueProgress queues how far the erasure has come.
func (a *advance) queueProgress() error {
	e := &a.erasure
	failures, err := encodeFailures(e.Failures)
	if err != nil {
		return err
	}
	p := dbsqlc.RecordProgressParams{
		ID: e.ID, State: string(e.State), StartedAt: e.StartedAt, FinishedAt: e.FinishedAt, VerifyAt: e.VerifyAt, VerifiedAt: e.VerifiedAt,
		Done: e.Done, Requests: e.Requests, Steps: e.Steps, Templates: e.Templates,
		RawRequests: e.RawRequests, RawResponses: e.RawResponses, Tasks: e.Tasks,
		Files: e.Files, KeptTemplates: e.KeptTemplates, Retained: e.Retained,
		Held: e.Held, NotFound: e.NotFound, Receipts: e.Receipts, Failures: failures, Refused: e.Refused,
		PassNamed: int64(a.place.named), PassErased: a.erasedInPass,
	}
	if a.place.after != nil {
		p.PassCreatedAt, p.PassID = &a.place.after.CreatedAt, &a.place.after.ID
	}
	queueExec(a.commit, (*dbsqlc.Queries).RecordProgress, p)
	return nil
}
