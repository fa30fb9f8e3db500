package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// unknownHeader lists what the service accepts without knowing it: a parameter that it
// ignores, or NAME=WORD for a word that nothing has yet. Either can be right with a
// newer gateway, but most are misspellings.
const unknownHeader = "Unknown-Parameters"

// Limits of that header.
const (
	maxUnknown      = 10 // entries, before the one that stands for the rest
	maxUnknownBytes = 64 // of an entry, before what stands for the rest of it
	andMore         = "..."
)

// recordUnknown adds the entries that the header does not have yet.
func recordUnknown(h http.Header, entries ...string) {
	if len(entries) == 0 {
		return
	}
	var noted []string
	if before := h.Get(unknownHeader); before != "" {
		noted = strings.Split(before, ", ")
	}
	for _, entry := range entries {
		if slices.Contains(noted, entry) {
			continue
		}
		if len(noted) >= maxUnknown {
			if noted[len(noted)-1] != andMore {
				noted = append(noted, andMore)
			}
			break
		}
		noted = append(noted, entry)
	}
	h.Set(unknownHeader, strings.Join(noted, ", "))
}

// encodedBounded encodes a text of the caller for a query in visible ASCII, and cuts it
// if it is long.
func encodedBounded(text string) string {
	var encoded strings.Builder
	for _, r := range text {
		next := url.QueryEscape(string(r))
		if encoded.Len()+len(next) > maxUnknownBytes {
			return encoded.String() + andMore
		}
		encoded.WriteString(next)
	}
	return encoded.String()
}

// asked is a request for an operation.
type asked struct {
	*operation
	words []string // unknown so far, but accepted
}

// note records an unknown word given for a parameter or field with an open list of
// words. It is reported once the caller is known.
func (a *asked) note(name string, s *openapi3.Schema, word string) {
	known, open := s.Extensions["x-known-words"].([]any)
	if !open || slices.Contains(known, any(word)) || len(a.words) > maxUnknown {
		return
	}
	if entry := name + "=" + encodedBounded(word); !slices.Contains(a.words, entry) {
		a.words = append(a.words, entry)
	}
}
