package domain

import (
	"context"

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
	// contents; the prompt is withheld where it came with a file that has been
	// deleted. CodeNotFound where there is none, just as fast where another
	// owner has it. It may be stale.
	Get(ctx context.Context, id uuid.UUID, owners []string) (Response, Contents, error)

	// GetSummary is Get without the contents, which it does not read.
	GetSummary(ctx context.Context, id uuid.UUID, owners []string) (Response, error)

	// Erase removes the whole response that id is a part of, all at once or
	// not at all: every request and step of its chain, their templates that
	// belong to no file, and the copies that are within reach; and who looked
	// at any of them. When it returns, it is durable.
	//
	// Before anything is removed, permit is called with what was found, read
	// and locked in the same transaction, never stale; as long as that
	// transaction has not ended, no hold is placed. Its error is returned
	// as it is and nothing is removed; else a receipt of the erasure by that
	// warrant is written in the same transaction. permit may be called again
	// if that has to be repeated. CodeNotFound where there is no such
	// response; permit is not called then.
	Erase(ctx context.Context, id uuid.UUID, permit func(Found) (Warrant, error)) (Erased, error)

	// Sweep looks for what was written of erased requests since, for at most
	// that many of those that are due as of SweepAfter, and removes what it
	// finds, by the warrant and with a receipt, all at once or not at all; where
	// nothing is found there is no receipt. What a hold covers is left, and due
	// again later, until it is covered no more. It returns how many it looked for
	// and what it removed. Several calls at once share the work.
	Sweep(ctx context.Context, most int, w Warrant) (looked int, erased Erased, err error)
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
	// have none are missing from the map. It may be stale.
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

	// Keys are the public keys whose private ones sign, the newest first; none
	// where nothing can be signed.
	Keys() []string
}

// Holds is where holds are kept, beside the responses that they hold. Errors as
// of Responses. Nothing is stale.
type Holds interface {
	// Place stores a hold and returns it, with when that was. When it returns,
	// it is durable, and every Erase that was not told of it has come to its
	// end; where that takes too long, nothing is stored and it is
	// CodeUnavailable.
	Place(ctx context.Context, h Hold) (Hold, error)

	// Page returns what the query asks for; none is an empty page.
	Page(ctx context.Context, q HoldQuery) ([]Hold, error)

	// Get returns one hold; CodeNotFound where there is none.
	Get(ctx context.Context, id uuid.UUID) (Hold, error)

	// Release ends a hold in that person's name and returns it; one that has
	// been released already stays as it was. CodeNotFound where there is none.
	Release(ctx context.Context, id, by uuid.UUID) (Hold, error)
}

// Looks is where it is kept who looked at what. Records go in the transaction
// that erases their response. Errors as of Responses. Nothing is stale.
type Looks interface {
	// Record notes a look. When it returns, it is durable. CodeNotFound where
	// there is no such response any more: then nothing is noted, so that no
	// record outlives its response, whoever erases it meanwhile.
	Record(ctx context.Context, l Look) error

	// Page returns what the query asks for, the newest first; none is an empty
	// page.
	Page(ctx context.Context, q LookQuery) ([]Look, error)
}

// LookQuery asks for a part of a list of looks, in the order of Look.Position.
type LookQuery struct {
	Filter LookFilter
	After  *Position // only what comes strictly after; nil: all
	Limit  int64     // how many to return at most; 1 or more
}

// MaxNamesakes is how many people of one e-mail address a list can be narrowed
// to.
const MaxNamesakes = 100

// ErrNamesakes is of an e-mail address that too many people have.
var ErrNamesakes = errAbout("created_by_email", "created_by_email: too many people have this address; narrow the list by member_id instead")
