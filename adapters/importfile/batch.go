package importfile

import (
	"encoding/json"
	"errors"

	"lethe/domain"
)

// batch reads the output file of a batch, or its error file.
type batch struct {
	in      *lines
	prompts *Prompts // nil: none
}

// batchLine is a line of such a file.
type batchLine struct {
	ID       string  `json:"id"`
	CustomID *string `json:"custom_id"`
	Response *struct {
		StatusCode *int            `json:"status_code"`
		Body       json.RawMessage `json:"body"`
	} `json:"response"`
	Error json.RawMessage `json:"error"`
}

// batchBody is what is read of a body: of a chat completion, a response or an embedding.
type batchBody struct {
	Model       string   `json:"model"`
	Created     *float64 `json:"created"`
	CreatedAt   *float64 `json:"created_at"`
	ServiceTier *string  `json:"service_tier"`
	Usage       *usage   `json:"usage"`
}

func (b *batch) next() (domain.ImportedResponse, error) {
	line, err := b.in.text()
	if err != nil {
		return domain.ImportedResponse{}, err
	}
	r, err := b.read(line)
	if err != nil {
		return domain.ImportedResponse{}, b.in.wrong("%w", err)
	}
	r.Place, r.Proven = b.in.place(), true
	return r, nil
}

func (b *batch) read(line []byte) (domain.ImportedResponse, error) {
	var l batchLine
	if err := decode(line, &l); err != nil {
		return domain.ImportedResponse{}, err
	}
	switch {
	case l.ID == "":
		return domain.ImportedResponse{}, errors.New("it has no id")
	case l.CustomID == nil:
		return domain.ImportedResponse{}, errors.New("it has no custom_id")
	case l.Response == nil && isNull(l.Error):
		return domain.ImportedResponse{}, errors.New("it has neither response nor error")
	}
	r := domain.ImportedResponse{CustomID: l.CustomID}
	r.ID = idOf(l.ID)
	var body batchBody
	if l.Response != nil {
		if !isNull(l.Response.Body) {
			if err := decode(l.Response.Body, &body); err != nil {
				return domain.ImportedResponse{}, err
			}
		}
		r.State, r.HTTPStatus, r.Answer = "completed", l.Response.StatusCode, new(compact(l.Response.Body))
	} else {
		r.State, r.Error = "failed", new(compact(l.Error))
	}
	seconds := body.Created
	if seconds == nil {
		seconds = body.CreatedAt
	}
	created, err := epoch(seconds)
	if err != nil {
		return domain.ImportedResponse{}, err
	}
	if created != nil {
		r.CreatedAt = *created
	}
	r.Model, r.Tier, r.Usage = body.Model, body.ServiceTier, body.Usage.known()
	if b.prompts == nil {
		if r.Model == "" {
			return domain.ImportedResponse{}, errors.New("it names no model: give the input file of the batch with --input")
		}
		return r, nil
	}
	asked, err := b.prompts.find(*l.CustomID)
	if err != nil {
		return domain.ImportedResponse{}, err
	}
	r.Path, r.Prompt = asked.URL, compact(asked.Body)
	if r.Model == "" {
		r.Model = asked.model
	}
	return r, nil
}
