package client

import (
	"context"
	"strings"
	"time"

	"lethe/app/config"
	"lethe/domain"
	"lethe/sdk/go"
)

// Filter narrows a list, an export or an erasure; zero values narrow nothing.
type Filter struct {
	Owner                       string // e-mail address or identifier
	States, Models, Tiers       []string
	CreatedAfter, CreatedBefore string
	Errors                      string // true or false
	MinDurationMs               int64
	StatusMin, StatusMax        int64
	MinTotalCost                float64 // not of erasures
}

// moments returns the bounds of the time of creation.
func (f Filter) moments() (after, before *time.Time, err error) {
	if after, err = moment("--created-after", f.CreatedAfter); err != nil {
		return nil, nil, err
	}
	before, err = moment("--created-before", f.CreatedBefore)
	return after, before, err
}

// moment reads a time: RFC 3339, or a date, or a date with a time, in the local zone.
func moment(flag, text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02 15:04", time.DateTime} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			at = at.UTC()
			return &at, nil
		}
	}
	return nil, config.Misused("%s: %q is not a time: write 2026-03-01, '2026-03-01 12:00' or 2026-03-01T12:00:00Z", flag, text)
}

func (f Filter) hasError() (*bool, error) {
	switch f.Errors {
	case "":
		return nil, nil
	case "true", "false":
		yes := f.Errors == "true"
		return &yes, nil
	}
	return nil, config.Misused("--has-error must be true or false")
}

// given returns a pointer to a value that is not zero.
func given[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// params returns the filter as the parameters of lists and exports.
func (f Filter) params() (params lethe.ListResponsesParams, err error) {
	after, before, err := f.moments()
	if err != nil {
		return params, err
	}
	failed, err := f.hasError()
	if err != nil {
		return params, err
	}
	params = lethe.ListResponsesParams{
		Statuses: f.States, Model: f.Models, ServiceTiers: f.Tiers, CreatedAfter: after, CreatedBefore: before, HasError: failed,
		MinDurationMs: given(f.MinDurationMs), ResponseStatusMin: given(f.StatusMin), ResponseStatusMax: given(f.StatusMax),
		MinTotalCost: given(f.MinTotalCost),
	}
	if f.Owner != "" {
		if id, err := domain.ParseID(f.Owner); err == nil {
			params.MemberId = &id
		} else if params.CreatedByEmail = &f.Owner; !strings.Contains(f.Owner, "@") {
			return params, config.Misused("--owner must be an e-mail address or an identifier: \"lethe owners\" finds both by name")
		}
	}
	return params, nil
}

// List lists responses, newest first.
func (c *Client) List(ctx context.Context, f Filter, p Page) error {
	params, err := f.params()
	if err != nil {
		return err
	}
	newestFirst, count := false, lethe.ListResponsesParamsCountNone
	params.ActiveFirst, params.Count = &newestFirst, &count
	return list(c, p, []string{"id", "created", "state", "tokens", "owner", "model"}, func(limit *int64, after *string) ([]byte, error) {
		params.Limit, params.After = limit, after
		answer, err := c.api.ListResponsesWithResponse(ctx, &params)
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}, func(r lethe.ResponseSummary) []any {
		return []any{r.Id, local(r.CreatedAt), r.Status, value(r.TotalTokens), value(r.CreatedByEmail), r.Model}
	})
}

// Get shows a response with its prompt and answer.
func (c *Client) Get(ctx context.Context, id string) error {
	response, err := one(id)
	if err != nil {
		return err
	}
	answer, err := c.api.GetResponseWithResponse(ctx, response, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body, "body", "response_body")
}

// Owners finds people and organizations.
func (c *Client) Owners(ctx context.Context, query string) error {
	return list(c, Page{Limit: pageSize}, []string{"id", "email", "kind", "deleted", "responses", "name"}, func(*int64, *string) ([]byte, error) {
		answer, err := c.api.FindOwnersWithResponse(ctx, &lethe.FindOwnersParams{Q: query})
		if err != nil {
			return nil, err
		}
		return answer.Body, nil
	}, func(o lethe.Owner) []any {
		return []any{o.Id, o.Email, string(o.Kind), o.Deleted, value(o.Responses), value(o.Name)}
	})
}

// Me shows who calls and what they may do.
func (c *Client) Me(ctx context.Context) error {
	answer, err := c.api.GetCallerWithResponse(ctx, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}

// Status shows whether all is well with the service.
func (c *Client) Status(ctx context.Context) error {
	answer, err := c.api.GetStatusWithResponse(ctx, nil)
	if err != nil {
		return c.explain(err)
	}
	return c.show(answer.Body)
}
