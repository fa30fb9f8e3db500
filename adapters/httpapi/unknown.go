package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"lethe/domain"
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

// noteWords names those of the words that are not known by now. They are taken
// all the same.
func noteWords(ctx context.Context, name string, known, words []string) {
	h := callIn(ctx).header
	if h == nil {
		return
	}
	for _, word := range words {
		if !slices.Contains(known, word) {
			recordUnknown(h, name+"="+encodedBounded(word))
		}
	}
}

// recordFilter does so for the filter of a body.
func recordFilter(ctx context.Context, states, tiers []string) {
	noteWords(ctx, "filter.states", domain.KnownStates, states)
	noteWords(ctx, "filter.tiers", domain.KnownTiers, tiers)
}
