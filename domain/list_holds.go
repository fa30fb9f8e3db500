package domain

import "context"

// HoldListRequest is what a caller asks of the list of holds.
type HoldListRequest struct {
	Active *bool   // nil: all
	After  *Cursor // where an earlier page of the same list ended
	Limit  *int64  // brought into 1 to MaxLimit; nil: DefaultLimit
}

// HoldPage is one page of holds; Limit is as it was applied.
type HoldPage struct {
	Items []Hold
	Next  *Cursor // where to go on; nil: nothing follows
	Limit int64
}

// ListHolds lists holds, released and expired ones too.
type ListHolds struct {
	holds Holds
}

// NewListHolds makes the use case.
func NewListHolds(holds Holds) *ListHolds { return &ListHolds{holds} }

// Execute returns a page, newest first. CodeForbidden for those who may not
// hold; CodeInvalid where After belongs to another list.
func (u *ListHolds) Execute(ctx context.Context, caller Principal, r HoldListRequest) (HoldPage, error) {
	if !caller.mayHold() {
		return HoldPage{}, errHoldForbidden("Read")
	}
	page := HoldPage{Limit: DefaultLimit}
	if r.Limit != nil {
		page.Limit = min(max(*r.Limit, 1), MaxLimit)
	}
	q := HoldQuery{Active: r.Active, Limit: page.Limit + 1} // one more tells whether there are more
	list := holdList(r.Active)
	if r.After != nil {
		after, err := list.position(*r.After)
		if err != nil {
			return HoldPage{}, errAbout("after", "after: "+err.Error())
		}
		q.After = &after
	}
	var err error
	if page.Items, err = u.holds.Page(ctx, q); err != nil {
		return HoldPage{}, err
	}
	if int64(len(page.Items)) > page.Limit {
		page.Items = page.Items[:page.Limit]
		last := page.Items[page.Limit-1]
		next := list.cursor(Position{CreatedAt: last.CreatedAt, ID: last.ID})
		page.Next = &next
	}
	return page, nil
}
