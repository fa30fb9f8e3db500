package domain

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Look is a record of contents that were shown to somebody whose they are not.
type Look struct {
	ID       uuid.UUID // the record's, random
	At       time.Time // UTC, to the microsecond
	By       uuid.UUID // who looked
	Response uuid.UUID
	Owner    string // the response's
	Address  string // of the peer that asked
}

// LookFilter narrows a list of looks. A nil field does not narrow.
type LookFilter struct {
	Response *uuid.UUID
	Owner    *string
	By       *uuid.UUID
	From     *time.Time // inclusive
	To       *time.Time // inclusive
}

// Matches tells whether a look passes the filter.
func (f LookFilter) Matches(l Look) bool {
	return (f.Response == nil || *f.Response == l.Response) &&
		(f.Owner == nil || *f.Owner == l.Owner) &&
		(f.By == nil || *f.By == l.By) &&
		(f.From == nil || !l.At.Before(*f.From)) &&
		(f.To == nil || !l.At.After(*f.To))
}

// Position is where the look stands in lists: the newest first, ties by
// descending identifier.
func (l Look) Position() Position { return Position{CreatedAt: l.At, ID: l.ID} }

// LooksRequest is what a caller asks of a list of looks.
type LooksRequest struct {
	Filter LookFilter
	After  *Cursor // where an earlier page of the same list ended
	Limit  *int64  // brought into 1 to MaxLimit; nil: DefaultLimit
}

// LookPage is one page of a list of looks; Limit is as it was applied.
type LookPage struct {
	Items []LookSummary
	Next  *Cursor // where to go on; nil: nothing follows
	Limit int64
}

// LookSummary is a look as lists show it. Addresses are nil of those who are no
// known people.
type LookSummary struct {
	Look
	ByEmail    *string
	OwnerEmail *string
}

// ListLooks lists who looked.
type ListLooks struct {
	looks  Looks
	people People
	log    *slog.Logger
}

// NewListLooks makes the use case; log receives what went wrong without failing
// the request.
func NewListLooks(looks Looks, people People, log *slog.Logger) *ListLooks {
	return &ListLooks{looks, people, log}
}

// Execute returns a page. CodeForbidden for all but administrators: what is
// recorded watches platform managers, too. CodeInvalid where After belongs to
// another list.
func (u *ListLooks) Execute(ctx context.Context, caller Principal, r LooksRequest) (LookPage, error) {
	if !caller.mayReadLooks() {
		return LookPage{}, Errorf(CodeForbidden, "Insufficient permissions to Read Looks")
	}
	var page LookPage
	found, next, limit, err := pageOf(r.Filter.fingerprint(), r.After, r.Limit,
		func(after *Position, limit int64) ([]Look, error) {
			return u.looks.Page(ctx, LookQuery{Filter: r.Filter, After: after, Limit: limit})
		}, Look.Position)
	if err != nil {
		return LookPage{}, err
	}
	page.Next, page.Limit = next, limit
	page.Items, err = u.describe(ctx, caller, found)
	if err != nil {
		return LookPage{}, err
	}
	return page, nil
}
