package domain

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// GetFigures counts the responses that a caller may see.
type GetFigures struct {
	figures FigureReader
	people  People
	now     func() time.Time
	log     *slog.Logger
}

// NewGetFigures returns the use case; log receives errors that do not fail the request.
func NewGetFigures(figures FigureReader, people People, now func() time.Time, log *slog.Logger) *GetFigures {
	return &GetFigures{figures, people, now, log}
}

// Execute returns figures of the responses that ListResponses would list. Errors are
// those of ListResponses; CodeInvalid also if the time is empty or too long, and if a
// caller who may read only their own asks for figures by owner.
func (u *GetFigures) Execute(ctx context.Context, caller Principal, r FiguresRequest) (Figures, error) {
	scope, err := listScope(caller, r.List)
	if err != nil {
		return Figures{}, err
	}
	if r.GroupBy == ByOwner && caller.readReach() != everyone && caller.Organization == nil {
		return Figures{}, errParameter("group_by", "group_by: owner requires permission to read everyone's responses, or an active organization")
	}
	f, err := r.figures(u.now())
	if err != nil {
		return Figures{}, err
	}
	q := f.query(r.List.filter())
	if q.Filter.Owners, err = ownersNamed(ctx, u.people, scope, r.List.OwnerEmail); err != nil {
		return Figures{}, err
	}
	points, basis, err := u.figures.Figures(ctx, q)
	if err != nil {
		return Figures{}, err
	}
	f.Basis, f.Series = basis, seriesOf(points)
	if r.GroupBy == ByOwner {
		err = u.nameOwners(ctx, caller, f.Series)
	}
	return f, err
}

// nameOwners adds addresses to series of owners; it returns only the context's error.
func (u *GetFigures) nameOwners(ctx context.Context, caller Principal, series []FigureSeries) error {
	emails := map[uuid.UUID]string{caller.ID: caller.Email}
	unknown := make(map[uuid.UUID]struct{})
	owners := make(map[int]uuid.UUID)
	for i, s := range series {
		if s.Key == nil {
			continue
		}
		if id, ok := ownerID(*s.Key); ok {
			owners[i], unknown[id] = id, struct{}{}
		}
	}
	delete(unknown, caller.ID)
	if err := addEmails(ctx, u.people, u.log, unknown, emails); err != nil {
		return err
	}
	for i, id := range owners {
		if email, ok := emails[id]; ok {
			series[i].Email = &email
		}
	}
	return nil
}
