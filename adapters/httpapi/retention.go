package httpapi

import (
	"context"

	"github.com/google/uuid"

	"lethe/domain"
)

const rulesPath = "/lethe/api/v1/retention-rules"

func (s *server) CreateRetentionRule(ctx context.Context, request CreateRetentionRuleRequestObject) (CreateRetentionRuleResponseObject, error) {
	b := request.Body
	r, err := s.ruleRequest(ctx, b.Name, b.Filter, b.AgeDays, b.RunAt, b.MaxPerRun)
	if err != nil {
		return nil, err
	}
	rule, err := s.Retention.Create.Execute(ctx, callerIn(ctx), r)
	if err != nil {
		return nil, err
	}
	s.logRule(ctx, "Retention rule created", rule)
	return CreateRetentionRule201JSONResponse{
		Body:    shownRule(rule),
		Headers: CreateRetentionRule201ResponseHeaders{Location: new(rulesPath + "/" + rule.ID.String())},
	}, nil
}

func (s *server) ChangeRetentionRule(ctx context.Context, request ChangeRetentionRuleRequestObject) (ChangeRetentionRuleResponseObject, error) {
	b := request.Body
	r, err := s.ruleRequest(ctx, b.Name, b.Filter, b.AgeDays, b.RunAt, b.MaxPerRun)
	if err != nil {
		return nil, err
	}
	rule, err := s.Retention.Change.Execute(ctx, callerIn(ctx), request.RuleId, b.Version, r)
	if err != nil {
		return nil, err
	}
	s.logRule(ctx, "Retention rule changed", rule)
	return ChangeRetentionRule200JSONResponse{Body: shownRule(rule)}, nil
}

func (s *server) ListRetentionRules(ctx context.Context, request ListRetentionRulesRequestObject) (ListRetentionRulesResponseObject, error) {
	p := request.Params
	page, err := s.Retention.List.Execute(ctx, callerIn(ctx), domain.RuleListRequest{
		Removed: given(p.Removed), After: (*domain.Cursor)(p.After), Limit: p.Limit,
	})
	if err != nil {
		return nil, err
	}
	return ListRetentionRules200JSONResponse{Body: RetentionRulePage{
		Data: convert(page.Items, shownRule), Limit: page.Limit, HasMore: page.Next != nil, NextCursor: cursorText(page.Next),
	}}, nil
}

func (s *server) GetRetentionRule(ctx context.Context, request GetRetentionRuleRequestObject) (GetRetentionRuleResponseObject, error) {
	rule, err := s.Retention.Get.Execute(ctx, callerIn(ctx), request.RuleId)
	if err != nil {
		return nil, err
	}
	return GetRetentionRule200JSONResponse{Body: shownRule(rule)}, nil
}

func (s *server) GetRetentionRuleVersion(ctx context.Context, request GetRetentionRuleVersionRequestObject) (GetRetentionRuleVersionResponseObject, error) {
	id := request.RuleId
	v, err := s.Retention.Get.Version(ctx, callerIn(ctx), id, request.Version)
	if err != nil {
		return nil, err
	}
	return GetRetentionRuleVersion200JSONResponse{Body: RetentionRuleVersion{
		Id: id, Version: v.Version, Name: v.Name, Filter: shownRetentionFilter(v.Filter), AgeDays: v.AgeDays,
		RunAt: convert(v.RunAt, domain.TimeOfDay.String), MaxPerRun: v.MaxPerRun, ChangedAt: v.ChangedAt.UTC(), ChangedBy: v.ChangedBy,
	}}, nil
}

func (s *server) DryRunRetentionRule(ctx context.Context, request DryRunRetentionRuleRequestObject) (DryRunRetentionRuleResponseObject, error) {
	rule, err := s.Retention.DryRun.Execute(ctx, callerIn(ctx), request.RuleId)
	if err != nil {
		return nil, err
	}
	s.logRule(ctx, "Retention rule dry-run", rule)
	return DryRunRetentionRule200JSONResponse{Body: shownRule(rule)}, nil
}

func (s *server) EnableRetentionRule(ctx context.Context, request EnableRetentionRuleRequestObject) (EnableRetentionRuleResponseObject, error) {
	rule, err := s.Retention.Enable.Execute(ctx, callerIn(ctx), request.RuleId, request.Body.Version)
	if err != nil {
		return nil, err
	}
	done := "Retention rule enabled"
	if !rule.Enabled {
		done = "Retention rule enabled, waits for approval"
	}
	s.logRule(ctx, done, rule)
	return EnableRetentionRule200JSONResponse{Body: shownRule(rule)}, nil
}

