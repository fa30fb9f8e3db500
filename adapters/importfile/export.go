package importfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// export reads an export of Lethe's as NDJSON. Its marks count and hash what is before
// them, from the beginning of an answer on. An export that was resumed is several answers
// in one file: each begins after a mark.
type export struct {
	in          *lines
	whole, part *counted // since the beginning of the answer, and since the last mark
	proven      bool     // the line that was read last was a mark
	ended       bool     // the last mark that was read is the last of an export
}

func newExport(in *lines) *export {
	return &export{in: in, whole: newCounted(), part: newCounted(), proven: true}
}

// counted is what a mark counts and hashes.
type counted struct {
	rows int64
	sum  hash.Hash
}

func newCounted() *counted { return &counted{sum: sha256.New()} }

func (c *counted) is(m mark) bool {
	return m.Rows == c.rows && m.SHA256 == hex.EncodeToString(c.sum.Sum(nil))
}

func (c *counted) add(line []byte, rows int64) {
	c.rows += rows
	c.sum.Write(line)
}

// mark is an ExportMark of the contract.
type mark struct {
	HasMore bool   `json:"has_more"`
	Rows    int64  `json:"rows"`
	SHA256  string `json:"sha256"`
}

// markBegins is how marks begin, and responses never do.
var markBegins = []byte(`{"has_more":`)

func (e *export) next() (domain.ImportedResponse, error) {
	for {
		line, err := e.in.text()
		if errors.Is(err, io.EOF) {
			if !e.ended {
				return domain.ImportedResponse{}, e.in.wrong(`the file ends without the export's last mark, {"has_more":false,…}: it was cut, or is no whole export; resume the export, or export again`)
			}
			return domain.ImportedResponse{}, io.EOF
		}
		if err != nil {
			return domain.ImportedResponse{}, err
		}
		if bytes.HasPrefix(line, markBegins) {
			if err := e.check(line); err != nil {
				return domain.ImportedResponse{}, err
			}
			continue
		}
		r, err := exported(line)
		if err != nil {
			return domain.ImportedResponse{}, e.in.wrong("%w", err)
		}
		e.whole.add(line, 1)
		e.part.add(line, 1)
		r.Place, r.Proven = e.in.place(), e.proven
		e.proven, e.ended = false, false
		return r, nil
	}
}

// check compares a mark with what is before it.
func (e *export) check(line []byte) error {
	var m mark
	if err := decode(line, &m); err != nil {
		return e.in.wrong("%w", err)
	}
	switch {
	case e.whole.is(m):
	case e.part.is(m):
		e.whole = e.part
	case m.Rows != e.whole.rows:
		return e.in.wrong("the mark counts %d responses, but there are %d before it: lines were added or are missing", m.Rows, e.whole.rows)
	default:
		return e.in.wrong("the mark's hash is of other text than there is before it: the file was changed or damaged")
	}
	e.whole.add(line, 0)
	e.part = newCounted()
	if e.proven, e.ended = true, !m.HasMore; e.ended {
		e.whole = newCounted() // another export may follow
	}
	return nil
}

// exportedResponse is a ResponseSummary of the contract, or a ResponseDetail.
type exportedResponse struct {
	ID               *uuid.UUID   `json:"id"`
	Model            string       `json:"model"`
	Status           string       `json:"status"`
	CreatedAt        *time.Time   `json:"created_at"`
	CompletedAt      *time.Time   `json:"completed_at"`
	FailedAt         *time.Time   `json:"failed_at"`
	DurationMs       *float64     `json:"duration_ms"`
	ResponseStatus   *int         `json:"response_status"`
	ServiceTier      *string      `json:"service_tier"`
	PromptTokens     *int64       `json:"prompt_tokens"`
	CompletionTokens *int64       `json:"completion_tokens"`
	ReasoningTokens  *int64       `json:"reasoning_tokens"`
	TotalTokens      *int64       `json:"total_tokens"`
	TotalCost        *json.Number `json:"total_cost"`
	CreatedByEmail   *string      `json:"created_by_email"`

	Body         *string `json:"body"` // nil: without contents
	ResponseBody *string `json:"response_body"`
	Error        *string `json:"error"`
	CreatedBy    string  `json:"created_by"`
}

// longest is more than any duration that a response can have.
const longest = 100 * 365 * 24 * time.Hour

// exported reads a response of an export.
func exported(line []byte) (domain.ImportedResponse, error) {
	var l exportedResponse
	if err := decode(line, &l); err != nil {
		return domain.ImportedResponse{}, err
	}
	if l.ID == nil {
		return domain.ImportedResponse{}, errors.New("it has no id")
	}
	r := domain.ImportedResponse{Partial: l.Body == nil, Path: "/v1/responses"}
	r.ID, r.Owner, r.OwnerEmail = *l.ID, l.CreatedBy, l.CreatedByEmail
	r.Model, r.State, r.Tier, r.HTTPStatus = l.Model, l.Status, l.ServiceTier, l.ResponseStatus
	r.Answer, r.Error = l.ResponseBody, l.Error
	if l.Body != nil {
		r.Prompt = *l.Body
	}
	if isChat(r.Prompt) {
		r.Path = "/v1/chat/completions"
	}
	// An export has null for a time that it could not express.
	r.CreatedAt = domain.InfiniteFuture
	if l.CreatedAt != nil {
		r.CreatedAt = domain.ToMicroseconds(*l.CreatedAt)
	}
	if r.CompletedAt = micros(l.CompletedAt); r.CompletedAt == nil && r.State == "completed" {
		r.CompletedAt = &domain.InfiniteFuture
	}
	if r.FailedAt = micros(l.FailedAt); r.FailedAt == nil && r.State == "failed" {
		r.FailedAt = &domain.InfiniteFuture
	}
	if l.DurationMs != nil && l.CompletedAt != nil {
		took := time.Duration(math.Round(*l.DurationMs*1000)) * time.Microsecond
		if math.Abs(*l.DurationMs) > float64(longest/time.Millisecond) {
			return domain.ImportedResponse{}, errors.New("its duration_ms is out of range")
		}
		r.StartedAt = new(r.CompletedAt.Add(-took))
	}
	r.Usage = domain.Usage{PromptTokens: l.PromptTokens, CompletionTokens: l.CompletionTokens, ReasoningTokens: l.ReasoningTokens, TotalTokens: l.TotalTokens}
	if l.TotalCost != nil {
		cost, err := l.TotalCost.Float64()
		if err != nil {
			return domain.ImportedResponse{}, errors.New("its total_cost is out of range")
		}
		r.Usage.Cost = new(domain.Decimal(strconv.FormatFloat(cost, 'f', -1, 64)))
	}
	return r, nil
}

func micros(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	return new(domain.ToMicroseconds(*at))
}

// isChat tells a prompt of chat completions from one of responses.
func isChat(prompt string) bool {
	var body struct {
		Messages []json.RawMessage `json:"messages"`
	}
	return json.Unmarshal([]byte(prompt), &body) == nil && body.Messages != nil
}
