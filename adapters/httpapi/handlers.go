package httpapi

import (
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/oapi-codegen/nullable"

	"lethe/domain"
)

type callerKey struct{}

// callerIn is who authenticate found.
func callerIn(ctx context.Context) domain.Principal {
	caller, _ := ctx.Value(callerKey{}).(domain.Principal)
	return caller
}

// authenticate runs after path and query have been parsed, so that their
// syntax is judged first.
func (s *server) authenticate(next StrictHandlerFunc, operation string) StrictHandlerFunc {
	identify := s.Identify
	if operation == "EraseResponse" && s.IdentifyEraser != nil {
		identify = s.IdentifyEraser
	}
	return func(c echo.Context, request any) (any, error) {
		r := c.Request()
		caller, err := identify.Execute(r.Context(), s.Credentials(r))
		if err != nil {
			return nil, err
		}
		c.Set(callerID, caller.ID)
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
		return next(c, request)
	}
}

// ListResponses implements StrictServerInterface.
func (s *server) ListResponses(ctx context.Context, request ListResponsesRequestObject) (ListResponsesResponseObject, error) {
	p := request.Params
	r := domain.ListRequest{
		MemberID:      (*uuid.UUID)(p.MemberId),
		OwnerEmail:    p.CreatedByEmail,
		State:         p.Status,
		States:        entries(p.Statuses),
		Models:        entries(p.Model),
		Tiers:         entries(p.ServiceTiers),
		CreatedAfter:  (*time.Time)(p.CreatedAfter),
		CreatedBefore: (*time.Time)(p.CreatedBefore),
		StatusMin:     p.ResponseStatusMin,
		StatusMax:     p.ResponseStatusMax,
		MinDuration:   (*time.Duration)(p.MinDurationMs),
		HasError:      (*bool)(p.HasError),
		ActiveFirst:   (*bool)(p.ActiveFirst),
		After:         (*domain.Cursor)(p.After),
		Skip:          p.Skip,
		Limit:         p.Limit,
	}
	if p.Count != nil {
		r.Count = domain.CountMode(*p.Count)
	}
	page, err := s.List.Execute(ctx, callerIn(ctx), r)
	if err != nil {
		return nil, err
	}
	answer := ResponsePage{
		Data:       make([]ResponseSummary, len(page.Items)),
		TotalCount: nullable.NewNullNullable[int64](),
		CountKind:  None,
		Skip:       page.Skip,
		Limit:      page.Limit,
		HasMore:    page.Next != nil,
		NextCursor: nullable.NewNullNullable[string](),
	}
	if c := page.Count; c != nil {
		answer.TotalCount.Set(c.Total)
		answer.CountKind = Estimate
		if c.Exact {
			answer.CountKind = Exact
		}
	}
	if page.Next != nil {
		answer.NextCursor.Set(page.Next.String())
	}
	for i, item := range page.Items {
		answer.Data[i] = summary(item)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	tag := entityTag(body)
	if matches(ifNoneMatch(ctx), tag) {
		return ListResponses304Response{Headers: NotModifiedResponseHeaders{ETag: &tag}}, nil
	}
	return pageAnswer{body, tag}, nil
}

// GetResponse implements StrictServerInterface. What the caller may already
// have is looked at without its contents first.
func (s *server) GetResponse(ctx context.Context, request GetResponseRequestObject) (GetResponseResponseObject, error) {
	id := uuid.UUID(request.RequestId)
	omit := request.Params.Body != nil && bool(*request.Params.Body)
	if known := ifNoneMatch(ctx); known != "" || omit {
		found, err := s.Get.Execute(ctx, callerIn(ctx), id, true)
		if err != nil {
			return nil, err
		}
		tag, err := detailTag(found, omit)
		if err != nil {
			return nil, err
		}
		if matches(known, tag) {
			return GetResponse304Response{Headers: NotModifiedResponseHeaders{ETag: &tag}}, nil
		}
		if omit {
			return detailAnswer{found, tag}, nil
		}
	}
	found, err := s.Get.Execute(ctx, callerIn(ctx), id, false)
	if err != nil {
		return nil, err
	}
	tag, err := detailTag(found, false)
	if err != nil {
		return nil, err
	}
	return detailAnswer{found, tag}, nil
}

// EraseResponse implements StrictServerInterface.
func (s *server) EraseResponse(ctx context.Context, request EraseResponseRequestObject) (EraseResponseResponseObject, error) {
	erased, err := s.Erase.Execute(ctx, callerIn(ctx), uuid.UUID(request.RequestId))
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "erased a response",
		"request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID,
		"requests", erased.Requests, "templates", erased.Templates, "steps", erased.Steps,
		"raw_requests", erased.RawRequests, "raw_responses", erased.RawResponses, "tasks", erased.Tasks)
	return EraseResponse204Response{}, nil
}

// entries trims the entries of a comma list and drops empty ones; nil stays
// nil, since given but empty is another thing.
func entries(list []string) []string {
	if list == nil {
		return nil
	}
	kept := make([]string, 0, len(list))
	for _, entry := range list {
		if entry = strings.TrimSpace(entry); entry != "" {
			kept = append(kept, entry)
		}
	}
	return kept
}

func summary(r domain.ResponseSummary) ResponseSummary {
	return ResponseSummary{
		Id:               r.ID,
		BatchId:          nullable.NewNullNullable[uuid.UUID](),
		Model:            r.Model,
		Status:           r.State,
		CreatedAt:        r.CreatedAt.UTC(),
		CompletedAt:      instantOrNull(r.CompletedAt),
		FailedAt:         instantOrNull(r.FailedAt),
		DurationMs:       milliseconds(r.Duration()),
		ResponseStatus:   statusOrNull(r.HTTPStatus),
		ServiceTier:      orNull(r.Tier),
		PromptTokens:     orNull(r.Usage.PromptTokens),
		CompletionTokens: orNull(r.Usage.CompletionTokens),
		ReasoningTokens:  orNull(r.Usage.ReasoningTokens),
		TotalTokens:      orNull(r.Usage.TotalTokens),
		TotalCost:        number(r.Usage.Cost),
		CreatedByEmail:   orNull(r.OwnerEmail),
	}
}

func orNull[T any](p *T) nullable.Nullable[T] {
	if p == nil {
		return nullable.NewNullNullable[T]()
	}
	return nullable.NewNullableWithValue(*p)
}

func instantOrNull(t *time.Time) nullable.Nullable[time.Time] {
	if t == nil {
		return orNull[time.Time](nil)
	}
	return nullable.NewNullableWithValue(t.UTC())
}

func statusOrNull(status *int) nullable.Nullable[int32] {
	if status == nil {
		return orNull[int32](nil)
	}
	return nullable.NewNullableWithValue(int32(*status))
}

// milliseconds is exact to the microsecond: the nearest float to a whole
// number of microseconds, divided once.
func milliseconds(d *time.Duration) nullable.Nullable[float64] {
	if d == nil {
		return orNull[float64](nil)
	}
	return nullable.NewNullableWithValue(float64(d.Microseconds()) / 1000)
}

// number is where money stops being a decimal. What JSON has no number for,
// such as Postgres's NaN, is unknown.
func number(d *domain.Decimal) nullable.Nullable[float64] {
	if d == nil {
		return orNull[float64](nil)
	}
	f, err := strconv.ParseFloat(string(*d), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return orNull[float64](nil)
	}
	return nullable.NewNullableWithValue(f)
}
