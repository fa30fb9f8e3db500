package domain

import (
	"context"
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
	ResponseReader
	FigureReader
	ResponseEraser
	Sweeper
}

// ResponseReader reads responses: see Responses.
type ResponseReader interface {
	// Page returns the part of the list that q describes, which may be empty. The
	// responses have their usage if that is in the same database. It may be stale.
	Page(ctx context.Context, q PageQuery) ([]Response, error)

	// PageAndCount is Page, and also returns how many responses match the filter.
	// CountAuto counts exactly where that is cheap next to a page, CountExact where it
	// takes at most about a second. In all other cases, and with CountEstimate, it
	// returns an estimate, marked as one, which may be some seconds old. The count is
	// nil if even the estimate takes longer than a second.
	PageAndCount(ctx context.Context, q PageQuery, mode CountMode) ([]Response, *Count, error)

	// Get returns one response of these owners; nil owners means any owner. Contents
	// of more than limit bytes are not read; only their size is returned. The prompt
	// is withheld if it came with a file that has been deleted. CodeNotFound if there
	// is no such response; this takes no longer if another owner has it. It may be
	// stale.
	//
	// Contents that record covers are returned only with a durable record of the
	// access; if it cannot be written, the error is ErrNotRecorded. A record is never
	// written of a response that does not exist any more: it would outlive its
	// response, whoever erases that meanwhile.
	Get(ctx context.Context, id uuid.UUID, owners []string, limit int64, record *Recording) (Response, Contents, error)

	// Chain returns the response that id is part of, which may be that of a request or
	// of a step. An ID without steps of requests is that of a response of one request,
	// whether this exists or not. This or CodeNotFound unless these owners own each
	// request of it; nil owners means any owner. A chain with a request of a batch is
	// nobody's. CodeUnavailable if it has more than MaxStepsOfChain steps. Not stale.
	Chain(ctx context.Context, id uuid.UUID, owners []string) (Chain, error)

	// GetSummary is Get, but does not read the contents.
	GetSummary(ctx context.Context, id uuid.UUID, owners []string) (Response, error)

	// Steps returns the part of a chain that q describes, in the order in which its
	// steps were planned; nothing if there is no such chain. Nothing or CodeNotFound
	// unless these owners own each request of it; nil owners means any owner. A chain
	// with a request of a batch is nobody's. CodeUnavailable if it has more than
	// MaxStepsOfChain steps. Not stale.
	//
	// Payloads are returned like contents by Get, with one record, of a request that
	// record covers.
	Steps(ctx context.Context, q StepQuery, record *Recording) (StepPart, error)

	// Models returns the models among the responses of one owner, or of everyone if
	// owner is nil, in order of name and at most limit. A count is left out if it
	// cannot be had cheaply. Not stale.
	Models(ctx context.Context, owner *string, limit int64) (ModelList, error)
}

// ModelList is what models some responses have.
type ModelList struct {
	Models []ModelCount
	More   bool // there are more, or may be, as not all responses were looked at
}

// ModelCount is a model with the number of its responses.
type ModelCount struct {
	Model string
	Count *Count // nil: not counted
}

// MaxStepsOfChain is the maximum number of steps of a chain that can be listed.
const MaxStepsOfChain = 10_000

// MaxStepBytes is from how many bytes of payloads a page of steps ends early.
const MaxStepBytes = 8 << 20

// StepQuery selects a part of a chain.
type StepQuery struct {
	ID       uuid.UUID // of a request or a step of the chain
	Owners   []string
	After    *uuid.UUID // only what comes strictly after this step; nil: all
	Limit    int64      // maximum number to return; 1 or more
	Payloads bool       // returns payloads, and then as many steps as have MaxStepBytes of them, or one
	Max      int64      // with Payloads: those of more bytes are not read; only their size is returned
}

// StepPart is a part of a chain.
type StepPart struct {
	Steps []Step
	More  bool  // more steps follow
	Left  int64 // bytes of payloads that were not read because they exceed the limit; then Steps is empty
}

// FigureReader counts responses over time: see Responses.
type FigureReader interface {
	// Figures returns a point for each bucket and series in which there are responses
	// that pass the filter, in any order. Of more than MaxSeries series it keeps those
	// with the most responses, and counts the rest together. Where usage is in another
	// database, or the responses are very many, the basis is BasisRows; of even more,
	// durations are nil. It may be stale, and count what was erased a moment ago.
	// CodeUnavailable if it takes too long.
	Figures(ctx context.Context, q FigureQuery) ([]FigurePoint, Basis, error)
}

// ContentsReader reads the contents of many responses: see Responses.
type ContentsReader interface {
	// GetAll is Get, without a record, of each of these responses. Those that Get would
	// not find are missing from the map. limit is for the contents of each. Nothing is
	// stale.
	GetAll(ctx context.Context, ids []uuid.UUID, owners []string, limit int64) (map[uuid.UUID]ResponseContents, error)
}

// ResponseContents is a response with its contents.
type ResponseContents struct {
	Response
	Contents
}

// ResponseEraser erases single responses: see Responses.
type ResponseEraser interface {
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
}

// Sweeper finishes erasures: see Responses.
type Sweeper interface {
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

	// Owners returns the people and organizations that q selects, including deleted ones
	// and without the system's own: those first whose identifier, address, user name or
	// name is exactly the text, then by address and identifier. It may be stale.
	Owners(ctx context.Context, q OwnerQuery) ([]Owner, error)

	// SawLogin notes that a person has just been here. It returns at once; the note
	// is written later, or never.
	SawLogin(id uuid.UUID)
}

// Profiles stores what people can see of themselves. Errors are those of Responses.
// Nothing is stale.
type Profiles interface {
	// Profile returns that of one person, including a deleted one. CodeNotFound if there
	// is none.
	Profile(ctx context.Context, id uuid.UUID) (Profile, error)
}

// Sessions stores which of Lethe's own sessions were ended before their time. Errors
// are those of Responses. Nothing is stale.
type Sessions interface {
	// End stores, durably, that a person has ended a session, until the time when it
	// would have ended by itself. A session that has ended stays ended. ErrEndedSessions
	// if MaxEndedSessions of this person are stored; then this one is not.
	End(ctx context.Context, id, by uuid.UUID, until time.Time) error

	// Ended reports whether a session was ended. After its until, it may report either.
	Ended(ctx context.Context, id uuid.UUID) (bool, error)
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

// AccessLog lists who read contents of other owners' responses, as Responses.Get has
// recorded. A response's records are deleted in the transaction that erases it. Errors
// are those of Responses. Nothing is stale.
type AccessLog interface {
	// Page returns the part of the log that q describes, newest first; it may be
	// empty.
	Page(ctx context.Context, q AccessQuery) ([]Access, error)
}

// StatusReader reads what the service watches, from the sources of its metrics.
type StatusReader interface {
	// Status returns everything but At, Well and Sentence. Errors are those of
	// Responses. Nothing is stale.
	Status(ctx context.Context) (Status, error)
}

// ExportLog records exports in the access log. Errors are those of Responses.
type ExportLog interface {
	// RecordExport writes a record whose Export is set. When it returns, the record is
	// durable.
	RecordExport(ctx context.Context, l Access) error
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
