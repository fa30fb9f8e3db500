package porttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// PeopleFixture is an empty implementation of People and ways to fill it.
type PeopleFixture interface {
	People() domain.People
	AddPerson(Person)
	AddOrganization(Organization)
	AddMembership(Membership)
	AddKey(Key)
}

// People tests the contract of domain.People.
func People(t *testing.T, newFixture func(t *testing.T) PeopleFixture) {
	t.Run("by ID", func(t *testing.T) {
		t.Parallel()
		testPersons(t, newFixture(t))
	})
	t.Run("by key", func(t *testing.T) {
		t.Parallel()
		testKeys(t, newFixture(t))
	})
	t.Run("emails", func(t *testing.T) {
		t.Parallel()
		testEmails(t, newFixture(t))
	})
	t.Run("by email", func(t *testing.T) {
		t.Parallel()
		testNamesakes(t, newFixture(t))
	})
	t.Run("owners", func(t *testing.T) {
		t.Parallel()
		testOwners(t, newFixture(t))
	})
	t.Run("record login", func(t *testing.T) {
		t.Parallel()
		testLogins(t, newFixture(t))
	})
	t.Run("canceled context", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		p := Person{ID: uuid.New(), Email: "a@example.com", ExternalID: "a"}
		f.AddPerson(p)
		f.AddKey(Key{Secret: "s", Owner: p.ID, Creator: p.ID, Purpose: "platform"})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, keyErr := f.People().ByKey(ctx, "s")
		_, idErr := f.People().ByID(ctx, p.ID)
		_, externalErr := f.People().ByExternalID(ctx, "a")
		_, emailsErr := f.People().Emails(ctx, []uuid.UUID{p.ID})
		_, emailErr := f.People().ByEmail(ctx, p.Email)
		_, ownersErr := f.People().Owners(ctx, domain.OwnerQuery{Text: p.Email, Limit: 1})
		for name, err := range map[string]error{"key": keyErr, "id": idErr, "external id": externalErr, "emails": emailsErr, "e-mail": emailErr, "owners": ownersErr} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: want the context's error, got %v", name, err)
			}
		}
	})
}

func testPersons(t *testing.T, f PeopleFixture) {
	ctx := t.Context()
	acme, globex, gone, pending := uuid.New(), uuid.New(), uuid.New(), uuid.New()
	f.AddOrganization(Organization{ID: acme, Email: "acme@example.com"})
	f.AddOrganization(Organization{ID: globex, Email: "globex@example.com"})
	f.AddOrganization(Organization{ID: gone, Email: "gone@example.com", Deleted: true})
	f.AddOrganization(Organization{ID: pending, Email: "pending@example.com"})

	plain := Person{ID: uuid.New(), Email: "plain@example.com"}
	rich := Person{
		ID: uuid.New(), Email: "rich@example.com", Admin: true, ExternalID: "rich",
		Roles:     []domain.Role{"STANDARDUSER", domain.RolePlatformManager, domain.RoleBatchAPIUser, domain.RoleConnectionsUser, "REQUESTVIEWER", "BILLINGMANAGER"},
		LastLogin: ptr(start),
	}
	deleted := Person{ID: uuid.New(), Email: "deleted@example.com", Deleted: true, ExternalID: "deleted", Roles: []domain.Role{domain.RolePlatformManager}}
	people := []Person{plain, rich, deleted}
	for i, word := range hostile {
		if strings.TrimSpace(word) != "" {
			people = append(people, Person{ID: uuid.New(), Email: fmt.Sprintf("%s-%d@example.com", word, i), ExternalID: word})
		}
	}
	for _, p := range people {
		f.AddPerson(p)
	}
	memberships := map[uuid.UUID][]uuid.UUID{rich.ID: {acme, globex}, deleted.ID: {acme}}
	for person, organizations := range memberships {
		for _, o := range organizations {
			f.AddMembership(Membership{Person: person, Organization: o})
		}
	}
	f.AddMembership(Membership{Person: rich.ID, Organization: gone})
	f.AddMembership(Membership{Person: rich.ID, Organization: pending, Pending: true})

	for _, p := range people {
		want := domain.Person{
			ID: p.ID, Email: p.Email, Admin: p.Admin, Deleted: p.Deleted, Roles: p.Roles,
			Organizations: memberships[p.ID], LastLogin: p.LastLogin,
		}
		got, err := f.People().ByID(ctx, p.ID)
		if err != nil || showPerson(got) != showPerson(want) {
			t.Errorf("by id: want %s, got %s, %v", showPerson(want), showPerson(got), err)
		}
		if p.ExternalID == "" {
			continue
		}
		got, err = f.People().ByExternalID(ctx, p.ExternalID)
		if err != nil || showPerson(got) != showPerson(want) {
			t.Errorf("by external id %q: want %s, got %s, %v", p.ExternalID, showPerson(want), showPerson(got), err)
		}
	}
	if _, err := f.People().ByID(ctx, uuid.New()); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want %s, got %v", domain.CodeNotFound, err)
	}
	for _, name := range append([]string{"nobody", "", "RICH", "rich ", "ric_", "r%", rich.Email, rich.ID.String()}, impossible...) {
		if _, err := f.People().ByExternalID(ctx, name); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("external id %q: want %s, got %v", name, domain.CodeNotFound, err)
		}
	}
}

