package httpapi

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// erasuresPath is the path of erasures and their receipts.
const erasuresPath = "/lethe/api/v1/erasures"

func receiptLocation(receipt uuid.UUID) string {
	return erasuresPath + "/" + receipt.String() + "/receipt"
}

func (s *server) PreviewErasure(ctx context.Context, request PreviewErasureRequestObject) (PreviewErasureResponseObject, error) {
	b := request.Body
	owner, err := s.ownerNamed(ctx, "owner", b.Owner)
	if err != nil {
		return nil, err
	}
	p, token, err := s.Erasures.Preview.Execute(ctx, callerIn(ctx), erasureRequest(b.Responses, owner, b.Filter, b.IncludeLaterTurns))
	if err != nil {
		return nil, err
	}
	return PreviewErasure200JSONResponse{Body: ErasurePreview{
		Token: token, ExpiresAt: p.ExpiresAt.UTC(), AsOf: p.AsOf.UTC(),
		Responses: p.Responses, Requests: p.Requests, Steps: p.Steps, Templates: p.Templates,
		RawRequests: p.RawRequests, RawResponses: p.RawResponses, Tasks: p.Tasks,
		Files: p.Files, KeptTemplates: p.KeptTemplates, Retained: p.Retained,
		Held: p.Held, NotFound: p.NotFound, Complete: !p.Partial,
		LaterTurns: p.Turns.Found, LaterTurnsComplete: p.Turns.Complete, LaterTurnsSearched: unlessZero(p.Turns.Searched),
	}}, nil
}

func (s *server) StartErasure(ctx context.Context, request StartErasureRequestObject) (StartErasureResponseObject, error) {
	b := request.Body
	owner, err := s.ownerNamed(ctx, "owner", b.Owner)
	if err != nil {
		return nil, err
	}
	e, secret, err := s.Erasures.Start.Execute(ctx, callerIn(ctx), domain.StartRequest{
		ErasureRequest: erasureRequest(b.Responses, owner, b.Filter, b.IncludeLaterTurns),
		Token:          given(b.Token), Ground: domain.Ground(given(b.Ground)), Ticket: given(b.Ticket), SubjectRequest: b.SubjectRequest,
		IdempotencyKey: given(request.Params.IdempotencyKey),
	})
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "Erasure requested", "request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "erasure", e.ID,
		"kind", e.Kind, "state", e.State, "responses", e.Done)
	location := new(erasuresPath + "/" + e.ID.String())
	var salt *string
	if secret != nil {
		salt = new(hex.EncodeToString(secret[:]))
	}
	if !e.State.Finished() {
		return StartErasure202JSONResponse{
			Body: shownErasure(e), Headers: StartErasure202ResponseHeaders{Location: location, ReceiptSalt: salt},
		}, nil
	}
	return StartErasure201JSONResponse{
		Body: shownErasure(e), Headers: StartErasure201ResponseHeaders{Location: location, ReceiptSalt: salt},
	}, nil
}

func (s *server) ListErasures(ctx context.Context, request ListErasuresRequestObject) (ListErasuresResponseObject, error) {
	p := request.Params
	r := domain.ErasureListRequest{Trigger: (*domain.Trigger)(p.Trigger), After: (*domain.Cursor)(p.After), Limit: p.Limit}
	if words := entries(p.State); words != nil {
		r.States = convert(words, func(word string) domain.ErasureState { return domain.ErasureState(word) })
	}
	page, err := s.Erasures.List.Execute(ctx, callerIn(ctx), r)
	if err != nil {
		return nil, err
	}
	return ListErasures200JSONResponse{Body: ErasurePage{
		Data: convert(page.Items, shownErasure), Limit: page.Limit, HasMore: page.Next != nil, NextCursor: cursorText(page.Next),
	}}, nil
}

func (s *server) GetErasure(ctx context.Context, request GetErasureRequestObject) (GetErasureResponseObject, error) {
	e, err := s.Erasures.Get.Execute(ctx, callerIn(ctx), request.ErasureId)
	if err != nil {
		return nil, err
	}
	return GetErasure200JSONResponse{Body: shownErasure(e)}, nil
}

func (s *server) ListErasureReceipts(ctx context.Context, request ListErasureReceiptsRequestObject) (ListErasureReceiptsResponseObject, error) {
	p := request.Params
	page, err := s.Erasures.Receipts.Execute(ctx, callerIn(ctx), request.ErasureId, (*domain.Cursor)(p.After), p.Limit)
	if err != nil {
		return nil, err
	}
	return ListErasureReceipts200JSONResponse{Body: ErasureReceiptPage{
		Data: convert(page.Items, func(r domain.ErasureReceipt) ErasureReceipt {
			return ErasureReceipt{Id: r.ID, At: r.At.UTC(), Responses: r.Responses, Location: receiptLocation(r.ID)}
		}),
		Limit: page.Limit, HasMore: page.Next != nil, NextCursor: cursorText(page.Next),
	}}, nil
}

func (s *server) CancelErasure(ctx context.Context, request CancelErasureRequestObject) (CancelErasureResponseObject, error) {
	e, err := s.Erasures.Cancel.Execute(ctx, callerIn(ctx), request.ErasureId)
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "Erasure canceled", "request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "erasure", e.ID,
		"state", e.State, "responses", e.Done)
	return CancelErasure200JSONResponse{Body: shownErasure(e)}, nil
}

