package domain

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Limits of a hold.
const (
	MaxHeld        = 100 // entries in each list
	MaxReason      = 500 // characters
	maxFilterWord  = 500 // characters
	holdKinds      = "exactly one of responses, owners and filter must be given"
	holdConditions = "filter: must have a condition: states, models, tiers, created_after or created_before"
)

// HoldRequest is what a caller wants to hold.
type HoldRequest struct {
	HoldTarget
	Reason    string
	ExpiresAt *time.Time
}

// PlaceHold places a hold.
type PlaceHold struct {
	holds Holds
	now   func() time.Time
}

// NewPlaceHold returns the use case; now is the clock.
func NewPlaceHold(holds Holds, now func() time.Time) *PlaceHold { return &PlaceHold{holds, now} }

// Execute places a hold and returns it. From then on nothing that it covers is
// erased. The target need not exist yet. CodeForbidden for those who may not hold;
// CodeInvalid if not exactly one kind of target is given, a list is empty or has more
// than MaxHeld entries, a filter has no condition or one that nothing can pass, the
// reason is blank or longer than MaxReason characters, or the expiry is not in the
// future.
func (u *PlaceHold) Execute(ctx context.Context, caller Principal, r HoldRequest) (Hold, error) {
	if !caller.mayHold() {
		return Hold{}, errHoldForbidden("Place")
	}
	r.Reason = strings.TrimSpace(r.Reason)
	if err := r.check(u.now()); err != nil {
		return Hold{}, err
	}
	return u.holds.Place(ctx, Hold{
		ID: uuid.New(), HoldTarget: r.HoldTarget, Reason: r.Reason, CreatedBy: caller.ID, ExpiresAt: r.ExpiresAt,
	})
}

func (r HoldRequest) check(now time.Time) error {
	kinds := 0
	for _, given := range []bool{r.Responses != nil, r.Owners != nil, r.Filter != nil} {
		if given {
			kinds++
		}
	}
	switch n := utf8.RuneCountInString(r.Reason); {
	case kinds != 1:
		return errParameter("", holdKinds)
	case r.Responses != nil && !listable(len(r.Responses)):
		return errEntries("responses")
	case r.Owners != nil && !listable(len(r.Owners)):
		return errEntries("owners")
	case n == 0 || n > MaxReason || !Storable(r.Reason):
		return errParameter("reason", fmt.Sprintf("reason: must have 1 to %d characters, not all of them spaces, and no NUL", MaxReason))
	case r.ExpiresAt != nil && !r.ExpiresAt.After(now):
		return errParameter("expires_at", "expires_at: must be in the future")
	case r.Filter != nil:
		return r.Filter.check()
	}
	return nil
}

func (f HoldFilter) check() error {
	if f.States == nil && f.Models == nil && f.Tiers == nil && f.CreatedAfter == nil && f.CreatedBefore == nil {
		return errParameter("filter", holdConditions)
	}
	return checkWords("filter", f.States, f.Models, f.Tiers, f.CreatedAfter, f.CreatedBefore)
}

// checkWords refuses conditions that nothing can pass; name is the field that
// contains them in the contract. States and tiers may be any words: a newer dwctl may
// have others than are known today.
func checkWords(name string, states, models, tiers []string, after, before *time.Time) error {
	for _, list := range []struct {
		name  string
		words []string
	}{
		{name + ".states", states},
		{name + ".models", models},
		{name + ".tiers", tiers},
	} {
		if list.words != nil && !listable(len(list.words)) {
			return errEntries(list.name)
		}
		for _, word := range list.words {
			if n := utf8.RuneCountInString(word); n == 0 || n > maxFilterWord || !Storable(word) {
				return errParameter(list.name, fmt.Sprintf("%s: each must have 1 to %d characters and no NUL", list.name, maxFilterWord))
			}
		}
	}
	for _, bound := range []struct {
		name string
		at   *time.Time
	}{{name + ".created_after", after}, {name + ".created_before", before}} {
		// Only these years have a form in JSON, in which filters are kept and shown.
		if bound.at != nil && (bound.at.UTC().Year() < 0 || bound.at.UTC().Year() > 9999) {
			return errParameter(bound.name, bound.name+": must be in the years 0 to 9999 in UTC")
		}
	}
	if after != nil && before != nil && after.After(*before) {
		return errParameter(name+".created_after", name+".created_after: must not be later than created_before")
	}
	return nil
}

func listable(n int) bool { return n >= 1 && n <= MaxHeld }

func errEntries(name string) *Error {
	return errParameter(name, fmt.Sprintf("%s: must have 1 to %d entries", name, MaxHeld))
}
