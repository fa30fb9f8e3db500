package domain

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Erasure erases many responses, because somebody asked for it or a retention rule is
// due. It proceeds in parts; each part is a transaction with its own receipt.
type Erasure struct {
	ID      uuid.UUID
	Trigger Trigger // TriggerBulk or TriggerRetention
	Rule    *RuleVersion
	Kind    TargetKind
	Target  *ErasureTarget // nil: forgotten, see Erasures.Forget
	Scope   []string       // owners whose responses it may erase; nil: everyone
	AsOf    time.Time      // with a filter, responses created later are left
	// Preview is the TokenSum of the preview of a filter: only the requests that it
	// counted are erased, if they still pass. Nil: all that pass.
	Preview *[sha256.Size]byte
	Max     int64 // maximum number of responses to erase; 0: all

	Ground         Ground
	Ticket         string     // the caller's own reference; not in receipts
	SubjectRequest *uuid.UUID // that asked for it; nil: none
	RequestedAt    time.Time
	RequestedBy    *uuid.UUID // nil: a rule
	Role           ActorRole
	// Secret opens its receipts: the salt of each is derived from it. Nil if it has
	// been forgotten.
	Secret *Salt

	IdempotencyKey string            // of the caller who asked; empty: none
	RequestSum     [sha256.Size]byte // over the whole request, to tell requests with one key apart; zero: forgotten

	State      ErasureState
	StartedAt  *time.Time
	FinishedAt *time.Time
	// VerifyAt is when leftovers are searched for once more; nil: never, or already
	// done.
	VerifyAt   *time.Time
	VerifiedAt *time.Time
	Approval   *Approval // nil: it needs none
	ErasureProgress
}

// Approval is the consent of a second person that an erasure needs.
type Approval struct {
	ExpiresAt time.Time  // until when it can be given
	DecidedAt *time.Time // nil: nobody has decided
	DecidedBy *uuid.UUID // never who asked for the erasure
	Reason    RefusalReason
}

// RefusalReason is why an erasure was refused.
type RefusalReason string

const notRefused RefusalReason = ""

// Refusals are the reasons that a refusal can have.
var Refusals = []RefusalReason{"wrong_target", "too_broad", "unfounded", "still_needed", "unspecified"}

// ApprovalLimits say what needs an approval.
type ApprovalLimits struct {
	Over  int64         // erasures of more responses; 0: none
	Rules bool          // retention rules that somebody enables
	Wait  time.Duration // for how long it can be given
}

// ErasureProgress is the progress of an erasure.
type ErasureProgress struct {
	Expected *int64 // responses, as the preview showed; nil: there was no preview, or it did not count all
	Done     int64  // responses that were erased
	Erased          // their rows
	Held     int64  // responses that a hold covers
	NotFound int64  // identifiers that match no response that the caller may erase
	Refused  int64  // responses that the database prevented from being erased
	Receipts int64
	// Failures says what was not erased, and why: the first MaxFailures.
	Failures []ErasureFailure
	// LastError is why the erasure makes no progress or failed; empty: no known
	// error. It is shown to those who may see the erasure.
	LastError string
}

// ErasureFailure is a response that was not erased.
type ErasureFailure struct {
	Response uuid.UUID
	Code     Code        // CodeNotFound, CodeHeld, CodeRefused or CodeBusy
	Holds    []uuid.UUID // with CodeHeld; shown only to those who may see holds
}

// Limits of erasures.
const (
	MaxTargets  = 1000 // responses that can be named
	MaxAtOnce   = 100  // named responses that are erased before the call returns
	MaxFailures = 100
	MaxTicket   = 200 // characters

	// MaxLaterTurns is the maximum number of later turns erased with a response.
	MaxLaterTurns = 1000
	// LaterTurnsSearched is the maximum number of requests searched for later turns
	// if no index finds them.
	LaterTurnsSearched = 5000
)

// Reason says in words why the response was not erased.
func (f ErasureFailure) Reason() string {
	switch f.Code {
	case CodeHeld:
		return "A hold covers this response"
	case CodeRefused:
		return fmt.Sprintf(databaseRefuses+"; or, with include_later_turns, more than %d later turns quote it", MaxLaterTurns)
	case CodeBusy:
		return "Another transaction was using its rows"
	}
	return "No such response that you may erase"
}

// retried reports whether another try later may succeed.
func (f ErasureFailure) retried() bool { return f.Code == CodeRefused || f.Code == CodeBusy }

