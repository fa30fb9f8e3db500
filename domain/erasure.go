package domain

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Erasure is the erasing of many responses: asked for by somebody, or due by a
// retention rule. It goes on in parts, each of which is a transaction with a
// receipt of its own.
type Erasure struct {
	ID      uuid.UUID
	Trigger Trigger // TriggerBulk or TriggerRetention
	Rule    *RuleVersion
	Kind    TargetKind
	Target  *ErasureTarget // nil: forgotten, see Erasures.Forget
	Scope   []string       // whose responses it may erase; nil: everyone's
	AsOf    time.Time      // with a filter, what was created later is left
	// Preview is the TokenSum of the one that showed what a filter matches: only
	// the requests that it counted are erased, as far as they still pass. Nil: all
	// that pass.
	Preview *[sha256.Size]byte
	Max     int64 // how many responses it may erase; 0: all

	Ground      Ground
	Ticket      string // the caller's own reference; in no receipt
	RequestedAt time.Time
	RequestedBy *uuid.UUID // nil: a rule
	Role        ActorRole
	// Secret opens its receipts: the salt of each is derived from it. Nil where
	// it has been forgotten.
	Secret *Salt

	IdempotencyKey string            // of who asked; empty: none
	RequestSum     [sha256.Size]byte // of all that was asked for, to tell requests with one key apart; zero: forgotten

	State      ErasureState
	StartedAt  *time.Time
	FinishedAt *time.Time
	// VerifyAt is when what is left is looked for once more; nil: not at all, or
	// no more.
	VerifyAt   *time.Time
	VerifiedAt *time.Time
	ErasureProgress
}

// ErasureProgress is how far an erasure has come.
type ErasureProgress struct {
	Expected *int64 // responses, as the preview showed; nil: there was none, or it did not count all
	Done     int64  // responses that are gone
	Erased          // their rows
	Held     int64  // responses that a hold kept
	NotFound int64  // identifiers of no response that is the caller's to erase
	Refused  int64  // responses that could not be erased for a reason of the database's
	Receipts int64
	// Failures says what was not erased, and why: the first MaxFailures.
	Failures []ErasureFailure
	// LastError is why it does not get on, or why it failed; empty: nothing is
	// known to be wrong. For whoever may see the erasure.
	LastError string
}

// ErasureFailure is a response that was not erased.
type ErasureFailure struct {
	Response uuid.UUID
	Code     Code        // CodeNotFound, CodeHeld, CodeRefused or CodeBusy
	Holds    []uuid.UUID // with CodeHeld; told to those only who may see holds
}

// Bounds of erasures.
const (
	MaxTargets  = 1000 // responses that can be named
	MaxAtOnce   = 100  // of these, how many are erased before the answer
	MaxFailures = 100
	MaxTicket   = 200 // characters

	// MaxLaterTurns is how many later turns of a response are erased along with it.
	MaxLaterTurns = 1000
	// LaterTurnsSearched is among how many requests later turns are looked for at
	// most, where no index leads to them.
	LaterTurnsSearched = 5000
)

// Reason says in words why the response was not erased.
func (f ErasureFailure) Reason() string {
	switch f.Code {
	case CodeHeld:
		return "A hold keeps it"
	case CodeRefused:
		return fmt.Sprintf(databaseRefuses+"; or, with include_later_turns, more than %d later turns quote it", MaxLaterTurns)
	case CodeBusy:
		return "Something else was at work on its rows"
	}
	return "There is no such response that is yours to erase"
}

// retried tells whether it is worth another try later.
func (f ErasureFailure) retried() bool { return f.Code == CodeRefused || f.Code == CodeBusy }

// Refuse counts a response that could not be erased, and why: CodeRefused or
// CodeBusy.
func (p *ErasureProgress) Refuse(response uuid.UUID, why Code) {
	p.Refused++
	p.Fail(ErasureFailure{Response: response, Code: why})
}

// Fail names what was not erased; what is beyond MaxFailures is only counted.
func (p *ErasureProgress) Fail(f ErasureFailure) {
	if len(p.Failures) < MaxFailures {
		p.Failures = append(p.Failures, f)
	}
}

