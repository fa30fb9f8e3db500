package receipt

import "fmt"

// Kind is the kind of an error; programs may depend on these words.
type Kind string

const (
	BadReceipt      Kind = "bad_receipt"      // not a receipt of this version in canonical form
	BadProof        Kind = "bad_proof"        // not a proof file in canonical form
	BadCheckpoint   Kind = "bad_checkpoint"   // not a signed checkpoint in canonical form
	BadKey          Kind = "bad_key"          // not a key, or not one for this purpose
	UnknownKey      Kind = "unknown_key"      // signed with a key that was not given, or not by the log at all
	BadSignature    Kind = "bad_signature"    // a known key did not make this signature
	OtherLog        Kind = "other_log"        // receipt and checkpoint, or two checkpoints, belong to different logs
	NotIncluded     Kind = "not_included"     // the proof does not lead from the receipt to the checkpoint's root
	BadTiles        Kind = "bad_tiles"        // the tiles do not belong to the checkpoint's tree, or are missing
	Rewritten       Kind = "rewritten"        // two signed checkpoints contradict each other
	WrongCommitment Kind = "wrong_commitment" // the receipt does not commit to what was given
)

// Error is the only kind of error that this package returns. Its text is our own and
// contains no secret.
type Error struct {
	Kind   Kind
	Reason string
}

func (e *Error) Error() string { return e.Reason }

func errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Reason: fmt.Sprintf(format, args...)}
}
