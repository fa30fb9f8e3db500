package httpapi

import (
	"context"
	"time"

	"lethe/domain"
)

const holdsPath = "/lethe/api/v1/holds"

func (s *server) PlaceHold(ctx context.Context, request PlaceHoldRequestObject) (PlaceHoldResponseObject, error) {
	b := request.Body
	owners, err := s.ownersNamed(ctx, "owners", b.Owners)
	if err != nil {
		return nil, err
	}
	r := domain.HoldRequest{Reason: b.Reason, ExpiresAt: (*time.Time)(b.ExpiresAt)}
	r.Responses, r.Owners = b.Responses, owners
	if f := b.Filter; f != nil {
		r.Filter = &domain.HoldFilter{
			States: f.States, Models: f.Models, Tiers: f.Tiers,
			CreatedAfter: (*time.Time)(f.CreatedAfter), CreatedBefore: (*time.Time)(f.CreatedBefore),
		}
	}
	hold, err := s.Holds.Place.Execute(ctx, callerIn(ctx), r)
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "Hold placed", "request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "hold", hold.ID)
	return PlaceHold201JSONResponse{
		Body:    shownHold(hold),
		Headers: PlaceHold201ResponseHeaders{Location: new(holdsPath + "/" + hold.ID.String())},
	}, nil
}

func (s *server) ListHolds(ctx context.Context, request ListHoldsRequestObject) (ListHoldsResponseObject, error) {
	p := request.Params
	page, err := s.Holds.List.Execute(ctx, callerIn(ctx), domain.HoldListRequest{
		Active: p.Active, After: (*domain.Cursor)(p.After), Limit: p.Limit,
	})
	if err != nil {
		return nil, err
	}
	return ListHolds200JSONResponse{Body: HoldPage{
		Data: convert(page.Items, shownHold), Limit: page.Limit, HasMore: page.Next != nil, NextCursor: cursorText(page.Next),
	}}, nil
}

func (s *server) GetHold(ctx context.Context, request GetHoldRequestObject) (GetHoldResponseObject, error) {
	hold, err := s.Holds.Get.Execute(ctx, callerIn(ctx), request.HoldId)
	if err != nil {
		return nil, err
	}
	return GetHold200JSONResponse{Body: shownHold(hold)}, nil
}

func (s *server) ReleaseHold(ctx context.Context, request ReleaseHoldRequestObject) (ReleaseHoldResponseObject, error) {
	hold, err := s.Holds.Release.Execute(ctx, callerIn(ctx), request.HoldId)
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "Hold released", "request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "hold", hold.ID)
	return ReleaseHold200JSONResponse{Body: shownHold(hold)}, nil
}

func shownHold(h domain.Hold) Hold {
	shown := Hold{
		Id: h.ID, Active: h.Active, Responses: listed(h.Responses), Owners: listed(h.Owners), Reason: h.Reason,
		CreatedAt: h.CreatedAt.UTC(), CreatedBy: h.CreatedBy, ExpiresAt: utc(h.ExpiresAt),
		ReleasedAt: utc(h.ReleasedAt), ReleasedBy: h.ReleasedBy,
	}
	if f := h.Filter; f != nil {
		shown.Filter = &HoldFilter{
			States: f.States, Models: f.Models, Tiers: f.Tiers,
			CreatedAfter: (*instant)(f.CreatedAfter), CreatedBefore: (*instant)(f.CreatedBefore),
		}
	}
	return shown
}
