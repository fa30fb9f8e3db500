package domain

import (
	"errors"
	"strings"

	"github.com/google/uuid"
)

// ErrNoID is what ParseID returns for anything but an identifier.
var ErrNoID = errors.New("must be a UUID: with hyphens, as 32 hex digits, in braces, or with urn:uuid: in front")

// ParseID reads an identifier as the reference implementation spells it: 8-4-4-4-12
// hex digits, 32 of them without hyphens, the first form in braces or after
// "urn:uuid:". Hex digits may be in either case. It accepts nothing else; uuid.Parse
// alone would accept any character for a brace.
func ParseID(s string) (uuid.UUID, error) {
	switch len(s) {
	case 32, 36:
	case 38:
		if s[0] != '{' || s[37] != '}' {
			return uuid.Nil, ErrNoID
		}
	case 45:
		if !strings.HasPrefix(s, "urn:uuid:") {
			return uuid.Nil, ErrNoID
		}
	default:
		return uuid.Nil, ErrNoID
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.Nil, ErrNoID
	}
	return id, nil
}
