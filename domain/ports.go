package domain

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// Responses stores responses. A row of a batch is not a response: no method shows or
// erases one. An error never contains what people wrote.
//
// Every method returns CodeUnavailable when the database cannot be reached, has no
// free connection in time or takes too long, and the context's own error when the
// context ended first.
//
// A method that may be stale still never shows what was erased before the call began,
// whoever erased it.
type Responses interface {
	// Page returns the part of the list that q describes, which may be empty. It may
	// be stale.
	Page(ctx context.Context, q PageQuery) ([]Response, error)

	// Count returns how many responses match. CountAuto counts exactly where that is
	// cheap next to a page, CountExact where it takes at most about a second. In all
	// other cases, and with CountEstimate, it returns an estimate, marked as one. It
	// may be stale.
	Count(ctx context.Context, filter ResponseFilter, mode CountMode) (Count, error)

	// Get returns one response of these owners; nil owners means any owner. Contents
	// of more than limit bytes are not read; only their size is returned. The prompt
	// is withheld if it came with a file that has been deleted. CodeNotFound if there
	// is no such response; this takes no longer if another owner has it. It may be
	// stale.
	Get(ctx context.Context, id uuid.UUID, owners []string, limit int64) (Response, Contents, error)

	// GetSummary is Get, but does not read the contents.
	GetSummary(ctx context.Context, id uuid.UUID, owners []string) (Response, error)

	// Erase removes the whole response that id is part of, if these owners own all of
	// it; nil owners means anyone. It removes all of it or nothing: every request and
	// step of the chain, their templates, all copies within reach, and the records
	// about them in the access log. The erasure is durable when Erase returns. A
	// template stays if another response's request refers to it, and counts as kept;
	// no request can start to refer to it meanwhile. A file stays unless it was made
	// for one request and nothing refers to it any more; such a file is removed
	// together with its empty batch.
	//
	// Before anything is removed, Erase calls permit with what it found, read and
	// locked in the same transaction and never stale. No hold can be placed until
	// that transaction ends. If permit returns an error, Erase returns it unchanged
	// and removes nothing; otherwise it writes a receipt with that authorization in
	// the same transaction. permit may be called again if the transaction has to be
	// repeated. CodeNotFound if these owners have no such response; then Erase waits
	// for nobody and does not call permit. CodeRefused if the database refuses to
	// delete a part of it.
	//
	// If the row of a response is gone but copies of it remain, Erase removes the
	// copies. Their owner is taken from the usage records of the response or of its
	// copies. Every hold with a filter then counts as covering it, because nothing
	// can rule that out; if the owner of any part is unknown, so does every hold by
	// owner.
	//
	// If copies are in another database, one transaction cannot cover everything.
	// Then permit is called in a transaction that ends with a durable intent: a note
	// of what will be erased. From there on the erasure has begun, no hold stops it,
	// and Sweep finishes it if this call could not. CodeUnavailable may then mean an
	// erasure that has begun; its message says so. A permitted caller who asks again
	// is shown no holds and takes the erasure over, with a receipt by the new
	// authorization. Whatever is added to the response meanwhile is erased too, if it
	// has the same owner.
	Erase(ctx context.Context, id uuid.UUID, owners []string, permit func(Found) (Authorization, error)) (Erased, error)

	// EraseWithLaterTurns is Erase, and also erases the later turns of the response:
	// responses of the same owner whose prompts say that they follow it (these quote
	// it), and those that follow these. permit is called once for all of them. They
	// are found by an index, or else among the LaterTurnsSearched requests that the
	// owner has made since; the receipt says whether any may be left. If there are
	// more than MaxLaterTurns, permit is called for the response alone, and the
	// result is CodeRefused. If the row of the response is gone, later turns are not
	// searched.
	EraseWithLaterTurns(ctx context.Context, id uuid.UUID, owners []string, permit func(Found) (Authorization, error)) (Erased, error)

	// Sweep searches for rows that were written about erased requests after their
	// erasure. It takes at most limit requests that are due according to SweepAfter,
	// or those of one erasure. It removes what it finds with the authorization and a
	// receipt, all or nothing; if it finds nothing, it writes no receipt. It leaves
	// what a hold covers, and tries that again later until no hold covers it. It also
	// leaves what the database refuses to delete; the error reports that. It returns
	// how many requests it searched for and what it removed, even with an error.
	// Concurrent calls share the work. First it finishes erasures that have begun,
	// each with its own authorization; if one cannot be finished, Sweep goes on and
	// the error says so.
	Sweep(ctx context.Context, limit int, w Authorization) (looked int, erased Erased, err error)
}

