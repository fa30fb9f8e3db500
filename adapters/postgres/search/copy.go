package search

import (
	"context"
	"encoding/binary"
	"errors"
	"math"

	"golang.org/x/time/rate"
)

// rows parses COPY's binary format as it arrives.
type rows struct {
	cell func(column int, value []byte) // not called for NULL; the value is valid until it returns
	end  func()                         // of a row

	ctx   context.Context
	pace  *rate.Limiter // nil: none
	bytes int64         // received so far

	buffer []byte
	need   int // bytes until the next step
	step   func([]byte) error
	column int
	fields int
	over   bool
}

var errCopy = errors.New("the server sent what is not COPY's binary format")

const (
	headerLength = 19 // signature, flags, and the length of what follows
	keptBuffer   = 1 << 20
)

func newRows(ctx context.Context, pace *rate.Limiter, cell func(column int, value []byte), end func()) *rows {
	r := &rows{cell: cell, end: end, ctx: ctx, pace: pace, need: headerLength}
	r.step = r.header
	return r
}

// Write waits if data arrives faster than the pace, which slows down the server.
func (r *rows) Write(p []byte) (int, error) {
	r.bytes += int64(len(p))
	for left := len(p); r.pace != nil && left > 0; {
		n := min(left, r.pace.Burst())
		if err := r.pace.WaitN(r.ctx, n); err != nil {
			return 0, err
		}
		left -= n
	}
	r.buffer = append(r.buffer, p...)
	at := 0
	for len(r.buffer)-at >= r.need && !r.over {
		piece := r.buffer[at : at+r.need]
		at += r.need
		if err := r.step(piece); err != nil {
			return 0, err
		}
	}
	r.buffer = r.buffer[:copy(r.buffer, r.buffer[at:])]
	if cap(r.buffer) > keptBuffer && len(r.buffer) == 0 {
		r.buffer = nil
	}
	return len(p), nil
}

func (r *rows) header(b []byte) error {
	if string(b[:11]) != "PGCOPY\n\xff\r\n\x00" || binary.BigEndian.Uint32(b[15:]) != 0 {
		return errCopy
	}
	r.need, r.step = 2, r.row
	return nil
}

func (r *rows) row(b []byte) error {
	switch n := binary.BigEndian.Uint16(b); n {
	case math.MaxUint16:
		r.over = true
	case 0:
		r.end()
	default:
		r.fields, r.column = int(n), 0
		r.need, r.step = 4, r.length
	}
	return nil
}

func (r *rows) length(b []byte) error {
	n := int32(binary.BigEndian.Uint32(b))
	if n < -1 {
		return errCopy
	}
	if n <= 0 {
		r.next()
		return nil
	}
	r.need, r.step = int(n), r.value
	return nil
}

func (r *rows) value(b []byte) error {
	r.cell(r.column, b)
	r.next()
	return nil
}

func (r *rows) next() {
	r.column++
	r.need, r.step = 4, r.length
	if r.column == r.fields {
		r.end()
		r.need, r.step = 2, r.row
	}
}
