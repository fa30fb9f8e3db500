package domain

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// StartErasure starts a bulk erasure.
type StartErasure struct {
	erasures ErasureStarter
	subjects *CheckSubjectRequest
	run      *RunErasure
	jobs     Jobs
	now      func() time.Time
	log      *slog.Logger
	approval ApprovalLimits
}

// NewStartErasure returns the use case; now is the clock. log receives errors that do
// not fail the request.
func NewStartErasure(erasures ErasureStarter, subjects *CheckSubjectRequest, run *RunErasure, jobs Jobs, now func() time.Time, log *slog.Logger) *StartErasure {
	return &StartErasure{erasures: erasures, subjects: subjects, run: run, jobs: jobs, now: now, log: log}
}

// Requiring makes erasures of many responses wait for approval: see DecideErasure.
func (u *StartErasure) Requiring(l ApprovalLimits) *StartErasure {
	u.approval = l
	return u
}

// Execute starts the erasure and returns it. If at most MaxAtOnce responses are
// named, it is over; otherwise it continues in the background, or waits for approval first. secret opens its
// receipts and is returned only here; it is nil if an earlier request is repeated and
// its secret has been forgotten.
//
// CodeForbidden and CodeInvalid as in PreviewErasure; CodeInvalid also if an owner or
// a filter comes without a token. CodeConflict if the token does not belong to a
// preview of the same request by the same caller, if it has expired, if the target
// now has other requests than were shown, or if the caller has used the idempotency
// key for another request, and if the subject request does not allow the erasure.
// CodeNotFound if there is no such subject request, or not for this caller.
func (u *StartErasure) Execute(ctx context.Context, caller Principal, r StartRequest) (e Erasure, secret *Salt, err error) {
	target, scope, err := r.target(caller, "Start")
	if err != nil {
		return Erasure{}, nil, err
	}
	if err := r.check(); err != nil {
		return Erasure{}, nil, err
	}
	now := ToMicroseconds(u.now())
	e = Erasure{
		ID: uuid.New(), Trigger: TriggerBulk, Kind: target.Kind(), Target: &target, Scope: scope, AsOf: now,
		Ground: r.Ground, Ticket: r.Ticket, SubjectRequest: r.SubjectRequest, RequestedAt: now, RequestedBy: &caller.ID,
		Role: caller.actorRole(Found{Owners: r.owners(target, scope)}), Secret: new(Salt), State: ErasurePending,
		IdempotencyKey: r.IdempotencyKey, RequestSum: r.sum(target, scope),
	}
	if e.Ground == "" {
		e.Ground = GroundUnspecified
	}
	_, _ = rand.Read(e.Secret[:]) // never fails
	repeated, err := u.repeated(ctx, caller, e)
	switch {
	case err != nil:
		return Erasure{}, nil, err
	case repeated != nil:
		return repeated.shownTo(caller), repeated.Secret, nil
	}
	if err := u.subjects.erasure(ctx, caller, r.SubjectRequest, target); err != nil {
		return Erasure{}, nil, err
	}
	var counted *Estimate
	if r.Token != "" {
		shown, err := u.shown(ctx, caller, r.Token, target, scope, now)
		if err != nil {
			return Erasure{}, nil, err
		}
		e.AsOf = shown.AsOf
		if e.Kind == TargetFilter {
			e.Preview = &shown.TokenSum
		}
		if !shown.Partial || e.Kind == TargetFilter {
			e.Expected = &shown.Responses
		}
		counted = &shown.Estimate
	}
	if err := u.approval.await(ctx, u.erasures, &e, counted); err != nil {
		return Erasure{}, nil, err
	}
	stored, created, err := u.erasures.Create(ctx, e)
	switch {
	case err != nil:
		return Erasure{}, nil, err
	case stored.RequestSum != e.RequestSum: // another request came first
		return Erasure{}, nil, errOtherRequest
	}
	if created && e.State == ErasurePending && e.Kind == TargetResponses && len(target.Responses) <= MaxAtOnce {
		// If it does not finish here, it continues like any other.
		if _, err := u.run.Execute(ctx, stored.ID, 0); err == nil {
			stored, err = u.erasures.Get(ctx, stored.ID)
			if err != nil {
				return Erasure{}, nil, err
			}
		} else if ctx.Err() == nil {
			u.log.WarnContext(ctx, "Could not finish an erasure at once; it continues in the background", "erasure", stored.ID, "error", err)
		}
	}
	if !stored.State.Finished() && stored.State != ErasureAwaitingApproval {
		enqueue(ctx, u.jobs, u.log, stored.ID)
	}
	return stored.shownTo(caller), stored.Secret, nil
}

