package domain_test

import (
	"context"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/internal/memory"
)

// scripted is a store of which some answers fail, or are others than it would give.
type scripted struct {
	*memory.Store
	byID, owners, count error
	chain               *domain.Chain
	steps               *domain.StepPart
	stepsFail           error
	limits              []int64 // of each Get
	models              func(owner *string, limit int64) (domain.ModelList, error)
}

func (f *scripted) ByID(ctx context.Context, id uuid.UUID) (domain.Person, error) {
	if f.byID != nil {
		return domain.Person{}, f.byID
	}
	return f.Store.ByID(ctx, id)
}

func (f *scripted) Owners(ctx context.Context, q domain.OwnerQuery) ([]domain.Owner, error) {
	if f.owners != nil {
		return nil, f.owners
	}
	return f.Store.Owners(ctx, q)
}

func (f *scripted) PageAndCount(ctx context.Context, q domain.PageQuery, mode domain.CountMode) ([]domain.Response, *domain.Count, error) {
	if f.count != nil || q.Limit < 1 {
		return nil, nil, f.count
	}
	return f.Store.PageAndCount(ctx, q, mode)
}

func (f *scripted) Chain(ctx context.Context, id uuid.UUID, owners []string) (domain.Chain, error) {
	if f.chain != nil {
		return *f.chain, nil
	}
	return f.Store.Chain(ctx, id, owners)
}

func (f *scripted) Steps(ctx context.Context, q domain.StepQuery, record *domain.Recording) (domain.StepPart, error) {
	if f.stepsFail != nil {
		return domain.StepPart{}, f.stepsFail
	}
	if f.steps != nil {
		return *f.steps, nil
	}
	return f.Store.Steps(ctx, q, record)
}

func (f *scripted) Get(ctx context.Context, id uuid.UUID, owners []string, limit int64, record *domain.Recording) (domain.Response, domain.Contents, error) {
	f.limits = append(f.limits, limit)
	return f.Store.Get(ctx, id, owners, limit, record)
}

func (f *scripted) Models(ctx context.Context, owner *string, limit int64) (domain.ModelList, error) {
	return f.models(owner, limit)
}