// Refuse counts a response that could not be erased, with the reason: CodeRefused or
// CodeBusy.
func (p *ErasureProgress) Refuse(response uuid.UUID, why Code) {
	p.Refused++
	p.Fail(ErasureFailure{Response: response, Code: why})
}

// Fail adds a failure; failures beyond MaxFailures are only counted.
func (p *ErasureProgress) Fail(f ErasureFailure) {
	if len(p.Failures) < MaxFailures {
		p.Failures = append(p.Failures, f)
	}
}

// BeginPass is called when the erasure starts from the oldest, or first, response. It
// resets what each pass counts: with an owner everything that was left, with another
// target what the database prevented from being erased.
func (e *Erasure) BeginPass() {
	if e.Kind == TargetOwner {
		e.Held, e.NotFound, e.Failures = 0, 0, nil
	}
	e.Refused = 0
	e.Failures = slices.DeleteFunc(e.Failures, ErasureFailure.retried)
}

// Verifying reports whether the erasure is over and searches once more for leftovers.
func (e Erasure) Verifying() bool { return e.State.Finished() }

// FoundNothing reports whether an erasure that somebody asked for by owner or filter
// has found nothing to erase at its end: that gets a receipt, too.
func (e Erasure) FoundNothing() bool {
	return e.Trigger == TriggerBulk && e.Kind != TargetResponses && !e.Verifying() &&
		e.Done == 0 && e.Held == 0 && e.NotFound == 0 && e.Refused == 0
}

// CountedBefore reports whether held and not found responses were counted in the
// first pass over the target.
func (e Erasure) CountedBefore() bool { return e.Verifying() && e.Kind != TargetOwner }

// Finish ends the erasure. With an owner, or after refusals, it schedules another
// search; a rule searches again at its next run.
func (e *Erasure) Finish(at time.Time) {
	e.State, e.FinishedAt = ErasureFinished, &at
	if e.Kind == TargetOwner || e.Refused > 0 && e.Trigger == TriggerBulk {
		verify := at.Add(VerifyAfter)
		e.VerifyAt = &verify
	}
}

// ErasureState is the state of an erasure.
type ErasureState string

const (
	// ErasureAwaitingApproval: it begins once somebody else than who asked approves it.
	ErasureAwaitingApproval ErasureState = "awaiting_approval"

	ErasurePending  ErasureState = "pending"
	ErasureRunning  ErasureState = "running"
	ErasureFinished ErasureState = "finished" // nothing is left that it may and could erase, at that time; see Refused
	ErasureCanceled ErasureState = "canceled" // what was erased by then stays erased
	ErasureFailed   ErasureState = "failed"   // it cannot proceed; LastError says why
	ErasureRefused  ErasureState = "refused"  // not approved; nothing was erased
	ErasureExpired  ErasureState = "expired"  // not approved in time; nothing was erased
)

// Finished reports whether nothing more is erased, except by the search at VerifyAt.
func (s ErasureState) Finished() bool {
	return s != ErasureAwaitingApproval && s != ErasurePending && s != ErasureRunning
}

// TargetKind is the kind of a target.
type TargetKind string

const (
	TargetResponses TargetKind = "responses"
	TargetOwner     TargetKind = "owner"
	TargetFilter    TargetKind = "filter"
)

// ErasureTarget is what to erase: exactly one of the three is set.
type ErasureTarget struct {
	Responses []uuid.UUID // these, in this order, none twice
	// Owner is a person or an organization: all their responses, including those that
	// arrive during the erasure, until none is left.
	Owner  *uuid.UUID
	Filter *ResponseFilter // responses that pass it
	// LaterTurns includes the later turns of each, as in
	// Responses.EraseWithLaterTurns.
	LaterTurns bool
	// Until, with Owner or LaterTurns: what is created later is left, except for what
	// Responses name; nil: nothing is.
	Until *time.Time
}

func (t ErasureTarget) Kind() TargetKind {
	switch {
	case t.Owner != nil:
		return TargetOwner
	case t.Filter != nil:
		return TargetFilter
	}
	return TargetResponses
}

// fingerprint identifies a target. It ignores the order of words.
func (t ErasureTarget) fingerprint() fingerprint {
	f := ResponseFilter{}
	if t.Filter != nil {
		f = *t.Filter
	}
	return fingerprintOf(struct {
		Responses []uuid.UUID
		Owner     *uuid.UUID
		Filtered  bool
		Filter    fingerprint
		Owners    []string
		Turns     bool
	}{t.Responses, t.Owner, t.Filter != nil, list{Filter: f}.fingerprint(), slices.Sorted(slices.Values(f.Owners)), t.LaterTurns})
}

