package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// unknownHeader names what of a request the service takes and does not know: a
// parameter that is passed over, or NAME=WORD, a word that nothing has by now.
// Both are right where the gateway is newer, and mostly misspelt.
const unknownHeader = "Unknown-Parameters"

// Of that header.
const (
	maxUnknown      = 10 // entries, before the one that stands for the rest
	maxUnknownBytes = 64 // of an entry, before what stands for the rest of it
	andMore         = "..."
)

// recordUnknown adds to the header what is not in it yet.
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

// encodedBounded is a text of the caller's as it is in a query, in visible ASCII,
// or the beginning of it.
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
	words []string // that are not known by now, and are taken all the same
}

// note keeps the word that a parameter or field has been given, where the contract
// knows others by now. It is named when it is known who is calling.
func (a *asked) note(name string, s *openapi3.Schema, word string) {
	known, open := s.Extensions["x-known-words"].([]any)
	if !open || slices.Contains(known, any(word)) || len(a.words) > maxUnknown {
		return
	}
	if entry := name + "=" + encodedBounded(word); !slices.Contains(a.words, entry) {
		a.words = append(a.words, entry)
	}
}
