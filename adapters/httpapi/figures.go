package httpapi

import (
	"context"
	"time"

	"lethe/domain"
)

func (s *server) GetFigures(ctx context.Context, request GetFiguresRequestObject) (GetFiguresResponseObject, error) {
	p := request.Params
	figures, err := s.Figures.Execute(ctx, callerIn(ctx), domain.FiguresRequest{
		List: domain.ListRequest{
			MemberID: p.MemberId, OwnerEmail: p.CreatedByEmail, State: p.Status,
			ResponseFilter: domain.ResponseFilter{
				States: entries(p.Statuses), Models: entries(p.Model), Tiers: entries(p.ServiceTiers),
				StatusMin: p.ResponseStatusMin, StatusMax: p.ResponseStatusMax,
				MinDuration: (*time.Duration)(p.MinDurationMs), HasError: p.HasError,
				MinTotalCost: (*domain.Decimal)(p.MinTotalCost),
			},
		},
		From: (*time.Time)(p.From), To: (*time.Time)(p.To),
		Bucket: domain.Bucket(given(p.Bucket)), GroupBy: domain.Grouping(given(p.GroupBy)),
	})
	if err != nil {
		return nil, err
	}
	shown := ResponseFigures{
		From: figures.From.UTC(), To: figures.To.UTC(), Bucket: string(figures.Bucket), Basis: string(figures.Basis),
		Series: convert(figures.Series, func(series domain.FigureSeries) FigureSeries {
			return FigureSeries{
				Key: series.Key, Other: series.Other, Email: series.Email,
				Points: convert(series.Points, func(p domain.FigurePoint) FigurePoint { return shownPoint(figures, p) }),
			}
		}),
	}
	if figures.GroupBy != "" {
		shown.GroupBy = new(string(figures.GroupBy))
	}
	return GetFigures200JSONResponse{Body: shown}, nil
}

func shownPoint(figures domain.Figures, p domain.FigurePoint) FigurePoint {
	from, to := figures.Edges(p)
	return FigurePoint{
		From: from.UTC(), To: to.UTC(), Responses: p.Responses, Failures: p.Failures,
		PromptTokens: p.Usage.PromptTokens, CompletionTokens: p.Usage.CompletionTokens,
		ReasoningTokens: p.Usage.ReasoningTokens, TotalTokens: p.Usage.TotalTokens, TotalCost: number(p.Usage.Cost),
		DurationP50Ms: milliseconds(p.P50), DurationP95Ms: milliseconds(p.P95),
	}
}
