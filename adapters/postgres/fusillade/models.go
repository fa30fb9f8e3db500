package fusillade

import (
	"cmp"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

const (
	// modelsAmong is how many of an owner's responses are looked at for their models,
	// and modelsAmongBoth is the same for anyone's beside retained ones, whose payloads
	// have to be unpacked.
	modelsAmong     = 10_000
	modelsAmongBoth = 1_000

	// modelsCounted is up to how many responses of each model of everyone's are counted.
	modelsCounted = 100

	// modelsEstimated is how many models are estimated: each takes a plan.
	modelsEstimated = 100
)

// Models makes one round trip, and one more if estimates are needed.
func (r *Responses) Models(ctx context.Context, owner *string, limit int64) (domain.ModelList, error) {
	var counts map[string]int64
	var complete bool // all responses have been counted
	var list domain.ModelList
	var err error
	whole := domain.ResponseFilter{}
	if owner != nil {
		whole.Owners = []string{*owner}
		if !domain.Storable(*owner) {
			return list, ctx.Err()
		}
	}
	switch {
	case r.retained():
		counts, complete, err = r.modelsOfPage(ctx, whole)
		list.More = !complete
	case owner != nil:
		counts, complete, err = r.modelsOfOwner(ctx, *owner)
		list.More = !complete
	default:
		counts, err = r.modelsOfAll(ctx, limit+1)
	}
	if err != nil {
		return domain.ModelList{}, err
	}
	for model, n := range counts {
		list.Models = append(list.Models, domain.ModelCount{Model: model, Count: &domain.Count{
			Total: n, Exact: complete || owner == nil && !r.retained() && n <= modelsCounted,
		}})
	}
	slices.SortFunc(list.Models, func(a, b domain.ModelCount) int { return cmp.Compare(a.Model, b.Model) })
	if int64(len(list.Models)) > limit {
		list.Models, list.More = list.Models[:limit], true
	}
	if err := r.estimateModels(ctx, whole, list.Models); err != nil {
		return domain.ModelList{}, err
	}
	return list, nil
}

// modelsOfPage looks at the newest responses that pass a filter.
func (r *Responses) modelsOfPage(ctx context.Context, f domain.ResponseFilter) (counts map[string]int64, complete bool, err error) {
	page, err := r.Page(ctx, domain.PageQuery{Filter: f, Limit: modelsAmongBoth + 1})
	counts = make(map[string]int64)
	for _, response := range page[:min(len(page), modelsAmongBoth)] {
		counts[response.Model]++
	}
	return counts, len(page) <= modelsAmongBoth, err
}

// modelsOfOwner looks at the newest responses of an owner.
func (r *Responses) modelsOfOwner(ctx context.Context, owner string) (counts map[string]int64, complete bool, err error) {
	rows, err := read(ctx, r.src.Primary, func(q *dbsqlc.Queries) ([]dbsqlc.ModelsOfOwnerRow, error) {
		return q.ModelsOfOwner(ctx, dbsqlc.ModelsOfOwnerParams{Owner: owner, Newest: modelsAmong + 1})
	})
	counts = make(map[string]int64)
	all := int64(0)
	for _, row := range rows {
		counts[row.Model] = row.Responses
		all += row.Responses
	}
	return counts, all <= modelsAmong, err
}

// modelsOfAll counts some responses of each model.
func (r *Responses) modelsOfAll(ctx context.Context, limit int64) (map[string]int64, error) {
	counts := make(map[string]int64)
	err := r.src.Primary.Use(ctx, func(c postgres.Conn) error {
		var b pgx.Batch
		queueFixed(&b, (*dbsqlc.Queries).PlanForArguments)
		queue(&b, (*dbsqlc.Queries).ModelsOfAll, dbsqlc.ModelsOfAllParams{Max: limit, AtMost: modelsCounted + 1}, func(rows []dbsqlc.ModelsOfAllRow) {
			for _, row := range rows {
				counts[row.Model] = row.Responses
			}
		})
		return c.SendBatch(ctx, &b).Close()
	})
	return counts, err
}

// estimateModels replaces counts that are not exact. What has been seen of a model is the
// least that there is.
func (r *Responses) estimateModels(ctx context.Context, whole domain.ResponseFilter, models []domain.ModelCount) error {
	var counters []*counter
	var of []int
	for i, m := range models {
		if m.Count.Exact {
			continue
		}
		whole.Models = []string{m.Model}
		f, _, err := r.narrow(whole)
		if err != nil {
			return err
		}
		counters, of = append(counters, r.counter(f, domain.CountEstimate, r.retained())), append(of, i)
	}
	if len(counters) > modelsEstimated {
		for _, i := range of {
			models[i].Count = nil
		}
		return nil
	}
	if len(counters) == 0 {
		return nil
	}
	err := r.src.Primary.Use(ctx, func(c postgres.Conn) error {
		var b pgx.Batch
		for _, k := range counters {
			k.queue(ctx, &b)
		}
		if b.Len() == 0 {
			return nil // all are remembered
		}
		return c.SendBatch(ctx, &b).Close()
	})
	for n, i := range of {
		models[i].Count = &domain.Count{Total: max(models[i].Count.Total, counters[n].count.Total)}
	}
	return err
}