func testKeys(t *testing.T, f PeopleFixture) {
	ctx := t.Context()
	acme := uuid.New()
	f.AddOrganization(Organization{ID: acme, Email: "acme@example.com"})
	anna := Person{ID: uuid.New(), Email: "anna@example.com", Roles: []domain.Role{domain.RoleBatchAPIUser}, LastLogin: ptr(start)}
	gone := Person{ID: uuid.New(), Email: "gone@example.com", Deleted: true}
	f.AddPerson(anna)
	f.AddPerson(gone)
	f.AddMembership(Membership{Person: anna.ID, Organization: acme})

	keys := []Key{
		{Secret: "platform", Owner: anna.ID, Creator: anna.ID, Purpose: "platform"},
		{Secret: "realtime", Owner: anna.ID, Creator: anna.ID, Purpose: "realtime"},
		{Secret: "batch", Owner: anna.ID, Creator: anna.ID, Purpose: "batch"},
		{Secret: "inference", Owner: anna.ID, Creator: anna.ID, Purpose: "inference"},
		{Secret: "playground", Owner: anna.ID, Creator: anna.ID, Purpose: "playground"},
		{Secret: "organization", Owner: acme, Creator: anna.ID, Purpose: "platform"},
		{Secret: "stranger", Owner: acme, Creator: gone.ID, Purpose: "platform"},
		{Secret: "gone", Owner: gone.ID, Creator: gone.ID, Purpose: "platform"},
	}
	for i, word := range hostile {
		keys = append(keys, Key{Secret: fmt.Sprint(i, word), Owner: anna.ID, Creator: anna.ID, Purpose: "platform"})
	}
	for _, k := range keys {
		f.AddKey(k)
	}
	f.AddKey(Key{Secret: "revoked", Owner: anna.ID, Creator: anna.ID, Purpose: "platform", Deleted: true})

	for _, k := range keys {
		creator, err := f.People().ByID(ctx, k.Creator)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.People().ByKey(ctx, k.Secret)
		if err != nil || got.Owner != k.Owner || got.Purpose != k.Purpose || showPerson(got.Creator) != showPerson(creator) {
			t.Errorf("key %q: want %+v of %s, got %+v, %v", k.Secret, k, showPerson(creator), got, err)
		}
	}
	if got, _ := f.People().ByKey(ctx, "organization"); !slices.Equal(got.Creator.Organizations, []uuid.UUID{acme}) || got.Creator.LastLogin == nil {
		t.Errorf("want the whole creator, got %s", showPerson(got.Creator))
	}
	unknown := []string{"revoked", "unknown", "PLATFORM", "platform ", "platfor_", "plat%"}
	for _, secret := range slices.Concat(unknown, hostile, impossible) {
		if _, err := f.People().ByKey(ctx, secret); domain.CodeOf(err) != domain.CodeNotFound {
			t.Errorf("key %q: want %s, got %v", secret, domain.CodeNotFound, err)
		} else if strings.Contains(err.Error(), "revoked") {
			t.Errorf("the error names the secret: %v", err)
		}
	}
}

