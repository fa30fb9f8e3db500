package httpapi

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"lethe/domain"
)

func (s *server) GetCaller(ctx context.Context, _ GetCallerRequestObject) (GetCallerResponseObject, error) {
	d, err := s.Caller.Execute(ctx, callerIn(ctx))
	if err != nil {
		return nil, err
	}
	roles := make([]string, len(d.Roles))
	for i, role := range d.Roles {
		roles[i] = string(role)
	}
	return GetCaller200JSONResponse{Body: Caller{
		Id: d.ID, Email: d.Email, Admin: d.Admin, Roles: roles, ActiveOrganization: d.Organization,
		Organizations: convert(d.Organizations, func(o domain.Organization) CallerOrganization {
			return CallerOrganization{Id: o.ID, Email: o.Email}
		}),
		Can: Permissions{
			List: Reach(d.Can.List.String()), Contents: Reach(d.Can.Contents.String()), Erase: Reach(d.Can.Erase.String()), Export: Reach(d.Can.Export.String()),
			Holds: d.Can.Holds, Retention: d.Can.Retention, AccessLog: d.Can.AccessLog,
		},
	}}, nil
}

func (s *server) FindOwners(ctx context.Context, request FindOwnersRequestObject) (FindOwnersResponseObject, error) {
	found, more, err := s.Owners.Execute(ctx, callerIn(ctx), request.Params.Q)
	if err != nil {
		return nil, err
	}
	return FindOwners200JSONResponse{Body: OwnerList{Data: convert(found, shownOwner), HasMore: more}}, nil
}

func shownOwner(o domain.OwnerFound) Owner {
	total, kind := counted[OwnerCountKind](o.Responses)
	shown := Owner{Id: o.ID, Email: o.Email, Kind: OwnerKind(ownerKind(o.Owner)), Deleted: o.Deleted, Responses: total, CountKind: kind}
	if o.Name != "" {
		shown.Name = &o.Name
	}
	return shown
}

func ownerKind(o domain.Owner) string {
	if o.Organization {
		return "organization"
	}
	return "person"
}

func shownChoice(o domain.Owner) OwnerChoice {
	return OwnerChoice{Id: o.ID, Email: o.Email, Kind: OwnerChoiceKind(ownerKind(o)), Deleted: o.Deleted}
}

const understoodHeader = "Owner-Understood"

// ownersNamed returns the owners whom the texts name, nil if texts are.
func (s *server) ownersNamed(ctx context.Context, parameter string, texts []string) ([]uuid.UUID, error) {
	if texts == nil {
		return nil, nil
	}
	ids := make([]uuid.UUID, len(texts))
	for i, text := range texts {
		id, err := s.ownerNamed(ctx, fmt.Sprintf("%s[%d]", parameter, i), &text)
		if err != nil {
			return nil, err
		}
		ids[i] = *id
	}
	return ids, nil
}

// ownerNamed is ownersNamed for one owner, or none.
func (s *server) ownerNamed(ctx context.Context, parameter string, text *string) (*uuid.UUID, error) {
	if text == nil {
		return nil, nil
	}
	id, err := s.IdentifyOwner.Execute(ctx, callerIn(ctx), parameter, *text)
	if err != nil {
		return nil, err
	}
	understood(ctx, *text, id.String())
	return &id, nil
}

// understood makes the answer say whom an address was taken for.
func understood(ctx context.Context, text, owner string) {
	if _, err := domain.ParseID(text); err == nil || text == owner {
		return
	}
	h := callIn(ctx).header
	if before := h.Get(understoodHeader); before != "" {
		owner = before + ", " + owner
	}
	h.Set(understoodHeader, owner)
}
