package receipt

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// validate alone defines which receipts are valid. It expects sorted commitments and
// parts.
func (r Receipt) validate() error {
	verifications, known := levels[r.Level]
	switch {
	case !known:
		return errorf(BadReceipt, "the receipt is of an unknown level")
	case !isRandom(r.ID):
		return errorf(BadReceipt, "the receipt's id is no random UUID")
	case !validName(r.Log):
		return errorf(BadReceipt, "the receipt's log is not named as a log can be")
	case !validMoment(r.ExecutedAt):
		return errorf(BadReceipt, "the receipt does not say when the erasure was executed")
	case !validText(r.Build):
		return errorf(BadReceipt, "the receipt's build must be 1 to %d printable ASCII characters without quotes and backslashes", maxText)
	case !slices.Contains(verifications, r.Verified):
		return errorf(BadReceipt, "the receipt says of its level that it was verified in a way that is none for it")
	}
	for i, gap := range r.NotCovered {
		if !slices.ContainsFunc(gaps, func(known gapMeaning) bool { return known.Gap == gap }) {
			return errorf(BadReceipt, "the receipt does not cover something unknown")
		}
		if slices.Contains(r.NotCovered[:i], gap) {
			return errorf(BadReceipt, "the receipt says twice that it does not cover the same")
		}
	}
	if r.Level != LevelLogical {
		return r.validateLater()
	}
	return r.validateErasure()
}

func (r Receipt) validateErasure() error {
	counts := r.Counts
	switch {
	case r.About != uuid.Nil:
		return errorf(BadReceipt, "an erasure's receipt is not about another")
	case triggers[r.Trigger] == "":
		return errorf(BadReceipt, "the receipt's trigger is unknown")
	case grounds[r.Ground] == "":
		return errorf(BadReceipt, "the receipt's ground is unknown")
	case actors[r.Actor] == "":
		return errorf(BadReceipt, "the receipt's actor is unknown")
	case (r.Rule != nil) != (r.Trigger == TriggerRetention):
		return errorf(BadReceipt, "a receipt names a rule when retention triggered the erasure, and only then")
	case r.Rule != nil && (!isRandom(r.Rule.ID) || r.Rule.Version < 1 || r.Rule.Version > maxNumber):
		return errorf(BadReceipt, "the receipt's rule has no id or no version")
	case !validMoment(r.RequestedAt):
		return errorf(BadReceipt, "the receipt does not say when the erasure was requested")
	case int64(len(r.Responses)) < counts.Requests:
		return errorf(BadReceipt, "the receipt commits to fewer responses than were erased")
	}
	for _, n := range reflect.ValueOf(counts).Fields() {
		if n.Int() < 0 || n.Int() > maxNumber {
			return errorf(BadReceipt, "a count of the receipt is negative or too large")
		}
	}
	for _, list := range [][]Commitment{r.Responses, r.Owners} {
		for i := 1; i < len(list); i++ {
			if list[i-1] == list[i] {
				return errorf(BadReceipt, "the receipt holds the same commitment twice")
			}
		}
	}
	return r.validateParts()
}

func (r Receipt) validateParts() error {
	if len(r.Parts) > MaxParts {
		return errorf(BadReceipt, "the receipt names more than %d parts", MaxParts)
	}
	for i, part := range r.Parts {
		switch {
		case !isRandom(part) || part == r.ID:
			return errorf(BadReceipt, "a part that the receipt names has no id of another receipt")
		case i > 0 && r.Parts[i-1] == part:
			return errorf(BadReceipt, "the receipt names the same part twice")
		}
	}
	return nil
}

func (r Receipt) validateLater() error {
	switch {
	case !isRandom(r.About) || r.About == r.ID:
		return errorf(BadReceipt, "the receipt of a later level does not name the erasure's")
	case r.Trigger != "" || r.Rule != nil || r.Ground != "" || !r.RequestedAt.IsZero() || r.Actor != "" ||
		r.Counts != Counts{} || len(r.Responses) > 0 || len(r.Owners) > 0 || len(r.Parts) > 0:
		return errorf(BadReceipt, "the receipt of a later level says what only an erasure's says")
	}
	return nil
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

func isRandom(id uuid.UUID) bool { return id.Version() == 4 && id.Variant() == uuid.RFC4122 }

// validMoment refuses unset times and years with more than four digits.
func validMoment(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 1970 && year <= 9999
}

const maxText = 255

// validText accepts only text that every JSON encoder writes in the same way.
func validText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return s != "" && len(s) <= maxText
}

// validName accepts names of logs and witnesses: valid in a signed note, in ASCII.
func validName(s string) bool {
	return validText(s) && !strings.ContainsAny(s, " +")
}
