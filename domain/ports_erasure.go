package domain

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// Erasures stores bulk erasures, in the database of the responses. Errors are those
// of Responses. Nothing is stale.
type Erasures interface {
	ErasureStarter
	ErasureRunner

	// Unapproved returns the erasures that could be approved until before then and
	// still wait, at most limit, those first that have waited longest.
	Unapproved(ctx context.Context, before time.Time, limit int64) ([]uuid.UUID, error)

	// Due returns the erasures to continue: those not over that wait for no approval,
	// or due for verification;
	// at most limit, the ones requested first.
	Due(ctx context.Context, limit int) ([]uuid.UUID, error)

	// Forget removes from erasures that were over before that time whatever shows
	// which owners and responses they were about: targets, scopes, failures, secrets
	// and sums. It leaves erasures that are still to be verified. It also removes
	// previews that expired before then, and the lists of counted requests.
	Forget(ctx context.Context, before time.Time) error
}

// ErasureStarter previews and stores bulk erasures: see Erasures.
type ErasureStarter interface {
	Previews
	ErasureWriter
}

// Estimator counts what an erasure would remove: see Erasures.
type Estimator interface {
	// Estimate counts what erasing the target would remove in the end, as far as
	// these owners own it; nil owners means everyone. With a filter, responses
	// created after asOf do not count; without one, Sum does not depend on asOf. Of a
	// very large target it may count only a part, always the same: the part that is
	// erased first. CodeUnavailable if that takes too long. If later turns are
	// included, each counts as a response of its own, and a response with more than
	// MaxLaterTurns is CodeRefused.
	Estimate(ctx context.Context, t ErasureTarget, owners []string, asOf time.Time) (Estimate, error)
}

// Previews stores what was shown before an erasure: see Erasures.
type Previews interface {
	Estimator

	// SavePreview stores a preview with the requests that it counted until it
	// expires, and a while longer. Of one person's previews, only the newest
	// MaxPreviews are kept, and those that started an erasure.
	SavePreview(ctx context.Context, p Preview) error

	// Preview returns the preview with this TokenSum, without Counted and Turns, also
	// an expired one while it is stored. CodeNotFound if there is none.
	Preview(ctx context.Context, tokenSum [sha256.Size]byte) (Preview, error)
}

// ErasureReader reads bulk erasures: see Erasures.
type ErasureReader interface {
	// Get returns one; CodeNotFound if there is none.
	Get(ctx context.Context, id uuid.UUID) (Erasure, error)

	// Page returns the part of the list that q describes, which may be empty.
	Page(ctx context.Context, q ErasureQuery) ([]Erasure, error)

	// ForSubject returns the erasures that a subject request asked for, the ones
	// requested last first, at most limit; none if there is no such request.
	ForSubject(ctx context.Context, subjectRequest uuid.UUID, limit int64) ([]Erasure, error)

	// Receipts returns the part of the list that q describes, which may be empty.
	Receipts(ctx context.Context, q ErasureReceiptQuery) ([]ErasureReceipt, error)
}

// ErasureWriter stores and cancels bulk erasures: see Erasures.
type ErasureWriter interface {
	ErasureReader

	// Create stores an erasure that is pending or waits for approval. If the same person has stored one with the
	// same IdempotencyKey, it returns that one as it is now, and false. The erasure
	// is durable when Create returns. ErrSubjectEnded if its SubjectRequest is not open any
	// more, CodeNotFound if there is none.
	Create(ctx context.Context, e Erasure) (stored Erasure, created bool, err error)

	// ByKey returns the erasure that this person has stored with this IdempotencyKey;
	// CodeNotFound if there is none.
	ByKey(ctx context.Context, by uuid.UUID, idempotencyKey string) (Erasure, error)

	Decider

	// Cancel ends an erasure that is not over and returns it. One that is over stays
	// as it was, but its search at VerifyAt is canceled. The erasure removes nothing
	// more once Cancel has returned. CodeNotFound if there is none.
	Cancel(ctx context.Context, id uuid.UUID) (Erasure, error)
}

// Decider decides about erasures that need an approval: see Erasures.
type Decider interface {
	// Decide calls decide with an erasure, locked and as it is now, and stores the
	// state, FinishedAt, LastError and the approval of what it returns, durably. If
	// decide returns an error, Decide returns it unchanged and stores nothing. decide
	// may be called again if the transaction has to be repeated. CodeNotFound if there
	// is no such erasure.
	Decide(ctx context.Context, id uuid.UUID, decide func(Erasure) (Erasure, error)) (Erasure, error)
}

