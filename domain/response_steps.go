package domain

import (
	"cmp"
	"context"
	"math"
	"time"

	"github.com/google/uuid"
)

// Kinds of steps.
const (
	ModelCall = "model_call"
	ToolCall  = "tool_call"
)

// Step is a call of a model or of a tool, one of those that made a response. All times
// are UTC.
type Step struct {
	ID          uuid.UUID
	Request     *uuid.UUID // of a call of a model
	Kind        string
	State       string
	Model       *string // of a call of a model
	Tool        *string // name of the tool, if it is known
	CreatedAt   time.Time
	StartedAt   *time.Time
	CompletedAt *time.Time
	FailedAt    *time.Time
	CanceledAt  *time.Time
	HTTPStatus  *int // status that the model's server returned
	HasError    bool
	Contents    // the payloads, if they were asked for
}

// Duration is that of a response.
func (s Step) Duration() *time.Duration {
	return Response{StartedAt: s.StartedAt, CompletedAt: s.CompletedAt}.Duration()
}

// StepsRequest is a caller's request for a page of the steps of a response.
type StepsRequest struct {
	ID       uuid.UUID // of a request or a step of it
	Payloads bool      // returns payloads
	Max      int64     // maximum bytes of payloads; if a page has more, only their size is returned; 0: no limit
	Address  string    // the caller's address
	After    *Cursor   // end of an earlier page of the same list
	Limit    *int64    // clamped to 1 to MaxLimit; nil: DefaultLimit
}

// StepSummary is a step as lists show it.
type StepSummary struct {
	Step
	Usage    Usage
	Withheld Withheld
}

// StepPage is a page of steps.
type StepPage struct {
	Page[StepSummary]
	Left int64 // bytes of payloads, if nothing is shown because they exceed the limit; 0: none
}

// ListSteps lists the steps of a response.
type ListSteps struct {
	responses ResponseReader
	usage     UsageRecords
	now       func() time.Time
}

// NewListSteps returns the use case; now is the clock.
func NewListSteps(responses ResponseReader, usage UsageRecords, now func() time.Time) *ListSteps {
	return &ListSteps{responses, usage, now}
}

// Execute returns a page. Its errors are those of GetResponse, which also describes how
// accesses to payloads are recorded, and what is withheld. A response is the caller's to
// read if each of its requests is. CodeInvalid if After belongs to another list.
//
// A response without a chain is one step.
func (u *ListSteps) Execute(ctx context.Context, caller Principal, r StepsRequest) (StepPage, error) {
	owners, record, err := caller.reading(u.now, r.Address)
	if err != nil {
		return StepPage{}, err
	}
	list := fingerprintOf(struct{ StepsOf uuid.UUID }{r.ID})
	after, limit, err := list.start(r.After, r.Limit)
	if err != nil {
		return StepPage{}, err
	}
	q := StepQuery{ID: r.ID, Owners: owners, Limit: limit, Payloads: r.Payloads, Max: cmp.Or(r.Max, math.MaxInt64)}
	if after != nil {
		q.After = &after.ID
	}
	part, err := u.read(ctx, q, record)
	if notRecorded(err) {
		part, err = u.unrecorded(ctx, q, record, err)
	}
	if CodeOf(err) == CodeNotFound {
		return StepPage{}, errNoResponse(r.ID)
	}
	if err != nil || part.Left > 0 {
		return StepPage{Left: part.Left}, err
	}
	page := StepPage{Page: Page[StepSummary]{Limit: limit}}
	if page.Items, err = u.enrich(ctx, part.Steps); err != nil {
		return StepPage{}, err
	}
	if part.More {
		last := part.Steps[len(part.Steps)-1]
		page.Next = new(list.cursor(Position{ID: last.ID}))
	}
	return page, nil
}

func (u *ListSteps) read(ctx context.Context, q StepQuery, record *Recording) (StepPart, error) {
	part, err := u.responses.Steps(ctx, q, record)
	if err == nil && len(part.Steps) == 0 && part.Left == 0 {
		part, err = u.alone(ctx, q, record)
	}
	return part, err
}

// unrecorded reads again, after a record failed, what needs none. If the payloads need
// one, failed is the error.
func (u *ListSteps) unrecorded(ctx context.Context, q StepQuery, record *Recording, failed error) (StepPart, error) {
	everyones := q
	q.Owners = record.Exempt
	part, err := u.read(ctx, q, nil)
	if CodeOf(err) == CodeNotFound {
		everyones.Payloads = false
		if _, err = u.read(ctx, everyones, nil); err == nil {
			err = failed
		}
	}
	return part, err
}

// alone returns the only step of a response without a chain.
func (u *ListSteps) alone(ctx context.Context, q StepQuery, record *Recording) (StepPart, error) {
	var response Response
	var contents Contents
	var err error
	if q.Payloads {
		response, contents, err = u.responses.Get(ctx, q.ID, q.Owners, q.Max, record)
	} else {
		response, err = u.responses.GetSummary(ctx, q.ID, q.Owners)
	}
	if err != nil || contents.Left > 0 {
		return StepPart{Left: contents.Left}, err
	}
	return StepPart{Steps: []Step{{
		ID: response.ID, Request: &response.ID, Kind: ModelCall, State: response.State, Model: &response.Model,
		CreatedAt: response.CreatedAt, StartedAt: response.StartedAt, CompletedAt: response.CompletedAt, FailedAt: response.FailedAt,
		HTTPStatus: response.HTTPStatus, HasError: response.HasError, Contents: contents,
	}}}, nil
}

// enrich adds usage, and removes what is encrypted.
func (u *ListSteps) enrich(ctx context.Context, steps []Step) ([]StepSummary, error) {
	var ids []uuid.UUID
	for _, s := range steps {
		if s.Request != nil {
			ids = append(ids, *s.Request)
		}
	}
	usage, err := u.usage.Latest(ctx, ids)
	if err != nil {
		return nil, err
	}
	summaries := make([]StepSummary, len(steps))
	for i, s := range steps {
		summary := StepSummary{Step: s}
		summary.Contents, summary.Withheld = s.withoutEncrypted()
		if s.Tool != nil && encrypted.MatchString(*s.Tool) {
			summary.Tool = nil
		}
		if s.Request != nil {
			summary.Usage = usage[*s.Request]
		}
		summaries[i] = summary
	}
	return summaries, nil
}
