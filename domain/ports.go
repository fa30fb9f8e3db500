package domain

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// Responses is where responses are kept. Rows of batches are no responses: no
// method shows or erases one. Contents of people never appear in an error.
//
// Every method returns CodeUnavailable when the database cannot be reached, has
// no connection free in time or takes too long, and the context's own error
// when that ended first.
//
// What may be stale still never shows what had been erased before the call
// began, whoever erased it.
type Responses interface {
	// Page returns what the query asks for; none is an empty page. It may be
	// stale.
	Page(ctx context.Context, q PageQuery) ([]Response, error)

	// Count returns how many match: with CountAuto exactly where that costs
	// little next to a page, with CountExact exactly within about a second,
	// and otherwise, and with CountEstimate, an estimate that says so. It may
	// be stale.
	Count(ctx context.Context, filter ResponseFilter, mode CountMode) (Count, error)

	// Get returns one response of these owners, or of any with nil, with its
	// contents where these have at most that many bytes, and else with how many they
	// have; the prompt is withheld where it came with a file that has been
	// deleted. CodeNotFound where there is none, just as fast where another
	// owner has it. It may be stale.
	Get(ctx context.Context, id uuid.UUID, owners []string, limit int64) (Response, Contents, error)

	// GetSummary is Get without the contents, which it does not read.
	GetSummary(ctx context.Context, id uuid.UUID, owners []string) (Response, error)

	// Erase removes the whole response that id is a part of, where these owners have
	// all of it, or anyone with nil, all at once or
	// not at all: every request and step of its chain, their templates, and the
	// copies that are within reach; and their records in the access log. When it
	// returns, it is durable. A template stays where the request of another
	// response refers to it, and counts as kept; none can come to refer to it
	// meanwhile. A file stays, but for one that was made for one request and that
	// nothing refers to any more, which goes with its empty batch.
	//
	// Before anything is removed, permit is called with what was found, read
	// and locked in the same transaction, never stale; as long as that
	// transaction has not ended, no hold is placed. Its error is returned
	// as it is and nothing is removed; else a receipt of the erasure by that
	// authorization is written in the same transaction. permit may be called again
	// if that has to be repeated. CodeNotFound where there is no such
	// response of these owners, for which nobody has to wait; permit is not called
	// then. CodeRefused where the database does not
	// let a part of it be deleted.
	//
	// Where the row of a response is gone and copies of it are there, these are
	// erased likewise; whose it was, usage records say, of it or of its copies.
	// Every hold with a filter then counts as one on it, as nothing tells that it is
	// not, and where nothing says whose a part of it was, so does every hold by owner.
	//
	// Where copies are in another database, no transaction holds all of it. Then
	// permit is called in one that ends with a durable note of what is going to
	// be erased: from there on the erasure has begun, no hold stops it, and Sweep
	// finishes it where this call could not. CodeUnavailable may then be of an
	// erasure that has begun, and its message says so; who asks again, and is
	// permitted to, is told of no holds and takes it over, with a receipt by the
	// new authorization. What comes to the response meanwhile goes with it where it has
	// the same owner.
	Erase(ctx context.Context, id uuid.UUID, owners []string, permit func(Found) (Authorization, error)) (Erased, error)

	// EraseWithLaterTurns is Erase, and has the later turns of the response go
	// along: responses of the same owner whose prompts say that they follow it, as
	// these quote it, and those that follow them. permit is asked for all of it at
	// once. They are found by an index, or else among the LaterTurnsSearched
	// requests that the owner has made since; the receipt says whether any may be
	// left. Where there are more than MaxLaterTurns, permit is
	// asked for the response alone, and it is CodeRefused. Of a response whose row is
	// gone, none is looked for.
	EraseWithLaterTurns(ctx context.Context, id uuid.UUID, owners []string, permit func(Found) (Authorization, error)) (Erased, error)

	// Sweep looks for what was written of erased requests since, for at most
	// that many of those that are due as of SweepAfter or for those of one
	// erasure, and removes what it finds, by the authorization and with a receipt, all at once or not at all; where
	// nothing is found there is no receipt. What a hold covers is left, and due
	// again later, until it is covered no more; and so is what the database refuses
	// to delete, of which an error tells beside the rest. It returns how many it
	// looked for and what it removed, also beside an error. Several calls at once share the work. Before that it
	// finishes erasures that have begun, each by its own authorization; where one cannot
	// be, it looks all the same, and the error says so.
	Sweep(ctx context.Context, limit int, w Authorization) (looked int, erased Erased, err error)
}