// BeginPass is for when the erasure begins with the oldest, or the first. What
// is counted in each pass begins anew: of an owner everything that was left, of
// another target what could not be erased for a reason of the database's.
func (e *Erasure) BeginPass() {
	if e.Kind == TargetOwner {
		e.Held, e.NotFound, e.Failures = 0, 0, nil
	}
	e.Refused = 0
	e.Failures = slices.DeleteFunc(e.Failures, ErasureFailure.retried)
}

// Verifying tells whether it is over and looks once more for what was left.
func (e Erasure) Verifying() bool { return e.State.Finished() }

// FoundNothing tells whether an erasure that somebody asked for by an owner or a
// filter comes to its end without anything that was there to erase: that is worth
// a receipt, too.
func (e Erasure) FoundNothing() bool {
	return e.Trigger == TriggerBulk && e.Kind != TargetResponses && !e.Verifying() &&
		e.Done == 0 && e.Held == 0 && e.NotFound == 0 && e.Refused == 0
}

// CountedBefore tells whether what is held or not found was counted when the
// erasure went through its target first.
func (e Erasure) CountedBefore() bool { return e.Verifying() && e.Kind != TargetOwner }

// Finish ends the erasure. Of an owner, and of what could not be erased, it
// looks once more later; a rule does at its next run.
func (e *Erasure) Finish(at time.Time) {
	e.State, e.FinishedAt = ErasureFinished, &at
	if e.Kind == TargetOwner || e.Refused > 0 && e.Trigger == TriggerBulk {
		verify := at.Add(VerifyAfter)
		e.VerifyAt = &verify
	}
}

// ErasureState is what has become of an erasure.
type ErasureState string

// The states.
const (
	ErasurePending  ErasureState = "pending"
	ErasureRunning  ErasureState = "running"
	ErasureFinished ErasureState = "finished" // nothing is left that it may and could erase, as of then; see Refused
	ErasureCanceled ErasureState = "canceled" // what was gone by then stays gone
	ErasureFailed   ErasureState = "failed"   // it cannot get on; LastError says why
)

// Finished tells whether nothing more is erased, except by the search at VerifyAt.
func (s ErasureState) Finished() bool { return s != ErasurePending && s != ErasureRunning }

// TargetKind is what kind of target an erasure has.
type TargetKind string

// The kinds.
const (
	TargetResponses TargetKind = "responses"
	TargetOwner     TargetKind = "owner"
	TargetFilter    TargetKind = "filter"
)

// ErasureTarget is what is to be erased: exactly one of the three is set.
type ErasureTarget struct {
	Responses []uuid.UUID // these, in this order, none twice
	// Owner is a person or an organization: everything of theirs, also what
	// comes while it is erased, until none is left.
	Owner  *uuid.UUID
	Filter *ResponseFilter // what passes it
	// LaterTurns has the later turns of each go along, as of
	// Responses.EraseWithLaterTurns.
	LaterTurns bool
}

// Kind is the kind of the target.
func (t ErasureTarget) Kind() TargetKind {
	switch {
	case t.Owner != nil:
		return TargetOwner
	case t.Filter != nil:
		return TargetFilter
	}
	return TargetResponses
}

// fingerprint tells targets apart. It looks at no order of words.
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

// RuleVersion names a retention rule as it was when something was erased by it.
type RuleVersion struct {
	ID      uuid.UUID
	Version int64
}

// VerifyAfter is how long after everything of somebody has been erased it is
// looked for once more.
const VerifyAfter = 24 * time.Hour

// Part is one response that an erasure has come to: all the requests that hang
// together, and those of later turns that go along, locked.
type Part struct {
	Requests []Response  // Owner is empty in a row of a batch
	Holds    []uuid.UUID // the active ones on any of them; where there is one, nothing may be erased
}

// Verdict is what becomes of a part.
type Verdict int

// The verdicts.
const (
	Erase    Verdict = iota
	Withhold         // it is not the caller's to erase: as if it were not there
	KeepHeld         // a hold keeps it
	Spare            // it does not count: the rule does not cover all of it
)

