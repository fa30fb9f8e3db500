package httpapi

import (
	"context"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// ListLooks implements StrictServerInterface.
func (s *server) ListLooks(ctx context.Context, request ListLooksRequestObject) (ListLooksResponseObject, error) {
	p := request.Params
	page, err := s.Looks.Execute(ctx, callerIn(ctx), domain.LooksRequest{
		Filter: domain.LookFilter{
			Response: (*uuid.UUID)(p.ResponseId),
			Owner:    p.Owner,
			By:       (*uuid.UUID)(p.LookedBy),
			From:     (*time.Time)(p.LookedAfter),
			To:       (*time.Time)(p.LookedBefore),
		},
		After: (*domain.Cursor)(p.After),
		Limit: p.Limit,
	})
	if err != nil {
		return nil, err
	}
	answer := LookPage{Data: make([]Look, len(page.Items)), Limit: page.Limit, HasMore: page.Next != nil}
	answer.NextCursor = cursorText(page.Next)
	for i, l := range page.Items {
		answer.Data[i] = Look{
			Id: l.ID, ResponseId: l.Response, Owner: l.Owner, OwnerEmail: l.OwnerEmail,
			LookedBy: l.By, LookedByEmail: l.ByEmail, LookedAt: l.At.UTC(), Address: l.Address,
		}
	}
	return ListLooks200JSONResponse{Body: answer}, nil
}
