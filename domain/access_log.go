package domain

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Access is a record that somebody was shown contents of another owner's response, or
// of all responses in an export.
type Access struct {
	ID       uuid.UUID       // of the record, random
	At       time.Time       // UTC, to the microsecond
	By       uuid.UUID       // who read it
	Response uuid.UUID       // zero: an export
	Owner    string          // of the response; empty: an export that is not of a single owner
	Address  string          // of the connecting peer
	Export   *ResponseFilter // what was exported; nil: the response alone
}

// Recording is an access to be recorded when contents are returned.
type Recording struct {
	Access          // without Response and Owner
	Exempt []string // owners of responses that need no record
}

// Covers reports whether returning contents of this owner's response needs a record. A
// nil Recording covers nothing.
func (r *Recording) Covers(owner string) bool {
	return r != nil && !slices.Contains(r.Exempt, owner)
}

const messageNotRecorded = "Could not record this access, so the response is not shown; try again later"

// ErrNotRecorded is returned instead of contents if the access to them could not be
// recorded. The cause is for the log.
func ErrNotRecorded(cause error) *Error {
	return &Error{Code: CodeUnavailable, Message: messageNotRecorded, Cause: cause}
}

func notRecorded(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Message == messageNotRecorded
}

// AccessFilter narrows a page of the access log. A nil field does not narrow.
type AccessFilter struct {
	Response *uuid.UUID
	Owner    *string
	By       *uuid.UUID
	From     *time.Time // inclusive
	To       *time.Time // inclusive
}

// Matches reports whether a record passes the filter.
func (f AccessFilter) Matches(l Access) bool {
	return (f.Response == nil || *f.Response == l.Response) &&
		(f.Owner == nil || *f.Owner == l.Owner) &&
		(f.By == nil || *f.By == l.By) &&
		(f.From == nil || !l.At.Before(*f.From)) &&
		(f.To == nil || !l.At.After(*f.To))
}

// Position is the record's place in lists: newest first, ties by descending
// identifier.
func (l Access) Position() Position { return Position{CreatedAt: l.At, ID: l.ID} }

// AccessLogRequest is a caller's request for a page of the access log.
type AccessLogRequest struct {
	Filter AccessFilter
	After  *Cursor // end of an earlier page of the same list
	Limit  *int64  // clamped to 1 to MaxLimit; nil: DefaultLimit
}

// AccessSummary is a record as lists show it. An address is nil if the person is
// unknown.
type AccessSummary struct {
	Access
	ByEmail    *string
	OwnerEmail *string
}

// ListAccessLog lists who read contents of other owners' responses.
type ListAccessLog struct {
	accessLog AccessLog
	people    People
	identify  *IdentifyOwner
	log       *slog.Logger
}

// NewListAccessLog returns the use case; log receives errors that do not fail the
// request.
func NewListAccessLog(accessLog AccessLog, people People, log *slog.Logger) *ListAccessLog {
	return &ListAccessLog{accessLog, people, NewIdentifyOwner(people), log}
}

var errNoAccessLog = Errorf(CodeForbidden, "Insufficient permissions to Read AccessLog")

// Owner returns the owner of responses that a text means in a filter: the one that is
// spelled so if there are records, or else whom IdentifyOwner identifies by the e-mail
// address, with its errors. CodeForbidden as in Execute.
func (u *ListAccessLog) Owner(ctx context.Context, caller Principal, text string) (string, error) {
	if !caller.mayReadAccessLog() {
		return "", errNoAccessLog
	}
	if !strings.Contains(text, "@") {
		return text, nil
	}
	records, err := u.accessLog.Page(ctx, AccessQuery{Filter: AccessFilter{Owner: &text}, Limit: 1})
	if err != nil || len(records) > 0 {
		return text, err
	}
	id, err := u.identify.Execute(ctx, caller, "owner", text)
	return id.String(), err
}

// Person returns the person that a text means in accessed_by, as IdentifyOwner does.
// CodeForbidden as in Execute.
func (u *ListAccessLog) Person(ctx context.Context, caller Principal, text string) (uuid.UUID, error) {
	if !caller.mayReadAccessLog() {
		return uuid.Nil, errNoAccessLog
	}
	return u.identify.Execute(ctx, caller, "accessed_by", text)
}

// Execute returns a page. CodeForbidden for everyone but administrators, because the
// log also watches platform managers. CodeInvalid if After belongs to another list.
func (u *ListAccessLog) Execute(ctx context.Context, caller Principal, r AccessLogRequest) (Page[AccessSummary], error) {
	if !caller.mayReadAccessLog() {
		return Page[AccessSummary]{}, errNoAccessLog
	}
	found, err := pageOf(r.Filter.fingerprint(), r.After, r.Limit,
		func(after *Position, limit int64) ([]Access, error) {
			return u.accessLog.Page(ctx, AccessQuery{Filter: r.Filter, After: after, Limit: limit})
		}, Access.Position)
	if err != nil {
		return Page[AccessSummary]{}, err
	}
	summaries, err := u.enrich(ctx, caller, found.Items)
	if err != nil {
		return Page[AccessSummary]{}, err
	}
	return Page[AccessSummary]{summaries, found.Next, found.Limit}, nil
}