func testEmails(t *testing.T, f PeopleFixture) {
	ctx := t.Context()
	living := Person{ID: uuid.New(), Email: `o'anna+"ü"\%@example.com`}
	deleted := Person{ID: uuid.New(), Email: "deleted@example.com", Deleted: true}
	acme := Organization{ID: uuid.New(), Email: "acme@example.com"}
	other := Person{ID: uuid.New(), Email: "other@example.com"}
	f.AddPerson(living)
	f.AddPerson(deleted)
	f.AddPerson(other)
	f.AddOrganization(acme)
	want := map[uuid.UUID]string{living.ID: living.Email, deleted.ID: deleted.Email, acme.ID: acme.Email}
	got, err := f.People().Emails(ctx, []uuid.UUID{living.ID, deleted.ID, acme.ID, uuid.New(), living.ID})
	if err != nil || len(got) != len(want) {
		t.Fatalf("want %v, got %v, %v", want, got, err)
	}
	for id, email := range want {
		if got[id] != email {
			t.Errorf("want %q, got %q", email, got[id])
		}
	}
	for _, ids := range [][]uuid.UUID{nil, {}, {uuid.New()}} {
		if got, err := f.People().Emails(ctx, ids); err != nil || len(got) != 0 {
			t.Errorf("%v: want nobody, got %v, %v", ids, got, err)
		}
	}
}