func (s *server) ApproveRetentionRule(ctx context.Context, request ApproveRetentionRuleRequestObject) (ApproveRetentionRuleResponseObject, error) {
	rule, err := s.Retention.Approve.Execute(ctx, callerIn(ctx), request.RuleId, request.Body.Version)
	if err != nil {
		return nil, err
	}
	s.logRule(ctx, "Retention rule approved", rule)
	return ApproveRetentionRule200JSONResponse{Body: shownRule(rule)}, nil
}

func (s *server) DisableRetentionRule(ctx context.Context, request DisableRetentionRuleRequestObject) (DisableRetentionRuleResponseObject, error) {
	rule, err := s.Retention.Disable.Execute(ctx, callerIn(ctx), request.RuleId)
	if err != nil {
		return nil, err
	}
	s.logRule(ctx, "Retention rule disabled", rule)
	return DisableRetentionRule200JSONResponse{Body: shownRule(rule)}, nil
}

func (s *server) RemoveRetentionRule(ctx context.Context, request RemoveRetentionRuleRequestObject) (RemoveRetentionRuleResponseObject, error) {
	id := request.RuleId
	if err := s.Retention.Remove.Execute(ctx, callerIn(ctx), id); err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "Retention rule removed", "request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "rule", id)
	return RemoveRetentionRule204Response{}, nil
}

func (s *server) logRule(ctx context.Context, done string, rule domain.RetentionRule) {
	s.Log.InfoContext(ctx, done, "request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "rule", rule.ID, "version", rule.Version)
}

func (s *server) ruleRequest(ctx context.Context, name string, f *RetentionFilter, ageDays int64, runAt []timeOfDay, limit *int64) (domain.RuleRequest, error) {
	r := domain.RuleRequest{Name: name, AgeDays: ageDays, MaxPerRun: limit}
	r.RunAt = convert(runAt, func(at timeOfDay) domain.TimeOfDay { return domain.TimeOfDay(at) })
	if f != nil {
		owners, err := s.ownersNamed(ctx, "filter.owners", f.Owners)
		if err != nil {
			return domain.RuleRequest{}, err
		}
		r.Filter = domain.RetentionFilter{States: f.States, Models: f.Models, Tiers: f.Tiers, Owners: owners}
	}
	return r, nil
}

func shownRule(r domain.RetentionRule) RetentionRule {
	shown := RetentionRule{
		Id: r.ID, Version: r.Version, Name: r.Name, Filter: shownRetentionFilter(r.Filter), AgeDays: r.AgeDays,
		RunAt: convert(r.RunAt, domain.TimeOfDay.String), MaxPerRun: r.MaxPerRun, Enabled: r.Enabled, NextRunAt: utc(r.NextRunAt), SkippedAt: utc(r.SkippedAt),
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, ChangedAt: r.ChangedAt.UTC(), ChangedBy: r.ChangedBy,
		RemovedAt: utc(r.RemovedAt), RemovedBy: r.RemovedBy,
	}
	if e := r.Enabling; e != nil {
		shown.Enabling = &RetentionRuleEnabling{By: e.By, At: e.At.UTC(), ApproveBy: utc(e.ApproveBy), ApprovedBy: e.ApprovedBy, ApprovedAt: utc(e.ApprovedAt)}
	}
	if d := r.DryRun; d != nil {
		shown.DryRun = &RetentionDryRun{
			At: d.At.UTC(), Responses: d.Responses, Requests: d.Requests, Steps: d.Steps, Templates: d.Templates,
			RawRequests: d.RawRequests, RawResponses: d.RawResponses, Tasks: d.Tasks, Files: d.Files, KeptTemplates: d.KeptTemplates, Retained: d.Retained, Held: d.Held, Complete: !d.Partial,
		}
	}
	if run := r.LastRun; run != nil {
		shown.LastRun = &RetentionRun{At: run.At.UTC(), Version: run.Version, ErasureId: run.Erasure}
	}
	return shown
}

func shownRetentionFilter(f domain.RetentionFilter) RetentionFilter {
	return RetentionFilter{States: f.States, Models: f.Models, Tiers: f.Tiers, Owners: convert(f.Owners, uuid.UUID.String)}
}
