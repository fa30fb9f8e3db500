package domain

import "time"

// Databases know times that are before or after every other, and times for which
// callers have no text. Where rows have such, they are put in order, filtered and
// erased as any others, and shown as unknown.
var (
	InfinitePast   = time.Unix(-1<<50, 0).UTC()
	InfiniteFuture = time.Unix(1<<50, 0).UTC()
)

// infinite tells of a time that is before or after every other.
func infinite(t time.Time) bool { return t.Equal(InfinitePast) || t.Equal(InfiniteFuture) }

// Sayable tells whether a time has a form in RFC 3339 that every caller can
// read: those of the years 1 to 9999 have.
func Sayable(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 1 && year <= 9999
}

// A database's finite times go further than 63 bits of microseconds from 1970 on,
// and wrap around to where there are none; these are there, too.
const (
	futureMicros = -3 << 60
	pastMicros   = -1 << 61
)

// microsOf is a time as 64 bits, of which timeOf makes it again.
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