// Orphans are raw copies whose request is gone, as something other than an
// erasure deleted it. Errors as of Responses. Nothing is stale.
type Orphans interface {
	// SweepOrphans takes one turn: it looks at the next of the copies that are
	// older than before, at most so many, and removes those whose request is gone,
	// by the authorization and with a receipt, all at once or not at all; where none is
	// found there is no receipt. It leaves what names no request, or names one that
	// is a batch's or of which there is anything, and what a hold may keep: every
	// hold with a filter does, and where nothing says whose it was, every one by
	// owner. What the database refuses to delete is left, too, of
	// which an error tells beside the rest. A turn that ends a pass has the next
	// begin after pause. Several calls at once share the work.
	SweepOrphans(ctx context.Context, before time.Time, limit int, pause time.Duration, w Authorization) (OrphansTurn, error)
}

// OrphansTurn is what became of the copies that were looked at.
type OrphansTurn struct {
	Looked int // copies of requests and of responses; 0: none is due
	Erased
}

// Restored is Responses' place after a restore, which may have brought back what
// had been erased. Errors as of Responses. Nothing is stale.
type Restored interface {
	// Remaining returns those of these requests of which there is anything that an
	// erasure removes, in any order. It locks no row.
	Remaining(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error)

	// EraseAgain removes what there is of these requests, which have been erased
	// before, with all that hangs together with them, by the authorization and with a
	// receipt, all at once or not at all; where there is nothing, there is no
	// receipt. No hold is asked: what a restore has brought back was erased when
	// nothing held it. When it returns, it is durable. CodeRefused or CodeBusy
	// where one of them cannot be erased for a reason of the database's.
	EraseAgain(ctx context.Context, ids []uuid.UUID, w Authorization) (Erased, error)
}

// PageQuery asks for a part of a list, in the order of CompareResponses.
type PageQuery struct {
	Filter      ResponseFilter
	ActiveFirst bool
	After       *Position // only what comes strictly after; nil: all
	Skip        int64     // how many to pass over, without After; 0 or more
	Limit       int64     // how many to return at most; 1 or more
}

// UsageRecords is where the cost of responses is kept. Errors as of Responses.
type UsageRecords interface {
	// Latest returns the newest usage of each of these responses; those that
	// have none are missing from the map. A cost that it does not tell, and that
	// of a response that has none, is what was charged for it at last, where the
	// gateway keeps that. It may be stale.
	Latest(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]Usage, error)
}

// People is where users, organizations and keys are kept. Errors as of
// Responses. What is called not stale here, a cache in front may repeat for as
// long as it was told to; an erasure asks no cache.
type People interface {
	// ByKey returns the key with this secret, whatever its purpose, with its
	// creator. CodeNotFound where there is none or it was deleted. Not stale.
	ByKey(ctx context.Context, secret string) (Key, error)

	// ByID returns a person, a deleted one too. CodeNotFound where there is
	// none. Not stale.
	ByID(ctx context.Context, id uuid.UUID) (Person, error)

	// ByExternalID returns the person whom the identity provider knows by
	// this name, a deleted one too. CodeNotFound where there is none. Not
	// stale.
	ByExternalID(ctx context.Context, name string) (Person, error)

	// Emails returns the e-mail addresses of these people, deleted ones
	// included; those unknown are missing from the map. It may be stale.
	Emails(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]string, error)

	// ByEmail returns who has exactly this e-mail address, deleted people and
	// organizations included, in any order; nobody is an empty list.
	// ErrNamesakes where more than MaxNamesakes have it. It may be stale.
	ByEmail(ctx context.Context, email string) ([]uuid.UUID, error)

	// SawLogin notes that a person has just been here. It returns at once; the
	// note is written later, or never.
	SawLogin(id uuid.UUID)
}

