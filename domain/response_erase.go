package domain

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// EraseResponse erases one response with all its parts.
type EraseResponse struct {
	responses ResponseEraser
	now       func() time.Time
	repeats   *Repeats // nil: ExecuteOnce refuses
}

// NewEraseResponse returns the use case; now is the clock.
func NewEraseResponse(responses ResponseEraser, now func() time.Time) *EraseResponse {
	return &EraseResponse{responses: responses, now: now}
}

// Repeatable makes the use case accept keys, and returns it.
func (u *EraseResponse) Repeatable(repeats *Repeats) *EraseResponse {
	u.repeats = repeats
	return u
}

// Execute erases the response that id is part of and, with laterTurns, the responses
// that quote it. It returns what was removed, and the authorization: its receipt can
// be fetched later, its salt is returned only here. CodeForbidden for those who may
// erase nothing; CodeNotFound if there is none, or if the caller may not erase every
// part of it and of its later turns; CodeHeld if the caller may, but a hold covers
// any part; CodeRefused if the database refuses to delete it, or if more than
// MaxLaterTurns later turns quote it.
func (u *EraseResponse) Execute(ctx context.Context, caller Principal, id uuid.UUID, laterTurns bool) (Erased, Authorization, error) {
	return u.execute(ctx, caller, id, laterTurns, newAuthorization(TriggerSingle, u.now()))
}

func (u *EraseResponse) execute(ctx context.Context, caller Principal, id uuid.UUID, laterTurns bool, w Authorization) (Erased, Authorization, error) {
	switch caller.deleteReach() {
	case none:
		return Erased{}, Authorization{}, errForbidden("Delete")
	case own:
		return u.erase(ctx, caller, caller.owners(), id, laterTurns, w)
	default:
		return u.erase(ctx, caller, nil, id, laterTurns, w)
	}
}

// erase erases what belongs to these owners; nil: to anyone.
func (u *EraseResponse) erase(ctx context.Context, caller Principal, owners []string, id uuid.UUID, laterTurns bool, w Authorization) (Erased, Authorization, error) {
	w.Actor = &caller.ID
	erase := u.responses.Erase
	if laterTurns {
		erase = u.responses.EraseWithLaterTurns
	}
	erased, err := erase(ctx, id, owners, func(found Found) (Authorization, error) {
		for _, owner := range found.Owners {
			batched := owner == ""
			if batched || owners != nil && !slices.Contains(owners, owner) {
				return Authorization{}, errNoResponse(id)
			}
		}
		if found.Unowned && owners != nil || !found.Unowned && len(found.Owners) == 0 {
			return Authorization{}, errNoResponse(id)
		}
		if len(found.Holds) > 0 {
			return Authorization{}, errHeld(caller, id, found.Holds)
		}
		w.Role = caller.actorRole(found)
		return w, nil
	})
	switch {
	case CodeOf(err) == CodeNotFound:
		return Erased{}, Authorization{}, errNoResponse(id)
	case err != nil:
		return Erased{}, Authorization{}, err
	}
	return erased, w, nil
}