// ErasureRunner carries out bulk erasures: see Erasures.
type ErasureRunner interface {
	ErasureReader
	Decider

	// Advance looks at the next responses of the erasure, at most limit, and erases
	// those that judge allows, as Responses.Erase does: all their requests, their
	// copies, one receipt with the authorization and the progress, all or nothing. If
	// it reaches the end and FoundNothing holds, it writes a receipt of that, with
	// the authorization that judge returns for no parts. It returns the erasure as it
	// is then. Concurrent calls for one erasure wait for each other.
	//
	// If later turns are included, a part contains their requests too. Each turn is a
	// response of its own: one that is kept keeps what it quotes, and is erased by
	// itself when its turn comes. With a filter, turns created after AsOf are left. A
	// response with more than MaxLaterTurns is a failure with CodeRefused.
	//
	// With Erasure.Preview, it looks only at what the preview counted, whatever else
	// passes the filter by now, and erases what of it still passes.
	//
	// It starts with the oldest response, or the first one named, and each call goes
	// on where the last one ended. At the end of the list the erasure is finished.
	// One with an owner starts again from the oldest until a whole pass finds nothing
	// to erase, including copies whose rows are gone; its verification is then due
	// after VerifyAfter. A verification goes through everything in the same way, and
	// the erasure is verified at the end. An erasure that is over, waits for approval or has
	// erased its maximum is returned unchanged.
	//
	// judge is called with locked parts, as in Responses.Erase, and returns a verdict
	// for each. It may be called again if a transaction has to be repeated. Held,
	// NotFound and Refused count each response once. If the database refuses a part,
	// or another transaction is working on its rows, Advance erases fewer at a time
	// until it has found that part: a failure with CodeRefused or CodeBusy. The rest
	// goes on. Later passes try the part once more; an erasure that somebody asked
	// for does so again after VerifyAfter. On any other database error nothing of the
	// call is done, and the error says so. CodeNotFound if there is no such erasure.
	// At the end of an owner's erasure, other data kept by person is erased
	// too, unless a response of theirs was kept or a hold names them; a receipt
	// without counts records it.
	Advance(ctx context.Context, id uuid.UUID, limit int, judge func(Erasure, []Part) ([]Verdict, Authorization)) (Erasure, error)

	// Note stores why an erasure cannot proceed or, with failed, why it has failed;
	// one that is over stays as it was.
	Note(ctx context.Context, id uuid.UUID, lastError string, failed bool) error
}

// Retention stores retention rules, in the database of the erasures that they start.
// Errors are those of Responses. Nothing is stale.
type Retention interface {
	RuleWriter
	RuleRunner
}

// RuleReader reads retention rules: see Retention.
type RuleReader interface {
	// Get returns one, including a removed one; CodeNotFound if there is none.
	Get(ctx context.Context, id uuid.UUID) (RetentionRule, error)

	// Version returns what a rule said in this version; CodeNotFound if there is
	// none.
	Version(ctx context.Context, id uuid.UUID, version int64) (RetentionVersion, error)

	// Page returns the part of the list that q describes, which may be empty.
	Page(ctx context.Context, q RuleQuery) ([]RetentionRule, error)
}

// RuleWriter changes retention rules: see Retention.
type RuleWriter interface {
	RuleReader

	// Create stores a rule with version 1, not enabled, and returns it. The rule is
	// durable when Create returns.
	Create(ctx context.Context, r RetentionRule) (RetentionRule, error)

	// Change replaces the version before v with v and returns the rule, not enabled
	// and without a dry run. Once Change has returned, a run of an earlier version
	// erases nothing more. CodeNotFound if there is no such rule; CodeConflict if its
	// version is not the one before v, or if it has been removed.
	Change(ctx context.Context, id uuid.UUID, v RetentionVersion) (RetentionRule, error)

	// RecordDryRun stores the result of a dry run of this version and returns the
	// rule. CodeNotFound and CodeConflict as in Change.
	RecordDryRun(ctx context.Context, id uuid.UUID, version int64, d DryRun) (RetentionRule, error)

	// Enable stores Enabled, Enabling and NextRunAt of what decide returns for the
	// rule, which nothing changes meanwhile, and returns it; nothing is stored if
	// decide fails. decide may be called again if the transaction has to be repeated.
	// CodeNotFound if there is no such rule.
	Enable(ctx context.Context, id uuid.UUID, decide func(RetentionRule) (RetentionRule, error)) (RetentionRule, error)

	// Disable keeps a rule from running and returns it, enabled by nobody. Once Disable has returned, a
	// run of the rule erases nothing more. CodeNotFound if there is none.
	Disable(ctx context.Context, id uuid.UUID) (RetentionRule, error)

	// Remove disables a rule permanently in the name of by; a removed rule stays as
	// it was. CodeNotFound if there is none.
	Remove(ctx context.Context, id, by uuid.UUID) error
}

// RuleRunner starts the runs of retention rules: see Retention.
type RuleRunner interface {
	// Due returns the rules whose next run is at or before now, at most limit, the
	// longest overdue first.
	Due(ctx context.Context, now time.Time, limit int) ([]uuid.UUID, error)

	// Start begins a run of a rule that is due by now. In one transaction it stores
	// the erasure that begin returns, as Erasures.Create does, and the time of the
	// next run. If the previous run is not over, the outcome is RunSkipped and only
	// the time is stored; if the rule is not due any more, it is RunNotDue and
	// nothing is stored. Of several concurrent calls for one time, one gets
	// RunStarted. It returns the rule as it is then, except for RunNotDue. begin may
	// be called again if the transaction has to be repeated.
	Start(ctx context.Context, id uuid.UUID, now time.Time, begin func(RetentionRule) (e Erasure, next time.Time)) (RetentionRule, RunOutcome, error)
}

// RunOutcome is the result of a run that was due.
type RunOutcome int

const (
	RunNotDue RunOutcome = iota
	RunStarted
	RunSkipped
)

// Jobs runs erasures in the background, in this process or another.
type Jobs interface {
	// Enqueue asks for an erasure to be continued soon. Calling it repeatedly is
	// harmless: an erasure that is already waiting is not enqueued twice.
	Enqueue(ctx context.Context, erasure uuid.UUID) error
}
