package importfile

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// idSpace is where identifiers of OpenAI's that are no UUIDs get theirs, always the same.
var idSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://api.openai.com/v1/responses"))

// idOf returns the identifier under which something of OpenAI's is kept. Lethe's own calls
// in OpenAI's form have a UUID after the prefix.
func idOf(id string) uuid.UUID {
	if own, err := domain.ParseID(strings.TrimPrefix(id, "resp_")); err == nil && strings.HasPrefix(id, "resp_") {
		return own
	}
	return uuid.NewSHA1(idSpace, []byte(id))
}

// stored reads a stored response in each line.
type stored struct{ in *lines }

func (s *stored) next() (domain.ImportedResponse, error) {
	line, err := s.in.text()
	if err != nil {
		return domain.ImportedResponse{}, err
	}
	return storedAt(s.in.place(), line)
}

// document reads stored responses out of a JSON document: an array, a list object, or
// objects one after the other.
type document struct {
	in      *json.Decoder
	bounded *bounded
	shape   shape
	n       int64
	begun   bool
}

func newDocument(in io.Reader, s shape) *document {
	b := &bounded{in: in}
	return &document{in: json.NewDecoder(b), bounded: b, shape: s}
}

// bounded reads up to a number of bytes, which is renewed for each response.
type bounded struct {
	in   io.Reader
	left int
}

var (
	errNoList = errors.New("the list has no array named data")
	errMore   = errors.New("something follows the end of the document")
)

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong{}
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (d *document) next() (domain.ImportedResponse, error) {
	d.n++
	place := fmt.Sprintf("response %d", d.n)
	d.bounded.left = maxResponse
	raw, err := d.value()
	_, syntax := errors.AsType[*json.SyntaxError](err)
	switch {
	case err == nil:
		return storedAt(place, raw)
	case errors.Is(err, io.EOF):
		return domain.ImportedResponse{}, io.EOF
	case syntax:
		return domain.ImportedResponse{}, wrong(place, "it is not valid JSON at byte %d of the file", d.in.InputOffset())
	case errors.Is(err, errTooLong{}), errors.Is(err, errNoList), errors.Is(err, errMore):
		return domain.ImportedResponse{}, wrong(place, "%w", err)
	}
	return domain.ImportedResponse{}, wrong(place, "%w", broken(err))
}

// value returns the next response, and io.EOF after the end of the document.
func (d *document) value() (raw json.RawMessage, err error) {
	if d.shape == inObjects {
		return raw, d.in.Decode(&raw)
	}
	if !d.begun {
		d.begun = true
		if err := d.open(); err != nil {
			return nil, err
		}
	}
	if d.in.More() {
		return raw, within(d.in.Decode(&raw))
	}
	return nil, d.close()
}

// open reads up to the first response.
func (d *document) open() error {
	if _, err := d.in.Token(); err != nil || d.shape == inArray {
		return within(err)
	}
	for d.in.More() {
		key, err := d.in.Token()
		if err != nil {
			return within(err)
		}
		if key == "data" {
			begin, err := d.in.Token()
			if err == nil && begin != json.Delim('[') {
				err = errNoList
			}
			return within(err)
		}
		var other json.RawMessage
		if err := d.in.Decode(&other); err != nil {
			return within(err)
		}
	}
	return errNoList
}

// close reads what follows the last response.
func (d *document) close() error {
	_, err := d.in.Token()
	for err == nil && d.shape == inList && d.in.More() {
		_, err = d.in.Token()
		var other json.RawMessage
		if err == nil {
			err = d.in.Decode(&other)
		}
	}
	if err == nil && d.shape == inList {
		_, err = d.in.Token()
	}
	if err != nil {
		return within(err)
	}
	if _, err = d.in.Token(); err == nil {
		return errMore
	}
	return err
}

