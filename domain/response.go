// Package domain contains what the service knows: responses, their owners, and who
// may see and erase them. It imports nothing of the outside world; databases and HTTP
// are behind the ports in ports.go.
//
// [Principal] is the caller and decides what they may do. [Response] is what is
// listed, fetched and erased, and [Erasure] a bulk erasure with its progress. Most
// use cases are a type with the method Execute.
package domain

import (
	"math/big"
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Response is one request to an LLM and its outcome, without its contents. All times
// are UTC.
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
	HTTPStatus  *int // status that the model's server returned

	// Revision changes whenever the response, its contents or the right to see them
	// changes; Get and GetSummary return the same value. It is empty in pages.
	Revision string
	HasError bool // an error is recorded

	// KnownUsage is its newest usage if that was read with it; nil: ask UsageRecords.
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

// Chain is a response as the gateway's clients know it: one request, or several that are
// linked by steps.
type Chain struct {
	ID       uuid.UUID   // of the head step; without steps, of the request
	Requests []uuid.UUID // in the order of their steps
}

// MaxParts is the maximum number of requests of a response that is shown as a whole.
const MaxParts = 256

// Contents are the prompt, the answer and the error of a response.
type Contents struct {
	Prompt string  // empty if there is none or if it is withheld
	Answer *string // the model's answer as it was received
	Error  *string
	Left   int64 // bytes of contents that were not read because they exceed the limit; 0: none
}

// Bytes returns the size of the contents.
func (c Contents) Bytes() int64 {
	n := len(c.Prompt)
	for _, text := range []*string{c.Answer, c.Error} {
		if text != nil {
			n += len(*text)
		}
	}
	return int64(n)
}

// Withheld tells which contents exist but are not shown.
type Withheld struct{ Prompt, Answer, Error bool }

// encrypted matches the start of a text that the gateway has encrypted because it was
// asked to retain no data; the key is not available here.
var encrypted = regexp.MustCompile(`^dwzdr[0-9]+:`)

// withoutEncrypted removes encrypted texts and reports which they were.
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

// Usage is the cost of a response. Each figure is nil if it was not recorded.
type Usage struct {
	PromptTokens     *int64
	CompletionTokens *int64
	ReasoningTokens  *int64
	TotalTokens      *int64
	Cost             *Decimal
}

// Decimal is an exact decimal number as text, such as "0.00012500".
type Decimal string

// ResponseFilter narrows a list. A nil field does not narrow; an empty list matches
// nothing. Its JSON is stored with erasures.
type ResponseFilter struct {
	Owners        []string       `json:"owners"`
	States        []string       `json:"states"`
	Models        []string       `json:"models"`
	Tiers         []string       `json:"tiers"`
	CreatedAfter  *time.Time     `json:"created_after"`  // inclusive
	CreatedBefore *time.Time     `json:"created_before"` // inclusive
	StatusMin     *int64         `json:"status_min"`     // inclusive; for HTTPStatus
	StatusMax     *int64         `json:"status_max"`     // inclusive
	MinDuration   *time.Duration `json:"min_duration"`   // inclusive; in JSON nanoseconds
	HasError      *bool          `json:"has_error"`
	// MinTotalCost is inclusive. Only lists use it; erasures do not.
	MinTotalCost *Decimal `json:"min_total_cost,omitempty"`
}

// ErrNoCosts is returned by lists if no source has the cost of each response.
var ErrNoCosts = errParameter("min_total_cost", "min_total_cost: costs are in another database than responses, so lists cannot be filtered by cost; omit it")

// Matches reports whether a response passes the filter. It defines the behavior of
// every implementation of Responses. An unknown value passes no filter.
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

// costs reports whether a response is known to cost at least that much.
func (r Response) costs(atLeast Decimal) bool {
	if r.KnownUsage == nil || r.KnownUsage.Cost == nil {
		return false
	}
	cost, known := new(big.Rat).SetString(string(*r.KnownUsage.Cost))
	bound, is := new(big.Rat).SetString(string(atLeast))
	return known && is && cost.Cmp(bound) >= 0
}

// ActiveStates are the states of unfinished responses, in the order in which lists
// show them.
var ActiveStates = []string{"processing", "claimed", "pending"}

// StateRank puts unfinished states first: in the order of ActiveStates, then all
// others.
func StateRank(state string) int {
	if rank := slices.Index(ActiveStates, state); rank >= 0 {
		return rank
	}
	return len(ActiveStates)
}

// CompareResponses orders a list newest first, ties by descending identifier; with
// activeFirst it orders by StateRank first. It is negative if a comes before b.
func CompareResponses(a, b Response, activeFirst bool) int {
	return PositionOf(a, activeFirst).Compare(PositionOf(b, activeFirst))
}

// CountMode is how to count a list.
type CountMode int

const (
	CountAuto     CountMode = iota // exactly if that is cheap
	CountExact                     // exactly, unless it takes too long
	CountEstimate                  // the database's estimate
	CountNone                      // not at all; never asked of a port
)

// Count is how many responses a filter matches.
type Count struct {
	Total int64
	Exact bool // false: the database's estimate
}

// Erased is what one erasure removed, in rows. It has the fields of receipt.Counts.
type Erased struct {
	Requests     int64
	Steps        int64
	Templates    int64
	RawRequests  int64 // copies in the gateway's log
	RawResponses int64
	Tasks        int64 // queued and finished jobs that hold the response
	Files        int64 // made for one request, each with its empty batch
	// KeptTemplates are those of the response that stayed because another response's
	// request needs them.
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
