package domain_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
)

func notFound(id uuid.UUID) string { return fmt.Sprintf("Response with ID %s not found", id) }

// may tells who may touch a row, as told by the tables of the tests.
func may(reach, owner string, organization *uuid.UUID) bool {
	switch reach {
	case "everyone":
		return true
	case "own":
		return owner == anna.String() || organization != nil && owner == organization.String()
	}
	return false
}

func TestGetPermission(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, organization := range []*uuid.UUID{nil, &acme} {
			for _, owner := range []string{anna.String(), ben.String(), acme.String(), globex.String(), "someone", ""} {
				w := newWorld()
				row := w.put(owner)
				caller := c.principal
				caller.Organization = organization
				got, err := w.getter().Execute(t.Context(), caller, domain.GetRequest{ID: row.ID})
				switch {
				case c.read == "none":
					wantError(t, err, domain.CodeForbidden, errReadForbidden)
				case !may(c.read, owner, organization):
					wantError(t, err, domain.CodeNotFound, notFound(row.ID))
				case err != nil || got.ID != row.ID || got.Prompt != row.Prompt || got.Answer == nil || *got.Answer != *row.Answer:
					t.Errorf("%s, owner %s: want the response, got %+v, %v", c.name, owner, got, err)
				}
				if err != nil && got != (domain.ResponseDetail{}) {
					t.Errorf("%s: refused: want an empty result, got %+v", c.name, got)
				}
			}
		}
	}
}

func TestGetNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld()
	batched := porttest.NewRow("", "completed", noon)
	batched.Batched = true
	w.AddResponse(batched)
	for _, id := range []uuid.UUID{uuid.New(), uuid.Nil, batched.ID} {
		for _, c := range callers {
			_, err := w.getter().Execute(t.Context(), c.principal, domain.GetRequest{ID: id})
			if c.read == "none" {
				wantError(t, err, domain.CodeForbidden, errReadForbidden)
			} else {
				wantError(t, err, domain.CodeNotFound, notFound(id))
			}
		}
	}
}

func TestGetUsageAndEmail(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.AddPerson(porttest.Person{ID: ben, Email: "ben@example.com"})
	row := w.put(ben.String())
	w.AddUsage(porttest.UsageRow{Response: row.ID, At: noon, TotalTokens: ptr(int64(9))})
	got, err := w.getter().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.GetRequest{ID: row.ID})
	if err != nil {
		t.Fatal(err)
	}
	if got.OwnerEmail == nil || *got.OwnerEmail != "ben@example.com" || got.Usage.TotalTokens == nil || *got.Usage.TotalTokens != 9 {
		t.Errorf("want the address and the usage, got %+v", got)
	}
}

func TestGetFailures(t *testing.T) {
	t.Parallel()
	gone := domain.Errorf(domain.CodeUnavailable, "gone")
	fail := func(context.Context) error { return gone }
	for name, change := range map[string]func(*world){
		"get":   func(w *world) { w.get = fail },
		"usage": func(w *world) { w.latest = fail },
	} {
		for _, c := range callers {
			if c.read == "none" {
				continue
			}
			w := newWorld()
			row := w.put(anna.String())
			change(w)
			got, err := w.getter().Execute(t.Context(), c.principal, domain.GetRequest{ID: row.ID})
			if err != error(gone) || got != (domain.ResponseDetail{}) {
				t.Errorf("%s, %s: want the port's error as it is and nothing more, got %+v, %v", name, c.name, got, err)
			}
		}
	}
	w := newWorld()
	row := w.put(ben.String())
	w.emails = func(context.Context) error { return errors.New("users are gone") }
	got, err := w.getter().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.GetRequest{ID: row.ID})
	if err != nil || got.ID != row.ID || got.OwnerEmail != nil || w.log.Len() == 0 {
		t.Errorf("want the response without an address and a warning, got %+v, %v, %s", got, err, &w.log)
	}
}

func TestGetWithoutContents(t *testing.T) {
	t.Parallel()
	for _, c := range callers {
		for _, owner := range []string{anna.String(), ben.String()} {
			w := newWorld()
			w.get = func(context.Context) error { return errors.New("contents were read") }
			row := w.put(owner)
			got, err := w.getter().Execute(t.Context(), c.principal, domain.GetRequest{ID: row.ID, OmitContents: true})
			switch {
			case c.read == "none":
				wantError(t, err, domain.CodeForbidden, errReadForbidden)
			case !may(c.read, owner, nil):
				wantError(t, err, domain.CodeNotFound, notFound(row.ID))
			case err != nil || got.ID != row.ID || got.Contents != (domain.Contents{}) || got.Revision == "":
				t.Errorf("%s, owner %s: want the summary alone, got %+v, %v", c.name, owner, got, err)
			}
		}
	}
}

// TestGetEncrypted: encrypted contents are withheld, and contents that only look
// similar are not.
func TestGetEncrypted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		prompt        string
		answer, error *string
		want          domain.ResponseDetail
	}{
		{"dwzdr1:AAAA", ptr("dwzdr1:BBBB"), ptr("dwzdr1:"), domain.ResponseDetail{Withheld: domain.Withheld{Prompt: true, Answer: true, Error: true}}},
		{"dwzdr12:AAAA", ptr("text"), nil, domain.ResponseDetail{Contents: domain.Contents{Answer: ptr("text")}, Withheld: domain.Withheld{Prompt: true}}},
		{" dwzdr1:", ptr("dwzdr:"), ptr("x\ndwzdr1:"), domain.ResponseDetail{Contents: domain.Contents{Prompt: " dwzdr1:", Answer: ptr("dwzdr:"), Error: ptr("x\ndwzdr1:")}}},
	} {
		w := newWorld()
		row := porttest.NewRow(anna.String(), "failed", noon)
		row.Prompt, row.Answer, row.Error = c.prompt, c.answer, c.error
		w.AddResponse(row)
		got, err := w.getter().Execute(t.Context(), domain.Principal{ID: anna, Admin: true}, domain.GetRequest{ID: row.ID})
		if err != nil || !reflect.DeepEqual(got.Contents, c.want.Contents) || got.Withheld != c.want.Withheld {
			t.Errorf("%q: got %+v, %+v, %v", c.prompt, got.Contents, got.Withheld, err)
		}
		if !got.HasError && c.error != nil {
			t.Errorf("%q: want HasError, as there is an error", c.prompt)
		}
	}
}

// TestGetTooLarge: contents over the caller's limit return their size only, and record
// no access.
func TestGetTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld()
	row := w.put(ben.String())
	bytes := int64(len(row.Prompt) + len(*row.Answer))
	admin := domain.Principal{ID: anna, Admin: true}
	got, err := w.getter().Execute(t.Context(), admin, domain.GetRequest{ID: row.ID, Max: 1})
	if err != nil || got != (domain.ResponseDetail{Contents: domain.Contents{Left: bytes}}) {
		t.Errorf("want %d bytes left, got %+v, %v", bytes, got, err)
	}
	if got, err = w.getter().Execute(t.Context(), admin, domain.GetRequest{ID: row.ID, Max: bytes}); err != nil || got.ID != row.ID || got.Prompt != row.Prompt || got.Left != 0 {
		t.Errorf("as much as was asked for: got %+v, %v", got, err)
	}
}
