package httpapi

import (
	"context"

	"lethe/domain"
)

func (s *server) ListModels(ctx context.Context, request ListModelsRequestObject) (ListModelsResponseObject, error) {
	found, err := s.Models.Execute(ctx, callerIn(ctx), request.Params.MemberId)
	if err != nil {
		return nil, err
	}
	return ListModels200JSONResponse{Body: ModelList{Data: convert(found.Models, shownModel), HasMore: found.More}}, nil
}

func shownModel(m domain.ModelCount) ModelCount {
	total, kind := counted[ModelCountCountKind](m.Count)
	return ModelCount{Model: m.Model, TotalCount: total, CountKind: kind}
}