// Orphans removes raw copies whose request was deleted by something other than an
// erasure. Errors are those of Responses. Nothing is stale.
type Orphans interface {
	// SweepOrphans takes one turn. It looks at the next copies that are older than
	// before, at most limit of them, and removes those whose request is gone, with
	// the authorization and a receipt, all or nothing; if it finds none, it writes no
	// receipt. It leaves copies that name no request, or a request of a batch, or one
	// of which any row remains. It also leaves what a hold may cover: every hold with
	// a filter counts, and so does every hold by owner if the owner is unknown. It
	// leaves what the database refuses to delete; the error reports that, and the
	// rest is done. After the turn that ends a pass, the next pass begins after
	// pause. Concurrent calls share the work.
	SweepOrphans(ctx context.Context, before time.Time, limit int, pause time.Duration, w Authorization) (OrphansTurn, error)
}

// OrphansTurn is the result of one turn.
type OrphansTurn struct {
	Looked int // copies of requests and of responses; 0: none is due
	Erased
}

// Restored is Responses after a restore, which may have brought back erased rows.
// Errors are those of Responses. Nothing is stale.
type Restored interface {
	// Remaining returns the requests among ids of which anything remains that an
	// erasure removes, in any order. It locks no row.
	Remaining(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error)

	// EraseAgain removes what there is of these requests, which were erased before,
	// and everything that belongs to them, with the authorization and a receipt, all
	// or nothing. If there is nothing, it writes no receipt. It ignores holds: what
	// the restore brought back was erased when nothing held it. The erasure is
	// durable when EraseAgain returns. CodeRefused or CodeBusy if the database
	// prevents erasing one of them.
	EraseAgain(ctx context.Context, ids []uuid.UUID, w Authorization) (Erased, error)
}

// PageQuery selects a part of a list, in the order of CompareResponses.
type PageQuery struct {
	Filter      ResponseFilter
	ActiveFirst bool
	After       *Position // only what comes strictly after; nil: all
	Skip        int64     // how many to skip, without After; 0 or more
	Limit       int64     // maximum number to return; 1 or more
}

// UsageRecords stores the cost of responses. Errors are those of Responses.
type UsageRecords interface {
	// Latest returns the newest usage of each of these responses; responses without
	// usage are missing from the map. If the usage has no cost, or there is no usage,
	// the cost is what was last charged for the response, if the gateway keeps that.
	// It may be stale.
	Latest(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Usage, error)
}

// People stores users, organizations and keys. Errors are those of Responses. A cache
// in front may repeat results that are called not stale for as long as it was
// configured to; an erasure uses no cache.
type People interface {
	// ByKey returns the key with this secret, whatever its purpose, with its creator.
	// CodeNotFound if there is none or it was deleted. Not stale.
	ByKey(ctx context.Context, secret string) (Key, error)

	// ByID returns a person, including a deleted one. CodeNotFound if there is none.
	// Not stale.
	ByID(ctx context.Context, id uuid.UUID) (Person, error)

	// ByExternalID returns the person whom the identity provider knows by this name,
	// including a deleted one. CodeNotFound if there is none. Not stale.
	ByExternalID(ctx context.Context, name string) (Person, error)

	// Emails returns the e-mail addresses of these people, including deleted ones;
	// unknown people are missing from the map. It may be stale.
	Emails(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error)

	// ByEmail returns everyone with exactly this e-mail address, including deleted
	// people and organizations, in any order; the list may be empty. ErrNamesakes if
	// more than MaxNamesakes have it. It may be stale.
	ByEmail(ctx context.Context, email string) ([]uuid.UUID, error)

	// SawLogin notes that a person has just been here. It returns at once; the note
	// is written later, or never.
	SawLogin(id uuid.UUID)
}

