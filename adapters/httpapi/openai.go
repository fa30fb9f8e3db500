package httpapi

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"lethe/domain"
)

// The calls of OpenAI's clients. openai_items.go has their input items.

const (
	openAIPath      = "/ai/v1/"
	openAIResponses = openAIPath + "responses"
	openAICancel    = openAIResponses + "/:response_id/cancel"
	openAIPrefix    = "resp_"
	parsedCopies    = 5 // of contents at a time: as received, scanned, parsed and encoded
	serverError     = "server_error"
)

// rawItem is an item as it was stored.
type rawItem = json.RawMessage

// openAIID reads a response's identifier as OpenAI's clients have it.
func openAIID(asked string) (uuid.UUID, error) {
	text := strings.TrimPrefix(asked, openAIPrefix)
	if id, err := domain.ParseID(text); err == nil && text[0] != '{' && len(text) <= len(uuid.Nil.String()) {
		return id, nil
	}
	return uuid.Nil, errNoOpenAIResponse(asked)
}

func errNoOpenAIResponse(asked string) error {
	if len(asked) > maxNamed {
		asked = asked[:maxNamed] + "…"
	}
	return &requestProblem{status: http.StatusNotFound, detail: "response with ID " + strings.ToValidUTF8(asked, "\uFFFD") + " not found"}
}

// asAsked repeats the identifier as it was asked for if there is no such response.
func asAsked(err error, asked string) error {
	if domain.CodeOf(err) == domain.CodeNotFound {
		return errNoOpenAIResponse(asked)
	}
	return err
}

// wholeResponse reads a response with its contents once there is room for them.
func (s *server) wholeResponse(ctx context.Context, asked string, headOnly bool) (whole domain.WholeResponse, err error) {
	id, err := openAIID(asked)
	if err != nil {
		return domain.WholeResponse{}, err
	}
	err = s.withRoom(ctx, parsedCopies, func(limit int64) (n, left int64, err error) {
		whole, err = s.GetWhole.Execute(ctx, callIn(ctx).holder, domain.WholeRequest{ID: id, HeadOnly: headOnly, Max: limit})
		for _, part := range whole.Parts {
			n += part.Bytes()
		}
		return n, whole.Left, err
	})
	return whole, asAsked(err, asked)
}

func (s *server) RetrieveOpenAIResponse(ctx context.Context, request RetrieveOpenAIResponseRequestObject) (RetrieveOpenAIResponseResponseObject, error) {
	whole, err := s.wholeResponse(ctx, request.ResponseId, false)
	if err != nil {
		return nil, err
	}
	return RetrieveOpenAIResponse200JSONResponse{Body: openAIResponse(whole)}, nil
}

func (s *server) DeleteOpenAIResponse(ctx context.Context, request DeleteOpenAIResponseRequestObject) (DeleteOpenAIResponseResponseObject, error) {
	id, err := openAIID(request.ResponseId)
	if err != nil {
		return nil, err
	}
	erased, authorization, err := s.EraseWhole.Execute(ctx, callIn(ctx).holder, id, request.Params.IdempotencyKey)
	if err != nil {
		return nil, asAsked(err, request.ResponseId)
	}
	s.logErased(ctx, erased, authorization)
	return DeleteOpenAIResponse200JSONResponse{
		Body: OpenAIDeleted{Id: request.ResponseId, Object: "response", Deleted: true},
		Headers: DeleteOpenAIResponse200ResponseHeaders{
			Location: receiptLocation(authorization.Receipt), ReceiptSalt: hex.EncodeToString(authorization.Salt[:]),
		},
	}, nil
}

// openAIResponse has the beginning of the first part and the outcome of the whole.
func openAIResponse(whole domain.WholeResponse) OpenAIResponse {
	first, outcome := whole.Parts[0], whole.Outcome()
	shown := OpenAIResponse{
		Id: openAIPrefix + whole.ID.String(), Object: "response", Status: outcome.Status, Model: first.Model,
		CreatedAt: epoch(&first.CreatedAt), CompletedAt: epoch(outcome.CompletedAt), Output: []rawItem{},
	}
	if f := outcome.Failure; f != nil {
		shown.Error = &OpenAIFailure{Code: f.HTTPStatus, Message: f.Message, Type: serverError}
		if f.HTTPStatus != nil {
			shown.Error.Type = failureType(*f.HTTPStatus)
		}
	}
	for _, part := range whole.Parts {
		shown.Output = append(shown.Output, outputOf(part)...)
	}
	return shown
}

// outputOf returns the items of a successful answer.
func outputOf(part domain.ResponsePart) []rawItem {
	if part.Outcome().Status != domain.StatusCompleted || part.Answer == nil {
		return nil
	}
	var answer struct {
		Output []rawItem `json:"output"`
	}
	if json.Unmarshal([]byte(*part.Answer), &answer) != nil {
		return nil // the answer to another kind of request
	}
	return answer.Output
}

func failureType(status int) string {
	if status >= http.StatusInternalServerError {
		return serverError
	}
	return "invalid_request_error"
}

// writeOpenAI writes the problem as OpenAI's clients read errors. They repeat a request
// that got 409 unless told otherwise.
func (p requestProblem) writeOpenAI(w http.ResponseWriter) error {
	var body OpenAIError
	body.Error.Message, body.Error.Type = p.detail, failureType(p.status)
	if p.parameter != "" {
		body.Error.Param = &p.parameter
	}
	switch p.status {
	case http.StatusUnauthorized:
		body.Error.Code = new("invalid_api_key")
	case http.StatusTooManyRequests:
		body.Error.Type, body.Error.Code = "rate_limit_error", new("rate_limit_exceeded")
	case http.StatusConflict:
		w.Header().Set("X-Should-Retry", "false")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(p.status)
	return json.NewEncoder(w).Encode(body)
}

// ofGateway answers calls that only the gateway can answer.
func ofGateway(echo.Context) error {
	return &requestProblem{status: http.StatusNotFound,
		detail: "This call is for the gateway, not for Lethe: lead only GET and DELETE of " + openAIResponses + "/{id}, and GET of its input_items, here"}
}
