package domain

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Position is a place in the order of a list. Lists are ordered by Rank ascending,
// then by CreatedAt and ID descending.
type Position struct {
	Rank      int // StateRank, or 0 if the order ignores states
	CreatedAt time.Time
	ID        uuid.UUID
}

// PositionOf returns the place of a response.
func PositionOf(r Response, activeFirst bool) Position {
	p := Position{CreatedAt: r.CreatedAt, ID: r.ID}
	if activeFirst {
		p.Rank = StateRank(r.State)
	}
	return p
}

// Compare is negative if p comes before q.
func (p Position) Compare(q Position) int {
	return cmp.Or(
		cmp.Compare(p.Rank, q.Rank),
		q.CreatedAt.Compare(p.CreatedAt),
		bytes.Compare(q.ID[:], p.ID[:]),
	)
}

// Cursor is a Position in one particular list, in a form that callers can store.
type Cursor struct {
	position Position
	sum      [sumSize]byte
}

const (
	cursorVersion = 1
	positionSize  = 1 + 1 + 8 + 16 // version, rank, microseconds, ID
	sumSize       = 16
)

// ErrNoCursor says what a cursor must be.
var ErrNoCursor = errors.New("must be the next_cursor of a page of this same list")

var cursorText = base64.RawURLEncoding.Strict()

// ParseCursor reads a cursor as String writes it, or returns ErrNoCursor. Only the
// list that it belongs to can detect damage.
func ParseCursor(text string) (Cursor, error) {
	b, err := cursorText.DecodeString(text)
	if err != nil || len(b) != positionSize+sumSize || b[0] != cursorVersion || len(text) != cursorText.EncodedLen(len(b)) {
		return Cursor{}, ErrNoCursor
	}
	return Cursor{
		Position{
			Rank:      int(b[1]),
			CreatedAt: timeOf(int64(binary.BigEndian.Uint64(b[2:]))),
			ID:        uuid.UUID(b[10:positionSize]),
		},
		[sumSize]byte(b[positionSize:]),
	}, nil
}

// String returns the cursor as opaque text that needs no escaping in a URL.
func (c Cursor) String() string {
	return cursorText.EncodeToString(append(c.position.bytes(), c.sum[:]...))
}

func (p Position) bytes() []byte {
	b := append(make([]byte, 0, positionSize+sumSize), cursorVersion, byte(p.Rank))
	b = binary.BigEndian.AppendUint64(b, uint64(microsOf(p.CreatedAt)))
	return append(b, p.ID[:]...)
}

// fingerprint identifies a list.
type fingerprint [sha256.Size]byte

// list is everything that decides which responses a list contains, and in which
// order.
type list struct {
	Scope       *string // the owner; nil: everyone's
	Email       *string
	Filter      ResponseFilter // without owners: the people with an address may change
	ActiveFirst bool
}

// fingerprint ignores the order of words, which does not matter.
func (l list) fingerprint() fingerprint {
	for _, words := range []*[]string{&l.Filter.States, &l.Filter.Models, &l.Filter.Tiers} {
		*words = canonical(*words)
	}
	times := TakeTimes(&l.Filter.CreatedAfter, &l.Filter.CreatedBefore)
	return fingerprintOf(struct {
		list
		Times []string
	}{l, times})
}

// canonical sorts words and drops repeated ones. Only nil words stay nil.
func canonical[T cmp.Ordered](words []T) []T {
	if words == nil {
		return nil
	}
	sorted := append([]T{}, words...)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// fingerprint identifies a list of the access log.
func (f AccessFilter) fingerprint() fingerprint {
	times := TakeTimes(&f.From, &f.To)
	return fingerprintOf(struct {
		AccessLog AccessFilter
		Times     []string
	}{f, times})
}

// TakeTimes returns the times as text, in UTC, and sets them to nil, because not every
// time has a form in JSON. A time that is nil has the empty text.
func TakeTimes(from ...**time.Time) []string {
	times := make([]string, len(from))
	for i, at := range from {
		if *at != nil {
			times[i] = (*at).UTC().Format(time.RFC3339Nano)
			*at = nil
		}
	}
	return times
}

func fingerprintOf(list any) fingerprint {
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // texts and numbers always marshal
	}
	return sha256.Sum256(text)
}

// cursor returns a cursor for a position in this list.
func (f fingerprint) cursor(p Position) Cursor {
	whole := sha256.Sum256(append(p.bytes(), f[:]...))
	return Cursor{p, [sumSize]byte(whole[:sumSize])}
}

// position returns the cursor's position, or ErrNoCursor if the cursor belongs to
// another list or is damaged.
func (f fingerprint) position(c Cursor) (Position, error) {
	if f.cursor(c.position) != c {
		return Position{}, ErrNoCursor
	}
	return c.position, nil
}

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	Next  *Cursor // where the next page starts; nil: this is the last page
	Limit int64   // the one that was applied
}

// pageOf reads one page of a list. read is asked for one more, which shows whether
// another page follows. CodeInvalid if after belongs to another list.
func pageOf[T any](list fingerprint, after *Cursor, limit *int64, read func(after *Position, limit int64) ([]T, error), position func(T) Position) (Page[T], error) {
	from, applied, err := list.start(after, limit)
	if err != nil {
		return Page[T]{}, err
	}
	items, err := read(from, applied+1)
	if err != nil {
		return Page[T]{}, err
	}
	items, next := cut(list, items, applied, position)
	return Page[T]{items, next, applied}, nil
}

// start returns where a page starts and the limit that applies: limit clamped to 1 to
// MaxLimit; nil means DefaultLimit. CodeInvalid if after belongs to another list.
func (f fingerprint) start(after *Cursor, limit *int64) (from *Position, applied int64, err error) {
	applied = DefaultLimit
	if limit != nil {
		applied = min(max(*limit, 1), MaxLimit)
	}
	if after == nil {
		return nil, applied, nil
	}
	at, err := f.position(*after)
	if err != nil {
		return nil, 0, errParameter("after", "after: "+err.Error())
	}
	return &at, applied, nil
}

// cut returns the first limit items and, if there are more, the cursor of the next
// page.
func cut[T any](list fingerprint, items []T, limit int64, position func(T) Position) ([]T, *Cursor) {
	if int64(len(items)) <= limit {
		return items, nil
	}
	next := list.cursor(position(items[limit-1]))
	return items[:limit], &next
}
