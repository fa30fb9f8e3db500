// Package domain is what the service knows: responses, who owns them, who may
// see and erase them. It imports nothing of the outside world; databases and
// HTTP are behind the ports of ports.go.
//
// [Principal] is who is calling and decides what they may do. [Response] is what is
// listed, fetched and erased, and [Erasure] a bulk erasure with its progress. Most use
// cases are a type with the method Execute.
package domain

import (
	"math/big"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Response is one request to an LLM and what became of it, without its
// contents. All times are UTC.
type Response struct {
	ID          uuid.UUID
	Owner       string // a user's or an organization's UUID as text, or another word
	Model       string
	State       string // pending, claimed, processing, completed, failed or canceled
	Tier        *string
	CreatedAt   time.Time
	StartedAt   *time.Time
	CompletedAt *time.Time
	FailedAt    *time.Time
	HTTPStatus  *int // what the model's server answered with

	// Revision changes whenever the response, its contents or the right to see
	// them change; Get and GetSummary give the same. Pages leave it empty.
	Revision string
	HasError bool // an error is recorded

	// KnownUsage is its newest usage where that was read along; nil: ask
	// UsageRecords.
	KnownUsage *Usage
}

// Duration is completed minus started, to the microsecond; nil while either is
// unknown or infinite.
func (r Response) Duration() *time.Duration {
	if r.StartedAt == nil || r.CompletedAt == nil || infinite(*r.StartedAt) || infinite(*r.CompletedAt) {
		return nil
	}
	d := r.CompletedAt.Sub(*r.StartedAt)
	return &d
}

// Contents is what a response holds of people's words.
type Contents struct {
	Prompt string  // empty where there is none or where it is withheld
	Answer *string // the model's answer as it was received
	Error  *string
	Left   int64 // bytes of contents that have not been read, as they are more than were asked for; 0: none
}

// Bytes is how many there are.
func (c Contents) Bytes() int64 {
	n := len(c.Prompt)
	for _, text := range []*string{c.Answer, c.Error} {
		if text != nil {
			n += len(*text)
		}
	}
	return int64(n)
}

// Withheld tells which contents are there and not shown.
type Withheld struct{ Prompt, Answer, Error bool }

// encrypted is how a text begins that the gateway has encrypted, by a key that
// nobody has here: it stores so where it was asked to retain no data.
var encrypted = regexp.MustCompile(`^dwzdr[0-9]+:`)

// withoutEncrypted leaves out what is no text of people's, and tells what that is.
func (c Contents) withoutEncrypted() (Contents, Withheld) {
	w := Withheld{
		Prompt: encrypted.MatchString(c.Prompt),
		Answer: c.Answer != nil && encrypted.MatchString(*c.Answer),
		Error:  c.Error != nil && encrypted.MatchString(*c.Error),
	}
	if w.Prompt {
		c.Prompt = ""
	}
	if w.Answer {
		c.Answer = nil
	}
	if w.Error {
		c.Error = nil
	}
	return c, w
}

// Usage is what a response cost. Each figure is nil where it was not recorded.
type Usage struct {
	PromptTokens     *int64
	CompletionTokens *int64
	ReasoningTokens  *int64
	TotalTokens      *int64
	Cost             *Decimal
}

// Decimal is an exact decimal number as text, such as "0.00012500".
type Decimal string

// ResponseFilter narrows a list. A nil field does not narrow; an empty list
// matches nothing. Its JSON is kept with erasures.
type ResponseFilter struct {
	Owners        []string       `json:"owners"`
	States        []string       `json:"states"`
	Models        []string       `json:"models"`
	Tiers         []string       `json:"tiers"`
	CreatedAfter  *time.Time     `json:"created_after"`  // inclusive
	CreatedBefore *time.Time     `json:"created_before"` // inclusive
	StatusMin     *int64         `json:"status_min"`     // inclusive; of HTTPStatus
	StatusMax     *int64         `json:"status_max"`     // inclusive
	MinDuration   *time.Duration `json:"min_duration"`   // inclusive; in JSON nanoseconds
	HasError      *bool          `json:"has_error"`
	// MinTotalCost is inclusive, and of lists alone: nothing is erased by it.
	MinTotalCost *Decimal `json:"min_total_cost,omitempty"`
}

// ErrNoCosts is what lists return where nothing tells what each response cost.
var ErrNoCosts = errParameter("min_total_cost", "min_total_cost: costs are in another database than responses here, so lists cannot be narrowed by them; leave it out")

// Matches tells whether a response passes the filter; it is the meaning that
// every implementation of Responses keeps to. What is not known passes no
// filter.
func (f ResponseFilter) Matches(r Response) bool {
	d := r.Duration()
	switch {
	case f.Owners != nil && !slices.Contains(f.Owners, r.Owner),
		f.States != nil && !slices.Contains(f.States, r.State),
		f.Models != nil && !slices.Contains(f.Models, r.Model),
		f.Tiers != nil && (r.Tier == nil || !slices.Contains(f.Tiers, *r.Tier)),
		f.CreatedAfter != nil && r.CreatedAt.Before(*f.CreatedAfter),
		f.CreatedBefore != nil && r.CreatedAt.After(*f.CreatedBefore),
		f.StatusMin != nil && (r.HTTPStatus == nil || int64(*r.HTTPStatus) < *f.StatusMin),
		f.StatusMax != nil && (r.HTTPStatus == nil || int64(*r.HTTPStatus) > *f.StatusMax),
		f.MinDuration != nil && (d == nil || *d < *f.MinDuration),
		f.HasError != nil && r.HasError != *f.HasError,
		f.MinTotalCost != nil && !r.costs(*f.MinTotalCost):
		return false
	}
	return true
}

// costs tells whether it is known that a response costs that much or more.
func (r Response) costs(atLeast Decimal) bool {
	if r.KnownUsage == nil || r.KnownUsage.Cost == nil {
		return false
	}
	cost, known := new(big.Rat).SetString(string(*r.KnownUsage.Cost))
	bound, is := new(big.Rat).SetString(string(atLeast))
	return known && is && cost.Cmp(bound) >= 0
}

// ActiveStates are those of responses still at work, in the order in which lists
// show them.
var ActiveStates = []string{"processing", "claimed", "pending"}

// StateRank orders states with those still at work first: by ActiveStates, and then
// every other.
func StateRank(state string) int {
	if rank := slices.Index(ActiveStates, state); rank >= 0 {
		return rank
	}
	return len(ActiveStates)
}

// CompareResponses orders a list, newest first and ties by descending
// identifier; with activeFirst by StateRank before that. It is negative where a
// comes before b.
func CompareResponses(a, b Response, activeFirst bool) int {
	return PositionOf(a, activeFirst).Compare(PositionOf(b, activeFirst))
}

// CountMode is how a list is to be counted.
type CountMode int

// The modes.
const (
	CountAuto     CountMode = iota // exactly where that costs little
	CountExact                     // exactly, unless it takes too long
	CountEstimate                  // the database's estimate
	CountNone                      // not at all; never asked of a port
)

// Count is how many responses a filter matches.
type Count struct {
	Total int64
	Exact bool // false: the database's estimate
}

// Erased says what one erasure removed, in rows. It has the fields of
// receipt.Counts.
type Erased struct {
	Requests     int64
	Steps        int64
	Templates    int64
	RawRequests  int64 // copies in the gateway's log
	RawResponses int64
	Tasks        int64 // queued and finished jobs that hold the response
	Files        int64 // made for one request, each with its empty batch
	// KeptTemplates are those of the response that stayed, as the request of
	// another one needs them.
	KeptTemplates int64
	Retained      int64 // objects of responses that fusillade-arsenal has moved
}

// Add adds what another transaction removed.
func (e *Erased) Add(more Erased) {
	e.Requests += more.Requests
	e.Templates += more.Templates
	e.Steps += more.Steps
	e.RawRequests += more.RawRequests
	e.RawResponses += more.RawResponses
	e.Tasks += more.Tasks
	e.Files += more.Files
	e.KeptTemplates += more.KeptTemplates
	e.Retained += more.Retained
}