func testNamesakes(t *testing.T, f PeopleFixture) {
	ctx := t.Context()
	const shared = `o'anna+"ü"\%_@example.com`
	anna, gone := Person{ID: uuid.New(), Email: shared, ExternalID: "anna"}, Person{ID: uuid.New(), Email: shared, Deleted: true, ExternalID: "gone"}
	acme := Organization{ID: uuid.New(), Email: shared}
	other := Person{ID: uuid.New(), Email: "other@example.com"}
	f.AddPerson(anna)
	f.AddPerson(gone)
	f.AddPerson(other)
	f.AddOrganization(acme)
	sorted := func(ids ...uuid.UUID) string {
		slices.SortFunc(ids, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
		return fmt.Sprint(ids)
	}
	for email, want := range map[string]string{
		shared: sorted(anna.ID, gone.ID, acme.ID), other.Email: sorted(other.ID),
		"OTHER@example.com": sorted(), "other@example.co_": sorted(), "%": sorted(), "": sorted(), " other@example.com": sorted(),
	} {
		if got, err := f.People().ByEmail(ctx, email); err != nil || sorted(got...) != want {
			t.Errorf("%q: want %s, got %s, %v", email, want, sorted(got...), err)
		}
	}
	for _, email := range impossible {
		if got, err := f.People().ByEmail(ctx, email); err != nil || len(got) != 0 {
			t.Errorf("%q: want nobody, got %v, %v", email, got, err)
		}
	}

	for i := range domain.MaxNamesakes {
		f.AddPerson(Person{ID: uuid.New(), Email: "many@example.com", ExternalID: fmt.Sprint("many ", i)})
	}
	if got, err := f.People().ByEmail(ctx, "many@example.com"); err != nil || len(got) != domain.MaxNamesakes {
		t.Errorf("want all %d, got %d, %v", domain.MaxNamesakes, len(got), err)
	}
	f.AddPerson(Person{ID: uuid.New(), Email: "many@example.com", ExternalID: "one too many"})
	if _, err := f.People().ByEmail(ctx, "many@example.com"); err != error(domain.ErrNamesakes) {
		t.Errorf("one too many: want %v, got %v", domain.ErrNamesakes, err)
	}
}

func testOwners(t *testing.T, f PeopleFixture) {
	ctx := t.Context()
	anna := Person{ID: uuid.New(), Email: "Anna@quux.example", Name: "Anna Ümlaut", ExternalID: "anna"}
	annabel := Person{ID: uuid.New(), Email: "annabel@quux.example", ExternalID: "annabel"}
	gone := Person{ID: uuid.New(), Email: "gone@quux.example", Name: "quux_gone", Deleted: true, ExternalID: "gone"}
	quux := Organization{ID: uuid.New(), Email: "office@other.example", Name: "Quux"}
	f.AddPerson(anna)
	f.AddPerson(annabel)
	f.AddPerson(gone)
	f.AddOrganization(quux)
	asOwner := func(p Person) domain.Owner {
		return domain.Owner{ID: p.ID, Email: p.Email, Name: p.Name, Deleted: p.Deleted}
	}
	organization := domain.Owner{ID: quux.ID, Email: quux.Email, Name: quux.Name, Organization: true}
	for _, c := range []struct {
		text  string
		among []uuid.UUID
		limit int64
		want  []domain.Owner
	}{
		{"ANNA@quux.example", nil, 9, []domain.Owner{asOwner(anna)}},
		{strings.ToUpper(anna.ID.String()), nil, 9, []domain.Owner{asOwner(anna)}},
		{"quux", nil, 9, []domain.Owner{organization, asOwner(anna), asOwner(annabel), asOwner(gone)}},
		{"quux", nil, 2, []domain.Owner{organization, asOwner(anna)}},
		{"quux", []uuid.UUID{gone.ID, annabel.ID}, 9, []domain.Owner{asOwner(annabel), asOwner(gone)}},
		{"quux", []uuid.UUID{}, 9, nil},
		{"quux_", nil, 9, []domain.Owner{asOwner(gone)}},
		{"na ü", nil, 9, []domain.Owner{asOwner(anna)}},
		{"quux%", nil, 9, nil},
		{"00000000-0000-0000-0000-000000000000", nil, 9, nil},
	} {
		got, err := f.People().Owners(ctx, domain.OwnerQuery{Text: c.text, Among: c.among, Limit: c.limit})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%q among %v: want %+v, got %+v, %v", c.text, c.among, c.want, got, err)
		}
	}
	for _, text := range impossible {
		if got, err := f.People().Owners(ctx, domain.OwnerQuery{Text: text, Limit: 9}); err != nil || len(got) != 0 {
			t.Errorf("%q: want nobody, got %v, %v", text, got, err)
		}
	}
}

// testLogins cannot wait for a note that may never be written, but whatever is
// written must belong to the right person and not be older than the value before.
func testLogins(t *testing.T, f PeopleFixture) {
	ctx := t.Context()
	seen := Person{ID: uuid.New(), Email: "seen@example.com", LastLogin: ptr(start)}
	unseen := Person{ID: uuid.New(), Email: "unseen@example.com", LastLogin: ptr(start)}
	f.AddPerson(seen)
	f.AddPerson(unseen)
	f.People().SawLogin(uuid.New())
	for range 1000 {
		f.People().SawLogin(seen.ID)
	}
	got, err := f.People().ByID(ctx, seen.ID)
	if err != nil || got.LastLogin == nil || got.LastLogin.Before(start) {
		t.Errorf("want a login at %s or later, got %v, %v", start, got.LastLogin, err)
	}
	if got, err := f.People().ByID(ctx, unseen.ID); err != nil || got.LastLogin == nil || !got.LastLogin.Equal(start) {
		t.Errorf("another's login changed: %v, %v", got.LastLogin, err)
	}
}

func showPerson(p domain.Person) string {
	roles := slices.Sorted(slices.Values(p.Roles))
	organizations := make([]string, 0, len(p.Organizations))
	for _, o := range p.Organizations {
		organizations = append(organizations, o.String())
	}
	slices.Sort(organizations)
	login := "never"
	if p.LastLogin != nil {
		login = p.LastLogin.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprintf("{%s %q admin %t deleted %t roles %v organizations %v login %s}", p.ID, p.Email, p.Admin, p.Deleted, roles, organizations, login)
}
