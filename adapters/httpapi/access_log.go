package httpapi

import (
	"context"
	"time"

	"lethe/domain"
)

// ListAccessLog implements StrictServerInterface.
func (s *server) ListAccessLog(ctx context.Context, request ListAccessLogRequestObject) (ListAccessLogResponseObject, error) {
	p := request.Params
	page, err := s.AccessLog.Execute(ctx, callerIn(ctx), domain.AccessLogRequest{
		Filter: domain.AccessFilter{
			Response: p.ResponseId,
			Owner:    p.Owner,
			By:       p.AccessedBy,
			From:     (*time.Time)(p.AccessedAfter),
			To:       (*time.Time)(p.AccessedBefore),
		},
		After: (*domain.Cursor)(p.After),
		Limit: p.Limit,
	})
	if err != nil {
		return nil, err
	}
	answer := AccessPage{Data: make([]Access, len(page.Items)), Limit: page.Limit, HasMore: page.Next != nil}
	answer.NextCursor = cursorText(page.Next)
	for i, l := range page.Items {
		answer.Data[i] = Access{
			Id: l.ID, ResponseId: l.Response, Owner: l.Owner, OwnerEmail: l.OwnerEmail,
			AccessedBy: l.By, AccessedByEmail: l.ByEmail, AccessedAt: l.At.UTC(), Address: l.Address,
		}
	}
	return ListAccessLog200JSONResponse{Body: answer}, nil
}
