package httpapi

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"lethe/domain"
)

type callKey struct{}

// call is what authenticate knows about a request.
type call struct {
	caller  domain.Principal
	address string           // the peer's
	holder  domain.KeyHolder // of operations by key
	header  http.Header      // of the answer
	request *http.Request
	// identify identifies the caller again: a key may be revoked, a session may end, or
	// a person may lose a role while a response goes on.
	identify func(context.Context) (domain.Principal, error)

	// An operation that identifies the caller itself knows these instead.
	credentials   domain.Credentials
	sessionCookie func(*domain.Session) *http.Cookie // see Deps.SessionCookie
}

// head reports whether HEAD was requested: only the headers are sent.
func (c call) head() bool { return c.request != nil && c.request.Method == http.MethodHead }

func callIn(ctx context.Context) call {
	c, _ := ctx.Value(callKey{}).(call)
	return c
}

// callerIn returns the caller that authenticate identified.
func callerIn(ctx context.Context) domain.Principal { return callIn(ctx).caller }

// authenticate runs after path and query have been parsed, so that their syntax is
// checked first.
func (s *server) authenticate(next StrictHandlerFunc, _ string) StrictHandlerFunc {
	return func(c echo.Context, request any) (any, error) {
		a, r, identify := askedOf(c), c.Request(), s.Identify
		if a.identifies {
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), callKey{}, call{
				credentials:   s.Credentials(r),
				sessionCookie: func(session *domain.Session) *http.Cookie { return s.SessionCookie(r, session) },
			})))
			return next(c, request)
		}
		if a.remembered && s.IdentifyReader != nil {
			identify = s.IdentifyReader
		}
		if a.reserved && s.ForHolds != nil {
			r = r.WithContext(s.ForHolds(r.Context()))
		}
		var holder domain.KeyHolder
		again := func(ctx context.Context) (domain.Principal, error) { return identify.Execute(ctx, s.Credentials(r)) }
		if a.byKey {
			again = func(ctx context.Context) (domain.Principal, error) {
				var err error
				holder, err = identify.ExecuteKey(ctx, s.Credentials(r).Key)
				return holder.Creator, err
			}
		}
		caller, err := again(r.Context())
		if err != nil {
			return nil, err
		}
		s.know(c, caller)
		if s.By != nil {
			r = r.WithContext(s.By(r.Context(), caller.ID))
		}
		giveBack, err := s.shares.requests.take(r.Context(), caller.ID, 1)
		if err != nil {
			return nil, err
		}
		defer giveBack()
		s.served.Add(1)
		recordUnknown(c.Response().Header(), a.words...)
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), callKey{},
			call{caller: caller, address: c.RealIP(), holder: holder, header: c.Response().Header(), request: r, identify: again})))
		return next(c, request)
	}
}

// know notes the caller for the log, and renews their session if that is due.
func (s *server) know(c echo.Context, caller domain.Principal) {
	c.Set(callerID, caller.ID)
	if caller.Renewed != nil {
		http.SetCookie(c.Response(), s.SessionCookie(c.Request(), caller.Renewed))
	}
}

// countModes maps the contract's words to modes of counting.
var countModes = map[string]domain.CountMode{
	"auto": domain.CountAuto, "exact": domain.CountExact, "estimate": domain.CountEstimate, "none": domain.CountNone,
}