// repeated returns the erasure that the caller has requested before with the same
// idempotency key; nil: none.
func (u *StartErasure) repeated(ctx context.Context, caller Principal, e Erasure) (*Erasure, error) {
	if e.IdempotencyKey == "" {
		return nil, nil
	}
	before, err := u.erasures.ByKey(ctx, caller.ID, e.IdempotencyKey)
	switch {
	case CodeOf(err) == CodeNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case before.RequestSum != e.RequestSum:
		return nil, errOtherRequest
	}
	return &before, nil
}

var errOtherRequest = Errorf(CodeConflict, "This Idempotency-Key was used with a different request; use a new one for a new erasure")

// shown returns the preview of the token, if it is still valid.
func (u *StartErasure) shown(ctx context.Context, caller Principal, token string, t ErasureTarget, scope []string, now time.Time) (Preview, error) {
	p, err := u.erasures.Preview(ctx, sha256.Sum256([]byte(token)))
	switch {
	case CodeOf(err) == CodeNotFound,
		err == nil && (p.RequestedBy != caller.ID || p.Target != boundTarget(t, scope)):
		return Preview{}, Errorf(CodeConflict, "The token does not belong to a preview of this request; nothing was erased: preview again")
	case err != nil:
		return Preview{}, err
	case !now.Before(p.ExpiresAt):
		return Preview{}, Errorf(CodeConflict, "The preview has expired; nothing was erased: preview again")
	}
	estimate, err := u.erasures.Estimate(ctx, t, scope, p.AsOf)
	switch {
	case err != nil:
		return Preview{}, err
	case estimate.Sum != p.Sum:
		return Preview{}, Errorf(CodeConflict, "The matching responses have changed since the preview, so nothing was erased: preview again")
	}
	return p, nil
}

// PreviewErasure shows what an erasure would remove.
type PreviewErasure struct {
	previews Previews
	now      func() time.Time
}

// NewPreviewErasure returns the use case; now is the clock.
func NewPreviewErasure(previews Previews, now func() time.Time) *PreviewErasure {
	return &PreviewErasure{previews, now}
}

// Execute counts what the request would erase, and returns a token that binds an
// erasure to what was shown, for PreviewFor. CodeForbidden for those who may erase
// nothing; CodeInvalid as in ErasureRequest, and if the caller may not erase the
// responses of a named owner or member. Named responses that the caller may not erase
// count as not found.
func (u *PreviewErasure) Execute(ctx context.Context, caller Principal, r ErasureRequest) (p Preview, token string, err error) {
	target, scope, err := r.target(caller, "Preview")
	if err != nil {
		return Preview{}, "", err
	}
	now := ToMicroseconds(u.now())
	estimate, err := u.previews.Estimate(ctx, target, scope, now)
	if err != nil {
		return Preview{}, "", err
	}
	token = rand.Text()
	p = Preview{
		TokenSum: sha256.Sum256([]byte(token)), RequestedBy: caller.ID, Target: boundTarget(target, scope),
		AsOf: now, ExpiresAt: now.Add(PreviewFor), Estimate: estimate,
	}
	if err := u.previews.SavePreview(ctx, p); err != nil {
		return Preview{}, "", err
	}
	return p, token, nil
}

// CancelErasure ends a bulk erasure early.
type CancelErasure struct {
	erasures ErasureWriter
}

// NewCancelErasure returns the use case.
func NewCancelErasure(erasures ErasureWriter) *CancelErasure { return &CancelErasure{erasures} }

// Execute ends the erasure and returns it. What is erased stays erased. An erasure
// that is over stays as it was, but is not verified any more. CodeNotFound as in
// GetErasure.
func (u *CancelErasure) Execute(ctx context.Context, caller Principal, id uuid.UUID) (Erasure, error) {
	if _, err := visibleErasure(ctx, u.erasures, caller, id); err != nil {
		return Erasure{}, err
	}
	e, err := u.erasures.Cancel(ctx, id)
	switch {
	case CodeOf(err) == CodeNotFound:
		return Erasure{}, errNoErasure(id)
	case err != nil:
		return Erasure{}, err
	}
	return e.shownTo(caller), nil
}
