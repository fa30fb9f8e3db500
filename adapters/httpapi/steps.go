package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"lethe/domain"
)

func (s *server) ListSteps(ctx context.Context, request ListStepsRequestObject) (ListStepsResponseObject, error) {
	call := callIn(ctx)
	r := domain.StepsRequest{
		ID: request.RequestId, Address: call.address,
		Payloads: given(request.Params.Payloads) && !call.head(), // nothing is shown: see GetResponse
		After:    (*domain.Cursor)(request.Params.After), Limit: request.Params.Limit,
	}
	var page domain.StepPage
	err := s.withRoom(ctx, scannedCopies, func(limit int64) (n, left int64, err error) {
		r.Max = limit
		page, err = s.Steps.Execute(ctx, call.caller, r)
		for _, step := range page.Items {
			n += step.Bytes()
		}
		return n, page.Left, err
	})
	if err != nil {
		return nil, err
	}
	return stepsAnswer{page, r.Payloads}, nil
}

// stepsAnswer writes a StepPage of openapi.yaml piece by piece, like detailAnswer.
type stepsAnswer struct {
	page     domain.StepPage
	payloads bool
}

func (a stepsAnswer) VisitListStepsResponse(w http.ResponseWriter) error {
	rest, err := json.Marshal(StepPage{Limit: a.page.Limit, HasMore: a.page.Next != nil, NextCursor: cursorText(a.page.Next)})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	out := pieceWriters.Get().(*pieceWriter)
	defer pieceWriters.Put(out)
	out.Reset(w)
	defer out.Reset(nil)
	before, after, _ := bytes.Cut(rest, []byte(`"data":null`))
	out.Write(before) // bufio keeps the first error for Flush
	out.WriteString(`"data":[`)
	for i, step := range a.page.Items {
		if i > 0 {
			out.WriteByte(',')
		}
		shown, err := json.Marshal(stepSummary(step))
		if err != nil {
			return err
		}
		out.Write(bytes.TrimSuffix(shown, []byte("}")))
		sent := &step.Prompt
		if !a.payloads || step.Withheld.Prompt {
			sent = nil
		}
		if err := out.writeFields(withheldFields(step.Withheld, "request_payload", "response_payload"),
			field{"error", step.Error}, field{"request_payload", sent}, field{"response_payload", step.Answer}); err != nil {
			return err
		}
		out.WriteByte('}')
	}
	out.WriteByte(']')
	out.Write(after)
	out.WriteByte('\n')
	return out.Flush()
}

func stepSummary(s domain.StepSummary) StepSummary {
	return StepSummary{
		Id:               s.ID,
		RequestId:        s.Request,
		Kind:             s.Kind,
		State:            s.State,
		Model:            s.Model,
		Tool:             s.Tool,
		CreatedAt:        utc(&s.CreatedAt),
		StartedAt:        utc(s.StartedAt),
		CompletedAt:      utc(s.CompletedAt),
		FailedAt:         utc(s.FailedAt),
		CanceledAt:       utc(s.CanceledAt),
		DurationMs:       milliseconds(s.Duration()),
		ResponseStatus:   status(s.HTTPStatus),
		HasError:         s.HasError,
		PromptTokens:     s.Usage.PromptTokens,
		CompletionTokens: s.Usage.CompletionTokens,
		ReasoningTokens:  s.Usage.ReasoningTokens,
		TotalTokens:      s.Usage.TotalTokens,
		TotalCost:        number(s.Usage.Cost),
	}
}
