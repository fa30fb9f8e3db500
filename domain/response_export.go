package domain

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

const (
	// exportedPage is how many responses an export reads at a time, and
	// exportedContents how many if their contents are read too.
	exportedPage     = 1000
	exportedContents = 64

	// exportedAtOnce is up to how many bytes contents are read with those of others.
	exportedAtOnce = 32_768
)

// ExportRequest is a caller's request for an export: everything that a list would have
// on all of its pages, newest first. ActiveFirst, Skip, Limit and Count do not matter.
type ExportRequest struct {
	ListRequest
	Contents bool   // with prompts and answers
	Address  string // the caller's address
}

// ExportResponses exports the responses that a caller may see.
type ExportResponses struct {
	responses ResponseReader
	contents  ContentsReader
	accesses  ExportLog
	people    People
	enricher  enricher
	now       func() time.Time
}

// NewExportResponses returns the use case; now is the clock, and log receives errors that
// do not fail the export.
func NewExportResponses(responses ResponseReader, contents ContentsReader, accesses ExportLog, usage UsageRecords, people People, now func() time.Time, log *slog.Logger) *ExportResponses {
	return &ExportResponses{responses, contents, accesses, people, enricher{usage, people, log}, now}
}

// Export is an export that has begun. It has no responses that are created after it
// begins, and none that are erased before it reaches them.
type Export struct {
	of      *ExportResponses
	caller  Principal
	request ExportRequest
	scope   *string
	list    fingerprint
	next    PageQuery
	record  *Access // still to be written
	covered bool    // a record is or was needed
}

// ExportPage is a part of an export.
type ExportPage struct {
	// Items may be empty. Contents of an item that are too large to be read with others
	// are missing, and Left is their size: Whole reads them.
	Items []ResponseDetail
	Next  *Cursor // where a later export goes on; nil: this is the end
}

// Start begins an export. Its errors are those of ListResponses.Execute; After must be
// from an earlier export of the same responses, with contents or without.
func (u *ExportResponses) Start(ctx context.Context, caller Principal, r ExportRequest) (*Export, error) {
	scope, err := listScope(caller, r.ListRequest)
	if err != nil {
		return nil, err
	}
	e := &Export{of: u, caller: caller, request: r, scope: scope, next: PageQuery{Filter: r.filter(), Limit: exportedPage}}
	e.list = fingerprintOf(struct {
		Exported fingerprint
		Contents bool
	}{list{scope, r.OwnerEmail, e.next.Filter, false}.fingerprint(), r.Contents})
	if e.next.After, _, err = e.list.start(r.After, nil); err != nil {
		return nil, err
	}
	begun := ToMicroseconds(u.now())
	if e.next.After == nil {
		// Nothing lies between these two microseconds, and no identifier is below zero.
		e.next.After = &Position{CreatedAt: begun.Add(time.Microsecond)}
	}
	if e.next.Filter.Owners, err = ownersNamed(ctx, u.people, scope, r.OwnerEmail); err != nil {
		return nil, err
	}
	if !r.Contents {
		return e, nil
	}
	e.next.Limit = exportedContents
	if e.covered = !caller.ownsAll(e.next.Filter.Owners); e.covered {
		filter := e.next.Filter
		filter.CreatedAfter, filter.CreatedBefore = ifSayable(filter.CreatedAfter), ifSayable(filter.CreatedBefore)
		e.record = &Access{ID: uuid.New(), At: begun, By: caller.ID, Address: r.Address, Export: &filter}
		if len(filter.Owners) == 1 {
			e.record.Owner = filter.Owners[0]
		}
	}
	return e, nil
}

// ifSayable returns nil for a time that no record can express.
func ifSayable(t *time.Time) *time.Time {
	if t == nil || !Sayable(*t) {
		return nil
	}
	return t
}

// ownsAll reports whether everything of these owners counts as the caller's own; nil is
// everyone.
func (p Principal) ownsAll(owners []string) bool {
	return owners != nil && len(within(p.owners(), owners)) == len(owners)
}

// Continue goes on for the caller as they are now. CodeForbidden if that is somebody
// else, or if they may no longer see everything that the export has.
func (e *Export) Continue(caller Principal) error {
	scope, err := listScope(caller, e.request.ListRequest)
	same := scope == nil && e.scope == nil || scope != nil && e.scope != nil && *scope == *e.scope
	seen := e.covered || !e.request.Contents || caller.ownsAll(e.next.Filter.Owners)
	if err != nil || !same || !seen || caller.ID != e.caller.ID {
		return errForbidden("Read")
	}
	e.caller = caller
	return nil
}

// Next returns the next part. If contents may belong neither to the caller nor to the
// active organization, the first call records the access before it reads anything:
// ErrNotRecorded if that cannot be done. Encrypted contents are withheld. After an error
// it can be called again.
func (e *Export) Next(ctx context.Context) (ExportPage, error) {
	if e.record != nil {
		if err := e.of.accesses.RecordExport(ctx, *e.record); err != nil {
			if ctx.Err() != nil {
				return ExportPage{}, ctx.Err()
			}
			return ExportPage{}, ErrNotRecorded(err)
		}
		e.record = nil
	}
	found, err := e.of.responses.Page(ctx, e.next)
	if err != nil {
		return ExportPage{}, err
	}
	items, err := e.details(ctx, found)
	if err != nil {
		return ExportPage{}, err
	}
	page := ExportPage{Items: items}
	if int64(len(found)) == e.next.Limit {
		at := PositionOf(found[len(found)-1], false)
		next := e.list.cursor(at)
		page.Next, e.next.After = &next, &at
	}
	return page, nil
}

// details leaves found as it is. With contents, it has the responses as they are by now,
// and none that are erased meanwhile.
func (e *Export) details(ctx context.Context, found []Response) ([]ResponseDetail, error) {
	var contents map[uuid.UUID]ResponseContents
	if e.request.Contents {
		ids := make([]uuid.UUID, len(found))
		for i, r := range found {
			ids[i] = r.ID
		}
		var err error
		if contents, err = e.of.contents.GetAll(ctx, ids, e.next.Filter.Owners, exportedAtOnce); err != nil {
			return nil, err
		}
		found = make([]Response, 0, len(ids))
		for _, id := range ids {
			if c, left := contents[id]; left {
				found = append(found, c.Response)
			}
		}
	}
	summaries, err := e.of.enricher.enrich(ctx, e.caller, found)
	if err != nil {
		return nil, err
	}
	items := make([]ResponseDetail, len(summaries))
	for i, s := range summaries {
		items[i].ResponseSummary = s
		items[i].Contents, items[i].Withheld = contents[s.ID].withoutEncrypted()
	}
	return items, nil
}

// Whole adds the contents that Next left out; if there are more than limit bytes by now,
// it only updates Left. CodeNotFound if the response was erased meanwhile.
func (e *Export) Whole(ctx context.Context, item ResponseDetail, limit int64) (ResponseDetail, error) {
	_, contents, err := e.of.responses.Get(ctx, item.ID, e.next.Filter.Owners, limit, nil)
	if err != nil {
		return ResponseDetail{}, err
	}
	item.Contents, item.Withheld = contents.withoutEncrypted()
	return item, nil
}