func (s *server) ApproveErasure(ctx context.Context, request ApproveErasureRequestObject) (ApproveErasureResponseObject, error) {
	e, err := s.Erasures.Decide.Approve(ctx, callerIn(ctx), request.ErasureId)
	if err != nil {
		return nil, err
	}
	s.logDecision(ctx, "Erasure approved", e)
	return ApproveErasure200JSONResponse{Body: shownErasure(e)}, nil
}

func (s *server) RefuseErasure(ctx context.Context, request RefuseErasureRequestObject) (RefuseErasureResponseObject, error) {
	e, err := s.Erasures.Decide.Refuse(ctx, callerIn(ctx), request.ErasureId, domain.RefusalReason(request.Body.Reason))
	if err != nil {
		return nil, err
	}
	s.logDecision(ctx, "Erasure refused", e)
	return RefuseErasure200JSONResponse{Body: shownErasure(e)}, nil
}

func (s *server) logDecision(ctx context.Context, decided string, e domain.Erasure) {
	s.Log.InfoContext(ctx, decided, "request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "erasure", e.ID,
		"requested_by", e.RequestedBy, "state", e.State)
}

func erasureRequest(responses []uuid.UUID, owner *uuid.UUID, f *ErasureFilter, laterTurns *bool) domain.ErasureRequest {
	r := domain.ErasureRequest{Responses: responses, Owner: owner, IncludeLaterTurns: given(laterTurns)}
	if f != nil {
		r.Filter = &domain.ErasureFilter{
			MemberID: f.MemberId, All: bool(given(f.All)),
			ResponseFilter: domain.ResponseFilter{
				States: f.States, Models: f.Models, Tiers: f.Tiers,
				CreatedAfter: (*time.Time)(f.CreatedAfter), CreatedBefore: (*time.Time)(f.CreatedBefore),
				StatusMin: f.ResponseStatusMin, StatusMax: f.ResponseStatusMax,
				MinDuration: (*time.Duration)(f.MinDurationMs), HasError: f.HasError,
			},
		}
	}
	return r
}

func shownErasure(e domain.Erasure) Erasure {
	shown := Erasure{
		Id: e.ID, State: string(e.State), Trigger: string(e.Trigger), Kind: string(e.Kind),
		Target: shownTarget(e.Target), Ground: string(e.Ground), Ticket: unlessZero(e.Ticket), SubjectRequest: e.SubjectRequest,
		RequestedAt: e.RequestedAt.UTC(), RequestedBy: e.RequestedBy,
		StartedAt: utc(e.StartedAt), FinishedAt: utc(e.FinishedAt), VerifyAt: utc(e.VerifyAt), VerifiedAt: utc(e.VerifiedAt),
		AsOf: e.AsOf.UTC(), Expected: e.Expected, Responses: e.Done,
		Counts: ErasureCounts{
			Requests: e.Requests, Steps: e.Steps, Templates: e.Templates,
			RawRequests: e.RawRequests, RawResponses: e.RawResponses, Tasks: e.Tasks,
			Files: e.Files, KeptTemplates: e.KeptTemplates, Retained: e.Retained,
		},
		Held: e.Held, NotFound: e.NotFound, Refused: e.Refused, Receipts: e.Receipts,
		Failures: convert(e.Failures, shownFailure), LastError: unlessZero(e.LastError),
	}
	if a := e.Approval; a != nil {
		shown.Approval = &ErasureApproval{
			ExpiresAt: a.ExpiresAt.UTC(), DecidedAt: utc(a.DecidedAt), DecidedBy: a.DecidedBy, Refusal: unlessZero(string(a.Reason)),
		}
	}
	if e.Rule != nil {
		shown.Rule = &ErasureRule{Id: e.Rule.ID, Version: e.Rule.Version}
	}
	return shown
}

func shownFailure(f domain.ErasureFailure) ErasureFailure {
	return ErasureFailure{Response: f.Response, Reason: string(f.Code), Message: f.Reason(), Holds: listed(f.Holds)}
}

func shownTarget(t *domain.ErasureTarget) *ErasureTarget {
	if t == nil {
		return nil
	}
	shown := &ErasureTarget{Responses: listed(t.Responses), Owner: t.Owner, IncludeLaterTurns: t.LaterTurns}
	f := t.Filter
	if f == nil {
		return shown
	}
	shown.Filter = &ErasureTargetFilter{
		Owners: f.Owners, States: f.States, Models: f.Models, Tiers: f.Tiers,
		CreatedAfter: (*instant)(f.CreatedAfter), CreatedBefore: (*instant)(f.CreatedBefore),
		ResponseStatusMin: f.StatusMin, ResponseStatusMax: f.StatusMax,
		MinDurationMs: (*duration)(f.MinDuration), HasError: f.HasError,
	}
	return shown
}

// listed returns an empty list for nil.
func listed(ids []uuid.UUID) []uuid.UUID {
	if ids == nil {
		return []uuid.UUID{}
	}
	return ids
}

// unlessZero returns nil for the zero value.
func unlessZero[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}
