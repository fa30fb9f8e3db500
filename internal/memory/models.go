package memory

import (
	"cmp"
	"context"
	"slices"

	"lethe/domain"
)

// Models implements domain.Responses; it counts everything.
func (s *Store) Models(ctx context.Context, owner *string, limit int64) (domain.ModelList, error) {
	if err := ctx.Err(); err != nil {
		return domain.ModelList{}, err
	}
	var filter domain.ResponseFilter
	if owner != nil {
		filter.Owners = []string{*owner}
	}
	counts := make(map[string]int64)
	for _, r := range s.matching(filter) {
		counts[r.Model]++
	}
	var list domain.ModelList
	for model, n := range counts {
		list.Models = append(list.Models, domain.ModelCount{Model: model, Count: &domain.Count{Total: n, Exact: true}})
	}
	slices.SortFunc(list.Models, func(a, b domain.ModelCount) int { return cmp.Compare(a.Model, b.Model) })
	if int64(len(list.Models)) > limit {
		list.Models, list.More = list.Models[:limit], true
	}
	return list, nil
}
