package receipt

import "fmt"

// Kind says what is wrong; programs may depend on these words.
type Kind string

// The kinds.
const (
	BadReceipt      Kind = "bad_receipt"      // no receipt of this version in its canonical form
	BadProof        Kind = "bad_proof"        // no proof file in its canonical form
	BadCheckpoint   Kind = "bad_checkpoint"   // no signed checkpoint in its canonical form
	BadKey          Kind = "bad_key"          // no key, or none that can do what is asked
	UnknownKey      Kind = "unknown_key"      // signed with a key that was not given, or not by the log at all
	BadSignature    Kind = "bad_signature"    // a known key did not make this signature
	OtherLog        Kind = "other_log"        // receipt and checkpoint, or two checkpoints, are of different logs
	NotIncluded     Kind = "not_included"     // the proof does not lead from the receipt to the checkpoint's root
	BadTiles        Kind = "bad_tiles"        // the tiles are not those of the checkpoint's tree, or are not there
	Rewritten       Kind = "rewritten"        // two signed checkpoints contradict each other
	WrongCommitment Kind = "wrong_commitment" // the receipt does not commit to what was given
)

// Error is the only kind of error that this package returns. Its text is in our
// words and holds no secret.
type Error struct {
	Kind   Kind
	Reason string
}

func (e *Error) Error() string { return e.Reason }

func errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Reason: fmt.Sprintf(format, args...)}
}