// within is the error of reading what must not end yet.
func within(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// storedResponse is a response of OpenAI's, or one with its input items beside it.
type storedResponse struct {
	ID          string          `json:"id"`
	Object      string          `json:"object"`
	Status      string          `json:"status"`
	Model       string          `json:"model"`
	CreatedAt   *float64        `json:"created_at"`
	CompletedAt *float64        `json:"completed_at"`
	ServiceTier *string         `json:"service_tier"`
	Error       json.RawMessage `json:"error"`
	Usage       *usage          `json:"usage"`

	Instructions json.RawMessage `json:"instructions"`
	Previous     *string         `json:"previous_response_id"`
	Input        json.RawMessage `json:"input"`

	Response   json.RawMessage `json:"response"`
	InputItems json.RawMessage `json:"input_items"`
}

// usage is that of responses, of chat completions, or of embeddings.
type usage struct {
	Input      *int64 `json:"input_tokens"`
	Output     *int64 `json:"output_tokens"`
	Prompt     *int64 `json:"prompt_tokens"`
	Completion *int64 `json:"completion_tokens"`
	Total      *int64 `json:"total_tokens"`

	OutputDetails     reasoning `json:"output_tokens_details"`
	CompletionDetails reasoning `json:"completion_tokens_details"`
}

type reasoning struct {
	Tokens *int64 `json:"reasoning_tokens"`
}

func (u *usage) known() domain.Usage {
	if u == nil {
		return domain.Usage{}
	}
	return domain.Usage{
		PromptTokens: cmp.Or(u.Input, u.Prompt), CompletionTokens: cmp.Or(u.Output, u.Completion), TotalTokens: u.Total,
		ReasoningTokens: cmp.Or(u.OutputDetails.Tokens, u.CompletionDetails.Tokens),
	}
}

// states are those of OpenAI's words. What is incomplete was cut off by a limit, and is
// answered.
var states = map[string]string{
	"": "completed", domain.StatusCompleted: "completed", "incomplete": "completed", domain.StatusFailed: "failed",
	domain.StatusCancelled: "canceled", domain.StatusQueued: "pending", domain.StatusInProgress: "processing",
}

// storedAt reads a stored response.
func storedAt(place string, raw json.RawMessage) (domain.ImportedResponse, error) {
	r, err := storedIn(raw)
	if err != nil {
		return domain.ImportedResponse{}, wrong(place, "%w", err)
	}
	r.Place, r.Proven = place, true
	return r, nil
}

func storedIn(raw json.RawMessage) (domain.ImportedResponse, error) {
	var s storedResponse
	if err := decode(raw, &s); err != nil {
		return domain.ImportedResponse{}, err
	}
	items := s.InputItems
	if !isNull(s.Response) {
		raw, s = s.Response, storedResponse{}
		if err := decode(raw, &s); err != nil {
			return domain.ImportedResponse{}, err
		}
	} else if !isNull(items) {
		raw = without(raw, "input_items")
	}
	var list struct {
		Data json.RawMessage `json:"data"`
	}
	switch {
	case isNull(items):
		items = s.Input
	case json.Unmarshal(items, &list) == nil:
		items = list.Data
	}
	state, is := states[s.Status]
	switch {
	case s.Object != "response":
		return domain.ImportedResponse{}, errors.New(`its object is not "response"`)
	case s.ID == "":
		return domain.ImportedResponse{}, errors.New("it has no id")
	case s.CreatedAt == nil:
		return domain.ImportedResponse{}, errors.New("it has no created_at")
	case !is:
		return domain.ImportedResponse{}, errors.New("its status is unknown")
	}
	r := domain.ImportedResponse{Path: "/v1/responses"}
	r.ID, r.Model, r.State, r.Tier = idOf(s.ID), s.Model, state, s.ServiceTier
	created, err := epoch(s.CreatedAt)
	if err != nil {
		return domain.ImportedResponse{}, err
	}
	ended, err := epoch(s.CompletedAt)
	if err != nil {
		return domain.ImportedResponse{}, err
	}
	r.CreatedAt, r.Usage = *created, s.Usage.known()
	switch state {
	case "completed":
		r.HTTPStatus, r.CompletedAt = new(http.StatusOK), ended
	case "failed":
		r.FailedAt, r.Error = ended, new(compact(s.Error))
	}
	if domain.StateRank(state) == len(domain.ActiveStates) {
		r.Answer = new(compact(raw))
	}
	if !isNull(items) {
		r.Prompt = encode(prompt{s.Model, s.Instructions, items, s.Previous, s.ServiceTier})
	}
	return r, nil
}

// prompt is a request as far as a response tells it.
type prompt struct {
	Model        string          `json:"model"`
	Instructions json.RawMessage `json:"instructions,omitempty"`
	Input        json.RawMessage `json:"input"`
	Previous     *string         `json:"previous_response_id,omitempty"`
	ServiceTier  *string         `json:"service_tier,omitempty"`
}

// without removes a field.
func without(raw json.RawMessage, name string) json.RawMessage {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(raw, &fields) // it has been read already
	delete(fields, name)
	return json.RawMessage(encode(fields))
}

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

// epoch reads a time in seconds since 1970; nil for none.
func epoch(seconds *float64) (*time.Time, error) {
	if seconds == nil {
		return nil, nil
	}
	if !(*seconds >= 0 && *seconds <= lastSecond) {
		return nil, errors.New("a time is out of range")
	}
	return new(time.UnixMicro(int64(*seconds * 1e6)).UTC()), nil
}
