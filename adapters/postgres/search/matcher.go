package search

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// window is how many bytes of a pattern are compared first: every pattern has at least
// as many. As they fit into a number, one lookup covers all patterns.
const window = 8

const (
	filterBits = 22
	mixer      = 0x9E3779B97F4A7C15 // spreads numbers over the filter's bits
)

// maxEscapes is how deeply JSON is searched inside strings of JSON.
const maxEscapes = 8

// matcher finds needles in values. It is for one goroutine.
type matcher struct {
	filter  []uint64 // a bit for each window there may be
	windows map[uint64][]form
	lower   [256]byte
	buffers [2][]byte
}

// form is a pattern and its needle.
type form struct {
	pattern
	needle int
}

func newMatcher(needles []Needle) *matcher {
	m := &matcher{filter: make([]uint64, 1<<filterBits/64), windows: map[uint64][]form{}}
	for b := range 256 {
		m.lower[b] = byte(b)
		if b >= 'A' && b <= 'Z' {
			m.lower[b] += 'a' - 'A'
		}
	}
	for i, needle := range needles {
		for _, p := range needle.patterns {
			var key [window]byte
			for j := range key {
				key[j] = m.lower[p.bytes[j]]
			}
			number := binary.BigEndian.Uint64(key[:])
			m.windows[number] = append(m.windows[number], form{p, i})
			bit := number * mixer >> (64 - filterBits)
			m.filter[bit/64] |= 1 << (bit % 64)
		}
	}
	return m
}

// find calls hit with each needle in a value, sometimes repeatedly: it searches the raw
// value, and the value with JSON escapes resolved, also in nested strings.
func (m *matcher) find(value []byte, hit func(needle int)) {
	m.scan(value, hit)
	for i := range maxEscapes {
		if bytes.IndexByte(value, '\\') < 0 {
			return
		}
		buffer := &m.buffers[i%2]
		*buffer = unescape((*buffer)[:0], value)
		value = *buffer
		m.scan(value, hit)
	}
}

func (m *matcher) scan(value []byte, hit func(needle int)) {
	var number uint64
	for i, b := range value {
		number = number<<8 | uint64(m.lower[b])
		if i < window-1 {
			continue
		}
		if bit := number * mixer >> (64 - filterBits); m.filter[bit/64]&(1<<(bit%64)) == 0 {
			continue
		}
		for _, f := range m.windows[number] {
			if m.at(value[i-window+1:], f.pattern) {
				hit(f.needle)
			}
		}
	}
}

// at reports whether the value begins with a pattern.
func (m *matcher) at(value []byte, p pattern) bool {
	if len(value) < len(p.bytes) {
		return false
	}
	if !p.fold {
		return bytes.HasPrefix(value, p.bytes)
	}
	for i, b := range p.bytes {
		if m.lower[value[i]] != b {
			return false
		}
	}
	return true
}

// unescape appends text with JSON escapes resolved. Invalid ones stay.
func unescape(to, text []byte) []byte {
	for {
		at := bytes.IndexByte(text, '\\')
		if at < 0 || at+1 == len(text) {
			return append(to, text...)
		}
		to = append(to, text[:at]...)
		text = text[at:]
		length := 2
		switch c := text[1]; c {
		case '"', '\\', '/':
			to = append(to, c)
		case 'b':
			to = append(to, '\b')
		case 'f':
			to = append(to, '\f')
		case 'n':
			to = append(to, '\n')
		case 'r':
			to = append(to, '\r')
		case 't':
			to = append(to, '\t')
		case 'u':
			r, ok := unit(text)
			if !ok {
				to = append(to, text[:2]...)
				break
			}
			length = 6
			if utf16.IsSurrogate(r) {
				second, _ := unit(text[6:])
				if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
					length = 12
				}
			}
			to = utf8.AppendRune(to, r)
		default:
			to = append(to, text[:2]...)
		}
		text = text[length:]
	}
}

// unit decodes \uXXXX at the start of text.
func unit(text []byte) (r rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, b := range text[2:6] {
		switch {
		case b >= '0' && b <= '9':
			r = r<<4 | rune(b-'0')
		case b >= 'a' && b <= 'f':
			r = r<<4 | rune(b-'a'+10)
		case b >= 'A' && b <= 'F':
			r = r<<4 | rune(b-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
