package domain

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Access is a record of contents that were shown to somebody whose they are not.
type Access struct {
	ID       uuid.UUID // the record's, random
	At       time.Time // UTC, to the microsecond
	By       uuid.UUID // who read it
	Response uuid.UUID
	Owner    string // the response's
	Address  string // of the peer that asked
}

// AccessFilter narrows a page of the access log. A nil field does not narrow.
type AccessFilter struct {
	Response *uuid.UUID
	Owner    *string
	By       *uuid.UUID
	From     *time.Time // inclusive
	To       *time.Time // inclusive
}

// Matches tells whether a record passes the filter.
func (f AccessFilter) Matches(l Access) bool {
	return (f.Response == nil || *f.Response == l.Response) &&
		(f.Owner == nil || *f.Owner == l.Owner) &&
		(f.By == nil || *f.By == l.By) &&
		(f.From == nil || !l.At.Before(*f.From)) &&
		(f.To == nil || !l.At.After(*f.To))
}

// Position is where the record stands in lists: the newest first, ties by
// descending identifier.
func (l Access) Position() Position { return Position{CreatedAt: l.At, ID: l.ID} }

// AccessLogRequest is what a caller asks of a page of the access log.
type AccessLogRequest struct {
	Filter AccessFilter
	After  *Cursor // where an earlier page of the same list ended
	Limit  *int64  // brought into 1 to MaxLimit; nil: DefaultLimit
}

// AccessPage is one page of the access log; Limit is as it was applied.
type AccessPage struct {
	Items []AccessSummary
	Next  *Cursor // where to go on; nil: nothing follows
	Limit int64
}

// AccessSummary is a record as lists show it. An address is nil where the person is
// not known.
type AccessSummary struct {
	Access
	ByEmail    *string
	OwnerEmail *string
}

// ListAccessLog lists who read the contents of responses that are not theirs.
type ListAccessLog struct {
	accessLog AccessLog
	people    People
	log       *slog.Logger
}

// NewListAccessLog makes the use case; log receives what went wrong without failing
// the request.
func NewListAccessLog(accessLog AccessLog, people People, log *slog.Logger) *ListAccessLog {
	return &ListAccessLog{accessLog, people, log}
}

// Execute returns a page. CodeForbidden for all but administrators: what is
// recorded watches platform managers, too. CodeInvalid where After belongs to
// another list.
func (u *ListAccessLog) Execute(ctx context.Context, caller Principal, r AccessLogRequest) (AccessPage, error) {
	if !caller.mayReadAccessLog() {
		return AccessPage{}, Errorf(CodeForbidden, "Insufficient permissions to Read AccessLog")
	}
	var page AccessPage
	found, next, limit, err := pageOf(r.Filter.fingerprint(), r.After, r.Limit,
		func(after *Position, limit int64) ([]Access, error) {
			return u.accessLog.Page(ctx, AccessQuery{Filter: r.Filter, After: after, Limit: limit})
		}, Access.Position)
	if err != nil {
		return AccessPage{}, err
	}
	page.Next, page.Limit = next, limit
	page.Items, err = u.enrich(ctx, caller, found)
	if err != nil {
		return AccessPage{}, err
	}
	return page, nil
}
