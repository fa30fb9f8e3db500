package domain

import (
	"context"

	"github.com/google/uuid"
)

// MaxModels is the maximum number of models that are listed.
const MaxModels = 1000

// ListModels lists the models of the responses that a caller may see.
type ListModels struct{ responses ResponseReader }

// NewListModels returns the use case.
func NewListModels(responses ResponseReader) *ListModels { return &ListModels{responses} }

// Execute returns the models among what ListResponses lists for this member, if any,
// without a filter, and its errors.
func (u *ListModels) Execute(ctx context.Context, caller Principal, member *uuid.UUID) (ModelList, error) {
	owner, err := listScope(caller, ListRequest{MemberID: member})
	if err != nil {
		return ModelList{}, err
	}
	return u.responses.Models(ctx, owner, MaxModels)
}
