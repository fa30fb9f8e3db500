// Package receipt proves erasures. It contains the canonical bytes of a receipt with
// its commitments, the signed checkpoints of the log whose leaves are receipts, the
// file that contains all of these, and the check of that file.
//
// The package is pure: it reads no clock, no database and no network. The format
// is described in docs/receipt-format.md, with test vectors in docs/vectors.
//
// [Receipt] is what an erasure states, [Proof] the file that holds it with its place in
// the log, and [Result] what [Check] finds proven.
package receipt

import (
	"time"

	"github.com/google/uuid"
)

// Version is the first value of every receipt in this format.
const Version = "lethe-receipt/1"

// What a receipt says about the method; this version has one value for each.
const (
	tool   = "lethe"
	method = "delete"
)

// MaxReceipt is the maximum size of a receipt in bytes: some 1,300 commitments.
// Mirrors get receipts in bundles (C2SP tlog-tiles), whose lengths have 16 bits.
const MaxReceipt = 1<<16 - 1

// maxNumber is the maximum of every number: JSON readers are exact up to here, and so
// is the arithmetic of tlog.
const maxNumber = 1<<53 - 1

// MaxParts is the maximum number of receipts that an erasure's first receipt names.
const MaxParts = 200

// Receipt states that something was erased (LevelLogical), or that an erasure has
// reached a later level. It holds no content, no name and no identifier of what was
// erased, only commitments to them.
type Receipt struct {
	ID         uuid.UUID // random (version 4)
	Log        string    // origin of the log whose leaf it is
	Level      Level
	ExecutedAt time.Time // to the microsecond
	Build      string    // version of the program: printable ASCII
	Verified   Verification
	NotCovered []Gap // in any order

	About uuid.UUID // the erasure's receipt; only with later levels

	// The following fields are for LevelLogical only.

	Trigger     Trigger
	Rule        *Rule // with TriggerRetention, and only then
	Ground      Ground
	RequestedAt time.Time // to the microsecond
	Actor       Actor
	Counts      Counts
	Responses   []Commitment // one for each erased request, in any order
	Owners      []Commitment // one for each of their owners, in any order

	// Parts are the other receipts of an erasure with several receipts, in any order;
	// only its first receipt has them. Each states what that part did, to other rows.
	Parts []uuid.UUID
}

// Nothing reports whether the erasure found nothing to erase.
func (r Receipt) Nothing() bool {
	return r.Level == LevelLogical && r.Counts == Counts{} && len(r.Responses) == 0
}

// Rule is the retention rule that an erasure followed.
type Rule struct {
	ID      uuid.UUID // random (version 4)
	Version int64     // starts at 1
}

// Counts are the numbers of deleted rows; KeptTemplates were not deleted.
type Counts struct {
	Requests      int64 `json:"requests"`
	Steps         int64 `json:"steps"`
	Templates     int64 `json:"templates"`
	RawRequests   int64 `json:"raw_requests"`
	RawResponses  int64 `json:"raw_responses"`
	Tasks         int64 `json:"tasks"`
	Files         int64 `json:"files"`          // made for one request, each with its empty batch
	KeptTemplates int64 `json:"kept_templates"` // prompts of erased responses that another owner's row needs
	Retained      int64 `json:"retained"`       // objects of retained responses
}
