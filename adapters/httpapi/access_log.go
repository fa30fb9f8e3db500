package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

func (s *server) ListAccessLog(ctx context.Context, request ListAccessLogRequestObject) (ListAccessLogResponseObject, error) {
	p := request.Params
	if p.Owner != nil {
		owner, err := s.AccessLog.Owner(ctx, callerIn(ctx), *p.Owner)
		if err != nil {
			return nil, err
		}
		understood(ctx, *p.Owner, owner)
		p.Owner = &owner
	}
	var by *uuid.UUID
	if p.AccessedBy != nil {
		person, err := s.AccessLog.Person(ctx, callerIn(ctx), *p.AccessedBy)
		if err != nil {
			return nil, err
		}
		understood(ctx, *p.AccessedBy, person.String())
		by = &person
	}
	page, err := s.AccessLog.Execute(ctx, callerIn(ctx), domain.AccessLogRequest{
		Filter: domain.AccessFilter{
			Response: p.ResponseId,
			Owner:    p.Owner,
			By:       by,
			From:     (*time.Time)(p.AccessedAfter),
			To:       (*time.Time)(p.AccessedBefore),
		},
		After: (*domain.Cursor)(p.After),
		Limit: p.Limit,
	})
	if err != nil {
		return nil, err
	}
	return ListAccessLog200JSONResponse{Body: AccessPage{
		Data: convert(page.Items, shownAccess), Limit: page.Limit, HasMore: page.Next != nil, NextCursor: cursorText(page.Next),
	}}, nil
}

func shownAccess(a domain.AccessSummary) Access {
	shown := Access{
		Id: a.ID, ResponseId: unlessZero(a.Response), Owner: &a.Owner, OwnerEmail: a.OwnerEmail,
		AccessedBy: a.By, AccessedByEmail: a.ByEmail, AccessedAt: a.At.UTC(), Address: a.Address,
	}
	if f := a.Export; f != nil {
		shown.Owner = unlessZero(a.Owner)
		shown.Export = &ExportedFilter{
			Owners: f.Owners, States: f.States, Models: f.Models, Tiers: f.Tiers,
			CreatedAfter: (*instant)(f.CreatedAfter), CreatedBefore: (*instant)(f.CreatedBefore),
			ResponseStatusMin: f.StatusMin, ResponseStatusMax: f.StatusMax,
			MinDurationMs: (*duration)(f.MinDuration), HasError: f.HasError, MinTotalCost: number(f.MinTotalCost),
		}
	}
	return shown
}