// Log stores the receipts of erasures as leaves of a Merkle tree whose states are
// signed. It shows only what a published checkpoint covers. Errors are those of
// Responses. Nothing is stale.
type Log interface {
	// Receipt returns a receipt, and the file that proves it if a published
	// checkpoint covers it. CodeNotFound if there is none.
	Receipt(ctx context.Context, id uuid.UUID) (LoggedReceipt, error)

	// Reached returns the ID of the receipt that says that the erasure of receipt id
	// has reached a later level. CodeNotFound if there is none.
	Reached(ctx context.Context, id uuid.UUID, level Level) (uuid.UUID, error)

	// Checkpoint returns the newest published checkpoint, a signed note; CodeNotFound
	// before the first. It never returns an older one than an earlier call did; if
	// the database went back, it returns CodeInternal.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Hashes returns the first Width hashes of a tile, 32 bytes each. CodeNotFound if
	// the tree of the newest published checkpoint has fewer there.
	Hashes(ctx context.Context, t Tile) ([]byte, error)

	// Entries returns Width leaves, starting at leaf TileWidth times Index, each
	// after its length in two bytes, big-endian. CodeNotFound as in Hashes.
	Entries(ctx context.Context, t Tile) ([]byte, error)

	// Keys returns the public keys of the signing keys, the newest first, and then
	// those of witnesses; none if nothing can be signed.
	Keys() []string
}

// Holds stores holds, in the database of the responses. Errors are those of
// Responses. Nothing is stale.
type Holds interface {
	// Place stores a hold and returns it with its time. When it returns, the hold is
	// durable, and every Erase that was not shown it has ended or has begun, as
	// described there. If that takes too long, nothing is stored and the error is
	// CodeUnavailable.
	Place(ctx context.Context, h Hold) (Hold, error)

	// Page returns the part of the list that q describes, which may be empty.
	Page(ctx context.Context, q HoldQuery) ([]Hold, error)

	// Get returns one hold; CodeNotFound if there is none.
	Get(ctx context.Context, id uuid.UUID) (Hold, error)

	// Release ends a hold in the name of by and returns it; a released hold stays as
	// it was. CodeNotFound if there is none.
	Release(ctx context.Context, id, by uuid.UUID) (Hold, error)
}

// Erasures stores bulk erasures, in the database of the responses. Errors are those
// of Responses. Nothing is stale.
type Erasures interface {
	// Estimate counts what erasing the target would remove in the end, as far as
	// these owners own it; nil owners means everyone. With a filter, responses
	// created after asOf do not count; without one, Sum does not depend on asOf. Of a
	// very large target it may count only a part, always the same: the part that is
	// erased first. CodeUnavailable if that takes too long. If later turns are
	// included, each counts as a response of its own, and a response with more than
	// MaxLaterTurns is CodeRefused.
	Estimate(ctx context.Context, t ErasureTarget, owners []string, asOf time.Time) (Estimate, error)

	// SavePreview stores a preview with the requests that it counted until it
	// expires, and a while longer. Of one person's previews, only the newest
	// MaxPreviews are kept, and those that started an erasure.
	SavePreview(ctx context.Context, p Preview) error

	// Preview returns the preview with this TokenSum, without Counted and Turns, also
	// an expired one while it is stored. CodeNotFound if there is none.
	Preview(ctx context.Context, tokenSum [sha256.Size]byte) (Preview, error)

	// Create stores a pending erasure. If the same person has stored one with the
	// same IdempotencyKey, it returns that one as it is now, and false. The erasure
	// is durable when Create returns.
	Create(ctx context.Context, e Erasure) (stored Erasure, created bool, err error)

	// Get returns one; CodeNotFound if there is none.
	Get(ctx context.Context, id uuid.UUID) (Erasure, error)

	// ByKey returns the erasure that this person has stored with this IdempotencyKey;
	// CodeNotFound if there is none.
	ByKey(ctx context.Context, by uuid.UUID, idempotencyKey string) (Erasure, error)

	// Page returns the part of the list that q describes, which may be empty.
	Page(ctx context.Context, q ErasureQuery) ([]Erasure, error)

	// Receipts returns the part of the list that q describes, which may be empty.
	Receipts(ctx context.Context, q ErasureReceiptQuery) ([]ErasureReceipt, error)

	// Cancel ends an erasure that is not over and returns it. One that is over stays
	// as it was, but its search at VerifyAt is canceled. The erasure removes nothing
	// more once Cancel has returned. CodeNotFound if there is none.
	Cancel(ctx context.Context, id uuid.UUID) (Erasure, error)

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
	// the erasure is verified at the end. An erasure that is over, or has erased its
	// maximum, is returned unchanged.
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

	// Due returns the erasures to go on with: those not over, or due for
	// verification; at most limit, the ones asked for first.
	Due(ctx context.Context, limit int) ([]uuid.UUID, error)

	// Forget removes from erasures that were over before that time whatever shows
	// which owners and responses they were about: targets, scopes, failures, secrets
	// and sums. It leaves erasures that are still to be verified. It also removes
	// previews that expired before then, and the lists of counted requests.
	Forget(ctx context.Context, before time.Time) error
}

