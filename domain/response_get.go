package domain

import (
	"cmp"
	"context"
	"log/slog"
	"math"
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
	now       func() time.Time
}

// NewGetResponse returns the use case; now is the clock, and log receives errors that
// do not fail the request.
func NewGetResponse(responses ResponseReader, usage UsageRecords, people People, now func() time.Time, log *slog.Logger) *GetResponse {
	return &GetResponse{responses, enricher{usage, people, log}, now}
}

// reading returns whose responses the caller may read, nil for anyone's, and then what to
// record if contents of others are shown. CodeForbidden for those who may read nothing.
func (p Principal) reading(now func() time.Time, address string) (owners []string, record *Recording, err error) {
	switch p.readReach() {
	case none:
		return nil, nil, errForbidden("Read")
	case own:
		return p.owners(), nil, nil
	}
	return nil, &Recording{Access{ID: uuid.New(), At: ToMicroseconds(now()), By: p.ID, Address: address}, p.owners()}, nil
}

// Execute returns the response. CodeForbidden for those who may read nothing;
// CodeNotFound if there is none, or if it is not the caller's to read.
//
// If contents belong neither to the caller nor to the active organization, they are
// returned only with a record of the access: otherwise whoever can block the record could
// read everything unseen. ErrNotRecorded if it cannot be written; what needs no record is
// answered even then. An access that is
// recorded, but not shown because something else failed, is one record too many, which is
// better than one too few.
//
// Encrypted contents are withheld. Contents larger than the requested maximum are not
// read, and only Contents.Left is returned.
func (u *GetResponse) Execute(ctx context.Context, caller Principal, r GetRequest) (ResponseDetail, error) {
	owners, record, err := caller.reading(u.now, r.Address)
	if err != nil {
		return ResponseDetail{}, err
	}
	var response Response
	var contents Contents
	if r.OmitContents {
		response, err = u.responses.GetSummary(ctx, r.ID, owners)
	} else {
		limit := cmp.Or(r.Max, math.MaxInt64)
		response, contents, err = u.responses.Get(ctx, r.ID, owners, limit, record)
		if notRecorded(err) {
			response, contents, err = u.unrecorded(ctx, r.ID, limit, record, err)
		}
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
	summaries, err := u.enricher.enrich(ctx, caller, []Response{response})
	if err != nil {
		return ResponseDetail{}, err
	}
	shown, withheld := contents.withoutEncrypted()
	return ResponseDetail{summaries[0], shown, withheld}, nil
}

// unrecorded reads again, after a record failed, what needs none. If the response needs
// one, failed is the error, and its contents are not read.
func (u *GetResponse) unrecorded(ctx context.Context, id uuid.UUID, limit int64, record *Recording, failed error) (Response, Contents, error) {
	response, err := u.responses.GetSummary(ctx, id, nil)
	if err == nil && record.Covers(response.Owner) {
		err = failed
	}
	if err != nil {
		return Response{}, Contents{}, err
	}
	return u.responses.Get(ctx, id, record.Exempt, limit, nil)
}
