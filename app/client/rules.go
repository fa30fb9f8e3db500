package client

import (
	"context"

	"lethe/app/config"
	"lethe/sdk/go"
)

// NewHold is a hold to place: on responses, on owners, or by a filter.
type NewHold struct {
	Responses, Owners []string
	Filter            Filter // of these: states, models, tiers and times
	Reason, Expires   string
}

// Holds lists holds.
func (c *Client) Holds(ctx context.Context, active bool, p Page) error {
	return list(c, p, []string{"id", "active", "created", "expires", "released", "reason"}, func(limit *int64, after *string) ([]byte, error) {
		answer, err := c.api.ListHoldsWithResponse(ctx, &lethe.ListHoldsParams{Limit: limit, After: after, Active: given(active)})
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}, func(h lethe.Hold) []any {
		return []any{h.Id, h.Active, local(&h.CreatedAt), local(h.ExpiresAt), local(h.ReleasedAt), h.Reason}
	})
}

// Hold shows a hold.
func (c *Client) Hold(ctx context.Context, id string) error {
	hold, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.GetHoldWithResponse(ctx, hold, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// PlaceHold places a hold and shows it.
func (c *Client) PlaceHold(ctx context.Context, h NewHold) error {
	responses, err := ids(h.Responses)
	if err != nil {
		return err
	}
	expires, err := moment("--expires", h.Expires)
	if err != nil {
		return err
	}
	after, before, err := h.Filter.moments()
	if err != nil {
		return err
	}
	hold := lethe.NewHold{Reason: h.Reason, Responses: responses, Owners: h.Owners, ExpiresAt: expires}
	kinds := 0
	if f := h.Filter; after != nil || before != nil || len(f.States)+len(f.Models)+len(f.Tiers) > 0 {
		hold.Filter = &lethe.HoldFilter{CreatedAfter: after, CreatedBefore: before, States: f.States, Models: f.Models, Tiers: f.Tiers}
		kinds++
	}
	if len(responses) > 0 {
		kinds++
	}
	if len(h.Owners) > 0 {
		kinds++
	}
	if kinds != 1 {
		return config.Misused("give exactly one of: identifiers of responses, --owner, or a filter (--state, --model, --tier, --created-after, --created-before)")
	}
	answer, err := c.api.PlaceHoldWithResponse(ctx, nil, hold)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// ReleaseHold releases a hold and shows it.
func (c *Client) ReleaseHold(ctx context.Context, id string) error {
	hold, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.ReleaseHoldWithResponse(ctx, hold, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// NewRule is a retention rule to create.
type NewRule struct {
	Name                          string
	AgeDays, MaxPerRun            int64
	RunAt                         []string
	Owners, States, Models, Tiers []string
}

// Rules lists retention rules.
func (c *Client) Rules(ctx context.Context, p Page) error {
	return list(c, p, []string{"id", "version", "enabled", "days", "next run", "name"}, func(limit *int64, after *string) ([]byte, error) {
		answer, err := c.api.ListRetentionRulesWithResponse(ctx, &lethe.ListRetentionRulesParams{Limit: limit, After: after})
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}, func(r lethe.RetentionRule) []any {
		return []any{r.Id, r.Version, r.Enabled, r.AgeDays, local(r.NextRunAt), r.Name}
	})
}

// Rule shows a retention rule.
func (c *Client) Rule(ctx context.Context, id string) error {
	rule, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.GetRetentionRuleWithResponse(ctx, rule, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// CreateRule creates a retention rule, which erases nothing yet, and shows it.
func (c *Client) CreateRule(ctx context.Context, r NewRule) error {
	rule := lethe.NewRetentionRule{Name: r.Name, AgeDays: r.AgeDays, RunAt: r.RunAt, MaxPerRun: given(r.MaxPerRun)}
	if len(r.Owners)+len(r.States)+len(r.Models)+len(r.Tiers) > 0 {
		rule.Filter = &lethe.RetentionFilter{Owners: r.Owners, States: r.States, Models: r.Models, Tiers: r.Tiers}
	}
	answer, err := c.api.CreateRetentionRuleWithResponse(ctx, nil, rule)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// DryRunRule counts what a retention rule would erase now.
func (c *Client) DryRunRule(ctx context.Context, id string) error {
	rule, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.DryRunRetentionRuleWithResponse(ctx, rule, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// EnableRule enables the version of a retention rule that the dry run was of.
func (c *Client) EnableRule(ctx context.Context, id string, version int64) error {
	rule, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.EnableRetentionRuleWithResponse(ctx, rule, nil, lethe.EnabledVersion{Version: version})
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// ApproveRule approves the version of a retention rule that somebody else has enabled.
func (c *Client) ApproveRule(ctx context.Context, id string, version int64) error {
	rule, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.ApproveRetentionRuleWithResponse(ctx, rule, nil, lethe.EnabledVersion{Version: version})
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// DisableRule disables a retention rule.
func (c *Client) DisableRule(ctx context.Context, id string) error {
	rule, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.DisableRetentionRuleWithResponse(ctx, rule, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}