// Retention stores retention rules, in the database of the erasures that they start.
// Errors are those of Responses. Nothing is stale.
type Retention interface {
	// Create stores a rule with version 1, not enabled, and returns it. The rule is
	// durable when Create returns.
	Create(ctx context.Context, r RetentionRule) (RetentionRule, error)

	// Change replaces the version before v with v and returns the rule, not enabled
	// and without a dry run. Once Change has returned, a run of an earlier version
	// erases nothing more. CodeNotFound if there is no such rule; CodeConflict if its
	// version is not the one before v, or if it has been removed.
	Change(ctx context.Context, id uuid.UUID, v RetentionVersion) (RetentionRule, error)

	// Get returns one, including a removed one; CodeNotFound if there is none.
	Get(ctx context.Context, id uuid.UUID) (RetentionRule, error)

	// Version returns what a rule said in this version; CodeNotFound if there is
	// none.
	Version(ctx context.Context, id uuid.UUID, version int64) (RetentionVersion, error)

	// Page returns the part of the list that q describes, which may be empty.
	Page(ctx context.Context, q RuleQuery) ([]RetentionRule, error)

	// RecordDryRun stores the result of a dry run of this version and returns the
	// rule. CodeNotFound and CodeConflict as in Change.
	RecordDryRun(ctx context.Context, id uuid.UUID, version int64, d DryRun) (RetentionRule, error)

	// Enable lets this version run from now on and returns the rule; an enabled rule
	// stays as it is. CodeNotFound as in Change; CodeConflict if the rule has another
	// version, has no dry run, or has been removed.
	Enable(ctx context.Context, id uuid.UUID, version int64, next time.Time) (RetentionRule, error)

	// Disable keeps a rule from running and returns it. Once Disable has returned, a
	// run of the rule erases nothing more. CodeNotFound if there is none.
	Disable(ctx context.Context, id uuid.UUID) (RetentionRule, error)

	// Remove disables a rule permanently in the name of by; a removed rule stays as
	// it was. CodeNotFound if there is none.
	Remove(ctx context.Context, id, by uuid.UUID) error

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

// AccessLog records who read contents of other owners' responses. A response's
// records are deleted in the transaction that erases it. Errors are those of
// Responses. Nothing is stale.
type AccessLog interface {
	// Record adds an access. It is durable when Record returns. CodeNotFound if the
	// response does not exist any more: then nothing is recorded, so that no record
	// outlives its response, whoever erases it meanwhile.
	Record(ctx context.Context, l Access) error

	// Page returns the part of the log that q describes, newest first; it may be
	// empty.
	Page(ctx context.Context, q AccessQuery) ([]Access, error)
}

// AccessQuery selects a part of the access log, in the order of Access.Position.
type AccessQuery struct {
	Filter AccessFilter
	After  *Position // only what comes strictly after; nil: all
	Limit  int64     // maximum number to return; 1 or more
}

// MaxNamesakes is the maximum number of people with one e-mail address that a list
// can be narrowed to.
const MaxNamesakes = 100

// ErrNamesakes is returned if too many people have an e-mail address.
var ErrNamesakes = errParameter("created_by_email", "created_by_email: too many people have this address; narrow the list by member_id instead")
