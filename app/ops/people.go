// Package ops implements the commands other than serve: Doctor examines databases,
// Export and Replay preserve erasures across a restore, Attest and Verify handle
// receipts. Output says where and how they print.
package ops

import (
	"context"
	"fmt"
	"io"
	"time"

	"lethe/adapters/postgres/users"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

// Output says where and how a command prints.
type Output struct {
	Out, Progress io.Writer
	JSON          bool
}

// NewUser is a user to add.
type NewUser struct {
	Email, Name  string
	Admin        bool
	Organization bool
	Roles        []string
	ExternalID   string // empty: none
}

// NewKey is a key to create.
type NewKey struct {
	Creator      string // who calls with it: an e-mail address or identifier
	Organization string // for whom they act; empty: the creator
	Name         string
	Purpose      string
}

// AddUser adds a person or an organization and prints its identifier.
func AddUser(ctx context.Context, cfg *config.Config, u NewUser, o Output) error {
	return withDirectory(ctx, cfg, o, func(d *users.Directory) error {
		user := users.NewUser{Email: u.Email, DisplayName: u.Name, Organization: u.Organization, Admin: u.Admin, Roles: u.Roles}
		if u.ExternalID != "" {
			user.ExternalID = &u.ExternalID
		}
		id, err := d.AddUser(ctx, user)
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(o.Out, map[string]any{"id": id, "email": u.Email})
		}
		next := "create a key with: lethe keys create " + u.Email
		if u.Organization {
			next = "add members with: lethe users join WHO " + u.Email
		}
		return o.print("added %s as %s; %s", u.Email, id, next)
	})
}

// ListUsers prints all users.
func ListUsers(ctx context.Context, cfg *config.Config, o Output) error {
	return withDirectory(ctx, cfg, o, func(d *users.Directory) error {
		all, err := d.ListUsers(ctx)
		if err != nil {
			return err
		}
		t := NewTable("id", "email", "name", "kind", "admin", "roles", "organizations", "last login")
		for _, u := range all {
			kind := "person"
			if u.Organization {
				kind = "organization"
			}
			t.Row(u.ID, u.Email, u.DisplayName, kind, u.Admin, listed(u.Roles), listed(u.Organizations), moment(u.LastLogin))
		}
		return t.write(o.Out, o.JSON)
	})
}

// SetRoles replaces a person's roles.
func SetRoles(ctx context.Context, cfg *config.Config, who string, roles []string, o Output) error {
	return withDirectory(ctx, cfg, o, func(d *users.Directory) error {
		if err := d.SetRoles(ctx, who, roles, false); err != nil {
			return err
		}
		return o.print("%s now has %s", who, count(len(roles), "role"))
	})
}

// JoinOrganization makes a person a member of an organization.
func JoinOrganization(ctx context.Context, cfg *config.Config, who, organization, role string, o Output) error {
	return withDirectory(ctx, cfg, o, func(d *users.Directory) error {
		if err := d.Join(ctx, who, organization, role, "active"); err != nil {
			return err
		}
		return o.print("%s is now a member of %s, as %s", who, organization, role)
	})
}

// CreateKey creates a key and prints its secret, which cannot be printed again.
func CreateKey(ctx context.Context, cfg *config.Config, k NewKey, o Output) error {
	return withDirectory(ctx, cfg, o, func(d *users.Directory) error {
		owner := k.Organization
		if owner == "" {
			owner = k.Creator
		}
		secret, err := d.CreateKey(ctx, owner, k.Creator, k.Purpose, k.Name)
		if err != nil {
			return err
		}
		if o.JSON {
			return writeJSON(o.Out, map[string]any{"secret": secret, "name": k.Name, "owner": owner, "creator": k.Creator, "purpose": k.Purpose})
		}
		// Only the secret goes to standard output, so that a script can read it.
		if _, err := fmt.Fprintln(o.Progress, "The secret of the new key, shown only once:"); err != nil {
			return err
		}
		return o.print("%s", secret)
	})
}

// ListKeys prints the keys without their secrets.
func ListKeys(ctx context.Context, cfg *config.Config, o Output) error {
	return withDirectory(ctx, cfg, o, func(d *users.Directory) error {
		all, err := d.ListKeys(ctx)
		if err != nil {
			return err
		}
		t := NewTable("id", "name", "begins with", "purpose", "owner", "creator", "created", "last used")
		for _, k := range all {
			t.Row(k.ID, k.Name, k.Prefix, k.Purpose, k.Owner, k.Creator, moment(&k.CreatedAt), moment(k.LastUsed))
		}
		return t.write(o.Out, o.JSON)
	})
}

// RevokeKey revokes a key.
func RevokeKey(ctx context.Context, cfg *config.Config, id string, o Output) error {
	key, err := domain.ParseID(id)
	if err != nil {
		return fmt.Errorf("%q is not the identifier of a key: take it from the first column of `lethe keys list`", id)
	}
	return withDirectory(ctx, cfg, o, func(d *users.Directory) error {
		if err := d.RevokeKey(ctx, key); err != nil {
			return err
		}
		return o.print("revoked %s", key)
	})
}

// withDirectory calls do with the directory of Lethe's own database and refuses any
// other.
func withDirectory(ctx context.Context, cfg *config.Config, o Output, do func(*users.Directory) error) (err error) {
	db, err := boot.Open(ctx, cfg, o.Progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)
	if err := ownDatabase(ctx, db); err != nil {
		return err
	}
	pool, err := boot.OpenPool(cfg, db.MainURL, 1)
	if err != nil {
		return err
	}
	defer pool.Close()
	directory, err := users.NewDirectory(pool)
	if err != nil {
		return err
	}
	return do(directory)
}

func (o Output) print(format string, args ...any) error {
	_, err := fmt.Fprintf(o.Out, format+"\n", args...)
	return err
}

// listed returns a list that is never null in JSON.
func listed(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// moment formats a time for a list, in JSON too; empty for never.
func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
