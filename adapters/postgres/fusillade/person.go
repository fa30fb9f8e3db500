package fusillade

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
	"lethe/receipt"
)

// WithMain makes the port erase data kept by person in this database instead of
// fusillade's. Call it first.
func (e *Erasures) WithMain(main *postgres.DB) { e.main = main }

// The tables that the gateway keeps by person. Only newer versions have them, and the
// migrations here do not create them.
const (
	personAccesses = `
		SELECT coalesce(bool_or(t.name = 'image_access' AND may), false), coalesce(bool_or(t.name = 'prompt_cache_entries' AND may), false)
		FROM (VALUES ('image_access', 'user_id'), ('prompt_cache_entries', 'principal_id')) AS t (name, owner)
		JOIN pg_catalog.pg_attribute a ON a.attrelid = to_regclass('public.' || t.name) AND a.attname = t.owner AND a.atttypid = 'uuid'::regtype,
		LATERAL (SELECT has_table_privilege(a.attrelid, 'DELETE') AND has_column_privilege(a.attrelid, a.attnum, 'SELECT') AS may) p`
	personHeld = `
		SELECT EXISTS (SELECT FROM lethe.holds
			WHERE released_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()) AND owners @> ARRAY[$1::uuid::text])`
	personImages  = `DELETE FROM public.image_access WHERE user_id = $1::uuid`
	personPrompts = `DELETE FROM public.prompt_cache_entries WHERE principal_id = $1::uuid`
)

// ofPerson counts erased data that belongs to a person and not to a response.
type ofPerson struct {
	rows    int64
	prompts bool // no fingerprint of a prompt is left
}

// erasePerson erases what the gateway keeps by person, after the person's last
// response. It erases nothing if any response was kept, if a hold covers the person, or if
// the tables do not exist or cannot be deleted from.
func (a *advance) erasePerson(ctx context.Context) (done ofPerson, err error) {
	e := &a.erasure
	if e.Kind != domain.TargetOwner || e.Target.Owner == nil || e.Held > 0 || e.Refused > 0 || e.NotFound > 0 {
		return done, nil
	}
	if err := a.prepareSharing(ctx, a.outlet); err != nil {
		return done, err
	}
	var held bool
	if err := a.tx.QueryRow(ctx, personHeld, *e.Target.Owner).Scan(&held); err != nil || held {
		return done, err
	}
	if a.main == nil {
		return removePerson(ctx, a.tx, *e.Target.Owner)
	}
	err = a.main.Tx(ctx, func(tx *postgres.Tx) (err error) {
		if err := dbsqlc.New(tx).Durably(ctx); err != nil {
			return err
		}
		done, err = removePerson(ctx, tx, *e.Target.Owner)
		return err
	})
	if done.prompts {
		// An earlier try may have removed them and got no further.
		done.rows = max(done.rows, 1)
	}
	return done, err
}

func removePerson(ctx context.Context, tx *postgres.Tx, owner uuid.UUID) (done ofPerson, err error) {
	var images, prompts bool
	if err := tx.QueryRow(ctx, personAccesses).Scan(&images, &prompts); err != nil {
		return done, err
	}
	remove := func(sql string) (gone bool, err error) {
		refused, err := attempt(ctx, tx, func() error {
			tag, err := tx.Exec(ctx, sql, owner)
			done.rows += tag.RowsAffected()
			return err
		})
		return err == nil && !refused, err
	}
	if images {
		if _, err := remove(personImages); err != nil {
			return done, err
		}
	}
	if prompts {
		if done.prompts, err = remove(personPrompts); err != nil || !done.prompts {
			return done, err
		}
		var left bool // by a trigger that keeps them, for example
		err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.prompt_cache_entries WHERE principal_id = $1::uuid)`, owner).Scan(&left)
		done.prompts = !left
	}
	return done, err
}

// withPerson returns an issuer for after the data kept by person was erased: fingerprints
// of prompts are gone by then, the bytes of images are not.
func (i Issuer) withPerson(done ofPerson) Issuer {
	if beyond := i.Beyond; beyond != nil && done.prompts {
		i.Beyond = func() []receipt.Gap {
			return slices.DeleteFunc(slices.Clone(beyond()), func(g receipt.Gap) bool { return g == receipt.GapPromptCache })
		}
	}
	return i
}
