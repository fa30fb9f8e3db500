package ops

import (
	"context"
	"fmt"
	"io"
	"slices"

	"lethe/adapters/postgres/migrate"
	"lethe/app/boot"
	"lethe/app/config"
)

// MigrateUp creates missing tables and upgrades those that Lethe has created, and
// reports to out. It leaves tables of another system alone.
func MigrateUp(ctx context.Context, cfg *config.Config, out, progress io.Writer, asJSON bool) error {
	return migrateWith(ctx, cfg, out, progress, asJSON, migrate.Up)
}

// MigrateStatus writes the state of the migrations to out.
func MigrateStatus(ctx context.Context, cfg *config.Config, out, progress io.Writer, asJSON bool) error {
	return migrateWith(ctx, cfg, out, progress, asJSON, migrate.Status)
}

func migrateWith(ctx context.Context, cfg *config.Config, out, progress io.Writer, asJSON bool,
	run func(context.Context, migrate.Target) ([]migrate.SetStatus, error),
) (err error) {
	db, err := boot.Open(ctx, cfg, progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)
	if err := db.Reach(ctx); err != nil {
		return err
	}
	sets, err := run(ctx, db.Target())
	if err != nil {
		return err
	}
	t := NewTable("set", "database", "schema", "state", "version", "newest", "what that means")
	for _, s := range sets {
		t.Row(s.Set, s.Database, s.Schema, string(s.State), s.Version, s.Latest, meaning(s.State))
	}
	return t.write(out, asJSON)
}

func meaning(s migrate.State) string {
	switch s {
	case migrate.Created:
		return "created or upgraded just now"
	case migrate.Current:
		return "up to date"
	case migrate.Pending:
		return "run `lethe migrate up`"
	case migrate.Foreign:
		return "another system's: not touched"
	case migrate.Absent:
		return "missing: the other system must create it"
	case migrate.Former:
		return "from before the first release: start anew"
	case migrate.Incomplete:
		return "some of its tables are missing: see `lethe doctor`"
	}
	return ""
}

// ownDatabase refuses a database whose people and keys belong to another system.
func ownDatabase(ctx context.Context, db *boot.Databases) error {
	return ownSets(ctx, db, "users and keys", "manage them there, in dwctl's dashboard or API", "main")
}

// ownSets refuses databases whose sets belong to another system, and says what to do
// instead.
func ownSets(ctx context.Context, db *boot.Databases, what, instead string, names ...string) error {
	if err := db.Reach(ctx); err != nil {
		return err
	}
	sets, err := migrate.Status(ctx, db.Target())
	if err != nil {
		return err
	}
	for _, s := range sets {
		if !slices.Contains(names, s.Set) {
			continue
		}
		switch s.State {
		case migrate.Current:
		case migrate.Foreign, migrate.Absent:
			return fmt.Errorf("the %s of database %q belong to another system: %s", what, s.Database, instead)
		default:
			return fmt.Errorf("the tables of %s in database %q are missing or out of date: run `lethe migrate up` first", what, s.Database)
		}
	}
	return nil
}