// Log is where receipts of erasures are kept, as leaves of a Merkle tree whose
// states are signed. What no published checkpoint covers is not shown. Errors as
// of Responses. Nothing is stale.
type Log interface {
	// Receipt returns a receipt, and the file that proves it where a published
	// checkpoint covers it. CodeNotFound where there is none.
	Receipt(ctx context.Context, id uuid.UUID) (LoggedReceipt, error)

	// Reached returns which receipt says that the erasure of a receipt has come
	// to a later level. CodeNotFound where none does.
	Reached(ctx context.Context, id uuid.UUID, level Level) (uuid.UUID, error)

	// Checkpoint returns the newest published checkpoint, a signed note;
	// CodeNotFound before the first. One call never returns an older one than
	// an earlier call, whatever becomes of the database: that is CodeInternal.
	Checkpoint(ctx context.Context) ([]byte, error)

	// Hashes returns the first Width hashes of a tile, 32 bytes each.
	// CodeNotFound where the tree of the newest published checkpoint has fewer
	// there.
	Hashes(ctx context.Context, t Tile) ([]byte, error)

	// Entries returns the leaves from TileWidth times Index on, Width of them,
	// each after its length in two bytes, the higher one first. CodeNotFound as
	// of Hashes.
	Entries(ctx context.Context, t Tile) ([]byte, error)

	// Keys are the public keys whose private ones sign, the newest first, and then
	// those of witnesses; none where nothing can be signed.
	Keys() []string
}

// Holds is where holds are kept, beside the responses that they hold. Errors as
// of Responses. Nothing is stale.
type Holds interface {
	// Place stores a hold and returns it, with when that was. When it returns,
	// it is durable, and every Erase that was not told of it has come to its
	// end or has begun, as said there; where that takes too long, nothing is
	// stored and it is CodeUnavailable.
	Place(ctx context.Context, h Hold) (Hold, error)

	// Page returns what the query asks for; none is an empty page.
	Page(ctx context.Context, q HoldQuery) ([]Hold, error)

	// Get returns one hold; CodeNotFound where there is none.
	Get(ctx context.Context, id uuid.UUID) (Hold, error)

	// Release ends a hold in that person's name and returns it; one that has
	// been released already stays as it was. CodeNotFound where there is none.
	Release(ctx context.Context, id, by uuid.UUID) (Hold, error)
}

