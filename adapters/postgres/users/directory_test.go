package users_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/adapters/postgres/users"
	"lethe/domain"
)

func newDirectory(t *testing.T) (*fixture, *users.Directory) {
	t.Helper()
	b := newFixture(t)
	d, err := users.NewDirectory(b.owner)
	if err != nil {
		t.Fatal(err)
	}
	return b, d
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	b, d := newDirectory(t)
	ctx := t.Context()
	add := func(u users.NewUser) uuid.UUID {
		t.Helper()
		id, err := d.AddUser(ctx, u)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	external := "idp|anna"
	anna := add(users.NewUser{Email: " anna@example.com ", DisplayName: "Anna", Roles: []string{"BATCHAPIUSER", "STANDARDUSER"}, ExternalID: &external})
	ben := add(users.NewUser{Email: "ben@example.com", Admin: true})
	acme := add(users.NewUser{Email: "acme@example.com", Organization: true})

	if err := d.Join(ctx, "anna@example.com", "ACME@example.com", "owner", "pending"); err != nil {
		t.Fatal(err)
	}
	if p, err := b.people.ByID(ctx, anna); err != nil || len(p.Organizations) != 0 {
		t.Errorf("want no active membership, got %v, %v", p.Organizations, err)
	}
	if err := d.Join(ctx, strings.ToUpper(anna.String()), acme.String(), "member", "active"); err != nil {
		t.Fatal(err)
	}

	// The service sees them as added.
	p, err := b.people.ByExternalID(ctx, external)
	if err != nil || p.ID != anna || p.Email != "anna@example.com" || p.Admin || len(p.Roles) != 2 || !slices.Equal(p.Organizations, []uuid.UUID{acme}) {
		t.Errorf("got %+v, %v", p, err)
	}
	if p, err := b.people.ByID(ctx, ben); err != nil || !p.Admin || len(p.Roles) != 0 {
		t.Errorf("got %+v, %v", p, err)
	}
	list, err := d.ListUsers(ctx)
	if err != nil || len(list) != 3 {
		t.Fatalf("want three users, got %+v, %v", list, err)
	}
	if u := list[0]; u.ID != anna || u.DisplayName != "Anna" || u.ExternalID == nil || !slices.Equal(u.Organizations, []string{"acme@example.com"}) ||
		!slices.Equal(slices.Sorted(slices.Values(u.Roles)), []string{"BATCHAPIUSER", "STANDARDUSER"}) {
		t.Errorf("got the user %+v", u)
	}
	if !list[1].Admin || !list[2].Organization || list[2].Roles == nil || list[2].Organizations == nil {
		t.Errorf("got the users %+v", list[1:])
	}

	roles := func() []domain.Role {
		t.Helper()
		p, err := b.people.ByID(ctx, anna)
		if err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(slices.Values(p.Roles))
	}
	if err := d.SetRoles(ctx, "Anna@Example.com", []string{"PLATFORMMANAGER"}, true); err != nil || len(roles()) != 3 {
		t.Errorf("want one more role, got %v (error %v)", roles(), err)
	}
	if err := d.SetRoles(ctx, anna.String(), []string{"CONNECTIONSUSER", "CONNECTIONSUSER"}, false); err != nil || !slices.Equal(roles(), []domain.Role{"CONNECTIONSUSER"}) {
		t.Errorf("want one role, got %v, %v", roles(), err)
	}
	if err := d.SetRoles(ctx, anna.String(), []string{"BATCHAPIUSER", "BOSS"}, false); err == nil || !slices.Equal(roles(), []domain.Role{"CONNECTIONSUSER"}) {
		t.Errorf("unknown role: want the roles unchanged, got %v (error %v)", roles(), err)
	}
	if err := d.SetRoles(ctx, anna.String(), nil, false); err != nil || len(roles()) != 0 {
		t.Errorf("want no roles, got %v, %v", roles(), err)
	}
}

func TestDirectoryKeys(t *testing.T) {
	t.Parallel()
	b, d := newDirectory(t)
	ctx := t.Context()
	for _, u := range []users.NewUser{{Email: "anna@example.com"}, {Email: "acme@example.com", Organization: true}} {
		if _, err := d.AddUser(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	own, err := d.CreateKey(ctx, "anna@example.com", "anna@example.com", "platform", "mine")
	if err != nil {
		t.Fatal(err)
	}
	shared, err := d.CreateKey(ctx, "acme@example.com", "anna@example.com", "realtime", "mine")
	if err != nil {
		t.Fatal(err)
	}
	if own == shared || !strings.HasPrefix(own, "sk-") || len(own) != len("sk-")+43 {
		t.Errorf("got secrets %q and %q", own, shared)
	}
	key, err := b.people.ByKey(ctx, shared)
	if err != nil || key.Purpose != "realtime" || key.Creator.Email != "anna@example.com" || key.Owner == key.Creator.ID {
		t.Errorf("got %+v, %v", key, err)
	}
	if _, err := d.CreateKey(ctx, "anna@example.com", "anna@example.com", "platform", "mine"); domain.CodeOf(err) != domain.CodeInvalid {
		t.Errorf("same name again: got %v, want an error", err)
	}
	keys, err := d.ListKeys(ctx)
	if err != nil || len(keys) != 2 || keys[0].Prefix != own[:6] || keys[1].Owner != "acme@example.com" || keys[1].Creator != "anna@example.com" {
		t.Fatalf("got %+v, %v", keys, err)
	}
	if err := d.RevokeKey(ctx, keys[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.people.ByKey(ctx, own); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("revoked key: got %v, want not found", err)
	}
	if err := d.RevokeKey(ctx, keys[0].ID); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("revoking again: got %v, want not found", err)
	}
	if keys, err := d.ListKeys(ctx); err != nil || len(keys) != 1 {
		t.Errorf("want one key left, got %+v, %v", keys, err)
	}
	// The name can be used again.
	if _, err := d.CreateKey(ctx, "anna@example.com", "anna@example.com", "platform", "mine"); err != nil {
		t.Error(err)
	}
}

func TestDirectoryErrors(t *testing.T) {
	t.Parallel()
	b, d := newDirectory(t)
	ctx := t.Context()
	external, empty := "idp|anna", ""
	for _, u := range []users.NewUser{{Email: "anna@example.com", ExternalID: &external}, {Email: "acme@example.com", Organization: true}} {
		if _, err := d.AddUser(ctx, u); err != nil {
			t.Fatal(err)
		}
	}
	b.exec(`INSERT INTO public.users (username, email, auth_source) VALUES ('x', 'twin@example.com', 'a'), ('y', 'twin@example.com', 'b')`)
	add := func(u users.NewUser) error { _, err := d.AddUser(ctx, u); return err }
	key := func(owner, creator, purpose, name string) error {
		_, err := d.CreateKey(ctx, owner, creator, purpose, name)
		return err
	}
	const anna, acme, nobody = "anna@example.com", "acme@example.com", "nobody@example.com"
	for name, c := range map[string]struct {
		err  error
		code domain.Code
		says string
	}{
		"no address":                  {add(users.NewUser{Email: "anna"}), domain.CodeInvalid, "not an e-mail address"},
		"address of words":            {add(users.NewUser{Email: "an na@example.com"}), domain.CodeInvalid, "not an e-mail address"},
		"NUL":                         {add(users.NewUser{Email: "a\x00@example.com"}), domain.CodeInvalid, "not an e-mail address"},
		"NUL in a name":               {add(users.NewUser{Email: "a@example.com", DisplayName: "\x00"}), domain.CodeInvalid, "UTF-8"},
		"empty external":              {add(users.NewUser{Email: "a@example.com", ExternalID: &empty}), domain.CodeInvalid, "empty"},
		"address taken":               {add(users.NewUser{Email: "ANNA@example.com"}), domain.CodeInvalid, "is taken"},
		"external taken":              {add(users.NewUser{Email: "a@example.com", ExternalID: &external}), domain.CodeInvalid, "is taken"},
		"role unknown":                {add(users.NewUser{Email: "a@example.com", Roles: []string{"batchapiuser"}}), domain.CodeInvalid, "PLATFORMMANAGER, REQUESTVIEWER"},
		"organization with roles":     {add(users.NewUser{Email: "a@example.com", Organization: true, Roles: []string{"STANDARDUSER"}}), domain.CodeInvalid, "members"},
		"roles of an unknown user":    {d.SetRoles(ctx, nobody, nil, false), domain.CodeNotFound, nobody},
		"roles, empty name":           {d.SetRoles(ctx, "", nil, false), domain.CodeNotFound, ""},
		"roles, NUL":                  {d.SetRoles(ctx, "\x00", nil, false), domain.CodeNotFound, ""},
		"roles of the system user":    {d.SetRoles(ctx, uuid.Nil.String(), nil, false), domain.CodeNotFound, ""},
		"roles, ambiguous address":    {d.SetRoles(ctx, "twin@example.com", nil, false), domain.CodeInvalid, "2 users"},
		"roles of an organization":    {d.SetRoles(ctx, acme, nil, false), domain.CodeInvalid, "organization"},
		"join with an unknown role":   {d.Join(ctx, anna, acme, "boss", "active"), domain.CodeInvalid, "owner, admin, member"},
		"join with an unknown status": {d.Join(ctx, anna, acme, "member", "gone"), domain.CodeInvalid, "active, pending"},
		"join a person":               {d.Join(ctx, anna, anna, "member", "active"), domain.CodeInvalid, "organization"},
		"join of an organization":     {d.Join(ctx, acme, acme, "member", "active"), domain.CodeInvalid, "individual"},
		"key with an unknown purpose": {key(anna, anna, "everything", "n"), domain.CodeInvalid, "platform, inference"},
		"key without a name":          {key(anna, anna, "platform", ""), domain.CodeInvalid, "name"},
		"key of an unknown user":      {key(nobody, anna, "platform", "n"), domain.CodeNotFound, nobody},
		"key by an unknown user":      {key(anna, nobody, "platform", "n"), domain.CodeNotFound, nobody},
		"key by an organization":      {key(acme, acme, "platform", "n"), domain.CodeInvalid, "individual"},
		"unknown key":                 {d.RevokeKey(ctx, uuid.New()), domain.CodeNotFound, ""},
	} {
		if domain.CodeOf(c.err) != c.code || c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%s: want %s that says %q, got %v", name, c.code, c.says, c.err)
		}
	}
	if list, err := d.ListUsers(ctx); err != nil || len(list) != 4 {
		t.Errorf("want no user added, got %+v (error %v)", list, err)
	}
}
