package pgfixture_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

func TestRowsStoredAsGiven(t *testing.T) {
	t.Parallel()
	f := pgfixture.New(t, pgtest.New(t).URL, pgfixture.Ports{})
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	want := porttest.Stored{}
	for _, state := range []string{"pending", "claimed", "processing", "completed", "failed", "canceled"} {
		for _, file := range []porttest.File{porttest.NoFile, porttest.KeptFile, porttest.DeletedFile} {
			for _, batched := range []bool{false, true} {
				row := porttest.NewRow("someone", state, at)
				row.File, row.Batched = file, batched
				f.AddResponse(row)
				want.Requests++
				want.Templates++
				if file != porttest.NoFile {
					want.Files++
				}
				if batched {
					want.Batches++
				}
			}
		}
	}
	a, b := porttest.NewRow("someone", "completed", at), porttest.NewRow("someone", "completed", at)
	b.NoTemplate = true
	f.AddChain(porttest.Chain(&a, nil, &b)...)
	f.AddUsage(porttest.UsageRow{Response: a.ID, At: at, Copied: true})
	f.AddUsage(porttest.UsageRow{Response: b.ID, At: at})
	f.AddTask(a.ID, true)
	f.AddTask(b.ID, false)
	want.Requests, want.Templates, want.Steps = want.Requests+2, want.Templates+1, 3
	want.RawRequests, want.RawResponses, want.Tasks, want.Usage = 1, 1, 2, 2
	if got := f.Stored(); got != want {
		t.Errorf("want %+v, got %+v", want, got)
	}

	person := porttest.Person{
		ID: uuid.New(), Email: "a@example.com", ExternalID: "a", LastLogin: &at,
		Roles: []domain.Role{domain.RoleBatchAPIUser, "STANDARDUSER"},
	}
	organization := porttest.Organization{ID: uuid.New(), Email: "o@example.com"}
	f.AddPerson(person)
	f.AddOrganization(organization)
	f.AddMembership(porttest.Membership{Person: person.ID, Organization: organization.ID, Pending: true})
	f.AddKey(porttest.Key{Secret: "s", Owner: organization.ID, Creator: person.ID, Purpose: "platform"})
}