// Erasures is where bulk erasures are kept, beside the responses that they
// erase. Errors as of Responses. Nothing is stale.
type Erasures interface {
	// Estimate counts what erasing the target would come to in the end, as far as
	// these owners have it; nil is everyone. With a filter, what was created after
	// asOf does not count; without one, Sum does not look at it. Of very much it
	// may count a part, always the same one: that of what is erased first.
	// CodeUnavailable where that takes too long. Where later turns go along, they
	// count too, as responses of their own, and CodeRefused where a response has
	// more than MaxLaterTurns.
	Estimate(ctx context.Context, t ErasureTarget, owners []string, asOf time.Time) (Estimate, error)

	// SavePreview stores a preview with the requests that it counted, until it has
	// expired, and a while longer. Of one person only the newest MaxPreviews are
	// kept, and those that an erasure was begun with.
	SavePreview(ctx context.Context, p Preview) error

	// Preview returns the one with this TokenSum, without Counted and Turns, an
	// expired one too, as long as it is there. CodeNotFound where there is none.
	Preview(ctx context.Context, tokenSum [sha256.Size]byte) (Preview, error)

	// Create stores an erasure that is pending. Where the same person has
	// stored one with the same IdempotencyKey, it returns that one as it is by
	// now, and false. When it returns, it is durable.
	Create(ctx context.Context, e Erasure) (stored Erasure, created bool, err error)

	// Get returns one; CodeNotFound where there is none.
	Get(ctx context.Context, id uuid.UUID) (Erasure, error)

	// ByKey returns the one that this person has stored with this
	// IdempotencyKey; CodeNotFound where there is none.
	ByKey(ctx context.Context, by uuid.UUID, idempotencyKey string) (Erasure, error)

	// Page returns what the query asks for; none is an empty page.
	Page(ctx context.Context, q ErasureQuery) ([]Erasure, error)

	// Receipts returns what the query asks for; none is an empty page.
	Receipts(ctx context.Context, q ErasureReceiptQuery) ([]ErasureReceipt, error)

	// Cancel ends an erasure that is not over, and returns it; one that is stays
	// as it was, but the search at VerifyAt is called off. When it
	// returns, nothing more is erased by it. CodeNotFound where there is none.
	Cancel(ctx context.Context, id uuid.UUID) (Erasure, error)

	// Advance looks at the next responses of the erasure, at most that many, and
	// erases those of which judge says so, as of Responses.Erase: with all that
	// hangs together with them, their copies, one receipt by the authorization and the
	// progress, all at once or not at all. Where it comes to the end and has
	// FoundNothing, there is a receipt of that, by the authorization for no part. It returns the erasure as it is then.
	// Several calls at once for one erasure wait for each other.
	//
	// Where later turns go along, a part has their requests, too. Each is a response
	// of its own: one that is kept keeps what it quotes, and goes by itself where it
	// is come to. With a filter those do not that were created after AsOf. More than
	// MaxLaterTurns of a response are a failure with CodeRefused.
	//
	// With Erasure.Preview it looks at nothing but what that counted, whatever else
	// passes the filter by now, and erases of it what still passes.
	//
	// It begins with what is oldest, or named first, and goes on where the call
	// before it ended. When nothing follows, the erasure is finished; one with an
	// owner begins again from the oldest, until it has found nothing to erase
	// from beginning to end, copies of what is gone included, and is then due for verification after VerifyAfter.
	// One whose verification is due is gone through likewise, and verified at the
	// end of that. One that is over, or has erased as many as it may, is returned
	// as it is.
	//
	// judge is called with parts that are locked, as of Responses.Erase; it
	// returns a verdict for each. It may be called again where a transaction has
	// to be repeated. Held, NotFound and Refused count each response once. Where
	// the database refuses some of it, or something else is at work on its rows,
	// what is erased is less, until the one is found: that is a failure with
	// CodeRefused or CodeBusy, and the rest goes on. It is tried once more in
	// later passes and, after VerifyAfter, by an erasure that somebody asked for.
	// Where anything else is wrong with the database, the error says so and nothing
	// of the call is done. CodeNotFound where there is no such erasure.
	// What else is kept by person goes at the end of an owner's erasure, unless
	// anything of theirs was kept or a hold names them; a receipt tells of it that
	// counts nothing.
	Advance(ctx context.Context, id uuid.UUID, limit int, judge func(Erasure, []Part) ([]Verdict, Authorization)) (Erasure, error)

	// Note stores why an erasure does not get on, or, with failed, why it has
	// failed; one that is over stays as it was.
	Note(ctx context.Context, id uuid.UUID, lastError string, failed bool) error

	// Due returns those that are to be gone on with: not over, or due for
	// verification; at most that many, those that were asked for first.
	Due(ctx context.Context, limit int) ([]uuid.UUID, error)

	// Forget removes from erasures that were over before that time what says
	// whose and which responses they were about: targets, scopes, failures,
	// secrets, sums; not from those that are still to be verified. It removes previews
	// that have expired before it, too, and which requests were counted.
	Forget(ctx context.Context, before time.Time) error
}

