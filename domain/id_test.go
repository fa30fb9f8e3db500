package domain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
)

func TestParseID(t *testing.T) {
	t.Parallel()
	const id = "c0000400-0000-4000-8000-0000000000ab"
	want := uuid.MustParse(id)
	hex := strings.ReplaceAll(id, "-", "")
	for _, s := range []string{
		id, strings.ToUpper(id), hex, strings.ToUpper(hex), "{" + id + "}", "{" + strings.ToUpper(id) + "}",
		"urn:uuid:" + id, "urn:uuid:" + strings.ToUpper(id),
	} {
		if got, err := domain.ParseID(s); err != nil || got != want {
			t.Errorf("%q: want %s, got %s, %v", s, want, got, err)
		}
	}
	for _, s := range []string{
		"", "x", id[1:], id + "0", hex[1:], hex + "0", " " + id, id + " ", "{" + hex + "}", "{" + id, id + "}", "(" + id + ")",
		"[" + id + "]", "{" + id + ")", "\"" + id + "\"", "URN:UUID:" + id, "Urn:Uuid:" + id, "urn:uuid:" + hex, "urn-uuid:" + id, "xrn:uuid:" + id,
		strings.Replace(id, "c", "g", 1), strings.Replace(hex, "c", "g", 1), "{" + strings.Replace(id, "c", "g", 1) + "}",
		"urn:uuid:" + strings.Replace(id, "c", "g", 1),
		strings.ReplaceAll(id, "-", "_"), "c0000400000-0-4000-8000-0000000000ab", "resp_" + id, strings.Replace(hex, "c", "\x00", 1),
	} {
		if got, err := domain.ParseID(s); !errors.Is(err, domain.ErrNoID) || got != uuid.Nil {
			t.Errorf("%q: want an error, got %s, %v", s, got, err)
		}
	}
}
