package domain

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

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

// Storable reports whether a row can contain a text: Postgres accepts UTF-8 without
// NUL. No row has any other text, so the database must not be asked for it.
func Storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// Databases have times before or after all others, and times that callers cannot
// write as text. Rows with such times are sorted, filtered and erased like any
// others, and the times are shown as unknown.
var (
	InfinitePast   = time.Unix(-1<<50, 0).UTC()
	InfiniteFuture = time.Unix(1<<50, 0).UTC()
)

// infinite reports whether a time is before or after all others.
func infinite(t time.Time) bool { return t.Equal(InfinitePast) || t.Equal(InfiniteFuture) }

// Sayable reports whether a time has a form in RFC 3339 that every caller can read:
// the years 1 to 9999 have.
func Sayable(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 1 && year <= 9999
}

// ToMicroseconds returns a time in UTC as the database stores it.
func ToMicroseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// A database's finite times exceed 63 bits of microseconds from 1970 and wrap around;
// these constants lie where no finite time does.
const (
	futureMicros = -3 << 60
	pastMicros   = -1 << 61
)

// microsOf encodes a time in 64 bits, which timeOf decodes.
func microsOf(t time.Time) int64 {
	switch {
	case t.Equal(InfiniteFuture):
		return futureMicros
	case t.Equal(InfinitePast):
		return pastMicros
	}
	return t.UnixMicro()
}

func timeOf(micros int64) time.Time {
	switch {
	case micros == futureMicros:
		return InfiniteFuture
	case micros == pastMicros:
		return InfinitePast
	case micros < futureMicros:
		after := uint64(micros)
		return time.Unix(int64(after/1e6), int64(after%1e6)*1e3).UTC()
	}
	return time.UnixMicro(micros).UTC()
}