func (s *server) ListResponses(ctx context.Context, request ListResponsesRequestObject) (ListResponsesResponseObject, error) {
	p := request.Params
	r := domain.ListRequest{
		MemberID:    p.MemberId,
		OwnerEmail:  p.CreatedByEmail,
		State:       p.Status,
		ActiveFirst: p.ActiveFirst,
		After:       (*domain.Cursor)(p.After),
		Skip:        p.Skip,
		Limit:       p.Limit,
		Count:       countModes[given(p.Count)], // auto by default
		ResponseFilter: domain.ResponseFilter{
			States: entries(p.Statuses), Models: entries(p.Model), Tiers: entries(p.ServiceTiers),
			CreatedAfter: (*time.Time)(p.CreatedAfter), CreatedBefore: (*time.Time)(p.CreatedBefore),
			StatusMin: p.ResponseStatusMin, StatusMax: p.ResponseStatusMax,
			MinDuration: (*time.Duration)(p.MinDurationMs), HasError: p.HasError,
			MinTotalCost: (*domain.Decimal)(p.MinTotalCost),
		},
	}
	if r.Searches() {
		giveBack, err := s.shares.searches.take(ctx, callerIn(ctx).ID, 1)
		if err != nil {
			return nil, err
		}
		defer giveBack()
	}
	page, err := s.List.Execute(ctx, callerIn(ctx), r)
	if err != nil {
		return nil, err
	}
	answer := ResponsePage{
		Data:       convert(page.Items, summary),
		Skip:       page.Skip,
		Limit:      page.Limit,
		HasMore:    page.Next != nil,
		NextCursor: cursorText(page.Next),
	}
	answer.TotalCount, answer.CountKind = counted[ResponsePageCountKind](page.Count)
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

// counted returns a count, nil if there is none, and the contract's word for its kind.
func counted[K ~string](c *domain.Count) (total *int64, kind K) {
	switch {
	case c == nil:
		return nil, "none"
	case c.Exact:
		return &c.Total, "exact"
	}
	return &c.Total, "estimate"
}

// GetResponse first looks, without contents, at what the caller may already have. That
// is all for HEAD: nothing is shown, so nothing is read or recorded.
func (s *server) GetResponse(ctx context.Context, request GetResponseRequestObject) (GetResponseResponseObject, error) {
	id := request.RequestId
	omit := given(request.Params.Body) == "omit"
	head := callIn(ctx).head()
	if known := ifNoneMatch(ctx); known != "" || omit || head {
		answer, err := s.detail(ctx, id, domain.GetRequest{OmitContents: true}, omit)
		if err != nil {
			return nil, err
		}
		if matches(known, answer.tag) {
			return GetResponse304Response{Headers: NotModifiedResponseHeaders{ETag: &answer.tag}}, nil
		}
		answer.unread = !omit
		if omit || head {
			return answer, nil
		}
	}
	return s.whole(ctx, id)
}

// detail reads a response. Its tag is for the response with contents, or without if
// omit is set, whatever was read.
func (s *server) detail(ctx context.Context, id uuid.UUID, request domain.GetRequest, omit bool) (answer detailAnswer, err error) {
	call := callIn(ctx)
	request.ID, request.Address = id, call.address
	answer.response, err = s.Get.Execute(ctx, call.caller, request)
	if err != nil {
		return detailAnswer{}, err
	}
	answer.shown, err = json.Marshal(summary(answer.response.ResponseSummary))
	answer.tag = detailTag(answer, omit)
	return answer, err
}

func (s *server) EraseResponse(ctx context.Context, request EraseResponseRequestObject) (EraseResponseResponseObject, error) {
	caller, id, laterTurns := callerIn(ctx), request.RequestId, given(request.Params.IncludeLaterTurns)
	var erased domain.Erased
	var authorization domain.Authorization
	var err error
	if key := request.Params.IdempotencyKey; key != nil {
		erased, authorization, err = s.Erase.ExecuteOnce(ctx, caller, id, laterTurns, *key)
	} else {
		erased, authorization, err = s.Erase.Execute(ctx, caller, id, laterTurns)
	}
	if err != nil {
		return nil, err
	}
	s.logErased(ctx, erased, authorization)
	return EraseResponse204Response{Headers: EraseResponse204ResponseHeaders{
		Location:    receiptLocation(authorization.Receipt),
		ReceiptSalt: hex.EncodeToString(authorization.Salt[:]),
	}}, nil
}

func (s *server) logErased(ctx context.Context, erased domain.Erased, authorization domain.Authorization) {
	done := "Response erased"
	if authorization.Again {
		done = "Repeated erasure request answered"
	}
	s.Log.InfoContext(ctx, done,
		"request_id", requestIDIn(ctx), "caller", callerIn(ctx).ID, "receipt", authorization.Receipt,
		"requests", erased.Requests, "templates", erased.Templates, "steps", erased.Steps,
		"raw_requests", erased.RawRequests, "raw_responses", erased.RawResponses, "tasks", erased.Tasks,
		"files", erased.Files, "kept_templates", erased.KeptTemplates, "retained", erased.Retained)
}

// epoch returns seconds since 1970, nil if the time is unknown or cannot be expressed.
func epoch(t *time.Time) *int64 {
	if t = utc(t); t == nil {
		return nil
	}
	return new(t.Unix())
}

// given returns the value, zero if there is none.
func given[T any](value *T) T {
	if value == nil {
		return *new(T)
	}
	return *value
}

// entries trims the entries of a comma list and drops empty ones; nil stays nil, since
// an empty list differs from none.
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

// summary leaves batch_id nil: responses of batches are never shown.
func summary(r domain.ResponseSummary) ResponseSummary {
	return ResponseSummary{
		Id:               r.ID,
		Model:            r.Model,
		Status:           r.State,
		CreatedAt:        utc(&r.CreatedAt),
		CompletedAt:      utc(r.CompletedAt),
		FailedAt:         utc(r.FailedAt),
		DurationMs:       milliseconds(r.Duration()),
		ResponseStatus:   status(r.HTTPStatus),
		ServiceTier:      r.Tier,
		PromptTokens:     r.Usage.PromptTokens,
		CompletionTokens: r.Usage.CompletionTokens,
		ReasoningTokens:  r.Usage.ReasoningTokens,
		TotalTokens:      r.Usage.TotalTokens,
		TotalCost:        number(r.Usage.Cost),
		CreatedByEmail:   r.OwnerEmail,
	}
}

// utc returns nil if the time is unknown or RFC 3339 cannot express it.
func utc(t *time.Time) *time.Time {
	if t == nil || !domain.Sayable(*t) {
		return nil
	}
	return new(t.UTC())
}

func status(code *int) *int32 {
	if code == nil {
		return nil
	}
	return new(int32(*code))
}

// milliseconds is exact to the microsecond: the nearest float to a whole number of
// microseconds, divided once.
func milliseconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	return new(float64(d.Microseconds()) / 1000)
}

// number converts a cost to JSON. A value that JSON cannot express, such as Postgres's
// NaN, is unknown.
func number(d *domain.Decimal) *float64 {
	if d == nil {
		return nil
	}
	f, err := strconv.ParseFloat(string(*d), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

// convert applies to to each entry of a list; nil becomes empty.
func convert[A, B any](list []A, to func(A) B) []B {
	converted := make([]B, len(list))
	for i, entry := range list {
		converted[i] = to(entry)
	}
	return converted
}

// cursorText returns nil on the last page.
func cursorText(c *domain.Cursor) *string {
	if c == nil {
		return nil
	}
	return new(c.String())
}
