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

// ResponseDetail is one response with everything known about it.
type ResponseDetail struct {
	ResponseSummary
	Contents
	Withheld Withheld
}

// GetRequest is a caller's request for one response.
type GetRequest struct {
	ID           uuid.UUID
	OmitContents bool   // returns no prompt and answer, and does not read them
	Max          int64  // maximum bytes of contents; if there are more, only their size is returned; 0: no limit
	Address      string // the caller's address
}

// GetResponse fetches one response.
type GetResponse struct {
	responses ResponseReader
	enricher  enricher
	accessLog AccessLog
	now       func() time.Time
}

// NewGetResponse returns the use case; now is the clock, and log receives errors that
// do not fail the request.
func NewGetResponse(responses ResponseReader, usage UsageRecords, people People, accessLog AccessLog, now func() time.Time, log *slog.Logger) *GetResponse {
	return &GetResponse{responses, enricher{usage, people, log}, accessLog, now}
}

// Execute returns the response. CodeForbidden for those who may read nothing;
// CodeNotFound if there is none, or if it is not the caller's to read.
//
// If contents belong neither to the caller nor to the active organization, the access
// is recorded before they are returned; CodeUnavailable if it cannot be recorded.
// Encrypted contents are withheld. Contents larger than the requested maximum are not
// read, and only Contents.Left is returned.
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
		return ResponseDetail{Contents: contents}, nil // nothing has been shown
	}
	var summaries []ResponseSummary
	describe := func(ctx context.Context) (err error) {
		summaries, err = u.enricher.enrich(ctx, caller, []Response{response})
		return err
	}
	if r.OmitContents || slices.Contains(caller.owners(), response.Owner) {
		err = describe(ctx)
	} else {
		// Run both concurrently, because both usually query a database.
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

// record records an access. If that fails, the contents are not shown: otherwise
// whoever can block the record could read everything unseen. An access that is
// recorded, but not shown because something else failed, is one record too many,
// which is better than one too few.
func (u *GetResponse) record(ctx context.Context, caller Principal, response Response, address string) error {
	err := u.accessLog.Record(ctx, Access{
		ID: uuid.New(), At: ToMicroseconds(u.now()), By: caller.ID,
		Response: response.ID, Owner: response.Owner, Address: address,
	})
	switch {
	case err == nil:
		return nil
	case CodeOf(err) == CodeNotFound: // erased since it was read
		return errNoResponse(response.ID)
	}
	return &Error{Code: CodeUnavailable, Message: "Could not record this access, so the response is not shown; try again later", Cause: err}
}
