package domain

import (
	"context"

	"github.com/google/uuid"
)

// GetErasure fetches a bulk erasure.
type GetErasure struct {
	erasures ErasureReader
}

// NewGetErasure returns the use case.
func NewGetErasure(erasures ErasureReader) *GetErasure { return &GetErasure{erasures} }

// Execute returns the erasure, without its secret, to the person who asked for it,
// whatever their rights are now, and to those who may erase everyone's. For all
// others CodeNotFound, as if there were none.
func (u *GetErasure) Execute(ctx context.Context, caller Principal, id uuid.UUID) (Erasure, error) {
	return visibleErasure(ctx, u.erasures, caller, id)
}

func visibleErasure(ctx context.Context, erasures ErasureReader, caller Principal, id uuid.UUID) (Erasure, error) {
	e, err := erasures.Get(ctx, id)
	switch {
	case CodeOf(err) == CodeNotFound, err == nil && !e.visibleTo(caller):
		return Erasure{}, errNoErasure(id)
	case err != nil:
		return Erasure{}, err
	}
	return e.shownTo(caller), nil
}

// ErasureListRequest is a caller's request for the list of erasures.
type ErasureListRequest struct {
	States  []ErasureState // nil: all
	Trigger *Trigger       // nil: all
	After   *Cursor        // end of an earlier page of the same list
	Limit   *int64         // clamped to 1 to MaxLimit; nil: DefaultLimit
}

// ListErasures lists bulk erasures.
type ListErasures struct {
	erasures ErasureReader
}

// NewListErasures returns the use case.
func NewListErasures(erasures ErasureReader) *ListErasures { return &ListErasures{erasures} }

// Execute returns a page, newest first. Callers who may erase everyone's responses
// see all erasures; others who may erase see their own. CodeForbidden for those who
// may erase nothing; CodeInvalid if After belongs to another list.
func (u *ListErasures) Execute(ctx context.Context, caller Principal, r ErasureListRequest) (Page[Erasure], error) {
	q := ErasureQuery{States: r.States, Trigger: r.Trigger}
	switch caller.deleteReach() {
	case none:
		return Page[Erasure]{}, errErasureForbidden("Read")
	case own:
		q.RequestedBy = &caller.ID
	}
	page, err := pageOf(q.fingerprint(), r.After, r.Limit,
		func(after *Position, limit int64) ([]Erasure, error) {
			q.After, q.Limit = after, limit
			return u.erasures.Page(ctx, q)
		}, Erasure.Position)
	for i := range page.Items {
		page.Items[i] = page.Items[i].shownTo(caller)
	}
	return page, err
}

// ListErasureReceipts lists the receipts of a bulk erasure.
type ListErasureReceipts struct {
	erasures ErasureReader
}

// NewListErasureReceipts returns the use case.
func NewListErasureReceipts(erasures ErasureReader) *ListErasureReceipts {
	return &ListErasureReceipts{erasures}
}

// Execute returns a page, newest first. CodeNotFound as in GetErasure; CodeInvalid if
// after belongs to another list. limit is as in ErasureListRequest.
func (u *ListErasureReceipts) Execute(ctx context.Context, caller Principal, id uuid.UUID, after *Cursor, limit *int64) (Page[ErasureReceipt], error) {
	if _, err := visibleErasure(ctx, u.erasures, caller, id); err != nil {
		return Page[ErasureReceipt]{}, err
	}
	return pageOf(fingerprintOf("receipts of "+id.String()), after, limit,
		func(after *Position, limit int64) ([]ErasureReceipt, error) {
			return u.erasures.Receipts(ctx, ErasureReceiptQuery{Erasure: id, After: after, Limit: limit})
		}, ErasureReceipt.Position)
}
