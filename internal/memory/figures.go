package memory

import (
	"cmp"
	"context"
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Figures implements domain.FigureReader.
func (s *Store) Figures(ctx context.Context, q domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	found := s.matching(q.Filter)
	kept := largest(found, q.GroupBy)
	type place struct {
		at     time.Time
		series string
	}
	places := make(map[place][]domain.Response)
	for _, r := range found {
		at := place{r.CreatedAt.UTC().Truncate(q.Bucket.Width()), seriesOf(r, q.GroupBy)}
		if !slices.Contains(kept, at.series) {
			at.series = "other"
		}
		places[at] = append(places[at], r)
	}
	var points []domain.FigurePoint
	for at, responses := range places {
		p := domain.FigurePoint{At: at.at, Other: at.series == "other", Responses: int64(len(responses))}
		if at.series != "" && !p.Other {
			p.Key = new(at.series[1:])
		}
		var durations []time.Duration
		ids := make([]uuid.UUID, len(responses))
		for i, r := range responses {
			ids[i] = r.ID
			if r.State == "failed" {
				p.Failures++
			}
			if d := r.Duration(); d != nil {
				durations = append(durations, *d)
			}
		}
		p.P50, p.P95 = percentile(durations, 0.5), percentile(durations, 0.95)
		s.mu.Lock()
		for _, u := range s.latest(ids) {
			if u.Cost != nil && *u.Cost == "NaN" {
				u.Cost = nil
			}
			p.Usage = sum(p.Usage, u)
		}
		s.mu.Unlock()
		points = append(points, p)
	}
	return points, domain.BasisUsage, nil
}

// seriesOf is what a response has in common with others after =; empty: nothing.
func seriesOf(r domain.Response, by domain.Grouping) string {
	switch {
	case by == domain.ByModel:
		return "=" + r.Model
	case by == domain.ByState:
		return "=" + r.State
	case by == domain.ByOwner:
		return "=" + r.Owner
	case by == domain.ByTier && r.Tier != nil:
		return "=" + *r.Tier
	}
	return ""
}

// largest are the series that are not counted together.
func largest(responses []domain.Response, by domain.Grouping) []string {
	totals := make(map[string]int)
	var series []string
	for _, r := range responses {
		name := seriesOf(r, by)
		if totals[name]++; totals[name] == 1 {
			series = append(series, name)
		}
	}
	slices.SortFunc(series, func(a, b string) int { return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a, b)) })
	return series[:min(len(series), domain.MaxSeries)]
}

// percentile is the smallest duration that this part of all does not exceed.
func percentile(of []time.Duration, part float64) *time.Duration {
	if len(of) == 0 {
		return nil
	}
	slices.Sort(of)
	return &of[int(math.Ceil(part*float64(len(of))))-1]
}

func sum(a, b domain.Usage) domain.Usage {
	tokens := func(a, b *int64) *int64 {
		if a == nil || b == nil {
			return cmp.Or(a, b)
		}
		return new(*a + *b)
	}
	total := domain.Usage{
		PromptTokens: tokens(a.PromptTokens, b.PromptTokens), CompletionTokens: tokens(a.CompletionTokens, b.CompletionTokens),
		ReasoningTokens: tokens(a.ReasoningTokens, b.ReasoningTokens), TotalTokens: tokens(a.TotalTokens, b.TotalTokens),
		Cost: cmp.Or(a.Cost, b.Cost),
	}
	if a.Cost != nil && b.Cost != nil {
		x, _ := new(big.Rat).SetString(string(*a.Cost))
		y, _ := new(big.Rat).SetString(string(*b.Cost))
		total.Cost = new(domain.Decimal(x.Add(x, y).FloatString(8)))
	}
	return total
}
