package domain

import (
	"context"
	"slices"

	"github.com/google/uuid"
)

// EraseResponse erases one response with all its parts.
type EraseResponse struct {
	responses Responses
}

// NewEraseResponse makes the use case.
func NewEraseResponse(responses Responses) *EraseResponse {
	return &EraseResponse{responses}
}

// Execute erases the response that id is a part of and says what was removed.
// CodeForbidden for those who may erase nothing; CodeNotFound where there is
// none, and just so where any part of it is not the caller's to erase.
func (u *EraseResponse) Execute(ctx context.Context, caller Principal, id uuid.UUID) (Erased, error) {
	reach := caller.deleteReach()
	if reach == none {
		return Erased{}, errForbidden("Delete")
	}
	mine := caller.owners()
	erased, err := u.responses.Erase(ctx, id, func(owners []string) error {
		for _, owner := range owners {
			batched := owner == ""
			if batched || reach != everyone && !slices.Contains(mine, owner) {
				return errNoResponse(id)
			}
		}
		return nil
	})
	if err != nil && CodeOf(err) == CodeNotFound {
		return Erased{}, errNoResponse(id)
	}
	return erased, err
}
