package domain

import (
	"context"
	"log/slog"
	"reflect"
	"slices"

	"github.com/google/uuid"
)

// Limits of a page.
const (
	DefaultLimit = 10
	MaxLimit     = 101
)

// ListRequest is a caller's request for a list. Nil means not given; an empty list of
// words was given and matches nothing. All conditions must hold.
type ListRequest struct {
	ResponseFilter // without owners: those that the caller may see, or MemberID
	MemberID       *uuid.UUID
	OwnerEmail     *string // exact match
	State          *string
	ActiveFirst    *bool   // nil: true
	After          *Cursor // end of an earlier page of the same list
	Skip           *int64  // below 0 counts as 0
	Limit          *int64  // clamped to 1 to MaxLimit; nil: DefaultLimit
	Count          CountMode
}

// fewSkipped is how many responses are passed over quickly.
const fewSkipped = 1000

// Searches reports whether the list may read much to show little: it has a filter, skips
// many responses, or has to count all of them.
func (r ListRequest) Searches() bool {
	return r.State != nil || r.OwnerEmail != nil || !reflect.ValueOf(r.ResponseFilter).IsZero() ||
		r.Skip != nil && *r.Skip > fewSkipped || r.Count == CountExact
}

// ResponsePage is one page of a list; Skip and Limit are the ones that were applied.
type ResponsePage struct {
	Items []ResponseSummary
	Count *Count  // nil: with CountNone, or if counting takes too long
	Next  *Cursor // where the next page starts; nil: this is the last page
	Skip  int64
	Limit int64
}

// ResponseSummary is a response as lists show it.
type ResponseSummary struct {
	Response
	Usage      Usage
	OwnerEmail *string // nil if the owner is not a known person
}

// ListResponses lists the responses that a caller may see.
type ListResponses struct {
	responses ResponseReader
	people    People
	enricher  enricher
}

// NewListResponses returns the use case; log receives errors that do not fail the
// request.
func NewListResponses(responses ResponseReader, usage UsageRecords, people People, log *slog.Logger) *ListResponses {
	return &ListResponses{responses, people, enricher{usage, people, log}}
}

// Execute returns a page. CodeForbidden for those who may read nothing; CodeInvalid
// if MemberID or OwnerEmail comes from a caller who may not read everyone's
// responses, if After belongs to another list, and if After comes with a Skip.
func (u *ListResponses) Execute(ctx context.Context, caller Principal, r ListRequest) (ResponsePage, error) {
	scope, err := listScope(caller, r)
	if err != nil {
		return ResponsePage{}, err
	}
	q := PageQuery{Filter: r.filter(), ActiveFirst: r.ActiveFirst == nil || *r.ActiveFirst}
	page := ResponsePage{}
	if r.Skip != nil {
		page.Skip = max(*r.Skip, 0)
	}
	list := list{scope, r.OwnerEmail, q.Filter, q.ActiveFirst}.fingerprint()
	if r.After != nil && page.Skip > 0 {
		return ResponsePage{}, errParameter("skip", "skip: must be 0 or omitted with after")
	}
	if q.After, page.Limit, err = list.start(r.After, r.Limit); err != nil {
		return ResponsePage{}, err
	}
	q.Skip, q.Limit = page.Skip, page.Limit+1 // one more shows whether another page follows
	if q.Filter.Owners, err = ownersNamed(ctx, u.people, scope, r.OwnerEmail); err != nil {
		return ResponsePage{}, err
	}
	var found []Response
	if r.Count == CountNone {
		found, err = u.responses.Page(ctx, q)
	} else {
		found, page.Count, err = u.responses.PageAndCount(ctx, q, r.Count)
	}
	if err != nil {
		return ResponsePage{}, err
	}
	if int64(len(found)) > page.Limit {
		found = found[:page.Limit]
		next := list.cursor(PositionOf(found[page.Limit-1], q.ActiveFirst))
		page.Next = &next
	}
	if page.Items, err = u.enricher.enrich(ctx, caller, found); err != nil {
		return ResponsePage{}, err
	}
	// At the end of the list, the number seen is better than any count.
	if r.Count != CountNone && r.After == nil && page.Next == nil && (len(found) > 0 || page.Skip == 0) {
		page.Count = &Count{Total: page.Skip + int64(len(found)), Exact: true}
	}
	return page, nil
}

// filter is every condition except the owners.
func (r ListRequest) filter() ResponseFilter {
	f := r.ResponseFilter
	if r.State != nil {
		f.States = within(r.States, []string{*r.State})
	}
	return f
}

// ownersNamed returns the owners whose responses are shown; nil is everyone.
func ownersNamed(ctx context.Context, people People, scope, email *string) ([]string, error) {
	var owners []string
	if scope != nil {
		owners = []string{*scope}
	}
	if email == nil {
		return owners, nil
	}
	ids, err := people.ByEmail(ctx, *email)
	if err != nil {
		return nil, err
	}
	named := make([]string, len(ids))
	for i, id := range ids {
		named[i] = id.String()
	}
	return within(owners, named), nil
}

// within keeps the words that are in all; nil means every word.
func within(all, words []string) []string {
	kept := make([]string, 0, len(words))
	for _, word := range words {
		if all == nil || slices.Contains(all, word) {
			kept = append(kept, word)
		}
	}
	return kept
}

// listScope decides whose responses a list shows; nil is everyone's.
func listScope(caller Principal, r ListRequest) (*string, error) {
	text := func(id uuid.UUID) *string { s := id.String(); return &s }
	reach := caller.readReach()
	switch {
	case reach == none:
		return nil, errForbidden("Read")
	case r.MemberID != nil && reach != everyone:
		return nil, errParameter("member_id", "member_id filter requires platform manager permissions")
	case r.OwnerEmail != nil && reach != everyone:
		return nil, errParameter("created_by_email", "created_by_email filter requires platform manager permissions")
	case r.MemberID != nil:
		return text(*r.MemberID), nil
	case caller.Organization != nil:
		return text(*caller.Organization), nil
	case reach == everyone:
		return nil, nil
	}
	return text(caller.ID), nil
}

// errParameter refuses a parameter, by its name in the contract.
func errParameter(parameter, message string) *Error {
	return &Error{Code: CodeInvalid, Message: message, Parameter: parameter}
}
