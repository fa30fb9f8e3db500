package domain

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// DecideErasure approves or refuses an erasure that waits for a second person.
type DecideErasure struct {
	erasures ErasureWriter
	now      func() time.Time
}

// NewDecideErasure returns the use case; now is the clock.
func NewDecideErasure(erasures ErasureWriter, now func() time.Time) *DecideErasure {
	return &DecideErasure{erasures, now}
}

// Approve lets the erasure begin, with the next scan at the latest, and returns it. To
// approve it again changes nothing. CodeNotFound as in GetErasure; CodeForbidden for
// the person who asked for it, with whatever key; CodeConflict if it needs no approval,
// has been decided or canceled, or has waited too long.
func (u *DecideErasure) Approve(ctx context.Context, caller Principal, id uuid.UUID) (Erasure, error) {
	return u.decide(ctx, caller, id, ErasurePending, notRefused)
}

// Refuse ends the erasure and returns it; nothing is erased. Errors are those of
// Approve, and CodeInvalid if the reason is none of Refusals.
func (u *DecideErasure) Refuse(ctx context.Context, caller Principal, id uuid.UUID, reason RefusalReason) (Erasure, error) {
	if !slices.Contains(Refusals, reason) {
		return Erasure{}, errParameter("reason", "reason: must be wrong_target, too_broad, unfounded, still_needed or unspecified")
	}
	return u.decide(ctx, caller, id, ErasureRefused, reason)
}

func (u *DecideErasure) decide(ctx context.Context, caller Principal, id uuid.UUID, to ErasureState, reason RefusalReason) (Erasure, error) {
	if _, err := visibleErasure(ctx, u.erasures, caller, id); err != nil {
		return Erasure{}, err
	}
	now := ToMicroseconds(u.now())
	e, err := u.erasures.Decide(ctx, id, func(e Erasure) (Erasure, error) { return e.decided(caller, to, reason, now) })
	if err != nil {
		return Erasure{}, err
	}
	return e.shownTo(caller), nil
}

// decided returns the erasure with the decision of a caller who may see it.
func (e Erasure) decided(caller Principal, to ErasureState, reason RefusalReason, now time.Time) (Erasure, error) {
	switch a := e.Approval; {
	case a == nil:
		return e, Errorf(CodeConflict, "Erasure with ID %s needs no approval; cancel it if it should not go on", e.ID)
	case *e.RequestedBy == caller.ID:
		return e, Errorf(CodeForbidden, "You asked for this erasure, so somebody else who may erase everyone's responses must approve or refuse it; you can cancel it")
	case a.DecidedBy != nil && *a.DecidedBy == caller.ID && a.Reason == reason:
		return e, nil
	case e.State != ErasureAwaitingApproval:
		return e, Errorf(CodeConflict, "Erasure with ID %s does not wait for approval any more; its state is %s", e.ID, e.State)
	case !now.Before(a.ExpiresAt):
		return e, Errorf(CodeConflict, "Erasure with ID %s has waited too long for approval; preview and request it again", e.ID)
	}
	e.Approval = &Approval{ExpiresAt: e.Approval.ExpiresAt, DecidedAt: &now, DecidedBy: &caller.ID, Reason: reason}
	if e.State = to; to == ErasureRefused {
		e.FinishedAt = &now
	}
	return e, nil
}

// await makes the erasure wait for approval if it may erase too many; counted is what
// its preview showed, nil if there was none. What holds cover counts too, because a
// hold can be released meanwhile. An erasure that waits erases nothing that is created
// later.
func (l ApprovalLimits) await(ctx context.Context, estimator Estimator, e *Erasure, counted *Estimate) error {
	if l.Over == 0 {
		return nil
	}
	if counted == nil {
		now, err := estimator.Estimate(ctx, *e.Target, e.Scope, e.AsOf)
		if err != nil {
			return err
		}
		counted = &now
	}
	if !counted.Partial && counted.Responses+counted.Held <= l.Over {
		return nil
	}
	e.State, e.Approval = ErasureAwaitingApproval, &Approval{ExpiresAt: e.RequestedAt.Add(l.Wait)}
	until := e.AsOf
	e.Target.Until = &until
	return nil
}

// ExpireApprovals ends erasures that nobody has approved in time.
type ExpireApprovals struct {
	erasures Erasures
	now      func() time.Time
}

// NewExpireApprovals returns the use case; now is the clock.
func NewExpireApprovals(erasures Erasures, now func() time.Time) *ExpireApprovals {
	return &ExpireApprovals{erasures, now}
}

// expiredAtOnce is the maximum number of erasures that one call ends.
const expiredAtOnce int64 = 100

// Execute ends those that have waited too long. The error joins those of erasures that
// could not be ended; it does not stop the others.
func (u *ExpireApprovals) Execute(ctx context.Context) error {
	now := ToMicroseconds(u.now())
	ids, err := u.erasures.Unapproved(ctx, now, expiredAtOnce)
	errs := []error{err}
	for _, id := range ids {
		_, err := u.erasures.Decide(ctx, id, func(e Erasure) (Erasure, error) {
			if e.State == ErasureAwaitingApproval {
				e.State, e.FinishedAt = ErasureExpired, &now
			}
			return e, nil
		})
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Checking makes the use case look up, before an approved erasure begins, whether who
// asked for it and who approved it still may.
func (u *RunErasure) Checking(people People) *RunErasure {
	u.people = people
	return u
}

// mayBegin reports whether an erasure may begin or go on. It ends an approved one whose
// people have lost the right since.
func (u *RunErasure) mayBegin(ctx context.Context, id uuid.UUID) (bool, error) {
	if u.people == nil {
		return true, nil
	}
	e, err := u.erasures.Get(ctx, id)
	if err != nil {
		return false, err
	}
	if e.State != ErasurePending || e.Approval == nil {
		return true, nil
	}
	asks, err := u.may(ctx, *e.RequestedBy, e.Scope)
	if err != nil {
		return false, err
	}
	approves, err := u.may(ctx, *e.Approval.DecidedBy, nil)
	if err != nil || asks && approves {
		return err == nil, err
	}
	now := ToMicroseconds(u.now())
	_, err = u.erasures.Decide(ctx, id, func(e Erasure) (Erasure, error) {
		if e.State == ErasurePending {
			e.State, e.FinishedAt = ErasureFailed, &now
			e.LastError = "Who asked for it or who approved it may not erase its responses any more, so nothing was erased; request it again"
		}
		return e, nil
	})
	return false, err
}

// may reports whether a person may erase responses of these owners; nil: everyone's.
func (u *RunErasure) may(ctx context.Context, id uuid.UUID, scope []string) (bool, error) {
	person, err := presentPerson(ctx, u.people, id)
	if err != nil || person == nil {
		return false, err
	}
	switch person.principal().deleteReach() {
	case everyone:
		return true, nil
	case none:
		return false, nil
	}
	return scope != nil && !slices.ContainsFunc(scope, func(owner string) bool {
		return owner != id.String() && !slices.ContainsFunc(person.Organizations, func(o uuid.UUID) bool { return o.String() == owner })
	}), nil
}

// presentPerson returns a person, or nil for one who is unknown or deleted.
func presentPerson(ctx context.Context, people People, id uuid.UUID) (*Person, error) {
	person, err := people.ByID(ctx, id)
	if CodeOf(err) == CodeNotFound || err == nil && person.Deleted {
		return nil, nil
	}
	return &person, err
}
