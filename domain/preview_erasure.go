package domain

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"time"
)

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
	now := toMicroseconds(u.now())
	estimate, err := u.erasures.Estimate(ctx, target, scope, now)
	if err != nil {
		return Preview{}, "", err
	}
	token = rand.Text()
	p = Preview{
		TokenSum: sha256.Sum256([]byte(token)), RequestedBy: caller.ID, Target: boundTarget(target, scope),
		AsOf: now, ExpiresAt: now.Add(PreviewFor), Estimate: estimate,
	}
	if err := u.erasures.SavePreview(ctx, p); err != nil {
		return Preview{}, "", err
	}
	return p, token, nil
}
