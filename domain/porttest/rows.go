// Package porttest contains the contracts of the ports as tests. Every implementation
// runs them on its own fixture.
//
// Each port has a fixture, such as [ResponsesFixture] or [ErasuresFixture], and a
// function with the port's name that runs its tests. [Row] is a request to be stored.
package porttest

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Row is one stored request with its related rows. NewRow returns one that every
// database accepts.
type Row struct {
	domain.Response
	domain.Contents
	Batched    bool // a row of a batch: the owner is not stored
	NoTemplate bool // the prompt is not stored
	File       File
	// Template is the ID under which the prompt is stored; zero: an own template. An
	// existing template is shared, with its prompt and its file.
	Template uuid.UUID
}

// File says where a request's template came from.
type File int

// Possible origins of a template.
const (
	NoFile File = iota
	KeptFile
	DeletedFile
	MadeFile // for this request, by an upgrade of the gateway: its batch has no requests any more
)

// Step is one step of a chain: a model call if Row is set, otherwise a tool call.
type Step struct {
	ID      uuid.UUID
	Row     *Row
	Payload string // JSON that is sent; empty: some
}

// StepAnswer is what comes back in each step: JSON.
const StepAnswer = `{"words": "of a model"}`

// Sent is the JSON that is sent.
func (s Step) Sent() string { return cmp.Or(s.Payload, `{"words": "of people"}`) }

// UsageRow is one line of the gateway's accounts. Its cost is the tokens times their
// prices, and unknown if any of these four is.
type UsageRow struct {
	Response         uuid.UUID
	At               time.Time
	PromptTokens     *int64
	CompletionTokens *int64
	TotalTokens      *int64
	ReasoningTokens  int64
	PromptPrice      *domain.Decimal // per token
	CompletionPrice  *domain.Decimal
	Copied           bool // the gateway's log has a copy of the request and of the response
	Owner            *uuid.UUID
	Batched          bool // it was a request of a batch
}

// Stored is the number of rows, of all owners.
type Stored struct {
	Requests     int64
	Templates    int64
	Steps        int64
	RawRequests  int64
	RawResponses int64
	Tasks        int64
	Files        int64
	Batches      int64
	Usage        int64
}

// Less returns what remains after an erasure.
func (s Stored) Less(e domain.Erased) Stored {
	s.Requests -= e.Requests
	s.Templates -= e.Templates
	s.Steps -= e.Steps
	s.RawRequests -= e.RawRequests
	s.RawResponses -= e.RawResponses
	s.Tasks -= e.Tasks
	s.Files -= e.Files
	s.Batches -= e.Files
	return s
}

// Person is a stored human.
type Person struct {
	ID         uuid.UUID
	Email      string
	Admin      bool
	Deleted    bool
	Roles      []domain.Role
	ExternalID string // empty: none
	Name       string // empty: none; the user name is the identifier
	LastLogin  *time.Time
}

// Organization is a stored organization.
type Organization struct {
	ID      uuid.UUID
	Email   string
	Name    string // as of a Person
	Deleted bool
}

// Membership is a person's membership in an organization.
type Membership struct {
	Person       uuid.UUID
	Organization uuid.UUID
	Pending      bool // invited, not active yet
}

// Key is a stored API key.
type Key struct {
	Secret  string
	Owner   uuid.UUID
	Creator uuid.UUID
	Purpose string
	Deleted bool
}

// NewRow returns a request with everything that its state requires, and a template
// with a prompt.
func NewRow(owner, state string, created time.Time) Row {
	id := uuid.New()
	row := Row{
		Response: domain.Response{ID: id, Owner: owner, Model: "model-a", State: state, CreatedAt: created},
		Contents: domain.Contents{Prompt: fmt.Sprintf("prompt of %s", id)},
	}
	switch state {
	case "processing":
		row.StartedAt = ptr(created.Add(time.Second))
	case "completed":
		row.StartedAt = ptr(created.Add(time.Second))
		row.CompletedAt = ptr(created.Add(2500001 * time.Microsecond))
		row.HTTPStatus = ptr(200)
		row.Answer = ptr(fmt.Sprintf("answer of %s", id))
	case "failed":
		row.StartedAt = ptr(created.Add(time.Second))
		row.FailedAt = ptr(created.Add(3 * time.Second))
		row.HTTPStatus = ptr(502)
		row.Error = ptr(fmt.Sprintf("error of %s", id))
		row.HasError = true
	}
	return row
}

// Chain returns its requests as the steps of one response; nil is a tool call.
func Chain(rows ...*Row) []Step {
	steps := make([]Step, len(rows))
	for i, row := range rows {
		steps[i] = Step{ID: uuid.New(), Row: row}
	}
	return steps
}

func ptr[T any](v T) *T { return &v }
