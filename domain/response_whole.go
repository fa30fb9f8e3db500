package domain

import (
	"cmp"
	"context"
	"math"

	"github.com/google/uuid"
)

// WholeResponse is a response with all its parts, as the gateway's clients know it.
type WholeResponse struct {
	ID    uuid.UUID      // as in Chain; of a response whose parts are left out, none
	Parts []ResponsePart // in the order of their steps; one or more
	Left  int64          // as in Contents, of all parts; if it is not 0, there are no parts
}

// ResponsePart is one request of a response.
type ResponsePart struct {
	Response
	Contents
	Withheld Withheld
}

// WholeRequest is a request for a whole response.
type WholeRequest struct {
	ID       uuid.UUID // of a request or a step
	HeadOnly bool      // of the other parts, no contents are returned
	Max      int64     // as in GetRequest
}

// GetWholeResponse fetches whole responses for those who call with a key.
type GetWholeResponse struct{ responses ResponseReader }

// NewGetWholeResponse returns the use case.
func NewGetWholeResponse(responses ResponseReader) *GetWholeResponse {
	return &GetWholeResponse{responses}
}

// Execute returns the response with all its parts. CodeNotFound if there is none, or if
// the key's owner does not own every part; CodeConflict if it has more than MaxParts. No
// access is recorded, as nobody sees another owner's contents.
func (u *GetWholeResponse) Execute(ctx context.Context, caller KeyHolder, r WholeRequest) (WholeResponse, error) {
	chain, err := chainOf(ctx, u.responses, r.ID, caller)
	if err != nil {
		return WholeResponse{}, err
	}
	if len(chain.Requests) > MaxParts {
		return WholeResponse{}, Errorf(CodeConflict, "Response with ID %s has more than %d parts; fetch them one by one at /admin/api/v1/batches/requests", r.ID, MaxParts)
	}
	whole := WholeResponse{ID: chain.ID}
	budget := cmp.Or(r.Max, math.MaxInt64)
	var read, left int64
	for i, id := range chain.Requests {
		var part ResponsePart
		if r.HeadOnly && i > 0 {
			part.Response, err = u.responses.GetSummary(ctx, id, caller.owners())
		} else {
			limit := budget - read
			if left > 0 {
				limit = 0 // only its size matters
			}
			part.Response, part.Contents, err = u.responses.Get(ctx, id, caller.owners(), limit, nil)
		}
		if CodeOf(err) == CodeNotFound {
			return WholeResponse{}, errNoResponse(r.ID)
		}
		if err != nil {
			return WholeResponse{}, err
		}
		read += part.Bytes()
		left += part.Left
		part.Contents, part.Withheld = part.withoutEncrypted()
		whole.Parts = append(whole.Parts, part)
	}
	if left > 0 {
		return WholeResponse{Left: read + left}, nil
	}
	return whole, nil
}

// EraseWholeResponse erases responses for those who call with a key.
type EraseWholeResponse struct {
	responses ResponseReader
	erase     *EraseResponse
}

// NewEraseWholeResponse returns the use case.
func NewEraseWholeResponse(responses ResponseReader, erase *EraseResponse) *EraseWholeResponse {
	return &EraseWholeResponse{responses, erase}
}

// Execute is EraseResponse.Execute for the whole response that id is part of, of a
// request or a step. CodeNotFound if there is none, or if the key's owner does not own
// every part. With a key, it is EraseResponse.ExecuteOnce.
func (u *EraseWholeResponse) Execute(ctx context.Context, caller KeyHolder, id uuid.UUID, key *string) (Erased, Authorization, error) {
	erase := func(w Authorization) (Erased, Authorization, error) {
		chain, err := chainOf(ctx, u.responses, id, caller)
		if err != nil {
			return Erased{}, Authorization{}, err
		}
		erased, w, err := u.erase.erase(ctx, caller.Creator, caller.owners(), chain.Requests[0], false, w)
		if CodeOf(err) == CodeNotFound {
			err = errNoResponse(id)
		}
		return erased, w, err
	}
	if key != nil {
		return u.erase.once(ctx, repetition{caller.Creator.ID, id, *key, false}, erase)
	}
	return erase(newAuthorization(TriggerSingle, u.erase.now()))
}

// chainOf returns the key owner's response that id is part of.
func chainOf(ctx context.Context, responses ResponseReader, id uuid.UUID, caller KeyHolder) (Chain, error) {
	chain, err := responses.Chain(ctx, id, caller.owners())
	if CodeOf(err) == CodeNotFound {
		return Chain{}, errNoResponse(id)
	}
	return chain, err
}
