package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"lethe/domain"
)

const (
	// statusClientGone is logged when the caller disconnected first.
	statusClientGone = 499
	// retryAfter is how many seconds a caller should wait when a database is
	// unavailable or busy.
	retryAfter = "30"
	// crowdedRetryAfter is the same for contention with other requests, in seconds.
	crowdedRetryAfter = "5"
)

// requestProblem is the refusal of a request by this package itself.
type requestProblem struct {
	status    int
	detail    string
	parameter string
	choices   []domain.Owner
}

func (p *requestProblem) Error() string { return p.detail }

func invalid(parameter, detail string) error {
	return &requestProblem{status: http.StatusBadRequest, detail: detail, parameter: parameter}
}

// statuses maps the codes whose messages are for the caller.
var statuses = map[domain.Code]int{
	domain.CodeInvalid: http.StatusBadRequest, domain.CodeUnauthenticated: http.StatusUnauthorized,
	domain.CodeForbidden: http.StatusForbidden, domain.CodeNotFound: http.StatusNotFound,
	domain.CodeHeld: http.StatusConflict, domain.CodeConflict: http.StatusConflict, domain.CodeRefused: http.StatusConflict,
	domain.CodeCrowded: http.StatusTooManyRequests, domain.CodeUnavailable: http.StatusServiceUnavailable,
}

// problemOf turns an error into a response. It shows only our own texts.
func problemOf(err error) requestProblem {
	if p, ok := errors.AsType[*requestProblem](err); ok {
		return *p
	}
	if e, ok := errors.AsType[*domain.Error](err); ok {
		if status, told := statuses[e.Code]; told {
			return requestProblem{status, e.Message, e.Parameter, e.Choices}
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return requestProblem{status: http.StatusServiceUnavailable, detail: "The database took too long; try again later"}
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		switch e.Code {
		case http.StatusNotFound:
			return requestProblem{status: e.Code, detail: "No such path; see /openapi.yaml for the API"}
		case http.StatusMethodNotAllowed:
			return requestProblem{status: e.Code, detail: "This path does not support the method"}
		}
	}
	return requestProblem{
		status: http.StatusInternalServerError,
		detail: "Internal error; the service's log has details under this request_id",
	}
}

// fail responds with a problem. Errors become responses only here. Errors that the
// caller did not cause are logged.
func (s *server) fail(err error, c echo.Context) {
	r, w := c.Request(), c.Response()
	if w.Committed {
		s.Log.WarnContext(r.Context(), "Could not finish the answer", "request_id", requestIDOf(c), "error", err)
		return
	}
	if errors.Is(r.Context().Err(), context.Canceled) {
		w.WriteHeader(statusClientGone)
		return
	}
	p := problemOf(err)
	if domain.CodeOf(err) == domain.CodeRefused {
		s.Log.WarnContext(r.Context(), "Could not erase the response", "request_id", requestIDOf(c), "error", err)
	}
	switch p.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		p.detail = "This path supports " + strings.Join(w.Header().Values("Allow"), ", ")
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", crowdedRetryAfter)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
		s.Log.WarnContext(r.Context(), "Service unavailable for a request", "request_id", requestIDOf(c), "error", err)
	case http.StatusInternalServerError:
		s.Log.ErrorContext(r.Context(), "Request failed", "request_id", requestIDOf(c), "error", err)
	}
	p.write(w, r, s.Log, requestIDOf(c))
}

func (p requestProblem) write(w http.ResponseWriter, r *http.Request, log *slog.Logger, requestID string) {
	if strings.HasPrefix(r.URL.Path, openAIPath) {
		if err := p.writeOpenAI(w); err != nil {
			log.DebugContext(r.Context(), "Could not send the error", "request_id", requestID, "error", err)
		}
		return
	}
	body := Problem{
		Type: "about:blank", Title: http.StatusText(p.status), Status: int32(p.status),
		Detail: p.detail, RequestId: requestID,
	}
	if p.parameter != "" {
		body.Parameter = &p.parameter
	}
	body.Choices = convert(p.choices, shownChoice)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.DebugContext(r.Context(), "Could not send the problem", "request_id", requestID, "error", err)
	}
}

// turnAway refuses a request before it reaches the handler, in the same form; after is
// how many seconds the caller should wait.
func turnAway(w http.ResponseWriter, r *http.Request, log *slog.Logger, status int, detail, after string) {
	id := newRequestID()
	setHeaders(w.Header(), id)
	w.Header().Set("Retry-After", after)
	requestProblem{status: status, detail: detail}.write(w, r, log, id)
}
