package domain

import (
	"context"
	"log/slog"

	"github.com/google/uuid"
)

// ResponseDetail is one response with everything known of it.
type ResponseDetail struct {
	ResponseSummary
	Contents
}

// GetResponse fetches one response.
type GetResponse struct {
	responses Responses
	described describer
}

// NewGetResponse makes the use case; log receives what went wrong without
// failing the request.
func NewGetResponse(responses Responses, usage UsageRecords, people People, log *slog.Logger) *GetResponse {
	return &GetResponse{responses, describer{usage, people, log}}
}

// Execute returns the response; with omitContents without prompt and answer,
// and without reading them. CodeForbidden for those who may read nothing;
// CodeNotFound where there is none, and just so where it is not the caller's.
func (u *GetResponse) Execute(ctx context.Context, caller Principal, id uuid.UUID, omitContents bool) (ResponseDetail, error) {
	reach := caller.readReach()
	if reach == none {
		return ResponseDetail{}, errForbidden("Read")
	}
	var owners []string
	if reach == own {
		owners = caller.owners()
	}
	var response Response
	var contents Contents
	var err error
	if omitContents {
		response, err = u.responses.GetSummary(ctx, id, owners)
	} else {
		response, contents, err = u.responses.Get(ctx, id, owners)
	}
	if CodeOf(err) == CodeNotFound {
		return ResponseDetail{}, errNoResponse(id)
	}
	if err != nil {
		return ResponseDetail{}, err
	}
	summaries, err := u.described.describe(ctx, caller, []Response{response})
	if err != nil {
		return ResponseDetail{}, err
	}
	return ResponseDetail{summaries[0], contents}, nil
}
