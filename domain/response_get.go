package domain

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
)

// ResponseDetail is one response with everything known of it.
type ResponseDetail struct {
	ResponseSummary
	Contents
	Withheld Withheld
}

// GetRequest is what a caller asks of one response.
type GetRequest struct {
	ID           uuid.UUID
	OmitContents bool   // answers without prompt and answer, and without reading them
	Max          int64  // of the bytes of contents: of more, only how many they are is told; 0: any
	Address      string // where the caller asks from
}

// GetResponse fetches one response.
type GetResponse struct {
	responses Responses
	enricher  enricher
	accessLog AccessLog
	now       func() time.Time
}

// NewGetResponse makes the use case; now is the clock, and log receives what
// went wrong without failing the request.
func NewGetResponse(responses Responses, usage UsageRecords, people People, accessLog AccessLog, now func() time.Time, log *slog.Logger) *GetResponse {
	return &GetResponse{responses, enricher{usage, people, log}, accessLog, now}
}

// Execute returns the response. CodeForbidden for those who may read nothing;
// CodeNotFound where there is none, and just so where it is not the caller's.
//
// Contents that are neither the caller's own nor the active organization's are
// an access, and on record when they are returned. CodeUnavailable where that
// cannot be written. What is stored encrypted is withheld. Contents of more bytes
// than were asked for are not read, and nothing but Contents.Left is returned.
func (u *GetResponse) Execute(ctx context.Context, caller Principal, r GetRequest) (ResponseDetail, error) {
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
	if r.OmitContents {
		response, err = u.responses.GetSummary(ctx, r.ID, owners)
	} else {
		response, contents, err = u.responses.Get(ctx, r.ID, owners, cmp.Or(r.Max, math.MaxInt64))
	}
	if CodeOf(err) == CodeNotFound {
		return ResponseDetail{}, errNoResponse(r.ID)
	}
	if err != nil {
		return ResponseDetail{}, err
	}
	if contents.Left > 0 {
		return ResponseDetail{Contents: contents}, nil // nothing has been looked at
	}
	var summaries []ResponseSummary
	describe := func(ctx context.Context) (err error) {
		summaries, err = u.enricher.enrich(ctx, caller, []Response{response})
		return err
	}
	if r.OmitContents || slices.Contains(caller.owners(), response.Owner) {
		err = describe(ctx)
	} else {
		// Beside each other, as both mostly ask a database.
		err = both(ctx, describe, func(ctx context.Context) error {
			return u.record(ctx, caller, response, r.Address)
		})
	}
	if err != nil {
		return ResponseDetail{}, err
	}
	shown, withheld := contents.withoutEncrypted()
	return ResponseDetail{summaries[0], shown, withheld}, nil
}

// record records an access. Without it the contents are not shown: who can keep the
// record from being written could else look at everything unseen. A look that
// is noted, and then not shown because something else failed, is one too many,
// and better than one too few.
func (u *GetResponse) record(ctx context.Context, caller Principal, response Response, address string) error {
	err := u.accessLog.Record(ctx, Access{
		ID: uuid.New(), At: u.now().UTC().Truncate(time.Microsecond), By: caller.ID,
		Response: response.ID, Owner: response.Owner, Address: address,
	})
	switch {
	case err == nil:
		return nil
	case CodeOf(err) == CodeNotFound: // erased since it was read
		return errNoResponse(response.ID)
	}
	return &Error{Code: CodeUnavailable, Message: "That you looked at this response could not be recorded, so it is not shown; try again later", Cause: err}
}
