// Package search reads whole databases and searches them for needles. It compares rows
// on the client: needles are never sent to a server, and so appear in none of its logs.
//
// [Needle] is something to look for, [Database] reads the tables, and [Row] is a row in
// which a needle was found.
package search

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

const (
	// MinLength is the fewest characters of a needle: shorter ones match everywhere.
	MinLength = 8

	maxNeedles = 100_000
	maxLine    = 64 << 10 // bytes
)

// Needle is what to look for. It prints as its place in the list, never as its text.
type Needle struct {
	Line int // of the input, from 1

	patterns []pattern
}

func (n Needle) String() string { return fmt.Sprintf("line %d", n.Line) }

// pattern is one form of a needle.
type pattern struct {
	bytes []byte // in lower case if fold is set
	fold  bool   // ASCII letters match in either case
}

var identifier = regexp.MustCompile(`^(?:[A-Za-z]{2,16}[_-])?([0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$`)

// ReadNeedles reads one needle a line. Errors give line numbers, and no contents of
// lines.
func ReadNeedles(r io.Reader) ([]Needle, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var needles []Needle
	line := 0
	for lines.Scan() {
		line++
		text := strings.TrimSuffix(lines.Text(), "\r")
		if strings.TrimSpace(text) == "" {
			continue
		}
		if len(needles) == maxNeedles {
			return nil, fmt.Errorf("there are more than %d: search for some of them at a time", maxNeedles)
		}
		n, err := newNeedle(line, text)
		if err != nil {
			return nil, err
		}
		needles = append(needles, n)
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("line %d is longer than %d bytes: a part of it is enough", line+1, maxLine)
	case err != nil:
		return nil, fmt.Errorf("standard input: %w", err)
	case len(needles) == 0:
		return nil, errors.New("standard input is empty: give what to look for there, one a line, strings of at least 8 characters or identifiers")
	}
	return needles, nil
}

func newNeedle(line int, text string) (Needle, error) {
	if !utf8.ValidString(text) {
		return Needle{}, fmt.Errorf("line %d is not UTF-8", line)
	}
	if utf8.RuneCountInString(strings.TrimSpace(text)) < MinLength {
		return Needle{}, fmt.Errorf("line %d is shorter than %d characters, which would be found everywhere: give a longer piece", line, MinLength)
	}
	if m := identifier.FindStringSubmatch(text); m != nil {
		return identifierNeedle(line, uuid.MustParse(m[1])), nil
	}
	return textNeedle(line, text), nil
}

// textNeedle matches the text itself, its hexadecimal digits and its base64.
func textNeedle(line int, text string) Needle {
	n := Needle{Line: line}
	n.exact([]byte(text))
	n.encoded([]byte(text))
	return n
}

// identifierNeedle matches in any case, with and without hyphens, and as 16 bytes.
func identifierNeedle(line int, id uuid.UUID) Needle {
	n := Needle{Line: line}
	n.folded(id.String())
	n.exact(id[:])
	n.encoded(id[:]) // its digits are the form without hyphens
	for _, text := range []string{id.String(), strings.ReplaceAll(id.String(), "-", "")} {
		n.encoded([]byte(text))
		n.encoded([]byte(strings.ToUpper(text)))
	}
	return n
}

func (n *Needle) exact(b []byte) { n.patterns = append(n.patterns, pattern{bytes: b}) }

func (n *Needle) folded(s string) {
	n.patterns = append(n.patterns, pattern{bytes: []byte(strings.ToLower(s)), fold: true})
}

// encoded adds the text encodings of bytes.
func (n *Needle) encoded(b []byte) {
	n.folded(hex.EncodeToString(b))
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for before := range 3 {
			n.inBase64(encoding, b, before)
		}
	}
}

// inBase64 adds the letters of the encoding that do not depend on the surrounding
// bytes, if before bytes of a group of three precede.
func (n *Needle) inBase64(encoding *base64.Encoding, b []byte, before int) {
	text := encoding.EncodeToString(append(make([]byte, before), b...))
	first, end := (8*before+5)/6, 8*(before+len(b))/6
	text = text[first:end]
	for _, p := range n.patterns {
		if !p.fold && string(p.bytes) == text { // both alphabets give the same letters
			return
		}
	}
	n.exact([]byte(text))
}