// Retention is where retention rules are kept, beside the erasures that they
// begin. Errors as of Responses. Nothing is stale.
type Retention interface {
	// Create stores a rule of version 1 that is not enabled, and returns it.
	// When it returns, it is durable.
	Create(ctx context.Context, r RetentionRule) (RetentionRule, error)

	// Change stores what a rule says from now on, in the place of the version
	// before v, and returns the rule: not enabled and without a dry run. When it
	// returns, nothing more is erased by a run of an earlier version. CodeNotFound
	// where there is no such rule, CodeConflict where it has another version than
	// the one before v or has been removed.
	Change(ctx context.Context, id uuid.UUID, v RetentionVersion) (RetentionRule, error)

	// Get returns one, a removed one too; CodeNotFound where there is none.
	Get(ctx context.Context, id uuid.UUID) (RetentionRule, error)

	// Version returns what a rule said in this version; CodeNotFound where there
	// is none.
	Version(ctx context.Context, id uuid.UUID, version int64) (RetentionVersion, error)

	// Page returns what the query asks for; none is an empty page.
	Page(ctx context.Context, q RuleQuery) ([]RetentionRule, error)

	// RecordDryRun stores what came of a dry run of this version, and returns the
	// rule. CodeNotFound and CodeConflict as of Change.
	RecordDryRun(ctx context.Context, id uuid.UUID, version int64, d DryRun) (RetentionRule, error)

	// Enable lets this version run from then on, and returns the rule; one that is
	// enabled stays as it is. CodeNotFound as of Change; CodeConflict where it has
	// another version, no dry run, or has been removed.
	Enable(ctx context.Context, id uuid.UUID, version int64, next time.Time) (RetentionRule, error)

	// Disable keeps a rule from running, and returns it. When it returns, nothing
	// more is erased by a run of it. CodeNotFound where there is none.
	Disable(ctx context.Context, id uuid.UUID) (RetentionRule, error)

	// Remove disables a rule for ever, in that person's name; one that has been
	// removed already stays as it was. CodeNotFound where there is none.
	Remove(ctx context.Context, id, by uuid.UUID) error

	// Due returns the rules that are to run by then, at most that many, those
	// first that have been due longest.
	Due(ctx context.Context, now time.Time, limit int) ([]uuid.UUID, error)

	// Start begins a run of a rule that is due by then: it stores the erasure that
	// begin returns, as of Erasures.Create, and that the rule runs next at the time
	// that begin returns, all at once or not at all. Where the run before is not
	// over, it is RunSkipped and only the time is stored; where the rule is not
	// due any more, it is RunNotDue and nothing is. Of several calls at once for
	// one time, one is RunStarted. It returns the rule as it is then, but for
	// RunNotDue. begin may be called again where a transaction has to be repeated.
	Start(ctx context.Context, id uuid.UUID, now time.Time, begin func(RetentionRule) (e Erasure, next time.Time)) (RetentionRule, RunOutcome, error)
}

// RunOutcome is what has come of a run that was due.
type RunOutcome int

// The outcomes.
const (
	RunNotDue RunOutcome = iota
	RunStarted
	RunSkipped
)

// Jobs is what goes on with erasures in the background, in this process or
// another.
type Jobs interface {
	// Enqueue asks for an erasure to be gone on with soon. It may be asked for
	// again and again; one that waits already is not enqueued twice.
	Enqueue(ctx context.Context, erasure uuid.UUID) error
}

// AccessLog keeps who read the contents of responses that are not theirs. Records go in the transaction
// that erases their response. Errors as of Responses. Nothing is stale.
type AccessLog interface {
	// Record adds an access. When it returns, it is durable. CodeNotFound where
	// there is no such response any more: then nothing is noted, so that no
	// record outlives its response, whoever erases it meanwhile.
	Record(ctx context.Context, l Access) error

	// Page returns what the query asks for, the newest first; none is an empty
	// page.
	Page(ctx context.Context, q AccessQuery) ([]Access, error)
}

// AccessQuery asks for a part of a page of the access log, in the order of Access.Position.
type AccessQuery struct {
	Filter AccessFilter
	After  *Position // only what comes strictly after; nil: all
	Limit  int64     // how many to return at most; 1 or more
}

// MaxNamesakes is how many people of one e-mail address a list can be narrowed
// to.
const MaxNamesakes = 100

// ErrNamesakes is of an e-mail address that too many people have.
var ErrNamesakes = errParameter("created_by_email", "created_by_email: too many people have this address; narrow the list by member_id instead")