// authorization is that of the next part.
func (e Erasure) authorization() Authorization {
	w := newAuthorization(e.Trigger, e.RequestedAt)
	w.Ground, w.Rule, w.Actor, w.Role = e.Ground, e.Rule, e.RequestedBy, e.Role
	if e.Secret != nil {
		w.Salt, w.Shared = *e.Secret, true
	}
	return w
}

// Position is where the erasure stands in lists: the newest first, ties by
// descending identifier.
func (e Erasure) Position() Position { return Position{CreatedAt: e.RequestedAt, ID: e.ID} }

func withoutHolds(failures []ErasureFailure) []ErasureFailure {
	reported := slices.Clone(failures)
	for i := range reported {
		reported[i].Holds = nil
	}
	return reported
}

// Estimate is what an erasure would come to.
type Estimate struct {
	Responses    int64 // that would be erased, each with all that hangs together with it
	Requests     int64
	Steps        int64
	Templates    int64
	RawRequests  int64
	RawResponses int64
	Tasks        int64
	Files        int64 // made for one request, each with its empty batch
	// KeptTemplates would stay, as requests need them that would not be erased.
	KeptTemplates int64
	Retained      int64 // objects of responses that fusillade-arsenal has moved
	Held          int64 // responses that holds keep, in none of the counts above
	NotFound      int64 // identifiers of no response that is the caller's to erase
	// Partial tells that there is more than was counted, which began with what
	// is erased first.
	Partial bool
	// Sum changes with the requests that were counted.
	Sum [sha256.Size]byte
	// Counted are, with a filter, these requests, in the order in which they are
	// erased.
	Counted []uuid.UUID
	Turns   EstimatedTurns
}

// EstimatedTurns is what an estimate says of later turns: apart from what the target
// is about.
type EstimatedTurns struct {
	// Found are among Responses where they go along, and would be left else, of
	// which at most MaxLaterTurns are counted; nil: they were not counted.
	Found    *int64
	Complete bool  // there are no others, as far as can be known
	Searched int64 // among how many requests they were looked for; 0: an index leads to them
}

// Preview is what was shown to somebody of what they could erase.
type Preview struct {
	TokenSum    [sha256.Size]byte // of the token that was told to who asked
	RequestedBy uuid.UUID
	Target      [sha256.Size]byte // the target's fingerprint, with the scope
	AsOf        time.Time
	ExpiresAt   time.Time
	Estimate
}

// MaxPreviews is how many previews of one person can be acted upon at a time.
const MaxPreviews = 100

// PreviewFor is for how long a preview can be acted upon.
const PreviewFor = 15 * time.Minute

// ErasureQuery asks for a part of the list of erasures, in the order of
// Erasure.Position.
type ErasureQuery struct {
	RequestedBy *uuid.UUID     // nil: whoever asked
	States      []ErasureState // nil: all
	Trigger     *Trigger
	After       *Position // only what comes strictly after; nil: all
	Limit       int64     // 1 or more
}

// ErasureReceipt is one of the receipts of an erasure.
type ErasureReceipt struct {
	ID        uuid.UUID
	At        time.Time
	Responses int64 // that were erased with it
}

// Position is where the receipt stands in lists: the newest first, ties by
// descending identifier.
func (r ErasureReceipt) Position() Position { return Position{CreatedAt: r.At, ID: r.ID} }

// ErasureReceiptQuery asks for a part of the list of an erasure's receipts, in
// the order of ErasureReceipt.Position.
type ErasureReceiptQuery struct {
	Erasure uuid.UUID
	After   *Position
	Limit   int64
}

// erasureList tells lists of erasures apart, and from any other list.
func erasureList(q ErasureQuery) fingerprint {
	states := make([]string, len(q.States))
	for i, s := range q.States {
		states[i] = string(s)
	}
	text := "erasures"
	if q.States != nil {
		text += " states=" + strings.Join(slices.Compact(slices.Sorted(slices.Values(states))), ",")
	}
	if q.RequestedBy != nil {
		text += " by=" + q.RequestedBy.String()
	}
	if q.Trigger != nil {
		text += " trigger=" + string(*q.Trigger)
	}
	return sha256.Sum256([]byte(text))
}
