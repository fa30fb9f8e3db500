package domain

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// ErasureRequest is what a caller wants erased: exactly one of Responses, Owner
// and Filter is given.
type ErasureRequest struct {
	Responses []uuid.UUID
	Owner     *uuid.UUID
	Filter    *ErasureFilter
}

// ErasureFilter is what of a list can be erased. Nil does not narrow; a filter
// without any condition has to say All.
type ErasureFilter struct {
	MemberID                    *uuid.UUID // as of ListRequest
	States, Models, Tiers       []string
	CreatedAfter, CreatedBefore *time.Time // inclusive
	StatusMin, StatusMax        *int64     // inclusive
	MinDuration                 *time.Duration
	HasError                    *bool
	All                         bool
}

// PreviewErasure shows what an erasure would come to.
type PreviewErasure struct {
	erasures Erasures
	now      func() time.Time
}

// NewPreviewErasure makes the use case; now is the clock.
func NewPreviewErasure(erasures Erasures, now func() time.Time) *PreviewErasure {
	return &PreviewErasure{erasures, now}
}

// Execute counts what the request would erase, and returns a token that binds
// an erasure to what was shown, for PreviewFor. CodeForbidden for those who may
// erase nothing; CodeInvalid as of ErasureRequest, and where an owner or a
// member is named whose responses are not the caller's to erase; responses that
// are not are counted as not found.
func (u *PreviewErasure) Execute(ctx context.Context, caller Principal, r ErasureRequest) (p Preview, token string, err error) {
	target, scope, err := r.target(caller, "Preview")
	if err != nil {
		return Preview{}, "", err
	}
	now := u.now().UTC().Truncate(time.Microsecond)
	survey, err := u.erasures.Survey(ctx, target, scope, now)
	if err != nil {
		return Preview{}, "", err
	}
	token = rand.Text()
	p = Preview{
		TokenSum: sha256.Sum256([]byte(token)), RequestedBy: caller.ID, Target: boundTarget(target, scope),
		AsOf: now, ExpiresAt: now.Add(PreviewFor), Survey: survey,
	}
	if err := u.erasures.KeepPreview(ctx, p); err != nil {
		return Preview{}, "", err
	}
	return p, token, nil
}

// boundTarget is what a preview binds: the target, within the scope.
func boundTarget(t ErasureTarget, scope []string) fingerprint {
	return fingerprintOf(struct {
		Target   fingerprint
		Everyone bool
		Scope    []string
	}{t.fingerprint(), scope == nil, slices.Sorted(slices.Values(scope))})
}

// target is what is to be erased, and whose responses that may be.
func (r ErasureRequest) target(caller Principal, operation string) (t ErasureTarget, scope []string, err error) {
	reach := caller.deleteReach()
	if reach == none {
		return ErasureTarget{}, nil, errErasureForbidden(operation)
	}
	kinds := 0
	for _, given := range []bool{r.Responses != nil, r.Owner != nil, r.Filter != nil} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		return ErasureTarget{}, nil, errAbout("", "exactly one of responses, owner and filter must be given")
	}
	if reach != everyone {
		scope = caller.owners()
	}
	switch {
	case r.Responses != nil:
		t.Responses, err = r.responses()
	case r.Owner != nil:
		t.Owner = r.Owner
		if scope != nil && !slices.Contains(scope, r.Owner.String()) {
			err = errAbout("owner", "owner: must be you or your active organization; others require platform manager permissions")
		}
	default:
		t.Filter, err = r.Filter.filter(caller)
	}
	if err != nil {
		return ErasureTarget{}, nil, err
	}
	return t, scope, nil
}

func (r ErasureRequest) responses() ([]uuid.UUID, error) {
	if n := len(r.Responses); n < 1 || n > MaxTargets {
		return nil, errAbout("responses", fmt.Sprintf("responses: must have 1 to %d entries; erase more by an owner or a filter", MaxTargets))
	}
	seen := make(map[uuid.UUID]bool, len(r.Responses))
	return slices.DeleteFunc(slices.Clone(r.Responses), func(id uuid.UUID) bool {
		again := seen[id]
		seen[id] = true
		return again
	}), nil
}

// filter is that of the list with the same parameters.
func (f ErasureFilter) filter(caller Principal) (*ResponseFilter, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	owner, err := listScope(caller, ListRequest{MemberID: f.MemberID})
	if err != nil {
		return nil, err
	}
	filter := &ResponseFilter{
		States: f.States, Models: f.Models, Tiers: f.Tiers,
		CreatedAfter: f.CreatedAfter, CreatedBefore: f.CreatedBefore,
		StatusMin: f.StatusMin, StatusMax: f.StatusMax, MinDuration: f.MinDuration, HasError: f.HasError,
	}
	if owner != nil {
		filter.Owners = []string{*owner}
	}
	return filter, nil
}

func (f ErasureFilter) check() error {
	narrowed := f.MemberID != nil || f.States != nil || f.Models != nil || f.Tiers != nil ||
		f.CreatedAfter != nil || f.CreatedBefore != nil || f.StatusMin != nil || f.StatusMax != nil ||
		f.MinDuration != nil || f.HasError != nil
	switch {
	case !narrowed && !f.All:
		return errAbout("filter", "filter: matches everything; give a condition, or all with true if that is meant")
	case narrowed && f.All:
		return errAbout("filter.all", "filter.all: must be left out where there are conditions")
	}
	return checkWords("filter", f.States, f.Models, f.Tiers, f.CreatedAfter, f.CreatedBefore)
}
