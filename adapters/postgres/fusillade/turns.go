package fusillade

import (
	"encoding/hex"

	"github.com/google/uuid"
)

// The prompt of a later turn quotes what it follows: the gateway writes the
// earlier turns into it. It says so by previous_response_id.

// unreadable is what an encrypted prompt follows, to the index of later turns.
const unreadable = "dwzdr1:"

// quotable are the identifiers by which later turns may follow what the eraser
// has found, in digits.
func (e *eraser) quotable() []string {
	ids := make([]string, 0, len(e.requests)+len(e.steps)+1)
	for _, of := range [][]uuid.UUID{e.requests, e.steps} {
		for _, id := range of {
			ids = append(ids, hex.EncodeToString(id[:]))
		}
	}
	return ids
}

// quotedLeft tells whether prompts that stay may quote what was erased: one does,
// or nothing has shown that none does.
func (e *eraser) quotedLeft() bool {
	return len(e.requests) > 0 && !e.unquoted
}