// RuleVersion names a retention rule in the version that erased something.
type RuleVersion struct {
	ID      uuid.UUID
	Version int64
}

// VerifyAfter is the time from the end of an erasure to the search for leftovers.
const VerifyAfter = 24 * time.Hour

// Part is one response that an erasure has reached: all its requests, and those of
// later turns that are included, locked.
type Part struct {
	Requests []Response  // Owner is empty in a row of a batch
	Holds    []uuid.UUID // the active ones on any of them; if there is one, nothing may be erased
}

// Verdict is the decision about a part.
type Verdict int

const (
	Erase    Verdict = iota
	Withhold         // the caller may not erase it: treat it as not found
	KeepHeld         // a hold covers it
	Spare            // it does not count: the rule does not cover all of it
)

// authorization returns the one of the next part.
func (e Erasure) authorization() Authorization {
	w := newAuthorization(e.Trigger, e.RequestedAt)
	w.Ground, w.Rule, w.Actor, w.Role = e.Ground, e.Rule, e.RequestedBy, e.Role
	if e.Secret != nil {
		w.Salt, w.Shared = *e.Secret, true
	}
	return w
}

// Position is the erasure's place in lists: newest first, ties by descending
// identifier.
func (e Erasure) Position() Position { return Position{CreatedAt: e.RequestedAt, ID: e.ID} }

func withoutHolds(failures []ErasureFailure) []ErasureFailure {
	reported := slices.Clone(failures)
	for i := range reported {
		reported[i].Holds = nil
	}
	return reported
}

// Estimate is what an erasure would remove.
type Estimate struct {
	Responses    int64 // that would be erased, each with everything that belongs to it
	Requests     int64
	Steps        int64
	Templates    int64
	RawRequests  int64
	RawResponses int64
	Tasks        int64
	Files        int64 // made for one request, each with its empty batch
	// KeptTemplates would stay, because requests that would not be erased need them.
	KeptTemplates int64
	Retained      int64 // objects of responses that fusillade-arsenal has moved
	Held          int64 // responses that holds cover, in none of the counts above
	NotFound      int64 // identifiers that match no response that the caller may erase
	// Partial is set if there is more than was counted; the count covers what is
	// erased first.
	Partial bool
	// Sum changes with the requests that were counted.
	Sum [sha256.Size]byte
	// Counted are these requests, with a filter only, in the order of their erasure.
	Counted []uuid.UUID
	Turns   EstimatedTurns
}

// EstimatedTurns is an estimate's account of the later turns of the target.
type EstimatedTurns struct {
	// Found are included in Responses if later turns are erased, and would be left
	// otherwise; then at most MaxLaterTurns are counted. Nil: they were not counted.
	Found    *int64
	Complete bool  // there are no others, as far as can be known
	Searched int64 // number of requests searched for them; 0: an index finds them
}

// Preview is what somebody was shown before an erasure.
type Preview struct {
	TokenSum    [sha256.Size]byte // of the token that the caller got
	RequestedBy uuid.UUID
	Target      [sha256.Size]byte // the target's fingerprint, with the scope
	AsOf        time.Time
	ExpiresAt   time.Time
	Estimate
}

// MaxPreviews is how many usable previews one person can have at a time.
const MaxPreviews = 100

// PreviewFor is how long a preview can be used.
const PreviewFor = 15 * time.Minute

// ErasureQuery selects a part of the list of erasures, in the order of
// Erasure.Position.
type ErasureQuery struct {
	RequestedBy *uuid.UUID     // nil: anyone
	States      []ErasureState // nil: all
	Trigger     *Trigger
	After       *Position // only what comes strictly after; nil: all
	Limit       int64     // 1 or more
}

// ErasureReceipt is one of the receipts of an erasure.
type ErasureReceipt struct {
	ID        uuid.UUID
	At        time.Time
	Responses int64 // erased with it
}

// Position is the receipt's place in lists: newest first, ties by descending
// identifier.
func (r ErasureReceipt) Position() Position { return Position{CreatedAt: r.At, ID: r.ID} }

// ErasureReceiptQuery selects a part of an erasure's receipts, in the order of
// ErasureReceipt.Position.
type ErasureReceiptQuery struct {
	Erasure uuid.UUID
	After   *Position
	Limit   int64
}

// fingerprint identifies a list of erasures.
func (q ErasureQuery) fingerprint() fingerprint {
	return fingerprintOf(struct {
		ErasureStates []ErasureState
		By            *uuid.UUID
		Trigger       *Trigger
	}{canonical(q.States), q.RequestedBy, q.Trigger})
}
